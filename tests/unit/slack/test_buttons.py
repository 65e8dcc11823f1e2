"""Buttons of messages that are in Slack already, whichever version has posted them, reach what answers them."""

from __future__ import annotations

import json

import pytest

from bot.core.json_text import JsonObject
from bot.slack.blocks import buttons, question_blocks, retry_notice
from bot.slack.intake import approval_buttons, question_buttons, retry_button
from bot.slack.intake.buttons import BUTTONS, Press

ONE = json.dumps({"a": "request", "d": "digest"})
ALL = json.dumps({"all": [["request", "digest"], ["another", "digest"]]})
STOP = json.dumps({"k": "stop", "a": "request", "p": "d" * 32})
POSTED: dict[str, tuple[JsonObject, Press]] = {
    "approve": ({"action_id": "approval.approved", "value": ONE}, approval_buttons.press),
    "deny, in the third row": ({"action_id": "approval.denied.3", "value": ONE}, approval_buttons.press),
    "run again": ({"action_id": "approval.run_again", "value": ONE}, approval_buttons.press),
    "edit": ({"action_id": "approval.edit", "value": ONE}, approval_buttons.press),
    "undo": ({"action_id": "approval.undo.2", "value": ONE}, approval_buttons.press),
    "approve all": ({"action_id": "approval.all.approved", "value": ALL}, approval_buttons.press),
    "stop": ({"action_id": "approval.more", "selected_option": {"value": STOP}}, approval_buttons.press),
    "retry": ({"action_id": "turn.retry", "value": '{"parked": "key"}'}, retry_button.press),
    "any kind": (
        {"action_id": "question.ask_person.first", "value": '{"q": "id", "d": "digest"}'},
        question_buttons.press,
    ),
}


@pytest.mark.parametrize("name", POSTED)
def test_a_button_reaches_what_answers_it(name: str) -> None:
    action, press = POSTED[name]
    found = [each for prefix, each in BUTTONS.items() if action["action_id"].startswith(prefix)]
    assert found == [press], "one, and no other"
    if press is approval_buttons.press:
        assert buttons.pressed(action)[1].requests[0][0] == "request"
    elif press is retry_button.press:
        assert retry_notice.opened(action["value"]) == "key"
    else:
        assert question_blocks.pressed(action) == question_blocks.Pressed("ask_person", "first", "id", "digest")


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"action_id": "question.ask_person", "value": '{"q": "id", "d": "digest"}'},
        {"action_id": "question.ask_person.First", "value": '{"q": "id", "d": "digest"}'},
        {"action_id": "question.ask_person.first.more", "value": '{"q": "id", "d": "digest"}'},
        {"action_id": "question.ask_person.first", "value": '{"q": "id"}'},
        {"action_id": "question.ask_person.first", "value": '{"q": "id", "d": 5}'},
        {"action_id": "question.ask_person.first", "value": '{"q": "id", "d": "digest", "more": 1}'},
        {"action_id": "question.ask_person.first", "value": "nonsense"},
        {"action_id": "question.ask_person.first", "value": '{"q": "id", "d": "' + "x" * 3_000 + '"}'},
        {"action_id": "question.ask_person.first", "value": '{"q": "\\ud800", "d": "digest"}'},
        {"action_id": ["question.ask_person.first"], "value": '{"q": "id", "d": "digest"}'},
    ],
)
def test_what_has_another_shape_is_no_button_of_ours(action: JsonObject) -> None:
    with pytest.raises(ValueError, match=r".*"):
        question_blocks.pressed(action)
