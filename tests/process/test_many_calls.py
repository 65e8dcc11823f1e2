"""More calls in one step than are run: the model is told and can go on, and people read what is true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.core.limits import MAX_CALLS
from bot.model.call_assembly import MAX_ACCEPTED_CALLS
from slack_sandbox.openrouter import Call, call, calls, text
from tests.harness import World, steps
from tests.process.asking import END, answered, ask, asked

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SURPLUS = "Not run: at most 64 calls run in one step. If it is still needed, make it again in the next step."
MORE = " More calls followed this one and were left out; make those again, too."


def reads(folder: Path, count: int) -> list[Call]:
    for number in range(count):
        (folder / f"{number}.txt").write_text(f"This is {number}.")
    return [call("filesystem__read_text_file", {"path": str(folder / f"{n}.txt")}) for n in range(count)]


def answers(here: World, request: int) -> dict[str, list[str]]:
    """What the model was told of each call that it made in its last step, by the call's id."""
    messages = here.model.requests[request].messages
    made = next(message["tool_calls"] for message in reversed(messages) if message.get("tool_calls"))
    found: dict[str, list[str]] = {each["id"]: [] for each in made}
    for message in messages:
        if message["role"] == "tool" and message["tool_call_id"] in found:
            found[message["tool_call_id"]].append(str(message["content"]))
    return found


@pytest.mark.parametrize(
    "count", [MAX_CALLS, MAX_CALLS + 1, MAX_ACCEPTED_CALLS, MAX_ACCEPTED_CALLS + 1, MAX_ACCEPTED_CALLS * 5]
)
async def test_each_call_has_one_answer_and_those_beyond_the_limit_say_how_to_go_on(here: World, count: int) -> None:
    ts = await ask(here, *reads(here.workspace, count))
    await answered(here, ts)
    kept = min(count, MAX_ACCEPTED_CALLS)
    told = answers(here, -1)
    assert [len(each) for each in told.values()] == [1] * kept
    said = [each[0] for each in told.values()]
    assert said[:MAX_CALLS] == [f"This is {number}." for number in range(MAX_CALLS)]
    expected = [SURPLUS] * (kept - MAX_CALLS)
    if count > MAX_ACCEPTED_CALLS:
        expected[-1] += MORE
    assert said[MAX_CALLS:] == expected
    shown = [step for reply in here.replies(ts) for step in steps(reply)]
    done = [f"complete: Read {here.workspace.name}/{number}.txt" for number in range(MAX_CALLS)]
    assert [step.partition(" · ")[0] for step in shown[:MAX_CALLS]] == done
    more = kept - MAX_CALLS
    assert shown[MAX_CALLS:] == ([f"error: {more} more · not done: at most 64 at once"] if more else [])


async def test_what_was_beyond_the_limit_runs_in_the_next_step(here: World) -> None:
    wanted = reads(here.workspace, MAX_CALLS + 6)
    here.model.script(calls(*wanted), calls(*wanted[MAX_CALLS:]), text(END))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read them")
    await answered(here, ts)
    assert [each for [each] in answers(here, -1).values()] == [f"This is {MAX_CALLS + n}." for n in range(6)]
    assert "[Note:" not in json.dumps(here.model.requests[-1].messages)


async def test_nobody_is_asked_about_a_change_beyond_the_limit_and_it_is_not_made(here: World) -> None:
    target = here.workspace / "late.txt"
    write = call("filesystem__write_file", {"path": str(target), "content": "x"})
    ts = await ask(here, *reads(here.workspace, MAX_CALLS), write)
    await answered(here, ts)
    assert not target.exists()
    assert not here.open_approvals(ts)
    *_, last = answers(here, -1).values()
    assert last == [SURPLUS]


async def test_what_is_not_possible_beside_a_request_is_a_step_of_the_message_that_asks(here: World) -> None:
    target = here.workspace / "a.txt"
    write = call("filesystem__write_file", {"path": str(target), "content": "x"})
    ts = await ask(here, call("filesystem__nothing_like_it", {}), write)
    [card] = await asked(here, ts)
    await here.quiet()
    assert here.replies(ts) == [card]
    assert steps(card) == ["error: Not done: Filesystem nothing like it · there is no such tool"]
    await here.slack.click(card, "Deny", by=here.alice)
    await answered(here, ts)
    assert len(here.replies(ts)) == 2


async def test_nothing_is_left_in_progress_while_people_are_asked(here: World) -> None:
    write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "x"})
    ts = await ask(here, *reads(here.workspace, MAX_CALLS - 1), write)
    [card] = await asked(here, ts)
    await here.until(lambda: len([each for reply in here.replies(ts) for each in steps(reply)]) == MAX_CALLS - 1)
    await here.quiet()
    assert not any(reply.streaming for reply in here.replies(ts))
    await here.slack.click(card, "Deny", by=here.alice)
    await answered(here, ts)


async def test_a_model_that_makes_the_same_heap_of_calls_again_and_again_is_stopped(here: World) -> None:
    wanted = reads(here.workspace, MAX_CALLS + 6)
    here.model.respond = lambda request: text(END) if request.tool_choice == "none" else calls(*wanted)
    before = len(here.model.requests)
    ts = await here.slack.say(here.general, here.alice, "<@BOT> read them")
    await answered(here, ts)
    assert len(here.model.requests) - before <= 6
