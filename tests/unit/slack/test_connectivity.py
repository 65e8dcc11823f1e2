"""An outage is recorded once, before a connection is opened again, from when the last one surely worked."""

from __future__ import annotations

import asyncio

import pytest

from bot.slack.connectivity import Connectivity
from bot.slack.intake.token_bucket import TokenBucket

pytestmark = pytest.mark.anyio


class Recorder:
    """Notes outages, which get numbers from 1 on; the time is what a test sets."""

    def __init__(self) -> None:
        self.outages: list[float] = []
        self.reads = 0
        self.now = 100.0
        self.connectivity = Connectivity(self.begin, self.read, lambda: self.now)

    async def begin(self, since: float) -> int:
        self.outages.append(since)
        return len(self.outages)

    def read(self) -> None:
        self.reads += 1


async def test_however_many_attempts_it_takes_an_outage_is_recorded_once() -> None:
    here = Recorder()
    for _ in range(3):
        await here.connectivity.opening()
    assert here.outages == [0.0], "the store knows when an earlier process was connected"
    assert (here.connectivity.over, here.reads) == (0, 0)
    here.connectivity.opened(lambda: 0.0)
    assert (here.connectivity.over, here.reads) == (1, 1)


async def test_the_next_one_begins_with_what_was_heard_last() -> None:
    here = Recorder()
    await here.connectivity.opening()
    here.connectivity.opened(lambda: 0.0)
    here.now = 150.0
    here.connectivity.received()
    here.now = 900.0
    await here.connectivity.opening()
    assert (here.outages, here.connectivity.over) == ([0.0, 150.0], 1), "it is not over"


async def test_an_answered_ping_counts_as_heard() -> None:
    here = Recorder()
    await here.connectivity.opening()
    here.connectivity.opened(lambda: 400.0)
    assert here.connectivity.last == 400.0


async def test_a_refusal_of_the_store_is_asked_again() -> None:
    attempts = 0

    async def begin(since: float) -> int:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RuntimeError("the disk is full")
        return attempts

    connectivity = Connectivity(begin)
    with pytest.raises(RuntimeError):
        await connectivity.opening()
    await connectivity.opening()
    assert attempts == 2


async def test_requests_are_spaced_out_after_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    allowance = TokenBucket(3, 60_000.0)
    for _ in range(6):
        await allowance.wait()
    assert len(waits) <= 3
    assert all(0 < seconds <= 0.004 for seconds in waits)
