"""A tool server over HTTP as a process, killed and started by tests."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[3] / "bench" / "http_tools.py"


class FarServer:
    """The server: one process after the other, with one journal."""

    def __init__(self, folder: Path) -> None:
        self.journal = folder / "journal"
        self.journal.touch()
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> int:
        """Start it. Out: its port."""
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), str(self.journal), stdout=subprocess.PIPE
        )
        assert self.process.stdout is not None
        async with asyncio.timeout(20):
            return int(await self.process.stdout.readline())

    async def kill(self) -> None:
        """Have it gone."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def ran(self, words: str) -> int:
        """How often it was called with these words."""
        return sum(line.split()[1] == words for line in self.journal.read_text().splitlines())
