"""Windows in which people enter an answer to a question: fields, and what was entered in them. Pure.

Slack's limits are those of https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element and
https://docs.slack.dev/reference/views/modal-views.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.json_text import JsonObject, canonical
from bot.core.untrusted import items, mapping, text
from bot.slack.blocks.elements import Block, modal, plain_text

ACTION = "value"
FIELD = "field."
MAX_CHARS = 3_000
"""Characters of one field."""
MAX_FIELDS = 100
"""Fields of a window, and choices of a field."""


def window(title: str, blocks: Sequence[Block], *, submit: str = "Send") -> JsonObject:
    """Return a window with these blocks. Which question it is about is added when it is opened."""
    return modal(title, blocks, close="Cancel", submit=plain_text(submit))


def field(name: str, label: str, element: Block, *, hint: str = "", optional: bool = False) -> Block:
    """Return a field of a window.

    name: the key of what is entered in `Click.values`, at most 200 characters.
    element: any input element of Slack's except file and rich text inputs; its `action_id` is added.
    """
    made: Block = {
        "type": "input",
        "block_id": block_id(name),
        "label": plain_text(label),
        "element": {**element, "action_id": ACTION},
        "optional": optional,
    }
    return {**made, "hint": plain_text(hint)} if hint else made


def text_field(
    name: str,
    label: str,
    *,
    initial: str = "",
    multiline: bool = False,
    longest: int = MAX_CHARS,
    hint: str = "",
    optional: bool = False,
) -> Block:
    """Return a field for text. longest: the number of characters that Slack accepts."""
    element: Block = {"type": "plain_text_input", "multiline": multiline, "max_length": longest}
    if initial:
        element["initial_value"] = initial
    return field(name, label, element, hint=hint, optional=optional)


def block_id(name: str) -> str:
    """Return the block id of a field."""
    return f"{FIELD}{name}"


def values(view: Mapping[str, object]) -> dict[str, str]:
    """Return what was entered, by field, as text; several choices are a JSON array. Empty fields are left out.

    Raises ValueError for what no window of ours can hold.
    """
    found: dict[str, str] = {}
    blocks = mapping(mapping(view.get("state")).get("values"))
    if len(blocks) > MAX_FIELDS:
        raise ValueError("too many fields")
    for block, state in blocks.items():
        entered = _entered(mapping(mapping(state).get(ACTION)))
        if len(entered) > MAX_CHARS:
            raise ValueError("too much in a field")
        if block.startswith(FIELD) and entered:
            found[text(block.removeprefix(FIELD))] = entered
    return found


def _entered(state: JsonObject) -> str:
    """Return the value of an input element
    (https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload)."""
    if isinstance(state.get("selected_options"), list):
        chosen = [_option(each) for each in items(state["selected_options"])[: MAX_FIELDS + 1]]
        return canonical(chosen) if chosen else ""
    for name, value in state.items():
        if name == "value" or name.startswith("selected_"):
            return _option(value) if isinstance(value, dict) else _plain(value)
    return ""


def _option(value: object) -> str:
    return _plain(mapping(value).get("value"))


def _plain(value: object) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if whole else text(value)
