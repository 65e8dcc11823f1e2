"""A server that offers what a file says, reads it again at SIGUSR1 and says so, and does what its arguments say. It
writes down what it ran."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from raw import Json, RawServer, text

definitions, journal = (Path(argument) for argument in sys.argv[1:3])
server = RawServer()


def obey(arguments: Json) -> Json:
    """Answer, fail or die, as the arguments say."""
    with journal.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(arguments)}\n")
    if arguments.get("end") == "dies":
        os._exit(3)
    return text(str(arguments.get("words", "done")), isError=arguments.get("end") == "fails")


def define() -> None:
    """Offer what the file says now."""
    server.tools.clear()
    for definition in json.loads(definitions.read_text("utf-8")):
        server.tool(obey, **definition)


def change(*_: object) -> None:
    """Offer something else, and say so."""
    define()
    server.send(method="notifications/tools/list_changed")


define()
signal.signal(signal.SIGUSR1, change)
server.serve()
