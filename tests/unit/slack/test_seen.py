"""Reactions are taken from the messages in Slack that an earlier process may have marked, and from no others."""

from __future__ import annotations

import asyncio
import time

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.inbox import is_in_slack, timestamp
from bot.slack.seen import Seen

pytestmark = pytest.mark.anyio


def test_what_is_not_in_slack_sorts_with_what_is_and_can_be_told_from_it() -> None:
    before, made_up, after = "1795825748.615214", timestamp(1795825748.6152149), "1795825748.615216"
    assert before < made_up < after
    assert [is_in_slack(each) for each in (before, made_up, after)] == [True, False, True]


async def test_no_reaction_is_taken_from_what_is_not_in_slack() -> None:
    client = AsyncWebClient("xoxb-none")
    asked: list[str] = []

    async def remove(*, channel: str, timestamp: str, name: str) -> None:
        asked.append(timestamp)

    client.reactions_remove = remove  # type: ignore[assignment, method-assign]
    seen = Seen(client)
    at = time.time() - 60
    seen.read("C1", [f"{at:.6f}", timestamp(at), f"{at:.6f}0"])
    while not seen.idle:
        await asyncio.sleep(0)
    assert asked == [f"{at:.6f}"]
