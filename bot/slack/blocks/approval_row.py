"""Builds the blocks of one request on a card: what would happen to what, as far as the thread may see it, and who may
decide. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.core.identity import Identity
from bot.core.json_text import JsonObject, canonical
from bot.core.policy.approvers import is_user
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, CallKind, Decision
from bot.slack.blocks import arguments, buttons, decided_row, details, messages
from bot.slack.blocks.call_text import generic, heading, source
from bot.slack.blocks.elements import (
    REQUESTER,
    Block,
    actions,
    bold,
    code,
    context,
    date,
    emoji,
    mention,
    mentions,
    one_line,
    person,
    plain,
    preformatted,
    remark,
    rich,
    section,
    small,
)
from bot.slack.blocks.review_set import is_hidden

CHOICES = (
    "*It ran*: I go on as if it had worked, without its output. *Run again*: it may then have run twice. "
    "*Skip*: I go on without it."
)
FILE = "arguments.txt"
NAME = 80
"""Characters of the name of a tool or a server."""
HEADING = 200
"""Characters of what would happen to what."""
AGAINST = 800
"""Characters of the difference to an earlier proposal."""
WORDS = 500
"""Characters of a sentence about a call."""
MAX_NAMES = 15
MAX_PAGES = 5
"""Pages of details that people may be asked to read; longer content is posted as a file as well."""
SURELY_FEW = 2_500
"""Characters that always fit on that many pages, however many values they are divided into."""


def row(
    approval: Approval,
    number: int,
    *,
    alone: bool,
    filed: bool | None = None,
    before: Approval | None = None,
    room: int = arguments.CARD_LIMIT,
    waits: bool | None = None,
) -> list[Block]:
    """Return the blocks of a request, the `number`-th of its message.

    filed: the result of `in_file`, if known.
    before: the version of it that was edited, if this one has taken its place.
    room: characters of its arguments and its diff.
    waits: whether the row says who is waited for, if known.
    """
    edited = [decided_row.edited(before)] if before else []
    if approval.decision is not Decision.AWAITING:
        return [*edited, *decided_row.record(approval, number, alone=alone)]
    top, cut = _top(approval, number, alone=alone, room=room, editor=before is None)
    blocks = [*edited, top]
    if cut:
        where = "Press Details for all of it."
        if filed if filed is not None else in_file(approval):
            where = f"The file {messages.file_name(FILE, file_key(approval))} in this thread has everything in full."
        blocks.append(remark(" ".join([*cut, where])))
    if approval.kind == CallKind.DID_IT_RUN and not is_hidden(approval):
        blocks.append(context(CHOICES))
    named = one_line(source(approval), NAME) if approval.privacy in (Privacy.FULL, Privacy.SUMMARY) else ""
    words = (account(approval) if named else "", waiting(approval) if alone or waits else "")
    blocks += small(named, " · ".join(filter(None, words)))
    if is_hidden(approval):
        # A card that does not show what would happen has no buttons that decide.
        chosen = [buttons.review([approval], row=number)]
    else:
        chosen = buttons.deciding(approval, number, details=bool(cut))
    return [*blocks, actions(f"request-{approval.id}", chosen)]


def in_file(approval: Approval) -> bool:
    """Whether the whole content is posted as a file in the thread, because it needs more pages than people read."""
    if approval.privacy != Privacy.FULL:
        return False
    call, preview = approval.call, approval.preview
    if len(call.arguments) + len(call.original) + len(preview.diff if preview else "") < SURELY_FEW:
        return False
    return details.has_more_than(MAX_PAGES, approval)


def file_key(approval: Approval) -> str:
    """Return the key of the post with that file."""
    return f"{approval.id}-file"


def account(approval: Approval) -> str:
    """Return whose account the call would use, in mrkdwn; empty if the server has none."""
    identity = approval.preview.identity if approval.preview else ""
    if identity == Identity.SERVICE:
        return "as the company's account"
    if identity != Identity.PERSON:
        return ""
    return "as you" if approval.channel.startswith("D") else f"as {mention(approval.requester)}"


def waiting(approval: Approval) -> str:
    """Return who is waited for, and until when, in mrkdwn. Empty where that goes without saying: in a conversation with
    the only person who can decide."""
    requester = mention(approval.requester)
    alone = approval.people == (REQUESTER,) and not approval.no_self
    if alone and approval.channel.startswith("D"):
        return ""
    barred = {REQUESTER, approval.requester, *approval.call.editors} if approval.no_self else set[str]()
    people = [who for who in approval.people if who not in barred]
    names = mentions(people, approval.requester, last=" or ") or "others"
    words = f"waiting for {f'{approval.needed} of ' if approval.needed > 1 else ''}{names}"
    if approval.needed > 1:
        so_far = f"approved by {mentions(approval.votes)}" if approval.votes else "nobody has approved yet"
        words += f" · {so_far} ({len(approval.votes)} of {approval.needed})"
    words += f" · until {date(approval.expires_at)}"
    if not is_user(approval.requester) or (not approval.no_self and {REQUESTER, approval.requester} & set(people)):
        return words
    editors = [who for who in approval.call.editors if who != approval.requester] if approval.no_self else []
    also = f" and {mentions(editors)}, who changed it," if editors else ""
    return f"{words} · {requester}{also} can change, deny or stop it, not approve it"


def _top(approval: Approval, number: int, *, alone: bool, room: int, editor: bool) -> tuple[Block, list[str]]:
    """Return what would happen, and one sentence for each part that was cut."""
    count = "" if alone else f"{number}. "
    if approval.privacy == Privacy.FULL:
        return _in_full(approval, count, room, editor=editor)
    if approval.privacy == Privacy.SUMMARY:
        top = bold(f"{count}{question(approval, one_line(generic(approval), NAME))}")
        return rich(*_again(approval), section(top, *_by_name(approval))), []
    did = approval.kind == CallKind.DID_IT_RUN
    words = "A tool call was cut off and waits for a decision." if did else "A tool call waits for a decision."
    return rich(section(bold(f"{count}{words}"))), []


def question(approval: Approval, what: str) -> str:
    """Return the question whether a call may run. In: what the call would do."""
    return f"{what}: did it run?" if approval.kind == CallKind.DID_IT_RUN else f"{what}?"


def _by_name(approval: Approval) -> list[Block]:
    """Return the names of the arguments, without their values."""
    elements: list[Block] = []
    names = arguments.names(approval.call)
    for index, name in enumerate(names[:MAX_NAMES]):
        elements += [plain(", " if index else " With the arguments "), code(name, NAME)]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return [*elements, plain(f"{more}." if names else " Without arguments.")]


def _again(approval: Approval) -> list[Block]:
    return [section(emoji("repeat"), plain(" This is asked once more."))] if approval.note else []


def _in_full(approval: Approval, count: str, budget: int, *, editor: bool) -> tuple[Block, list[str]]:
    call, preview = approval.call, approval.preview
    diff = preview.diff if preview else ""
    fields, cut, left = arguments.on_card(arguments.for_card(call, preview), budget // 2 if diff else budget)
    elements = [section(emoji("repeat"), plain(" "), plain(one_line(approval.note, WORDS)))] if approval.note else []
    top = [bold(f"{count}{question(approval, one_line(heading(approval), HEADING))}")]
    if preview and preview.severe:
        top = [emoji("warning"), plain(" "), *top]
    effect = preview.effect if preview else ""
    elements.append(section(*top, plain(f" {one_line(effect, WORDS)}")) if effect else section(*top))
    elements += [*fields, *changed_by(approval, editor=editor)]
    if preview and preview.after:
        elements.append(section(plain(f"As it will be after {one_line(preview.after, WORDS)}.")))
    if preview and preview.words:
        elements.append(section(plain(one_line(preview.words, WORDS))))
    if preview and preview.broken:
        elements.append(section(emoji("warning"), plain(f" {one_line(preview.broken, WORDS)}")))
    if diff:
        against, more = arguments.fitting_lines(preview.against if preview else "", AGAINST)
        shown, missing = arguments.diff_on_card(diff, max(left + budget // 2 - len(against), AGAINST))
        elements += shown
        cut += missing
        if against:
            rest = " It begins so:" if more else ""
            elements += [
                section(plain(f"The difference to the earlier proposal:{rest}")),
                preformatted(against, "diff"),
            ]
    if approval.kind == CallKind.DID_IT_RUN:
        why = call.result.strip() or "The bot was stopped in the middle of it."
        elements.append(section(plain(f"It was cut off, so it may or may not have run. {one_line(why, WORDS)}")))
        cut += _cut_sentence(why)
    if len(one_line(heading(approval), HEADING)) > HEADING or len(one_line(source(approval), NAME)) > NAME:
        cut.append("A name is not shown in full here.")
    for text in (preview.words, preview.broken, preview.effect) if preview else ():
        cut += _cut_sentence(text)
    return rich(*elements), list(dict.fromkeys(cut))


def _cut_sentence(text: str) -> list[str]:
    return ["A sentence is not shown in full here."] if len(one_line(text, WORDS)) > WORDS else []


def changed_by(approval: Approval, *, editor: bool) -> list[Block]:
    """Return which arguments people have changed, and who, unless the line above the request says so."""
    call = approval.call
    if call.original in ("", call.arguments):
        return []
    names = changed(call.original, call.arguments)
    by: list[Block] = []
    for index, who in enumerate(dict.fromkeys(call.editors)):
        by += [plain(", " if index else " by "), person(who)]
    elements = [emoji("pencil2"), plain(" Changed"), *by] if editor else [plain("Changed")]
    for index, name in enumerate(names[:MAX_NAMES]):
        elements += [plain(", " if index else ": "), code(name, NAME)]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return [section(*elements, plain(f"{more}."))]


def changed(original: str, now: str) -> Sequence[str]:
    """Return the names of the arguments that differ between two JSON texts."""
    try:
        before, after = json.loads(original), json.loads(now)
    except (ValueError, RecursionError):
        return []
    if not isinstance(before, dict) or not isinstance(after, dict):
        return []
    names = before.keys() | after.keys()
    return sorted(name for name in names if _text(before, name) != _text(after, name))


def _text(values: JsonObject, name: str) -> str:
    return canonical(values[name]) if name in values else ""
