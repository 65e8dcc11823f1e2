"""Validates the messages of Socket Mode once, where they arrive: only fields of the documented types are passed on.
Pure.

Identifiers are matched against Slack's grammar and bounded, since they are stored, logged, looked up and sent back to
Slack. Of an interaction, only declared fields are passed on (`bot.slack.intake.interactions`). An event is passed on as
a whole, since its content is read leniently (`bot.slack.intake.messages`), but its identifiers are checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.untrusted import MAX_VALUES, count_values
from bot.slack.intake import interactions
from bot.slack.intake.field_checks import (
    CHANNEL,
    ID,
    NAME,
    TEAM,
    TS,
    USER,
    Check,
    Malformed,
    Read,
    anything,
    boolean,
    each,
    grammar,
    record,
    within,
)

MAX_DEPTH = 64
"""Nesting of an event. Slack's deepest block, a rich text list in an attachment of a message, has about 20 levels."""

_ENVELOPE = re.compile(r"[A-Za-z0-9-]{1,64}")
_ENVELOPE_ID = re.compile(r'"envelope_id"\s*:\s*"([A-Za-z0-9-]{1,64})"')
_PRINTABLE = re.compile(r"[\w.:/-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Envelope:
    """An event, an interaction or a command."""

    id: str
    type: str
    """`events_api`, `interactive` or `slash_commands`."""
    kind: str
    """The type of the event or of the interaction, or the name of the command."""
    payload: JsonObject
    """The validated fields."""
    left_out: tuple[str, ...] = ()
    """Fields of a window that were malformed. The window is answered all the same, so that the person sees what
    happened."""


@dataclass(frozen=True, slots=True)
class Control:
    """A message about the connection itself."""

    type: str
    """`hello`, or `disconnect`, which announces that this connection is about to be closed."""
    reason: str = ""
    app: str = ""
    """The id of our app, which `hello` gives (docs.slack.dev/apis/events-api/using-socket-mode)."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that cannot be read, and could not be if it were delivered again."""

    id: str
    """The id to acknowledge; empty if it has none."""
    type: str
    problem: str


def read(message: str) -> Envelope | Control | Unreadable:
    """Read one message of Slack's socket."""
    if count_values(message.encode("utf-8", "replace")) > MAX_VALUES:
        return _unreadable(message, f"{len(message):,} characters with too many values")
    try:
        found: Any = json.loads(message, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return _unreadable(message, "not valid JSON")
    if not isinstance(found, dict):
        return _unreadable(message, "not a JSON object")
    if found.get("type") in ("hello", "disconnect"):
        about: Any = found.get("connection_info")
        app: Any = about.get("app_id") if isinstance(about, dict) else ""
        return Control(found["type"], _shown(found.get("reason")), _shown(app))
    number = found.get("envelope_id")
    known = number if isinstance(number, str) and _ENVELOPE.fullmatch(number) else ""
    try:
        if not known:
            raise Malformed("envelope_id")
        # Only a message with so many brackets can be nested so deeply.
        may_be_deep = message.count("{") + message.count("[") > MAX_DEPTH
        return _envelope(known, found.get("type"), found.get("payload"), may_be_deep=may_be_deep)
    except Malformed as problem:
        return Unreadable(known, _type(found), f"{problem} does not have the documented form")


def _envelope(number: str, kind: Any, payload: Any, *, may_be_deep: bool) -> Envelope:
    if not isinstance(kind, str) or kind not in _READERS:
        raise Malformed("type")
    if not isinstance(payload, dict):
        raise Malformed("payload")
    if may_be_deep and _deeper(payload.get("event"), MAX_DEPTH):
        raise Malformed("payload.event")
    return Envelope(number, kind, *_READERS[kind](payload))


def _unreadable(message: str, problem: str) -> Unreadable:
    """Return a message that could not be parsed, with its envelope id, if one can be found, so that it can be
    acknowledged."""
    found = _ENVELOPE_ID.search(message)
    return Unreadable(found[1] if found else "", "unknown", problem)


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _type(found: Mapping[str, Any]) -> str:
    """Return the type of an envelope and of what is in it, for the log."""
    payload = found.get("payload")
    inner: Any = payload.get("type") if isinstance(payload, dict) else ""
    event = payload.get("event") if isinstance(payload, dict) else None
    if isinstance(event, dict):
        inner = event.get("type")
    return " ".join(filter(None, (_shown(found.get("type")), _shown(inner)))) or "unknown"


def _shown(value: object) -> str:
    """Return a short word that may be logged; empty for anything else."""
    return value if isinstance(value, str) and _PRINTABLE.fullmatch(value) else ""


# --- events (docs.slack.dev/apis/events-api)

_MESSAGE_IDS: Mapping[str, Check] = {
    "user": USER,
    "channel": CHANNEL,
    "user_id": USER,
    "channel_id": CHANNEL,
    "ts": TS,
    "thread_ts": TS,
    "event_ts": TS,
    "deleted_ts": TS,
    "parent_user_id": USER,
    "bot_id": ID,
    "app_id": ID,
    "team": TEAM,
    "user_team": TEAM,
    "source_team": TEAM,
    "type": NAME,
    "subtype": NAME,
    "channel_type": NAME,
    "tab": NAME,
}


def _or_object(check: Check) -> Check:
    """Accept an id, or an object with an id: a person who joined, a channel that was renamed."""
    inside = record({"id": check}, rest=True)

    def checked(value: Any) -> Any:
        return inside(value) if isinstance(value, dict) else check(value)

    return checked


_message = record(_MESSAGE_IDS, rest=True)
_parts: Mapping[str, Check] = {
    "message": _message,
    "previous_message": _message,
    "root": _message,
    "item": _message,
    "assistant_thread": _message,
    "function_data": record({"execution_id": ID}),
}
_SPOKEN = ("message", "app_mention")
_spoken = record({**_MESSAGE_IDS, **_parts}, needed=("type", "channel", "ts"), rest=True)
_other = record(
    {**_MESSAGE_IDS, **_parts, "user": _or_object(USER), "channel": _or_object(CHANNEL)}, needed=("type",), rest=True
)
_authorization = record({"team_id": TEAM, "enterprise_id": TEAM, "user_id": USER, "is_enterprise_install": boolean})
_callback = record(
    {
        "type": grammar("event_callback"),
        "event": anything,
        "event_id": NAME,
        "team_id": TEAM,
        "enterprise_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": TEAM,
        "api_app_id": ID,
        "is_ext_shared_channel": boolean,
        "authorizations": each(_authorization),
    },
    needed=("type", "event"),
)


def _event(payload: JsonObject) -> Read:
    found: JsonObject = within("payload", _callback, payload)
    event = found["event"]
    kind: Any = event.get("type") if isinstance(event, dict) else None
    found["event"] = within("payload.event", _spoken if kind in _SPOKEN else _other, event)
    return str(kind), found, ()


def _deeper(value: Any, limit: int) -> bool:
    """Return whether a value is nested more deeply than `limit`."""
    level: list[Any] = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, list):
                inner += one
        level = [one for one in inner if isinstance(one, dict | list)]
        if not level:
            return False
    return True


_READERS: Mapping[str, Callable[[JsonObject], Read]] = {
    "events_api": _event,
    "interactive": interactions.interaction,
    "slash_commands": interactions.command,
}
