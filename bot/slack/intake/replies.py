"""Replies that only the person who pressed a button sees: a message, or a window."""

from __future__ import annotations

import logging
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.json_text import JsonObject
from bot.core.untrusted import mapping, reference
from bot.slack.approval_handler import user_of
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.error_kinds import needs_operator

log = logging.getLogger(__name__)

GONE = ("thread_not_found", "message_not_found", "cannot_reply_to_message")
"""Slack's codes for a thread that no longer exists. The message is then posted in the conversation."""

OPEN_ALREADY = ("exchanged_trigger_id", "duplicate_external_id")
"""Slack's codes for a click whose window was opened before: Slack has delivered it twice."""


async def send(client: AsyncWebClient, body: JsonObject, words: str) -> None:
    """Post a message that only the person who acted can see."""
    container = mapping(body.get("container"))
    channel = reference(mapping(body.get("channel")).get("id") or container.get("channel_id"))
    thread = reference(container.get("thread_ts") or mapping(body.get("message")).get("thread_ts"))
    if not channel:
        return
    for place in dict.fromkeys((thread or None, None)):
        try:
            await client.chat_postEphemeral(channel=channel, user=user_of(body), text=words, thread_ts=place)
        except SLACK_ERRORS as error:
            code = code_of(error)
            if place is not None and code in GONE:
                continue
            log.log(_level(code), "could not reply to %s: %s", user_of(body), code)
        return


async def show(client: AsyncWebClient, body: JsonObject, view: JsonObject) -> JsonObject | None:
    """Open a window. Slack allows this for 3 seconds after the click. Return its view object; None if it is not open,
    which the person is told where a message can be shown to them."""
    try:
        opened: Any = await client.views_open(trigger_id=reference(body["trigger_id"]), view=view)
        return mapping(opened.get("view"))
    except SLACK_ERRORS as error:
        code = code_of(error)
        if code in OPEN_ALREADY:
            log.info("a click came twice; its window is open (%s)", code)
            return None
        log.log(_level(code), "could not open a window: %s", code)
        await send(client, body, not_opened(code))
        return None


def not_opened(code: str) -> str:
    """Return what the person reads whom Slack has shown no window, by its code."""
    again = "whoever runs me has to fix this first." if needs_operator(code) else "press the button again."
    return f"Slack did not open the window. Nothing was changed; {again}"


def _level(code: str) -> int:
    """Return the log level of an error. What an operator has to fix was logged by the client already."""
    return logging.DEBUG if needs_operator(code) else logging.WARNING
