"""Builds the blocks of one request on a card: what would run, as far as the thread may see it, and who may decide.
Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.core.json_text import JsonObject, canonical
from bot.core.policy.approvers import is_user
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, CallKind, Decision
from bot.slack.blocks import arguments, buttons, decided_row, details, messages
from bot.slack.blocks.call_text import arguments_of, title
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
    plain,
    remark,
    rich,
    section,
)

CHOICES = (
    "*It ran*: I go on as if it had worked, without its output. *Run again*: it may then have run twice. "
    "*Skip*: I go on without it."
)
FILE = "arguments.txt"
NAME = 80
"""Characters of the name of a tool or a server."""
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
) -> list[Block]:
    """Return the blocks of a request, the `number`-th of its message.

    filed: the result of `in_file`, if known.
    before: the version of it that was edited, if this one has taken its place.
    room: characters of its arguments and its diff.
    """
    top, cut = _top(approval, number, alone=alone, room=room, editor=before is None)
    edited = [decided_row.edited(before)] if before else []
    open_ = approval.privacy == Privacy.FULL
    if approval.decision is not Decision.AWAITING:
        return [*edited, top, *decided_row.record(approval, number, alone=alone, details=bool(cut))]
    blocks = [*edited, top]
    if cut:
        where = "Press Details for all of it."
        if filed if filed is not None else in_file(approval):
            where = f"The file {messages.file_name(FILE, file_key(approval))} in this thread has everything in full."
        blocks.append(remark(" ".join([*cut, where])))
    said = [CHOICES] if approval.kind == CallKind.DID_IT_RUN else []
    blocks.append(context(*said, who_decides(approval)))
    chosen = buttons.deciding(approval, number, details=bool(cut) or not open_)
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


def heading(approval: Approval) -> str:
    """Return what a request asks, or how it was decided."""
    if approval.decision is not Decision.AWAITING:
        return decided_row.HEADINGS[approval.decision]
    if approval.kind == CallKind.DID_IT_RUN:
        return "This call was cut off: it may or may not have run."
    return "May I do this?"


def who_decides(approval: Approval) -> str:
    """Return who may decide, and until when, in mrkdwn."""
    until = date(approval.expires_at)
    requester = mention(approval.requester)
    several = _still_needed(approval)
    if approval.people == (REQUESTER,) and not approval.no_self:
        return f"Only {requester}, whose message started this, can decide, until {until}.{several}"
    if not is_user(approval.requester):  # an app has asked
        return f"Only {mentions(approval.people, last=' or ')} can decide, until {until}.{several}"
    barred = {REQUESTER, approval.requester, *approval.call.editors} if approval.no_self else set[str]()
    people = [who for who in approval.people if who not in barred]
    words = f"Only {mentions(people, approval.requester, last=' or ') or 'others'} can decide, until {until}.{several}"
    if not approval.no_self:
        own = {REQUESTER, approval.requester} & set(approval.people)
        return words if own else f"{words} {requester}, whose message started this, can only change, deny or stop it."
    editors = [who for who in approval.call.editors if who != approval.requester]
    changed = f" and {mentions(editors)}, who changed it" if editors else ""
    return f"{words} It cannot be approved by {requester}, whose message started this{changed}."


def _still_needed(approval: Approval) -> str:
    if approval.needed <= 1:
        return ""
    so_far = f"so far: {mentions(approval.votes)}" if approval.votes else "nobody has yet"
    count = f"{len(approval.votes)} of {approval.needed}"
    return f" {approval.needed} of them have to approve; {so_far} ({count})."


def _top(approval: Approval, number: int, *, alone: bool, room: int, editor: bool) -> tuple[Block, list[str]]:
    """Return what would run or has run, and one sentence for each part that was cut."""
    top = bold(heading(approval) if alone else f"{number}. {_numbered(approval)}".rstrip())
    if approval.privacy == Privacy.FULL:
        return _in_full(approval, top, room, editor=editor)
    if approval.privacy == Privacy.SUMMARY:
        return rich(*_again(approval), section(top, *_by_name(approval))), []
    waits = approval.decision is Decision.AWAITING
    return rich(section(top, plain(" A tool call waits for a decision." if waits else " A tool call."))), []


def _numbered(approval: Approval) -> str:
    asks = approval.decision is Decision.AWAITING and approval.kind == CallKind.MAY_IT_RUN
    return "" if asks else heading(approval)


def _tool(approval: Approval) -> list[Block]:
    call = approval.call
    # Shown in full, the preview says what happens to this very file.
    said = title(approval.preview, caveat=approval.privacy != Privacy.FULL)
    words = f" {said}." if said else ""
    return [plain(f"{words} Tool "), code(call.remote_name, NAME), plain(" of "), code(call.server or "?", NAME)]


def _by_name(approval: Approval) -> list[Block]:
    """Return the tool and the names of its arguments, without their values."""
    elements = _tool(approval)
    names = arguments.names(approval.call)
    for index, name in enumerate(names[:MAX_NAMES]):
        elements += [plain(", " if index else ", with the arguments "), code(name, NAME)]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return [*elements, plain(f"{more}." if names else ", without arguments.")]


def _again(approval: Approval) -> list[Block]:
    return [section(emoji("repeat"), plain(" This is asked once more."))] if approval.note else []


def _in_full(approval: Approval, top: Block, budget: int, *, editor: bool) -> tuple[Block, list[str]]:
    call, preview = approval.call, approval.preview
    waits = approval.decision is Decision.AWAITING
    diff = preview.diff if preview else ""
    values = arguments.readable(call, without=(preview.diffed,) if preview and diff else ())
    fields, cut, left = arguments.on_card(values, budget // 2 if diff else budget)
    elements = [section(emoji("repeat"), plain(" "), plain(one_line(approval.note, WORDS)))] if approval.note else []
    elements.append(section(top, *_tool(approval), plain(", with:" if fields else "." if diff else _bare(approval))))
    elements += [*fields, *_changed(approval, editor=editor)]
    if preview and waits and preview.words:
        elements.append(section(plain(one_line(preview.words, WORDS))))
    if preview and waits and preview.broken:
        elements.append(_warning(preview.broken))
    if diff:
        shown, missing = arguments.diff_on_card(diff, left + budget // 2)
        elements += shown
        cut += missing
    if waits and approval.kind == CallKind.DID_IT_RUN:
        why = call.result.strip() or "The bot was stopped in the middle of it."
        elements.append(section(plain(one_line(why, WORDS))))
        cut += _cut_sentence(why)
    for text in (call.remote_name, call.server):
        cut += ["A name is not shown in full here."] if len(one_line(text, NAME)) > NAME else []
    for text in (preview.words, preview.broken) if preview and waits else ():
        cut += _cut_sentence(text)
    return rich(*elements), list(dict.fromkeys(cut))


def _bare(approval: Approval) -> str:
    return ", with:" if arguments_of(approval.call) else ", without arguments."


def _cut_sentence(text: str) -> list[str]:
    return ["A sentence is not shown in full here."] if len(one_line(text, WORDS)) > WORDS else []


def _warning(broken: str) -> Block:
    return section(emoji("warning"), plain(f" As things are now this would fail: {one_line(broken, WORDS)}"))


def _changed(approval: Approval, *, editor: bool) -> list[Block]:
    """Return which arguments people have changed, and who, unless the line above the request says so."""
    call = approval.call
    if call.original in ("", call.arguments):
        return []
    names = changed(call.original, call.arguments)
    by: list[Block] = []
    for index, person in enumerate(dict.fromkeys(call.editors)):
        by += [plain(", " if index else " by "), _user(person)]
    elements = [emoji("pencil2"), plain(" The arguments were changed"), *by] if editor else [plain("Changed")]
    for index, name in enumerate(names[:MAX_NAMES]):
        elements += [plain(", " if index else ": "), code(name, NAME)]
    more = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return [section(*elements, plain(f"{more}."))]


def _user(user: str) -> Block:
    known = mention(user) == f"<@{user}>"
    return {"type": "user", "user_id": user} if known else plain(one_line(user, NAME))


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
