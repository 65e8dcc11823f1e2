"""What a person has entered stays in front of them when a window is refused."""

from __future__ import annotations

from typing import Any

from bot.core.json_text import JsonObject
from bot.slack.blocks import edit_form
from bot.slack.blocks.rejected_window import entries, not_done
from tests.unit.slack.editing import OPENED, asked, sent
from tests.unit.slack.samples import NASTY, nodes, nothing_is_forged, window

SCHEMA: JsonObject = {
    "properties": {
        "content": {"type": "string"},
        "kind": {"enum": ["fast", "slow"]},
        "labels": {"type": "array", "items": {"enum": ["a", "b"]}},
        "day": {"type": "string", "format": "date"},
        "path": {"type": "string"},
    }
}
ARGUMENTS: JsonObject = {"content": "one\ntwo\n", "kind": "slow", "path": "a.txt"}


def entered(typed: dict[str, Any], arguments: JsonObject = ARGUMENTS) -> JsonObject:
    return sent(edit_form.edit(asked(arguments), SCHEMA, OPENED), typed)


def test_what_was_changed_is_shown_with_its_label_and_nothing_else() -> None:
    typed = {"content": "  one\n\tthree\n", "kind": "fast", "labels": ["a", "b"], "day": "2030-01-31"}
    assert list(entries(entered(typed))) == [
        ("Content", "  one\n\tthree\n"),
        ("Kind", "fast"),
        ("Labels", "a, b"),
        ("Day", "2030-01-31"),
    ]
    assert list(entries(entered({}))) == []


def test_a_long_text_is_there_to_the_last_character() -> None:
    long = "".join(f"line {number}\n" for number in range(9_000))
    first = "".join(f"changed {number}\n" for number in range(200))
    shown = not_done("Too late.", entered({"content": first}, {**ARGUMENTS, "content": long}))
    assert shown is not None
    nothing_is_forged(window(shown), set())
    boxes = [part for block in shown["blocks"] for part in block.get("elements", ()) if "preformatted" in part["type"]]
    assert "".join(part["elements"][0]["text"] for part in boxes) == first


def test_what_no_window_has_room_for_is_left_in_its_fields() -> None:
    view: JsonObject = {
        "blocks": [],
        "state": {"values": {f"b{n}": {"value": {"value": "é" * 3_000}} for n in range(90)}},
    }
    assert not_done("Too late.", view) is None


def test_what_was_entered_can_be_copied_as_it_is_and_calls_nobody() -> None:
    for nasty in NASTY:
        shown = not_done("Too late.", entered({"content": nasty}))
        assert shown is not None
        assert window(shown).pings == set()
        words = [node["text"] for node in nodes(shown["blocks"]) if node.get("type") == "mrkdwn"]
        assert words == ["Too late."]


def test_a_window_of_any_shape_is_read() -> None:
    shapes: list[JsonObject] = [
        {},
        {"blocks": "x", "state": []},
        {"blocks": [None, {"block_id": 5, "element": []}], "state": {"values": {"a": 5, "b": {"c": [1]}}}},
        {"state": {"values": {"a": {"value": {"selected_options": [1, {"text": 5}]}}}}},
    ]
    for view in shapes:
        assert not_done("Too late.", view) is not None
