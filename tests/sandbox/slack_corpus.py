"""What the corpora and the tests build messages and views of."""

from typing import Any

Json = dict[str, Any]


def plain(text: str = "hello") -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str = "hello") -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str = "hello", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(text: str = "Go", **more: Any) -> Json:
    return {"type": "button", "text": plain(text), **more}


def actions(*elements: Json, **more: Any) -> Json:
    return {"type": "actions", "elements": list(elements), **more}


def option(text: str = "One", value: str = "1") -> Json:
    return {"text": plain(text), "value": value}


def overflow(count: int) -> Json:
    return {"type": "overflow", "options": [option(str(n), str(n)) for n in range(count)]}


def confirm(**more: Any) -> Json:
    return {"title": plain(), "text": mrkdwn(), "confirm": plain(), "deny": plain(), **more}


def rich_text(*inline: Json) -> Json:
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(inline)}]}


def raw(text: str = "cell") -> Json:
    return {"type": "raw_text", "text": text}


def text_input(**more: Any) -> Json:
    return {"type": "input", "label": plain(), "element": {"type": "plain_text_input"}, **more}


def modal(*blocks: Json, **more: Any) -> Json:
    return {"type": "modal", "title": plain("Title"), "blocks": list(blocks), **more}


def field(element: Json, **more: Any) -> Json:
    """An input block around an element."""
    return {"type": "input", "label": plain(), "element": element, **more}


def static(*options: Json, **more: Any) -> Json:
    """A static select."""
    return {"type": "static_select", **({"options": list(options)} if options else {}), **more}


def image(**more: Any) -> Json:
    """An image, which is a block and an element alike."""
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", **more}


def task(**more: Any) -> Json:
    """A task card."""
    return {"type": "task_card", "task_id": "1", "title": "Read", **more}


def card(**more: Any) -> Json:
    """A card."""
    return {"type": "card", "title": mrkdwn(), **more}


def container(*blocks: Json, **more: Any) -> Json:
    """A container."""
    return {"type": "container", "title": plain(), "child_blocks": list(blocks), **more}


def video(**more: Any) -> Json:
    """A video; messages with one need the scope links.embed:write."""
    links = {"video_url": "https://example.com/embed", "thumbnail_url": "https://example.com/a.png"}
    return {"type": "video", "title": plain(), "alt_text": "a", **links, **more}


def table(*rows: list[Json], **more: Any) -> Json:
    """A table."""
    return {"type": "table", "rows": list(rows), **more}


def data_table(*rows: list[Json], **more: Any) -> Json:
    """A data table."""
    return {"type": "data_table", "caption": "Files", "rows": list(rows), **more}


def feedback(**more: Any) -> Json:
    """A block with feedback buttons."""
    good, bad = {"text": plain("Good"), "value": "1"}, {"text": plain("Bad"), "value": "0"}
    buttons = {"type": "feedback_buttons", "positive_button": good, "negative_button": bad, **more}
    return {"type": "context_actions", "elements": [buttons]}


def rich_list(*texts: str, **more: Any) -> Json:
    """A rich_text block with a list."""
    items = [{"type": "rich_text_section", "elements": [{"type": "text", "text": text}]} for text in texts]
    return {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": items, **more}]}


def flat(corpus: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The cases of a corpus by name, without the pages that they are from."""
    return {name: case for cases in corpus.values() for name, case in cases.items()}


CARD: list[Json] = [
    {"type": "section", "text": {"type": "mrkdwn", "text": "Delete *a.txt*?"}},
    {
        "type": "actions",
        "block_id": "ask",
        "elements": [
            {
                "type": "button",
                "action_id": "approve",
                "style": "primary",
                "text": {"type": "plain_text", "text": "Approve"},
                "value": "req-1",
            },
            {"type": "button", "action_id": "deny", "text": {"type": "plain_text", "text": "Deny"}, "value": "req-1"},
        ],
    },
]
FORM: Json = {
    "type": "modal",
    "callback_id": "form",
    "title": {"type": "plain_text", "text": "Edit"},
    "submit": {"type": "plain_text", "text": "Save"},
    "blocks": [
        {
            "type": "input",
            "block_id": "path",
            "label": {"type": "plain_text", "text": "Path"},
            "element": {"type": "plain_text_input", "action_id": "value"},
        },
        {
            "type": "input",
            "block_id": "mode",
            "optional": True,
            "label": {"type": "plain_text", "text": "Mode"},
            "element": {
                "type": "static_select",
                "action_id": "value",
                "options": [
                    {"text": {"type": "plain_text", "text": "Read"}, "value": "r"},
                    {"text": {"type": "plain_text", "text": "Write"}, "value": "w"},
                ],
            },
        },
    ],
}
