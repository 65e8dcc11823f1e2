"""Connections that are lost while people write, in simulated time."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest

from bot.slack import socket as socket_module
from bot.slack.intake import catch_up
from slack_sandbox.openrouter import text
from tests.harness import World
from tests.inprocess.world import BotInside, inside


@asynccontextmanager
async def in_slacks_time(home: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    """A bot that records every message, uses the simulated time, and reads at once what it missed."""
    monkeypatch.setattr(catch_up, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(socket_module, "STEADY_SECONDS", 0.0)
    async with inside(home, start=False) as here:
        cast(BotInside, here.bot).clock = here.slack.clock.now
        await here.bot.start()
        here.model.respond = lambda _: text("Noted.")
        yield here


def outages(here: World) -> int:
    """How many were noticed."""
    return int(here.bot.rows("SELECT coalesce(max(id), 0) FROM outages")[0][0])


@asynccontextmanager
async def offline(here: World) -> AsyncGenerator[None]:
    """Lose the connection meanwhile. No time passes before the bot has noticed."""
    before = outages(here)
    async with here.slack.offline(hold=True):
        await here.until(lambda: outages(here) > before, poll=0.001, what="an outage")
        yield
    await here.slack.connected()


def is_heard(here: World) -> bool:
    """Every event was acknowledged, or is lost for good."""
    return all(each.acked_at or each.given_up for each in here.slack.envelopes)


async def heard(here: World) -> None:
    """Wait until every event was."""
    await here.until(lambda: is_heard(here), poll=0.001, what="acks")
