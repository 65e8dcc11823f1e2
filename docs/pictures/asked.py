"""Scenes of what tool servers and the model want of a person, and of a server that goes and comes back."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from stage import ROOMS, Stage

from slack_sandbox.model import Message
from slack_sandbox.openrouter import call


async def questions(at: Stage) -> None:
    """What the model asks, what a server asks, and an account that is to be connected."""
    ways = {"question": "For which release are the notes?", "options": ["2.4, on Friday", "3.0, in May"]}
    at.take("asked", "The model asks", await at.asked("write the release notes", call("ask_person", ways)))

    message = await at.asked("find a room for us", call("rooms__find_room"))
    at.take("elicited", "A tool server asks", message)
    at.take("elicited-window", "The window behind Answer…", await at.window(message, "Answer…"))

    await at.says("which customers are waiting?", call("customers__connect"))
    room = at.slack.open_dm(at.alice)

    def found() -> list[Message]:
        return [each for each in room.messages.values() if "Not now" in each.buttons]

    at.take("connect", "An account is to be connected", (await at.until(found, "the question"))[0])


async def progress(at: Stage) -> None:
    """How far a call is."""
    at.busy.touch()
    thread = await at.says("when are we all free?", call("rooms__search_calendars"))
    message = await at.message(thread, lambda message: "40 of 120" in message.plain)
    at.take("progress", "How far a call is", message)
    at.busy.unlink()
    await at.reads(message, "Done.")


async def away(at: Stage) -> None:
    """A server that has gone, and is back."""
    at.away.touch()
    for number in _processes(at):
        os.kill(number, signal.SIGKILL)
    thread = await at.says("when are we all free?", call("rooms__search_calendars"))
    message = await at.message(thread, lambda message: "unavailable right now" in message.plain)
    at.take("server-down", "The tools of a server are unavailable", message)
    at.away.unlink()
    message = await at.message(thread, lambda message: "are back" in message.plain)
    at.take("server-back", "They are back", message)


def _processes(at: Stage) -> list[int]:
    """The processes of the server."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        words = path.read_bytes().split(b"\0")
        if str(ROOMS).encode() in words and str(at.away).encode() in words:
            found.append(int(path.parent.name))
    return found
