"""The values of interactive elements: what an action carries, and the state of a form.

Source: docs.slack.dev/reference/block-kit/block-elements and the view_submission payload reference.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from slack_sandbox import text as texts
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Json

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


_NO_OPTIONS: list[Json] = []


@dataclass(frozen=True, slots=True)
class References:
    """What elements refer to that does not stand in them."""

    offered: Callable[[Json], list[Json]] = lambda element: _NO_OPTIONS
    """The options that the app has offered for an external select."""
    file: Callable[[str], Json | None] = lambda file_id: None
    """A file object by its id."""


def action_body(element: Json, option: Any, action_ts: str, references: References | None = None) -> Json:
    """The entry of `actions` for using this element; `option` is what was picked or typed, where it takes one."""
    body: Json = {"type": element["type"], "action_id": element["action_id"], "block_id": element["_block_id"]}
    kind = element["type"]
    if kind in ("button", "workflow_button", "icon_button"):
        body.update((key, element[key]) for key in ("text", "value", "style", "url", "confirm") if key in element)
    elif kind == "feedback_buttons":
        chosen = [element[key] for key in ("positive_button", "negative_button") if _matches(element[key], option)]
        if not chosen:
            raise ImpossibleAction(f"no feedback button {option!r}")
        body.update(text=chosen[0]["text"], value=chosen[0]["value"])
    elif kind == "overflow":
        body["selected_option"] = _option(element, option)
    else:
        key, initial = _FIELDS[kind]
        body[key] = _value(element, option, references or References()) if option is not None else element.get(initial)
    body["action_ts"] = action_ts
    return body


def _matches(option: Json, wanted: Any) -> bool:
    return wanted in (option["value"], option["text"]["text"])


def _options(element: Json) -> Iterator[Json]:
    yield from element.get("options", ())
    for group in element.get("option_groups", ()):
        yield from group["options"]


def _option(element: Json, wanted: Any) -> Json:
    if isinstance(wanted, dict) and wanted in list(_options(element)):
        return wanted
    for option in _options(element):
        if _matches(option, wanted):
            return option
    raise ImpossibleAction(
        f"{element['action_id']} has no option {wanted!r}; it has {[o['value'] for o in _options(element)]}"
    )


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_URL = re.compile(r"[a-z][a-z0-9+.-]*:\S+", re.IGNORECASE)


def _value(element: Json, chosen: Any, references: References) -> Any:
    """The given value in the form the element's payload has; options are picked by text or value.

    Raises ImpossibleAction for what the client would not let one pick or type.
    """
    kind = element["type"]
    if kind.endswith("external_select"):
        element = {**element, "options": references.offered(element)}
    value: Any
    match kind:
        case "static_select" | "radio_buttons" | "external_select":
            value = _option(element, chosen)
        case "multi_static_select" | "checkboxes" | "multi_external_select":
            value = [_option(element, each) for each in _listed(element, chosen)]
        case "multi_users_select" | "multi_channels_select" | "multi_conversations_select":
            value = [_text(element, each) for each in _listed(element, chosen)]
        case "rich_text_input":
            value = _rich(chosen) if isinstance(chosen, str) else chosen
        case "file_input":
            value = [_file(each, references) for each in _listed(element, chosen)]
        case "datetimepicker":
            value = _seconds(element, chosen)
        case _:
            value = _typed(element, _text(element, chosen))
    return value


def _seconds(element: Json, chosen: Any) -> int:
    if isinstance(chosen, bool) or not str(chosen).isdecimal():
        raise ImpossibleAction(f"{element['action_id']} takes seconds since 1970")
    return int(chosen)


def _text(element: Json, chosen: Any) -> str:
    if not isinstance(chosen, str):
        raise ImpossibleAction(f"{element['action_id']} takes a text")
    return chosen


def _listed(element: Json, chosen: Any) -> list[Any]:
    if not isinstance(chosen, list):
        raise ImpossibleAction(f"{element['action_id']} takes a list")
    most = element.get("max_selected_items") or element.get("max_files")
    if most is not None and len(chosen) > most:
        raise ImpossibleAction(f"{element['action_id']} takes {most} at most")
    return chosen


def _rich(chosen: str) -> Json:
    return (texts.rich_text(texts.as_typed(chosen), "rich") or [{"type": "rich_text", "elements": []}])[0]


def _file(chosen: Any, references: References) -> Json:
    found = chosen if isinstance(chosen, dict) else references.file(str(chosen))
    if found is None:
        raise ImpossibleAction("the file is not there any more: attach it again")
    return found


def _typed(element: Json, chosen: str) -> str:
    """The text, if the client would take it in this element."""
    if not chosen:
        return chosen
    match element["type"]:
        case "plain_text_input":
            least, most = element.get("min_length", 0), element.get("max_length", 3000)
            if not least <= len(chosen) <= most:
                raise ImpossibleAction(f"the length of {element['action_id']} does not fit its limits")
        case "number_input":
            _number(element, chosen)
        case "email_text_input":
            if not _EMAIL.fullmatch(chosen):
                raise ImpossibleAction(f"{chosen!r} is not an e-mail address")
        case "url_text_input":
            if not _URL.fullmatch(chosen):
                raise ImpossibleAction(f"{chosen!r} is not an address of the web")
        case "datepicker" | "timepicker":
            try:
                (date if element["type"] == "datepicker" else time).fromisoformat(chosen)
            except ValueError:
                raise ImpossibleAction(f"{chosen!r} is not what {element['action_id']} takes") from None
        case _:
            pass
    return chosen


def _number(element: Json, chosen: str) -> None:
    try:
        number = float(chosen)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or (not element.get("is_decimal_allowed") and not number.is_integer()):
        raise ImpossibleAction(f"{chosen!r} is not a number that {element['action_id']} takes")
    least, most = float(element.get("min_value", number)), float(element.get("max_value", number))
    if not least <= number <= most:
        raise ImpossibleAction(f"{chosen} is not between {least:g} and {most:g}")


def state_values(
    blocks: list[Json],
    values: Mapping[str, Mapping[str, Any]],
    *,
    required: bool = False,
    references: References | None = None,
) -> Json:
    """`state.values` of a form: the given values, else the initial ones.

    Raises ImpossibleAction for a value without a field, and with `required` for an input that is empty.
    """
    state: Json = {}
    unknown = {(block_id, action_id) for block_id, actions in values.items() for action_id in actions}
    optional = {block["block_id"]: block.get("optional", False) for block in blocks if block["type"] == "input"}
    for element in texts.elements(blocks):
        field = _FIELDS.get(element["type"])
        if field is None:
            continue
        key, initial = field
        block_id, action_id = element["_block_id"], element["action_id"]
        unknown.discard((block_id, action_id))
        wanted = values.get(block_id, {}).get(action_id)
        if wanted is None:
            value = element.get(initial)
        else:
            value = _value(element, wanted, references or References()) if wanted != "" else None
        if value == "":
            value = None
        if required and value in (None, []) and optional.get(block_id) is False:
            raise ImpossibleAction(f"the input {block_id} is required and empty")
        empty = [] if key.endswith("options") else None
        state.setdefault(block_id, {})[action_id] = {"type": element["type"], key: empty if value is None else value}
    if unknown:
        raise ImpossibleAction(f"no such field: {sorted(unknown)}")
    return state
