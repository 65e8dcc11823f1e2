"""The model asks the requester: with buttons, in a window, or answered in the thread. It is never an approval."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.attacks.conftest import window
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
QUESTION = "Which <!channel> *way*?"
WAYS = {"question": QUESTION, "options": ["The long road", "The short cut"]}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


async def ask(here: World, *arguments: Mapping[str, object], ends: bool = True) -> tuple[str, list[Message]]:
    """A turn in which the model asks; `ends` with an answer. Out: its thread, and the questions."""
    here.model.script(calls(*(call("ask_person", each) for each in arguments)), *([text("All done.")] if ends else []))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> find the way")
    await here.until(lambda: len(asked(here, ts)) == len(arguments), what="the questions")
    await here.quiet()
    return ts, asked(here, ts)


def asked(here: World, ts: str) -> list[Message]:
    return [reply for reply in here.replies(ts) if reply.buttons]


def results(here: World) -> list[str]:
    """What the model read last as the results of its calls."""
    return [each["content"] for each in here.model.requests[-1].messages if each["role"] == "tool"]


def rows(here: World, query: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in here.bot.rows(query)]


async def test_a_button_gives_the_answer_and_the_tool_is_offered_under_its_name(here: World) -> None:
    ts, [message] = await ask(here, WAYS)
    assert message.buttons == ["The long road", "The short cut", "Something else…"]
    assert "Which <!channel> *way*?" in message.plain
    assert "ask_person" in [tool["function"]["name"] for tool in here.model.requests[0].tools]
    await here.slack.click(message, "The short cut", by=here.alice)
    await here.reply(ts, "All done.")
    assert results(here) == ["The short cut"]
    await here.until(lambda: not message.buttons, what="a closed question")
    assert "The short cut" in message.plain


async def test_an_answer_in_ones_own_words_is_entered_in_a_window(here: World) -> None:
    ts, [message] = await ask(here, {"question": "What is it called?"})
    assert message.buttons == ["Answer…"]
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.answer": {"value": "   "}})
    assert list(view.errors) == ["field.answer"]
    await here.slack.submit(here.alice, view, {"field.answer": {"value": "<!here> the “bridge” & more"}})
    await here.reply(ts, "All done.")
    assert results(here) == ["<!here> the “bridge” & more"]
    await here.until(lambda: not message.buttons, what="a closed question")
    assert message.pings == [f"<@{here.alice.id}>"]


async def test_only_the_requester_answers_and_it_counts_as_no_approval(here: World) -> None:
    ts, [message] = await ask(here, WAYS)
    await here.slack.click(message, "The short cut", by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to somebody else")
    assert "This question is for somebody else" in here.slack.ephemerals(here.bob)[-1].plain
    assert rows(here, "SELECT kind, decision FROM questions") == [("ask_person", "awaiting")]
    await here.slack.click(message, "The long road", by=here.alice)
    await here.reply(ts, "All done.")
    assert rows(here, "SELECT kind, decision, decided_by FROM questions") == [("ask_person", "first", here.alice.id)]
    audit = here.bot.rows("SELECT kind, actor, facts FROM audit WHERE approval <> '' ORDER BY seq")
    assert [(kind, actor) for kind, actor, _ in audit] == [("asked", ""), ("answered", here.alice.id)]
    assert all("long road" not in facts for _, _, facts in audit), "the audit keeps that it was answered, not how"
    assert not rows(here, "SELECT 1 FROM grants")
    assert not rows(here, "SELECT 1 FROM votes")
    assert here.bot.rows("SELECT outcome, why FROM calls") == [("ok", here.bot.rows("SELECT why FROM calls")[0][0])]


async def test_what_the_requester_writes_in_the_thread_is_the_answer_to_all_that_waits(here: World) -> None:
    ts, messages = await ask(here, WAYS, {"question": "When?"})
    await here.slack.say(here.general, here.bob, "the moon", thread_ts=ts)
    await here.quiet()
    assert len(here.model.requests) == 1, "somebody else's words are no answer"
    await here.slack.say(here.general, here.alice, "Yes, go ahead", thread_ts=ts)
    await here.reply(ts, "All done.")
    assert all("read their message" in each for each in results(here))
    assert len(results(here)) == 2
    read = [str(each.get("content")) for each in here.model.requests[-1].messages if each["role"] == "user"]
    assert any("Yes, go ahead" in each for each in read)
    await here.until(lambda: not any(each.buttons for each in messages), what="closed questions")
    assert all("Answered in the thread" in each.plain for each in messages)
    assert rows(here, "SELECT DISTINCT decision, decided_by FROM questions") == [("written", here.alice.id)]


async def test_it_waits_beside_an_approval_and_words_approve_nothing(here: World) -> None:
    write = call("filesystem__write_file", {"path": "a.txt", "content": "a"})
    here.model.script(calls(call("ask_person", WAYS), write), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    await here.until(lambda: len(asked(here, ts)) == 2, what="both")
    await here.slack.say(here.general, here.alice, "yes", thread_ts=ts)
    await here.reply(ts, "I can't take approvals in writing")
    await here.quiet()
    assert rows(here, "SELECT DISTINCT decision FROM questions WHERE kind <> 'follow_up'") == [("awaiting",)]
    question = next(each for each in asked(here, ts) if "The short cut" in each.buttons)
    await here.slack.click(question, "The short cut", by=here.alice)
    await here.until(lambda: rows(here, "SELECT 1 FROM questions WHERE decision = 'second'"), poll=0.01)
    await here.quiet()
    assert len(here.model.requests) == 1
    assert not (here.workspace / "a.txt").exists()
    card = next(each for each in asked(here, ts) if "Approve" in each.buttons)
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "All done.")
    assert results(here)[0] == "The short cut"
    assert (here.workspace / "a.txt").read_text() == "a"


async def test_doing_something_else_instead_closes_it_too(here: World) -> None:
    write = call("filesystem__write_file", {"path": "a.txt", "content": "a"})
    here.model.script(calls(call("ask_person", WAYS), write), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    await here.until(lambda: len(asked(here, ts)) == 2, what="both")
    await here.slack.say(here.general, here.alice, "no, make a list first", thread_ts=ts)
    notice = await here.reply(ts, "I'm waiting for the decision above.")
    await here.slack.click(notice, "Deny and do this instead", by=here.alice)
    await here.reply(ts, "All done.")
    assert "answered by writing" in results(here)[0]
    assert "make a list first" in results(here)[1]


async def test_it_is_still_answered_after_a_restart(here: World) -> None:
    ts, [message] = await ask(here, WAYS)
    await here.bot.stop()
    await here.bot.start()
    await here.ready()
    await here.slack.click(message, "The long road", by=here.alice)
    await here.reply(ts, "All done.")
    assert results(here) == ["The long road"]


async def test_stop_expiry_and_deletion_end_it(here: World) -> None:
    ts, [message] = await ask(here, WAYS, ends=False)
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, "Stopped.")
    await here.until(lambda: not message.buttons, what="a closed question")
    ts, [message] = await ask(here, WAYS)
    boss = here.slack.add_person("Boss", admin=True)
    for _ in range(2):
        await here.until(lambda: asked(here, ts), what="the question, once more")
        await here.quiet()
        await here.slack.delete(here.general, asked(here, ts)[0].ts, boss)
    await here.reply(ts, "All done.")
    assert results(here)[-1].startswith("Not answered: ")
    await here.quiet()
    here.fresh()  # it was posted twice, as it should be
    await here.bot.stop()
    (here.bot.home / "bot.toml").write_text("[limits]\napproval_hours = 0.00001\nsweep_seconds = 0.05\n")
    await here.bot.start()
    await here.ready()
    here.model.script(calls(call("ask_person", WAYS)), text("Too late."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> again")
    await here.reply(ts, "Too late.")
    assert results(here)[-1] == "Not answered: nobody answered in time."


async def test_bad_arguments_are_a_clear_error_and_nobody_is_asked(here: World) -> None:
    bad: list[dict[str, object]] = [
        {"question": "Which?", "options": ["a"]},
        {"question": "Which?", "options": ["a", "A"]},
        {"question": "  "},
        {"question": "Which?", "options": ["a", "b", "c", "d", "e"]},
        {"ask": "Which?"},
    ]
    here.model.script(calls(*(call("ask_person", each) for each in bad)), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
    await here.reply(ts, "All done.")
    assert [each.startswith("Not run: ") for each in results(here)] == [True] * len(bad)
    assert "two of the options are the same" in results(here)[1]
    assert not rows(here, "SELECT 1 FROM questions")


async def test_it_is_not_offered_where_the_settings_say_so(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text("[agent]\nask_person = false\n")
    async with inside(tmp_path) as here:
        here.model.script(calls(call("ask_person", WAYS)), text("All done."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> go")
        await here.reply(ts, "All done.")
        assert "ask_person" not in [tool["function"]["name"] for tool in here.model.requests[0].tools]
        assert not rows(here, "SELECT 1 FROM questions")
