"""The end of a turn's message takes no more rows than Slack needs."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.calls import CallOutcome
from bot.core.questions.question import Decision, Question
from bot.core.questions.retry import turn_question
from bot.core.turn_message import End, Step, StepState, Text, TurnMessage
from bot.slack.blocks.turn_message import closing
from tests.unit.slack.samples import ALICE, PREVIEW, decided, ended, request, taken

READ = Step("1", "Read a.txt", StepState.DONE)


MENU = "Details…/What changed in this thread…"


def rows(message: TurnMessage, *about: Question) -> list[tuple[str, list[str]]]:
    """The rows with something to press: their kind, and what can be pressed."""
    blocks = closing(message, about)
    taken({"text": "x", "blocks": blocks or [{"type": "divider"}]})
    return [
        (block["type"], [_pressable(each) for each in block["elements"]])
        for block in blocks
        if block["type"] in ("actions", "context_actions")
    ]


def _pressable(element: dict[str, Any]) -> str:
    if element["type"] == "overflow":
        return "/".join(each["text"]["text"] for each in element["options"])
    return element["text"]["text"] if element["type"] == "button" else element["type"]


def test_the_menu_of_a_decided_card_is_in_the_row_of_its_buttons() -> None:
    asked = decided(Decision.APPROVED, preview=PREVIEW, call=ended(CallOutcome.OK))
    assert rows(TurnMessage(1, parts=(READ,), end=End.ASKS), asked) == [("actions", ["Diff", MENU])]


def test_while_a_card_waits_its_own_menu_is_the_only_one() -> None:
    [(_, pressable)] = rows(TurnMessage(1, parts=(READ,), end=End.ASKS), request(preview=PREVIEW))
    assert pressable[-1].startswith("Deny with a reason…")
    assert sum("/" in each or "Details…" in each for each in pressable) == 1


def test_what_runs_beside_a_card_can_be_stopped_in_a_menu_of_its_own_row() -> None:
    assert rows(TurnMessage(1, end=End.ASKING), request(preview=PREVIEW))[-1] == ("actions", ["Stop"])


def test_retry_and_the_menu_share_a_row() -> None:
    failed = TurnMessage(1, parts=(READ,), note="I could not answer.", end=End.FAILED)
    asked = turn_question(failed.key, 1, 1, [ALICE], 1_800_000_000.0)
    assert rows(failed, asked) == [("actions", ["Retry", MENU])]


@pytest.mark.parametrize("number", [1, 2])
def test_an_answer_has_a_menu_only_where_it_has_steps(number: int) -> None:
    said = TurnMessage(1, number, parts=(Text("It is done."),), end=End.ANSWERED)
    assert rows(said) == [("context_actions", ["feedback_buttons"])]
    stepped = TurnMessage(1, number, parts=(READ, Text("It is done.")), end=End.ANSWERED)
    assert rows(stepped) == [("context_actions", ["feedback_buttons"]), ("actions", [MENU])]
