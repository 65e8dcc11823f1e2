"""A hundred threads at once in a bot as everybody starts it: each is asked about, approved, run and answered, and the
loop is held by nothing for more than 50 ms (`tests.lagging` fails the test)."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import World, world
from tests.stamps import unstamped
from tests.watch import A_BOT, NOTED, Notes

pytestmark = pytest.mark.anyio


async def storm(here: World, threads: int) -> None:
    """Have so many threads begin at once, and so many requests approved at once."""

    def answer(request: ChatRequest) -> Answer:
        if request.messages[-1]["role"] == "tool":
            return text("Well.")
        path = here.workspace / unstamped(request.said).rpartition(" ")[2]
        return calls(call("filesystem__write_file", {"path": str(path), "content": "x"}))

    here.model.respond = answer
    people = [here.slack.add_person(f"Person {number}") for number in range(threads)]
    here.general = here.slack.add_channel("crowded", members=people)
    roots = await asyncio.gather(
        *(here.slack.say(here.general, person, f"<@BOT> number {n}") for n, person in enumerate(people))
    )

    def asked() -> bool:
        return all(any("Approve" in reply.buttons for reply in here.replies(ts)) for ts in roots)

    await here.until(asked, 60, "a card in each thread")
    cards = [next(reply for reply in here.replies(ts) if "Approve" in reply.buttons) for ts in roots]
    await asyncio.gather(
        *(here.slack.click(card, "Approve", by=person) for card, person in zip(cards, people, strict=True))
    )

    def answered() -> bool:
        return all(any("Well." in reply.plain for reply in here.replies(ts)) for ts in roots)

    await here.until(answered, 60, "an answer in each thread")
    await here.quiet(60)
    assert len(list(here.workspace.iterdir())) == threads


async def test_a_hundred_threads_at_once_hold_nothing_in_a_process_of_its_own(tmp_path: Path) -> None:
    notes = Notes(os.environ[NOTED])
    notes.more()
    async with world(tmp_path, start=False) as here:
        here.bot.forked = False
        await here.bot.start()
        await here.ready()
        assert here.bot.process is not None
        await storm(here, 100)
        found = [note for note in notes.more() if note.pid == here.bot.process.pid]
    assert {note.whose for note in found} == {A_BOT}
