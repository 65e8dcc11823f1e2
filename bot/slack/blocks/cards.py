"""The approval card, the record it becomes, and the modal with the arguments in full. Pure.

Whatever a model wrote stands in rich_text elements only: Slack reads no markup there, so a value cannot forge a line,
a mention or a button (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
"""

from __future__ import annotations

import json
import time
from typing import Any

from bot.core.calls import JsonObject
from bot.core.thread import Approval, Decision, Draft, Question
from bot.slack.blocks.messages import Block, draft, file
from bot.slack.blocks.words import arguments_of, fields, phrase
from bot.slack.text import visible

CARD_LIMIT = 2_500
"""Characters of arguments on a card; more go to the modal."""
CHUNK = 2_900
VIEW_LIMIT = 200_000
"""Bytes of a modal, below Slack's 250 kB; more are posted as a file."""
VIEW_BLOCKS = 95

PREFIX = "approval."
DETAILS = "details"

BUTTONS: dict[Question, tuple[tuple[Decision, str], ...]] = {
    Question.MAY_IT_RUN: ((Decision.APPROVED, "Approve"), (Decision.DENIED, "Deny")),
    Question.DID_IT_RUN: (
        (Decision.IT_RAN, "It ran"),
        (Decision.RUN_AGAIN, "Run again"),
        (Decision.SKIPPED, "Skip"),
    ),
}

RECORDS = {
    Decision.APPROVED: ":white_check_mark: Approved by {who}",
    Decision.DENIED: ":no_entry_sign: Denied by {who}",
    Decision.EXPIRED: ":hourglass: Expired: nobody decided in time, so it was not run",
    Decision.IT_RAN: ":white_check_mark: {who} says that it ran",
    Decision.RUN_AGAIN: ":repeat: {who} had it run again",
    Decision.SKIPPED: ":fast_forward: {who} went on without it",
}


def card(approval: Approval) -> list[Draft]:
    """The message with the buttons, preceded by a file when the arguments fit in no modal."""
    blocks, cut = _body(approval)
    drafts: list[Draft] = []
    buttons: list[Block] = [
        _button(approval, decision.value, label, primary=decision is Decision.APPROVED)
        for decision, label in BUTTONS[approval.question]
    ]
    if cut:
        if _view(approval) is None:
            full = "\n\n".join(f"{name}:\n{value}" for name, value in _arguments(approval).items())
            drafts.append(file("arguments.txt", full, "The arguments of the call below, in full"))
        else:
            buttons.append(_button(approval, DETAILS, "Details"))
    who = f"Only <@{approval.requester}> can decide, until {_date(approval.expires_at)}."
    blocks += [_context(who), {"type": "actions", "elements": buttons}]
    fallback = f"{_heading(approval)} {approval.call.remote_name}"
    return [*drafts, draft("card", blocks, fallback, key=approval.id)]


def record(approval: Approval) -> JsonObject:
    """What the card becomes once somebody has decided: text and blocks for chat.update."""
    blocks, _ = _body(approval)
    words = RECORDS[approval.decision].format(who=f"<@{approval.decided_by}>")
    blocks.append(_context(f"{words} · {_date(approval.decided_at)}"))
    return {"text": f"{approval.call.remote_name}: {approval.decision.value.replace('_', ' ')}", "blocks": blocks}


def details(approval: Approval) -> JsonObject:
    """The modal with every argument in full."""
    view = _view(approval)
    if view is not None:
        return view
    note = "These arguments are too long for a window: they are in the file above the card, in full."
    return _modal([{"type": "section", "text": {"type": "plain_text", "text": note}}])


def closed(approval_value: str) -> tuple[str, str]:
    """(request id, digest) from a button's value; raises ValueError when it is none of ours."""
    value: Any = json.loads(approval_value)
    if not isinstance(value, dict) or not isinstance(value.get("a"), str) or not isinstance(value.get("d"), str):
        raise ValueError("not a value of ours")
    return value["a"], value["d"]


def _heading(approval: Approval) -> str:
    if approval.decision is not Decision.AWAITING:
        return "A request:"
    if approval.question is Question.DID_IT_RUN:
        return "This call was cut off: it may or may not have run."
    return "May I do this?"


def _body(approval: Approval) -> tuple[list[Block], bool]:
    """The heading and the arguments, and whether they had to be cut."""
    call, arguments = approval.call, _arguments(approval)
    heading: list[Block] = [{"type": "text", "text": _heading(approval), "style": {"bold": True}}]
    if words := phrase(call):
        heading.append({"type": "text", "text": f" {words}."})
    heading += [
        {"type": "text", "text": " Tool "},
        {"type": "text", "text": visible(call.remote_name), "style": {"code": True}},
        {"type": "text", "text": " of "},
        {"type": "text", "text": visible(call.server) or "?", "style": {"code": True}},
        {"type": "text", "text": ", with:" if arguments else ", without arguments."},
    ]
    elements: list[Block] = [_section(*heading)]
    left, cut = CARD_LIMIT, False
    for name, value in arguments.items():
        shown = value[: max(left, 0)]
        cut = cut or len(shown) < len(value)
        left -= len(value) + len(name)
        label: Block = {"type": "text", "text": name[:200], "style": {"bold": True}}
        cut = cut or len(name) > 200
        if "\n" in value or len(value) > 100 or not shown:
            more = f"\n… {len(value) - len(shown):,} more characters" if len(shown) < len(value) else ""
            elements += [_section(label), _preformatted((shown + more) or " ")]
        else:
            elements.append(_section(label, {"type": "text", "text": "  "}, _code(shown)))
        if left < -CARD_LIMIT:
            elements.append(_section({"type": "text", "text": "… and more"}))
            break
    return [{"type": "rich_text", "elements": elements}], cut


def _arguments(approval: Approval) -> dict[str, str]:
    """Every argument by name, as a person reads it, with nothing hidden."""
    return {visible(name): visible(value) for name, value in fields(arguments_of(approval.call)) if name}


def _view(approval: Approval) -> JsonObject | None:
    """The modal, or None when Slack would not take it."""
    blocks: list[Block] = []
    for name, value in _arguments(approval).items():
        pieces = [value[start : start + CHUNK] for start in range(0, len(value), CHUNK)] or [" "]
        label: Block = {"type": "text", "text": name[:CHUNK], "style": {"bold": True}}
        blocks.append({"type": "rich_text", "elements": [_section(label), _preformatted(pieces[0])]})
        blocks += [{"type": "rich_text", "elements": [_preformatted(piece)]} for piece in pieces[1:]]
    view = _modal(blocks)
    if len(blocks) > VIEW_BLOCKS or len(json.dumps(view)) > VIEW_LIMIT:
        return None
    return view


def _modal(blocks: list[Block]) -> JsonObject:
    return {
        "type": "modal",
        "title": {"type": "plain_text", "text": "Arguments in full"},
        "close": {"type": "plain_text", "text": "Close"},
        "blocks": blocks or [{"type": "section", "text": {"type": "plain_text", "text": "No arguments."}}],
    }


def _button(approval: Approval, action: str, label: str, *, primary: bool = False) -> Block:
    value = json.dumps({"a": approval.id, "d": approval.digest})
    button: Block = {
        "type": "button",
        "action_id": f"{PREFIX}{action}",
        "text": {"type": "plain_text", "text": label},
        "value": value,
    }
    if primary:
        button["style"] = "primary"
    return button


def _date(at: float) -> str:
    """A time that Slack shows in each reader's own zone; the fallback is in UTC."""
    fallback = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{fallback}>"


def _context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text}]}


def _section(*elements: Block) -> Block:
    return {"type": "rich_text_section", "elements": list(elements)}


def _code(text: str) -> Block:
    return {"type": "text", "text": text or " ", "style": {"code": True}}


def _preformatted(text: str) -> Block:
    return {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
