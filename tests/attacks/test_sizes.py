"""However much a model, a server or a person sends: the bot does what it does with it, and its loop is held by nothing
for more than 50 ms (`tests.lagging` measures it in the bot and fails the test)."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model.call_assembly import MAX_ACCEPTED_CALLS
from bot.model.stream_accumulator import MAX_CHARACTERS
from slack_sandbox.openrouter import call, calls, text
from tests.attacks.conftest import R, ask, now, started
from tests.harness import World

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
HIDDEN = "\u202e\u200b\u2066\u2067\u2068\u2069\u200c\u200d\u200e\u200f\u2060\ufeff\u061c"
"""More of these than are replaced one by one."""


def deep(levels: int, inner: object) -> object:
    for _ in range(levels):
        inner = {"n" * 500: inner}
    return inner


ARGUMENTS: dict[str, Json] = {
    "a long text": {"words": "x" * 1_900_000},
    "lines": {"words": "x\n" * 600_000},
    "quotes": {"words": '"\\' * 200_000},
    "hidden characters": {"words": HIDDEN * 40_000},
    "our own bracket": {"words": "⟨" * 200_000},
    "many arguments": {f"k{number}": "x" * 50 for number in range(9000)},
    "many hidden characters": {f"k {number}\u202e": "y\u202e" * 10 for number in range(5000)},
    "a long list": {"list": ["x" * 40] * 9000},
    "many objects": {"edits": [{"oldText": "x" * 50, "newText": "y"} for _ in range(3000)]},
    "long names": {"k" * 900 + str(number): number for number in range(500)},
    "depth": {"a": deep(90, dict.fromkeys(map(str, range(3000)), 1))},
}


@pytest.mark.parametrize("name", ARGUMENTS)
async def test_arguments_of_any_size_are_asked_about_opened_changed_approved_and_run(here: World, name: str) -> None:
    ts, card = await ask(here, call(f"{R}note", ARGUMENTS[name]), then="Well.")
    if "Details" in card.buttons:
        await here.slack.click(card, "Details", by=here.alice)
        await here.until(lambda: here.slack.modals(here.alice), what="the details")
        here.slack.modals(here.alice).clear()
    await here.slack.click(now(here, card), "Edit…", by=here.alice)
    await here.until(lambda: here.slack.modals(here.alice)[-1:], what="the window")
    await here.slack.click(now(here, card), "Approve", by=here.alice)
    await here.reply(ts, "Well.")
    assert started(here, ts) == 1


async def test_many_long_calls_in_one_step_are_asked_about_and_denied(here: World) -> None:
    made = [call(f"{R}note", {"words": HIDDEN * 800, "number": number}) for number in range(20)]
    here.model.respond = lambda _: text("Well.")
    here.model.script(calls(*made))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    for _ in range(len(made)):
        await here.until(lambda: here.open_approvals(ts), what="a request", poll=0.02)
        cards = [reply for reply in here.replies(ts) if {"Deny all", "Deny"} & set(reply.buttons)]
        for card in cards:
            await here.slack.click(card, "Deny all" if "Deny all" in card.buttons else "Deny", by=here.alice)
        await here.quiet()
        if not here.open_approvals(ts):
            break
    await here.reply(ts, "Well.")
    assert started(here, ts) == 0


async def test_more_calls_than_anybody_makes_are_left_out(here: World) -> None:
    made = [call(f"{R}nothing_of_that_name", {"number": number}) for number in range(MAX_ACCEPTED_CALLS + 100)]
    here.model.respond = lambda _: text("Well.")
    here.model.script(calls(*made))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    await here.reply(ts, "Well.")
    answers = [message for message in here.model.requests[-1].messages if message["role"] == "tool"]
    assert len(answers) == MAX_ACCEPTED_CALLS


async def test_an_answer_without_end_is_cut_and_says_so(here: World) -> None:
    here.model.script(text("<@U1>@here " * (MAX_CHARACTERS // 11 + 20_000)))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    said = await here.reply(ts, "The whole answer is in the file")
    assert "length limit" in said.plain or "length limit" in str(said.blocks)


async def test_a_message_with_thousands_of_people_in_it_is_answered(here: World) -> None:
    here.expected_refusals = ["users.info: user_not_found"]
    here.model.script(text("Well."))
    asked = len([call for call in here.slack.calls if call.method == "users.info"])
    said = " ".join(f"<@U{number:06d}>" for number in range(3500))
    ts = await here.slack.say(here.general, here.alice, f"<@BOT> {said}")
    await here.reply(ts, "Well.")
    assert len([call for call in here.slack.calls if call.method == "users.info"]) - asked <= 60
