"""Threads that outgrow the model's context: what is sent, what people read, what it costs, and that nothing is lost."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.longer import grow
from bot import errors
from bot.agent import compaction_texts as texts
from bot.agent.request_meter import RequestMeter
from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.errors import OutOfBudget
from bot.model.openrouter import OpenRouter
from slack_sandbox.openrouter import Answer, ChatRequest, ModelSandbox, call, calls, empty, failure, text
from tests.harness import World
from tests.inprocess.model import NearModel
from tests.inprocess.world import BotInside, inside
from tests.stamps import unstamped

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

WINDOW = 9_000
LONG = "The north went up and the south went down, as they had in the year before. " * 20
SUMMARY = "They talked about the north, in report-1.csv."
COST = 0.25
Json = dict[str, Any]
Respond = Callable[[ChatRequest], Answer]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path, start=False) as this:
        configure(this)
        this.model.respond = answering()
        await this.bot.start()
        yield this
        await this.quiet()
        this.model.prefix_breaks.clear()


def configure(here: World, window: int = WINDOW, **more: str) -> None:
    lines = [f"context = {window}", *(f'{name} = "{value}"' for name, value in more.items())]
    (here.bot.home / "bot.toml").write_text("[models]\n" + "\n".join(lines) + "\n")


def summarises(request: ChatRequest) -> bool:
    return str(request.messages[0]["content"]).startswith("You summarise")


def answering(summary: Answer | None = None, said: str = "So it is. ") -> Respond:
    """A model that answers, and summarises when it is asked to."""
    number = iter(range(10_000))

    def respond(request: ChatRequest) -> Answer:
        if summarises(request):
            return summary or text(SUMMARY, cost=COST)
        return text(f"{said}{next(number)}", cost=0.5)

    return respond


def requests(here: World) -> list[ChatRequest]:
    """The requests of turns."""
    return [each for each in here.model.requests if not summarises(each)]


def summaries(here: World) -> list[ChatRequest]:
    return [each for each in here.model.requests if summarises(each)]


async def talk(here: World, times: int, thread: str = "", words: str = LONG) -> str:
    """Have several turns in one thread."""
    for number in range(times):
        asked = len(requests(here))
        said = f"<@BOT> {number} {words}"
        ts = await here.slack.say(here.general, here.alice, said, thread_ts=thread or None)
        thread = thread or ts
        await here.until(lambda asked=asked: len(requests(here)) > asked, what="a request", poll=0.001)
        await here.quiet()
    return thread


def stored(here: World) -> list[Json]:
    """The log."""
    return [json.loads(body) for (body,) in here.bot.rows("SELECT body FROM messages ORDER BY seq")]


def notices(here: World, thread: str) -> list[str]:
    said = [reply.plain for reply in here.replies(thread)]
    return [each for each in said if each in (texts.SUMMARISED, texts.SET_ASIDE)]


async def until_replaced(here: World, thread: str = "", most: int = 40) -> str:
    """Talk until the older part is replaced."""
    before = here.bot.rows("SELECT count(*) FROM compactions WHERE body <> ''")
    for _ in range(most):
        thread = await talk(here, 1, thread)
        if here.bot.rows("SELECT count(*) FROM compactions WHERE body <> ''") != before:
            return thread
    raise AssertionError("nothing was replaced")


async def test_a_summary_stands_in_for_the_older_part_and_the_log_stays_whole(here: World) -> None:
    thread = await until_replaced(here)
    [asked] = summaries(here)
    assert asked.tools == []
    assert asked.tool_choice is None
    assert "[user] Alice Smith: 0 The north" in asked.said
    [*_, last] = requests(here)
    system, replaced, *rest = last.messages
    assert system["role"] == "system"
    assert replaced["role"] == "user"
    assert replaced["content"].startswith(texts.HEADING)
    assert f"\n> {SUMMARY}" in replaced["content"]
    log = stored(here)
    assert rest == log[len(log) - 1 - len(rest) : -1], "what follows is as it was said"
    assert len(log) == 1 + 2 * len(requests(here))
    assert len(last.body) // 4 < 0.6 * WINDOW
    assert notices(here, thread) == [texts.SUMMARISED]
    [(cost, steps)] = here.bot.rows("SELECT cost, steps FROM turns ORDER BY id DESC LIMIT 1")
    assert (cost, steps) == (COST + 0.5, 1), "its cost is that of the turn, and it is no step"
    [broken] = here.model.prefix_breaks
    assert (broken.what, broken.request) == ("messages", last.number)


async def test_requests_begin_with_the_same_bytes_between_two_summaries_also_after_a_restart(here: World) -> None:
    thread = await until_replaced(here)
    here.model.prefix_breaks.clear()
    await talk(here, 2, thread)
    await here.bot.stop()
    await here.bot.start()
    await talk(here, 2, thread)
    assert len(summaries(here)) == 1
    assert here.model.prefix_breaks == []
    await until_replaced(here, thread)
    [_, second] = summaries(here)
    assert f"<earlier_summary>\n{SUMMARY}\n</earlier_summary>" in second.said
    assert len(here.model.prefix_breaks) == 1
    assert notices(here, thread) == [texts.SUMMARISED], "people read it once"


@pytest.mark.parametrize("name", ["empty", "blank", "fails"])
async def test_without_a_summary_excerpts_stand_in_and_the_thread_works_on(here: World, name: str) -> None:
    bad: dict[str, Answer] = {"empty": empty(), "blank": text(" \n"), "fails": failure("html")}
    here.model.respond = answering(bad[name])
    thread = await until_replaced(here)
    assert len(summaries(here)) == 1
    [*_, last] = requests(here)
    content = last.messages[1]["content"]
    assert content.startswith(texts.EXCERPTS_HEADING)
    assert "\n> [user] Alice Smith: " in content
    assert here.bot.rows("SELECT DISTINCT outcome FROM turns") == [("answered",)]
    assert notices(here, thread) == [texts.SET_ASIDE]
    here.model.respond = answering()
    await until_replaced(here, thread)
    assert SUMMARY in requests(here)[-1].messages[1]["content"]
    if name != "fails":
        assert here.bot.rows("SELECT sum(cost) FROM turns") == [(sum_of_costs(here),)]


FAILURES = (errors.ModelRateLimited, errors.ModelUnpaid, errors.WrongEndpoint, errors.ModelRefused)


class NoSummaries(NearModel):
    """Fails whenever a summary is asked for."""

    failure: type[errors.ModelError] = errors.ModelUnavailable

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        if "You summarise" in next(iter(request.messages)):
            raise NoSummaries.failure("it fails")
        return await super().complete(request, on_text)


async def test_whatever_a_request_for_a_summary_fails_with_the_thread_works_on(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        assert isinstance(here.bot, BotInside)
        configure(here)
        here.bot.model_of = lambda loaded: NoSummaries(
            here.model, api_key=loaded.openrouter_api_key, base_url="", models=loaded.models
        )
        here.model.respond = answering()
        await here.bot.start()
        thread = ""
        for NoSummaries.failure in FAILURES:
            thread = await until_replaced(here, thread)
            assert requests(here)[-1].messages[1]["content"].startswith(texts.EXCERPTS_HEADING)
        NoSummaries.failure = errors.ContextTooLong
        await talk(here, 3, thread)
        assert here.bot.rows("SELECT DISTINCT outcome FROM turns") == [("answered",)]
        assert notices(here, thread) == [texts.SET_ASIDE], "people read it once"
        await here.quiet()
        here.model.prefix_breaks.clear()


def sum_of_costs(here: World) -> float:
    return COST * (len(summaries(here)) - 1) + 0.5 * len(requests(here))


async def test_what_people_decided_is_listed_word_for_word_after_any_number_of_summaries(here: World) -> None:
    path = here.workspace / "a.txt"
    written = calls(call("filesystem__write_file", {"path": str(path), "content": "x"}))
    here.model.script(written, text("As you like."))
    thread = await here.slack.say(here.general, here.alice, "<@BOT> write")
    card = await here.reply(thread, "Waiting for you")
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(thread, "As you like.")
    here.model.script(written, text("I see."))
    await here.slack.say(here.general, here.alice, "<@BOT> write again", thread_ts=thread)
    await here.until(lambda: here.open_approvals(thread), what="a card", poll=0.001)
    await here.quiet()
    card = here.replies(thread)[-1]
    opened = asyncio.ensure_future(here.slack.click(card, "Deny", by=here.alice))
    await here.reply(thread, "I see.")
    await opened
    for _ in range(2):
        await until_replaced(here, thread)
        content = requests(here)[-1].messages[1]["content"]
        decisions = content.partition(texts.DECISIONS_HEADING)[2].strip().splitlines()
        assert [line.partition("}: ")[2] for line in decisions] == [
            "approved by Alice Smith.",
            "denied, so it was not run by Alice Smith.",
        ]
        assert all("filesystem__write_file" in line for line in decisions)


async def test_where_all_is_private_those_who_decided_have_labels_in_a_summary(here: World) -> None:
    path = here.workspace / "a.txt"
    here.model.script(calls(call("filesystem__write_file", {"path": str(path), "content": "x"})), text("As you like."))
    thread = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.slack.click(await here.reply(thread, "Waiting for you"), "Approve", by=here.alice)
    await here.reply(thread, "As you like.")
    await here.bot.stop()
    (here.bot.home / "bot.toml").write_text(f'[agent]\nprivacy = "private"\n[models]\ncontext = {WINDOW}\n')
    await here.bot.start()
    await until_replaced(here, thread)
    decisions = requests(here)[-1].messages[1]["content"].partition(texts.DECISIONS_HEADING)[2]
    assert ": approved by " in decisions
    assert "Alice" not in decisions


async def test_nothing_is_set_aside_because_a_budget_is_used_up_before_the_summary(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[int] = []

    async def again(meter: RequestMeter) -> None:
        if not refused:  # another thread has used it up since the turn's own check, and it is raised at once
            refused.append(meter.requests)
            raise OutOfBudget("used up")

    monkeypatch.setattr(RequestMeter, "again", again)
    await until_replaced(here)
    assert refused == [0]
    assert here.bot.rows("SELECT DISTINCT kind FROM compactions") == [("summary",)]
    assert here.bot.rows("SELECT DISTINCT outcome FROM turns") == [("answered",)]


async def test_old_results_are_shortened_before_anything_is_left_out(here: World) -> None:
    await here.bot.stop()
    configure(here, 20_000)
    await here.bot.start()
    (here.workspace / "a.txt").write_text("row;1;2;3\n" * 800)
    steps = iter(range(100))

    def respond(request: ChatRequest) -> Answer:
        if (step := next(steps)) == 6:
            return text("Read.")
        path = str(here.workspace / "a.txt")
        return calls(call("filesystem__read_text_file", {"path": path, "head": 700 + step}))

    here.model.respond = respond
    thread = await here.slack.say(here.general, here.alice, "<@BOT> read it")
    await here.reply(thread, "Read.")
    await here.quiet()
    assert here.bot.rows("SELECT kind FROM compactions ORDER BY id") == [("trim",)]
    results = [str(each["content"]) for each in requests(here)[-1].messages if each["role"] == "tool"]
    shortened = ["characters are left out here" in each for each in results]
    assert shortened[0]
    assert not any(shortened[-3:]), "the newest steps are whole"
    assert all(len(each["content"]) > 6_900 for each in stored(here) if each["role"] == "tool"), "and so is the log"
    assert notices(here, thread) == [], "nothing is missing that people said"


async def test_the_model_for_summaries_is_the_operators(here: World) -> None:
    await here.bot.stop()
    configure(here, summary="small/one")
    await here.bot.start()
    await until_replaced(here)
    assert {each.model for each in summaries(here)} == {"small/one"}
    assert "small/one" not in {each.model for each in requests(here)}
    assert here.bot.rows("SELECT model FROM compactions WHERE body <> ''") == [("small/one",)]
    assert here.bot.rows("SELECT DISTINCT model FROM turns") != [("small/one",)]


async def test_a_stop_during_a_summary_ends_the_turn(here: World) -> None:
    asked, ends = asyncio.Event(), asyncio.Event()
    usual = answering()

    async def respond(request: ChatRequest) -> Answer:
        if summarises(request):
            asked.set()
            await ends.wait()
        return usual(request)

    here.model.respond = respond
    thread = ""
    while not asked.is_set():
        before = len(requests(here))
        ts = await here.slack.say(here.general, here.alice, f"<@BOT> {LONG}", thread_ts=thread or None)
        thread = thread or ts
        await here.until(
            lambda before=before: asked.is_set() or len(requests(here)) > before, what="a request", poll=0.001
        )
        if not asked.is_set():
            await here.quiet()
    await here.slack.say(here.general, here.alice, "<@BOT> stop", thread_ts=thread)
    await here.reply(thread, "Stopped. Nothing was changed.")
    ends.set()
    await here.quiet()
    assert here.bot.rows("SELECT outcome FROM turns ORDER BY id DESC LIMIT 1") == [("stopped",)]
    here.model.respond = usual
    await talk(here, 1, thread)
    assert here.bot.rows("SELECT outcome FROM turns ORDER BY id DESC LIMIT 1") == [("answered",)]


async def test_a_deleted_message_is_left_out_of_the_summary_that_is_written_again(here: World) -> None:
    thread = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.quiet()
    secret = await here.slack.say(here.general, here.alice, "my code is 4711", thread_ts=thread)
    await here.quiet()
    await until_replaced(here, thread)
    assert "4711" in summaries(here)[0].said
    await here.slack.delete(here.general, secret, here.alice)
    await here.quiet()
    here.model.respond = answering(text("They talked."))
    await talk(here, 1, thread, words="go on")
    assert len(summaries(here)) == 2
    assert "<deleted>\nmy code is 4711\n</deleted>" in summaries(here)[1].said
    body = requests(here)[-1].messages[1]["content"]
    assert "> They talked." in body
    assert SUMMARY not in body
    await talk(here, 1, thread, words="go on")
    assert len(summaries(here)) == 2, "once"


async def test_the_file_of_a_deleted_message_is_left_out_of_the_summary_that_is_written_again(here: World) -> None:
    thread = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.quiet()
    file = ("codes.txt", b"the code is 4711")
    secret = await here.slack.say(here.general, here.alice, "these are mine", thread_ts=thread, files=[file])
    await here.quiet()
    await until_replaced(here, thread)
    assert "4711" in summaries(here)[0].said
    await here.slack.delete(here.general, secret, here.alice)
    await here.quiet()
    here.model.respond = answering(text("They talked."))
    await talk(here, 1, thread, words="go on")
    before, _, deleted = summaries(here)[1].said.partition("<deleted>")
    assert "4711" not in before
    assert "the code is 4711" in deleted
    assert "4711" not in str(requests(here)[-1].messages)


# --- a conversation that the model refuses


@pytest.fixture
async def strict(tmp_path: Path) -> AsyncGenerator[World]:
    """A bot whose model can read less than is known of it, over a network."""
    async with ModelSandbox() as model, inside(tmp_path, start=False) as this:
        bot = this.bot
        assert isinstance(bot, BotInside)
        this.model = model
        bot.model_of = lambda loaded: OpenRouter(
            api_key=model.api_key, base_url=model.base_url, models=loaded.models, pause_seconds=0.001
        )
        await bot.start()
        yield this
        await this.quiet()
        model.prefix_breaks.clear()


def reading(most: int, message: str | None = None) -> Respond:
    """A model that can read so many bytes."""
    usual = answering()

    def respond(request: ChatRequest) -> Answer:
        if len(request.body) > most:
            return failure("context_length_exceeded", message=message)
        return usual(request)

    return respond


@pytest.mark.parametrize("message", [None, "This model's maximum context length is 7000 tokens."])
async def test_a_conversation_that_the_model_refuses_is_shortened_and_sent_again_in_the_same_turn(
    strict: World, message: str | None
) -> None:
    strict.model.respond = answering()
    thread = await talk(strict, 12)
    most = len(requests(strict)[-1].body) - 1_000
    strict.model.requests.clear()
    strict.model.respond = reading(most, message)
    await talk(strict, 1, thread)
    assert [len(each.body) > most for each in requests(strict)] == [True, False]
    assert len(summaries(strict)) >= 1
    assert strict.bot.rows("SELECT DISTINCT outcome FROM turns") == [("answered",)]
    assert notices(strict, thread) == [texts.SUMMARISED]
    await talk(strict, 1, thread)
    assert len(requests(strict)) == 3, "the next request fits at once"


async def test_after_three_refusals_people_read_why_and_can_have_it_tried_again(strict: World) -> None:
    strict.model.respond = answering()
    thread = await talk(strict, 12)
    strict.model.requests.clear()
    strict.model.respond = reading(0)
    await talk(strict, 1, thread)
    assert 1 <= len(requests(strict)) <= 3
    assert len(strict.model.requests) <= 3 + 4 * 2
    shown = strict.replies(thread)[-1]
    assert "making it shorter was not enough" in json.dumps([shown.plain, shown.blocks])
    assert "Retry" in shown.buttons
    strict.model.respond = answering()
    strict.errors_expected = True
    await strict.slack.click(shown, "Retry", by=strict.alice)
    await strict.quiet()
    assert strict.bot.rows("SELECT outcome FROM turns ORDER BY id DESC LIMIT 1") == [("answered",)]


async def test_the_requester_s_last_words_are_sent_whole_however_long_the_turn_is(here: World) -> None:
    (here.workspace / "a.txt").write_text("row;1;2;3\n" * 400)
    words = f"compare them: {LONG}{LONG}"
    steps = iter(range(100))

    def respond(request: ChatRequest) -> Answer:
        if summarises(request):
            return text(SUMMARY)
        if (step := next(steps)) < 14:
            path = str(here.workspace / "a.txt")
            return calls(call("filesystem__read_text_file", {"path": path, "head": 300 + step}))
        return text("Compared.")

    here.model.respond = respond
    thread = await here.slack.say(here.general, here.alice, f"<@BOT> {words}")
    await here.reply(thread, "Compared.")
    await here.quiet()
    assert summaries(here)
    for request in requests(here):
        said = [unstamped(str(each["content"])) for each in request.messages if each["role"] == "user"]
        assert f"Alice Smith: {words.strip()}" in said
        assert len(request.body) // 4 < WINDOW
    assert here.bot.rows("SELECT outcome FROM turns") == [("answered",)]


async def test_a_thread_of_5000_messages_is_answered_with_what_fits_and_a_few_summaries(here: World) -> None:
    thread = await talk(here, 1, words="hello")
    await here.bot.stop()
    configure(here, 32_000)
    assert grow(here.bot.database, 1, 5_000) == 4_999
    here.model.prefix_breaks.clear()
    await here.bot.start()
    await talk(here, 1, thread, words="and what is in row 1?")
    assert len(summaries(here)) <= 4
    assert max(len(each.body) for each in here.model.requests) // 4 <= 0.75 * 32_000
    assert here.bot.rows("SELECT outcome FROM turns ORDER BY id DESC LIMIT 1") == [("answered",)]
    assert here.bot.rows("SELECT count(*) FROM messages") == [(5_001,)]
    with closing(sqlite3.connect(here.bot.database)) as connection:  # what was replaced is not read again
        before = connection.execute("SELECT max(upto) FROM compactions").fetchone()[0]
        connection.execute("DELETE FROM messages WHERE seq > 0 AND seq < ?", (before,))
        connection.commit()
    await here.bot.stop()
    await here.bot.start()
    await talk(here, 1, thread, words="and in row 2?")
    assert here.bot.rows("SELECT outcome FROM turns ORDER BY id DESC LIMIT 1") == [("answered",)]
