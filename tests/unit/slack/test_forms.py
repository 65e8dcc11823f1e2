"""The windows in which people say why they deny a call, or allow it for longer."""

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
from bot.slack.blocks.forms import AlwaysChoice, Opened
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


FOLDERS = ["/srv/workspace/notes/2024", "/srv/workspace/notes", "/srv/" + "long/" * 30]


def test_a_grant_is_for_the_narrowest_folder_a_day_and_this_thread_unless_somebody_says_otherwise() -> None:
    view = forms.always(asked(), FOLDERS, 30, OPENED)
    assert forms.always_given(sent(view)) == AlwaysChoice("thread", "folder", FOLDERS[0], 86_400)
    assert forms.unseal(view)[0] == OPENED
    shown = window(view)
    assert f"Folder 3: {FOLDERS[2]}" in shown.plain
    assert "the tool's definition changes" in shown.plain
    assert "Home" in shown.plain


@pytest.mark.parametrize(
    ("typed", "choice"),
    [
        ({"scope": "same"}, AlwaysChoice("thread", "same", "", 86_400)),
        ({"scope": "any", "where": "mine", "time": "30 days"}, AlwaysChoice("mine", "any", "", 30 * 86_400)),
        ({"scope": "folder:2", "time": "1 hour"}, AlwaysChoice("thread", "folder", FOLDERS[2], 3_600)),
    ],
)
def test_what_is_chosen_for_a_grant_is_read(typed: JsonObject, choice: AlwaysChoice) -> None:
    assert forms.always_given(sent(forms.always(asked(), FOLDERS, 30, OPENED), typed)) == choice


def test_without_folders_a_grant_is_for_the_same_arguments() -> None:
    assert forms.always_given(sent(forms.always(asked(), [], 30, OPENED))).scope == "same"


@pytest.mark.parametrize(("days", "longest"), [(30, 2_592_000), (6.9, 86_400), (0.5, 3_600), (0.01, 840), (0, 60)])
def test_no_grant_is_offered_for_longer_than_allowed(days: float, longest: float) -> None:
    view = forms.always(asked(), [], days, OPENED)
    window(view)
    assert max(seconds for seconds, _ in forms.durations(days * 86_400)) == longest
    forged = sent(view)
    forged["state"]["values"]["time"]["value"]["selected_option"] = {"value": "5184000"}
    with pytest.raises(ValueError, match="not a choice"):
        forms.always_given(forged)


@pytest.mark.parametrize("block", ["where", "scope", "time"])
@pytest.mark.parametrize("picked", [None, "", "folder:9", "folder:-1", "folder:0 ", "everything", 7])
def test_a_choice_that_was_not_offered_is_refused(block: str, picked: object) -> None:
    forged = sent(forms.always(asked(), FOLDERS, 30, OPENED))
    forged["state"]["values"][block]["value"]["selected_option"] = {"value": picked}
    with pytest.raises(ValueError, match="not a choice"):
        forms.always_given(forged)


def test_folders_that_do_not_fit_are_left_out() -> None:
    folders = [f"/{number}/" + "f" * 900 for number in range(20)]
    view = forms.always(asked(), folders, 30, OPENED)
    window(view)
    assert 0 < len(forms.unseal(view)[1]["folders"]) < 4
    window(forms.always(asked(), [f"/{number}" for number in range(20)], 30, OPENED))


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_call_forges_a_line_of_a_window_or_calls_anybody(nasty: str) -> None:
    approval = request(call=replace(call({nasty: nasty, "x": nasty * 3_000}), remote_name=nasty, server=nasty))
    for view in (
        forms.reason(approval, OPENED),
        forms.always(approval, [nasty, f"/{nasty}"], 30, OPENED),
    ):
        nothing_is_forged(window(view), set())


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
