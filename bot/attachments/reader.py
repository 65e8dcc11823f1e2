"""Reads files in processes of their own, one for each file: confined, limited in time, and ended afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import sys
from pathlib import Path

from bot.core.attachments import FileKind, ReadFile
from bot.core.untrusted import mapping, parsed, text

log = logging.getLogger(__name__)

AT_ONCE = 2
"""Processes at a time: what they do is bound by the processor."""
SECONDS = 20.0
MAX_OUTPUT = 16_000_000
MAX_CHARS = 60_000
_ROOT = Path(__file__).parents[2]
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from bot.attachments.child import main; main()"
SLOW = ReadFile(problem="reading it took too long, or too much memory")


class FileProcesses:
    """Implements `bot.core.ports.attachments.FileReader`."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """seconds: the time limit of one file, from the start of its process."""
        self._room, self._seconds = asyncio.Semaphore(AT_ONCE), seconds

    async def read(self, name: str, media: str, content: bytes, *, named: bool = True) -> ReadFile:
        """Read a file. Never raises for what is in it."""
        about = {"name": name, "media": media, "named": named}
        async with self._room:
            try:
                output = await self._run(json.dumps(about).encode() + b"\n", content)
            except OSError as error:  # too many processes or open files
                log.error("no process can be started to read a file: %s", error)
                return ReadFile(problem="I could not read it just now")
        head, separator, sent = output.partition(b"\n")
        found = mapping(parsed(head.decode("utf-8", "replace")))
        if not separator or not found:
            return SLOW
        said = {key: text(found.get(key), MAX_CHARS) for key in ("text", "note", "problem", "kind", "media")}
        kind = FileKind(said["kind"]) if said["kind"] in list(FileKind) else None
        own = found.get("own") is True
        return ReadFile(
            said["text"], said["note"], said["problem"], kind, said["media"], content if own and kind else sent
        )

    async def _run(self, head: bytes, content: bytes) -> bytes:
        """Return what the process has written; empty if it did not end well."""
        process = await asyncio.create_subprocess_exec(
            # It finds what this process has found: looking for it again takes as long as the rest of its start.
            *(sys.executable, "-I", "-S", "-c", _PROGRAM, str(_ROOT), *map(os.path.abspath, filter(None, sys.path))),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LANG": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        feeding = asyncio.create_task(_feed(process.stdin, head, content))
        output = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                while piece := await process.stdout.read(1 << 16):
                    output += piece
                    if len(output) > MAX_OUTPUT:
                        return b""
                await process.wait()
        except TimeoutError:
            return b""
        finally:
            feeding.cancel()
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return bytes(output) if process.returncode == 0 else b""


async def _feed(pipe: asyncio.StreamWriter, head: bytes, content: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # it has ended already
        pipe.write(head)
        for start in range(0, len(content), 1 << 18):
            pipe.write(content[start : start + (1 << 18)])
            await pipe.drain()
        pipe.close()
