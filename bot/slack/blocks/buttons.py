"""The action ids and the values of a card's buttons. Pure.

A button's value binds it to one request and to what was shown of it. What comes back is untrusted, so it is accepted
only in exactly the form in which it was sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Tier
from bot.core.questions.question import Approval, CallKind, Decision, UndoState
from bot.core.untrusted import reference
from bot.slack.blocks.call_text import heading
from bot.slack.blocks.elements import Block, confirmation, one_line, option, plain_text
from bot.slack.blocks.review_set import ReviewSet, is_sound, review_set

PREFIX = "approval."
EDIT = "edit"
ALWAYS = "always"
DETAILS = "details"
UNDO = "undo"
REVOKE = "revoke"
ALLOW = "allow"
ALL = "all."
"""The prefix of the names of buttons about several requests."""
ALL_APPROVED = "all.approved"
ALL_DENIED = "all.denied"
ALL_UNDONE = "all.undone"
REVIEW = "review"
MORE = "more"
"""The overflow menu; the value says which entry was selected."""
REASON = "reason"
STOP = "stop"

SHORTENED = 32
"""Characters of a digest in a menu, in which values are short (150 characters, Slack's overflow element)."""
MAX_LISTED = 8
"""Requests in the value of a button that an earlier version posted."""
MAX_NAMED = 3
VALUE_LIMIT = 2_000

_SHORT_WORD = re.compile(r"[a-z]{1,10}")
_ACTION = re.compile(re.escape(PREFIX) + r"([a-z_.]+?)(?:\.([1-9]\d{0,2}))?")

LABELS: dict[CallKind, tuple[tuple[Decision, str], ...]] = {
    CallKind.MAY_IT_RUN: ((Decision.APPROVED, "Approve"), (Decision.DENIED, "Deny")),
    CallKind.DID_IT_RUN: (
        (Decision.IT_RAN, "It ran"),
        (Decision.RUN_AGAIN, "Run again"),
        (Decision.SKIPPED, "Skip"),
    ),
}
NAMES = frozenset(
    {
        *(decision.value for answers in LABELS.values() for decision, _ in answers),
        *(EDIT, ALWAYS, DETAILS, UNDO, REVOKE, ALLOW, ALL_APPROVED, ALL_DENIED, ALL_UNDONE, REVIEW, MORE),
    }
)


@dataclass(frozen=True, slots=True)
class Pressed:
    """The value of a button."""

    kind: str
    """`one`, `all`, `set`, or the entry of the menu: `reason`, `stop`."""
    requests: tuple[tuple[str, str], ...] = ()
    """(request id, digest) pairs."""
    prefix: bool = False
    """The digests are only the first 32 characters of the request's digest."""
    these: ReviewSet | None = None
    """The requests of a `set`."""


def action_id(name: str, row: int = 1) -> str:
    """Return the id of a button. Rows after the first add their number, as Slack requires unique ids within a
    message."""
    return f"{PREFIX}{name}" if row <= 1 else f"{PREFIX}{name}.{row}"


def named(action: str) -> str:
    """Return the name of the button with this action id, in any row. Raises ValueError if there is none."""
    found = _ACTION.fullmatch(action)
    if found is None or found[1] not in NAMES:
        raise ValueError("not a button of ours")
    return found[1]


def opened(value: str) -> Pressed:
    """Parse the value of a button or a menu entry. Raises ValueError if it is not one of ours."""
    content = parsed(value)
    match content:
        case {"a": str(), "d": str()} if len(content) == 2:
            return Pressed("one", ((content["a"], content["d"]),))
        case {"k": "reason" | "stop", "a": str(), "p": str()} if len(content) == 3 and len(content["p"]) == SHORTENED:
            return Pressed(content["k"], ((content["a"], content["p"]),), prefix=True)
        case {"r": str(), "n": str(), "s": str()} if len(content) == 3:
            these = ReviewSet(content["r"], content["n"], content["s"])
            if not is_sound(these):
                raise ValueError("not a set of ours")
            return Pressed("set", these=these)
        case {"all": [*requests]} if len(content) == 1 and 0 < len(requests) <= MAX_LISTED:
            return Pressed("all", tuple(_pair(request) for request in requests))
        case _:
            raise ValueError("not a value of ours")


def pressed(action: JsonObject) -> tuple[str, Pressed]:
    """Return the button or menu entry that was pressed, and its value. Raises ValueError if it is not one of ours, or
    if the value does not belong to the button."""
    name = named(reference(action.get("action_id")))
    chosen = action.get("selected_option") if name == MORE else action
    carried = opened(str(chosen.get("value")) if isinstance(chosen, dict) else "")
    if carried.kind not in _EXPECTED.get(name, ("one",)):
        raise ValueError("not a value of this button")
    return carried.kind if name == MORE else name, carried


_EXPECTED = {
    MORE: (REASON, STOP),
    ALL_APPROVED: ("set", "all"),
    ALL_DENIED: ("set", "all"),
    ALL_UNDONE: ("set",),
    REVIEW: ("set",),
}
"""The kinds of values of the buttons that are not about one request."""


def parsed(value: str) -> Any:
    """Parse the JSON of a value. Raises ValueError."""
    if len(value) > VALUE_LIMIT:
        raise ValueError("too long for a value of ours")
    return unsealed(value)


def unsealed(text: str) -> Any:
    """Parse JSON that comes back from Slack. Raises ValueError, also for lone surrogates, which the database does not
    accept."""
    try:
        content = json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("not a value of ours") from error
    return content


def _pair(request: Any) -> tuple[str, str]:
    match request:
        case [str(approval), str(digest)]:
            return approval, digest
        case _:
            raise ValueError("not a value of ours")


def value(approval: Approval) -> str:
    """Return the value of a button about one request."""
    return json.dumps({"a": approval.id, "d": approval.digest})


def button(action: str, label: str, carried: str, *, style: str = "", confirm: Block | None = None) -> Block:
    """Return a button."""
    made: Block = {"type": "button", "action_id": action, "text": plain_text(label), "value": carried}
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = confirm
    return made


def deciding(approval: Approval, row: int, *, details: bool) -> list[Block]:
    """Return the buttons of a request that waits for a decision."""
    carried = value(approval)
    found = [
        button(
            action_id(decision, row),
            f"{label} {_verb(approval)}".rstrip() if decision is Decision.APPROVED else label,
            carried,
            style="primary" if decision is Decision.APPROVED else "",
        )
        for decision, label in LABELS[CallKind(approval.kind)]
    ]
    asks = approval.kind == CallKind.MAY_IT_RUN
    if asks:
        found.append(button(action_id(EDIT, row), "Edit…", carried))
    if asks and approval.grants:
        found.append(button(action_id(ALWAYS, row), "Always…", carried))
    if details:
        found.append(button(action_id(DETAILS, row), "Details", carried))
    return [*found, _menu(approval, row, reason=asks)]


def _verb(approval: Approval) -> str:
    """Return what is approved as one word of our own, if the thread may see it."""
    verb = approval.preview.verb if approval.preview and approval.privacy == Privacy.FULL else ""
    return verb if _SHORT_WORD.fullmatch(verb) else ""


def _menu(approval: Approval, row: int, *, reason: bool) -> Block:
    def entry(label: str, kind: str) -> Block:
        carried = {"k": kind, "a": approval.id, "p": approval.digest[:SHORTENED]}
        return option(label, json.dumps(carried, separators=(",", ":")))

    entries = [entry("Deny with a reason…", REASON)] if reason else []
    return {
        "type": "overflow",
        "action_id": action_id(MORE, row),
        "options": [*entries, entry("Stop", STOP)],
    }


def undoing(approval: Approval, row: int, *, named: bool) -> Block:
    """Return the button that undoes a call; `named` when the thread may see which tool it is."""
    what = approval.preview.reversal if named and approval.preview else ""
    text = f"{what or 'What the call changed is put back as it was.'} Nothing is done if it has changed since."
    asked = confirmation("Undo this?", text, "Undo")
    return button(action_id(UNDO, row), "Undo", value(approval), confirm=asked)


def undoing_all(approvals: Sequence[Approval]) -> Block | None:
    """Return the button that undoes all calls of a list that can be undone; None if there are fewer than two."""
    offered = [each for each in approvals if each.undo is not None and each.undo.state is UndoState.OFFERED]
    if len(offered) < 2:
        return None
    text = f"{len(offered)} changes are put back, the last one first. What was changed again since stays as it is."
    asked = confirmation("Undo all of this?", text, "Undo all")
    return button(action_id(ALL_UNDONE), "Undo all", set_value(approvals), confirm=asked)


def showing(approval: Approval, row: int) -> Block:
    """Return the button that opens the details, named after what is most of them."""
    diff = approval.preview is not None and approval.preview.diff and approval.privacy == Privacy.FULL
    return button(action_id(DETAILS, row), "Diff" if diff else "Details", value(approval))


def revoking(approval: Approval, row: int) -> Block:
    """Return the button that ends the grant that was given with a request, or under which its call ran."""
    asked = confirmation("Revoke this?", "I'll ask again from now on.", "Revoke")
    return button(action_id(REVOKE, row), "Revoke", value(approval), confirm=asked)


def allowing(approval: Approval, row: int, period: str) -> Block:
    """Return the button that gives the grant which a card suggests. `period`: how long it holds."""
    asked = confirmation("Allow these?", f"I'll do this without asking, for {period}.", "Allow")
    return button(action_id(ALLOW, row), f"Allow for {period}", value(approval), confirm=asked)


def set_value(approvals: Sequence[Approval]) -> str:
    """Return the value of a button about requests of one card as they are shown."""
    these = review_set(approvals)
    return json.dumps({"r": these.first, "n": these.endings, "s": these.digest}, separators=(",", ":"))


def review(approvals: Sequence[Approval], label: str = "Review…", row: int = 1) -> Block:
    """Return the button that opens the window with everything about these requests."""
    return button(action_id(REVIEW, row), label, set_value(approvals))


def together(approvals: Sequence[Approval], *, hidden: bool) -> list[Block]:
    """Return the buttons of a list in which at least one request waits. `hidden`: it does not show the whole calls, so
    it has no button that approves."""
    if hidden:
        return [review(approvals)]
    carried = set_value(approvals)
    waiting = [approval for approval in approvals if approval.decision is Decision.AWAITING]
    several = len(waiting) > 1
    return [
        button(
            action_id(ALL_APPROVED),
            "Approve all" if several else "Approve",
            carried,
            style="primary",
            confirm=_sure(waiting),
        ),
        button(action_id(ALL_DENIED), "Deny all" if several else "Deny", carried),
        review(approvals),
        _menu(waiting[-1], 1, reason=False),
    ]


def is_destructive(approval: Approval) -> bool:
    """Return whether a call may lose something: its preview says so, or it has none and its tool is destructive."""
    preview = approval.preview
    if preview is not None and preview.basis:
        return preview.severe
    return approval.call.tier in ("", Tier.DESTRUCTIVE)


def _sure(waiting: Sequence[Approval]) -> Block | None:
    """Return the confirmation of a click that approves all; None if nothing can be lost by it."""
    lossy = [approval for approval in waiting if is_destructive(approval)]
    if not lossy:
        return None
    named = ", ".join(one_line(heading(each), 80) for each in lossy[:MAX_NAMED])
    more = f" and {len(lossy) - MAX_NAMED} more" if len(lossy) > MAX_NAMED else ""
    return confirmation("Approve all?", f"This may lose something: {named}{more}.", "Approve all", danger=True)
