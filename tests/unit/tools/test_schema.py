"""Schemas made fit for every provider."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.tools.json_schema import argument_names, portable
from bot.tools.json_schema.portable import MAX_NODES, convert
from tests.unit.tools.providers import complaints

NAMES = st.sampled_from(["a", "b", "größe", "$ref", "with space", "type", "x" * 65])
REFS = st.sampled_from(
    ["#", "#/$defs/a", "#/definitions/b", "#/properties/a", "#/$defs/no", "https://example.com/x", "#a"]
)
TYPE = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null", "any", "date"])
SCALAR = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "x", "y"])


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPE | st.lists(TYPE, max_size=3) | SCALAR,
            "properties": st.dictionaries(NAMES, inner, max_size=3) | SCALAR,
            "required": st.lists(NAMES, max_size=3) | SCALAR,
            "additionalProperties": inner,
            "items": inner | st.lists(inner, max_size=2),
            "prefixItems": st.lists(inner, max_size=2),
            "anyOf": st.lists(inner, max_size=3) | SCALAR,
            "oneOf": st.lists(inner, max_size=3),
            "allOf": st.lists(inner, max_size=3),
            "enum": st.lists(SCALAR, max_size=3) | SCALAR,
            "const": SCALAR,
            "default": SCALAR | st.lists(SCALAR, max_size=1),
            "description": st.text(max_size=10) | SCALAR,
            "format": st.sampled_from(["date-time", "uri", 3]),
            "pattern": st.sampled_from(["^(?!x)", "[", 3]),
            "minimum": SCALAR,
            "not": inner,
            "if": inner,
            "$ref": REFS,
            "$schema": st.just("http://json-schema.org/draft-07/schema#"),
            "$defs": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
            "definitions": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
        },
    )


SCHEMAS = _schemas(st.recursive(st.booleans() | SCALAR, _schemas, max_leaves=8))


@example({"additionalProperties": {"type": ["object", "array"], "prefixItems": [False]}})
@example({"properties": {"a": {"type": "null", "allOf": [{"enum": ["y"]}]}}})
@example({"properties": {"a": {"type": ["string", "array"], "items": {"description": "any"}}}})
@given(SCHEMAS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_a_server_says_suits_the_strictest_provider(schema: dict[str, Any]) -> None:
    before = json.dumps(schema)
    parameters = convert(schema)
    assert complaints(parameters) == []
    assert json.dumps(schema) == before, "the server's own schema is not touched"


def test_a_plain_schema_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Where"},
            "head": {"type": "number", "minimum": 0},
            "sort": {"type": "string", "enum": ["name", "size"], "default": "name"},
        },
        "required": ["path"],
        "additionalProperties": False,
    }
    assert convert({"$schema": "http://json-schema.org/draft-07/schema#", "title": "Args", **schema}) == schema


@pytest.mark.parametrize("schema", [{}, {"type": "array"}, {"type": "object"}, {"properties": None}, {"anyOf": [True]}])
def test_the_root_is_always_an_object_with_properties(schema: dict[str, Any]) -> None:
    assert convert(schema) == {"type": "object", "properties": {}}


def test_local_references_are_put_in_place_with_what_stands_beside_them() -> None:
    schema = {
        "properties": {"at": {"$ref": "#/$defs/Point", "description": "Where"}, "to": {"$ref": "#/properties/at"}},
        "$defs": {
            "Point": {"type": "object", "properties": {"x": {"$ref": "#/$defs/a~1b%20c"}}},
            "a/b c": {"type": "number"},
        },
    }
    point = {"type": "object", "properties": {"x": {"type": "number"}}, "description": "Where"}
    assert convert(schema)["properties"] == {"at": point, "to": point}


def test_references_to_elsewhere_are_anything_and_never_followed() -> None:
    assert convert({"properties": {"a": {"$ref": "https://example.com/schema.json", "description": "A"}}}) == {
        "type": "object",
        "properties": {"a": {"description": "A"}},
    }


def test_a_schema_that_holds_itself_ends() -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}
    parameters = convert({"properties": {"tree": {"$ref": "#/$defs/Tree"}}, "$defs": {"Tree": tree}})
    children = parameters["properties"]["tree"]["properties"]["children"]
    assert children == {"type": "array", "items": {"type": "object"}}
    assert complaints(convert({"$ref": "#"})) == []


def test_a_schema_that_doubles_with_each_step_stays_small() -> None:
    bomb: dict[str, Any] = {
        str(step): {"properties": {side: {"$ref": f"#/$defs/{step + 1}"} for side in "ab"}} for step in range(40)
    }
    parameters = convert({"properties": {"x": {"$ref": "#/$defs/0"}}, "$defs": bomb})
    assert complaints(parameters) == []
    assert len(json.dumps(parameters)) < 100 * MAX_NODES
    wide = convert({"properties": {f"p{number}": {"type": "string"} for number in range(100_000)}})
    assert len(wide["properties"]) < MAX_NODES


def test_an_argument_that_may_be_left_out_need_not_be_null() -> None:
    optional = {"anyOf": [{"type": "string", "format": "uri"}, {"type": "null"}], "default": None, "description": "D"}
    listed = {"type": ["integer", "null"], "minimum": 1}
    parameters = convert({"properties": {"a": optional, "b": listed, "c": listed}, "required": ["c"]})
    assert parameters["properties"] == {
        "a": {"type": "string", "description": "D"},
        "b": {"type": "integer", "minimum": 1},
        "c": {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
    }


def test_forms_at_the_root_become_one_object() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer"}},
        "required": ["id"],
        "oneOf": [
            {"properties": {"kind": {"const": "a"}, "size": {"type": "number"}}, "required": ["kind", "size"]},
            {"properties": {"kind": {"const": "b"}, "name": {"type": "string"}}, "required": ["kind"]},
        ],
        "allOf": [{"properties": {"extra": {"type": "boolean"}}, "required": ["extra"]}],
    }
    assert convert(schema) == {
        "type": "object",
        "properties": {
            "id": {"type": "integer"},
            "extra": {"type": "boolean"},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "size": {"type": "number"},
            "name": {"type": "string"},
        },
        "required": ["id", "extra", "kind"],
    }


def test_what_providers_do_not_know_is_said_in_words() -> None:
    schema = {
        "properties": {
            "level": {"type": "integer", "enum": [1, 2], "description": "How much."},
            "link": {"type": "string", "format": "uri"},
            "code": {"type": "string", "pattern": "^(?<a>x)$"},
        }
    }
    assert convert(schema)["properties"] == {
        "level": {"type": "integer", "description": "How much. One of: 1, 2."},
        "link": {"type": "string", "description": "Format: uri."},
        "code": {"type": "string", "description": "Pattern: ^(?<a>x)$"},
    }


def test_lists_say_what_they_hold() -> None:
    schema = {
        "properties": {
            "any": {"type": "array"},
            "nested": {"type": "array", "items": {"type": "array", "items": {}}},
            "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]},
            "old_pair": {"items": [{"type": "string"}, {"type": "string"}]},
        }
    }
    text = {"type": "string"}
    assert convert(schema)["properties"] == {
        "any": {"type": "array", "items": text},
        "nested": {"type": "array", "items": {"type": "array", "items": text}},
        "pair": {"type": "array", "items": {"anyOf": [text, {"type": "number"}]}},
        "old_pair": {"type": "array", "items": text},
    }


def test_arguments_with_names_that_no_provider_takes_are_offered_under_others() -> None:
    own = ["ok.a-b_1", "$filter", "settings[x]", "StartTime<", "größe", "日本", "x" * 65, "not ok", "$ref"]
    schema = {
        "type": "object",
        "properties": {name: {"type": "string", "description": "D"} for name in own},
        "required": ["ok.a-b_1", "$filter"],
    }
    parameters, names = portable.convert_with_names(schema)
    assert complaints(parameters) == []
    offered = {names.get(name, name): name for name in parameters["properties"]}
    assert set(offered) == set(own)
    assert set(parameters["required"]) == {"ok.a-b_1", offered["$filter"]}
    assert parameters["properties"][offered["$filter"]]["description"] == "`$filter` D"
    assert parameters["properties"]["ok.a-b_1"]["description"] == "D"


@given(own=st.lists(st.text(max_size=70), max_size=8))
def test_every_name_of_an_argument_has_its_own_fitting_name_that_depends_on_nothing_else(own: list[str]) -> None:
    found = argument_names.offered(own)
    assert all(re.fullmatch("[a-zA-Z0-9_.-]{1,64}", name) for name in found.values())
    assert len(set(found.values())) == len(set(own))
    for name in own:
        assert argument_names.offered([name])[name] == found[name]


def test_descriptions_inside_hold_nothing_invisible() -> None:
    parameters = convert({"properties": {"a": {"description": "see\U000e0041\u202e this"}}})
    assert parameters["properties"]["a"] == {"description": "see this"}
