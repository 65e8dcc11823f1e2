"""Of whatever shape a message of an app is, all that people see of it is read, once."""

from __future__ import annotations

from typing import Any

import pytest

from bot.slack.reading import content, message
from bot.slack.reading.rendering import render

Json = dict[str, Any]
URL = "https://example.com/x.png"


def plain(words: str) -> Json:
    return {"type": "plain_text", "text": words}


def rich(words: str) -> Json:
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": words}]}],
    }


def attached(**fields: object) -> Json:
    return {"text": "", "attachments": [fields]}


def forwarded(**fields: object) -> Json:
    return attached(is_share=True, author_id="UBOB", channel_id="C2", **fields)


def blocks(*found: Json) -> Json:
    return {"text": "the fallback", "blocks": list(found)}


def points(*labels: str) -> list[Json]:
    return [{"label": label, "value": value} for value, label in enumerate(labels, 7)]


def chart(title: str, **fields: object) -> Json:
    return blocks({"type": "data_visualization", "title": title, "chart": fields})


def reference(kind: str, **fields: object) -> Json:
    """Rich text with a reference to something else in Slack."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": "mark1 "}, {"type": kind, **fields}]}
    return blocks({"type": "rich_text", "elements": [section]})


NOTE: Json = {"id": "F9", "name": "mark2.txt"}
SHAPES: dict[str, Json] = {
    "a fallback only": attached(fallback="mark1", color="danger"),
    "an author only": attached(author_name="mark1"),
    "an author and a fallback": attached(author_name="mark1", fallback="mark1: and more"),
    "an author with a link": attached(author_name="mark1", author_link="https://example.com/mark2"),
    "a title only": attached(title="mark1", title_link="https://example.com/mark2", fallback="mark1"),
    "a pretext only": attached(pretext="mark1", fallback="mark1"),
    "a footer only": attached(footer="mark1", ts=1_700_000_000),
    "fields only": attached(fields=[{"title": "mark1", "value": "mark2"}, {"title": "", "value": "&gt; mark3"}]),
    "a field without a value": attached(fields=[{"title": "mark1", "value": ""}]),
    "an image and its description": attached(image_url=URL, image_alt="mark1"),
    "a video": attached(service_name="mark1", title="mark2", author_name="mark3", video_html="<i>", from_url=URL),
    "buttons": attached(text="mark1", actions=[{"type": "button", "text": "mark2"}]),
    "rich text in an attachment": attached(blocks=[rich("mark1")], fallback="mark1"),
    "an attachment in an attachment": attached(text="mark1", attachments=[{"text": "mark2"}]),
    "a video block": blocks(
        {"type": "video", "title": plain("mark1"), "description": plain("mark2"), "alt_text": "mark3"}
    ),
    "images": blocks({"type": "image", "image_url": URL, "alt_text": "mark1", "title": plain("mark2")}),
    "an accessory": blocks(
        {"type": "section", "text": plain("mark1"), "accessory": {"type": "image", "alt_text": "mark2"}}
    ),
    "a call": blocks({"type": "call", "call": {"v1": {"name": "mark1", "join_url": "https://example.com/mark2"}}}),
    "a divider only": {"text": "mark1", "blocks": [{"type": "divider"}]},
    "a workflow step": blocks(
        rich("mark1"), {"type": "actions", "elements": [{"type": "workflow_button", "text": plain("mark2")}]}
    ),
    "a carousel": blocks(
        {"type": "carousel", "elements": [{"type": "card", "title": plain("mark1"), "body": plain("mark2")}]}
    ),
    "a plan": blocks(
        {"type": "plan", "title": "mark1", "tasks": [{"type": "task_card", "title": "mark2", "details": rich("mark3")}]}
    ),
    "a pie chart": chart("mark1", type="pie", segments=points("mark2", "mark3")),
    "a bar chart": chart(
        "mark1",
        type="bar",
        series=[{"name": "mark2", "data": points("a", "b")}, {"name": "mark3", "data": points("a", "b")}],
        axis_config={"categories": ["a", "b"], "x_label": "mark4", "y_label": "mark5"},
    ),
    "a line": chart("mark1", series=[{"data": points("mark2")}], axis_config={"x_label": "mark3", "y_label": "mark4"}),
    "a button in a table": blocks(
        {
            "type": "data_table",
            "caption": "mark1",
            "rows": [
                [{"type": "raw_text", "text": "mark2"}],
                [
                    {
                        "type": "action",
                        "element": {"type": "button", "text": plain("mark3")},
                        "fallback": {"type": "raw_text", "text": "-"},
                    }
                ],
            ],
        }
    ),
    "a workflow": reference("workflow_mention", workflow_id="Wf1", function_trigger_id="Ft1", text="mark2"),
    "a citation": reference("citation", url="https://example.com/mark2", text="mark3", index=1, details={}),
    "a canvas in a text": reference("canvas", file_id="F1", text="mark2", url="https://example.com/mark3"),
    "an app's attachment": reference("attachment_mention", url="https://example.com/mark2"),
    "a message": reference("message_mention", channel_id="C1", message_ts="1.000001", author_id="U1", text="mark2"),
    "a canvas": {"text": "", "files": [{"id": "F1", "title": "mark1", "mode": "quip", "pretty_type": "Canvas"}]},
    "a list": {"text": "", "files": [{"id": "F1", "title": "mark1", "mode": "list"}]},
    "a huddle": {"subtype": "huddle_thread", "user": "USLACKBOT", "text": "", "room": {"name": "mark1"}},
    "a notice": {"subtype": "channel_canvas_updated", "user": "USLACKBOT", "text": "mark1"},
    "an email": {
        "text": "",
        "files": [
            {
                "id": "F1",
                "filetype": "email",
                "title": "mark1",
                "subject": "mark1",
                "plain_text": "mark2",
                "from": [{"original": "mark3 <a@example.com>", "name": "mark3"}],
                "to": [{"address": "mark4@example.com"}],
                "attachments": [{"filename": "mark5.pdf"}],
            }
        ],
    },
    "one file twice": {"text": "", "files": [NOTE], "file": NOTE},
    "a forward of a message without blocks": forwarded(text="mark1", message_blocks=[{"message": {"text": "mark1"}}]),
    "a forward of attachments": forwarded(
        text="mark1", message_blocks=[{"message": {"attachments": [{"text": "mark2"}]}}]
    ),
    "a forward with a file": forwarded(
        files=[NOTE], message_blocks=[{"message": {"blocks": [rich("mark1")], "files": [NOTE]}}]
    ),
    "a forward that repeats what it holds": forwarded(
        text="mark1",
        attachments=[{"text": "mark2"}],
        message_blocks=[{"message": {"blocks": [rich("mark1")], "attachments": [{"text": "mark2"}]}}],
    ),
    "forwards of forwards": forwarded(
        text="mark1",
        attachments=[{"is_share": True, "author_name": "x", "text": "mark2", "attachments": [{"text": "mark3"}]}],
    ),
}


def read(shape: Json) -> str:
    found = message.read({"bot_id": "B1", "ts": "1700000000.000001", **shape}, message.Ourselves("UBOT"))
    return render(content.loads(content.dumps(found.parts)), {})


@pytest.mark.parametrize("shape", SHAPES)
def test_what_people_see_of_it_is_read_once(shape: str) -> None:
    shown = read(SHAPES[shape])
    assert "the fallback" not in shown
    marks = {number: shown.count(f"mark{number}") for number in range(1, 6) if f"mark{number}" in str(SHAPES[shape])}
    assert marks
    assert set(marks.values()) == {1}, shown


UNKNOWN: Json = {"type": "brand_new", "content": "mark2"}


def test_what_blocks_of_an_unknown_kind_show_is_read_from_the_text_if_it_is_there() -> None:
    assert "mark2" in read({"text": "mark1 mark2", "blocks": [rich("mark1"), UNKNOWN]})
    assert read({"text": "mark1 mark2", "blocks": [UNKNOWN]}) == "mark1 mark2"
    assert read({"text": "mark1", "blocks": [rich("mark1"), UNKNOWN]}) == "mark1"
    assert "cut off" in read({"text": "", "blocks": [rich("mark1"), UNKNOWN]})


@pytest.mark.parametrize("key", ["image_url", "thumb_url"])
def test_of_an_image_of_which_nothing_is_said_it_is_said_that_it_is_there(key: str) -> None:
    assert "(image)" in read(attached(**{key: URL}))


@pytest.mark.parametrize(
    ("kind", "fields", "shown"),
    [
        ("message_mention", {"channel_id": "C1", "message_ts": "1.000001"}, "mark1 (a message in #C1)"),
        ("canvas_message_unfurl", {"root_message_channel": "C1"}, "mark1 (a message in #C1)"),
        ("list_record", {"file_id": "F1"}, "mark1 (list record)"),
        ("salesforce_data_field", {}, "mark1 (salesforce data field)"),
        ("message_mention", {"text": "<@UBOT> ⟦x⟧"}, "mark1 (a message: “<@UBOT> [x]”)"),
    ],
)
def test_of_a_reference_without_a_title_it_is_said_what_it_is(kind: str, fields: Json, shown: str) -> None:
    assert read(reference(kind, **fields)) == shown


def test_a_chart_is_a_table_of_its_values() -> None:
    series = [{"name": "A|B", "data": points("Mon", "Tue")}, {"name": "C", "data": points("Mon", "Tue")}]
    shown = read(chart("Sales", series=series, axis_config={"x_label": "Day", "y_label": "Euro"}))
    assert shown.split("\n") == [
        "(chart) Sales – Euro",
        "| Day | A\\|B | C |",
        "| --- | --- | --- |",
        "| Mon | 7 | 7 |",
        "| Tue | 8 | 8 |",
    ]
    assert read(chart("Odd", segments=[7, {"label": ["x"], "value": "8"}])) == "(chart) Odd"


def test_a_link_preview_is_called_one_with_its_title_and_address() -> None:
    url = "https://example.com/a"
    shown = read({"text": f"see <{url}>", **previewed(from_url=url, title="mark1", service_name="Docs", text="mark2")})
    assert shown.split("\n") == [
        f"see {url}",
        f'⟦link preview "Docs – mark1" from {url}⟧',
        "> mark2",
        "⟦end of link preview⟧",
    ]
    by_an_app = read(previewed(app_unfurl_url=url, is_app_unfurl=True, blocks=[rich("mark1")]))
    assert f"⟦link preview from {url}⟧\n> mark1" in by_an_app
    assert "preview" not in read(attached(title="mark1", title_link=url, text="mark2"))


def previewed(**fields: object) -> Json:
    return {"attachments": [fields]}


@pytest.mark.parametrize(
    ("fields", "note"),
    [
        ({"lines": 5, "lines_more": 3, "preview_is_truncated": True}, "truncated, 3 more lines are not shown (of 5)"),
        ({"preview_is_truncated": True}, "truncated"),
        ({"preview_is_truncated": False}, "shown whole"),
        ({}, ""),
    ],
)
def test_the_preview_of_a_snippet_says_whether_it_is_truncated(fields: Json, note: str) -> None:
    snippet = {"id": "F1", "name": "run.sh", "mode": "snippet", "pretty_type": "Shell", "preview": "mark1\n", **fields}
    shown = read({"text": "", "files": [snippet]}).split("\n")
    about = f"Shell, {note}" if note else "Shell"
    assert shown[0] == f'⟦file with a preview "run.sh" ({about})⟧'
    assert shown[1:] == ["> ```", "> mark1", "> ```", "⟦end of file with a preview⟧"]
