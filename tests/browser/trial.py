"""`python -m bot try` as a process, and the files that it works on.

It is forked from a process that has loaded its modules, its bot too, and a stand-in serves the files:
tests/process/test_try.py has the program as a newcomer starts it.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.forking import Forked, nursery
from tests.harness import FORKED

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+/")
OWN = ("SLACK_", "OPENROUTER_", "OPENAI_", "BOT_", "MCP_", "DATABASE_")
"""How the settings of whoever runs the tests begin: they must not be part of it."""
START_SECONDS = 30.0


@dataclass
class Trial:
    """The running program."""

    folder: Path
    process: asyncio.subprocess.Process | Forked
    address: str = ""
    printed: list[str] = field(default_factory=list[str])

    @property
    def workspace(self) -> Path:
        """The folder that the filesystem tools may use."""
        return self.folder / "workspace"

    def file(self, name: str, content: str | bytes) -> Path:
        """Put a file there."""
        path = self.workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    async def until(self, condition: Callable[[], T], what: str, seconds: float = 20) -> T:
        """Wait for a condition on the files or on what was printed."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := condition()):
                    await asyncio.sleep(0.02)
                return found
        except TimeoutError:
            raise AssertionError(f"no {what} after {seconds} s; printed: {''.join(self.printed[-30:])}") from None

    async def read(self, descriptor: int) -> None:
        """Read what it prints, so that it never waits for a reader."""
        stream = asyncio.StreamReader()
        with os.fdopen(descriptor, "rb") as pipe:
            loop = asyncio.get_running_loop()
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
            while line := await stream.readline():
                self.printed.append(line.decode("utf-8", "replace"))
                if not self.address and (found := ADDRESS.search(self.printed[-1])):
                    self.address = found[0]


def environment(home: Path) -> dict[str, str]:
    """That of whoever runs the tests, without settings of their own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


@asynccontextmanager
async def trial(home: Path, *arguments: str) -> AsyncGenerator[Trial]:
    """The program in a folder of its own, ended as a person ends it."""
    folder = home / "trial"
    argv = ("try", "--no-open", "--port", "0", "--folder", str(folder), *arguments)
    reads, writes = os.pipe()
    try:
        if FORKED:
            process: asyncio.subprocess.Process | Forked = nursery().start(
                home, environment(home), (writes, writes), argv=argv
            )
        else:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", *argv),
                cwd=home,
                env=environment(home),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writes,
                stderr=writes,
            )
    finally:
        os.close(writes)
    this = Trial(folder, process)
    reading = asyncio.create_task(this.read(reads))
    try:
        await this.until(lambda: this.address or process.returncode is not None, "address", START_SECONDS)
        assert this.address, "".join(this.printed)
        yield this
        assert process.returncode is None, "it ended by itself: " + "".join(this.printed)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()
        # It ends when nobody can write there any more: not when something that the program has started lives on.
        await asyncio.wait_for(reading, 15)
