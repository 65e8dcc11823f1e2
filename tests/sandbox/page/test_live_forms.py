"""What a person can put into the elements of a form, and what Slack's client would not let them."""

from __future__ import annotations

from typing import Any

import pytest

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.forms import References, state_values

Json = dict[str, Any]

OPTION: Json = {"text": {"type": "plain_text", "text": "One"}, "value": "1"}
FILE: Json = {"id": "F1", "name": "a.txt"}
KNOWN = References(lambda element: [OPTION], {"F1": FILE}.get)


def put(element: Json, given: Any) -> Any:
    block: Json = {"type": "input", "block_id": "b", "element": {"action_id": "a", **element}}
    state = state_values([block], {"b": {"a": given}}, references=KNOWN)["b"]["a"]
    return next(value for key, value in state.items() if key != "type")


@pytest.mark.parametrize(
    ("element", "given", "kept"),
    [
        ({"type": "plain_text_input", "min_length": 3}, "abc", "abc"),
        ({"type": "plain_text_input", "min_length": 3}, "", None),
        ({"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}, "9", "9"),
        ({"type": "number_input", "is_decimal_allowed": True}, "1.5", "1.5"),
        ({"type": "email_text_input"}, "a@example.com", "a@example.com"),
        ({"type": "url_text_input"}, "https://example.com", "https://example.com"),
        ({"type": "datepicker"}, "2026-02-28", "2026-02-28"),
        ({"type": "timepicker"}, "23:59", "23:59"),
        ({"type": "datetimepicker"}, "1700000000", 1700000000),
        ({"type": "static_select", "options": [OPTION]}, "1", OPTION),
        ({"type": "checkboxes", "options": [OPTION]}, ["1"], [OPTION]),
        ({"type": "external_select"}, "1", OPTION),
        ({"type": "multi_external_select"}, ["1"], [OPTION]),
        ({"type": "multi_users_select", "max_selected_items": 1}, ["U1"], ["U1"]),
        ({"type": "file_input"}, ["F1"], [FILE]),
    ],
)
def test_what_fits_is_kept(element: Json, given: Any, kept: Any) -> None:
    assert put(element, given) == kept


@pytest.mark.parametrize(
    ("element", "given"),
    [
        ({"type": "plain_text_input", "min_length": 3}, "ab"),
        ({"type": "plain_text_input", "max_length": 3}, "abcd"),
        ({"type": "plain_text_input"}, 5),
        ({"type": "number_input", "is_decimal_allowed": False}, "1.5"),
        ({"type": "number_input", "is_decimal_allowed": True, "max_value": "9"}, "10"),
        ({"type": "number_input", "is_decimal_allowed": True}, "nan"),
        ({"type": "number_input", "is_decimal_allowed": True}, "many"),
        ({"type": "email_text_input"}, "nobody"),
        ({"type": "url_text_input"}, "example"),
        ({"type": "datepicker"}, "2026-02-30"),
        ({"type": "timepicker"}, "24:30"),
        ({"type": "datetimepicker"}, "soon"),
        ({"type": "static_select", "options": [OPTION]}, "2"),
        ({"type": "static_select", "options": [OPTION]}, ["1"]),
        ({"type": "checkboxes", "options": [OPTION]}, "1"),
        ({"type": "external_select"}, {"text": {"type": "plain_text", "text": "Forged"}, "value": "9"}),
        ({"type": "multi_users_select", "max_selected_items": 1}, ["U1", "U2"]),
        ({"type": "users_select"}, ["U1"]),
        ({"type": "file_input"}, ["F2"]),
    ],
)
def test_what_does_not_fit_is_refused(element: Json, given: Any) -> None:
    with pytest.raises(ImpossibleAction):
        put(element, given)
