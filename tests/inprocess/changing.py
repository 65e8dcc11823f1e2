"""Turns that change files, for tests of what can be seen and undone of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slack_sandbox.model import Message
from slack_sandbox.openrouter import calls, text
from tests.harness import World
from tests.process.asking import window

DONE = "That is all."


def tree(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Everything in a folder, byte for byte, with its mode."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


async def turn(here: World, steps: Sequence[Any], deny: Sequence[int] = (), ts: str | None = None) -> Message:
    """Let a turn make these calls one after another, each approved unless its number is among `deny`, in its window if
    the card hides what it is about. Out: the turn's last message."""
    answers, before = iter([*(calls(step) for step in steps), text(DONE)]), here.model.respond
    # Without tools, it is asked for a summary of what no longer fits.
    here.model.respond = lambda request: (next(answers, None) or before(request)) if request.tools else text("…")
    seen = {reply.ts for reply in here.replies(ts)} if ts else set[str]()
    said = await here.slack.say(here.general, here.alice, "<@BOT> do it", thread_ts=ts)
    thread, asked = ts or said, 0

    def new(words: str) -> list[Message]:
        return [each for each in here.replies(thread) if each.ts not in seen and words in each.plain]

    def cards() -> list[Message]:
        return [each for each in here.replies(thread) if {"Deny", "Review…"} & set(each.buttons)]

    while True:
        await here.until(lambda: new(DONE) or cards(), what="what follows", poll=0.01)
        await here.quiet()
        if new(DONE):
            return new(DONE)[-1]
        for card in cards():
            answer = "Deny" if asked in deny else "approval.approved"
            if "Review…" not in card.buttons:
                await here.slack.click(card, answer, by=here.alice)
            else:
                view = await window(here, card, "Review…", here.alice)
                assert answer == "approval.approved"
                assert await here.slack.submit(here.alice, view) == {}
            asked += 1
        await here.quiet()
