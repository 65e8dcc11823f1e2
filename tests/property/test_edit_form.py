"""Whatever a tool's schema says, the window in which a call is edited is one that Slack takes; saved untouched it
changes nothing, and a change of one field changes the value of that field only."""

from __future__ import annotations

import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.core.json_text import JsonObject, canonical
from bot.slack.blocks import edit_form, field_blocks
from bot.slack.blocks.fields import form_of
from bot.slack.blocks.form_schema import Kind
from tests.machine import is_allowed
from tests.unit.slack.editing import OPENED, asked, sent
from tests.unit.slack.samples import NASTY, nothing_is_forged, window

Pair = tuple[JsonObject, Any]
"""A schema, and a value that is valid by it."""

WORDS = st.text(max_size=8)
NAMES = st.one_of(
    st.sampled_from(
        ["path", "content", "oldText", "newText", "dryRun", "a b", "", "é", "x" * 300, "constructor", *NASTY]
    ),
    WORDS,
)
TEXTS = st.one_of(
    WORDS, st.text("ab \t\r\n\ud800\x00é😀", max_size=30), st.sampled_from(NASTY), st.just("line\n" * 900)
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
_JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def json_values(draw: st.DrawFn) -> Any:
    """Any value. A function, so that the description of what is built of it stays short."""
    return draw(_JSON)


JSON = json_values()


def pair(schema: JsonObject, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return values.map(lambda value: (schema, value))


_SCALARS: st.SearchStrategy[Pair] = st.one_of(
    pair({"type": "string"}, TEXTS),
    pair({"type": "string", "maxLength": 50, "title": "A text"}, st.text(max_size=50)),
    pair({"type": "string", "format": "date"}, st.dates().map(str)),
    pair({"type": "string", "format": "date-time"}, st.datetimes().map(lambda at: f"{at.isoformat()}+01:30")),
    pair({"type": "string", "format": "email"}, st.emails()),
    pair({"type": "string", "format": "uri"}, st.just("https://example.com/a?b=c") | TEXTS),
    pair({"type": "integer"}, st.integers()),
    pair({"type": "integer", "minimum": 0, "maximum": 10}, st.integers(0, 10)),
    pair({"type": "number"}, NUMBERS),
    pair({"type": "boolean", "default": True}, st.booleans()),
    pair({"type": ["string", "null"]}, st.none() | TEXTS),
    pair({"type": ["string", "integer"]}, st.integers() | TEXTS),
    pair({"anyOf": [{"type": "number"}, {"type": "boolean"}, {"type": "null"}]}, st.none() | st.booleans() | NUMBERS),
    pair({}, JSON),
    pair({"type": "object"}, st.dictionaries(NAMES, JSON, max_size=3)),
    st.lists(JSON, min_size=1, max_size=5).flatmap(lambda some: pair({"enum": some}, st.sampled_from(some))),
    pair({"enum": [f"value {number}" for number in range(300)]}, st.just("value 7")),
    JSON.map(lambda value: ({"const": value}, value)),
)


@st.composite
def scalars(draw: st.DrawFn) -> Pair:
    return draw(_SCALARS)


def described(of: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    words = st.dictionaries(st.sampled_from(["title", "description"]), TEXTS | JSON, max_size=2)
    return st.tuples(of, words).map(lambda both: ({**both[1], **both[0][0]}, both[0][1]))


def objects(of: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    """Objects of which each value is set, left out, or not in the schema at all."""

    def made(parts: dict[str, tuple[Pair, str]]) -> Pair:
        properties = {name: schema for name, ((schema, _), how) in parts.items() if how != "more"}
        required = [name for name, (_, how) in parts.items() if how == "needed"]
        value = {name: each for name, ((_, each), how) in parts.items() if how != "absent"}
        return {"type": "object", "properties": properties, "required": required}, value

    hows = st.sampled_from(["needed", "set", "absent", "more"])
    return st.dictionaries(NAMES, st.tuples(of, hows), max_size=5).map(made)


def lists(of: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def several(one: Pair) -> st.SearchStrategy[Pair]:
        schema, value = one
        return st.integers(0, 4).map(lambda count: ({"type": "array", "items": schema}, [value] * count))

    texts = pair({"type": "array", "items": {"type": "string"}}, st.lists(TEXTS, max_size=5))
    numbers = pair({"type": "array", "items": {"type": "integer"}}, st.lists(st.integers(), max_size=5))
    choices = pair({"type": "array", "items": {"enum": list("abcd")}}, st.lists(st.sampled_from("abcd"), max_size=5))
    return st.one_of(texts, numbers, choices, of.flatmap(several))


def alternatives(of: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    def either(some: list[Pair], word: str) -> Pair:
        return {word: [schema for schema, _ in some]}, some[0][1]

    return st.builds(either, st.lists(of, min_size=1, max_size=3), st.sampled_from(["anyOf", "allOf"]))


_PAIRS: st.SearchStrategy[Pair] = st.recursive(
    described(scalars()), lambda inner: described(objects(inner) | lists(inner) | alternatives(inner)), max_leaves=8
)


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    return draw(_PAIRS)


def readable(one: Pair) -> Pair:
    return json.loads(json.dumps(one[0])), json.loads(json.dumps(one[1]))


CALLS = objects(pairs()).map(readable)


def saved(arguments: JsonObject, schema: JsonObject, typed: dict[str, Any]) -> JsonObject:
    approval = asked(arguments)
    now, wrong = edit_form.edited(sent(edit_form.edit(approval, schema, OPENED), typed), approval, schema)
    assert wrong == {}
    return now


@settings(max_examples=40, deadline=None)
@given(CALLS)
def test_saved_untouched_it_changes_nothing(of: Pair) -> None:
    schema, arguments = of
    view = edit_form.edit(asked(arguments), schema, OPENED)
    nothing_is_forged(window(view), set())
    assert canonical(saved(arguments, schema, {})) == canonical(arguments)


MANNERS: dict[str, Callable[[str], str]] = {
    "trimmed": str.strip,
    "with the line endings of a browser": lambda text: text.replace("\n", "\r\n"),
    "trimmed at its end": str.rstrip,
}


@settings(max_examples=30, deadline=None)
@given(CALLS, st.sampled_from(sorted(MANNERS)))
def test_however_slack_carries_the_texts_nothing_changes(of: Pair, manner: str) -> None:
    schema, arguments = of
    approval = asked(arguments)
    view = sent(edit_form.edit(approval, schema, OPENED))
    for entered in view["state"]["values"].values():
        if isinstance(entered["value"].get("value"), str):
            entered["value"]["value"] = MANNERS[manner](entered["value"]["value"]) or None
    now, wrong = edit_form.edited(view, approval, schema)
    assert (canonical(now), wrong) == (canonical(arguments), {})


@settings(max_examples=40, deadline=None)
@given(CALLS, st.randoms(use_true_random=False))
def test_a_change_of_one_field_changes_its_value_only(of: Pair, chance: Any) -> None:
    schema, arguments = of
    form = form_of(asked(arguments), schema, field_blocks.weight)
    kinds = (Kind.TEXT, Kind.INTEGER, Kind.NUMBER, Kind.JSON, Kind.CHOICE)
    fields = [each for each in form.fields if each.kind in kinds and each.shape.options != (True, False)]
    assume(fields)
    field = chance.choice(fields)
    typed: Any
    match field.kind:
        case Kind.TEXT:
            typed, wanted = "changed", None
        case Kind.JSON:
            typed, wanted = '{"changed": 1}', {"changed": 1}
        case Kind.CHOICE:
            typed, wanted = "0", field.shape.options[0]
        case _:
            typed, wanted = "5", 5
    inputs = {field_blocks.piece_id(field, number): "" for number in range(2, len(field.pieces) + 1)}
    now = saved(arguments, schema, {**inputs, field.id: typed})
    expected = copy.deepcopy(arguments)
    here: Any = expected
    for step, following in zip(field.path, field.path[1:], strict=False):
        if isinstance(here, dict) and not isinstance(here.get(step), dict | list):
            here[step] = {}
        here = here[step]
        assert following is not None
    found: Any = now
    for step in field.path:
        found = found[step]
    if wanted is None:
        assert found.strip() == typed
    else:
        assert canonical(found) == canonical(wanted)
    here[field.path[-1]] = found
    assert canonical(now) == canonical(expected)


VALUES = st.one_of(JSON, st.just(float("nan")), st.just([]), st.just({}))
PARTS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(
                ["string", "integer", "number", "boolean", "array", "object", "null", ["string"], 3]
            ),
            "enum": st.lists(VALUES, max_size=5) | VALUES,
            "const": VALUES,
            "description": VALUES,
            "title": VALUES,
            "default": VALUES,
            "items": VALUES,
            "format": st.sampled_from(["date", "date-time", "email", "uri", "time", 5]),
            "minimum": VALUES,
            "maxLength": VALUES,
            "properties": st.dictionaries(NAMES, VALUES, max_size=3) | VALUES,
            "$ref": st.sampled_from(["#", "#/properties/a", "#/$defs/x", "http://example.com", "#/%zz", 5]),
            "anyOf": st.lists(st.sampled_from([{"$ref": "#"}, {"type": "null"}, {"type": "string"}, 5]), max_size=3),
            "allOf": st.lists(st.sampled_from([{"$ref": "#"}, {"type": "array"}, 5]), max_size=3) | VALUES,
        },
    ),
)
SCHEMAS = st.fixed_dictionaries(
    {},
    optional={
        "properties": st.dictionaries(NAMES, PARTS, max_size=6) | VALUES,
        "required": st.lists(NAMES) | VALUES,
        "$ref": st.sampled_from(["#", "#/properties/a"]),
    },
)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, JSON, max_size=5), SCHEMAS)
def test_what_makes_no_sense_as_a_schema_gives_a_form_all_the_same(arguments: JsonObject, schema: JsonObject) -> None:
    arguments = json.loads(canonical(arguments))
    nothing_is_forged(window(edit_form.edit(asked(arguments), schema, OPENED)), set())
    assert canonical(saved(arguments, schema, {})) == canonical(arguments)


NODE: JsonObject = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "next": {"$ref": "#/$defs/node"},
        "all": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        "both": {"anyOf": [{"$ref": "#/$defs/node"}, {"$ref": "#/$defs/node"}, {"allOf": [{"$ref": "#/$defs/node"}]}]},
    },
}
HOSTILE: dict[str, tuple[JsonObject, JsonObject]] = {
    "10,000 arguments": ({"properties": {f"p{n}": {"type": "string"} for n in range(10_000)}}, {"p9": "x"}),
    "10,000 required": (
        {
            "properties": {f"p{n}": {"type": "string"} for n in range(10_000)},
            "required": [f"p{n}" for n in range(10_000)],
        },
        {f"p{n}": "x" for n in range(10_000)},
    ),
    "a schema within itself": (
        {"properties": {"node": {"$ref": "#/$defs/node"}}, "$defs": {"node": NODE}},
        {"node": {"name": "a", "next": {"name": "b", "all": [{"name": "c"}, {"next": {"next": {"next": {}}}}]}}},
    ),
    "a reference to itself": ({"properties": {"a": {"$ref": "#/properties/a"}}, "allOf": [{"$ref": "#"}]}, {"a": 1}),
    "a huge enum": ({"properties": {"a": {"enum": [f"{n}" * 20 for n in range(20_000)]}}}, {"a": "1" * 20}),
    "a huge menu": ({"properties": {f"a{n}": {"enum": ["x" * 9_000] * 90} for n in range(20)}}, {}),
    "many alternatives": (
        {"properties": {"a": {"anyOf": [{"anyOf": [NODE] * 900}] * 900}}, "$defs": {"node": NODE}},
        {},
    ),
    "a long list": (
        {"properties": {"a": {"type": "array", "items": NODE}}, "$defs": {"node": NODE}},
        {"a": [{"name": "x"}] * 5_000},
    ),
    "a megabyte": ({"properties": {"content": {"type": "string"}}}, {"content": "x\n" * 500_000}),
    "megabytes of words": ({"title": "x" * 10**6, "properties": {"a": {"description": "*" * 10**6}}}, {"a": "x"}),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_schema_gives_a_form_in_time(name: str) -> None:
    schema, arguments = HOSTILE[name]
    approval = asked(arguments)
    begun = time.process_time()
    view = edit_form.edit(approval, schema, OPENED)
    spent = time.process_time() - begun
    assert is_allowed(spent, 1.0)
    assert len(view["blocks"]) <= 100
    assert len(json.dumps(view)) < 250_000
    assert canonical(saved(arguments, schema, {})) == canonical(arguments)
