"""The approval card, the record it becomes, and what its buttons carry. Pure."""

from __future__ import annotations

import json
import time
from typing import Any

from bot.core.calls import JsonObject
from bot.core.thread import Approval, Decision, Draft, Question
from bot.slack.blocks import arguments
from bot.slack.blocks.arguments import section
from bot.slack.blocks.messages import Block, draft, file
from bot.slack.blocks.words import phrase
from bot.slack.text import escaped, harmless, visible

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
CHOICES = (
    "*It ran*: I go on as if it had worked, without its output. *Run again*: it may then have run twice. "
    "*Skip*: I go on without it."
)
HEADINGS = {
    Decision.APPROVED: "Approved:",
    Decision.DENIED: "Denied:",
    Decision.EXPIRED: "Expired:",
    Decision.IT_RAN: "Cut off, but it ran:",
    Decision.RUN_AGAIN: "Cut off, and run again:",
    Decision.SKIPPED: "Cut off, and skipped:",
    Decision.WITHDRAWN: "Withdrawn:",
}
RECORDS = {
    Decision.APPROVED: ":white_check_mark: Approved by {who}",
    Decision.DENIED: ":no_entry_sign: Denied by {who}",
    Decision.EXPIRED: ":hourglass: Nobody decided in time, so it was not run",
    Decision.IT_RAN: ":white_check_mark: {who} says that it ran",
    Decision.RUN_AGAIN: ":repeat: {who} had it run again",
    Decision.SKIPPED: ":fast_forward: {who} went on without it",
    Decision.WITHDRAWN: ":no_entry_sign: This could not be shown in full, so nobody was asked",
}
NOBODY_SAID = ":hourglass: Nobody said in time whether it ran; I went on without knowing"


def card(approval: Approval) -> list[Draft]:
    """The message with the buttons, preceded by a file when the arguments fit in no modal."""
    blocks, cut = _body(approval)
    drafts: list[Draft] = []
    buttons: list[Block] = [
        _button(approval, decision.value, label, primary=decision is Decision.APPROVED)
        for decision, label in BUTTONS[approval.question]
    ]
    if cut and arguments.window(approval.call) is not None:
        buttons.append(_button(approval, DETAILS, "Details"))
        cut.append("Press *Details* for all of it.")
    elif cut:
        whole = file(
            "arguments.txt", arguments.in_a_file(approval.call), "What I ask about below, in full", approval.id
        )
        drafts.append(whole)
        cut.append(f"Everything in full is in the file {json.loads(whole.payload)['file']} in this thread.")
    if cut:
        blocks.append(_context(" ".join(cut)))
    if approval.question is Question.DID_IT_RUN:
        blocks.append(_context(CHOICES))
    who = f"Only <@{approval.requester}>, whose message started this, can decide, until {_date(approval.expires_at)}."
    blocks += [_context(who), {"type": "actions", "elements": buttons}]
    if approval.question is Question.DID_IT_RUN:
        fallback = f"Did {approval.call.remote_name} run? It was cut off: please say in the thread."
    else:
        fallback = f"May I run {approval.call.remote_name}? Approve or deny in the thread."
    return [*drafts, draft("card", blocks, fallback, key=approval.id)]


def record(approval: Approval) -> JsonObject:
    """What the card becomes once somebody has decided: text and blocks for chat.update."""
    blocks, cut = _body(approval)
    words = RECORDS[approval.decision]
    if (approval.question, approval.decision) == (Question.DID_IT_RUN, Decision.EXPIRED):
        words = NOBODY_SAID
    blocks.append(_context(f"{words.format(who=f'<@{approval.decided_by}>')} · {_date(approval.decided_at)}"))
    if cut and arguments.window(approval.call) is not None:
        blocks.append({"type": "actions", "elements": [_button(approval, DETAILS, "Details")]})
    text = f"{HEADINGS[approval.decision]} {approval.call.remote_name}"
    return {"text": escaped(harmless(visible(text)))[:300], "blocks": blocks}


def details(approval: Approval) -> JsonObject:
    """The modal with every argument in full."""
    view = arguments.window(approval.call)
    if view is not None:
        return view
    note = "These arguments are too long for a window: they are in a file in the thread, in full."
    return arguments.modal([{"type": "section", "text": {"type": "plain_text", "text": note}}])


def opened(value: str) -> tuple[str, str]:
    """(request id, digest) from a button's value; raises ValueError when it is none of ours."""
    content: Any = json.loads(value)
    if not isinstance(content, dict) or not isinstance(content.get("a"), str) or not isinstance(content.get("d"), str):
        raise ValueError("not a value of ours")
    return content["a"], content["d"]


def _body(approval: Approval) -> tuple[list[Block], list[str]]:
    """What will be done in words and with which arguments, and for each that is cut a sentence that says so."""
    call = approval.call
    elements, cut = arguments.on_card(call)
    opening: list[Block] = [_bold(_heading(approval))]
    if words := phrase(call):
        opening.append(_plain(f" {words}."))
    opening += [_plain(" Tool "), _code(call.remote_name), _plain(" of "), _code(call.server or "?")]
    opening.append(_plain(", with:" if elements else ", without arguments."))
    blocks: list[Block] = [{"type": "rich_text", "elements": [section(*opening), *elements]}]
    if approval.question is Question.DID_IT_RUN and approval.decision is Decision.AWAITING:
        why = visible(call.result) or "The bot was stopped in the middle of it."
        blocks.append({"type": "rich_text", "elements": [section(_plain(why[:500]))]})
    return blocks, cut


def _heading(approval: Approval) -> str:
    if approval.decision is not Decision.AWAITING:
        return HEADINGS[approval.decision]
    if approval.question is Question.DID_IT_RUN:
        return "This call was cut off: it may or may not have run."
    return "May I do this?"


def _button(approval: Approval, action: str, label: str, *, primary: bool = False) -> Block:
    button: Block = {
        "type": "button",
        "action_id": f"{PREFIX}{action}",
        "text": {"type": "plain_text", "text": label},
        "value": json.dumps({"a": approval.id, "d": approval.digest}),
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


def _bold(text: str) -> Block:
    return {"type": "text", "text": text, "style": {"bold": True}}


def _plain(text: str) -> Block:
    return {"type": "text", "text": text}


def _code(text: str) -> Block:
    return {"type": "text", "text": visible(text) or " ", "style": {"code": True}}
