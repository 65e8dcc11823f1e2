"""A new kind of question is added from outside: asked, answered once by whom it names, and kept over a restart."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Iterator
from typing import cast

import pytest

from bot.core.questions.kinds import KINDS
from bot.core.questions.question import PARTICIPANTS
from bot.core.transaction import Change
from bot.slack.blocks import question_blocks
from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import text
from tests.attacks.conftest import action, click, send
from tests.extending import ask_person
from tests.harness import World
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
NUMBERS = itertools.count(1)
ANSWERED = "Answered: the short cut."


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    ask_person.install()
    yield
    del KINDS[ask_person.KIND], question_blocks.REDRAW[ask_person.KIND]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    async with inside(tmp_path_factory.mktemp("bot")) as here:
        yield here


@pytest.fixture
async def here(running: World) -> AsyncGenerator[World]:
    running.fresh()
    yield running
    await running.quiet()


async def ask(here: World, *people: str, seconds: float = 3600.0) -> tuple[str, Message]:
    """A thread of Alice's, with the question in it. Out: its timestamp, and the message."""
    here.model.script(text("Let me ask."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> find the way")
    await here.reply(ts, "Let me ask.")
    await here.quiet()
    [(thread_id,)] = here.bot.rows("SELECT id FROM threads WHERE thread_ts = ?", ts)
    parts = cast(BotInside, here.bot).parts
    question = ask_person.question(next(NUMBERS), (int(thread_id), here.general.id), people, seconds=seconds)
    state = await parts.store.load(int(thread_id))
    await parts.store.commit(state, Change("ask a person", cards=[ask_person.card(question)]))
    parts.wake(int(thread_id))
    return ts, await here.reply(ts, "Which way?")


async def told(here: World, message: Message, by: Person, label: str = "The short cut") -> str:
    """What somebody is told who presses a button."""
    before = len(here.slack.ephemerals(by))
    await here.slack.click(message, label, by=by)
    await here.until(lambda: len(here.slack.ephemerals(by)) > before, what="a word")
    return here.slack.ephemerals(by)[-1].plain


def decisions(here: World, ts: str) -> list[tuple[str, str]]:
    return here.bot.rows(
        "SELECT decision, decided_by FROM questions q JOIN threads t ON t.id = q.thread_id WHERE t.thread_ts = ?", ts
    )


async def test_it_is_answered_with_a_button_and_the_model_reads_the_answer(here: World) -> None:
    ts, message = await ask(here, here.bob.id)
    await here.slack.click(message, "The short cut", by=here.bob)
    await here.until(lambda: ANSWERED in message.plain, what="the answer in the message")
    assert not message.buttons
    assert decisions(here, ts) == [("second", here.bob.id)]
    here.model.script(text("On my way."))
    await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
    await here.reply(ts, "On my way.")
    assert "is: the short cut." in str(here.model.requests[-1].messages)


async def test_it_is_decided_once_and_only_as_it_was_shown(here: World) -> None:
    ts, message = await ask(here, here.alice.id, here.bob.id)
    first, second = action(message, "The long road"), action(message, "The short cut")
    carried = json.loads(second["value"])
    for forged in ({**carried, "d": "0" * 64}, {**carried, "q": "which-way-0"}, {**carried, "more": 1}):
        await send(here, click(here, message, {**second, "value": json.dumps(forged)}, here.bob))
    await send(here, click(here, message, {**second, "action_id": "question.ask_person.third"}, here.bob))
    await send(here, click(here, message, {**second, "action_id": "question.may_it_run.second"}, here.bob))
    assert decisions(here, ts) == [("awaiting", "")]
    pressed = [click(here, message, first, here.alice), click(here, message, second, here.bob)]
    await asyncio.gather(*(send(here, payload) for payload in pressed))
    await here.until(lambda: "Answered:" in message.plain, what="the answer in the message")
    [(decision, by)] = decisions(here, ts)
    assert (decision, by) in (("first", here.alice.id), ("second", here.bob.id))
    late = here.alice if by == here.bob.id else here.bob
    await here.until(lambda: here.slack.ephemerals(late), what="a word to who came late")
    assert "This question is closed" in here.slack.ephemerals(late)[-1].plain
    recorded = here.bot.rows("SELECT kind FROM audit WHERE approval = ? ORDER BY seq", carried["q"])
    assert recorded == [("requested",), ("decided",)]


async def test_it_is_there_after_a_restart(here: World) -> None:
    ts, message = await ask(here, here.bob.id)
    await here.bot.stop()
    await here.bot.start()
    await here.ready()
    await here.slack.click(message, "The short cut", by=here.bob)
    await here.until(lambda: ANSWERED in message.plain, what="the answer in the message")
    assert decisions(here, ts) == [("second", here.bob.id)]


async def test_it_expires(here: World) -> None:
    ts, message = await ask(here, here.bob.id, seconds=0.0)
    assert "This question is closed" in await told(here, message, here.bob)
    await here.until(lambda: "Nobody answered in time." in message.plain, what="the end in the message")
    assert decisions(here, ts) == [("expired", "")]


async def test_others_are_refused(here: World) -> None:
    ts, message = await ask(here, PARTICIPANTS)
    gone = here.slack.add_person("Dave Gone", deleted=True)
    away = here.slack.add_person("Mallory Away", team_id="T0OTHER")
    assert "This question is for somebody else" in await told(here, message, here.bob)
    for stranger in (gone, away):
        here.slack.invite(here.general, stranger)
        assert "other organisations and deactivated people" in await told(here, message, stranger)
    assert decisions(here, ts) == [("awaiting", "")]
