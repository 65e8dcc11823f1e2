"""Whatever a payload holds, it is read in a bounded time and size, and what is cut off is said to be cut off."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.reading import bounds, content, message
from bot.slack.reading.rendering import render
from tests.machine import allowed
from tests.unit.core.test_untrusted import ANYTHING

T = TypeVar("T")
Json = dict[str, Any]
OURSELVES = message.Ourselves("UBOT")
CUT = "⟦the rest of this message is cut off⟧"
KEYS = (
    *("type", "subtype", "text", "user", "bot_id", "blocks", "attachments", "files", "elements", "fields", "rows"),
    *("message_blocks", "message", "title", "style", "url", "user_id", "name", "preview", "is_share", "author_name"),
    *("accessory", "element", "label", "alt_text", "timestamp", "offset", "indent", "border", "value", "lines_more"),
)
KINDS = st.sampled_from(
    (
        *("rich_text", "rich_text_list", "rich_text_section", "section", "context", "actions", "table", "image"),
        *("mrkdwn", "plain_text", "user", "date", "link", "video", "call", "file", "markdown", "raw_number", "input"),
    )
)
ODD: st.SearchStrategy[Any] = st.recursive(
    ANYTHING | KINDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=40,
)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(KEYS), ODD, max_size=8))
def test_anything_is_read_as_valid_text(payload: Json) -> None:
    read = message.read(payload, OURSELVES)
    body = content.dumps(read.parts)
    assert tuple(content.loads(body)) == tuple(read.parts)
    shown = render(read.parts, {})
    shown.encode()
    assert "\0" not in shown
    assert len(shown) < 4 * bounds.CHARACTERS


@given(ANYTHING | st.text())
def test_a_stored_body_of_any_form_is_read(value: Any) -> None:
    try:
        body = json.dumps(value)
    except (ValueError, RecursionError):
        body = str(value)
    render(content.loads(body), {}).encode()


def nested(depth: int) -> Json:
    """A message in a message in a message."""
    made: Json = {"text": "the innermost"}
    for _ in range(depth):
        made = {"text": "around", "attachments": [{"is_share": True, **made}]}
    return made


def deep(depth: int) -> Json:
    made: Json = {"type": "text", "text": "the innermost"}
    for _ in range(depth):
        made = {"type": "rich_text_section", "elements": [made]}
    return {"blocks": [{"type": "rich_text", "elements": [made]}]}


MONSTERS: dict[str, Json] = {
    "a long text": {"text": "x " * 2_000_000},
    "a text of quotes": {"text": "&gt; a\nb\n" * 20_000},
    "a text of mentions": {"text": "<@UALICE> " * 20_000},
    "a text of brackets": {"text": "<" * 500_000},
    "a text of backticks": {"text": "`" * 100_000},
    "a text of fences": {"text": "```a" * 30_000},
    "a text of marks": {"text": "\n*_~> " * 20_000},
    "a line of marks": {"text": "x\n" + "*_" * 49_000},
    "a text of line breaks": {"text": "\u2028" * 100_000},
    "surrogates": {"text": "\ud800" * 200_000},
    "many blocks": {"blocks": [{"type": "divider"}] * 30_000},
    "many elements": {"blocks": [{"type": "rich_text", "elements": [{"type": "text", "text": "a"}] * 30_000}]},
    "many cells": {"blocks": [{"type": "table", "rows": [[{"type": "raw_text", "text": "a"}] * 200] * 150}]},
    "many attachments": {"attachments": [{"text": "a", "fields": [{"title": "b", "value": "c"}] * 10}] * 3_000},
    "many files": {"files": [{"name": "a.txt", "preview": "b"}] * 30_000},
    "many unknown things": {"blocks": [{"type": "new", "a": [[{"text": "b"}] * 100] * 300}]},
    "a long title": {"attachments": [{"title": "x" * 100_000, "text": "y"}]},
    "forwards in forwards": nested(2_000),
    "elements in elements": deep(2_000),
    "wide and deep": {"attachments": [{"is_share": True, "text": "a", "attachments": [nested(8)] * 500}] * 20},
}


WHOLE = ("a text of backticks", "a text of line breaks", "a line of marks")


def quickest(work: Callable[[], T]) -> tuple[T, float]:
    """Return what comes of it, and the fewest seconds of this thread's that it has taken in three tries."""
    found: list[tuple[float, T]] = []
    for _ in range(3):
        began = time.thread_time()
        made = work()
        found.append((time.thread_time() - began, made))
    return found[-1][1], min(seconds for seconds, _ in found)


@pytest.mark.parametrize("name", MONSTERS)
def test_a_monster_is_read_in_a_bounded_time_and_said_to_be_cut(name: str) -> None:
    payload = {"user": "UALICE", **MONSTERS[name]}
    read, seconds = quickest(lambda: message.read(payload, OURSELVES))
    assert seconds < allowed(0.05), f"{seconds:.3f} s"
    shown, seconds = quickest(lambda: render(read.parts, {"UALICE": "Alice Smith"}, {"alice smith"}))
    assert seconds < allowed(0.25), f"{seconds:.3f} s, and it is not done on the loop"
    assert len(shown) < 4 * bounds.CHARACTERS
    assert read.cut or name in WHOLE
    assert shown.count(CUT) >= read.cut


def test_what_is_not_cut_is_not_said_to_be() -> None:
    assert not message.read({"text": "x" * bounds.CHARACTERS}, OURSELVES).cut
    assert message.read({"text": "x" * (bounds.CHARACTERS + 1)}, OURSELVES).cut
    assert "the innermost" in render(message.read(nested(5), OURSELVES).parts, {})
    assert not message.read(nested(5), OURSELVES).cut
