"""More calls in one reply than are run: each that is kept can be answered, and however many come, few are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.core.limits import MOST_CALLS
from bot.model.stream_accumulator import MOST_CHARACTERS, MOST_TAKEN, Accumulator

Json = dict[str, Any]


def function(number: int) -> Json:
    return {"name": "read", "arguments": json.dumps({"path": f"{number}.txt"})}


def streamed(*entries: Json) -> Json:
    return {"choices": [{"delta": {"tool_calls": list(entries)}}]}


def by_index(count: int) -> Iterator[Json]:
    """A delta with id and name, and one with the arguments."""
    for number in range(count):
        made = function(number)
        yield streamed({"index": number, "id": f"call_{number}", "function": {"name": made["name"]}})
        yield streamed({"index": number, "function": {"arguments": made["arguments"]}})


def by_id(count: int) -> Iterator[Json]:
    for number in range(count):
        yield streamed({"id": f"call_{number}", "function": function(number)})


def with_nothing(count: int) -> Iterator[Json]:
    for number in range(count):
        yield streamed({"function": function(number)})


def all_first(count: int) -> Iterator[Json]:
    for number in range(count):
        yield streamed({"index": 0, "id": f"call_{number}", "function": function(number)})


def in_one(count: int) -> Iterator[Json]:
    yield streamed(*({"index": n, "id": f"call_{n}", "function": function(n)} for n in range(count)))


def not_streamed(count: int) -> Iterator[Json]:
    entries = [{"id": f"call_{number}", "function": function(number)} for number in range(count)]
    yield {"choices": [{"message": {"role": "assistant", "content": None, "tool_calls": entries}}]}


WAYS: tuple[Callable[[int], Iterator[Json]], ...] = (by_index, by_id, with_nothing, all_first, in_one, not_streamed)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("count", [1, MOST_CALLS, MOST_CALLS + 1, MOST_TAKEN, MOST_TAKEN + 1, 20_000])
def test_calls_are_kept_in_their_order_up_to_a_number_and_it_is_said_when_there_were_more(
    way: Callable[[int], Iterator[Json]], count: int
) -> None:
    got = Accumulator()
    for chunk in way(count):
        got.add(chunk)
    got.add({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    reply = got.reply()
    calls = reply.message["tool_calls"]
    kept = min(count, MOST_TAKEN)
    assert [json.loads(call["function"]["arguments"])["path"] for call in calls] == [f"{n}.txt" for n in range(kept)]
    assert len({call["id"] for call in calls}) == kept
    assert reply.left_out == (count > MOST_TAKEN)
    assert not reply.invalid_arguments
    assert reply.finish_reason == "tool_calls"


def test_what_a_model_says_after_calls_that_were_left_out_is_still_heard() -> None:
    got = Accumulator()
    for chunk in by_index(MOST_TAKEN + 10):
        got.add(chunk)
    assert got.add({"choices": [{"delta": {"content": "These are all."}}]}) == "These are all."
    assert got.reply().message["content"] == "These are all."


@pytest.mark.parametrize("begun", ["", '{"path": ', '{"path": "a"'])
def test_a_call_that_was_still_being_made_when_others_were_left_out_does_not_count_as_whole(begun: str) -> None:
    got = Accumulator()
    got.add(streamed({"index": 0, "id": "first", "function": {"name": "read", "arguments": begun}}))
    for number in range(1, MOST_TAKEN + 1):
        got.add(streamed({"index": number, "id": f"call_{number}", "function": function(number)}))
    got.add(streamed({"index": 0, "function": {"arguments": '"b"}'}}))
    assert "first" in got.reply().invalid_arguments


def test_a_call_whose_arguments_found_no_room_is_not_one_without_arguments() -> None:
    got = Accumulator()
    got.add({"choices": [{"delta": {"content": "x" * MOST_CHARACTERS}}]})
    got.add(streamed({"index": 0, "id": "late", "function": {"name": "list", "arguments": '{"path": "a"}'}}))
    got.add(streamed({"index": 1, "id": "bare", "function": {"name": "list", "arguments": ""}}))
    assert list(got.reply().invalid_arguments) == ["late"]
