"""Finds the threads of a conversation that have new replies, without a request for each thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.outages import Conversation
from bot.core.untrusted import items, mapping
from bot.slack.history import LARGE_PAGE, LIGHT, PAGE
from bot.slack.intake.messages import timestamp

MAX_PAGES = 60
"""Requests for one conversation."""


async def latest_replies(
    client: AsyncWebClient,
    conversation: Conversation,
    between: tuple[float, float],
    wait: Callable[[], Awaitable[None]],
) -> AsyncGenerator[dict[str, float]]:
    """Yield batches of messages that began a thread, newest first: by timestamp, the Unix time of the latest reply.

    Args:
        client: Slack's client.
        conversation: where to look.
        between: the Unix times between which the threads began.
        wait: is awaited before each request.

    Raises SLACK_ERRORS. Slack gives `latest_reply` with each message that has replies
    (docs.slack.dev/messaging/retrieving-messages, "Finding threads").
    """
    oldest, latest = between
    size, cursor = PAGE, None
    for _ in range(MAX_PAGES):
        await wait()
        # Slack begins with the newest message only if `latest` is given.
        answer: Any = await client.conversations_history(
            channel=conversation.channel, oldest=f"{oldest:.6f}", latest=f"{latest:.6f}", limit=size, cursor=cursor
        )
        found = [mapping(item) for item in items(answer.get("messages"))]
        replied = {timestamp(each.get("ts")): timestamp(each.get("latest_reply")) for each in found}
        yield {root: float(reply) for root, reply in replied.items() if root and reply}
        following = str(mapping(answer.get("response_metadata")).get("next_cursor") or "")
        if not following or following == cursor:
            break
        size, cursor = size_after(found), following


def size_after(page: list[dict[str, Any]]) -> int:
    """Return how many messages to request next. A page is parsed in one go, so pages of long messages are smaller."""
    return LARGE_PAGE if len(str(page)) <= LIGHT * len(page) else PAGE
