"""Going round in circles is noticed; making progress is not taken for it."""

from __future__ import annotations

from bot.agent import loop_detection
from bot.core.calls import Call, CallOutcome, CallState


def call(tool: str, arguments: str = "{}", outcome: CallOutcome = CallOutcome.OK, result: str = "same") -> Call:
    return Call(
        id=1,
        seq=1,
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
    )


def test_the_second_failure_of_a_call_gets_a_note_and_the_fifth_ends_the_turn() -> None:
    failures = [call("read", outcome=CallOutcome.ERROR, result=f"error {number}") for number in range(5)]
    assert loop_detection.note(failures, failures[0]) == ""
    assert "number 2" in loop_detection.note(failures, failures[1])
    assert not loop_detection.going_round(failures[:4])
    assert loop_detection.going_round(failures)


def test_a_poller_whose_results_differ_makes_progress() -> None:
    polls = [call("status", result=f"{number} %") for number in range(20)]
    assert loop_detection.note(polls, polls[-1]) == ""
    assert not loop_detection.going_round(polls)


def test_a_pattern_of_calls_that_comes_round_three_times_ends_the_turn() -> None:
    for period in (2, 3, 4):
        once = [call(f"tool{number}") for number in range(period)]
        assert not loop_detection.going_round(once * 2)
        assert loop_detection.going_round(once * 3), period


def test_other_arguments_are_another_call() -> None:
    calls = [call("read", f'{{"path":"{number}"}}') for number in range(20)]
    assert not loop_detection.going_round(calls)
