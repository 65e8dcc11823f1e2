"""Arguments checked against a tool's own schema."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.core.json_text import sha256
from bot.core.tools import Tool
from bot.tools.json_schema.arguments import MAX_SENTENCE_LENGTH, problem


def tool(schema: dict[str, Any]) -> Tool:
    return Tool(
        name="s__t",
        server="s",
        remote_name="t",
        description="",
        schema=schema,
        parameters={},
        trusted=False,
        read_only=False,
        destructive=True,
        idempotent=False,
        digest=sha256(json.dumps(schema)),
    )


SCHEMA = {
    "type": "object",
    "properties": {
        "path": {"type": "string", "minLength": 1},
        "sort": {"enum": ["name", "size"]},
        "edits": {"type": "array", "items": {"$ref": "#/$defs/Edit"}},
        "when": {"anyOf": [{"type": "integer"}, {"type": "object", "required": ["day"]}]},
        "version": {"const": 2},
        "both": {"type": ["string", "null"]},
    },
    "required": ["path"],
    "additionalProperties": False,
    "$defs": {"Edit": {"type": "object", "required": ["old", "new"]}},
}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"path": "a", "sort": "name", "edits": [{"old": "", "new": ""}], "when": 3, "both": None}, None),
        ({}, "`path` is missing"),
        ({"path": 3}, "`path` must be of type string, not number"),
        ({"path": "a", "both": True}, "`both` must be of type string or null, not boolean"),
        ({"path": "a", "edits": [{"old": "", "new": ""}, {}]}, "`edits[1].old`, `edits[1].new` are missing"),
        ({"path": "a", "sort": "date"}, '`sort` must be one of ["name", "size"]'),
        ({"path": "a", "version": 1}, "`version` must be 2"),
        ({"path": "a", "file": 1}, "`file` is unknown (known: `path`, `sort`, `edits`, `when`, `version`, `both`)"),
        ({"path": "a", "when": {}}, "`when` fits none of the allowed forms"),
        ({"path": ""}, "`path`: '' should be non-empty"),
    ],
)
def test_the_sentence_says_where_and_what_was_expected(arguments: dict[str, Any], expected: str | None) -> None:
    sentence = problem(tool(SCHEMA), arguments)
    if expected is None:
        assert sentence is None
    else:
        assert sentence is not None
        assert sentence.startswith("The arguments do not fit: ")
        assert expected in sentence


def test_the_sentence_is_bounded_whatever_the_model_wrote() -> None:
    sentence = problem(tool(SCHEMA), {f"{number}" * 200: "x" * 10_000 for number in range(500)})
    assert sentence is not None
    assert len(sentence) <= MAX_SENTENCE_LENGTH
    many = problem(tool(SCHEMA), {"path": "a", "edits": [3] * 5000})
    assert many is not None
    assert "and 45 more" in many


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "banana"},
        {"properties": {"path": {"$ref": "https://example.com/schema.json"}}},
        {"properties": {"path": {"$ref": "#/$defs/none"}}},
        {"properties": {"path": {"type": "string", "pattern": "(?<name>x"}}},
        {"$ref": "#"},
    ],
)
def test_a_schema_that_cannot_be_used_leaves_the_verdict_to_the_server(schema: dict[str, Any]) -> None:
    assert problem(tool(schema), {"path": "a"}) is None


def test_the_schemas_own_dialect_counts() -> None:
    draft4 = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"n": {"minimum": 0, "exclusiveMinimum": True}},
    }
    assert problem(tool(draft4), {"n": 0}) is not None
    assert problem(tool(draft4), {"n": 1}) is None
