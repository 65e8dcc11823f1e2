"""What the test app shows: a form of every input element, a message of every menu, one of every kind of block."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

FRUIT = ("Apple", "Banana", "Cherry", "Damson", "Elderberry")
PAGE = "https://example.com/"
PICTURE = "https://example.com/picture.png"


def plain(text: str) -> Json:
    """A plain_text object."""
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    """A mrkdwn object."""
    return {"type": "mrkdwn", "text": text}


def option(text: str) -> Json:
    """An option whose value is its text in small letters."""
    return {"text": plain(text), "value": text.lower()}


def options(*texts: str) -> list[Json]:
    """Several options."""
    return [option(text) for text in texts or FRUIT]


def groups() -> list[Json]:
    """Two groups of options."""
    return [
        {"label": plain("Early"), "options": options(*FRUIT[:2])},
        {"label": plain("Late"), "options": options(*FRUIT[2:])},
    ]


def rich(*parts: Json) -> Json:
    """A rich_text block of one section."""
    return {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": list(parts)}]}


def words(text: str, **style: bool) -> Json:
    """A text element of rich text."""
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def button(action: str, text: str, **more: Any) -> Json:
    """A button."""
    return {"type": "button", "action_id": f"demo.{action}", "text": plain(text), **more}


def section(text: str, accessory: Json | None = None) -> Json:
    """A section."""
    block: Json = {"type": "section", "text": mrkdwn(text)}
    return block if accessory is None else {**block, "accessory": accessory}


def confirm() -> Json:
    """A confirm dialog."""
    return {
        "title": plain("Really?"),
        "text": mrkdwn("This *cannot* be taken back."),
        "confirm": plain("Yes, do it"),
        "deny": plain("No"),
        "style": "danger",
    }


INPUTS: dict[str, tuple[str, Json]] = {
    "name": ("Name", {"type": "plain_text_input", "max_length": 40, "placeholder": plain("Your name")}),
    "notes": ("Notes", {"type": "plain_text_input", "multiline": True, "initial_value": "one\ntwo"}),
    "email": ("Mail", {"type": "email_text_input"}),
    "url": ("Address", {"type": "url_text_input"}),
    "number": ("Number", {"type": "number_input", "is_decimal_allowed": False, "min_value": "1", "max_value": "9"}),
    "date": ("Date", {"type": "datepicker", "initial_date": "2026-11-22"}),
    "time": ("Time", {"type": "timepicker", "initial_time": "09:30"}),
    "moment": ("Moment", {"type": "datetimepicker", "initial_date_time": 1795340000}),
    "select": ("Fruit", {"type": "static_select", "options": options(), "initial_option": option("Banana")}),
    "grouped": ("Season", {"type": "static_select", "option_groups": groups()}),
    "several": ("Several fruits", {"type": "multi_static_select", "options": options(), "max_selected_items": 3}),
    "found": ("Search a fruit", {"type": "external_select", "min_query_length": 1}),
    "many_found": ("Search several", {"type": "multi_external_select", "min_query_length": 0}),
    "person": ("Person", {"type": "users_select"}),
    "people": ("People", {"type": "multi_users_select"}),
    "conversation": ("Conversation", {"type": "conversations_select", "default_to_current_conversation": True}),
    "conversations": ("Conversations", {"type": "multi_conversations_select", "filter": {"include": ["public", "im"]}}),
    "channel": ("Channel", {"type": "channels_select"}),
    "channels": ("Channels", {"type": "multi_channels_select"}),
    "checks": ("Checks", {"type": "checkboxes", "options": options("Fresh", "Ripe", "Local")}),
    "radio": (
        "Size",
        {"type": "radio_buttons", "options": options("Small", "Large"), "initial_option": option("Small")},
    ),
    "rich": ("Rich text", {"type": "rich_text_input"}),
    "files": ("Files", {"type": "file_input", "max_files": 2}),
}
"""By block_id, which is the action_id too: the label and the element."""


def form() -> Json:
    """A modal with one of every input element; only the name is required."""
    blocks: list[Json] = [{"type": "alert", "level": "info", "text": mrkdwn("The first *Save* is always refused.")}]
    for name, (label, element) in INPUTS.items():
        block: Json = {"type": "input", "block_id": name, "label": plain(label), "optional": name != "name"}
        block["element"] = {**element, "action_id": name}
        if name == "name":
            block["hint"] = plain("Anything will do.")
        blocks.append(block)
    modal: Json = {"type": "modal", "callback_id": "demo.ask", "title": plain("Every input"), "blocks": blocks}
    return {**modal, "submit": plain("Save"), "close": plain("Never mind"), "notify_on_close": True}


def result(lines: list[str]) -> Json:
    """The modal that tells what was filled in."""
    text = "\n".join(lines) or "Nothing."
    return {"type": "modal", "title": plain("What I got"), "blocks": [section(text[:3000])], "close": plain("Done")}


def _menu(kind: str, **more: Any) -> Json:
    return {"type": kind, "action_id": f"demo.menu.{kind}", **more}


def menus() -> list[Json]:
    """A message with every interactive element that a message may have."""
    pick = plain("Pick one")
    return [
        section("An overflow menu", _menu("overflow", options=options("Copy", "Move", "Remove"))),
        section("Several of a list", _menu("multi_static_select", placeholder=pick, options=options())),
        section("Several found", _menu("multi_external_select", placeholder=pick, min_query_length=0)),
        section("Several people", _menu("multi_users_select", placeholder=pick)),
        section("Several conversations", _menu("multi_conversations_select", placeholder=pick)),
        section("Several channels", _menu("multi_channels_select", placeholder=pick)),
        {
            "type": "actions",
            "block_id": "selects",
            "elements": [
                _menu("static_select", placeholder=pick, option_groups=groups()),
                _menu("external_select", placeholder=plain("Search"), min_query_length=1),
                _menu("users_select", placeholder=plain("A person")),
                _menu("conversations_select", placeholder=plain("A conversation")),
                _menu("channels_select", placeholder=plain("A channel")),
            ],
        },
        {
            "type": "actions",
            "block_id": "pickers",
            "elements": [
                _menu("datepicker", initial_date="2026-11-22", placeholder=plain("A day")),
                _menu("timepicker", initial_time="09:30", placeholder=plain("A time")),
                _menu("datetimepicker", initial_date_time=1795340000),
                _menu("checkboxes", options=options("Fresh", "Ripe")),
                _menu("radio_buttons", options=options("Small", "Large")),
            ],
        },
        {
            "type": "actions",
            "block_id": "buttons",
            "elements": [
                button("menu.button", "Plain", value="plain"),
                button("menu.primary", "Primary", value="primary", style="primary"),
                button("menu.confirm", "Delete all", value="all", style="danger", confirm=confirm()),
                button("menu.link", "Visit", url=PAGE),
            ],
        },
    ]


def _task(number: str, title: str, status: str, **more: Json) -> Json:
    return {"type": "task_card", "task_id": number, "title": title, "status": status, **more}


def _picture(alt: str) -> Json:
    return {"type": "image", "image_url": PICTURE, "alt_text": alt}


def every_block() -> list[Json]:
    """One of every kind of block that an app may put into a message."""
    feedback: Json = {"type": "feedback_buttons", "action_id": "demo.feedback"}
    feedback["positive_button"] = {"text": plain("Good answer"), "value": "good"}
    feedback["negative_button"] = {"text": plain("Bad answer"), "value": "bad"}
    card: Json = {"type": "card", "title": mrkdwn("A card"), "subtitle": mrkdwn("below it"), "body": mrkdwn("*Body*")}
    items = [{"type": "rich_text_section", "elements": [words(text)]} for text in ("first", "second")]
    text_list: Json = {"type": "rich_text_list", "style": "ordered", "elements": items}
    cells = [[{"type": "raw_text", "text": text} for text in row] for row in (("Name", "Size"), ("notes.md", "12"))]
    return [
        {"type": "header", "text": plain("Every block")},
        {"type": "section", "text": mrkdwn("A *section* with fields"), "fields": [mrkdwn("_left_"), plain("right")]},
        section("A section with a picture", _picture("A picture beside text")),
        {"type": "divider"},
        {"type": "context", "elements": [_picture("A small picture"), mrkdwn("Context with `code`")]},
        {"type": "image", "image_url": PICTURE, "alt_text": "A picture", "title": plain("Picture")},
        {"type": "markdown", "text": "# Markdown\n\n- [x] done\n- [ ] open\n\n```python\nprint(1)\n```"},
        rich(words("Rich", bold=True), words(" text and "), {"type": "link", "url": PAGE, "text": "a link"}),
        {
            "type": "rich_text",
            "elements": [
                text_list,
                {"type": "rich_text_quote", "elements": [words("A quote")]},
                {"type": "rich_text_preformatted", "elements": [words("some code")]},
            ],
        },
        {"type": "table", "rows": cells, "column_settings": [{"is_wrapped": True}, {"align": "right"}]},
        _task("t1", "A task", "complete", output=rich(words("It went well"))),
        {**card, "actions": [button("card", "On the card")]},
        {"type": "carousel", "elements": [{**card, "title": mrkdwn("One")}, {**card, "title": mrkdwn("Two")}]},
        {
            "type": "container",
            "title": plain("A container"),
            "is_collapsible": True,
            "child_blocks": [section("Inside")],
        },
        {
            "type": "video",
            "title": plain("A film"),
            "video_url": "https://example.com/embed/1",
            "thumbnail_url": PICTURE,
            "alt_text": "A film",
        },
        {
            "type": "input",
            "block_id": "comment",
            "label": plain("A field in a message"),
            "element": {"type": "plain_text_input", "action_id": "comment"},
        },
        {"type": "actions", "elements": [button("button", "A button", value="pressed")]},
        {
            "type": "context_actions",
            "elements": [
                feedback,
                {"type": "icon_button", "action_id": "demo.trash", "icon": "trash", "text": plain("Throw away")},
            ],
        },
    ]


def plan() -> Json:
    """A plan, beside which no task card may stand."""
    tasks = [_task("t2", "Now", "in_progress"), _task("t3", "Then", "pending")]
    return {"type": "plan", "title": "A plan", "tasks": tasks}


def data_table() -> list[Json]:
    """A data table: it needs a message of its own, since only one table is allowed in each."""
    names = [f"file-{number}.md" for number in range(1, 13)]
    rows: list[list[Json]] = [[{"type": "raw_text", "text": text} for text in ("Name", "Size")]]
    for number, name in enumerate(names, 1):
        size: Json = {"type": "raw_number", "value": number * 10, "text": f"{number * 10} bytes"}
        rows.append([{"type": "raw_text", "text": name}, size])
    return [{"type": "data_table", "caption": "Files", "rows": rows, "page_size": 5}]


def home(count: int) -> Json:
    """The Home tab, with a count that its buttons change."""
    blocks = [
        {"type": "header", "text": plain("The demo's Home")},
        section(f"Counted to *{count}*.", {**_menu("overflow", options=options("Ten", "Hundred"))}),
        {"type": "actions", "elements": [button("up", "Count up", style="primary"), button("reset", "Start again")]},
    ]
    return {"type": "home", "blocks": blocks}
