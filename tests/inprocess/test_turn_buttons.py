"""The menu and the feedback buttons at the end of a turn's message."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, text
from tests.harness import World
from tests.inprocess.turns import outcomes
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

MENU, FEEDBACK = "turn.on.menu", "turn.on.feedback"
GOOD, BAD = "Good answer", "Bad answer"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


def opinions(here: World) -> list[Any]:
    return here.bot.rows("SELECT user, good, words FROM feedback ORDER BY user")


def said_to(here: World, who: Person) -> list[str]:
    return [each.plain for each in here.slack.ephemerals(who)]


async def answered(here: World) -> Message:
    here.model.respond = lambda request: text("It is 42.")
    ts = await here.slack.say(here.general, here.alice, "<@BOT> how much?")
    message = await here.reply(ts, "It is 42.")
    await here.quiet()
    return message


async def with_menu(here: World, ts: str) -> Message:
    """The message of the turn that runs in a thread, with Stop in its menu."""

    def shown() -> list[Message]:
        return [each for each in here.slack.thread(here.general, ts) if "'Stop'" in str(each.blocks)]

    return (await here.until(shown, 10, "the menu", poll=0.01))[0]


async def thinking(here: World) -> tuple[str, Message, asyncio.Event]:
    """A turn whose second request to the model runs. Out: its thread, its message, and what ends the request."""
    (here.workspace / "a.txt").write_text("one\n")
    asked, rest, steps = asyncio.Event(), asyncio.Event(), 0
    here.slack.faults.add("chat.startStream", "error", times=None, code="missing_scope")

    async def think(request: ChatRequest) -> Completion:
        nonlocal steps
        steps += 1
        if steps == 1:
            return calls(call("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")}))
        asked.set()
        await rest.wait()
        return text("Too late.")

    here.model.respond = think
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read it")
    await asyncio.wait_for(asked.wait(), 10)
    return ts, await with_menu(here, ts), rest


async def test_the_requester_stops_what_runs_and_the_request_to_the_model_is_aborted(here: World) -> None:
    ts, message, rest = await thinking(here)
    await here.slack.click(message, MENU, by=here.alice, option="Stop")
    await here.reply(ts, "Stopped.")
    rest.set()
    await here.quiet()
    assert outcomes(here) == ["stopped"]
    assert not any("Too late." in each.plain for each in here.replies(ts))
    assert said_to(here, here.alice) == []


async def test_it_stops_before_the_first_word(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        here.slack.scopes.discard("assistant:write")  # where Slack shows a status, nothing is posted for a thought
        (here.bot.home / "bot.toml").write_text("[limits]\nprogress_after_seconds = 0.01\n")
        await here.bot.start()
        asked, rest = asyncio.Event(), asyncio.Event()

        async def think(request: ChatRequest) -> Completion:
            asked.set()
            await rest.wait()
            return text("Too late.")

        here.model.respond = think
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await asyncio.wait_for(asked.wait(), 10)
        message = await with_menu(here, ts)
        await here.slack.click(message, MENU, by=here.alice, option="Stop")
        await here.reply(ts, "Stopped. Nothing was changed.")
        rest.set()
        await here.quiet()
        assert outcomes(here) == ["stopped"]


async def test_others_are_told_in_one_sentence_that_they_cannot_stop_it(here: World) -> None:
    ts, message, rest = await thinking(here)
    since = len(here.slack.calls)
    await here.slack.click(message, MENU, by=here.bob, option="Stop")
    await here.until(lambda: said_to(here, here.bob), what="a word to Bob", poll=0.01)
    [words] = said_to(here, here.bob)
    assert words.startswith("Only who asked for this, or an approver, can stop it.")
    assert "chat.postEphemeral" in [each.method for each in here.slack.calls[since:]]
    rest.set()
    await here.reply(ts, "Too late.")
    await here.quiet()
    assert outcomes(here) == ["answered"]


async def test_an_approver_stops_the_turn_of_somebody_else_and_a_stranger_who_is_named_does_not(
    tmp_path: Path,
) -> None:
    async with inside(tmp_path, start=False) as here:
        outside = here.slack.add_outside_team()
        dana = here.slack.add_person("Dana", team_id=outside)
        here.slack.workspace.join(here.general, dana)
        named = f'approvers = ["requester", "{here.bob.id}", "{dana.id}"]'
        (here.bot.home / "bot.toml").write_text(f"[approvals]\n{named}\n")
        await here.bot.start()
        ts, message, rest = await thinking(here)
        await here.slack.click(message, MENU, by=dana, option="Stop")
        await here.until(lambda: said_to(here, dana), what="a word to Dana", poll=0.01)
        assert outcomes(here) == []
        await here.slack.click(message, MENU, by=here.bob, option="Stop")
        await here.reply(ts, "Stopped by Bob Jones")
        rest.set()
        await here.quiet()
        assert outcomes(here) == ["stopped"]


async def test_what_has_ended_is_not_stopped_and_a_forged_button_stops_nothing(here: World) -> None:
    _, message, rest = await thinking(here)
    for value in ('{"do": "stop", "turn": 2}', '{"do": "stop", "turn": true}', '{"do": "stop", "turn": 1, "x": 1}'):
        action = {"action_id": MENU, "type": "overflow", "selected_option": {"value": value}}
        await here.slack.click_raw(message, action, by=here.alice)
    rest.set()
    await here.quiet()
    assert "stopped" not in outcomes(here)
    action = {"action_id": MENU, "type": "overflow", "selected_option": {"value": '{"do": "stop", "turn": 1}'}}
    await here.slack.click_raw(message, action, by=here.alice)
    await here.until(lambda: any("ended already" in each for each in said_to(here, here.alice)), what="a word")


async def test_anybody_in_the_thread_says_what_they_think_once_and_may_change_their_mind(here: World) -> None:
    message = await answered(here)
    await here.slack.click(message, FEEDBACK, by=here.alice, option=GOOD)
    await here.slack.click(message, FEEDBACK, by=here.alice, option=GOOD)
    await here.slack.click(message, FEEDBACK, by=here.bob, option=BAD)
    await here.quiet()
    assert sorted(opinions(here)) == sorted([(here.alice.id, 1, ""), (here.bob.id, 0, "")])
    assert "noted as a good answer" in said_to(here, here.alice)[-1]
    await here.slack.click(message, FEEDBACK, by=here.bob, option=GOOD)
    await here.quiet()
    assert sorted(opinions(here)) == sorted([(here.alice.id, 1, ""), (here.bob.id, 1, "")])


async def test_why_an_answer_is_bad_can_be_written_and_goes_with_another_opinion(here: World) -> None:
    message = await answered(here)
    await here.slack.click(message, FEEDBACK, by=here.bob, option=BAD)
    [view] = await here.until(lambda: here.slack.modals(here.bob), what="a window", poll=0.01)
    await here.slack.submit(here.bob, view, {"field.words": {"value": "  It is 43.\n"}})
    await here.quiet()
    assert opinions(here) == [(here.bob.id, 0, "It is 43.")]
    await here.slack.click(message, FEEDBACK, by=here.bob, option=GOOD)
    await here.quiet()
    assert opinions(here) == [(here.bob.id, 1, "")]


async def test_people_of_other_organizations_and_forged_values_leave_no_opinion(here: World) -> None:
    outside = here.slack.add_outside_team()
    dana = here.slack.add_person("Dana", team_id=outside)
    here.slack.workspace.join(here.general, dana)
    message = await answered(here)
    await here.slack.click(message, FEEDBACK, by=dana, option=GOOD)
    for value in ('{"do": "good", "turn": 9}', '{"do": "good", "turn": 1e3}', '{"do": "fine", "turn": 1}', "x" * 500):
        action = {"action_id": FEEDBACK, "type": "feedback_buttons", "value": value}
        await here.slack.click_raw(message, action, by=here.alice)
    await here.quiet()
    assert opinions(here) == []
    assert said_to(here, dana)
