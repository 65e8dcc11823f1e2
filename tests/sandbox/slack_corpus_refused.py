"""Messages and views that Slack refuses, each with a part of the reason it gives.

They are grouped by the page that documents the limit: a key is a page below docs.slack.dev/reference/block-kit, or one
below docs.slack.dev/reference where it begins with a slash. Slack documents no words for most reasons; they are
written here as in the refusals that its pages and its SDKs' issues quote.
"""

from typing import Any

from tests.sandbox.slack_corpus import (
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

AT_0 = "[json-pointer:/blocks/0"
AT_VIEW = "[json-pointer:/view"
Case = tuple[Any, str]

RICH_CELL = rich_text({"type": "text", "text": "x"})

BLOCKS: dict[str, dict[str, Case]] = {
    "blocks": {
        "51 blocks": ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        "unknown block": ([{"type": "sparkline"}], f"unsupported type: sparkline {AT_0}/type]"),
        "block without type": ([{"text": mrkdwn()}], f"missing required field: type {AT_0}]"),
        "block is a string": (["section"], f"must provide an object {AT_0}]"),
        "unknown block property": ([section(colour="red")], f"invalid additional property: colour {AT_0}]"),
        "block_id twice": (
            [section(block_id="b"), section(block_id="b")],
            '`block_id` "b" already exists for another block',
        ),
        "block_id of 256": ([section(block_id="x" * 256)], "must be less than 256 characters"),
        "empty block_id": ([section(block_id="")], "must be more than 0 characters"),
    },
    "composition-objects/text-object": {
        "section text of 3001": ([section("x" * 3001)], f"must be less than 3001 characters {AT_0}/text/text]"),
        "empty section text": ([section("")], f"must be more than 0 characters {AT_0}/text/text]"),
        "section text is a string": ([{"type": "section", "text": "x"}], f"must provide an object {AT_0}/text]"),
        "section text without type": ([{"type": "section", "text": {"text": "x"}}], "missing required field: type"),
        "emoji flag as text": ([{"type": "header", "text": {**plain(), "emoji": "yes"}}], "must provide a boolean"),
        "verbatim on plain_text": ([section(fields=[{**plain(), "verbatim": True}])], "additional property: verbatim"),
        "text of another kind": (
            [{"type": "section", "text": {"type": "html", "text": "x"}}],
            "unsupported type: html",
        ),
    },
    "blocks/section-block": {
        "section without text": ([{"type": "section"}], f"must define either `text` or `fields` {AT_0}/type]"),
        "11 fields": ([{"type": "section", "fields": [mrkdwn()] * 11}], "no more than 10 items allowed"),
        "field of 2001": ([{"type": "section", "fields": [mrkdwn("x" * 2001)]}], "must be less than 2001 characters"),
        "no fields": ([{"type": "section", "fields": []}], "must provide at least 1 items"),
        "text input beside a section": (
            [section(accessory={"type": "plain_text_input"})],
            f"unsupported type: plain_text_input {AT_0}/accessory/type]",
        ),
    },
    "blocks/header-block": {
        "header of 151": ([{"type": "header", "text": plain("x" * 151)}], "must be less than 151 characters"),
        "header in mrkdwn": ([{"type": "header", "text": mrkdwn()}], f"must be a valid enum value {AT_0}/text/type]"),
    },
    "blocks/context-block": {
        "11 context elements": ([{"type": "context", "elements": [mrkdwn()] * 11}], "no more than 10 items allowed"),
        "empty context": ([{"type": "context", "elements": []}], "must provide at least 1 items"),
        "button in context": (
            [{"type": "context", "elements": [button()]}],
            f"unsupported type: button {AT_0}/elements/0/type]",
        ),
    },
    "blocks/actions-block": {
        "26 buttons": (
            [section(), actions(*(button(action_id=str(n)) for n in range(26)))],
            "no more than 25 items allowed [json-pointer:/blocks/1/elements]",
        ),
        "empty actions": ([actions()], f"must provide at least 1 items {AT_0}/elements]"),
        "text in actions": ([actions(mrkdwn())], f"unsupported type: mrkdwn {AT_0}/elements/0/type]"),
        "file input in actions": ([actions({"type": "file_input"})], "unsupported type: file_input"),
    },
    "block-elements/button-element": {
        "button text of 76": ([actions(button("x" * 76))], "must be less than 76 characters"),
        "empty button text": ([actions(button(""))], "must be more than 0 characters"),
        "button text in mrkdwn": ([actions({"type": "button", "text": mrkdwn()})], "must be a valid enum value"),
        "button without text": ([actions({"type": "button"})], f"missing required field: text {AT_0}/elements/0]"),
        "button value of 2001": ([actions(button(value="x" * 2001))], "must be less than 2001 characters"),
        "button value is a number": ([actions(button(value=1))], f"must provide a string {AT_0}/elements/0/value]"),
        "button url of 3001": ([actions(button(url="https://" + "x" * 2993))], "must be less than 3001 characters"),
        "button label of 76": ([actions(button(accessibility_label="x" * 76))], "must be less than 76 characters"),
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
        "action_id twice in a message": (  # stricter than the page, which says: in the containing block
            [actions(button(action_id="a")), section(accessory=button(action_id="a"))],
            '`action_id` "a" already exists for another element',
        ),
    },
    "block-elements/overflow-menu-element": {
        "overflow of 6": ([section(accessory=overflow(6))], "no more than 5 items allowed"),
        "overflow of none": ([section(accessory=overflow(0))], "must provide at least 1 items"),
    },
    "composition-objects/option-object": {
        "option value of 151": ([actions(static(option("x", "v" * 151)))], "must be less than 151 characters"),
        "option text of 76": ([actions(static(option("x" * 76)))], "must be less than 76"),
        "option without value": ([actions(static({"text": plain()}))], "missing required field: value"),
        "option description of 76": (
            [actions(static({**option(), "description": plain("x" * 76)}))],
            "must be less than 76 characters",
        ),
        "link in a select's option": (
            [actions(static({**option(), "url": "https://example.com"}))],
            "invalid additional property: url",
        ),
    },
    "composition-objects/option-group-object": {
        "group label of 76": (
            [actions(static(option_groups=[{"label": plain("x" * 76), "options": [option()]}]))],
            "must be less than 76 characters",
        ),
        "group without options": (
            [actions(static(option_groups=[{"label": plain(), "options": []}]))],
            "must provide at least 1 items",
        ),
        "group of 101": (
            [actions(static(option_groups=[{"label": plain(), "options": [option()] * 101}]))],
            "no more than 100 items allowed",
        ),
    },
    "block-elements/select-menu-element": {
        "101 options": ([actions(static(*[option()] * 101))], "no more than 100 items allowed"),
        "101 groups": (
            [actions(static(option_groups=[{"label": plain(), "options": [option()]}] * 101))],
            "no more than 100 items allowed",
        ),
        "select without options": ([actions(static())], "must define either `options` or `option_groups`"),
        "select with options and groups": (
            [actions(static(option(), option_groups=[{"label": plain(), "options": [option()]}]))],
            "must define either `options` or `option_groups`",
        ),
        "initial option of no option": (
            [actions(static(option(), initial_option=option("Two", "2")))],
            "must match one of the options",
        ),
        "placeholder of 151": (
            [actions({"type": "users_select", "placeholder": plain("x" * 151)})],
            "must be less than 151 characters",
        ),
        "response_url_enabled in a message": (
            [actions({"type": "channels_select", "response_url_enabled": True})],
            "response_url_enabled needs an input block in a modal",
        ),
    },
    "block-elements/multi-select-menu-element": {
        "at most none selected": (
            [section(accessory={"type": "multi_users_select", "max_selected_items": 0})],
            "must be between 1",
        ),
    },
    "block-elements/checkboxes-element": {
        "11 checkboxes": ([actions({"type": "checkboxes", "options": [option()] * 11})], "no more than 10 items"),
        "no checkboxes": ([actions({"type": "checkboxes", "options": []})], "must provide at least 1 items"),
        "initial checkbox of none": (
            [actions({"type": "checkboxes", "options": [option()], "initial_options": [option("Two", "2")]})],
            "must match one of the options",
        ),
    },
    "block-elements/radio-button-group-element": {
        "11 radio buttons": ([actions({"type": "radio_buttons", "options": [option()] * 11})], "no more than 10 items"),
        "radio buttons without options": ([actions({"type": "radio_buttons"})], "missing required field: options"),
    },
    "composition-objects/confirmation-dialog-object": {
        "confirm text of 301": (
            [actions(button(confirm=confirm(text=mrkdwn("x" * 301))))],
            "must be less than 301 characters",
        ),
        "confirm title of 101": ([actions(button(confirm=confirm(title=plain("x" * 101))))], "must be less than 101"),
        "confirm button of 31": ([actions(button(confirm=confirm(confirm=plain("x" * 31))))], "must be less than 31"),
        "confirm without deny": (
            [actions(button(confirm={"title": plain(), "text": plain(), "confirm": plain()}))],
            "missing required field: deny",
        ),
        "confirm title in mrkdwn": ([actions(button(confirm=confirm(title=mrkdwn())))], "must be a valid enum value"),
    },
    "composition-objects/conversation-filter-object": {
        "unknown conversation filter": (
            [actions({"type": "conversations_select", "filter": {"include": ["secret"]}})],
            "must be a valid enum value",
        ),
        "empty conversation filter": (
            [actions({"type": "conversations_select", "filter": {"include": []}})],
            "must provide at least 1 items",
        ),
    },
    "block-elements/date-picker-element": {
        "wrong date": ([actions({"type": "datepicker", "initial_date": "22.11.2026"})], "must match the pattern"),
    },
    "block-elements/time-picker-element": {
        "wrong time": ([actions({"type": "timepicker", "initial_time": "9:30"})], "must match the pattern"),
    },
    "block-elements/datetime-picker-element": {
        "moment as text": (
            [actions({"type": "datetimepicker", "initial_date_time": "1628633820"})],
            "must provide an integer",
        ),
        "moment in milliseconds": (
            [actions({"type": "datetimepicker", "initial_date_time": 1628633820000})],
            "must be between 1000000000 and 9999999999",
        ),
    },
    "blocks/alert-block": {
        "alert in a message": ([{"type": "alert", "text": mrkdwn()}], f"unsupported type: alert {AT_0}/type]"),
    },
    "blocks/file-block": {
        "file block": ([{"type": "file", "external_id": "A", "source": "remote"}], "unsupported type: file"),
    },
    "blocks/markdown-block": {
        "markdown of 12001": ([{"type": "markdown", "text": "x" * 12001}], "must be less than 12001 characters"),
        "markdown of 12001 in two": ([{"type": "markdown", "text": "x" * 6001}] * 2, "in all markdown blocks"),
        "empty markdown": ([{"type": "markdown", "text": ""}], "must be more than 0 characters"),
        "markdown of an object": ([{"type": "markdown", "text": mrkdwn()}], f"must provide a string {AT_0}/text]"),
    },
    "blocks/table-block": {
        "table of 101 rows": ([table(*[[raw()]] * 101)], "no more than 100 items allowed"),
        "table of 21 columns": ([table([raw()] * 21)], "no more than 20 items allowed"),
        "table without rows": ([table()], "must provide at least 1 items"),
        "empty table cell": ([table([raw("")])], "must be more than 0 characters"),
        "21 column settings": ([table([raw()], column_settings=[{}] * 21)], "no more than 20 items allowed"),
        "unknown alignment": ([table([raw()], column_settings=[{"align": "top"}])], "must be a valid enum value"),
        "button in a table": ([table([button()])], "unsupported type: button"),
        "10,001 characters in a table": ([table([raw("x" * 5000)], [raw("x" * 5001)])], "in all table cells"),
    },
    "blocks/data-table-block": {
        "data table of a header alone": ([data_table([raw()])], "must provide at least 2 items"),
        "data table of 102 rows": ([data_table(*[[raw()]] * 102)], "no more than 101 items allowed"),
        "data table without a caption": (
            [{"type": "data_table", "rows": [[raw()], [raw()]]}],
            "missing required field: caption",
        ),
        "data table with a ragged row": (
            [data_table([raw(), raw()], [raw()])],
            f"must have as many cells as the first row {AT_0}/rows/1]",
        ),
        "rich text in a header cell": (
            [data_table([RICH_CELL], [raw()])],
            f"unsupported type: rich_text {AT_0}/rows/0]",
        ),
        "data table page of 101": ([data_table([raw()], [raw()], page_size=101)], "must be between 1 and 100"),
    },
    "blocks/image-block": {
        "image without alt text": (
            [{"type": "image", "image_url": "https://example.com"}],
            "missing required field: alt_text",
        ),
        "image without source": (
            [{"type": "image", "alt_text": "a"}],
            "must define either `image_url` or `slack_file`",
        ),
        "image url of 3001": ([image(image_url="https://" + "x" * 2993)], "must be less than 3001 characters"),
        "image of a file": ([image(image_url="file:///etc/passwd")], "must match the pattern"),
        "image alt text of 2001": ([image(alt_text="x" * 2001)], "must be less than 2001 characters"),
    },
    "blocks/video-block": {
        "video title of 200": ([video(title=plain("x" * 200))], "must be less than 200 characters"),
        "video author of 50": ([video(author_name="x" * 50)], "must be less than 50 characters"),
        "video over http": ([video(video_url="http://example.com/v")], "must match the pattern"),
        "video without a thumbnail": (
            [{k: v for k, v in video().items() if k != "thumbnail_url"}],
            "missing required field: thumbnail_url",
        ),
    },
    "blocks/task-card-block": {
        "unknown task status": ([task(status="done")], "must be a valid enum value"),
        "task without an id": ([{"type": "task_card", "title": "x"}], "missing required field: task_id"),
        "task output as text": ([task(output="done")], f"must provide an object {AT_0}/output]"),
        "task source without an address": (
            [task(sources=[{"type": "url", "text": "x"}])],
            "missing required field: url",
        ),
    },
    "blocks/plan-block": {
        "plan without a title": ([{"type": "plan", "tasks": []}], "missing required field: title"),
        "plan of 51 tasks": ([{"type": "plan", "title": "x", "tasks": [task()] * 51}], "no more than 50 items allowed"),
        "plan of sections": ([{"type": "plan", "title": "x", "tasks": [section()]}], "must be a valid enum value"),
    },
    "blocks/rich-text-block": {
        "empty rich text": ([rich_text({"type": "text", "text": ""})], "must be more than 0 characters"),
        "mrkdwn in rich text": ([rich_text(mrkdwn())], "unsupported type: mrkdwn"),
        "text outside a section": (
            [{"type": "rich_text", "elements": [{"type": "text", "text": "x"}]}],
            f"unsupported type: text {AT_0}/elements/0/type]",
        ),
        "list indented nine times": ([rich_list("x", indent=9)], "must be between 0 and 8"),
        "list without a style": (
            [{"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": []}]}],
            "missing required field: style",
        ),
        "unknown list style": ([rich_list("x", style="roman")], "must be a valid enum value"),
        "rich text style as a list": ([rich_text({"type": "text", "text": "x", "style": ["bold"]})], "an object"),
        "unknown broadcast": ([rich_text({"type": "broadcast", "range": "all"})], "must be a valid enum value"),
    },
    "blocks/context-actions-block": {
        "six context actions": (
            [{"type": "context_actions", "elements": [{"type": "icon_button", "icon": "trash", "text": plain()}] * 6}],
            "no more than 5 items allowed",
        ),
        "plain button in context actions": (
            [{"type": "context_actions", "elements": [button()]}],
            "unsupported type: button",
        ),
        "unknown icon": (
            [{"type": "context_actions", "elements": [{"type": "icon_button", "icon": "star", "text": plain()}]}],
            "must be a valid enum value",
        ),
        "feedback button without a value": (
            [feedback(positive_button={"text": plain()})],
            "missing required field: value",
        ),
    },
    "blocks/card-block": {
        "empty card": ([{"type": "card"}], "must define either `hero_image` or `title` or `actions` or `body`"),
        "card title of 151": ([card(title=mrkdwn("x" * 151))], "must be less than 151 characters"),
        "card body of 201": ([card(body=mrkdwn("x" * 201))], "must be less than 201 characters"),
        "menu on a card": ([card(actions=[overflow(1)])], "unsupported type: overflow"),
        "card with two icons": (
            [card(icon=image(), slack_icon={"type": "icon", "name": "star"})],
            "must define either `icon` or `slack_icon`",
        ),
    },
    "blocks/carousel-block": {
        "carousel of 11": ([{"type": "carousel", "elements": [card()] * 11}], "no more than 10 items allowed"),
        "empty carousel": ([{"type": "carousel", "elements": []}], "must provide at least 1 items"),
        "section in a carousel": ([{"type": "carousel", "elements": [section()]}], "must be a valid enum value"),
    },
    "blocks/container-block": {
        "container of 11": ([container(*[section()] * 11)], "no more than 10 items allowed"),
        "container without a title": (
            [{"type": "container", "child_blocks": [section()]}],
            "must define either `title` or `rich_text_title`",
        ),
        "container in a container": ([container(container(section()))], "unsupported type: container"),
        "collapsed and not collapsible": (
            [container(section(), default_collapsed=True)],
            "default_collapsed requires is_collapsible",
        ),
    },
    "block-elements/file-input-element": {
        "file input in a message": ([field({"type": "file_input"})], "unsupported type: file_input"),
    },
    "blocks/input-block": {
        "input without a label": (
            [{"type": "input", "element": {"type": "plain_text_input"}}],
            "missing required field: label",
        ),
        "input label in mrkdwn": ([text_input(label=mrkdwn())], "must be a valid enum value"),
        "input around a button": ([field(button())], f"unsupported type: button {AT_0}/element/type]"),
    },
}

VIEWS: dict[str, dict[str, Case]] = {
    "/views": {
        "title of 25": ({**modal(), "title": plain("x" * 25)}, f"less than 25 characters {AT_VIEW}/title/text]"),
        "no title": ({"type": "modal", "blocks": []}, f"missing required field: title {AT_VIEW}]"),
        "title in mrkdwn": ({**modal(), "title": mrkdwn()}, "must be a valid enum value"),
        "no blocks at all": ({"type": "modal", "title": plain()}, f"missing required field: blocks {AT_VIEW}]"),
        "submit of 25": (modal(submit=plain("x" * 25)), "must be less than 25 characters"),
        "private_metadata of 3001": (modal(private_metadata="x" * 3001), "must be less than 3001 characters"),
        "private_metadata as an object": (modal(private_metadata={}), f"must provide a string {AT_VIEW}/private"),
        "callback_id of 256": (modal(callback_id="x" * 256), "must be less than 256 characters"),
        "external_id of 256": (modal(external_id="x" * 256), "must be less than 256 characters"),
        "101 blocks": (modal(*[section()] * 101), f"no more than 100 items allowed {AT_VIEW}/blocks]"),
        "unknown view type": ({**modal(), "type": "dialog"}, "unsupported type: dialog"),
        "unknown view property": (modal(width="wide"), "invalid additional property: width"),
        "view is a list": ([], "must provide an object"),
        "home with a submit": (
            {"type": "home", "blocks": [], "submit": plain()},
            "invalid additional property: submit",
        ),
    },
    "blocks/markdown-block": {
        "markdown in a modal": (
            modal({"type": "markdown", "text": "x"}),
            f"unsupported type: markdown {AT_VIEW}/blocks/0/type]",
        ),
    },
    "blocks/table-block": {"table in a modal": (modal(table([raw()])), "unsupported type: table")},
    "blocks/task-card-block": {"task card in a modal": (modal(task()), "unsupported type: task_card")},
    "blocks/input-block": {
        "input without submit": (
            modal(text_input()),
            f"must define `submit` to use an `input` block in modals {AT_VIEW}/blocks/0/input]",
        ),
    },
    "blocks/alert-block": {
        "alert of 201": (modal({"type": "alert", "text": mrkdwn("x" * 201)}), "must be less than 201 characters"),
        "unknown alert level": (modal({"type": "alert", "text": mrkdwn(), "level": "fatal"}), "must be a valid enum"),
    },
    "block-elements/plain-text-input-element": {
        "max_length of 3001": (
            modal(field({"type": "plain_text_input", "max_length": 3001}), submit=plain()),
            "must be between 1 and 3000",
        ),
        "two inputs in focus": (
            modal(*[field({"type": "plain_text_input", "focus_on_load": True})] * 2, submit=plain()),
            "no more than 1 element may set focus_on_load",
        ),
    },
    "block-elements/number-input-element": {
        "number without is_decimal_allowed": (
            modal(field({"type": "number_input"}), submit=plain()),
            "missing required field: is_decimal_allowed",
        ),
        "least number as a number": (
            modal(field({"type": "number_input", "is_decimal_allowed": True, "min_value": 1}), submit=plain()),
            "must provide a string",
        ),
    },
    "block-elements/file-input-element": {
        "11 files": (modal(field({"type": "file_input", "max_files": 11}), submit=plain()), "must be between 1 and 10"),
    },
    "block-elements/rich-text-input-element": {
        "101 lines": (
            modal(field({"type": "rich_text_input", "max_lines": 101}), submit=plain()),
            "must be between 1 and 100",
        ),
    },
    "composition-objects/dispatch-action-configuration-object": {
        "unknown dispatch": (
            modal(
                field({"type": "plain_text_input", "dispatch_action_config": {"trigger_actions_on": ["on_blur"]}}),
                submit=plain(),
            ),
            "must be a valid enum value",
        ),
    },
}

ACROSS: set[str] = {
    "action_id twice in a block", "action_id twice in a message", "block_id twice", "markdown of 12001 in two",
    "select with options and groups", "initial option of no option", "response_url_enabled in a message",
    "initial checkbox of none", "10,001 characters in a table", "data table with a ragged row",
    "rich text in a header cell", "card with two icons", "collapsed and not collapsible", "file input in a message",
}  # fmt: skip
"""The cases that cross elements or blocks: no schema of one block can say them."""
