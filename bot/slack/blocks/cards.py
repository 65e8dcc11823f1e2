"""Builds the cards: the requests of one step as messages with buttons, and the same messages after decisions. Pure.

A message depends on its requests only: drawn again, it has the same rows in the same order, each with the current state
of its request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from bot.core.json_text import JsonObject
from bot.core.policy.privacy import Privacy
from bot.core.posts import Draft
from bot.core.questions.question import Approval, CallKind, Card, Decision, Question
from bot.core.thread_ref import ThreadRef
from bot.slack.blocks import approval_row, buttons, decided_row, details
from bot.slack.blocks.buttons import DETAILS, PREFIX, Pressed, named, opened, pressed
from bot.slack.blocks.call_text import generic, heading
from bot.slack.blocks.elements import Block, actions, bold, context, mention, rich, section, size, small
from bot.slack.blocks.messages import draft, file
from bot.slack.text import brief, escaped, harmless, visible

__all__ = ["DETAILS", "PREFIX", "Pressed", "cards", "named", "opened", "pressed", "redrawn"]

COPY = "copy"
"""The kind of a message that is a copy of a card."""
MAX_ROWS = 6
TEXT_LIMIT = 12_000
"""Characters of all blocks of a message. Slack rejects more than about 13,300 (`msg_blocks_too_long`) and documents no
limit: slackapi/bolt-js issues 2509 and 2867."""
BLOCK_WEIGHT = 50
RECORD = 600
"""Characters by which a row may grow once it is decided: the reason or error, who approved, the remark about Undo."""
OPENING = 500
"""Characters around the rows."""


def cards(approvals: Sequence[Approval]) -> list[Card]:
    """Return the cards for the requests of one step, in as few messages as fit Slack's limits. The last draft of a card
    is the message with the buttons, under the key of its first request."""
    found: list[Card] = []
    for group in _groups(approvals):
        drafts: list[Draft] = []
        filed = {approval.id: approval_row.in_file(approval) for approval in group}
        for approval in group:
            if filed[approval.id]:
                text, comment = details.in_a_file(approval), "What I ask about below, in full"
                drafts.append(file(approval_row.FILE, text, comment, group[0].id, approval_row.file_key(approval)))
        fallback = _asking(group)
        found.append(Card(group, [*drafts, draft("card", _drawn(group, filed), fallback, key=group[0].id)]))
    return found


def redrawn(approvals: Sequence[Approval]) -> JsonObject:
    """Return the message with the current state of its requests: text and blocks for chat.update."""
    waiting = any(approval.decision is Decision.AWAITING for approval in approvals)
    text = _asking(approvals) if waiting else _decided(approvals)
    return {"text": escaped(harmless(brief(text))), "blocks": _drawn(approvals)}


def copy(approvals: Sequence[Approval], person: str, place: ThreadRef) -> Draft:
    """Return the copy of a card for a person who does not see its thread, about those of its requests that they may
    decide."""
    where = "" if place.kind == "im" else place.channel
    payload = {"about": [approval.id for approval in approvals], "channel": where}
    return Draft(f"{approvals[0].id}-{person}", "copy", json.dumps(payload))


def copied(questions: Sequence[Question], payload: str) -> JsonObject:
    """Return a copy with the current state of its requests. Anything that does not fit is under Details: the file with
    all of it is in the thread."""
    kept: JsonObject = json.loads(payload)
    shown = [each for each in questions if isinstance(each, Approval) and each.id in kept["about"]]
    where = f" in <#{kept['channel']}>" if kept["channel"] else " in a direct message with me"
    words = f"For {mention(shown[0].requester)}{where}. I ask you here because you may decide this."
    waiting = any(approval.decision is Decision.AWAITING for approval in shown)
    text = _asking(shown) if waiting else _decided(shown)
    blocks = [context(words), *_drawn(shown, {approval.id: False for approval in shown})]
    return {"text": escaped(harmless(brief(text))), "blocks": blocks}


def _groups(approvals: Sequence[Approval]) -> list[list[Approval]]:
    if len(approvals) == 1:
        return [list(approvals)]
    groups: list[list[Approval]] = []
    weight = 0
    for approval in approvals:
        made = approval_row.row(approval, 1, alone=False)
        heavy = size(made) + BLOCK_WEIGHT * len(made) + RECORD
        if not groups or len(groups[-1]) >= MAX_ROWS or weight + heavy > TEXT_LIMIT - OPENING:
            groups.append([])
            weight = 0
        groups[-1].append(approval)
        weight += heavy
    return groups


def _drawn(approvals: Sequence[Approval], filed: Mapping[str, bool] | None = None) -> list[Block]:
    """Return the blocks of a message. `filed` says which requests have a file with their whole content, if known."""
    known = filed or {}
    if len(approvals) == 1:
        return approval_row.row(approvals[0], 1, alone=True, filed=known.get(approvals[0].id))
    blocks: list[Block] = [rich(section(bold(_opening(approvals))))]
    awaiting = [approval for approval in approvals if approval.decision is Decision.AWAITING]
    people = {approval_row.waiting(approval) for approval in awaiting}
    for number, approval in enumerate(approvals, start=1):
        filed_here = known.get(approval.id)
        blocks += approval_row.row(approval, number, alone=False, filed=filed_here, waits=len(people) > 1)
    if len(people) == 1:
        blocks += small("", *people)
    waiting = [approval for approval in approvals if _asks(approval)]
    if len(waiting) > 1 and (both := buttons.together(waiting)):
        blocks += [{"type": "divider"}, actions(f"all-{approvals[0].id}", both)]
    return blocks


def _asks(approval: Approval) -> bool:
    return approval.decision is Decision.AWAITING and approval.kind == CallKind.MAY_IT_RUN


def _opening(approvals: Sequence[Approval]) -> str:
    waiting = sum(approval.decision is Decision.AWAITING for approval in approvals)
    number = len(approvals)
    if not waiting:
        return f"{number} questions, all decided:"
    if waiting < number:
        return f"{number} questions, {waiting} of them open:"
    return f"May I do these {number} things?" if all(map(_asks, approvals)) else f"{number} questions:"


def _asking(approvals: Sequence[Approval]) -> str:
    """Return the notification text for requests that wait for a decision."""
    if len(approvals) > 1:
        return f"{_opening(approvals)} Waiting for you"
    approval = approvals[0]
    if approval.privacy not in (Privacy.FULL, Privacy.SUMMARY):
        return "A tool call waits for a decision."
    full = approval.privacy == Privacy.FULL
    what = visible(brief(heading(approval) if full else generic(approval), 150))
    if approval.kind == CallKind.DID_IT_RUN:
        return f"{what}: did it run? It was cut off: please say in the thread"
    counts = approval.preview.counts if approval.preview and full else ""
    return f"{what}{f' ({visible(counts)})' if counts else ''}? Waiting for you"


def _decided(approvals: Sequence[Approval]) -> str:
    if len(approvals) > 1:
        return _opening(approvals)
    return decided_row.brief(approvals[0])
