"""What a person does with the window in which a call is edited, in process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval
from bot.slack.blocks import edit_form
from bot.slack.blocks.fields import field_of
from bot.slack.blocks.forms import Opened
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.forms import state_values
from tests.unit.slack.samples import Shown, call, request, window

OPENED = Opened("request-1", "d" * 64, "C0GENERAL", "1700000000.000100", "1700000000.000000")

Place = str | tuple[str | int, ...]
"""The name of an argument, or where a value is in them."""


def asked(arguments: JsonObject, tool: str = "write_file") -> Approval:
    """A request about a call with these arguments."""
    return request(call=call(arguments, remote_name=tool))


def place(name: Place) -> str:
    """The block id of the field of a value."""
    return field_of(name) if isinstance(name, str) else field_of(*name)


def sent(view: JsonObject, typed: Mapping[Any, Any] | None = None) -> JsonObject:
    """The window as Slack sends it, with what was entered by place or block id."""
    blocks = window(view).blocks
    ids = {block["block_id"] for block in blocks}
    state = state_values(blocks, {})
    for name, entered in (typed or {}).items():
        block_id = name if name in ids else place(name)
        try:
            state[block_id] = state_values(blocks, {block_id: {"value": entered}})[block_id]
        except ImpossibleAction:  # Slack's own client would not send this; somebody else's may
            state[block_id]["value"]["value"] = entered
    return {**view, "state": {"values": json.loads(json.dumps(state))}}


def edit(arguments: JsonObject, typed: Mapping[Any, Any], schema: JsonObject) -> tuple[JsonObject, dict[str, str]]:
    """The arguments after a person has opened the window, entered this and saved it; and what is wrong, by block id."""
    approval = asked(arguments)
    form = edit_form.edit(approval, schema, OPENED)
    now, wrong = edit_form.edited(sent(form, typed), approval, schema)
    assert set(wrong) <= {block.get("block_id") for block in form["blocks"] if block["type"] == "input"}
    return now, wrong


def element(shown: Shown, *path: str | int) -> JsonObject:
    """The input of a value."""
    return next(block["element"] for block in shown.blocks if block["block_id"] == field_of(*path))


def labels(shown: Shown) -> list[str]:
    """The labels of all inputs, in order."""
    return [block["label"]["text"] for block in shown.blocks if block["type"] == "input"]
