"""Builds the windows in which people give a reason for denying a call, or grant it for longer. Pure.

The private metadata of a window identifies its request. It comes back from Slack and is untrusted: permissions are
checked again when the window is submitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Literal

from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval
from bot.slack.blocks.buttons import unsealed
from bot.slack.blocks.call_text import heading, source
from bot.slack.blocks.elements import (
    Block,
    bold,
    code,
    modal,
    one_line,
    option,
    plain,
    plain_text,
    remark,
    rich,
    section,
)
from bot.slack.blocks.field_blocks import OPTION
from bot.slack.blocks.fields import ACTION
from bot.slack.text import sendable

__all__ = [
    "ALWAYS",
    "EDIT",
    "REASON",
    "AlwaysChoice",
    "Opened",
    "about",
    "always",
    "always_given",
    "reason",
    "reason_given",
    "seal",
    "unseal",
]

EDIT = "approval.edit"
REASON = "approval.reason"
ALWAYS = "approval.always"
SEAL_LIMIT = 3_000
"""Slack's limit for a window's private metadata, in characters."""
REASON_LIMIT = 1_000
MAX_FOLDERS = 8
HOUR = 3_600.0
DAY = 24 * HOUR
DURATIONS: tuple[tuple[float, str], ...] = (
    (HOUR, "1 hour"),
    (DAY, "1 day"),
    (7 * DAY, "7 days"),
    (30 * DAY, "30 days"),
)


@dataclass(frozen=True, slots=True)
class Opened:
    """The request from which a window was opened."""

    approval: str
    digest: str
    channel: str
    message_ts: str
    thread_ts: str


@dataclass(frozen=True, slots=True)
class AlwaysChoice:
    """What a person chose to allow without being asked again."""

    where: Literal["thread", "mine"]
    scope: Literal["any", "folder", "same"]
    value: str
    """The folder; empty for other scopes."""
    seconds: float


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
    text = _typed(_values(view).get("reason")).get("value")
    return sendable(text.strip()[:REASON_LIMIT]) if isinstance(text, str) else ""


def always(
    approval: Approval,
    folders: Sequence[str],
    longest_days: float,
    opened: Opened,
    names: Mapping[str, str] | None = None,
) -> JsonObject:
    """Return the window in which a person can allow such calls for longer. In: `folders`, the narrowest first, and
    how each is shown, if it is not as it is."""
    named = names or {}
    kept, sealed = _sealed(opened, folders, longest_days * DAY)
    listed = [_folder(named.get(folder, folder), number) for number, folder in enumerate(kept)]
    long = [number for number, (_, fits) in enumerate(listed) if not fits]
    same = option("Only with exactly these arguments", "same")
    inside = [option(text, f"folder:{number}") for number, (text, _) in enumerate(listed)]
    scopes = [same, *inside, option("With any arguments", "any")]
    where = [option("In this thread", "thread"), option("Everywhere, for what I ask", "mine")]
    times = [option(text, str(int(seconds))) for seconds, text in durations(longest_days * DAY)]
    day = next((each for each in times if each["value"] == str(int(DAY))), times[-1])
    note = (
        "Such calls then run without a question. This ends when the time is over or the tool's definition changes; "
        "you can revoke it at any time in my Home tab."
    )
    blocks = [
        about(approval),
        *(
            rich(section(plain(f"Folder {number + 1}: "), code(named.get(kept[number], kept[number]), 10**4)))
            for number in long
        ),
        _radio("where", "Where", where, where[0]),
        _radio("scope", "For which calls of this tool", scopes, (inside or [same])[0]),
        _radio("time", "For how long", times, day),
        remark(note),
    ]
    return modal(
        "Always allow",
        blocks,
        close="Cancel",
        submit=plain_text("Approve, and always"),
        callback_id=ALWAYS,
        private_metadata=sealed,
    )


def always_given(view: Mapping[str, Any]) -> AlwaysChoice:
    """Return the submitted choice. Raises ValueError for anything that the window did not offer."""
    _, extra = unseal(view)
    state = _values(view)
    where, scope, time = (_picked(state, name) for name in ("where", "scope", "time"))
    folders, longest = extra.get("folders"), extra.get("longest")
    if not isinstance(folders, list) or isinstance(longest, bool) or not isinstance(longest, int | float):
        raise ValueError("not a window of ours")
    offered = {str(int(seconds)): seconds for seconds, _ in durations(float(longest))}
    if where not in ("thread", "mine") or time not in offered:
        raise ValueError("not a choice of ours")
    if scope in ("any", "same"):
        return AlwaysChoice(where, scope, "", offered[time])
    for number, folder in enumerate(folders):
        if scope == f"folder:{number}" and isinstance(folder, str) and folder:
            return AlwaysChoice(where, "folder", folder, offered[time])
    raise ValueError("not a choice of ours")


def durations(longest: float) -> list[tuple[float, str]]:
    """Return the durations that a grant may have, in seconds and in words; none exceeds the longest."""
    found = [(seconds, words) for seconds, words in DURATIONS if seconds <= longest]
    minutes = max(1, int(longest // 60))
    return found or [(minutes * 60.0, f"{minutes} minute{'' if minutes == 1 else 's'}")]


def _sealed(opened: Opened, folders: Sequence[str], longest: float) -> tuple[list[str], str]:
    """Return the folders that fit, and the private metadata that contains them."""
    kept = list(dict.fromkeys(folders))[:MAX_FOLDERS]
    while True:
        try:
            return kept, seal(opened, {"folders": kept, "longest": longest})
        except ValueError:
            if not kept:
                raise
            kept.pop()


def _folder(folder: str, number: int) -> tuple[str, bool]:
    """Return the option for a folder, and whether it shows the whole path."""
    text = f"Only inside {one_line(folder, 10**4)}"
    return (text, True) if len(text) <= OPTION else (f"Only inside folder {number + 1}, which is above", False)


def _radio(block_id: str, label: str, options: Sequence[Block], initial: Block) -> Block:
    element = {"type": "radio_buttons", "action_id": ACTION, "options": list(options), "initial_option": initial}
    return {"type": "input", "block_id": block_id, "label": plain_text(label), "element": element}


def about(approval: Approval) -> Block:
    """Return the line that says what a window is about."""
    return rich(section(bold(one_line(heading(approval), 300)), plain(f" · {one_line(source(approval), 80)}")))


def _values(view: Mapping[str, Any]) -> Mapping[str, Any]:
    state = view.get("state")
    values = state.get("values") if isinstance(state, dict) else None
    return values if isinstance(values, dict) else {}


def _typed(block: Any) -> Mapping[str, Any]:
    typed = block.get(ACTION) if isinstance(block, dict) else None
    return typed if isinstance(typed, dict) else {}


def _picked(state: Mapping[str, Any], name: str) -> Any:
    picked = _typed(state.get(name)).get("selected_option")
    return picked.get("value") if isinstance(picked, dict) else None
