"""The events of an app that is declared an agent: Slack's own Stop, and people who open a conversation with the bot."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot import log_events
from bot.core.json_text import JsonObject
from bot.core.ports.sessions import SessionStore
from bot.core.sessions import Stopped, StopVerdict
from bot.core.thread_ref import ThreadRef
from bot.core.tools import Tool
from bot.core.untrusted import mapping, text
from bot.slack.approval_handler import ApprovalHandler
from bot.slack.blocks import prompts
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.intake import field_checks
from bot.slack.intake.messages import KINDS
from bot.slack.sessions import Sessions

log = logging.getLogger(__name__)

MAX_REMEMBERED = 1_000
"""Presses that were answered, and conversations in which prompts were offered."""


@dataclass(frozen=True, slots=True)
class Press:
    """Somebody has pressed Slack's own Stop."""

    place: ThreadRef
    user: str
    at: str
    """When, as a timestamp of Slack's."""
    event_id: str


def press(body: JsonObject) -> Press | None:
    """Read an `agent_session_stopped` (docs.slack.dev/reference/events/agent_session_stopped); None for what has not
    the documented form."""
    event = mapping(body.get("event"))
    try:
        channel, user = field_checks.CHANNEL(event.get("channel")), field_checks.USER(event.get("user"))
        thread_ts, at = field_checks.TS(event.get("thread_ts")), field_checks.TS(event.get("event_ts"))
    except field_checks.Malformed:
        return None
    place = ThreadRef(text(body.get("team_id")), channel, thread_ts, KINDS.get(channel[0], "channel"))
    return Press(place, user, at, text(body.get("event_id")) or f"{channel}-{at}")


def refusal(stopped: Stopped) -> str:
    """Return the answer to somebody who may not stop what is going on."""
    return f"Only <@{stopped.requester}> or an approver can stop this. Nothing was changed."


@dataclass(frozen=True, slots=True)
class AgentEvents:
    """Handles the events."""

    handler: ApprovalHandler
    store: SessionStore
    sessions: Sessions
    may_stop: Callable[[str], Awaitable[bool]]
    """Whether a person may stop the turns of others."""
    _answered: dict[str, None] = field(default_factory=dict[str, None])
    _offered: dict[str, Sequence[Tool]] = field(default_factory=dict[str, Sequence[Tool]])

    async def stopped(self, pressed: Press) -> None:
        """Stop what this person may stop in the thread. Returns once that is on the disk."""
        handler, may_stop = self.handler, await self.may_stop(pressed.user)
        stopped = await self.store.stop_in(pressed.place, pressed.user, pressed.at, may_stop=may_stop)
        log_events.session_stopped(pressed.user, stopped)
        if stopped.verdict is StopVerdict.STOPPED:
            self.sessions.doubt(stopped.thread_id, pressed.place)
            handler.wake(stopped.thread_id)
        elif stopped.verdict is StopVerdict.NOT_THEIRS and _is_new(self._answered, pressed.event_id):
            self.sessions.again(stopped.thread_id, pressed.place)
            handler.wake(stopped.thread_id)
            handler.background(self._refuse(pressed, stopped))

    async def _refuse(self, pressed: Press, stopped: Stopped) -> None:
        place, words = pressed.place, refusal(stopped)
        try:
            await self.handler.client.chat_postEphemeral(
                channel=place.channel, user=pressed.user, text=words, thread_ts=place.thread_ts
            )
        except SLACK_ERRORS as error:
            log.warning("could not answer %s: %s", pressed.user, code_of(error))

    async def offer(self, channel: str) -> None:
        """Offer what people may ask, in a direct message; again only once other tools are there."""
        tools = tuple(self.handler.toolset.tools())
        if self._offered.get(channel) == tools or not self.sessions.enabled:
            return
        _is_new(self._offered, channel)
        self._offered[channel] = tools  # people who open it twice are offered them once
        try:
            # With `thread_ts` the call would succeed and show nothing (docs.slack.dev/ai/agent-sessions).
            await self.handler.client.assistant_threads_setSuggestedPrompts(
                channel_id=channel, prompts=[dict(each) for each in prompts.suggested(tools)]
            )
        except SLACK_ERRORS as error:
            self._offered.pop(channel, None)
            log.debug("could not offer prompts in %s: %s", channel, code_of(error))


def register(app: AsyncApp, events: AgentEvents) -> None:
    """Listen to the events. Of `app_home_opened`, only those of the messages tab; the Home's own have another
    listener."""

    async def on_stopped(body: dict[str, Any]) -> None:
        pressed = press(body)
        if pressed is None:
            log.warning("Slack sent a Stop that does not have the documented form; it is left out")
        else:
            await events.stopped(pressed)

    async def is_messages_tab(event: dict[str, Any]) -> bool:
        return event.get("tab") == "messages"

    async def on_opened(event: dict[str, Any]) -> None:
        try:
            channel = field_checks.CHANNEL(event.get("channel"))
        except field_checks.Malformed:
            return
        events.handler.background(events.offer(channel))

    app.event("agent_session_stopped")(on_stopped)
    app.event("app_home_opened", matchers=[is_messages_tab])(on_opened)


def _is_new(known: dict[str, Any], key: str) -> bool:
    """Remember a key. Return whether it was not known."""
    if key in known:
        return False
    if len(known) >= MAX_REMEMBERED:
        del known[next(iter(known))]
    known[key] = None
    return True
