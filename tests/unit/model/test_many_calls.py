"""Replies with more calls than are run: the number of calls is limited, and each accepted call can be answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.core.limits import MAX_CALLS
from bot.model.call_assembly import MAX_ACCEPTED_CALLS
from bot.model.stream_accumulator import MAX_CHARACTERS, Accumulator

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
@pytest.mark.parametrize("count", [1, MAX_CALLS, MAX_CALLS + 1, MAX_ACCEPTED_CALLS, MAX_ACCEPTED_CALLS + 1, 20_000])
def test_calls_are_accepted_in_order_up_to_a_limit_and_the_reply_says_if_there_were_more(
    way: Callable[[int], Iterator[Json]], count: int
) -> None:
    got = Accumulator()
    for chunk in way(count):
        got.add(chunk)
    got.add({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    reply = got.reply()
    calls = reply.message["tool_calls"]
    kept = min(count, MAX_ACCEPTED_CALLS)
    assert [json.loads(call["function"]["arguments"])["path"] for call in calls] == [f"{n}.txt" for n in range(kept)]
    assert len({call["id"] for call in calls}) == kept
    assert reply.left_out == (count > MAX_ACCEPTED_CALLS)
    assert not reply.invalid_arguments
    assert reply.finish_reason == "tool_calls"


def test_text_after_dropped_calls_is_kept() -> None:
    got = Accumulator()
    for chunk in by_index(MAX_ACCEPTED_CALLS + 10):
        got.add(chunk)
    assert got.add({"choices": [{"delta": {"content": "These are all."}}]}) == "These are all."
    assert got.reply().message["content"] == "These are all."


@pytest.mark.parametrize("begun", ["", '{"path": ', '{"path": "a"'])
def test_a_call_that_was_incomplete_when_others_were_dropped_is_invalid(begun: str) -> None:
    got = Accumulator()
    got.add(streamed({"index": 0, "id": "first", "function": {"name": "read", "arguments": begun}}))
    for number in range(1, MAX_ACCEPTED_CALLS + 1):
        got.add(streamed({"index": number, "id": f"call_{number}", "function": function(number)}))
    got.add(streamed({"index": 0, "function": {"arguments": '"b"}'}}))
    assert "first" in got.reply().invalid_arguments


def test_a_call_whose_arguments_exceed_the_limit_is_not_run_without_arguments() -> None:
    got = Accumulator()
    got.add({"choices": [{"delta": {"content": "x" * MAX_CHARACTERS}}]})
    got.add(streamed({"index": 0, "id": "late", "function": {"name": "list", "arguments": '{"path": "a"}'}}))
    got.add(streamed({"index": 1, "id": "bare", "function": {"name": "list", "arguments": ""}}))
    assert list(got.reply().invalid_arguments) == ["late"]
