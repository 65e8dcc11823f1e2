"""Bots that start in a fraction of the time: forked from a process that has loaded what every bot loads first.

What runs is `bot.cli.main` as in `python -m bot`, or any other command of it, in a process, folder and environment of
its own. Loading openai, mcp and Slack's SDK takes a second of CPU, and the tests start some hundreds of bots;
tests/process/test_start.py starts them the other way, and tests/process/test_try.py the trial.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests import forker, standin
from tests.forker import MAX_MESSAGE_BYTES

ROOT = Path(__file__).parents[1]
PATIENCE_SECONDS = 75.0
"""The longest wait for an answer of the process that forks: shorter than a test may take."""
SEEDS = 4
"""How many bots of a trial are forked; later ones are started as ever."""


class Forked:
    """A process that the nursery has started; used like asyncio's own."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self._nursery = nursery

    @property
    def returncode(self) -> int | None:
        """The exit code; minus the signal's number when one has ended it; None while it runs."""
        return self._nursery.code_of(self.pid)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait until it has ended; out: its exit code."""
        if (code := self.returncode) is not None:
            return code
        loop = asyncio.get_running_loop()
        ended = loop.create_future()
        descriptor = os.pidfd_open(self.pid)
        loop.add_reader(descriptor, lambda: ended.done() or ended.set_result(None))
        try:
            await ended
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return self._nursery.code_of(self.pid, wait=True) or 0


class Nursery:
    """The process that forks, as the tests see it. One for a test worker."""

    def __init__(self, begin: Callable[[socket.socket], object]) -> None:
        """Start it. In: what starts a process that calls `_serve` with this socket."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE_SECONDS)
        self._process = begin(theirs)
        theirs.close()
        self._socket = ours
        self._measures = False
        self._codes: dict[int, int] = {}
        self._spawned: list[int] = []

    def start(
        self,
        folder: Path,
        environment: Mapping[str, str],
        output: Path | tuple[int, int],
        *,
        argv: Sequence[str] = (),
        real_files: bool = False,
        seeds: int = SEEDS,
    ) -> Forked:
        """Start `python -m bot` in this folder, with these further arguments. In: the file that it writes to, or the
        descriptors for its stdout and its stderr; whether Node serves the files of a bot that is not told how, else a
        stand-in in Python; for `try`, how many bots it can start by a fork."""
        if not self._measures:
            self._measures = True
            noted = {name: os.environ[name] for name in (forker.STATEMENTS, forker.LAG) if name in os.environ}
            self._socket.sendall(json.dumps(noted).encode())
        told, server = dict(environment), ""
        if not real_files:
            programs, path = standin.installed()
            told["PATH"], server = f"{programs}:{told['PATH']}", str(path)
        request = {"folder": str(folder), "environment": told, "server": server, "argv": argv, "seeds": seeds}
        message = json.dumps(request).encode()
        if isinstance(output, Path):
            with output.open("ab") as log:
                socket.send_fds(self._socket, [message], [log.fileno(), log.fileno()])
        else:
            socket.send_fds(self._socket, [message], output)
        while not self._spawned:
            self._hear()
        return Forked(self, self._spawned.pop())

    def run(
        self, folder: Path, environment: Mapping[str, str], *argv: str, real_files: bool = False
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, as `subprocess.run` with `capture_output`."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            streams = (out.fileno(), err.fileno())
            started = self.start(folder, environment, streams, argv=argv, real_files=real_files)
            code = self.code_of(started.pid, wait=True)
            assert code is not None
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(argv, code, out.read(), err.read())

    def code_of(self, pid: int, *, wait: bool = False) -> int | None:
        """The exit code of a process, if it has ended."""
        while wait and pid not in self._codes:
            self._hear()
        while pid not in self._codes and select.select([self._socket], [], [], 0)[0]:
            self._hear()
        return self._codes.get(pid)

    def _hear(self) -> None:
        try:
            message = self._socket.recv(MAX_MESSAGE_BYTES)
        except TimeoutError:
            raise AssertionError(f"nothing from the process that starts the bots for {PATIENCE_SECONDS:g} s") from None
        if not message:
            raise RuntimeError("the process that starts the bots has ended")
        said = json.loads(message)
        if "code" in said:
            self._codes[said["pid"]] = said["code"]
        else:
            self._codes.pop(said["pid"], None)  # of an earlier process with this number
            self._spawned.append(said["pid"])


_nurseries: list[Nursery] = []


def nursery() -> Nursery:
    """The one of this test worker."""
    if not _nurseries:
        _nurseries.append(Nursery(_started))
    return _nurseries[0]


def fork_early() -> None:
    """Have the nursery of this test worker forked, if it was forked itself; else one is started when it is needed."""
    if forker.forks:
        _nurseries.append(Nursery(lambda theirs: socket.send_fds(forker.forks[0], [b"fork"], [theirs.fileno()])))


def _started(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """A Python of its own, for tests that run without workers, of which most need no bot."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.forker", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
