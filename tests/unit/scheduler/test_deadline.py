"""The shutdown keeps its overall time limit, whatever hangs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.deadline import Deadline
from tests.harness import ROOT

pytestmark = pytest.mark.anyio


async def test_steps_that_hang_and_ignore_cancellation_share_one_time_limit(caplog: pytest.LogCaptureFixture) -> None:
    released = asyncio.Event()

    async def hangs() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    began = time.monotonic()
    deadline = Deadline(0.5)
    ended: list[str] = []

    async def last() -> None:
        ended.append("last")

    for number in range(5):
        await deadline.run_step(f"part {number}", hangs(), 0.3, keep=0.1)
    await deadline.run_step("the last", last(), 1.0)
    took = time.monotonic() - began
    released.set()
    assert took < 1.0
    assert ended == ["last"], "a quick step is done in any case"
    assert "part 4 took too long" in caplog.text


async def test_a_step_that_raises_is_logged_and_does_not_stop_the_shutdown(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise ValueError("closed twice")

    deadline = Deadline(1.0)
    await deadline.run_step("a part", broken(), 1.0)
    assert "closed twice" in caplog.text


def test_a_process_with_a_hanging_thread_exits_anyway(tmp_path: Path) -> None:
    code = (
        "import asyncio, threading\n"
        "from bot.deadline import force_exit_after\n"
        "async def main():\n"
        "    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)\n"
        "    force_exit_after(0.3)\n"
        "asyncio.run(main())\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=20, check=False)
    assert ended.returncode == 0
