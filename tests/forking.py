"""Bots that start in a fraction of the time: forked from a process that has loaded what every bot loads first.

What runs is `bot.cli.main` as in `python -m bot`, or any other command of it, in a process, folder and environment of
its own. Loading openai, mcp and Slack's SDK takes a second of CPU, and the tests start some hundreds of bots;
tests/process/test_start.py starts them the other way, and tests/process/test_try.py the trial.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests import seeds, standin, trusted

ROOT = Path(__file__).parents[1]
STATEMENTS = "STATEMENTS_OF_THE_BOT"
"""The variable that names the file in which the bots note the SQL that they execute (`tests.statements`)."""
LAG = "LAG_OF_THE_BOT"
"""The variable that names the file in which what holds their event loop is noted (`tests.watch`)."""
LOADED = (
    *(
        "bot.cli",
        "bot.app",
        "bot.service",
        "bot.tools.mcp.session",
        "jsonschema",
        "openai",
        "aiohttp",
        "bot.model.client",
    ),
    *("bot.tools.toolset", "bot.tools.mcp.transports.stdio_streams", "slack_bolt.listener_matcher.async_builtins"),
    *("anyio._backends._asyncio", "httpcore2", "truststore", "bot.tools.json_schema.keywords"),
    *(
        "bot.commands.audit",
        "bot.commands.doctor",
        "bot.commands.try_",
        "slack_sandbox.relay",
        "slack_sandbox.trial.environment",
    ),
)
MAX_MESSAGE_BYTES = 1 << 20
PATIENCE_SECONDS = 75.0
"""The longest wait for an answer of the process that forks: shorter than a test may take."""
SOON_SECONDS = 0.01
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
            noted = {name: os.environ[name] for name in (STATEMENTS, LAG) if name in os.environ}
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
    """Fork the nursery from this process, which loads nothing twice then: a test worker needs most of what every bot
    loads, too. To be called before anything is measured, or replaced for tests."""
    _load()
    _nurseries.append(Nursery(_forked))


def _load() -> None:
    for name in LOADED:
        importlib.import_module(name)
    trusted.share()


def _started(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """A Python of its own, for tests that run without workers, of which most need no bot."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.forking", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def _forked(theirs: socket.socket) -> int:
    """A copy of this process without what pytest has made of it."""
    with warnings.catch_warnings():
        # Newer Pythons warn of a fork beside a thread: that one waits for orders to this worker, and holds no lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        # The worker's connections, which end when it does.
        os.closerange(3, theirs.fileno())
        os.closerange(theirs.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        sys.meta_path[:] = [each for each in sys.meta_path if not type(each).__module__.startswith("_pytest")]
        gc.callbacks.clear()
        gc.enable()
        _serve(theirs.detach())
        code = 0
    except BaseException:  # noqa: BLE001 - as Python ends
        traceback.print_exc()
    finally:
        os._exit(code)


def _serve(descriptor: int) -> None:
    """Fork when asked, and say how the processes end, until nobody asks any more. The first message says what the bots
    are to be measured for."""
    asked = socket.socket(fileno=descriptor)
    _load()
    noted = json.loads(asked.recv(MAX_MESSAGE_BYTES) or "{}")
    if STATEMENTS in noted:
        importlib.import_module("tests.statements").record(noted[STATEMENTS])
    if LAG in noted:
        importlib.import_module("tests.watch").record(noted[LAG])
    gc.collect()
    gc.freeze()
    readable, written = os.pipe()
    os.set_blocking(written, False)
    signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([asked, readable], [], [])
        if readable in ready:
            os.read(readable, 4096)
            _bury(asked)
        if asked in ready:
            message, streams, _, _ = socket.recv_fds(asked, MAX_MESSAGE_BYTES, 2)
            if not message:
                return
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                for open_one in (readable, written):
                    os.close(open_one)
                asked.close()
                _become(json.loads(message), streams)
            for stream in streams:
                os.close(stream)
            asked.sendall(json.dumps({"pid": pid}).encode())


def _bury(asked: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        asked.sendall(json.dumps({"pid": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


def _become(request: dict[str, Any], streams: Sequence[int]) -> None:
    """Be a bot from here on; does not return."""
    code = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, stream in enumerate((nothing, *streams)):
            os.dup2(stream, number)
            os.close(stream)
        # Those of before know whether they lead into files, and how far they have got there.
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - until the end of the process
        sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        sys.argv = ["bot", *request["argv"]]
        if request["server"]:
            # As if it were the one that the set-up has installed.
            default_server = vars(sys.modules["bot.tools.filesystem.default_server"])
            default_server["_INSTALLED"] = Path(request["server"])
            # The stand-in would say so in a process of its own, at each start of a bot.
            default_server.update(look_ahead=lambda: None, _is_new_enough=lambda program: True)
        if request["argv"][:1] == ["try"]:
            seeds.plant(request["seeds"], lambda environment, folder: _main(environment, folder, []))
        if request["argv"]:
            sys.modules["tests.watch"].leave_out()  # what holds the loop of the trial, say, holds up no team
        code = _main(request["environment"], request["folder"], request["argv"])
    finally:
        os._exit(code)


def _main(environment: Mapping[str, str], folder: str, argv: list[str]) -> int:
    """What `python -m bot` does once it has loaded everything. Out: the exit code."""
    try:
        random.seed()
        tempfile.tempdir = None
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        if "CRASH_LOG" in os.environ:
            runpy.run_path(str(ROOT / "tests" / "crash" / "sitecustomize.py"))
        else:
            # What a bot waits for another transaction, a test would wait for the end of every turn.
            vars(sys.modules["bot.store.sqlite.database"])["SOON_SECONDS"] = SOON_SECONDS
        return sys.modules["bot.cli"].main(argv)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - as Python ends
        traceback.print_exc()
        return 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):  # nobody reads it
                stream.flush()


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
