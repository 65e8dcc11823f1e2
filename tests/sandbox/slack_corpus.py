"""Messages and views that Slack takes, and others with the reason it gives for refusing them."""

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


SELECTS = [
    {"type": "static_select", "placeholder": plain(), "options": [option()]},
    {"type": "static_select", "option_groups": [{"label": plain(), "options": [option()]}]},
    {"type": "multi_users_select", "max_selected_items": 2},
    {"type": "conversations_select", "filter": {"include": ["private"]}},
    {"type": "datepicker", "initial_date": "2026-11-22"},
    {"type": "checkboxes", "options": [option()]},
    {"type": "radio_buttons", "options": [option()]},
]

ACCEPTED_BLOCKS: dict[str, list[Json]] = {
    "fifty blocks": [{"type": "divider"}] * 50,
    "section text of 3000": [section("x" * 3000)],
    "section with ten fields": [{"type": "section", "fields": [mrkdwn("x" * 200)] * 10}],
    "section with button": [section(accessory=button())],
    "section with overflow": [section(accessory=overflow(5))],
    "section that expands": [section(expand=True)],
    "header of 150": [{"type": "header", "text": plain("x" * 150)}],
    "context of ten": [{"type": "context", "elements": [mrkdwn()] * 10}],
    "context with image": [
        {"type": "context", "elements": [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a"}]}
    ],
    "25 buttons": [actions(*(button(action_id=str(n)) for n in range(25)))],
    "button at its limits": [actions(button("x" * 75, value="v" * 2000, action_id="a" * 255, style="danger"))],
    "button with confirm": [actions(button(confirm=confirm(text=mrkdwn("x" * 300), style="danger")))],
    "button hidden from others": [actions(button(visible_to_user_ids=["U1"]))],
    "selects in actions": [actions(*SELECTS)],
    "markdown of 12000": [{"type": "markdown", "text": "x" * 12000}],
    "markdown and buttons": [{"type": "markdown", "text": "**x**"}, actions(button())],
    "same block_id on markdown": [{"type": "markdown", "text": "x", "block_id": "m"}] * 2,
    "table of 100 rows": [{"type": "table", "rows": [[raw("c")] * 2] * 100, "column_settings": [{"align": "right"}]}],
    "table with a null column": [{"type": "table", "rows": [[raw()]], "column_settings": [None]}],
    "rich text": [rich_text({"type": "text", "text": "x", "style": {"bold": True}}, {"type": "user", "user_id": "U1"})],
    "rich text list": [
        {
            "type": "rich_text",
            "elements": [
                {
                    "type": "rich_text_list",
                    "style": "bullet",
                    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
                }
            ],
        }
    ],
    "image": [{"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", "title": plain()}],
    "task card": [{"type": "task_card", "task_id": "1", "title": "Read", "status": "complete"}],
    "plan": [{"type": "plan", "title": "Plan", "tasks": [{"type": "task_card", "task_id": "1", "title": "Read"}]}],
    "context actions": [
        {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": plain()}]}
    ],
    "card": [{"type": "card", "title": mrkdwn(), "body": mrkdwn(), "actions": [button()]}],
    "container": [{"type": "container", "title": plain(), "child_blocks": [section()]}],
    "input in a message": [text_input()],
}

AT_0 = "[json-pointer:/blocks/0"
REFUSED_BLOCKS: dict[str, tuple[Any, str]] = {
    "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
    "section text of 3001": ([section("x" * 3001)], f"must be less than 3001 characters {AT_0}/text/text]"),
    "empty section text": ([section("")], f"must be more than 0 characters {AT_0}/text/text]"),
    "section without text": ([{"type": "section"}], f"must define either `text` or `fields` {AT_0}/type]"),
    "section text is a string": ([{"type": "section", "text": "x"}], f"must provide an object {AT_0}/text]"),
    "section text without type": ([{"type": "section", "text": {"text": "x"}}], "missing required field: type"),
    "11 fields": ([{"type": "section", "fields": [mrkdwn()] * 11}], "no more than 10 items allowed"),
    "field of 2001": ([{"type": "section", "fields": [mrkdwn("x" * 2001)]}], "must be less than 2001 characters"),
    "no fields": ([{"type": "section", "fields": []}], "must provide at least 1 items"),
    "header of 151": ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters"),
    "header in mrkdwn": ([{"type": "header", "text": mrkdwn()}], f"must be a valid enum value {AT_0}/text/type]"),
    "11 context elements": ([{"type": "context", "elements": [mrkdwn()] * 11}], "no more than 10 items allowed"),
    "empty context": ([{"type": "context", "elements": []}], "must provide at least 1 items"),
    "button in context": (
        [{"type": "context", "elements": [button()]}],
        f"unsupported type: button {AT_0}/elements/0/type]",
    ),
    "26 buttons": (
        [section(), actions(*(button(action_id=str(n)) for n in range(26)))],
        "no more than 25 items allowed [json-pointer:/blocks/1/elements]",
    ),
    "empty actions": ([actions()], f"must provide at least 1 items {AT_0}/elements]"),
    "button text of 76": ([actions(button("x" * 76))], "must be less than 76 characters"),
    "empty button text": ([actions(button(""))], "must be more than 0 characters"),
    "button text in mrkdwn": ([actions({"type": "button", "text": mrkdwn()})], "must be a valid enum value"),
    "button without text": ([actions({"type": "button"})], f"missing required field: text {AT_0}/elements/0]"),
    "button value of 2001": ([actions(button(value="x" * 2001))], "must be less than 2001 characters"),
    "button value is a number": ([actions(button(value=1))], f"must provide a string {AT_0}/elements/0/value]"),
    "action_id of 256": ([actions(button(action_id="x" * 256))], "must be less than 256 characters"),
    "unknown button style": (
        [actions(button(style="default"))],
        f"must be a valid enum value {AT_0}/elements/0/style]",
    ),
    "unknown button property": (
        [actions(button(colour="red"))],
        f"invalid additional property: colour {AT_0}/elements/0]",
    ),
    "action_id twice in a block": (
        [actions(button(action_id="a"), button(action_id="a"))],
        '`action_id` "a" already exists for another element',
    ),
    "action_id twice in a message": (
        [actions(button(action_id="a")), section(accessory=button(action_id="a"))],
        '`action_id` "a" already exists for another element',
    ),
    "block_id twice": (
        [section(block_id="b"), section(block_id="b")],
        '`block_id` "b" already exists for another block',
    ),
    "block_id of 256": ([section(block_id="x" * 256)], "must be less than 256 characters"),
    "overflow of 6": ([section(accessory=overflow(6))], "no more than 5 items allowed"),
    "overflow of none": ([section(accessory=overflow(0))], "must provide at least 1 items"),
    "option value of 151": (
        [actions({"type": "static_select", "options": [option("x", "v" * 151)]})],
        "must be less than 151 characters",
    ),
    "option text of 76": ([actions({"type": "static_select", "options": [option("x" * 76)]})], "must be less than 76"),
    "101 options": (
        [actions({"type": "static_select", "options": [option()] * 101})],
        "no more than 100 items allowed",
    ),
    "select without options": ([actions({"type": "static_select"})], "must define either `options` or `option_groups`"),
    "11 checkboxes": ([actions({"type": "checkboxes", "options": [option()] * 11})], "no more than 10 items allowed"),
    "confirm text of 301": (
        [actions(button(confirm=confirm(text=mrkdwn("x" * 301))))],
        "must be less than 301 characters",
    ),
    "confirm without deny": (
        [actions(button(confirm={"title": plain(), "text": plain(), "confirm": plain()}))],
        "missing required field: deny",
    ),
    "wrong date": ([actions({"type": "datepicker", "initial_date": "22.11.2026"})], "must match the pattern"),
    "unknown block": ([{"type": "sparkline"}], f"unsupported type: sparkline {AT_0}/type]"),
    "block without type": ([{"text": mrkdwn()}], f"missing required field: type {AT_0}]"),
    "block is a string": (["section"], f"must provide an object {AT_0}]"),
    "unknown block property": ([section(colour="red")], f"invalid additional property: colour {AT_0}]"),
    "alert in a message": ([{"type": "alert", "text": mrkdwn()}], f"unsupported type: alert {AT_0}/type]"),
    "markdown of 12001": ([{"type": "markdown", "text": "x" * 12001}], "must be less than 12001 characters"),
    "markdown of 12001 in two": ([{"type": "markdown", "text": "x" * 6001}] * 2, "in all markdown blocks"),
    "empty markdown": ([{"type": "markdown", "text": ""}], "must be more than 0 characters"),
    "table of 101 rows": ([{"type": "table", "rows": [[raw()]] * 101}], "no more than 100 items allowed"),
    "table of 21 columns": ([{"type": "table", "rows": [[raw()] * 21]}], "no more than 20 items allowed"),
    "table without rows": ([{"type": "table", "rows": []}], "must provide at least 1 items"),
    "empty table cell": ([{"type": "table", "rows": [[raw("")]]}], "must be more than 0 characters"),
    "image without alt text": (
        [{"type": "image", "image_url": "https://example.com"}],
        "missing required field: alt_text",
    ),
    "image without source": ([{"type": "image", "alt_text": "a"}], "must define either `image_url` or `slack_file`"),
    "unknown task status": (
        [{"type": "task_card", "task_id": "1", "title": "x", "status": "done"}],
        "must be a valid enum",
    ),
    "empty rich text": ([rich_text({"type": "text", "text": ""})], "must be more than 0 characters"),
    "mrkdwn in rich text": ([rich_text(mrkdwn())], "unsupported type: mrkdwn"),
    "emoji flag as text": ([{"type": "header", "text": {**plain(), "emoji": "yes"}}], "must provide a boolean"),
}

ACCEPTED_VIEWS: dict[str, Json] = {
    "modal with an input": modal(text_input(), submit=plain("Save")),
    "modal with 100 blocks": modal(*[section()] * 100),
    "modal with an alert": modal({"type": "alert", "text": mrkdwn(), "level": "warning"}),
    "modal at its limits": modal(private_metadata="x" * 3000, callback_id="x" * 255, close=plain("x" * 24)),
}
AT_VIEW = "[json-pointer:/view"
REFUSED_VIEWS: dict[str, tuple[Any, str]] = {
    "title of 25": ({**modal(), "title": plain("x" * 25)}, f"must be less than 25 characters {AT_VIEW}/title/text]"),
    "no title": ({"type": "modal", "blocks": []}, f"missing required field: title {AT_VIEW}]"),
    "submit of 25": (modal(submit=plain("x" * 25)), "must be less than 25 characters"),
    "private_metadata of 3001": (modal(private_metadata="x" * 3001), "must be less than 3001 characters"),
    "callback_id of 256": (modal(callback_id="x" * 256), "must be less than 256 characters"),
    "101 blocks": (modal(*[section()] * 101), f"no more than 100 items allowed {AT_VIEW}/blocks]"),
    "markdown in a modal": (
        modal({"type": "markdown", "text": "x"}),
        f"unsupported type: markdown {AT_VIEW}/blocks/0/type]",
    ),
    "input without submit": (
        modal(text_input()),
        f"must define `submit` to use an `input` block in modals {AT_VIEW}/blocks/0/input]",
    ),
    "unknown view type": ({**modal(), "type": "dialog"}, "unsupported type: dialog"),
    "unknown view property": (modal(width="wide"), "invalid additional property: width"),
    "view is a list": ([], "must provide an object"),
}


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
