"""A server that is difficult to start or to end; which way is its first argument."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

from raw import Json, RawServer, text


def echo(arguments: Json) -> Json:
    """Return the words."""
    return text(str(arguments.get("words", "")))


def pids(arguments: Json) -> Json:
    """Return the process ids of this server and of its child."""
    return text(" ".join(str(pid) for pid in (os.getpid(), *children)))


class ExitsOnDiscover(RawServer):
    """It takes the question for 2026-07-28 for an attack."""

    def answer(self, method: str, params: Json) -> Json | None:
        if method == "server/discover":
            os._exit(4)
        return super().answer(method, params)


class IgnoresDiscover(RawServer):
    """It does not answer what it does not know."""

    def answer(self, method: str, params: Json) -> Json | None:
        return None if method == "server/discover" else super().answer(method, params)


class NeverAnswers(RawServer):
    """It only listens."""

    def answer(self, method: str, params: Json) -> Json | None:
        return None


class Pages(RawServer):
    """Every page of its tools leads to another one."""

    def answer(self, method: str, params: Json) -> Json | None:
        if method != "tools/list":
            return super().answer(method, params)
        page = int(params.get("cursor", 0))
        definition = {"name": f"tool_{page}", "inputSchema": {"type": "object"}}
        return {"tools": [definition], "nextCursor": str(page + 1)}


def stay() -> NoReturn:
    """Live on whatever happens, as a server does that holds a timer and handles SIGTERM badly."""
    while True:
        time.sleep(1)


children: list[int] = []
manner = sys.argv[1]
if manner == "exits":
    print(f"cannot reach the database with {os.environ.get('TOKEN', 'no token')}", file=sys.stderr, flush=True)
    sys.exit(7)
if manner == "late":
    time.sleep(0.3)
if manner == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    children.append(subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(1)"]).pid)
kinds = {"discover-exits": ExitsOnDiscover, "discover-ignored": IgnoresDiscover, "mute": NeverAnswers, "pages": Pages}
server = kinds.get(manner, RawServer)()
server.tool(echo)
server.tool(pids)
server.serve()
if manner == "stubborn":
    stay()
