"""When it is time to show what a turn is doing."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.limits import Limits
from bot.slack.delivery.progress import Progress

pytestmark = pytest.mark.anyio

NEVER = 3600.0


async def shown(progress: Progress, woken: asyncio.Event) -> str:
    """What is shown once it is due."""
    async with asyncio.timeout(5):
        await woken.wait()
    draft = progress.due(1)
    return "" if draft is None else draft.payload


async def test_words_that_change_while_the_first_are_due_are_shown_at_once() -> None:
    woken = asyncio.Event()
    progress = Progress(Limits(progress_after_seconds=0.01, progress_every_seconds=NEVER), lambda _: woken.set())
    progress.tell(1, "Waiting for the tools to start")
    async with asyncio.timeout(5):
        await woken.wait()

    progress.tell(1, "Thinking")

    assert "Thinking" in await shown(progress, woken)
    progress.end(1)


async def test_later_words_wait_for_as_long_as_slack_asks() -> None:
    woken = asyncio.Event()
    progress = Progress(Limits(progress_after_seconds=0.01, progress_every_seconds=NEVER), lambda _: woken.set())
    progress.tell(1, "Thinking")
    assert "Thinking" in await shown(progress, woken)

    progress.tell(1, "Using a tool")

    assert progress.due(1) is None
    progress.end(1)
