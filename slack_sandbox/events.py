"""The events that Slack sends for what happens in the workspace.

Sources: docs.slack.dev/apis/events-api and docs.slack.dev/reference/events. An event goes out when the app subscribed
to it, has the scope it needs, and the bot is in the channel. A mention in a channel is delivered as `app_mention` and
as `message.channels`; in a direct message only `message.im` is. Several subscriptions never duplicate one event kind.
"""

import uuid
from typing import Any

from slack_sandbox import teams
from slack_sandbox import text as texts
from slack_sandbox.clock import Clock
from slack_sandbox.journal import Envelope
from slack_sandbox.model import Channel, Json, Message, Person
from slack_sandbox.sockets import SocketHub
from slack_sandbox.state import Workspace

_KIND: dict[str, tuple[str, str, str]] = {
    "channel": ("message.channels", "channels:history", "channel"),
    "group": ("message.groups", "groups:history", "group"),
    "mpim": ("message.mpim", "mpim:history", "mpim"),
    "im": ("message.im", "im:history", "im"),
}

_NOT_IN_A_MENTION = ("subtype", "root", "parent_user_id")

DEFAULT_EVENTS = (
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "app_home_opened",
    "app_context_changed",
    "agent_session_stopped",
    "agent_session_title_changed",
)


class Events:
    """Builds event payloads and hands them to the sockets."""

    def __init__(self, workspace: Workspace, hub: SocketHub, clock: Clock, scopes: set[str]) -> None:
        self.subscriptions: set[str] = set(DEFAULT_EVENTS)
        self._workspace = workspace
        self._hub = hub
        self._clock = clock
        self._scopes = scopes

    def posted(self, channel: Channel, message: Message) -> None:
        """A message was posted, by a person, by the app itself or by another app."""
        body = message.as_json()
        body.update(channel=channel.id, event_ts=message.ts, **self._foreign(message))
        if message.subtype == "thread_broadcast" and message.thread_ts:
            body["root"] = channel.messages[message.thread_ts].as_json()
        if channel.kind == "im" and message.thread_ts and message.bot_id is None:
            root = channel.messages.get(message.thread_ts)
            if root is not None and root.subtype == "assistant_app_thread":
                body["assistant_thread"] = {"action_token": f"{message.ts}.{self._workspace.team_id}"}
        self._mentioned(channel, message, body)
        self._message(channel, body)

    def edited(self, channel: Channel, message: Message, previous: Message) -> None:
        """A message was changed; a mention of the bot that the edit added is delivered as app_mention too."""
        now = self._clock.ts()
        if not texts.mentions(previous.text, self._workspace.bot.id):
            body = message.as_json()
            body.update(channel=channel.id, event_ts=now, **self._foreign(message))
            self._mentioned(channel, message, body)
        self._change(channel, message, previous, now)

    def previewed(self, channel: Channel, message: Message, previous: Message) -> None:
        """Slack added the preview of a link to a message: changed, not edited."""
        self._change(channel, message, previous, self._clock.ts())

    def deleted(self, channel: Channel, previous: Message, emptied: Message | None = None) -> None:
        """A message was deleted; `previous` is its last state, `emptied` the tombstone that went with it.

        A root with replies is delivered as changed into a tombstone: "This message was deleted." of USLACKBOT.
        """
        tombstone = channel.messages.get(previous.ts)
        if tombstone is None:
            self._deletion(channel, previous)
        else:
            self._change(channel, tombstone, previous, self._clock.ts())
        if emptied is not None:
            self._deletion(channel, emptied)

    def _deletion(self, channel: Channel, previous: Message) -> None:
        now = self._clock.ts()
        event: Json = {"type": "message", "subtype": "message_deleted", "hidden": True, "channel": channel.id}
        event.update(previous_message=previous.as_json(), deleted_ts=previous.ts, ts=now, event_ts=now)
        self._message(channel, event)

    def _change(self, channel: Channel, message: Message, previous: Message, now: str) -> None:
        event: Json = {"type": "message", "subtype": "message_changed", "hidden": True, "channel": channel.id}
        event.update(message=message.as_json(), previous_message=previous.as_json(), ts=now, event_ts=now)
        self._message(channel, event)

    def _foreign(self, message: Message) -> Json:
        workspace = self._workspace
        if not message.team or workspace.is_ours(message.team):
            return {}
        named = workspace.enterprise_of(message.team) or message.team
        return {"user_team": named, "source_team": named, "team": named, "user_profile": {"team": message.team}}

    def _mentioned(self, channel: Channel, message: Message, body: Json) -> None:
        bot = self._workspace.bot
        if channel.kind == "im" or bot.id not in channel.members or message.user == bot.id:
            return
        if texts.mentions(message.text, bot.id) and "app_mentions:read" in self._scopes:
            dropped = ("root", "parent_user_id") if message.subtype == "bot_message" else _NOT_IN_A_MENTION
            mention = {key: value for key, value in body.items() if key not in dropped}
            mention.update(teams.mention_fields(self._workspace, channel, message.team))
            self.publish({**mention, "type": "app_mention"}, channel)

    def _message(self, channel: Channel, event: Json) -> None:
        subscription, scope, channel_type = _KIND[channel.kind]
        if self._workspace.bot.id in channel.members and scope in self._scopes:
            self.publish({**event, "channel_type": channel_type}, channel, subscription)

    def publish(self, event: Json, channel: Channel | None = None, subscription: str | None = None) -> Envelope | None:
        """Send an event when the app subscribed to it (`subscription` defaults to the event's type)."""
        if (subscription or event["type"]) not in self.subscriptions:
            return None
        return self.deliver(self.wrap(event, channel))

    def wrap(self, event: Json, channel: Channel | None = None) -> Json:
        """The outer `event_callback` object around an event, which happened in a channel if there is one."""
        workspace = self._workspace
        event_id = workspace.new_id("Ev")
        return {
            "token": "sandbox-verification-token",
            **teams.outer_fields(workspace, event, channel),
            "api_app_id": workspace.app_id,
            "event": event,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(self._clock.now()),
            "authorizations": [teams.authorization(workspace)],
            "event_context": f"4-{event_id}",
        }

    def deliver(self, payload: Json, *, retry_attempt: int = 0, retry_reason: str = "") -> Envelope:
        """Put any payload into an envelope of the fitting type and send it."""
        match payload.get("type"):
            case "event_callback":
                kind, accepts = "events_api", False
            case None if "command" in payload:
                kind, accepts = "slash_commands", True
            case other:
                kind, accepts = "interactive", other in ("view_submission", "block_suggestion")
        envelope = Envelope(str(uuid.uuid4()), kind, payload, accepts_response_payload=accepts)
        envelope.first_retry_attempt = retry_attempt
        envelope.retry_reason = retry_reason
        self._hub.send(envelope)
        return envelope

    def home_opened(self, person: Person, channel: Channel, tab: str, view: Json | None) -> None:
        """A person opened the app's Home: `tab` is `home` or `messages`."""
        event: Json = {"type": "app_home_opened", "user": person.id, "channel": channel.id, "tab": tab}
        event["event_ts"] = self._clock.ts()
        if view is not None:
            event["view"] = view
        self.publish(event)

    def session_renamed(self, person: Person, channel: Channel, thread_ts: str, title: str, previous: str) -> None:
        """A person gave an agent session another title; `previous` is empty when it had none."""
        event: Json = {"type": "agent_session_title_changed", "user": person.id, "channel": channel.id}
        event.update(team_id=self._workspace.team_id, thread_ts=thread_ts, title=title, event_ts=self._clock.ts())
        if previous:
            event["previous_title"] = previous
        self.publish(event)

    def session_stopped(self, person: Person, channel: Channel, thread_ts: str, streaming: list[str]) -> None:
        """A person pressed Stop on an agent session."""
        event: dict[str, Any] = {"type": "agent_session_stopped", "user": person.id, "channel": channel.id}
        event.update(thread_ts=thread_ts, streaming_message_ts=streaming, event_ts=self._clock.ts())
        self.publish(event)
