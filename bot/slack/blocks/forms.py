"""Builds the window in which people give a reason for denying a call, and what windows about requests share. Pure.

The private metadata of a window identifies its request. It comes back from Slack and is untrusted: permissions are
checked again when the window is submitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval
from bot.slack.blocks.buttons import unsealed
from bot.slack.blocks.call_text import heading, source
from bot.slack.blocks.elements import (
    Block,
    bold,
    modal,
    one_line,
    plain,
    plain_text,
    rich,
    section,
)
from bot.slack.blocks.fields import ACTION
from bot.slack.text import sendable

__all__ = [
    "EDIT",
    "REASON",
    "Opened",
    "about",
    "reason",
    "reason_given",
    "seal",
    "unseal",
    "values",
]

EDIT = "approval.edit"
REASON = "approval.reason"
SEAL_LIMIT = 3_000
"""Slack's limit for a window's private metadata, in characters."""
REASON_LIMIT = 1_000


@dataclass(frozen=True, slots=True)
class Opened:
    """The request from which a window was opened."""

    approval: str
    digest: str
    channel: str
    message_ts: str
    thread_ts: str


def seal(opened: Opened, extra: JsonObject | None = None) -> str:
    """Return the private metadata of a window. Raises ValueError if it is longer than Slack accepts."""
    text = json.dumps({"o": list(astuple(opened)), "x": extra or {}}, separators=(",", ":"))
    if len(text) > SEAL_LIMIT:
        raise ValueError("too long for a window")
    return text


def unseal(view: Mapping[str, Any]) -> tuple[Opened, JsonObject]:
    """Return what `seal` put into a window. Raises ValueError if it is not one of ours."""
    text = view.get("private_metadata")
    if not isinstance(text, str) or len(text) > SEAL_LIMIT:
        raise ValueError("not a window of ours")
    content: Any = unsealed(text)
    match content:
        case {"o": [str(a), str(d), str(c), str(m), str(t)], "x": dict(extra)} if len(content) == 2:
            return Opened(a, d, c, m, t), extra
        case _:
            raise ValueError("not a window of ours")


def reason(approval: Approval, opened: Opened) -> JsonObject:
    """Return the window in which a person can say why they deny a call."""
    element: Block = {
        "type": "plain_text_input",
        "action_id": ACTION,
        "multiline": True,
        "max_length": REASON_LIMIT,
        "focus_on_load": True,
    }
    asked: Block = {
        "type": "input",
        "block_id": "reason",
        "optional": True,
        "label": plain_text("Why not, or what instead?"),
        "hint": plain_text("I read it, and go on with it in mind."),
        "element": element,
    }
    return modal(
        "Deny with a reason",
        [about(approval), asked],
        close="Cancel",
        submit=plain_text("Deny"),
        callback_id=REASON,
        private_metadata=seal(opened),
    )


def reason_given(view: Mapping[str, Any]) -> str:
    """Return the submitted reason; empty if there is none."""
    text = _typed(values(view).get("reason")).get("value")
    return sendable(text.strip()[:REASON_LIMIT]) if isinstance(text, str) else ""


def about(approval: Approval) -> Block:
    """Return the line that says what a window is about."""
    return rich(section(bold(one_line(heading(approval), 300)), plain(f" · {one_line(source(approval), 80)}")))


def values(view: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a submitted window holds, by block id."""
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    return values if isinstance(values, dict) else {}


def _typed(block: Any) -> Mapping[str, Any]:
    typed = block.get(ACTION) if isinstance(block, dict) else None
    return typed if isinstance(typed, dict) else {}
