"""The details of a turn are for people: what a call was given and what came of it, without code or milliseconds."""

from __future__ import annotations

import pytest

from bot.core.budget import Basis
from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import canonical
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage
from bot.core.turn_record import CallCost, TurnRecord
from bot.slack.blocks import turn_details
from bot.slack.blocks.call_text import duration
from tests.unit.slack.samples import ALICE, NASTY, Shown, call, ended, nothing_is_forged, window

PLACE = ThreadRef("T1", "C1", "1.1", "channel")


def shown(*calls: Call, seconds: float = 0.2, usage: Usage | None = None) -> Shown:
    record = TurnRecord(1, PLACE, ALICE, calls, 0, 2, seconds, usage or Usage())
    return window(turn_details.window(record))


def test_a_call_is_named_in_words_and_its_arguments_are_lines() -> None:
    made = ended(CallOutcome.OK, "Done.", {"path": "a.txt", "edits": [{"oldText": "one", "newText": "two"}]})
    details = shown(made)
    assert "1. Write file" in details.plain
    assert (
        details.preformatted
        == "path: a.txtedits[1].oldText: oneedits[1].newText: two".replace("edits", "\nedits") + "Done."
    )
    assert "write_file" not in details.plain
    assert "{" not in details.plain


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0004, "less than a second"), (0.99, "less than a second"), (1.24, "1.2 s"), (75, "1 min 15 s")],
)
def test_nothing_takes_milliseconds(seconds: float, words: str) -> None:
    assert duration(seconds) == words
    assert " ms" not in shown(call(), seconds=seconds).plain


def test_a_cost_is_named_where_there_is_one() -> None:
    assert "$" not in shown(call()).plain
    assert " · $0.0123" in shown(call(), usage=Usage(cost=0.0123)).plain
    record = TurnRecord(1, PLACE, ALICE, (), 0, 1, 0.2, Usage(cost=0.0123), estimated=1)
    assert " · about $0.0123" in window(turn_details.window(record)).plain


def remarks(costs: dict[int, CallCost], *ids: int) -> list[str]:
    """The small line below each of these calls."""
    calls = [call(id=id_, state=CallState.FINISHED, outcome=CallOutcome.OK) for id_ in ids]
    record = TurnRecord(1, PLACE, ALICE, calls, 0, 2, 0.2, Usage(), costs=costs)
    blocks = turn_details.window(record)["blocks"]
    return [each["elements"][0]["text"] for each in blocks if each["type"] == "context"][:-1]


@pytest.mark.parametrize(
    ("cost", "basis", "words"),
    [
        (0.0123, Basis.REPORTED, "done · request: $0.0123"),
        (12.5, Basis.REPORTED, "done · request: $12.5000"),
        (0.0123, Basis.ESTIMATED, "done · request: $0.0123 (estimated)"),
        (0.00002, Basis.ESTIMATED, "done · request: less than $0.0001 (estimated)"),
        (0.0, Basis.REPORTED, "done"),
        (0.0, Basis.UNKNOWN, "done · request: cost not reported"),
    ],
)
def test_a_call_says_what_its_request_has_cost_and_how_that_is_known(cost: float, basis: Basis, words: str) -> None:
    assert remarks({1: CallCost("r1", cost, basis)}, 1) == [words]


def test_calls_of_one_request_name_its_cost_once() -> None:
    costs = {2: CallCost("r1", 0.5, Basis.REPORTED), 3: CallCost("r1", 0.5, Basis.REPORTED)}
    costs[4] = CallCost("r2", 0.5, Basis.REPORTED)
    assert remarks(costs, 1, 2, 3, 4) == [
        "done",
        "done · request: $0.5000",
        "done · same request as 2",
        "done · request: $0.5000",
    ]


@pytest.mark.parametrize("nasty", NASTY)
def test_no_argument_result_or_name_forges_anything(nasty: str) -> None:
    made = call(
        canonical({nasty.encode("utf-8", "replace").decode(): "x", "y": [nasty.encode("utf-8", "replace").decode()]})
    )
    nothing_is_forged(shown(made, call(remote_name=nasty, server=nasty, result=nasty)), set())


def test_long_or_odd_arguments_are_cut() -> None:
    for arguments in ("[1, 2]", "{", canonical({"a": "x" * 50_000}), canonical({f"k{n}": n for n in range(3_000)})):
        assert "more characters" in shown(call(arguments)).plain or len(arguments) < 100


def test_the_model_is_named_and_a_fallback_that_answered() -> None:
    record = TurnRecord(1, PLACE, ALICE, (), 0, 1, 0.2, Usage(), model="b/2", fallback="b/2")
    assert window(turn_details.window(record)).plain.endswith("· b/2 · b/2 answered as a fallback")
    alone = TurnRecord(1, PLACE, ALICE, (), 0, 1, 0.2, Usage(), model="a/1")
    assert window(turn_details.window(alone)).plain.endswith("· a/1")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ((0, 0.0, Usage()), "The model has not answered"),
        ((0, 2.5, Usage(cost=0.5)), "The model has not answered · 2.5 s · $0.5000"),
        (
            (1, 0.2, Usage(1200, 3, 0, 0.00001)),
            "1 request to the model · less than a second · 1,200 tokens read, 3 written · less",
        ),
        ((2, 0.2, Usage(1200, 3, 7, 1234.5)), "1,200 tokens read (7 from cache), 3 written · $1,234.5000"),
    ],
)
def test_the_sum_of_a_turn_says_nothing_of_what_there_was_not(record: tuple[int, float, Usage], words: str) -> None:
    steps, seconds, usage = record
    details = turn_details.window(TurnRecord(1, PLACE, ALICE, (), 0, steps, seconds, usage))
    assert words in window(details).plain.splitlines()[-1]
