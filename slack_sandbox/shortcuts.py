"""Shortcuts: which there are, and what the app gets when somebody uses one.

Sources: docs.slack.dev/interactivity/implementing-shortcuts and docs.slack.dev/reference/interaction-payloads
(shortcuts interaction payload).
"""

from dataclasses import dataclass
from typing import Literal

from slack_sandbox.commands import Commands
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Json, Message, Person


@dataclass(frozen=True, slots=True)
class Shortcut:
    """A shortcut of the app: where people find it, and what Slack shows of it."""

    callback_id: str
    name: str
    kind: Literal["global", "message"]
    """In the menu beside the message field and in search, or in the menu of a message."""
    description: str = ""


class Shortcuts(Commands):
    """The app's shortcuts, as its manifest declares them."""

    shortcuts: dict[str, Shortcut]

    def add_shortcut(
        self, callback_id: str, name: str, kind: Literal["global", "message"], description: str = ""
    ) -> None:
        """Register a shortcut, as the app's manifest does."""
        self.shortcuts[callback_id] = Shortcut(callback_id, name, kind, description)
        self._changes.touch()

    async def shortcut(self, person: Person, callback_id: str, message: Message | None = None) -> Json | None:
        """Use a shortcut; with a message, one of the menu of that message.

        Raises ImpossibleAction for one that the app does not have, or not there, and for a message that this person
        does not see.
        """
        found = self.shortcuts.get(callback_id)
        if found is None or (found.kind == "message") != (message is not None):
            raise ImpossibleAction(f"{callback_id} is not a shortcut that the app has there")
        if message is None:
            payload = self._payload("shortcut", person)
        else:
            channel = self.workspace.channels[message.channel]
            live = channel.messages.get(message.ts)
            if live is None or live.deleted or (person.id not in channel.members and channel.kind != "channel"):
                raise ImpossibleAction(f"{person.name} does not see this message")
            names = {"im": "directmessage", "group": "privategroup"}
            payload = self._payload("message_action", person, channel)
            payload.update(
                channel={"id": channel.id, "name": names.get(channel.kind, channel.name)},
                message=live.as_json(),
                message_ts=live.ts,
                response_url=self._response_url(person, channel.id, live),
            )
        payload.update(callback_id=callback_id, action_ts=self.clock.ts(), trigger_id=self._trigger(person, None))
        return await self._acknowledged(payload)
