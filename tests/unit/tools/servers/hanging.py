"""A server whose calls never end. It writes down which of them began, and which of them were cancelled."""

from __future__ import annotations

import sys
from pathlib import Path

from raw import Json, RawServer

journal = Path(sys.argv[1])


class Hanging(RawServer):
    """It knows its calls by their requests."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[int, str] = {}

    def notified(self, method: str, params: Json) -> None:
        if method == "notifications/cancelled":
            write(f"cancelled {self.calls.get(params['requestId'])}")


def write(words: str) -> None:
    """Add a line to the journal."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"{words}\n")


def begin(name: str) -> None:
    """Take note of a call of this tool."""
    server.calls[server.request_id] = name
    write(f"began {name}")


def look(arguments: Json) -> None:
    """Look for something, for ever."""
    begin("look")


def send(arguments: Json) -> None:
    """Send something, and never say so."""
    begin("send")


server = Hanging()
server.tool(look, annotations={"readOnlyHint": True})
server.tool(send, annotations={"readOnlyHint": False, "destructiveHint": True})
server.serve()
