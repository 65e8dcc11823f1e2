"""The facts that a page shows, as JSON text by key; the shapes are those of `web/src/types.ts`.

They are computed again after each change, but only for what the page watches.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from slack_sandbox.model import Channel, Json, Message, Person
from slack_sandbox.page.controls import Controls, FaultSource
from slack_sandbox.page.message_view import visible_message
from slack_sandbox.page.read_state import ReadState
from slack_sandbox.page.texts import text_of
from slack_sandbox.page.traffic import Traffic
from slack_sandbox.page.visibility import ephemerals, sees, visible_channels
from slack_sandbox.slack import SlackSandbox

STREAM_LIFETIME = 300.0


@dataclass(slots=True)
class Watched:
    """What one page shows."""

    person: str = ""
    channel: str = ""
    thread: str = ""
    top_level: int = 50
    """How many of the newest top-level messages."""
    inspector: bool = False


class Facts:
    """Reads the facts off the sandbox; changes nothing, but opens a person's direct message with the app."""

    def __init__(
        self,
        slack: SlackSandbox,
        read_state: ReadState,
        traffic: Traffic,
        sources: list[FaultSource],
        controls: Controls | None,
    ) -> None:
        self._slack = slack
        self._read_state = read_state
        self._traffic = traffic
        self._sources = sources
        self._controls = controls

    def read(self, watched: Watched) -> dict[str, str]:
        """Every fact of what is watched, by key."""
        person = self._slack.workspace.people.get(watched.person)
        if person is not None and (person.deleted or person.bot_id is not None):
            person = None
        found: dict[str, Any] = {"faults": self._faults()}
        controls = self._controls
        found["bot"] = controls.bot() if controls else None
        found["scenario"] = controls.scenario() if controls else None
        if person is not None:
            found.update(self._personal(person, watched))
        found["workspace"] = self._workspace(person)
        texts = {key: text_of(value) for key, value in found.items()}
        if watched.inspector:
            numbers, refused = self._traffic.numbers(), self._traffic.refused
            texts["journal"] = text_of({"entries": numbers, "refused": refused})
            texts.update((f"entry:{number}", self._traffic.line(number)) for number in numbers)
        return texts

    def _workspace(self, person: Person | None) -> Json:
        workspace = self._slack.workspace
        channels = [] if person is None else visible_channels(self._slack, person)
        return {
            "team": {"id": workspace.team_id, "name": workspace.team_name},
            "app": {
                "user_id": workspace.bot.id,
                "bot_id": workspace.bot.bot_id,
                "app_id": workspace.app_id,
                "name": workspace.bot.name,
            },
            "people": [self._person(each) for each in workspace.people.values()],
            "groups": [
                {"id": group["id"], "handle": group["handle"], "name": group["name"], "users": group["users"]}
                for group in workspace.usergroups.values()
            ],
            "channels": [{"id": channel.id, "name": channel.name, "kind": channel.kind} for channel in channels],
            "commands": [asdict(command) for command in self._slack.commands.values()],
            "shortcuts": [asdict(shortcut) for shortcut in self._slack.shortcuts.values()],
        }

    def _person(self, person: Person) -> Json:
        return {
            "id": person.id,
            "name": person.name,
            "display_name": person.display_name,
            "deleted": person.deleted,
            "outside": person.team_id != self._slack.team_id,
            "bot": person.bot_id is not None,
        }

    def _personal(self, person: Person, watched: Watched) -> Iterator[tuple[str, Any]]:
        direct = self._slack.open_dm(person)
        channels = [self._channel(person, channel) for channel in visible_channels(self._slack, person)]
        yield "me", {"person": person.id, "channels": channels}
        yield f"prompts:{direct.id}", self._slack.workspace.prompts.get(direct.id)
        yield "modals", [{"view": view.data, "errors": view.errors} for view in self._slack.modals(person)]
        home = self._slack.home(person)
        yield "home", None if home is None else home.data
        channel = self._slack.workspace.channels.get(watched.channel)
        if channel is None or not sees(self._slack, person, channel):
            return
        own = ephemerals(self._slack, person, channel)
        facts, listed = self._messages(person, channel, own, watched.top_level)
        yield f"channel:{channel.id}", facts
        if watched.thread:
            facts, replies = self._thread(person, channel, own, watched.thread)
            yield f"thread:{channel.id}/{watched.thread}", facts
            listed = [*listed, *replies]
        for message in dict.fromkeys(listed):
            yield f"message:{channel.id}/{message.ts}", self._message(person, channel, message)

    def _channel(self, person: Person, channel: Channel) -> Json:
        unread, mentions = self._read_state.new(person, channel)
        return {
            "id": channel.id,
            "name": channel.name,
            "kind": channel.kind,
            "topic": channel.topic,
            "members": list(channel.members),
            "member": person.id in channel.members,
            "archived": channel.archived,
            "unread": unread,
            "mentions": mentions,
        }

    def _messages(self, person: Person, channel: Channel, own: list[Message], count: int) -> tuple[Json, list[Message]]:
        newest = [message for message in channel.top_level[-count:] if not _vanished(message)]
        earlier = len(channel.top_level) > count
        since = newest[0].ts if newest and earlier else ""
        aside = [message for message in own if _at_top(message) and message.ts >= since]
        listed = sorted([*newest, *aside], key=lambda message: message.ts)
        facts = {
            "messages": [message.ts for message in listed],
            "earlier": earlier,
            "read": self._read_state.last(person, channel),
        }
        return facts, listed

    def _thread(self, person: Person, channel: Channel, own: list[Message], root_ts: str) -> tuple[Json, list[Message]]:
        workspace = self._slack.workspace
        thread = self._slack.thread(channel, root_ts)
        aside = [message for message in own if message.thread_ts == root_ts and message.ts != root_ts]
        listed = [*thread[:1], *sorted([*thread[1:], *aside], key=lambda message: message.ts)] if thread else []
        session = workspace.sessions.get((channel.id, root_ts))
        facts = {
            "messages": [message.ts for message in listed],
            "session": session and {"status": session.get("status", "active"), "title": session.get("title", "")},
            "status": workspace.statuses.get((channel.id, root_ts)),
            "read": self._read_state.last(person, channel, root_ts),
        }
        return facts, listed

    def _message(self, person: Person, channel: Channel, message: Message) -> Json:
        stream = message.stream
        fresh = stream is not None and self._slack.clock.now() - stream.started <= STREAM_LIFETIME
        return {
            "message": visible_message(message, channel, person),
            "streaming": message.streaming and fresh,
            "ephemeral": message.ephemeral_to is not None,
            "deleted": message.deleted,
        }

    def _faults(self) -> Json:
        offered: list[Json] = []
        active: list[Json] = []
        for source in self._sources:
            for offer in source.offers():
                entry: Json = {"kind": offer.kind, "group": offer.group, "title": offer.title, "hint": offer.hint}
                if offer.number is not None:
                    number = asdict(offer.number)
                    entry["field"] = {**number, "min": number.pop("least"), "max": number.pop("most")}
                    entry["field"] = {key: entry["field"][key] for key in ("label", "unit", "default", "min", "max")}
                offered.append({**entry, "unavailable": offer.unavailable, "once": offer.once})
            active.extend(asdict(each) for each in source.active())
        return {"offered": offered, "active": active}


def _at_top(message: Message) -> bool:
    return message.thread_ts in (None, message.ts)


def _vanished(message: Message) -> bool:
    """A deleted root whose replies have all been deleted since."""
    return message.deleted and all(reply.deleted for reply in message.replies)
