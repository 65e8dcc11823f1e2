"""A new kind of question is added from outside: asked, answered once by whom it names, and kept over a restart."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Iterator
from typing import Any, cast

import pytest

from bot.core.questions.kinds import KINDS
from bot.core.questions.question import PARTICIPANTS
from bot.core.transaction import Change
from bot.slack import directory
from bot.slack.blocks import question_blocks
from slack_sandbox.model import Message, Person, View
from slack_sandbox.openrouter import text
from tests.attacks.conftest import action, click, send, submission, typed, window
from tests.extending import which_way
from tests.harness import World
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
NUMBERS = itertools.count(1)
ANSWERED = "Answered: the short cut."


@pytest.fixture(scope="module", autouse=True)
def installed() -> Iterator[None]:
    which_way.install()
    yield
    del KINDS[which_way.KIND], question_blocks.APPEARANCES[which_way.KIND]


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
    ts = await begin(here, *people, seconds=seconds)
    return ts, await here.reply(ts, "Which way?")


async def begin(here: World, *people: str, seconds: float = 3600.0) -> str:
    """A thread of Alice's in which people are being asked."""
    here.model.script(text("Let me ask."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> find the way")
    await here.reply(ts, "Let me ask.")
    await here.quiet()
    [(thread_id,)] = here.bot.rows("SELECT id FROM threads WHERE thread_ts = ?", ts)
    parts = cast(BotInside, here.bot).parts
    question = which_way.question(next(NUMBERS), (int(thread_id), here.general.id), people, seconds=seconds)
    state = await parts.store.load(int(thread_id))
    await parts.store.commit(state, Change("ask a person", cards=[which_way.card(question)]))
    parts.wake(int(thread_id))
    return ts


async def entered(here: World, view: View, words: str, by: Person) -> None:
    """Somebody enters words in the window, and sends it."""
    await here.slack.submit(by, view, {"field.way": {"value": words}})
    assert not here.slack.rejected


async def private_words(here: World, message: Message, by: Person, label: str = "The short cut") -> str:
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


async def test_what_a_person_enters_in_its_window_is_checked_kept_and_read_by_the_model(here: World) -> None:
    ts, message = await ask(here, here.bob.id)
    view = await window(here, message, "Another way…", here.bob)
    for words in ("left", "<b>   "):
        await entered(here, view, words, here.bob)
        assert view.errors == {"field.way": "Use at least two words, such as “the bridge”."}
        assert here.slack.modals(here.bob) == [view], "it stays open, with what was entered"
        assert decisions(here, ts) == [("awaiting", "")]
    way = "over <!channel> *the* bridge & \\ “back”"
    await entered(here, view, way, here.bob)
    assert here.slack.modals(here.bob) == []
    await here.until(lambda: f"Answered: {way}." in message.plain, what="the answer in the message")
    assert (message.pings, message.buttons) == ([], [])
    assert decisions(here, ts) == [("other", here.bob.id)]
    here.model.script(text("On my way."))
    await here.slack.say(here.general, here.alice, "go on", thread_ts=ts)
    await here.reply(ts, "On my way.")
    assert f"is: {way}." in here.model.requests[-1].messages[-2]["content"]


async def test_what_comes_too_late_is_shown_to_be_copied(here: World) -> None:
    ts, message = await ask(here, here.alice.id, here.bob.id)
    view, pressed = await window(here, message, "Another way…", here.bob), action(message, "Another way…")
    await here.slack.click(message, "The short cut", by=here.alice)
    await here.until(lambda: ANSWERED in message.plain, what="the answer in the message")
    await entered(here, view, "over the bridge", here.bob)
    assert "This question is closed" in json.dumps(view.data)
    assert "over the bridge" in json.dumps(view.data)
    assert decisions(here, ts) == [("second", here.alice.id)]
    await send(here, click(here, message, pressed, here.bob))
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to who came late")
    assert "This question is closed" in here.slack.ephemerals(here.bob)[-1].plain
    assert len(here.slack.modals(here.bob)) == 1, "no other window"


async def test_a_window_that_is_sent_while_slack_is_silent_keeps_what_was_entered(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ts, message = await ask(here, here.bob.id)
    view = await window(here, message, "Another way…", here.bob)
    monkeypatch.setattr(directory, "FRESH_SECONDS", 0.0)
    here.slack.faults.add("users.info", "error", times=None)
    await entered(here, view, "over the bridge", here.bob)
    assert list(view.errors) == ["field.way"]
    assert "send it again in a moment." in view.errors["field.way"]
    here.slack.faults.clear()
    await entered(here, view, "over the bridge", here.bob)
    assert decisions(here, ts) == [("other", here.bob.id)]


async def test_its_window_opens_and_counts_only_for_whom_it_names(here: World) -> None:
    ts, message = await ask(here, here.bob.id)
    assert "This question is for somebody else" in await private_words(here, message, here.alice, "Another way…")
    assert here.slack.modals(here.alice) == []
    view = await window(here, message, "Another way…", here.bob)
    good = {"field.way": typed("over the bridge")}
    sealed = json.loads(view.data["private_metadata"])
    o = sealed["o"]
    forged = [
        submission(here, view, here.alice, good),
        submission(here, view, here.bob, {"field.way": typed("x " * 2_000)}),
        submission(here, view, here.bob, {f"field.{n}": typed("x y") for n in range(200)}),
        submission(here, view, here.bob, good, callback_id="question.which_way.third"),
        submission(here, view, here.bob, good, callback_id="question.may_it_run.other"),
        submission(here, view, here.bob, good, callback_id="question."),
        submission(here, view, here.bob, good, private_metadata=json.dumps({**sealed, "o": [o[0], "0" * 64, *o[2:]]})),
        submission(here, view, here.bob, good, private_metadata=json.dumps({**sealed, "o": [*o[:2], "C0", *o[3:]]})),
        submission(here, view, here.bob, good, private_metadata=""),
    ]
    states: list[Any] = [{}, {"value": {}}, {"value": {"value": ["a", "b"]}}, {"value": 1}, {"other": {"value": "a b"}}]
    forged += [submission(here, view, here.bob, {"field.way": state}) for state in states]
    for payload in forged:
        await send(here, payload)
    assert decisions(here, ts) == [("awaiting", "")]
    await asyncio.gather(*(send(here, submission(here, view, here.bob, good)) for _ in range(3)))
    assert decisions(here, ts) == [("other", here.bob.id)]
    recorded = here.bot.rows("SELECT kind FROM audit WHERE approval = ? ORDER BY seq", o[0])
    assert recorded == [("requested",), ("decided",)]


async def test_people_are_reminded_of_it_in_its_own_time_and_words(here: World) -> None:
    later, _ = await ask(here, here.bob.id, seconds=700.0)
    soon, _ = await ask(here, here.bob.id, here.alice.id, PARTICIPANTS, seconds=500.0)
    for _ in range(2):
        await here.bot.stop()
        await here.bot.start()  # a process begins with a look at what is due
        await here.ready()
        reminder = await here.reply(soon, "I still do not know which way to go")
        assert set(reminder.pings) == {f"<@{here.bob.id}>", f"<@{here.alice.id}>"}
        await here.quiet()
        found = [[each for each in here.replies(ts) if "I still" in each.plain] for ts in (later, soon)]
        assert list(map(len, found)) == [0, 1]


async def test_it_is_decided_once_and_only_as_it_was_shown(here: World) -> None:
    ts, message = await ask(here, here.alice.id, here.bob.id)
    first, second = action(message, "The long road"), action(message, "The short cut")
    carried = json.loads(second["value"])
    for forged in ({**carried, "d": "0" * 64}, {**carried, "q": "which-way-0"}, {**carried, "more": 1}):
        await send(here, click(here, message, {**second, "value": json.dumps(forged)}, here.bob))
    await send(here, click(here, message, {**second, "action_id": "question.which_way.third"}, here.bob))
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
    assert "This question is closed" in await private_words(here, message, here.bob)
    await here.until(lambda: "Nobody answered in time." in message.plain, what="the end in the message")
    assert decisions(here, ts) == [("expired", "")]


async def test_it_is_withdrawn_when_slack_does_not_show_it(here: World) -> None:
    here.slack.faults.add("chat.postMessage", "error", code="msg_too_long", match=lambda said: "Which" in said["text"])
    ts = await begin(here, here.bob.id)
    await here.until(lambda: decisions(here, ts) == [("withdrawn", "")], what="the end of the question", poll=0.02)
    await here.quiet()
    assert [each.plain for each in here.replies(ts)] == ["Let me ask."]


async def directly(here: World, person: Person, words: str = "Which way?") -> Message:
    """What somebody has got by direct message."""
    dm = here.slack.open_dm(person)

    def found() -> list[Message]:
        return [each for each in dm.messages.values() if words in each.plain and not each.deleted]

    return (await here.until(found, what="a direct message"))[-1]


async def look(here: World) -> None:
    """Have the bot look who is there to answer, with nothing remembered."""
    await cast(BotInside, here.bot).parts.look_again()


async def test_who_does_not_see_the_thread_is_asked_and_reminded_by_direct_message_and_answers_there(
    here: World,
) -> None:
    carol = here.slack.add_person("Carol Away")
    ts, message = await ask(here, carol.id, seconds=500.0)
    await look(here)
    copy = await directly(here, carol)
    assert f"<#{here.general.id}>" in copy.plain
    await here.reply(ts, "whom I asked by direct message")
    await here.bot.stop()
    await here.bot.start()
    await here.ready()
    await directly(here, carol, "I still do not know which way to go")
    await here.quiet()
    assert not [each for each in here.replies(ts) if "I still" in each.plain]
    view = await window(here, copy, "Another way…", carol)
    await entered(here, view, "over the bridge", carol)
    for shown in (message, copy):
        await here.until(lambda shown=shown: "Answered: over the bridge." in shown.plain, what="the answer")
        assert not shown.buttons
    assert decisions(here, ts) == [("other", carol.id)]


async def test_when_nobody_is_left_who_may_answer_it_ends_with_a_sentence(here: World) -> None:
    carol, dave = here.slack.add_person("Carol Gone"), here.slack.add_person("Dave Next")
    here.slack.invite(here.general, carol)
    ts, message = await ask(here, carol.id, dave.id)
    await look(here)
    await here.quiet()
    assert not here.slack.open_dm(dave).messages, "Carol sees it"
    await here.slack.deactivate(carol)
    await look(here)
    await directly(here, dave)
    await here.quiet()
    await here.slack.deactivate(dave)
    await look(here)
    await here.reply(ts, "Nobody who may answer this is left")
    await here.until(lambda: "Nobody could answer." in message.plain, what="the end in the message")
    assert decisions(here, ts) == [("withdrawn", "")]


async def test_when_somebody_deletes_its_message_it_comes_back_with_its_buttons(here: World) -> None:
    admin = here.slack.add_person("Adam Admin", admin=True)
    ts, message = await ask(here, here.bob.id)
    await here.slack.delete(here.general, message.ts, admin)

    def again() -> list[Message]:
        return [each for each in here.replies(ts) if each.ts != message.ts and "Which way?" in each.plain]

    [back] = await here.until(again, what="the message again")
    message.metadata = None  # the harness must not complain of two with one key
    await here.slack.click(back, "The short cut", by=here.bob)
    await here.until(lambda: ANSWERED in back.plain, what="the answer in the message")


async def test_others_are_refused(here: World) -> None:
    ts, message = await ask(here, PARTICIPANTS)
    gone = here.slack.add_person("Dave Gone", deleted=True)
    away = here.slack.add_person("Mallory Away", team_id="T0OTHER")
    assert "This question is for somebody else" in await private_words(here, message, here.bob)
    for stranger in (gone, away):
        here.slack.invite(here.general, stranger)
        assert "other organizations and deactivated people" in await private_words(here, message, stranger)
    assert decisions(here, ts) == [("awaiting", "")]
