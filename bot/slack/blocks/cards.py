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
from bot.slack.blocks import approval_row, decided_row, details, request_list
from bot.slack.blocks.arguments import CARD_LIMIT
from bot.slack.blocks.buttons import DETAILS, PREFIX, Pressed, named, opened, pressed
from bot.slack.blocks.call_text import generic, heading
from bot.slack.blocks.elements import Block, bold, context, mention, rich, section, size, small
from bot.slack.blocks.messages import file
from bot.slack.blocks.review_set import awaits, current, together
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
ROOMS = (CARD_LIMIT, 1_200, 600, 300)
"""Characters of the content of each request, tried in this order: an edited one may be longer than it was."""
GROWTH = 20
"""Characters by which a line of a list may grow when it is decided while others still wait."""
OPENING = 500
"""Characters around the rows."""


def cards(approvals: Sequence[Approval]) -> list[Card]:
    """Return the cards for the requests of one step, in as few messages as fit Slack's limits, with the files that
    belong to them."""
    found: list[Card] = []
    for group in _groups(approvals):
        drafts: list[Draft] = []
        filed = {approval.id: approval_row.in_file(approval) for approval in group}
        for approval in group:
            if filed[approval.id]:
                text, comment = details.in_a_file(approval), "What I ask about, in full"
                drafts.append(file(approval_row.FILE, text, comment, group[0].id, approval_row.file_key(approval)))
        drawn = _drawn(group, filed)
        grows = GROWTH if together(group) else RECORD
        found.append(Card(group, drafts, size=size(drawn) + BLOCK_WEIGHT * len(drawn) + grows * len(group)))
    return found


def rows(questions: Sequence[Approval]) -> list[Block]:
    """Return the requests at the end of a message, each with its current state."""
    approvals, before = current(questions)
    return _drawn(approvals, before=before)


def notification(questions: Sequence[Approval]) -> str:
    """Return what a notification says of a message that ends with these requests."""
    approvals, _ = current(questions)
    waiting = any(approval.decision is Decision.AWAITING for approval in approvals)
    return _asking(approvals) if waiting else _decided(approvals)


def redrawn(questions: Sequence[Approval]) -> JsonObject:
    """Return the message with the current state of its requests: text and blocks for chat.update."""
    return {"text": escaped(harmless(brief(notification(questions)))), "blocks": rows(questions)}


def awaits_change(questions: Sequence[Question]) -> bool:
    """Whether people would not see an open request if its message stayed as it is: it has taken another one's place."""
    approvals, before = current([each for each in questions if isinstance(each, Approval)])
    return any(each.id in before and each.decision is Decision.AWAITING for each in approvals)


def copy(questions: Sequence[Question], person: str, place: ThreadRef) -> Draft:
    """Return the copy of a card for a person who does not see its thread, about those of its questions that they may
    answer."""
    where = "" if place.kind == "im" else place.channel
    payload = {"about": [question.id for question in questions], "channel": where}
    return Draft(f"{questions[0].id}-{person}", COPY, json.dumps(payload))


def copied(questions: Sequence[Approval], where: str) -> JsonObject:
    """Return a copy with the current state of its requests. Anything that does not fit is under Details: the file with
    all of it is in the thread.

    where: where the card is, in words.
    """
    shown, before = current(questions)
    words = f"For {mention(shown[0].requester)}{where}. I ask you here because you may decide this."
    waiting = any(approval.decision is Decision.AWAITING for approval in shown)
    text = _asking(shown) if waiting else _decided(shown)
    blocks = [context(words), *_drawn(shown, {approval.id: False for approval in shown}, before)]
    return {"text": escaped(harmless(brief(text))), "blocks": blocks}


def _groups(approvals: Sequence[Approval]) -> list[list[Approval]]:
    """Divide the requests of a step into messages. Those that ask whether a call may run are one list with a line for
    each; an edited one replaces its earlier version, wherever that is."""
    asked = [each for each in approvals if each.kind == CallKind.MAY_IT_RUN]
    fresh = [each for each in asked if not each.call.original]
    edited = [[each] for each in asked if each.call.original]
    doubtful = [each for each in approvals if each.kind != CallKind.MAY_IT_RUN]
    return [*([fresh] if fresh else []), *edited, *_by_size(doubtful)]


def _by_size(approvals: Sequence[Approval]) -> list[list[Approval]]:
    """Divide requests that are shown in full into messages within Slack's limits."""
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


def _drawn(
    approvals: Sequence[Approval],
    filed: Mapping[str, bool] | None = None,
    before: Mapping[str, Approval] | None = None,
) -> list[Block]:
    """Return the blocks of a message. `filed` says which requests have a file with their whole content, if known;
    `before` has the versions that were edited."""
    known, earlier = filed or {}, before or {}
    if len(approvals) == 1:
        [one] = approvals
        return approval_row.row(one, 1, alone=True, filed=known.get(one.id), before=earlier.get(one.id))
    if together(approvals):
        drawn = request_list.listed(approvals, dict(earlier)) if any(map(awaits, approvals)) else None
        return drawn or request_list.folded(approvals)
    awaiting = [approval for approval in approvals if approval.decision is Decision.AWAITING]
    people = {approval_row.waiting(approval) for approval in awaiting}
    blocks: list[Block] = []
    for room in ROOMS if earlier else ROOMS[:1]:
        blocks = [rich(section(bold(_opening(approvals))))]
        for number, each in enumerate(approvals, start=1):
            blocks += approval_row.row(
                each,
                number,
                alone=False,
                filed=known.get(each.id),
                before=earlier.get(each.id),
                room=room,
                waits=len(people) > 1,
            )
        if len(people) == 1:
            blocks += small("", *people)
        if size(blocks) + BLOCK_WEIGHT * len(blocks) + OPENING <= TEXT_LIMIT:
            break
    return blocks


def _opening(approvals: Sequence[Approval]) -> str:
    waiting = sum(approval.decision is Decision.AWAITING for approval in approvals)
    number = len(approvals)
    if not waiting:
        return f"{request_list.decided(approvals)}."
    if waiting < number:
        return f"{number} questions, {waiting} of them open:"
    return f"{number} questions:"


def _asking(approvals: Sequence[Approval]) -> str:
    """Return the notification text for requests that wait for a decision."""
    if together(approvals):
        return f"{request_list.opening(approvals).rstrip(':')} Waiting for you"
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
        return request_list.decided(approvals)
    return decided_row.brief(approvals[0])
