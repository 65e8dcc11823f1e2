"""What every interaction brings the app: who did it where, a trigger_id, a response_url; and the app's acknowledgement.

Sources: docs.slack.dev/interactivity/handling-user-interaction and docs.slack.dev/reference/interaction-payloads.
"""

import asyncio
import secrets

from slack_sandbox import teams
from slack_sandbox.journal import Envelope
from slack_sandbox.model import Channel, Json, Message, Person, ResponseUrl, Trigger
from slack_sandbox.organizations import Organizations


class Payloads(Organizations):
    """The parts that payloads are made of, and how they are delivered."""

    def _payload(self, kind: str, person: Person, channel: Channel | None = None) -> Json:
        workspace = self.workspace
        return {
            "type": kind,
            **teams.actor_fields(workspace, person, channel),
            "api_app_id": workspace.app_id,
            "token": "sandbox-verification-token",
        }

    def new_trigger(self, person: Person) -> str:
        """A fresh trigger_id of the person, as any interaction brings one."""
        return self._trigger(person, None)

    def _trigger(self, person: Person, view: str | None) -> str:
        trigger = f"{self.workspace.new_id('')}.{self.workspace.team_id}.{secrets.token_hex(8)}"
        self.workspace.triggers[trigger] = Trigger(person.id, self.clock.now(), view)
        return trigger

    def _response_url(self, person: Person, channel: str, message: Message | None) -> str:
        key = secrets.token_hex(12)
        self.workspace.response_urls[key] = ResponseUrl(person.id, channel, message, self.clock.now())
        return f"{self.origin}/actions/{self.workspace.team_id}/{key}"

    def _new_block_id(self) -> str:
        return self.workspace.new_id("b")

    async def _acknowledged(self, payload: Json) -> Json | None:
        envelope = self.events.deliver(payload)
        return await self._settled(envelope)

    async def _settled(self, envelope: Envelope) -> Json | None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if envelope.acked_at is None and not envelope.given_up:
            envelope.on_settled = lambda: None if done.done() else done.set_result(None)
            await done
        return envelope.ack_payload
