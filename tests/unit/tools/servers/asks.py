"""A server whose tool asks a person for a date while the call runs, as it was done before 2026-07-28."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from raw import Json, RawServer, text

journal = Path(sys.argv[1])
SCHEMA: Json = {"type": "object", "properties": {"date": {"type": "string", "format": "date"}}, "required": ["date"]}


class Asking(RawServer):
    """It waits for the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.there = threading.Event()
        self.given: Json = {}

    def replied(self, message: Json) -> None:
        self.given = message
        self.there.set()


def book(arguments: Json) -> Json:
    """Book a room for the date that somebody gives."""
    with journal.open("a", encoding="utf-8") as file:
        file.write("book\n")
    server.send(id="q", method="elicitation/create", params={"message": "Which day?", "requestedSchema": SCHEMA})
    server.there.wait()
    server.there.clear()
    return text(str(server.given))


server = Asking()
server.tool(book, annotations={"readOnlyHint": True})
server.serve()
