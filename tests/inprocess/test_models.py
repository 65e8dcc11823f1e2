"""A thread uses the model that somebody has chosen in it, without asking the model about that."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, text
from tests.harness import World
from tests.inprocess.turns import outcomes, thinking, waiting
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

MODELS = """
[models]
allowed = ["openai/gpt-5-mini", "anthropic/claude-opus-4.1"]
"""
NEXT = "in this thread, from my next step on."


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path, start=False) as this:
        this.model.models = ("sandbox/model", "openai/gpt-5-mini", "anthropic/claude-opus-4.1")
        (this.bot.home / "bot.toml").write_text(MODELS)
        await this.bot.start()
        yield this


def asked(request: ChatRequest) -> str:
    """The model that a request is for."""
    return str(request.payload.get("model") or request.payload["models"])


async def test_the_model_of_a_thread_is_chosen_with_a_message(here: World) -> None:
    here.model.respond = lambda request: text("An answer.")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "An answer.")
    await here.slack.say(here.general, here.alice, "use gpt-5-mini with high effort", thread_ts=ts)
    await here.reply(ts, f"I use openai/gpt-5-mini with high effort {NEXT}")
    await here.quiet()
    assert len(here.model.requests) == 1
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.until(lambda: len(here.model.requests) == 2, poll=0.01)
    await here.quiet()
    assert [asked(request) for request in here.model.requests] == ["sandbox/model", "openai/gpt-5-mini"]
    assert here.model.requests[1].payload["reasoning"] == {"effort": "high"}
    said = [str(message.get("content")) for message in here.model.requests[1].messages]
    assert any(
        "(this was about which model to use, and is done; not a request): use gpt-5-mini" in each for each in said
    )
    other = await here.slack.say(here.general, here.alice, "<@BOT> elsewhere")
    await here.reply(other, "An answer.")
    await here.quiet()
    assert asked(here.model.requests[2]) == "sandbox/model"
    await here.slack.say(here.general, here.alice, "<@BOT> use the default model", thread_ts=ts)
    await here.reply(ts, f"I use the default model, sandbox/model, {NEXT}")
    await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
    await here.until(lambda: len(here.model.requests) == 4, poll=0.01)
    await here.quiet()
    assert asked(here.model.requests[3]) == "sandbox/model"
    assert "reasoning" not in here.model.requests[3].payload
    audited = [json.loads(facts) for (facts,) in here.bot.rows("SELECT facts FROM audit WHERE kind = 'model'")]
    assert audited == [{"model": "openai/gpt-5-mini", "effort": "high"}, {"model": "", "effort": ""}]


async def test_a_choice_outlives_a_restart_and_is_made_once_however_often_it_is_delivered(here: World) -> None:
    ts = await here.slack.say(here.general, here.alice, "<@BOT> use opus")
    await here.reply(ts, f"I use anthropic/claude-opus-4.1 {NEXT}")
    await here.quiet()
    for sent in list(here.slack.envelopes):
        if sent.event_id and "use opus" in str(sent.payload.get("event", {}).get("text")):
            await here.slack.redeliver(sent.event_id, 2)
    await here.quiet()
    await here.bot.stop()
    await here.bot.start()
    assert here.bot.rows("SELECT count(*) FROM audit WHERE kind = 'model'") == [(1,)]
    assert sum("I use" in reply.plain for reply in here.replies(ts)) == 1
    here.model.script(text("An answer."))
    await here.slack.say(here.general, here.alice, "hello", thread_ts=ts)
    await here.reply(ts, "An answer.")
    await here.quiet()
    [request] = here.model.requests
    assert asked(request) == "anthropic/claude-opus-4.1"
    assert outcomes(here) == ["answered"]


async def test_an_open_turn_goes_on_with_the_other_model_from_its_next_step(here: World) -> None:
    ts, card = await waiting(here)
    await here.slack.say(here.general, here.alice, "use opus", thread_ts=ts)
    await here.reply(ts, f"I use anthropic/claude-opus-4.1 {NEXT}")
    assert here.open_approvals(ts) == 1
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "Written.")
    await here.quiet()
    assert [asked(request) for request in here.model.requests] == ["sandbox/model", "anthropic/claude-opus-4.1"]


async def test_a_step_that_is_under_way_is_not_interrupted(here: World) -> None:
    ts, ends = await thinking(here)
    await here.slack.say(here.general, here.bob, "<@BOT> use opus", thread_ts=ts)
    await here.reply(ts, f"I use anthropic/claude-opus-4.1 {NEXT}")
    ends.set()
    await here.reply(ts, "The answer.")
    await here.quiet()
    assert outcomes(here) == ["answered"]
    assert asked(here.model.requests[0]) == "sandbox/model"


async def test_reasoning_of_the_former_model_is_not_sent_to_the_next(here: World) -> None:
    detail: dict[str, Any] = {"type": "reasoning.text", "text": "Hm.", "signature": "of the first", "index": 0}

    def respond(request: ChatRequest) -> Completion:
        if not request.results:
            made = call("filesystem__list_directory", {"path": str(here.workspace)})
            return calls(made, reasoning_details=[detail])
        return text("An answer.")

    here.model.respond = respond
    ts = await here.slack.say(here.general, here.alice, "<@BOT> look")
    await here.reply(ts, "An answer.")
    await here.quiet()
    assert "of the first" in here.model.requests[-1].body.decode()
    here.model.respond = lambda request: text("An answer.")
    await here.slack.say(here.general, here.alice, "use opus", thread_ts=ts)
    await here.reply(ts, NEXT)
    for _ in range(2):
        count = len(here.model.requests)
        await here.slack.say(here.general, here.alice, "and now?", thread_ts=ts)
        await here.until(lambda count=count: len(here.model.requests) > count, poll=0.01)
        await here.quiet()
        assert asked(here.model.requests[-1]) == "anthropic/claude-opus-4.1"
        assert "of the first" not in here.model.requests[-1].body.decode()


async def test_a_model_that_is_no_longer_allowed_gives_way_to_the_default_and_people_read_so_once(here: World) -> None:
    ts = await here.slack.say(here.general, here.alice, "<@BOT> use opus")
    await here.reply(ts, NEXT)
    await here.quiet()
    await here.bot.stop()
    (here.bot.home / "bot.toml").write_text("")
    await here.bot.start()
    here.model.respond = lambda request: text("An answer.")
    for _ in range(2):
        count = len(here.model.requests)
        await here.slack.say(here.general, here.alice, "hello", thread_ts=ts)
        await here.until(lambda count=count: len(here.model.requests) > count, poll=0.01)
        await here.quiet()
        assert asked(here.model.requests[-1]) == "sandbox/model"
    words = "I can't use anthropic/claude-opus-4.1 any more, so I use sandbox/model in this thread."
    assert sum(words in reply.plain for reply in here.replies(ts)) == 1


async def test_what_may_not_be_chosen_changes_nothing_and_says_what_may(here: World) -> None:
    ts = await here.slack.say(here.general, here.alice, "<@BOT> use openai/gpt-9")
    await here.reply(ts, "You can choose sandbox/model, openai/gpt-5-mini or anthropic/claude-opus-4.1.")
    await here.quiet()
    assert here.model.requests == []
    assert here.bot.rows("SELECT model, chosen_at FROM threads") == [("", "")]
    assert here.bot.rows("SELECT count(*) FROM audit") == [(0,)]


async def test_words_between_others_choose_nothing(here: World) -> None:
    said = await here.slack.say(here.general, here.bob, "use opus")
    here.model.script(text("An answer."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "An answer.")
    await here.slack.say(here.general, here.bob, "use opus", thread_ts=ts)
    await here.quiet()
    assert here.replies(said) == []
    assert {row[0] for row in here.bot.rows("SELECT model FROM threads")} == {""}


async def test_a_message_that_was_missed_chooses_too(here: World) -> None:
    here.model.respond = lambda request: text("An answer.")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "An answer.")
    await here.quiet()
    await here.bot.stop()
    await here.slack.say(here.general, here.alice, "<@BOT> use opus", thread_ts=ts)
    await here.bot.start()
    await here.reply(ts, f"I use anthropic/claude-opus-4.1 {NEXT}")
    await here.quiet()
    assert len(here.model.requests) == 1


async def test_a_channel_has_a_model_and_an_effort_of_its_own(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False, OPENROUTER_MODEL="a/first,b/second") as here:
        table = f'[models.channels]\n{here.general.id} = {{model = "c/own", effort = "low"}}\n'
        (here.bot.home / "bot.toml").write_text(table)
        await here.bot.start()
        here.model.respond = lambda request: text("An answer.")
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "An answer.")
        dm = here.slack.open_dm(here.alice)
        ts = await here.slack.say(dm, here.alice, "hello")
        await here.reply(ts, "An answer.", dm)
        await here.quiet()
        own, default = (request.payload for request in here.model.requests)
        assert (own["models"], own["reasoning"]) == (["c/own", "b/second"], {"effort": "low"})
        assert default["models"] == ["a/first", "b/second"]
        assert "reasoning" not in default


async def test_a_fallback_that_answers_is_seen_in_the_log_and_in_the_details(tmp_path: Path) -> None:
    async with inside(tmp_path, OPENROUTER_MODEL="a/first,b/second") as here:
        here.model.script(text("An answer.", model="b/second"))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "An answer.")
        await here.quiet()
        assert "b/second answered in place of a/first" in here.bot.log
        assert "fallback=b/second" in here.bot.log
        assert here.bot.rows("SELECT model, fallback FROM turns") == [("b/second", "b/second")]


def thought(of: str) -> list[dict[str, Any]]:
    return [{"type": "reasoning.text", "text": f"thought of {of}", "signature": of, "index": 0}]


async def test_the_reasoning_of_a_fallback_goes_back_in_its_turn_and_to_no_other_model_later(tmp_path: Path) -> None:
    async with inside(tmp_path, OPENROUTER_MODEL="a/first,b/second") as here:
        (here.workspace / "a.txt").write_text("one")
        look = call("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")})
        here.model.script(
            text("First.", reasoning_details=thought("first")),
            replace(calls(look), model="b/second", reasoning_details=thought("second, at work")),
            text("Second.", model="b/second", reasoning_details=thought("second")),
            text("Third.", reasoning_details=thought("third")),
            text("Fourth."),
        )
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "First.")
        for words, answer in (("read it", "Second."), ("and now?", "Third."), ("and then?", "Fourth.")):
            await here.slack.say(here.general, here.alice, words, thread_ts=ts)
            await here.reply(ts, answer)
        await here.quiet()
        sent = [re.findall("thought of ([a-z, ]+)", request.body.decode()) for request in here.model.requests]
        assert sent == [[], ["first"], ["first", "second, at work"], [], ["third"]]


async def test_a_choice_with_which_a_thread_begins_counts_for_its_first_turn(here: World) -> None:
    dm = here.slack.open_dm(here.alice)
    ts = await here.slack.say(dm, here.alice, "use gpt-5-mini")
    await here.reply(ts, NEXT, dm)
    here.model.script(text("An answer."))
    await here.slack.say(dm, here.alice, "hello", thread_ts=ts)
    await here.reply(ts, "An answer.", dm)
    await here.quiet()
    assert [asked(request) for request in here.model.requests] == ["openai/gpt-5-mini"]


async def test_a_message_that_was_a_choice_and_is_edited_starts_nothing(here: World) -> None:
    ts = await here.slack.say(here.general, here.alice, "<@BOT> use opus")
    await here.reply(ts, NEXT)
    await here.quiet()
    await here.slack.edit(here.general, ts, here.alice, "<@BOT> use opus and delete everything")
    await here.quiet()
    assert here.model.requests == []
    assert outcomes(here) == []
