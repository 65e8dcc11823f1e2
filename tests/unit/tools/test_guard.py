"""The shell that ends what is left when the bot is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.tools.mcp.process_reaper import Guard
from tests.unit.tools.helpers import is_alive, until

pytestmark = pytest.mark.anyio


async def test_when_it_hears_no_more_it_kills_the_groups_it_was_told_of_and_not_forgotten() -> None:
    sleeps = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        for _ in range(4)
    ]
    pids = [sleep.pid for sleep in sleeps]
    guard = Guard()
    guard.start()
    try:
        for pid in pids:
            guard.watch(pid)
        guard.forget(pids[0])
        guard.forget(pids[2])
        guard.forget(999_999_999)
        guard.close()
        await until(lambda: not is_alive(pids[1]) and not is_alive(pids[3]))
        assert is_alive(pids[0])
        assert is_alive(pids[2])
    finally:
        for sleep in sleeps:
            sleep.kill()
            sleep.wait()


async def test_it_ends_at_once_when_there_is_nothing_to_kill() -> None:
    guard = Guard()
    guard.watch(1)  # before the start nothing is told to anybody
    guard.start()
    guard.watch(999_999_999)
    guard.forget(999_999_999)
    guard.close()
    guard.close()
    guard.forget(1)
