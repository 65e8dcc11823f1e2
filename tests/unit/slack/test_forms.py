"""The window in which people say why they deny a call, and what windows carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval
from bot.slack.blocks import forms
from bot.slack.blocks.fields import field_of
from bot.slack.blocks.forms import Opened
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.forms import state_values
from tests.unit.slack.samples import NASTY, call, nothing_is_forged, request, window

OPENED = Opened("request-1", "d" * 64, "C0GENERAL", "1700000000.000100", "1700000000.000000")
ARGUMENTS: JsonObject = {
    "path": "/w/a.txt",
    "content": "one\ntwo\n",
    "kind": "slow",
    "force": True,
    "count": 3,
    "edits": [{"oldText": "x", "newText": "y"}],
    "more": "not in the schema",
}


def asked(arguments: JsonObject | None = None) -> Approval:
    return request(call=call(ARGUMENTS if arguments is None else arguments))


def sent(view: JsonObject, typed: Mapping[str, Any] | None = None) -> JsonObject:
    """The window as Slack sends it, with what was typed by argument name or block id."""
    blocks = window(view).blocks
    ids = {block["block_id"] for block in blocks}
    state = state_values(blocks, {})
    for name, text in (typed or {}).items():
        block_id = name if name in ids else field_of(name)
        try:
            state[block_id] = state_values(blocks, {block_id: {"value": text}})[block_id]
        except ImpossibleAction:  # Slack's own client would not send this; somebody else's may
            state[block_id]["value"]["value"] = text
    return {**view, "state": {"values": json.loads(json.dumps(state))}}


def test_a_reason_may_be_given_or_not() -> None:
    view = forms.reason(asked(), OPENED)
    assert view["submit"]["text"] == "Deny"
    assert forms.reason_given(sent(view, {"reason": "  not\nthis file "})) == "not\nthis file"
    assert forms.reason_given(sent(view)) == ""
    assert forms.reason_given({"state": {"values": {"reason": {"value": {"value": 7}}}}}) == ""


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_call_forges_a_line_of_a_window_or_calls_anybody(nasty: str) -> None:
    approval = request(call=replace(call({nasty: nasty, "x": nasty * 3_000}), remote_name=nasty, server=nasty))
    nothing_is_forged(window(forms.reason(approval, OPENED)), set())


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[]", '{"o": [1], "x": {}}', '{"o": ["a","b","c","d"], "x": {}}', "[" * 2_900, '{"o": [], "x": 1}'],
)
def test_private_metadata_that_is_none_of_ours_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r".*"):
        forms.unseal({"private_metadata": text})


def test_what_is_sealed_comes_back() -> None:
    assert forms.unseal({"private_metadata": forms.seal(OPENED, {"folders": ["é"]})}) == (OPENED, {"folders": ["é"]})
    with pytest.raises(ValueError, match="too long"):
        forms.seal(OPENED, {"x": "y" * 3_000})
