"""Background work that ends is restarted, and the end is logged."""

from __future__ import annotations

import asyncio
import logging

import pytest

from bot import supervised

pytestmark = pytest.mark.anyio


async def test_work_that_ends_in_any_way_is_restarted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []
    well = asyncio.Event()

    async def work() -> None:
        runs.append(len(runs))
        match len(runs):
            case 1:
                raise ValueError("an odd row")
            case 2:
                return
            case 3:
                other = asyncio.ensure_future(asyncio.sleep(60))
                asyncio.get_running_loop().call_soon(other.cancel)
                await other
            case _:
                well.set()
                await asyncio.get_running_loop().create_future()

    with caplog.at_level(logging.ERROR):
        task = asyncio.create_task(supervised.run_forever("the sweep", work, first=0.001))
        async with asyncio.timeout(5):
            await well.wait()
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 3
    assert all(words.startswith("the sweep has ended unexpectedly") for words in said)
    assert "an odd row" in caplog.text
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_the_pause_grows_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 40:
            raise asyncio.CancelledError
        await sleep(0)

    async def work() -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(supervised.asyncio, "sleep", note)
    with pytest.raises(asyncio.CancelledError):
        await supervised.run_forever("the sweep", work)
    assert pauses[0] <= 0.5
    assert 30 <= pauses[-1] <= 60
    assert max(pauses) <= 60


def test_a_problem_is_reported_once_and_again_when_it_changes_or_recurs() -> None:
    problems = supervised.ProblemTracker()
    assert problems.is_new("row 1", "odd")
    assert not problems.is_new("row 1", "odd")
    assert problems.is_new("row 2", "odd")
    assert problems.is_new("row 1", "odder")
    problems.resolve("row 1")
    assert problems.is_new("row 1", "odder")
    for number in range(3 * problems.MAX_REPORTED):
        problems.is_new(number, "odd")
    assert problems.is_new("row 2", "odd"), "the number of remembered problems is bounded"
