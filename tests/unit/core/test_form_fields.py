"""The forms of tool servers: which fields they have, and what is wrong with what people enter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.core.exchange import CANCEL, DECLINE, MAX_ROUNDS, Exchange, InputRequest, host_of, loads
from bot.core.questions.form_fields import MAX_FIELDS, Kind, UnsupportedFormError, fields_of, read


def entered(schema: dict[str, Any], text: str, *, required: bool = False) -> tuple[Any, str]:
    """What comes of a text in a form with one field: its value, and the sentence beside it."""
    fields = fields_of({"properties": {"x": schema}, "required": ["x"] if required else []})
    content, wrong = read(fields, {"f0": text} if text else {})
    return content.get("x"), wrong.get("f0", "")


GOOD: list[tuple[dict[str, Any], str, Any]] = [
    ({"type": "string", "minLength": 2, "maxLength": 3}, "abc", "abc"),
    ({"type": "string", "format": "email"}, " a.b@example.org ", "a.b@example.org"),
    ({"type": "string", "format": "uri"}, "https://example.org/x?y=1", "https://example.org/x?y=1"),
    ({"type": "string", "format": "date"}, "2028-02-29", "2028-02-29"),
    ({"type": "string", "format": "date-time"}, "1795860134", "2026-11-28T10:02:14Z"),
    ({"type": "string", "format": "date-time"}, "2030-01-31T14:30:00+02:00", "2030-01-31T14:30:00+02:00"),
    ({"type": "integer", "minimum": -5}, "-5", -5),
    ({"type": "number", "maximum": 2}, "1.50", 1.5),
    ({"type": "number"}, "3", 3),
    ({"type": "boolean"}, "1", False),
    ({"type": "string", "enum": ["a", "b"], "enumNames": ["One", "Two"]}, "1", "b"),
    ({"type": "string", "oneOf": [{"const": "a", "title": "One"}]}, "0", "a"),
    ({"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}, '["1","0"]', ["b", "a"]),
    ({"type": "array", "items": {"anyOf": [{"const": "a", "title": "One"}]}}, '["0"]', ["a"]),
]
BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"type": "string", "minLength": 2}, "a", "Use at least 2 characters."),
    ({"type": "string", "maxLength": 2}, "abc", "Use at most 2 characters."),
    ({"type": "string", "format": "email"}, "me", "This is no email address."),
    ({"type": "string", "format": "uri"}, "not this", "This is no address, such as https://example.com."),
    ({"type": "string", "format": "date"}, "2027-02-29", "This is no date, such as 2030-01-31."),
    ({"type": "string", "format": "date-time"}, "2027-13-01T10:00Z", "This is no date and time."),
    ({"type": "integer"}, "1.5", "Enter a whole number."),
    ({"type": "integer", "maximum": 3}, "4", "Enter at most 3."),
    ({"type": "number"}, "1e999", "Enter a number."),
    ({"type": "number", "minimum": 0.5}, "0.1", "Enter at least 0.5."),
    ({"type": "boolean"}, "yes", "Choose Yes or No."),
    ({"type": "string", "enum": ["a"]}, "1", "Choose one of the options."),
    ({"type": "string", "enum": ["a"]}, "²", "Choose one of the options."),
    ({"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 1}, '["0","1"]', "Choose at most 1."),
    ({"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2}, '["0"]', "Choose at least 2."),
    ({"type": "array", "items": {"enum": ["a"]}}, "{}", "Choose among the options."),
]


@pytest.mark.parametrize(("schema", "text", "value"), GOOD)
def test_a_valid_entry_is_the_value_of_the_schema(schema: dict[str, Any], text: str, value: Any) -> None:
    assert entered(schema, text) == (value, "")


@pytest.mark.parametrize(("schema", "text", "words"), BAD)
def test_an_invalid_entry_has_a_sentence(schema: dict[str, Any], text: str, words: str) -> None:
    assert entered(schema, text) == (None, words)


def test_only_required_fields_must_be_filled_in() -> None:
    assert entered({"type": "integer"}, "") == (None, "")
    assert entered({"type": "integer"}, "", required=True) == (None, "This is required.")


@pytest.mark.parametrize(
    ("schema", "initial"),
    [
        ({"type": "boolean", "default": False}, ("1",)),
        ({"type": "integer", "default": 3}, ("3",)),
        ({"type": "integer", "default": "3"}, ()),
        ({"type": "string", "enum": ["a", "b"], "default": "b"}, ("1",)),
        ({"type": "string", "enum": ["a", "b"], "default": ["b"]}, ()),
        ({"type": "array", "items": {"enum": ["a", "b"]}, "default": ["b", "b", 3]}, ("1",)),
        ({"type": "string", "maxLength": 2, "default": "abc"}, ()),
        ({"type": "string", "format": "date", "default": "2030-01-31"}, ("2030-01-31",)),
    ],
)
def test_a_default_is_entered_if_it_is_valid(schema: dict[str, Any], initial: tuple[str, ...]) -> None:
    [field] = fields_of({"properties": {"x": schema}})
    assert field.initial == initial


def test_a_form_that_no_window_can_show_is_refused_and_an_optional_field_is_left_out() -> None:
    odd: dict[str, Any] = {"type": "object", "properties": {}}
    many = {"type": "string", "enum": [str(number) for number in range(101)]}
    assert [each.kind for each in fields_of({"properties": {"x": odd, "y": {"type": "number"}}})] == [Kind.NUMBER]
    forms: list[dict[str, Any]] = [
        {"properties": {"x": odd}, "required": ["x"]},
        {"properties": {"x": many}, "required": ["x"]},
        {"properties": {}, "required": ["x"]},
        {"properties": {f"x{number}": {"type": "string"} for number in range(MAX_FIELDS + 1)}},
    ]
    for each in forms:
        with pytest.raises(UnsupportedFormError):
            fields_of(each)
    for junk in ({}, {"properties": []}, {"properties": {"x": 3}}, {"required": 3}):
        assert fields_of(junk) == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://pay.example.com/a?b#c", "pay.example.com"),
        ("https://PAY.example.com:8443/", "pay.example.com:8443"),
        ("https://pay.example.com.evil.test", "pay.example.com.evil.test"),
        ("https://bücher.example", "xn--bcher-kva.example"),
        ("http://localhost:3000/x", "localhost:3000"),
        ("http://pay.example.com/", ""),
        ("https://pay.example.com@evil.test/", ""),
        ("https://evil.test\\@pay.example.com/", ""),
        ("javascript:alert(1)", ""),
        ("https://a.example/ |Open", ""),
        ("https://a.example/\n", ""),
        ("file:///etc/passwd", ""),
        ("https://", ""),
        ("", ""),
    ],
)
def test_only_a_page_with_a_host_that_people_see_is_opened(url: str, host: str) -> None:
    assert host_of(url) == host


def test_an_exchange_is_kept_and_a_no_ends_it() -> None:
    asked = Exchange([InputRequest("a", "?"), InputRequest("b", "?")], "state", rounds=2)
    assert asked.open is not None
    assert asked.open.key == "a"
    once = asked.answered("a", {"action": "accept", "content": {"n": 1}})
    assert (once.open, once.refused) == (asked.requests[1], False)
    ended = asked.answered("a", {"action": DECLINE})
    assert (ended.open, ended.refused) == (None, True)
    assert ended.answers["b"] == {"action": CANCEL}
    kept = loads(once.dumps())
    assert (list(kept.requests), kept.state, kept.answers, kept.rounds) == (asked.requests, "state", once.answers, 2)
    for junk in ("", "{}", "[]", "null", json.dumps({"requests": 3, "answers": [], "rounds": "x"})):
        assert loads(junk).open is None
    assert MAX_ROUNDS > 1
