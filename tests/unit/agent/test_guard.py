"""Going round in circles is noticed; making progress is not taken for it."""

from __future__ import annotations

import json
import time
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.agent import loop_detection
from bot.agent.loop_detection import Loop
from bot.agent.prompt import CLOSING, GO_ON_AFTER, WHY_CLOSED
from bot.core.calls import Call, CallOutcome, CallState

ERROR = CallOutcome.ERROR


def call(
    tool: str,
    arguments: str = "{}",
    outcome: CallOutcome = CallOutcome.OK,
    result: str = "same",
    tier: str = "read",
    seq: int = 1,
) -> Call:
    return Call(
        id=1,
        seq=seq,
        position=0,
        call_id="c",
        tool=tool,
        server="s",
        remote_name=tool,
        arguments=arguments,
        tool_digest="",
        repeatable=True,
        state=CallState.FINISHED,
        outcome=outcome,
        result=result,
        tier=tier,
    )


def stopped_at(calls: list[Call], *pollers: str) -> int:
    """The number of the call with which the turn is stopped, each call being a step of its own; 0 if none is."""
    for number, each in enumerate(calls):
        each.seq = number
    return next((end for end in range(1, len(calls) + 1) if loop_detection.loop(calls[:end], pollers)), 0)


def test_the_second_failure_of_a_call_gets_a_note_and_the_fifth_ends_the_turn() -> None:
    failures = [call("read", outcome=ERROR, result=f"error {number}") for number in range(5)]
    notes = loop_detection.notes(failures)
    assert [bool(note) for note in notes] == [False, True, True, True, True]
    assert "number 2" in notes[1]
    assert stopped_at(failures) == 5
    assert loop_detection.loop(failures) == Loop.FAILING


@pytest.mark.parametrize("outcome", [ERROR, CallOutcome.INVALID, CallOutcome.REFUSED, CallOutcome.DENIED])
def test_every_way_to_fail_counts_with_other_calls_in_between(outcome: CallOutcome) -> None:
    calls: list[Call] = []
    for number in range(5):
        calls += [call("read", outcome=outcome), call("other", f'{{"n":{number}}}')]
    assert stopped_at(calls) == 9


def test_the_fifth_time_that_a_call_brings_the_same_result_ends_the_turn() -> None:
    calls = [call("list") for _ in range(5)]
    assert stopped_at(calls) == 5
    assert loop_detection.loop(calls) == Loop.NO_PROGRESS


def test_calls_that_repeat_in_one_step_count_each() -> None:
    assert loop_detection.loop([call("list", seq=3) for _ in range(7)] + [call("other", seq=3)]) == Loop.NO_PROGRESS


def test_results_that_differ_are_progress() -> None:
    polls = [call("status", result=f"{number} %") for number in range(20)]
    assert not any(loop_detection.notes(polls))
    assert stopped_at(polls) == 0


def test_a_result_that_is_the_same_after_a_change_by_another_call_is_progress() -> None:
    calls: list[Call] = []
    for number in range(12):
        calls += [call("edit", f'{{"n":{number}}}', result="edited", tier="write"), call("test", result="passed")]
    assert stopped_at(calls) == 0
    assert not any(loop_detection.notes(calls))


def test_other_failures_after_changes_are_progress_and_the_same_failure_is_none() -> None:
    def worked(result: str) -> list[Call]:
        calls: list[Call] = []
        for number in range(9):
            edit = call("edit", f'{{"n":{number}}}', tier="write")
            calls += [edit, call("test", outcome=ERROR, result=result.format(number))]
        return calls

    assert stopped_at(worked("{} tests fail")) == 0
    assert stopped_at(worked("cannot be started")) == 10


def test_the_same_change_again_and_again_is_no_progress() -> None:
    assert stopped_at([call("write", tier="write") for _ in range(9)]) == 5
    other = [call("write", '{"n":1}', tier="write"), call("write", '{"n":2}', tier="write")]
    assert stopped_at([replace(each) for each in other * 9]) == 6, "as a cycle"


@pytest.mark.parametrize("period", [2, 3, 4])
def test_a_pattern_of_calls_that_comes_round_three_times_ends_the_turn(period: int) -> None:
    calls = [call(f"tool{number % period}") for number in range(period * 3)]
    assert stopped_at(calls) == period * 3
    assert loop_detection.loop(calls) == Loop.CYCLE


def test_a_longer_cycle_ends_the_turn_as_its_calls_repeat() -> None:
    assert stopped_at([call(f"tool{number % 7}") for number in range(100)]) == 29


def test_other_arguments_are_another_call() -> None:
    assert stopped_at([call("read", f'{{"path":"{number}"}}') for number in range(20)]) == 0


ALIKE = {
    "the order of keys": ['{"a":1,"b":[{"c":2,"d":3}]}', '{"b":[{"d":3,"c":2}],"a":1}'],
    "white space": ['{"a":1}', ' { "a" :\n1 } '],
    "numbers": ['{"a":1}', '{"a":1.0}', '{"a":1e0}', '{"a":10E-1}'],
    "nothing": ['{"a":0}', '{"a":-0}', '{"a":-0.0}'],
    "Unicode": ['{"ä":"é"}', '{"a\u0308":"e\u0301"}'],
    "escapes": ['{"a":"é/"}', '{"a":"\\u00e9\\/"}'],
    "no JSON": ['{"a": 1, ', '{"a":  1,\n'],
}
DIFFERENT = {
    "a number and a text": ['{"a":1}', '{"a":"1"}'],
    "a number and a truth": ['{"a":1}', '{"a":true}'],
    "large numbers": ['{"a":12345678901234567}', '{"a":12345678901234568}'],
    "the case": ['{"a":"x"}', '{"a":"X"}'],
    "spaces in a text": ['{"a":"x"}', '{"a":"x "}'],
    "the order of a list": ['{"a":[1,2]}', '{"a":[2,1]}'],
    "nothing and null": ["{}", '{"a":null}'],
}


@pytest.mark.parametrize("name", ALIKE)
def test_arguments_with_the_same_meaning_are_the_same_call(name: str) -> None:
    assert len({loop_detection.identity_of(call("t", text)) for text in ALIKE[name]}) == 1
    assert stopped_at([call("t", text) for text in ALIKE[name] * 5]) == 5


@pytest.mark.parametrize("name", DIFFERENT)
def test_arguments_with_another_meaning_are_another_call(name: str) -> None:
    assert len({loop_detection.identity_of(call("t", text)) for text in DIFFERENT[name]}) == len(DIFFERENT[name])


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | st.text(max_size=5)
JSON = VALUES | st.lists(VALUES, max_size=3) | st.dictionaries(st.text(max_size=3), VALUES, max_size=3)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=3), st.integers(0, 4))
def test_no_spelling_of_arguments_makes_another_call(arguments: dict[str, Any], indent: int) -> None:
    other = json.dumps(dict(reversed(arguments.items())), ensure_ascii=False, indent=indent)
    assert loop_detection.identity_of(call("t", json.dumps(arguments))) == loop_detection.identity_of(call("t", other))


@given(st.text() | st.just("[" * 100_000) | st.just('{"a":1e999}') | st.just('{"a":NaN}') | st.just("9" * 10_000))
def test_no_arguments_are_an_error(text: str) -> None:
    assert len(loop_detection.identity_of(call("t", text))) == 64


def test_what_a_person_changed_is_the_call_that_the_model_made() -> None:
    edited = [replace(call("write", f'{{"n":{n}}}', outcome=ERROR), original='{"n":0}') for n in range(5)]
    assert stopped_at(edited) == 5


def test_pollers_are_exempt() -> None:
    polls = [call("ci__status", result="running") for _ in range(50)]
    assert stopped_at([replace(each) for each in polls]) == 5
    assert stopped_at([replace(each) for each in polls], "ci__*") == 0
    assert not any(loop_detection.notes(polls, ["ci__*"]))
    both = [replace(each) for _ in range(9) for each in (call("ci__status", result="running"), call("wait"))]
    assert stopped_at(both, "ci__*") == 10, "the other one is no poller"
    assert stopped_at(both, "ci__*", "wait") == 0


def test_what_is_kept_about_a_call_makes_no_difference() -> None:
    """After a restart, everything is found again in what was recorded."""
    calls = [call(f"tool{number % 3}", result=str(number // 7)) for number in range(40)]
    loop_detection.notes(calls)
    again = [Call(**{each.name: getattr(one, each.name) for each in fields(Call) if each.compare}) for one in calls]
    assert loop_detection.size(again) > loop_detection.size(calls) == 0
    assert loop_detection.notes(again) == loop_detection.notes(calls)


def test_the_cost_grows_with_the_number_of_calls_and_no_more() -> None:
    def seconds(count: int) -> float:
        calls = [call(f"tool{number % 50}", f'{{"n":{number}}}', result="x" * 400) for number in range(count)]
        loop_detection.notes(calls)
        taken: list[float] = []
        for _ in range(5):
            began = time.thread_time()
            loop_detection.loop(calls)
            taken.append(time.thread_time() - began)
        return min(taken)

    assert seconds(2_000) < 8 * seconds(500) + 0.01


def test_every_reason_to_stop_has_its_sentences() -> None:
    reasons = {str(each) for each in Loop} - {""} | {"steps", "time"}
    assert reasons <= set(CLOSING) & set(WHY_CLOSED) & set(GO_ON_AFTER)
    for reason in reasons:
        assert WHY_CLOSED[reason].startswith("I stopped"), reason
        assert not {"turn", "call", "calls", "request"} & set(WHY_CLOSED[reason].rstrip(".").split()), reason
