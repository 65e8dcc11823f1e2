"""Results of tools as text for the model."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tools.mcp import content


def result(*blocks: Any, **more: Any) -> dict[str, Any]:
    return {"content": list(blocks), **more}


def words(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


IMAGE = base64.b64encode(b"x" * 1000).decode()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (result(words("one"), words("two")), "one\ntwo"),
        (result(words("as text"), structuredContent={"content": "as text"}), "as text"),
        (result(structuredContent={"größe": 1}), '{"größe": 1}'),
        ({"structuredContent": [1, 2]}, "[1, 2]"),
        (
            result({"type": "image", "data": ""}, structuredContent={"data": ""}),
            '[image: unknown type, 0 bytes]\n{"data": ""}',
        ),
        (result(words(""), structuredContent={"a": 1}), '{"a": 1}'),
        (result({"type": "text", "text": {"a": 1}}), '{"a": 1}'),
        (result(structuredContent={"data": IMAGE}), '{"data": "(base64)"}'),
        (result(), "(no output)"),
        (result(words("")), "(no output)"),
        (
            result({"type": "image", "data": IMAGE, "mimeType": "image/png"}),
            "[image: image/png, 1,000 bytes]",
        ),
        (result({"type": "audio", "data": ""}), "[audio: unknown type, 0 bytes]"),
        (
            result(
                {"type": "resource_link", "name": "a.txt", "uri": "file:///a.txt", "mimeType": "text/plain", "size": 5}
            ),
            "[link to a.txt file:///a.txt (text/plain, 5 bytes)]",
        ),
        (result({"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}), "[file:///a]\ninside"),
        (
            result(
                {"type": "resource", "resource": {"uri": "file:///a", "blob": IMAGE, "mimeType": "application/zip"}}
            ),
            "[file:///a: application/zip, 1,000 bytes; it cannot be shown here]",
        ),
        (result({"type": "resource"}), '[content of the unknown kind resource] {"type": "resource"}'),
        (result("text"), '[content of the unknown kind ?] "text"'),
    ],
)
def test_each_kind_of_content_becomes_text(value: dict[str, Any], expected: str) -> None:
    assert content.text(value) == expected


@pytest.mark.parametrize("value", [{}, {"content": "text"}, {"contents": []}])
def test_what_is_no_result_is_told_apart_from_an_empty_one(value: dict[str, Any]) -> None:
    assert content.text(value) is None


def test_hidden_characters_and_lone_surrogates_do_not_reach_the_model() -> None:
    assert content.text(result(words("a\U000e0041\ud800b\0"))) == "a\N{REPLACEMENT CHARACTER}b"


@given(st.integers(0, 200_000), st.integers(100, 50_000))
def test_a_cut_text_keeps_its_head_and_its_tail_and_says_how_much_is_missing(length: int, limit: int) -> None:
    text = "".join(chr(ord("a") + index % 26) for index in range(length))
    cut = content.cut(text, limit)
    assert len(cut) <= limit
    if length <= limit:
        assert cut == text
        return
    head, marker, tail = cut.split("\n\n")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert marker == f"[… {length - len(head) - len(tail):,} characters left out …]"
