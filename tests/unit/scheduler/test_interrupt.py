"""Ctrl-C at any moment during startup ends the program without a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, signal, sys
from bot import interrupt

class Early(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        if "loop" in sys.argv:
            os.kill(os.getpid(), signal.SIGINT)
        return super().new_event_loop()

async def main():
    print("started", flush=True)
    if "main" in sys.argv:
        os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(20)

asyncio.set_event_loop_policy(Early())
try:
    interrupt.run(main())
except KeyboardInterrupt:
    print("interrupted", "blocked" if signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ()) else "")
"""


@pytest.mark.parametrize("when", ["loop", "main"])
def test_an_interrupt_waits_until_the_loop_can_handle_it(when: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, when], capture_output=True, text=True, timeout=20, check=False
    )
    assert ended.stdout.split() == ["started", "interrupted"]
    assert ended.stderr == ""
    assert ended.returncode == 0
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
