"""The process that has loaded what every bot loads first, and forks bots: the far end of `tests.forking`."""

from __future__ import annotations

import gc
import importlib
import json
import os
import random
import runpy
import select
import signal
import socket
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from tests import seeds, trusted

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
MEASURING = ("tests.statements", "tests.watch")
"""What records the one and the other."""
MAX_MESSAGE_BYTES = 1 << 20
SOON_SECONDS = 0.01
"""How long a bot in tests waits for another transaction to share a commit with."""

forks: list[socket.socket] = []
"""Leads to the process that forks the nurseries of test workers, where there is one."""


def serve_workers() -> None:
    """Fork a process from which the nurseries of all test workers are forked: one that loads what every bot loads, and
    not the tests. To fork a bot beside them, and to end it, takes twice as long."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        _finish(lambda: _fork_nurseries(theirs.detach()))
    theirs.close()
    forks.append(ours)


def load() -> None:
    """Load it."""
    for name in LOADED:
        importlib.import_module(name)
    trusted.share()


def _fork_nurseries(descriptor: int) -> None:
    """Fork one for each socket that comes in, as long as there are workers."""
    os.closerange(3, descriptor)
    os.closerange(descriptor + 1, os.sysconf("SC_OPEN_MAX"))
    warnings.resetwarnings()
    for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    load()
    for name in MEASURING:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    gc.enable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a nursery has ended
    asked = socket.socket(fileno=descriptor)
    while True:
        message, sockets, _, _ = socket.recv_fds(asked, 16, 1)
        if not message:
            return
        if os.fork() == 0:
            asked.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _finish(partial(_serve, sockets[0]))
        os.close(sockets[0])


def _finish(work: Callable[[], None]) -> NoReturn:
    """Do this in a process that was forked, and end it."""
    code = 70
    try:
        work()
        code = 0
    except BaseException:  # noqa: BLE001 - as Python ends
        traceback.print_exc()
    finally:
        os._exit(code)


def _serve(descriptor: int) -> None:
    """Fork when asked, and say how the processes end, until nobody asks any more. The first message says what the bots
    are to be measured for."""
    asked = socket.socket(fileno=descriptor)
    load()
    noted = json.loads(asked.recv(MAX_MESSAGE_BYTES) or "{}")
    for variable, module in zip((STATEMENTS, LAG), MEASURING, strict=True):
        if variable in noted:
            importlib.import_module(module).record(noted[variable])
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
