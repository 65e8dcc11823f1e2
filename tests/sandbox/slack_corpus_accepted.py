"""Messages and views that Slack takes, at their documented limits.

They are grouped by the page that says so: a key is a page below docs.slack.dev/reference/block-kit, or one below
docs.slack.dev/reference where it begins with a slash.
"""

from typing import Any

from tests.sandbox.slack_corpus import (
    Json,
    actions,
    button,
    card,
    confirm,
    container,
    data_table,
    feedback,
    field,
    image,
    modal,
    mrkdwn,
    option,
    overflow,
    plain,
    raw,
    rich_list,
    rich_text,
    section,
    static,
    table,
    task,
    text_input,
    video,
)

SELECTS = [
    static(option(), placeholder=plain()),
    static(option_groups=[{"label": plain(), "options": [option()]}]),
    {"type": "multi_users_select", "max_selected_items": 2},
    {"type": "conversations_select", "filter": {"include": ["private"]}},
    {"type": "datepicker", "initial_date": "2026-11-22"},
    {"type": "checkboxes", "options": [option()]},
    {"type": "radio_buttons", "options": [option()]},
]
MANY = [option(str(n), str(n)) for n in range(100)]

BLOCKS: dict[str, dict[str, list[Json]]] = {
    "blocks": {"fifty blocks": [{"type": "divider"}] * 50, "no blocks": []},
    "blocks/section-block": {
        "section text of 3000": [section("x" * 3000)],
        "section with ten fields of 200": [{"type": "section", "fields": [mrkdwn("x" * 200)] * 10}],
        "section with a field of 2000": [{"type": "section", "fields": [plain("x" * 2000)]}],
        "section with text and fields": [section(fields=[plain()])],
        "section with button": [section(accessory=button())],
        "section with overflow of five": [section(accessory=overflow(5))],
        "section with overflow of one": [section(accessory=overflow(1))],
        "section with image": [section(accessory=image())],
        "section that expands": [section(expand=True)],
        "block_id of 255": [section(block_id="b" * 255)],
    },
    "blocks/header-block": {"header of 150": [{"type": "header", "text": plain("x" * 150)}]},
    "blocks/context-block": {
        "context of ten": [{"type": "context", "elements": [mrkdwn()] * 10}],
        "context with image": [{"type": "context", "elements": [image(), plain()]}],
    },
    "blocks/actions-block": {
        "25 buttons": [actions(*(button(action_id=str(n)) for n in range(25)))],
        "selects in actions": [actions(*SELECTS)],
        "selects from outside": [actions({"type": "external_select", "min_query_length": 0}, {"type": "users_select"})],
        "pickers": [actions({"type": "timepicker", "initial_time": "09:30"}, {"type": "datetimepicker"})],
    },
    "block-elements/button-element": {
        "button at its limits": [actions(button("x" * 75, value="v" * 2000, action_id="a" * 255, style="danger"))],
        "button with a link": [actions(button(url="https://example.com/" + "x" * 2980))],
        "button hidden from others": [actions(button(visible_to_user_ids=["U1"]))],
        "same action_id in two messages": [actions(button(action_id="a"))],
    },
    "composition-objects/confirmation-dialog-object": {
        "button with confirm": [actions(button(confirm=confirm(text=mrkdwn("x" * 300), style="danger")))],
        "confirm at its limits": [
            actions(button(confirm=confirm(title=plain("x" * 100), confirm=plain("x" * 30), deny=plain("x" * 30))))
        ],
    },
    "composition-objects/option-object": {
        "option at its limits": [actions(static(option("x" * 75, "v" * 150)))],
        "option with a description": [
            actions({"type": "radio_buttons", "options": [{**option(), "description": plain("x" * 75)}]})
        ],
    },
    "block-elements/select-menu-element": {
        "100 options": [actions(static(*MANY))],
        "100 groups": [actions(static(option_groups=[{"label": plain("x" * 75), "options": [option()]}] * 100))],
        "initial option": [actions(static(*MANY, initial_option=MANY[7]))],
        "initial option of a group": [
            actions(static(option_groups=[{"label": plain(), "options": MANY}], initial_option=MANY[7]))
        ],
    },
    "block-elements/checkboxes-element": {
        "ten checkboxes": [actions({"type": "checkboxes", "options": MANY[:10], "initial_options": MANY[:2]})]
    },
    "block-elements/overflow-menu-element": {
        "overflow with links": [
            section(accessory={"type": "overflow", "options": [{**option(), "url": "https://example.com"}]})
        ]
    },
    "blocks/markdown-block": {
        "markdown of 12000": [{"type": "markdown", "text": "x" * 12000}],
        "markdown of 12000 in two": [{"type": "markdown", "text": "x" * 6000}] * 2,
        "markdown and buttons": [{"type": "markdown", "text": "**x**"}, actions(button())],
        "same block_id on markdown": [{"type": "markdown", "text": "x", "block_id": "m"}] * 2,
    },
    "blocks/table-block": {
        "table of 100 rows": [table(*[[raw("c")] * 2] * 100, column_settings=[{"align": "right"}])],
        "table of 20 columns": [table([raw()] * 20)],
        "table with a null column": [table([raw()], column_settings=[None])],
        "table with rich text": [table([rich_text({"type": "text", "text": "x"})])],
    },
    "blocks/data-table-block": {
        "data table of 101 rows": [data_table(*[[raw("c")]] * 101, page_size=100)],
        "data table with numbers": [data_table([raw()], [{"type": "raw_number", "value": 1.5, "text": "1.5"}])],
    },
    "blocks/rich-text-block": {
        "rich text": [
            rich_text({"type": "text", "text": "x", "style": {"bold": True}}, {"type": "user", "user_id": "U1"})
        ],
        "rich text of every kind": [
            rich_text(
                {"type": "link", "url": "https://example.com", "text": "x"},
                {"type": "emoji", "name": "wave"},
                {"type": "channel", "channel_id": "C1"},
                {"type": "broadcast", "range": "here"},
                {"type": "date", "timestamp": 1720710212, "format": "{date_num}", "fallback": "x"},
                {"type": "color", "value": "#F405B3"},
                {"type": "usergroup", "usergroup_id": "S1"},
            )
        ],
        "rich text list": [rich_list("x")],
        "rich text list at its limits": [rich_list("x", style="ordered", indent=8, offset=3, border=1)],
        "rich text of no element": [{"type": "rich_text", "elements": []}],
    },
    "blocks/image-block": {
        "image": [image(title=plain())],
        "image at its limits": [image(alt_text="x" * 2000, title=plain("x" * 2000))],
    },
    "blocks/task-card-block": {
        "task card": [task(status="complete")],
        "task card with everything": [
            task(
                status="error",
                details=rich_text({"type": "text", "text": "x"}),
                output=rich_text({"type": "text", "text": "y"}),
                sources=[{"type": "url", "url": "https://example.com", "text": "Example"}],
            )
        ],
    },
    "blocks/plan-block": {
        "plan": [{"type": "plan", "title": "Plan", "tasks": [task()]}],
        "plan of 50 tasks": [{"type": "plan", "title": "Plan", "tasks": [task(task_id=str(n)) for n in range(50)]}],
        "plan without tasks": [{"type": "plan", "title": "Plan"}],
    },
    "blocks/context-actions-block": {
        "icon button": [
            {"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": plain()}]}
        ],
        "feedback buttons": [feedback()],
    },
    "blocks/card-block": {
        "card": [card(body=mrkdwn(), actions=[button()])],
        "card at its limits": [card(title=mrkdwn("x" * 150), subtitle=mrkdwn("x" * 150), body=mrkdwn("x" * 200))],
        "card of a picture alone": [{"type": "card", "hero_image": image()}],
    },
    "blocks/carousel-block": {"carousel of ten": [{"type": "carousel", "elements": [card()] * 10}]},
    "blocks/container-block": {
        "container": [container(section())],
        "container of ten": [container(*[section()] * 10, is_collapsible=True, default_collapsed=True, width="full")],
    },
    "blocks/input-block": {
        "input in a message": [text_input()],
        "input with a hint": [text_input(hint=plain("x" * 2000), label=plain("x" * 2000), optional=True)],
    },
}

VIEWS: dict[str, dict[str, Any]] = {
    "/views": {
        "modal at its limits": modal(private_metadata="x" * 3000, callback_id="x" * 255, close=plain("x" * 24)),
        "modal with 100 blocks": modal(*[section()] * 100),
        "modal with an external id": modal(external_id="x" * 255, clear_on_close=True, notify_on_close=True),
        "modal with a title of 24": {**modal(), "title": plain("x" * 24)},
    },
    "blocks/input-block": {
        "modal with an input": modal(text_input(), submit=plain("Save")),
        "modal with a dispatching input": modal(text_input(dispatch_action=True), submit=plain("Save")),
    },
    "blocks/alert-block": {
        "modal with an alert": modal({"type": "alert", "text": mrkdwn("x" * 200), "level": "warning"})
    },
    "block-elements/file-input-element": {
        "modal with a file input": modal(field({"type": "file_input", "max_files": 10}), submit=plain("Save"))
    },
    "block-elements/number-input-element": {
        "modal with a number": modal(
            field({"type": "number_input", "is_decimal_allowed": False, "min_value": "1"}), submit=plain("Save")
        )
    },
    "block-elements/plain-text-input-element": {
        "text input at its limits": modal(
            field({"type": "plain_text_input", "min_length": 0, "max_length": 3000, "placeholder": plain("x" * 150)}),
            submit=plain("Save"),
        )
    },
    "block-elements/rich-text-input-element": {
        "rich text input": modal(field({"type": "rich_text_input", "min_lines": 1}), submit=plain("Save"))
    },
    "block-elements/multi-select-menu-element": {
        "select with a response_url": modal(
            field({"type": "conversations_select", "response_url_enabled": True}), submit=plain("Save")
        ),
        "multi select with initial options": modal(
            field({"type": "multi_static_select", "options": MANY, "initial_options": MANY[:3]}), submit=plain("Save")
        ),
    },
    "/app-home": {"home": {"type": "home", "blocks": [section()], "private_metadata": "x" * 3000}},
}

WITH_VIDEO: list[Json] = [video(title=plain("x" * 199), author_name="x" * 49, description=plain("x" * 200))]
