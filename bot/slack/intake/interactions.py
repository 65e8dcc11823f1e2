"""Validates interactions and commands: only the declared fields are passed on, with their documented types. Pure.

Sources: docs.slack.dev/reference/interaction-payloads and docs.slack.dev/interactivity/implementing-slash-commands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.core.json_text import JsonObject
from bot.slack.intake.field_checks import (
    ADDRESS,
    CHANNEL,
    COMMAND,
    ID,
    LABEL,
    NAME,
    TEAM,
    TRIGGER,
    TS,
    USER,
    VIEW_ID,
    Check,
    Malformed,
    Read,
    anything,
    boolean,
    each,
    keyed,
    record,
    string,
    within,
)

MAX_VALUE = 2_000
"""Slack's limit of a button's value (docs.slack.dev/reference/block-kit/block-elements/button-element)."""
MAX_METADATA = 3_000
"""Slack's limit of private_metadata (docs.slack.dev/reference/views/modal-views)."""
MAX_INPUT = 100_000
"""Characters of a text field or of a command's text; the fields of our windows take 3,000."""
MAX_SHOWN = 3
"""Ignored fields that are named in the log."""

_option = record({"value": string(MAX_VALUE)})
_answers: Mapping[str, Check] = {
    "type": NAME,
    "value": string(MAX_INPUT),
    "selected_option": _option,
    "selected_options": each(_option),
    "selected_user": USER,
    "selected_users": each(USER),
    "selected_channel": CHANNEL,
    "selected_channels": each(CHANNEL),
    "selected_conversation": ID,
    "selected_conversations": each(ID),
    "selected_date": NAME,
    "selected_time": NAME,
}
"""The value of an element that somebody has used."""
_pressed: Mapping[str, Check] = {"action_id": LABEL, "block_id": LABEL, "action_ts": TS, "value": string(MAX_VALUE)}
_action = record({**_answers, **_pressed}, needed=("action_id",))
_view = record(
    {
        "id": VIEW_ID,
        "type": NAME,
        "callback_id": LABEL,
        "external_id": LABEL,
        "private_metadata": string(MAX_METADATA),
        "hash": TRIGGER,
        "team_id": TEAM,
        "app_installed_team_id": TEAM,
        "root_view_id": VIEW_ID,
        "previous_view_id": VIEW_ID,
        "blocks": each(record({"type": NAME, "block_id": LABEL}, needed=("type", "block_id"))),
    }
)
_field = record(_answers, nulls=True)
"""Slack sends null for a field that was left empty, and omits one that was not shown."""
_container: Mapping[str, Check] = {
    "type": NAME,
    "message_ts": TS,
    "channel_id": CHANNEL,
    "thread_ts": TS,
    "view_id": VIEW_ID,
    "is_ephemeral": boolean,
}
_common: Mapping[str, Check] = {
    "type": NAME,
    "user": record({"id": USER, "team_id": TEAM, "enterprise_id": TEAM}, needed=("id",)),
    "team": record({"id": TEAM, "enterprise_id": TEAM}),
    "enterprise": record({"id": TEAM}),
    "is_enterprise_install": boolean,
    "api_app_id": ID,
    "trigger_id": TRIGGER,
    "response_url": ADDRESS,
    "channel": record({"id": CHANNEL}),
    "container": record(_container),
    "message": record({"ts": TS, "thread_ts": TS, "user": USER, "bot_id": ID, "app_id": ID}),
    "view": _view,
}


def _of(needed: str, **fields: Check) -> Check:
    return record({**_common, **fields}, needed=("user", needed))


_INTERACTIONS: Mapping[str, Check] = {
    "block_actions": _of("actions", actions=each(_action, least=1)),
    "view_submission": _of("view"),
    "view_closed": _of("view", is_cleared=boolean),
    "block_suggestion": _of("action_id", action_id=LABEL, block_id=LABEL, value=string(MAX_INPUT)),
    "shortcut": _of("callback_id", callback_id=LABEL, action_ts=TS),
    "message_action": _of("callback_id", callback_id=LABEL, message_ts=TS, action_ts=TS),
}


def interaction(payload: JsonObject) -> Read:
    """Validate the payload of an interaction. Raises Malformed."""
    kind: Any = payload.get("type")
    if not isinstance(kind, str) or kind not in _INTERACTIONS:
        raise Malformed("payload.type")
    found: JsonObject = within("payload", _INTERACTIONS[kind], payload)
    if kind in ("view_submission", "view_closed"):
        for name in ("type", "callback_id"):  # Bolt looks for the listener by them
            if not found["view"].get(name):
                raise Malformed(f"payload.view.{name}")
    left_out: list[str] = []
    found.setdefault("trigger_id", "")
    if kind == "view_submission" and "blocks" not in found["view"]:
        raise Malformed("payload.view.blocks")
    if kind == "view_submission" or (kind == "block_actions" and "view" in found):
        state: Any = payload["view"].get("state")
        values: Any = state.get("values") if isinstance(state, dict) else state
        found["view"]["state"] = {"values": _values(values, left_out)}
    return kind, found, tuple(left_out[:MAX_SHOWN])


def _values(values: Any, left_out: list[str]) -> JsonObject:
    """Return the fields of a window. Malformed ones are left out, and their names are added to `left_out`."""
    found: JsonObject = {}
    try:
        blocks = keyed(anything)(values or {})
    except Malformed:
        left_out.append("payload.view.state")
        return found
    for number, (block, fields) in enumerate(blocks.items()):
        try:
            found[block] = keyed(_field)(fields)
        except Malformed:
            left_out.append(f"field {number + 1}")
    return found


_command = record(
    {
        "command": COMMAND,
        "text": string(MAX_INPUT),
        "user_id": USER,
        "user_name": LABEL,
        "team_id": TEAM,
        "team_domain": LABEL,
        "enterprise_id": TEAM,
        "channel_id": CHANNEL,
        "channel_name": LABEL,
        "trigger_id": TRIGGER,
        "response_url": ADDRESS,
        "api_app_id": ID,
        "is_enterprise_install": boolean,
    },
    needed=("command", "user_id"),
)


def command(payload: JsonObject) -> Read:
    """Validate the payload of a slash command. Raises Malformed."""
    found: JsonObject = within("payload", _command, payload)
    return found["command"], found, ()
