"""The workers of pytest-xdist, forked from one process that has loaded the tests and all that they need.

To load that takes some three seconds of CPU, which each worker would take for itself. pytest-xdist starts a worker by a
command, and speaks to it over its stdin and stdout: here the command only passes these on to the process that forks,
and waits for the worker's end.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests import forker, migrated, trusted

ROOT = Path(__file__).parents[1]
MAX_MESSAGE_BYTES = 1 << 17
COMMAND = """
import os, signal, socket, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
far = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
far.connect("\\0" + sys.argv[1])
told = [os.getcwd(), sys.argv[-1], *(f"{key}={value}" for key, value in os.environ.items())]
socket.send_fds(far, [os.fsencode("\\0".join(told))], [0, 1, 2])
for stream in (0, 1):
    os.close(stream)
sys.exit(int(far.recv(16) or 70))
"""
"""The last argument is the program with which execnet begins."""


class Plugin:
    """Has the workers forked: for the process that shares out the tests."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="workers-")
        self._forks: subprocess.Popen[bytes] | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config, specs: Sequence[Any]) -> None:
        """Start the process that forks, and have each worker that is started as a process started by it."""
        command = Path(self._folder.name, "command.py")
        command.write_text(COMMAND)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listening.bind(f"\0{command}")
        listening.listen(64)
        self._forks = subprocess.Popen(
            [sys.executable, "-m", "tests.forked_workers", str(listening.fileno()), json.dumps(modules(config))],
            cwd=ROOT,
            pass_fds=[listening.fileno()],
            stdin=subprocess.DEVNULL,
        )
        listening.close()
        for spec in specs:
            if spec.popen and not spec.python:
                spec.python = f"{sys.executable} -SEI {command} {command}"

    def pytest_unconfigure(self) -> None:
        if self._forks is not None:
            self._forks.kill()
            self._forks.wait()
        self._folder.cleanup()


def modules(config: pytest.Config) -> list[str]:
    """The modules of the tests that are to be run."""
    found: dict[str, None] = {}
    for argument in config.args:
        place = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        for path in sorted(place.rglob("test_*.py")) if place.is_dir() else [place]:
            with suppress(ValueError):
                found[".".join(path.relative_to(ROOT).with_suffix("").parts)] = None
    return list(found)


def _serve(listening: socket.socket) -> None:
    """Fork a worker for each connection; the streams come with it. Ends with the process that shares out the tests."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workers: dict[int, socket.socket] = {}
    listening.settimeout(0.1)
    parent = os.getppid()
    while os.getppid() == parent:
        with suppress(TimeoutError):
            connection, _ = listening.accept()
            connection.setblocking(True)
            order, streams, _, _ = socket.recv_fds(connection, MAX_MESSAGE_BYTES, 3)
            pid = os.fork()
            if pid == 0:
                for each in (listening, connection, *workers.values()):
                    each.close()
                _become(order, streams)
            workers[pid] = connection
            for stream in streams:
                os.close(stream)
        for pid, status in [ended for each in workers if (ended := os.waitpid(each, os.WNOHANG))[0]]:
            with workers.pop(pid) as connection, suppress(OSError):
                connection.send(str(abs(os.waitstatus_to_exitcode(status))).encode())


def _become(order: bytes, streams: Sequence[int]) -> None:
    """Be a worker from here on; does not return."""
    code = 70
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        folder, program, *variables = os.fsdecode(order).split("\0")
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(dict(each.split("=", 1) for each in variables))
        random.seed()
        sys.argv, sys.path[0] = ["-c"], ""
        sys.stdin = open(0, closefd=False)  # noqa: SIM115 - until the end of the process
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", 1, errors="backslashreplace", closefd=False)  # noqa: SIM115
        exec(program, {"__name__": "__main__"})
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)


def _load(names: Sequence[str]) -> None:
    """Load the tests as pytest does, which rewrites their asserts, and what each worker's bots need."""
    from _pytest.config import _prepareconfig  # noqa: PLC0415  # pyright: ignore[reportPrivateUsage] - as xdist

    before = [*sys.meta_path]
    learning = _learn_characters()
    # What it says about a wrong option, the process that shares out the tests says too.
    config = _prepareconfig(["-s", "-p", "no:faulthandler", "-p", "no:cacheprovider"], None)
    for name in (*forker.LOADED, *names):
        # What goes wrong is told when the module is collected.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(name)
    migrated.prepare()
    trusted.share()
    _read_constants()
    os.waitpid(learning, 0)
    _know_characters()
    del config
    sys.meta_path[:] = before


def _learn_characters() -> int:
    """Have another process write down which characters hypothesis can draw, which takes three seconds of CPU in a fresh
    clone. Out: its number."""
    pid = os.fork()
    if pid:
        return pid
    try:
        _know_characters()
    finally:
        os._exit(0)


def _know_characters() -> None:
    """Read them, or find them out: each worker would at its first text."""
    with suppress(Exception):
        importlib.import_module("hypothesis.strategies").text().validate()


def _read_constants() -> None:
    """Have hypothesis look for the constants of our modules, which it does at the end of each collection."""
    # Private, and only for speed: a version that has it elsewhere does the same later.
    with suppress(ImportError, AttributeError):
        importlib.import_module("hypothesis.internal.conjecture.providers")._get_local_constants()


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.disable()
        forker.serve_workers()
        _load(json.loads(sys.argv[2]))
        gc.freeze()
        gc.enable()
    _serve(socket.socket(fileno=int(sys.argv[1])))
