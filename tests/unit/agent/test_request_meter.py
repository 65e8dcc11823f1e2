"""The id of a reply is recorded while it is written, unless that takes only a moment."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from bot.agent import request_meter
from bot.agent.request_meter import RequestMeter
from bot.core.ports.costs import Costs
from bot.core.transaction import Usage

pytestmark = pytest.mark.anyio


class Ledger:
    """What was recorded of replies before they have ended."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.recorded = asyncio.Event()

    async def begin_request(self, turn: int, request: str, generation: str) -> None:
        self.begun.append(generation)
        self.recorded.set()

    def meter(self) -> RequestMeter:
        return RequestMeter(cast(Costs, self), 1)


async def test_a_reply_that_has_ended_within_a_moment_is_recorded_only_as_a_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_meter, "BEGUN_SECONDS", 0.0)
    ledger = Ledger()
    meter = ledger.meter()
    meter.began("gen-1")
    meter.ended("gen-1", "model", Usage(1, 1, 0, 0.1))
    meter.recorded()
    meter.began("gen-2")
    async with asyncio.timeout(5):
        await ledger.recorded.wait()
    assert ledger.begun == ["gen-2"]
    assert [(each.generation, each.cut) for each in meter.costs()] == [("gen-1", False), ("gen-2", True)]


async def test_what_is_interrupted_in_its_first_moment_is_recorded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_meter, "BEGUN_SECONDS", 3600.0)
    ledger = Ledger()
    meter = ledger.meter()
    await meter.interrupted()
    meter.began("gen-1")
    await meter.interrupted()
    await meter.interrupted()
    assert ledger.begun == ["gen-1"]


async def test_an_attempt_that_fails_within_a_moment_is_recorded_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_meter, "BEGUN_SECONDS", 3600.0)
    ledger = Ledger()
    meter = ledger.meter()
    meter.began("gen-1")
    meter.ended("gen-1", "model", Usage())
    meter.began("gen-2")
    async with asyncio.timeout(5):
        await ledger.recorded.wait()
    assert ledger.begun == ["gen-1"]
    meter.recorded()


async def test_where_there_are_budgets_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_meter, "BEGUN_SECONDS", 3600.0)

    async def reached(used: Usage) -> bool:
        return False

    ledger = Ledger()
    meter = RequestMeter(cast(Costs, ledger), 1, reached=reached)
    meter.began("gen-1")
    async with asyncio.timeout(5):
        await ledger.recorded.wait()
    assert ledger.begun == ["gen-1"]
