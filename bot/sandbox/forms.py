"""The values of interactive elements: what an action carries, and the state of a form.

Source: docs.slack.dev/reference/block-kit/block-elements and the view_submission payload reference.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bot.sandbox import text as texts
from bot.sandbox.errors import ImpossibleAct
from bot.sandbox.model import Json

# element type: the key its value has in a payload, the keys of its initial value
_FIELDS: dict[str, tuple[str, str]] = {
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
    "rich_text_input": ("rich_text_value", "initial_value"),
    "static_select": ("selected_option", "initial_option"),
    "external_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "multi_external_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
    "users_select": ("selected_user", "initial_user"),
    "multi_users_select": ("selected_users", "initial_users"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_channels_select": ("selected_channels", "initial_channels"),
    "conversations_select": ("selected_conversation", "initial_conversation"),
    "multi_conversations_select": ("selected_conversations", "initial_conversations"),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "file_input": ("files", "files"),
}


def action_body(element: Json, option: Any, action_ts: str) -> Json:
    """The entry of `actions` for using this element; `option` is what was picked or typed, where it takes one."""
    body: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": element["_block_id"]}
    kind = element["type"]
    if kind in ("button", "workflow_button", "icon_button"):
        body.update((key, element[key]) for key in ("text", "value", "style", "url", "confirm") if key in element)
    elif kind == "feedback_buttons":
        chosen = [element[key] for key in ("positive_button", "negative_button") if _matches(element[key], option)]
        if not chosen:
            raise ImpossibleAct(f"no feedback button {option!r}")
        body.update(text=chosen[0]["text"], value=chosen[0]["value"])
    elif kind == "overflow":
        body["selected_option"] = _option(element, option)
    else:
        key, initial = _FIELDS[kind]
        body[key] = _value(element, option) if option is not None else element.get(initial)
    body["action_ts"] = action_ts
    return body


def _matches(option: Json, wanted: Any) -> bool:
    return wanted in (option["value"], option["text"]["text"])


def _options(element: Json) -> Iterator[Json]:
    yield from element.get("options", ())
    for group in element.get("option_groups", ()):
        yield from group["options"]


def _option(element: Json, wanted: Any) -> Json:
    for option in _options(element):
        if _matches(option, wanted):
            return option
    raise ImpossibleAct(
        f"{element['action_id']} has no option {wanted!r}; it has {[o['value'] for o in _options(element)]}"
    )


def _value(element: Json, given: Any) -> Any:
    """The given value in the form the element's payload has; options are picked by text or value."""
    match element["type"]:
        case "static_select" | "radio_buttons":
            return _option(element, given)
        case "multi_static_select" | "checkboxes":
            return [_option(element, each) for each in given]
        case "plain_text_input" if len(given) > element.get("max_length", 3000) or len(given) < element.get(
            "min_length", 0
        ):
            raise ImpossibleAct(f"the length of {element['action_id']} does not fit its limits")
        case _:
            return given


def state_values(blocks: list[Json], given: Mapping[str, Mapping[str, Any]], *, required: bool = False) -> Json:
    """`state.values` of a form: the given values, else the initial ones.

    Raises ImpossibleAct for a value without a field, and with `required` for an input that must be filled and is not.
    """
    state: Json = {}
    unknown = {(block_id, action_id) for block_id, actions in given.items() for action_id in actions}
    optional = {block["block_id"]: block.get("optional", False) for block in blocks if block["type"] == "input"}
    for element in texts.elements(blocks):
        field = _FIELDS.get(element["type"])
        if field is None:
            continue
        key, initial = field
        block_id, action_id = element["_block_id"], element["action_id"]
        unknown.discard((block_id, action_id))
        wanted = given.get(block_id, {}).get(action_id)
        value = _value(element, wanted) if wanted is not None else element.get(initial)
        if required and value in (None, "", []) and optional.get(block_id) is False:
            raise ImpossibleAct(f"the input {block_id} is required and empty")
        empty = [] if key.endswith("options") else None
        state.setdefault(block_id, {})[action_id] = {"type": element["type"], key: empty if value is None else value}
    if unknown:
        raise ImpossibleAct(f"no such field: {sorted(unknown)}")
    return state
