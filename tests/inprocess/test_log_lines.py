"""What a running bot logs: one line when a turn begins, ends, or somebody clicks, and nothing of what was said."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.logs import Formatter
from slack_sandbox.openrouter import call, calls, failure, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

COST = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120, "cost": 0.25}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


@contextmanager
def entries() -> Generator[list[dict[str, Any]]]:
    """What is logged meanwhile, as the lines of LOG_FORMAT=json."""
    said, found = io.StringIO(), list[dict[str, Any]]()
    handler = logging.StreamHandler(said)
    handler.setFormatter(Formatter((), as_json=True))
    logging.getLogger().addHandler(handler)
    try:
        yield found
    finally:
        logging.getLogger().removeHandler(handler)
        found += [json.loads(line) for line in said.getvalue().splitlines()]


def named(found: list[dict[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [entry for entry in found if entry["message"] in names]


async def write(here: World, *names: str, said: str = "<@BOT> please write the secret plan") -> str:
    """Have the bot ask whether it may write these files. Out: the thread."""
    each = [call("filesystem__write_file", {"path": str(here.workspace / name), "content": "inner"}) for name in names]
    here.model.script(calls(*each, usage=COST), text("All is written.", usage=COST))
    ts = await here.slack.say(here.general, here.alice, said)
    await here.reply(ts, "Waiting for you")
    return ts


async def test_a_turn_has_a_line_when_it_begins_and_one_when_it_ends_and_a_click_has_one(here: World) -> None:
    with entries() as found:
        ts = await write(here, "a.txt")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "All is written.")
        await here.quiet()
    began, click, ended = named(found, "turn began", "click", "turn ended")
    place = {"thread": began["thread"], "channel": here.general.id}
    of_the_turn = {**place, "turn": began["turn"], "thread_ts": ts, "people": here.alice.id}
    assert of_the_turn.items() <= began.items()
    assert {**place, "button": "approved", "user": here.alice.id, "verdict": "settled"}.items() <= click.items()
    assert click["tools"] == "filesystem__write_file"
    figures = {"steps": 2, "calls": 1, "prompt_tokens": 200, "completion_tokens": 40, "cost": 0.5}
    assert {**of_the_turn, **figures, "outcome": "answered", "model": "sandbox/model"}.items() <= ended.items()
    assert ended["seconds"] >= 0
    assert [began["turn"]] == [row[0] for row in here.bot.rows("SELECT id FROM turns")]


async def test_nothing_else_is_logged_of_a_turn_and_nothing_of_what_was_said_or_written(here: World) -> None:
    await here.slack.until(lambda: "is up with" in here.bot.log, what="the tools", poll=0.01)
    with entries() as found:
        ts = await write(here, "the-name-of-a-file.txt")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "All is written.")
        await here.quiet()
    assert [entry["message"] for entry in found] == ["turn began", "click", "turn ended"]
    for words in ("secret plan", "inner", "the-name-of-a-file", "All is written", here.model.api_key):
        assert words not in json.dumps(found)
        assert words not in here.bot.log


async def test_one_click_on_several_requests_is_one_line(here: World) -> None:
    ts = await write(here, "a.txt", "b.txt", "c.txt")
    with entries() as found:
        await here.slack.click(await here.reply(ts, "May I do these 3 things?"), "Approve all", by=here.alice)
        await here.reply(ts, "All is written.")
        await here.quiet()
    [click] = named(found, "click")
    assert (click["user"], click["verdict"]) == (here.alice.id, "settled:3")
    assert len(click["questions"].split(",")) == 3


async def test_a_click_of_somebody_who_may_not_decide_is_one_line_with_the_verdict(here: World) -> None:
    ts = await write(here, "a.txt")
    with entries() as found:
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.bob)
        await here.quiet()
    [click] = named(found, "click")
    assert (click["user"], click["verdict"]) == (here.bob.id, "not_yours")


async def test_what_a_turn_has_cost_before_a_restart_is_counted(here: World) -> None:
    with entries() as found:
        ts = await write(here, "a.txt")
        await here.quiet()
        await here.bot.stop()
        await here.bot.start()
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "All is written.")
        await here.quiet()
    [began], [ended] = named(found, "turn began"), named(found, "turn ended")
    assert ended["turn"] == began["turn"]
    assert (ended["steps"], ended["calls"], ended["cost"], ended["prompt_tokens"]) == (2, 1, 0.5, 200)


async def test_a_turn_that_fails_or_is_stopped_says_so(here: World) -> None:
    with entries() as found:
        here.model.script(failure(401))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "The model did not answer")
        ts = await write(here, "a.txt")
        card = await here.reply(ts, "Waiting for you")
        await here.slack.click(card, "approval.more", by=here.alice, option="Stop")
        await here.reply(ts, "Stopped")
        await here.quiet()
    failed, stopped = named(found, "turn ended")
    assert (failed["outcome"], failed["steps"], failed["cost"]) == ("failed", 0, 0.0)
    assert "model" not in failed
    assert (stopped["outcome"], stopped["steps"], stopped["cost"]) == ("stopped", 1, 0.25)


async def test_everybody_who_has_had_a_say_is_named(here: World) -> None:
    with entries() as found:
        ts = await write(here, "a.txt")
        await here.slack.say(here.general, here.bob, "<@BOT> and hurry", thread_ts=ts)
        await here.quiet()
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "All is written.")
        await here.quiet()
    assert named(found, "turn ended")[0]["people"] == f"{here.alice.id},{here.bob.id}"


async def test_the_text_format_says_the_same(here: World) -> None:
    await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.model.until(lambda: here.model.requests, what="the request")
    await here.quiet()
    lines = [line for line in here.bot.log.splitlines() if "turn " in line]
    assert len(lines) == 2
    assert f"turn began turn=1 thread=1 team={here.slack.team_id} channel={here.general.id} thread_ts=" in lines[0]
    assert "outcome=answered model=sandbox/model steps=1 calls=0 prompt_tokens=" in lines[1]
