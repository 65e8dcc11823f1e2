"""Finds edits and deletions that were made while no connection was open, by comparing what is recorded of a thread with
what Slack returns now. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

from bot.core.amendments import Amendment
from bot.core.inbox import is_in_slack
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

    def coverage(self, root: str) -> Callable[[str], bool]:
        """Return a predicate: would a message with this timestamp be among these if it still existed?

        root: the timestamp of the thread's first message. Every page contains it; without it, an answer proves nothing.
        """
        found = [each for each in map(_ts, self.messages) if each]
        if self.is_limited or root not in found:
            return lambda ts: False
        newest = inf if self.is_whole else max(map(float, found))
        return lambda ts: self.since < float(ts) <= newest

    @property
    def newest(self) -> str:
        """The timestamp of the newest message; empty if there is none."""
        return max(map(_ts, self.messages), default="")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is needed to compare the messages of one thread."""

    place: ThreadRef
    now: float
    """Unix time in seconds of the request to Slack."""
    ourselves: Ourselves
    bots: Collection[str]
    late_seconds: float

    def changes(self, known: Sequence[RecordedMessage], pages: Pages) -> Iterator[Amendment | None]:
        """Yield for each message that could be compared its edit or deletion, or None if it is unchanged.

        known: the messages that were recorded before the request, newest first. The oldest is compared first.
        """
        there = {_ts(each): each for each in pages.messages}
        covers = pages.coverage(self.place.thread_ts)
        for each in reversed(known):
            message = there.get(each.ts)
            if message is not None:
                yield self.deletion(each.ts) if message.get("subtype") == TOMBSTONE else self._edit(message)
            elif not is_in_slack(each.ts):  # a request made in a window
                yield None
            elif covers(each.ts):
                yield self.deletion(each.ts)

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
