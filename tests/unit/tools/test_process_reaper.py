"""The shell that ends what is left when the bot is gone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bot.tools.mcp.transports.process_reaper import ProcessReaper
from tests.unit.tools.helpers import is_alive, until

pytestmark = pytest.mark.anyio


async def test_when_it_hears_no_more_it_kills_the_groups_it_was_told_of_and_not_forgotten() -> None:
    sleeps = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        for _ in range(4)
    ]
    pids = [sleep.pid for sleep in sleeps]
    reaper = ProcessReaper()
    reaper.start()
    try:
        for pid in pids:
            reaper.watch(pid)
        reaper.forget(pids[0])
        reaper.forget(pids[2])
        reaper.forget(999_999_999)
        reaper.close()
        await until(lambda: not is_alive(pids[1]) and not is_alive(pids[3]))
        assert is_alive(pids[0])
        assert is_alive(pids[2])
    finally:
        for sleep in sleeps:
            sleep.kill()
            sleep.wait()


async def test_it_ends_at_once_when_there_is_nothing_to_kill() -> None:
    reaper = ProcessReaper()
    reaper.watch(1)  # before the start nothing is told to anybody
    reaper.start()
    reaper.watch(999_999_999)
    reaper.forget(999_999_999)
    reaper.close()
    reaper.close()
    reaper.forget(1)
