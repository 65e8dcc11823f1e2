"""Slash commands: which there are, what the app gets when somebody runs one, what becomes of its answer.

Source: docs.slack.dev/interactivity/implementing-slash-commands. The acknowledgement may carry a message, which goes to
the person alone unless its `response_type` is `in_channel`.
"""

import time
from dataclasses import dataclass

from slack_sandbox import methods, validation
from slack_sandbox.errors import ApiError, ImpossibleAction
from slack_sandbox.journal import ApiCall
from slack_sandbox.methods.chat import new_message
from slack_sandbox.model import Channel, Json, Person
from slack_sandbox.payloads import Payloads


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command of the app: its name with the slash, and what Slack shows of it."""

    command: str
    description: str
    usage_hint: str = ""


class Commands(Payloads):
    """The app's slash commands."""

    _slack: methods.MethodContext
    commands: dict[str, Command]

    def add_command(self, command: str, description: str = "", usage_hint: str = "") -> None:
        """Register a slash command, as the app's manifest does. Raises ValueError for a name without its slash."""
        if not command.startswith("/") or len(command) < 2 or len(command.split()) != 1:
            raise ValueError(f"not the name of a slash command: {command!r}")
        self.commands[command] = Command(command, description, usage_hint)
        self._changes.touch()

    async def command(self, person: Person, channel: Channel | str, command: str, text: str = "") -> Json | None:
        """Run a slash command in a channel (never in a thread: Slack does not offer that).

        Where commands have been registered, another one raises ImpossibleAction.
        """
        where = self._channel(channel)
        if self.commands and command not in self.commands:
            raise ImpossibleAction(f"{command} is not a command of the app")
        names = {"im": "directmessage", "group": "privategroup"}
        workspace = self.workspace
        payload: Json = {
            "token": "sandbox-verification-token",
            "team_id": person.team_id if workspace.is_ours(person.team_id) else workspace.team_id,
            "team_domain": workspace.team_domain,
            "channel_id": where.id,
            "channel_name": names.get(where.kind, where.name),
            "user_id": person.id,
            "user_name": person.handle,
            "command": command,
            "text": text,
            "api_app_id": workspace.app_id,
            "is_enterprise_install": "false",
            **self._enterprise(),
            "response_url": self._response_url(person, where.id, None),
            "trigger_id": self._trigger(person, None),
        }
        ack = await self._acknowledged(payload)
        if ack:
            self._answered(person, where, ack)
        return ack

    def _enterprise(self) -> Json:
        organization = self.workspace.organization
        if organization is None:
            return {}
        named = {"enterprise_id": organization.id, "enterprise_name": organization.name}
        return {**named, "is_enterprise_install": str(organization.org_wide_install).lower()}

    def _answered(self, person: Person, where: Channel, ack: Json) -> None:
        try:
            content = validation.message_content(methods.Args(ack), self._new_block_id)
        except ApiError as refusal:
            call = ApiCall("slash command acknowledgement", ack, None, time.monotonic(), refusal.as_json(), 200)
            self.workspace.rejected.append(call)
            self._changes.touch()
            return
        message = new_message(self._slack, where, content, None)
        if ack.get("response_type") == "in_channel":
            self.workspace.store(where, message)
            self.events.posted(where, message)
        else:
            message.ephemeral_to = person.id
            self.workspace.ephemerals.setdefault(person.id, []).append(message)
        self._changes.touch()
