"""Finds edits and deletions that were made while no connection was open, by comparing what is recorded of a thread with
what Slack returns now. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bot.core.amendments import Amendment
from bot.core.json_text import JsonObject
from bot.core.outages import RecordedMessage
from bot.core.thread_ref import ThreadRef
from bot.slack.intake.changes import TOMBSTONE
from bot.slack.intake.messages import edited_at, incoming
from bot.slack.reading.message import Ourselves


@dataclass(frozen=True, slots=True)
class Pages:
    """What Slack has returned of a thread or a conversation."""

    messages: Sequence[JsonObject]
    since: float
    """The Unix time from which messages were requested."""
    is_whole: bool = True
    """Whether it includes the newest message. Otherwise it ends at the newest one in `messages`."""
    is_limited: bool = False
    """Whether the workspace's plan hides some messages."""

    def covers(self, root: str, ts: str) -> bool:
        """Return whether a message would be among these if it still existed.

        root: the timestamp of the thread's first message. Every page contains it; without it, an answer proves nothing.
        """
        found = [each for each in map(_ts, self.messages) if each]
        if self.is_limited or root not in found or float(ts) <= self.since:
            return False
        return self.is_whole or float(ts) <= max(map(float, found))


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is needed to compare the messages of one thread."""

    place: ThreadRef
    now: float
    """Unix time in seconds of the request to Slack."""
    ourselves: Ourselves
    bots: Collection[str]
    late_seconds: float

    def changes(self, known: Sequence[RecordedMessage], pages: Pages) -> list[Amendment]:
        """Return the edits and deletions among messages that were recorded before the request, oldest first."""
        there = {_ts(each): each for each in pages.messages}
        changes: list[Amendment] = []
        for each in reversed(known):
            message = there.get(each.ts)
            if message is None:
                if pages.covers(self.place.thread_ts, each.ts):
                    changes.append(self.deletion(each.ts))
            elif message.get("subtype") == TOMBSTONE:
                changes.append(self.deletion(each.ts))
            elif (edit := self._edit(message)) is not None:
                changes.append(edit)
        return changes

    def deletion(self, ts: str, *, ends_thread: bool = False) -> Amendment:
        """Return the deletion of a message of the thread."""
        return Amendment(self.place, ts, f"{self.now:.6f}", None, ends_thread=ends_thread)

    def _edit(self, message: JsonObject) -> Amendment | None:
        at = edited_at(message)
        if not at:
            return None
        event = {**message, "channel": self.place.channel, "channel_type": self.place.kind}
        said = incoming({"team_id": self.place.team, "event": event}, self.ourselves, self.bots, history=True)
        if said is None:
            return None
        # A mention that the edit adds is as old as the edit.
        late = self.now - float(at) > self.late_seconds
        said = replace(said, place=self.place, version=version(at, self.now), stop=False, missed=True, late=late)
        return Amendment(self.place, said.ts, at, said)


def version(edited: str, now: float) -> str:
    """Return the version of a wording that was read at a Unix time; empty if the message was not edited.

    Slack gives the time of an edit in whole seconds. Of two edits in one second, the one that was sent later is newer.
    """
    return f"{edited} {now:.6f}" if edited else ""


def _ts(message: JsonObject) -> str:
    ts = message.get("ts")
    return ts if isinstance(ts, str) and ts.replace(".", "", 1).isdigit() else ""
