"""The windows in which people change a call, say why they deny it, or allow it for longer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.json_text import JsonObject, canonical
from bot.core.questions.question import Approval
from bot.slack.blocks import forms
from bot.slack.blocks.forms import AlwaysChoice, Opened, field_of
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.forms import state_values
from tests.unit.slack.samples import NASTY, Shown, call, nothing_is_forged, request, window

OPENED = Opened("request-1", "d" * 64, "C0GENERAL", "1700000000.000100", "1700000000.000000")
SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "Where to\nwrite"},
        "content": {"type": "string"},
        "mode": {"enum": ["a", "b", 3], "type": ["string", "integer"]},
        "kind": {"enum": ["fast", "slow"], "type": "string"},
        "force": {"type": "boolean"},
        "deep": {"type": "boolean"},
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "edits": {"type": "array"},
        "any": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["path", "content", "force", "count"],
}
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


def edit(arguments: JsonObject, typed: Mapping[str, Any], schema: JsonObject = SCHEMA) -> tuple[JsonObject, JsonObject]:
    approval = asked(arguments)
    form = forms.edit(approval, schema, OPENED)
    now, wrong = forms.edited(sent(form, typed), approval, schema)
    assert set(wrong) <= {block.get("block_id") for block in form["blocks"] if block["type"] == "input"}
    return now, wrong


def element(shown: Shown, name: str) -> JsonObject:
    return next(block["element"] for block in shown.blocks if block["block_id"] == field_of(name))


def test_every_argument_is_a_field_of_its_kind() -> None:
    shown = window(forms.edit(asked(), SCHEMA, OPENED))
    kinds = {name: element(shown, name)["type"] for name in SCHEMA["properties"]}
    assert kinds == {
        "path": "plain_text_input",
        "content": "plain_text_input",
        "mode": "plain_text_input",
        "kind": "static_select",
        "force": "radio_buttons",
        "deep": "radio_buttons",
        "count": "number_input",
        "ratio": "number_input",
        "edits": "plain_text_input",
        "any": "plain_text_input",
    }
    assert element(shown, "content")["multiline"] is True
    assert element(shown, "path")["multiline"] is False
    assert json.loads(element(shown, "edits")["initial_value"]) == ARGUMENTS["edits"]
    assert [each["text"]["text"] for each in element(shown, "force")["options"]] == ["true", "false"]
    assert [each["text"]["text"] for each in element(shown, "deep")["options"]] == ["true", "false", "(not set)"]
    assert element(shown, "ratio")["is_decimal_allowed"] is True
    assert element(shown, "count")["is_decimal_allowed"] is False
    assert "Where to write" in shown.plain
    assert "Nothing runs yet" in shown.plain


def test_a_form_that_nobody_touched_changes_nothing() -> None:
    assert edit(ARGUMENTS, {}) == (ARGUMENTS, {})


def test_what_is_typed_becomes_the_arguments() -> None:
    typed = {
        "path": "/w/b.txt",
        "content": "",
        "kind": "fast",
        "force": "false",
        "deep": "true",
        "count": "7",
        "ratio": "0.5",
        "edits": "[]",
        "any": "null",
        "more": '"changed"',
    }
    assert edit(ARGUMENTS, typed) == (
        {
            "path": "/w/b.txt",
            "content": "",
            "kind": "fast",
            "force": False,
            "deep": True,
            "count": 7,
            "ratio": 0.5,
            "edits": [],
            "any": None,
            "more": "changed",
        },
        {},
    )


def test_what_is_cleared_is_no_longer_set_unless_it_is_needed() -> None:
    now, wrong = edit(ARGUMENTS, {"kind": "(not set)", "edits": " ", "more": "", "content": ""})
    assert now == {"path": "/w/a.txt", "content": "", "force": True, "count": 3}
    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("edits", "[{]", "This is not valid JSON: line 1, character 3."),
        ("edits", "NaN", "This is not valid JSON."),
        ("edits", "[" * 2_900, "This is not valid JSON"),
        ("count", "3.5", "This is not a whole number."),
        ("count", "", "This is required."),
        ("ratio", "inf", "This is not a number."),
        ("ratio", "1e999", "This is not a number."),
        ("ratio", "x", "This is not a number."),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field(name: str, text: str, words: str) -> None:
    now, wrong = edit(ARGUMENTS, {name: text})
    assert list(wrong) == [field_of(name)]
    assert wrong[field_of(name)].startswith(words)
    assert now == ARGUMENTS


def test_an_argument_that_is_left_alone_stays_as_it_was_to_the_last_bit() -> None:
    arguments: JsonObject = {
        "path": "a\r\nb \ud800\n\n",
        "content": "\u202e",
        "ratio": 1.0,
        "count": 10**20,
        "edits": ["\ud800", 1e300],
        "force": False,
    }
    approval = asked(arguments)
    view = forms.edit(approval, SCHEMA, OPENED)
    json.dumps(view, ensure_ascii=False).encode()
    now, wrong = forms.edited(sent(view, {"path": element(window(view), "path")["initial_value"]}), approval, SCHEMA)
    assert (canonical(now), wrong) == (canonical(arguments), {})
    assert canonical(edit(arguments, {"ratio": "1"})[0]) == canonical({**arguments, "ratio": 1})


def test_what_is_too_long_for_the_window_is_named_and_stays_as_it_is() -> None:
    arguments: JsonObject = {
        "path": "/w/a.txt",
        "content": "x" * 3_001,
        "force": True,
        "count": 1,
        "edits": ["y" * 3_000],
    }
    shown = window(forms.edit(asked(arguments), SCHEMA, OPENED))
    assert "Too long for this window, and kept as they are: content, edits." in shown.plain
    assert edit(arguments, {"path": "/w/b.txt"}) == ({**arguments, "path": "/w/b.txt"}, {})


def test_a_window_without_a_field_cannot_be_saved() -> None:
    view = forms.edit(asked({}), {}, OPENED)
    assert "This tool takes no arguments." in window(view).plain
    assert "submit" not in view
    assert forms.edit(asked(), SCHEMA, OPENED)["submit"]["text"] == "Save and ask again"


def test_a_form_never_has_more_than_slack_takes() -> None:
    arguments: JsonObject = {f"name{number:03d}": "é\n" * 1_400 for number in range(500)}
    schema: JsonObject = {"properties": {name: {"type": "string"} for name in arguments}}
    shown = window(forms.edit(asked(arguments), schema, OPENED))
    assert "more." in shown.plain
    assert edit(arguments, {"name000": "x"}, schema)[0] == {**arguments, "name000": "x"}


def test_fields_that_the_window_did_not_have_are_not_read_and_garbage_is_said_to_be_that() -> None:
    approval = asked()
    view = sent(forms.edit(approval, SCHEMA, OPENED))
    number = {"value": {"value": 7}}
    garbage = {field_of("path"): "garbage", field_of("kind"): {}, field_of("force"): number, field_of("count"): number}
    view["state"]["values"] = {"nowhere": {"value": {"value": "x"}}, **garbage}
    assert forms.edited(view, approval, SCHEMA) == (ARGUMENTS, dict.fromkeys(garbage, "This cannot be read."))
    assert forms.edited({}, approval, SCHEMA) == (ARGUMENTS, {})


def test_a_field_whose_kind_has_changed_since_is_not_taken_for_an_empty_one() -> None:
    approval = asked()
    view = sent(forms.edit(approval, SCHEMA, OPENED))
    changed = {**SCHEMA["properties"], "kind": {"type": "string"}}
    now, wrong = forms.edited(view, approval, {"properties": changed, "required": SCHEMA["required"]})
    assert (now, wrong) == (ARGUMENTS, {field_of("kind"): "This cannot be read."})


NAMES = st.one_of(st.sampled_from(["path", "content", *NASTY]), st.text(max_size=8))
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(), NAMES
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=5,
)
PARTS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(
                ["string", "integer", "number", "boolean", "array", "object", "null", ["string"], 3]
            ),
            "enum": st.lists(st.one_of(VALUES, st.just(float("nan"))), max_size=5) | VALUES,
            "description": VALUES,
            "anyOf": st.just([]),
        },
    ),
)
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={"properties": st.dictionaries(NAMES, PARTS, max_size=6) | VALUES, "required": st.lists(NAMES) | VALUES},
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=5), SCHEMAS)
def test_whatever_a_schema_says_slack_takes_the_form_and_sent_untouched_it_changes_nothing(
    arguments: JsonObject, schema: JsonObject
) -> None:
    arguments = json.loads(canonical(arguments))
    approval = asked(arguments)
    view = forms.edit(approval, schema, OPENED)
    nothing_is_forged(window(view), set())
    now, wrong = forms.edited(sent(view), approval, schema)
    assert canonical(now) == canonical(arguments)
    assert all("needed" in words for words in wrong.values())


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
    schema: JsonObject = {"properties": {nasty: {"type": "string", "description": nasty, "enum": [nasty]}}}
    for view in (
        forms.edit(approval, schema, OPENED),
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
