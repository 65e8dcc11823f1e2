"""A server with long results, that says how far a call is, and whose calls end when a test says so."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from raw import Json, RawServer, text

folder = Path(sys.argv[1])


class Telling(RawServer):
    """It remembers how to report on each call."""

    def answer(self, method: str, params: Json) -> Json | None:
        self._current.token = params.get("_meta", {}).get("progressToken")
        return super().answer(method, params)

    @property
    def token(self) -> object:
        """Of the call that is being answered."""
        return self._current.token


def wait_for(name: str) -> None:
    """Wait until a test has made this file."""
    while not (folder / name).exists():
        threading.Event().wait(0.005)


def count(arguments: Json) -> Json:
    """Count to 120, and say so on the way."""
    for done, message in ((40, "Importing <!channel> *rows*"), (80, "")):
        progress: Json = {"progressToken": server.token, "progress": done, "total": 120}
        server.send(method="notifications/progress", params={**progress, **({"message": message} if message else {})})
        wait_for(f"after-{done}")
    return text("counted")


def list_all(arguments: Json) -> Json:
    """Return many lines."""
    return text("\n".join(f"line {number}: {'x' * 60}" for number in range(2000)) + "\nthe needle\n" + "y" * 5000)


def hold(arguments: Json) -> Json:
    """Begin, and end when a test says so."""
    with (folder / "journal").open("a", encoding="utf-8") as file:
        file.write(f"{os.getpid()} {arguments['name']}\n")
    wait_for("go")
    return text(f"held {arguments['name']}")


def push(arguments: Json) -> Json:
    """The same, and it changes something."""
    return hold(arguments)


server = Telling()
server.tool(count, annotations={"readOnlyHint": True})
server.tool(list_all, annotations={"readOnlyHint": True})
NAMED: Json = {"type": "object", "properties": {"name": {"type": "string"}}}
server.tool(hold, inputSchema=NAMED, annotations={"readOnlyHint": True})
server.tool(push, inputSchema=NAMED, annotations={"readOnlyHint": False})
server.serve()
