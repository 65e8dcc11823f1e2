"""The window in which people change a call: which fields there are, and what becomes of what is entered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.core.json_text import JsonObject, canonical
from bot.slack.blocks import edit_form
from bot.slack.blocks.edit_form import OtherFormError
from bot.slack.blocks.fields import field_of
from bot.tools.json_schema.arguments import problems
from tests.unit.slack.editing import OPENED, Place, asked, edit, element, labels, place, sent
from tests.unit.slack.samples import NASTY, nothing_is_forged, window
from tests.unit.tools.test_arguments import tool

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "description": "Where to\nwrite"},
        "content": {"type": "string"},
        "mode": {"enum": ["a", "b", 3], "type": ["string", "integer"]},
        "kind": {"enum": ["fast", "slow"], "type": "string"},
        "force": {"type": "boolean"},
        "deep": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 1, "maximum": 1000},
        "ratio": {"type": "number"},
        "labels": {"type": "array", "items": {"type": "string"}},
        "sizes": {"type": "array", "items": {"type": "integer"}},
        "colours": {"type": "array", "items": {"enum": ["red", "green", "blue"]}},
        "day": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "date-time"},
        "mail": {"type": "string", "format": "email"},
        "owner": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "team": {"$ref": "#/$defs/team"}},
            "required": ["name"],
        },
        "any": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        "either": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        "extra": {"type": "object"},
        "dryRun": {"type": "boolean"},
    },
    "required": ["path", "content", "force", "count"],
    "$defs": {"team": {"type": "string", "title": "Team of the owner"}},
}
ARGUMENTS: JsonObject = {
    "path": "/w/a.txt",
    "content": "one\ntwo\n",
    "kind": "slow",
    "force": True,
    "count": 3,
    "labels": ["bug", "installer"],
    "colours": ["blue", "red"],
    "day": "2030-01-31",
    "at": "2030-01-31T10:00:30+02:00",
    "owner": {"name": "Ada", "since": 1815},
    "any": None,
    "extra": {"x": [1]},
    "dryRun": False,
    "more": "not in the schema",
}
PATCH: JsonObject = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"oldText": {"type": "string"}, "newText": {"type": "string"}},
                "required": ["oldText", "newText"],
            },
        },
        "dryRun": {"type": "boolean", "default": False},
    },
    "required": ["path", "edits"],
}


def test_every_value_has_the_field_that_its_schema_asks_for() -> None:
    shown = window(edit_form.edit(asked(ARGUMENTS), SCHEMA, OPENED))
    kinds = {name: element(shown, name)["type"] for name in SCHEMA["properties"] if name not in ("owner", "dryRun")}
    assert kinds == {
        "path": "plain_text_input",
        "content": "plain_text_input",
        "mode": "static_select",
        "kind": "static_select",
        "force": "radio_buttons",
        "deep": "radio_buttons",
        "count": "number_input",
        "ratio": "number_input",
        "labels": "plain_text_input",
        "sizes": "plain_text_input",
        "colours": "multi_static_select",
        "day": "datepicker",
        "at": "datetimepicker",
        "mail": "email_text_input",
        "any": "plain_text_input",
        "either": "plain_text_input",
        "extra": "plain_text_input",
    }
    assert element(shown, "content")["multiline"] is True
    assert element(shown, "path")["multiline"] is False
    assert element(shown, "labels")["initial_value"] == "bug\ninstaller"
    assert element(shown, "owner", "name")["initial_value"] == "Ada"
    assert json.loads(element(shown, "extra")["initial_value"]) == {"x": [1]}
    assert [each["text"]["text"] for each in element(shown, "deep")["options"]] == ["Yes", "No", "(not set)"]
    assert (element(shown, "count")["min_value"], element(shown, "count")["max_value"]) == ("1", "1000")
    assert "Where to write" in shown.plain
    assert "Nothing runs yet" in shown.plain


def test_labels_are_words_and_json_is_only_asked_for_where_anything_may_stand() -> None:
    shown = window(edit_form.edit(asked(ARGUMENTS), SCHEMA, OPENED))
    assert {"Path", "Content", "Owner › Name", "Owner › Team of the owner", "Owner › Since"} <= set(labels(shown))
    hints = {
        block["label"]["text"]: block.get("hint", {}).get("text", "") for block in shown.blocks if "label" in block
    }
    assert [label for label, hint in hints.items() if "JSON" in hint] == ["Extra"]
    assert "Dry" not in shown.plain


def test_an_edit_of_a_file_shows_what_is_replaced_and_asks_with_what() -> None:
    arguments: JsonObject = {"path": "a.md", "edits": [{"oldText": "a *b*", "newText": "c"}], "dryRun": False}
    shown = window(edit_form.edit(asked(arguments, "edit_file"), PATCH, OPENED))
    assert labels(shown) == ["Path", "With"]
    assert "a *b*" in shown.plain
    now, wrong = edit(arguments, {("edits", 0, "newText"): "d"}, PATCH)
    assert (now, wrong) == ({**arguments, "edits": [{"oldText": "a *b*", "newText": "d"}]}, {})


def test_several_edits_of_a_file_are_numbered_from_one() -> None:
    arguments: JsonObject = {"path": "a.md", "edits": [{"oldText": f"{n}", "newText": "x"} for n in "ab"]}
    shown = window(edit_form.edit(asked(arguments, "edit_file"), PATCH, OPENED))
    assert labels(shown) == ["Path", "1. With", "2. With"]
    assert [now["newText"] for now in edit(arguments, {("edits", 1, "newText"): ""}, PATCH)[0]["edits"]] == ["x", ""]


def test_a_form_that_nobody_touched_changes_nothing() -> None:
    assert edit(ARGUMENTS, {}, SCHEMA) == (ARGUMENTS, {})


@pytest.mark.parametrize(
    ("name", "entered", "value"),
    [
        ("path", "/w/b.txt", "/w/b.txt"),
        ("content", "", ""),
        ("kind", "fast", "fast"),
        ("mode", "3", 3),
        ("force", "No", False),
        ("deep", "Yes", True),
        ("count", "7", 7),
        ("ratio", "0.5", 0.5),
        ("ratio", "2", 2),
        ("labels", "bug\n\n  docs ", ["bug", "docs"]),
        ("sizes", "1\n20", [1, 20]),
        ("colours", ["blue", "green"], ["blue", "green"]),
        ("day", "2031-02-03", "2031-02-03"),
        ("at", 1896170400, "2030-02-01T12:00:00+02:00"),
        ("any", "text", "text"),
        ("either", "5", 5),
        ("either", "five", "five"),
        ("extra", '{"y": null}', {"y": None}),
        ("more", "changed", "changed"),
    ],
)
def test_what_is_entered_becomes_the_value_and_nothing_else_changes(name: str, entered: Any, value: object) -> None:
    now, wrong = edit(ARGUMENTS, {name: entered}, SCHEMA)
    assert (canonical(now), wrong) == (canonical({**ARGUMENTS, name: value}), {})


@pytest.mark.parametrize(
    ("where", "entered", "owner"),
    [
        (("owner", "name"), "Grace", {"name": "Grace", "since": 1815}),
        (("owner", "team"), "Red", {"name": "Ada", "since": 1815, "team": "Red"}),
        (("owner", "since"), "1816", {"name": "Ada", "since": 1816}),
    ],
)
def test_a_value_within_another_is_changed_by_itself(where: Place, entered: str, owner: JsonObject) -> None:
    assert edit(ARGUMENTS, {where: entered}, SCHEMA) == ({**ARGUMENTS, "owner": owner}, {})


def test_what_is_cleared_is_no_longer_set_unless_it_is_needed() -> None:
    typed: JsonObject = {"kind": "(not set)", "extra": " ", "more": "", "content": "", "labels": "", "colours": []}
    now, wrong = edit(ARGUMENTS, typed, SCHEMA)
    gone = {"kind", "extra", "more", "labels", "colours"}
    assert now == {**{name: value for name, value in ARGUMENTS.items() if name not in gone}, "content": ""}
    assert wrong == {}


def test_an_object_that_is_not_set_comes_to_be_with_the_first_value_in_it() -> None:
    arguments = {name: value for name, value in ARGUMENTS.items() if name != "owner"}
    assert edit(arguments, {}, SCHEMA)[0] == arguments
    assert edit(arguments, {("owner", "name"): "Ada"}, SCHEMA)[0] == {**arguments, "owner": {"name": "Ada"}}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("extra", '{\n "a": 1,\n "day": "Thursday\n}', 'A quotation mark is missing in line 3, near `"Thursday`.'),
        ("extra", '{"a": [1, 2}', "In line 1, a square bracket `]` is missing before `}`."),
        ("extra", '{"a": 1', "A curly bracket `}` is missing at the end."),
        ("extra", '{"a": 1 "b": 2}', 'A comma is missing in line 1, before `"b": 2}`.'),
        ("extra", '{"a" 1}', "A colon is missing in line 1, before `1}`."),
        ("extra", '{"a": 1,}', "There is a comma too many in line 1, before `}`."),
        ("extra", '{"a": True}', "Write `true` instead of `True` in line 1."),
        ("extra", '{"a": Thursday}', "Quotation marks are missing around `Thursday` in line 1."),
        ("extra", '{"day: "Thursday"}', 'A quotation mark is missing in line 1, near `"day: "Thursday"}`.'),
        ("extra", '{"a": “x”}', 'Use straight quotation marks (") instead of “ in line 1.'),
        ("extra", '{"a": 1, "a": 2}', 'The name `"a"` is there twice.'),
        ("extra", '{"a": NaN}', "NaN is not a number that can be sent."),
        ("extra", '{"a": 1e999}', "The number 1e999 is too large."),
        ("extra", '{"a": ' + "[" * 2_900, "This is nested too deeply."),
        ("count", "3.5", "This is not a whole number."),
        ("count", "", "This is required."),
        ("ratio", "inf", "This is not a number."),
        ("ratio", "1e999", "This is not a number."),
        ("ratio", "1_000", "This is not a number."),
        ("sizes", "1\n2\nthree", "Line 3: three is not a whole number."),
    ],
)
def test_what_cannot_be_read_is_said_beside_its_field_in_words(name: str, text: str, words: str) -> None:
    now, wrong = edit(ARGUMENTS, {name: text}, SCHEMA)
    assert wrong == {field_of(name): words}
    assert now == ARGUMENTS


@pytest.mark.parametrize(
    ("arguments", "where", "words"),
    [
        ({"count": 0}, "count", "This must be at least 1."),
        ({"count": "x"}, "count", "This must be a whole number."),
        ({"kind": "other"}, "kind", "This must be one of: fast, slow."),
        ({"labels": ["a", 1]}, ("labels", 1), "This must be text."),
        ({"sizes": [1, 2, 0.5]}, "sizes", "Line 3: This must be a whole number."),
        ({"owner": {}}, ("owner", "name"), "This is required."),
        ({"either": []}, "either", "This must be text or a whole number."),
        ({"any": 7}, "any", "This must be text or empty."),
    ],
)
def test_what_the_schema_refuses_is_said_beside_its_field_and_counted_from_one(
    arguments: JsonObject, where: Place, words: str
) -> None:
    bad = {**ARGUMENTS, **arguments}
    found = problems(tool(SCHEMA), bad)
    assert edit_form.beside(found, asked(bad), SCHEMA) == {place(where): words}


def test_what_is_wrong_within_free_json_says_where() -> None:
    schema: JsonObject = {"properties": {"extra": {"type": "object", "additionalProperties": {"type": "array"}}}}
    found = {("extra", "firstName", 1): "This must be text."}
    errors = edit_form.beside(found, asked({"extra": {"firstName": [1, 2]}}), schema)
    assert errors == {place("extra"): "In First name, entry 2: This must be text."}


def test_what_has_no_field_is_named_beside_the_nearest_one() -> None:
    arguments: JsonObject = {"path": "a.md", "edits": [{"oldText": "a", "newText": "c"}]}
    errors = edit_form.beside({("edits", 0, "oldText"): "This is too short."}, asked(arguments), PATCH)
    assert errors == {place(("edits", 0, "newText")): "In Edits, entry 1, Old text: This is too short."}


def test_an_argument_that_is_left_alone_stays_as_it_was_to_the_last_bit() -> None:
    arguments: JsonObject = {
        "path": "a\r\nb \ud800\n\n",
        "content": "\u202e",
        "ratio": 1.0,
        "count": 10**20,
        "extra": {"y": ["\ud800", 1e300]},
        "force": False,
    }
    approval = asked(arguments)
    view = edit_form.edit(approval, SCHEMA, OPENED)
    json.dumps(view, ensure_ascii=False).encode()
    now, wrong = edit_form.edited(sent(view), approval, SCHEMA)
    assert (canonical(now), wrong) == (canonical(arguments), {})
    assert canonical(edit(arguments, {"ratio": "1"}, SCHEMA)[0]) == canonical({**arguments, "ratio": 1})


@pytest.mark.parametrize(
    ("before", "typed", "after"),
    [
        pytest.param("a\nb\n", "a\nc\n", "a\nc\n", id="as it was sent"),
        pytest.param("a\nb\n", "a\nc", "a\nc\n", id="the line break at the end did not come back"),
        pytest.param("\tif x:\n\t\ty\n", "if x:\n\t\tz", "\tif x:\n\t\tz\n", id="the indentation did not come back"),
        pytest.param("a\r\nb\r\n", "a\nc", "a\r\nc\r\n", id="CRLF came back as LF"),
        pytest.param("a\r\nb\nc\rd", "a\nb\nX\nd", "a\r\nb\nX\r\nd", id="mixed line endings"),
        pytest.param("a \ud800\nb", "a \ufffd\nc", "a \ud800\nc", id="what Slack cannot show, in another line"),
        pytest.param("a\n", "", "", id="emptied"),
        pytest.param("a\tb", "a\tc", "a\tc", id="a tab"),
        pytest.param("a\n", "a\n\nb\n", "a\n\nb\n", id="a blank line"),
        pytest.param("a", "a\n", "a\n", id="a line break that was added"),
    ],
)
def test_a_text_keeps_what_a_form_cannot_carry(before: str, typed: str, after: str) -> None:
    assert edit({**ARGUMENTS, "content": before}, {"content": typed}, SCHEMA)[0]["content"] == after


def test_the_line_break_at_the_end_goes_when_its_box_is_cleared() -> None:
    around = f"{field_of('content')}-around"
    shown = window(edit_form.edit(asked(ARGUMENTS), SCHEMA, OPENED))
    assert "Keep the line break at the end" in shown.plain
    assert edit(ARGUMENTS, {around: []}, SCHEMA)[0]["content"] == "one\ntwo"
    assert edit(ARGUMENTS, {around: [], "content": "one\n"}, SCHEMA)[0]["content"] == "one"


def test_of_other_line_endings_a_person_is_told() -> None:
    shown = window(edit_form.edit(asked({"path": "a", "content": "a\r\nb"}), SCHEMA, OPENED))
    assert "Its lines end with CRLF, and so will new ones." in shown.plain


LONG = "".join(f"line {number}\n" for number in range(2_000))


def test_a_text_longer_than_a_field_has_several_and_one_changed_line_changes_that_line_only() -> None:
    arguments = {**ARGUMENTS, "content": LONG}
    shown = window(edit_form.edit(asked(arguments), SCHEMA, OPENED))
    parts = [block for block in shown.blocks if block["block_id"].startswith(field_of("content"))]
    assert parts[0]["label"]["text"] == f"Content, part 1 of {len(parts) - 1}"
    third = parts[2]
    text = third["element"]["initial_value"]
    line = text.split("\n")[5]
    now, wrong = edit(arguments, {third["block_id"]: text.replace(line, "changed")}, SCHEMA)
    assert wrong == {}
    assert now["content"] == LONG.replace(f"\n{line}\n", "\nchanged\n")
    assert edit(arguments, {third["block_id"]: ""}, SCHEMA)[0]["content"] == LONG.replace(f"{text}\n", "")


def test_what_is_too_long_for_the_window_is_named_and_stays_as_it_is() -> None:
    arguments = {**ARGUMENTS, "content": "x" * 400_000}
    shown = window(edit_form.edit(asked(arguments), SCHEMA, OPENED))
    assert "Too long for this window, and kept as they are: Content." in shown.plain
    assert edit(arguments, {"path": "/w/b.txt"}, SCHEMA) == ({**arguments, "path": "/w/b.txt"}, {})


def test_one_of_thousands_of_values_is_typed_and_similar_ones_are_named() -> None:
    schema: JsonObject = {"properties": {"zone": {"enum": [f"Area/City {number}" for number in range(5_000)]}}}
    assert "One of 5,000 values" in window(edit_form.edit(asked({}), schema, OPENED)).plain
    assert edit({}, {"zone": "area/city 77"}, schema) == ({"zone": "Area/City 77"}, {})
    [words] = edit({}, {"zone": "Area/Town"}, schema)[1].values()
    assert words.startswith("This is none of the 5,000 choices. Similar ones: Area/City 0,")


def test_long_and_equal_looking_choices_are_told_apart() -> None:
    options = ["x" * 90 + "a", "x" * 90 + "b", "(not set)", ""]
    schema: JsonObject = {"properties": {"way": {"enum": options}}}
    shown = window(edit_form.edit(asked({}), schema, OPENED))
    texts = [each["text"]["text"] for each in element(shown, "way")["options"]]
    assert len(set(texts)) == len(texts) == 5
    for number, value in enumerate(options):
        assert edit({}, {"way": str(number)}, schema)[0] == {"way": value}


def test_a_value_that_is_none_of_the_choices_stays_until_another_is_chosen() -> None:
    arguments = {**ARGUMENTS, "kind": "odd"}
    assert "As it is: odd" in window(edit_form.edit(asked(arguments), SCHEMA, OPENED)).plain
    assert edit(arguments, {}, SCHEMA) == (arguments, {})
    assert edit(arguments, {"kind": "fast"}, SCHEMA)[0]["kind"] == "fast"


def test_of_two_arguments_of_one_label_each_names_itself() -> None:
    schema: JsonObject = {"properties": {"old_path": {"type": "string"}, "oldPath": {"type": "string"}}}
    assert labels(window(edit_form.edit(asked({}), schema, OPENED))) == ["Old path (old_path)", "Old path (oldPath)"]


@pytest.mark.parametrize(
    ("variant", "names"),
    [({"kind": "circle", "radius": 2}, ["Shape › Kind", "Shape › Radius"]), ({"side": 2}, ["Shape › Side"])],
)
def test_of_alternatives_the_fields_are_those_of_the_value(variant: JsonObject, names: list[str]) -> None:
    of_circle = {"kind": {"const": "circle"}, "radius": {"type": "number"}}
    circle = {"type": "object", "properties": of_circle, "required": ["kind"]}
    square = {"type": "object", "properties": {"side": {"type": "number"}}, "required": ["side"]}
    schema: JsonObject = {"properties": {"shape": {"oneOf": [{"$ref": "#/$defs/c"}, square]}}, "$defs": {"c": circle}}
    assert labels(window(edit_form.edit(asked({"shape": variant}), schema, OPENED))) == names
    now, _ = edit({"shape": variant}, {("shape", list(variant)[-1]): "3"}, schema)
    assert now == {"shape": {**variant, list(variant)[-1]: 3}}


def test_a_window_without_a_field_cannot_be_saved() -> None:
    view = edit_form.edit(asked({}), {}, OPENED)
    assert "There is nothing to change here." in window(view).plain
    assert "submit" not in view
    assert edit_form.edit(asked(ARGUMENTS), SCHEMA, OPENED)["submit"]["text"] == "Save and ask again"


def test_a_form_never_has_more_than_slack_takes() -> None:
    arguments: JsonObject = {f"name{number:03d}": "é\n" * 1_400 for number in range(500)}
    schema: JsonObject = {"properties": {name: {"type": "string"} for name in arguments}}
    shown = window(edit_form.edit(asked(arguments), schema, OPENED))
    assert "more." in shown.plain
    assert edit(arguments, {"name000": "x"}, schema)[0] == {**arguments, "name000": "x\n"}


def test_garbage_is_said_to_be_that() -> None:
    approval = asked(ARGUMENTS)
    view = sent(edit_form.edit(approval, SCHEMA, OPENED))
    number = {"value": {"value": 7}}
    garbage: JsonObject = {
        field_of("path"): number,
        field_of("kind"): {},
        field_of("force"): number,
        field_of("colours"): number,
    }
    garbage |= {field_of("day"): number, field_of("at"): number, field_of("count"): number}
    view["state"]["values"] = {"nowhere": {"value": {"value": "x"}}, **garbage}
    assert edit_form.edited(view, approval, SCHEMA) == (ARGUMENTS, dict.fromkeys(garbage, "This cannot be read."))
    assert edit_form.edited({}, approval, SCHEMA) == (ARGUMENTS, {})


def test_a_window_of_another_version_of_the_tool_is_not_read() -> None:
    approval = asked(ARGUMENTS)
    view = sent(edit_form.edit(approval, SCHEMA, OPENED))
    with pytest.raises(OtherFormError):
        edit_form.edited(view, approval, {"properties": {"path": {"type": "string"}}})


def test_a_field_whose_kind_has_changed_since_is_not_taken_for_an_empty_one() -> None:
    approval = asked(ARGUMENTS)
    view = sent(edit_form.edit(approval, SCHEMA, OPENED))
    changed = {**SCHEMA, "properties": {**SCHEMA["properties"], "kind": {"type": "string"}}}
    now, wrong = edit_form.edited(view, approval, changed)
    assert (now, wrong) == (ARGUMENTS, {field_of("kind"): "This cannot be read."})


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_call_forges_a_line_of_the_window_or_calls_anybody(nasty: str) -> None:
    arguments: JsonObject = {nasty: nasty, "x": nasty * 300, "old_str": nasty, "new_str": nasty}
    part = {"type": "string", "title": nasty, "description": nasty, "enum": [nasty], "default": nasty}
    schema: JsonObject = {"properties": {nasty: part, "new_str": {"type": "string", "title": nasty}}}
    nothing_is_forged(window(edit_form.edit(asked(arguments, nasty), schema, OPENED)), set())
