"""Builds the window in which people review requests for approval, one on each page, and decide them. Pure.

The window's private metadata identifies the requests, what was shown of them, and which of them were left out.
It comes back from Slack and is untrusted: all of it is compared with the card when somebody decides.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.limits import MAX_CALLS
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, CallKind, UndoState
from bot.core.untrusted import items, mapping
from bot.slack.blocks import approval_row, arguments, buttons, decided_row, paging
from bot.slack.blocks.call_text import heading, source
from bot.slack.blocks.elements import (
    Block,
    actions,
    bold,
    context,
    emoji,
    modal,
    one_line,
    option,
    pieces,
    plain,
    plain_text,
    preformatted,
    remark,
    rich,
    section,
    shown_code,
    small,
)
from bot.slack.blocks.forms import Opened, seal, unseal
from bot.slack.blocks.review_set import ReviewSet, awaits, is_sound, review_set
from bot.slack.text import visible

WINDOW = "review"
"""The callback id."""
PREFIX = "review."
TURN = "review.turn"
INCLUDE = "review.include"
NAME = 120
"""Characters of a heading in the overview."""
AFTER = "As it will be after "
_YES = "yes"


@dataclass(frozen=True, slots=True)
class Review:
    """What a window is about and shows now."""

    these: ReviewSet
    channel: str
    """The channel of the message that it was opened from."""
    message_ts: str
    thread_ts: str
    page: int = 1
    """The number of the request that it shows, counted from 1; 0 for the overview."""
    part: int = 0
    """The part of a long request, counted from 0."""
    excluded: frozenset[str] = frozenset()
    """The numbers of the requests that were left out."""

    def opened(self, approval: Approval) -> Opened:
        """Return one of its requests, and where its message is."""
        return Opened(approval.id, approval.digest, self.channel, self.message_ts, self.thread_ts)


@dataclass(frozen=True, slots=True)
class Rights:
    """What the person who looks at a window may do, by the ids of requests."""

    approve: Collection[str] = ()
    close: Collection[str] = ()
    """May be denied, edited or stopped."""


def sealed(review: Review) -> JsonObject:
    """Return what a window keeps of a review, besides where its message is."""
    these = review.these
    return {
        "r": these.first,
        "n": these.endings,
        "s": these.digest,
        "p": review.page,
        "q": review.part,
        "o": sorted(map(int, review.excluded)),
    }


def private_metadata(review: Review) -> str:
    """Return the private metadata of the window."""
    these = review.these
    place = Opened(these.first, these.digest, review.channel, review.message_ts, review.thread_ts)
    return seal(place, sealed(review))


def unsealed(view: Mapping[str, Any]) -> Review:
    """Return what a window is about. Raises ValueError if it is not one of ours."""
    opened, extra = unseal(view)
    return kept(opened, extra)


def kept(opened: Opened, extra: JsonObject) -> Review:
    """Return the review that `sealed` was made of. `opened` says where its message is. Raises ValueError if it is not
    one of ours."""
    match extra:
        case {"r": str(first), "n": str(endings), "s": str(digest), "p": int(page), "q": int(part), "o": list(out)}:
            these = ReviewSet(first, endings, digest)
        case _:
            raise ValueError("not a window of ours")
    numbers: list[Any] = out
    if not is_sound(these) or len(numbers) > MAX_CALLS or not all(type(each) is int for each in numbers):
        raise ValueError("not a window of ours")
    left_out = frozenset(str(number) for number in numbers)
    return Review(these, opened.channel, opened.message_ts, opened.thread_ts, page, part, left_out)


def turned(value: str) -> tuple[int, int]:
    """Return the page and the part that a button turns to. Raises ValueError if it is not one of ours."""
    match buttons.parsed(value):
        case [int(page), int(part)] if 0 <= page <= MAX_CALLS and 0 <= part <= paging.MAX_PAGES:
            return page, part
        case _:
            raise ValueError("not a value of ours")


def with_checked(review: Review, view: Mapping[str, Any]) -> Review:
    """Return the review with the checkbox as the person sees it: the event of its last change may not have arrived."""
    values = mapping(mapping(view.get("state")).get("values"))
    out = set(review.excluded)
    for block_id, fields in values.items():
        number = block_id.removeprefix(PREFIX)
        if number == block_id or not number.isdecimal() or len(number) > 2:
            continue
        selected = items(mapping(mapping(fields).get(INCLUDE)).get("selected_options"))
        (out.discard if selected else out.add)(number)
    return replace(review, excluded=frozenset(out))


def included(approvals: Sequence[Approval], review: Review, rights: Rights) -> list[Approval]:
    """Return the requests that are approved when the window is submitted."""
    numbered = enumerate(approvals, start=1)
    return [
        each for number, each in numbered if each in _open(approvals, rights) and str(number) not in review.excluded
    ]


def left_out(approvals: Sequence[Approval], review: Review, rights: Rights) -> list[Approval]:
    """Return the requests that are denied when the window is submitted."""
    kept = included(approvals, review, rights)
    return [each for each in _open(approvals, rights) if each not in kept]


def _open(approvals: Sequence[Approval], rights: Rights) -> list[Approval]:
    """Return the requests that the person may approve or leave out."""
    may = [each for each in approvals if awaits(each) and each.id in rights.approve]
    return [each for each in may if each.kind == CallKind.MAY_IT_RUN]


def window(
    approvals: Sequence[Approval], review: Review, rights: Rights, words: str = "", *, grants: bool = True
) -> JsonObject:
    """Return the window.

    approvals: the requests that it is about, as they are now.
    words: a message to the person, at the top.
    grants: whether standing grants may be given from it.
    """
    full = [replace(approval, privacy=Privacy.FULL) for approval in approvals]
    number = len(full)
    page = min(max(review.page, 0 if number > 1 else 1), number)
    now = replace(review, page=page, these=review_set(approvals))
    blocks = [remark(words)] if words else []
    if page:
        blocks += _request(full[page - 1], now, number, rights, grants=grants)
    else:
        blocks += _overview(full, now, rights)
    blocks += _turning(now, number, full)
    closing: Block = {}
    submit = _submit(full, now, rights)
    if submit:
        closing = {"submit": plain_text(submit)}
    title = "Review" if number == 1 else f"Review {page} of {number}" if page else f"Review {number} things"
    made = modal(title, blocks, callback_id=WINDOW, private_metadata=private_metadata(now), **closing)
    return made


def _submit(approvals: Sequence[Approval], review: Review, rights: Rights) -> str:
    """Return what submitting the window does; empty if there is nothing to submit."""
    number = len(_open(approvals, rights))
    if not number:
        return ""
    count = len(included(approvals, review, rights))
    if len(approvals) == 1:
        verb = approvals[0].preview.verb if approvals[0].preview else ""
        return f"Approve {verb}".rstrip() if len(verb) <= 10 and verb.isascii() and verb.isalpha() else "Approve"
    if not count:
        return f"Deny all {number}" if number > 1 else "Deny"
    return f"Approve {count} of {number}" if count < number else f"Approve all {number}" if number > 1 else "Approve"


def _overview(approvals: Sequence[Approval], review: Review, rights: Rights) -> list[Block]:
    """Return what all the requests are, a line each."""
    open_ = {each.id for each in _open(approvals, rights)}
    lines: list[Block] = []
    for number, each in enumerate(approvals, start=1):
        said = one_line(heading(each), NAME)
        effect = one_line(each.preview.effect, NAME) if each.preview and each.preview.effect else ""
        mark = [emoji("warning"), plain(" ")] if each.preview and each.preview.severe else []
        left = " · left out" if each.id in open_ and str(number) in review.excluded else ""
        lines.append(section(*mark, bold(said), plain(f"{f' · {effect}' if effect else ''}{left}")))
    return [rich({"type": "rich_text_list", "style": "ordered", "elements": lines})]


def _request(approval: Approval, review: Review, number: int, rights: Rights, *, grants: bool) -> list[Block]:
    """Return a page with everything about a request, and what can be done with it."""
    shown = paging.page_of(_content(approval), review.part)
    blocks: list[Block] = []
    if shown.last:
        blocks.append(remark(shown.label))
    blocks += shown.blocks
    blocks += small(one_line(source(approval), NAME), approval_row.waiting(approval) if awaits(approval) else "")
    if shown.number > 0 or shown.has_more:
        ways = [("More above", shown.number - 1)] if shown.number else []
        ways += [("More below", shown.number + 1)] if shown.has_more else []
        made = [_to(review.page, at, label, f"part.{index}") for index, (label, at) in enumerate(ways)]
        blocks.append(actions(f"{PREFIX}parts-{review.page}-{shown.number}", made))
    may_approve, may_close = approval.id in rights.approve, approval.id in rights.close
    if number > 1 and approval.kind == CallKind.MAY_IT_RUN and awaits(approval) and may_approve:
        blocks.append(_checkbox(review))
    elements = _buttons(approval, approve=may_approve, close=may_close, alone=number == 1, grants=grants)
    return [*blocks, *([actions(f"{PREFIX}request-{review.page}", elements)] if elements else [])]


def _buttons(approval: Approval, *, approve: bool, close: bool, alone: bool, grants: bool) -> list[Block]:
    """Return the buttons about one request, without those that the submit button and the checkbox replace."""
    if not awaits(approval):
        offered = approval.undo is not None and approval.undo.state is UndoState.OFFERED
        return [buttons.undoing(approval, 1, named=True)] if offered else []
    found: list[Block] = []
    for each in buttons.deciding(approval, 1, details=False):
        name = buttons.named(str(each["action_id"]))
        takes = {
            "approved": False,
            "denied": close and (alone or not approve),
            "run_again": approve,
            buttons.ALWAYS: approve and grants,
        }
        if takes.get(name, close):
            found.append(each)
    return found


def _checkbox(review: Review) -> Block:
    """Return the checkbox that decides whether a request is approved with the others."""
    yes = option("Include this one", _YES)
    box: Block = {"type": "checkboxes", "action_id": INCLUDE, "options": [yes]}
    if str(review.page) not in review.excluded:
        box["initial_options"] = [yes]
    return actions(f"{PREFIX}{review.page}", [box])


def _turning(review: Review, number: int, approvals: Sequence[Approval]) -> list[Block]:
    """Return the buttons that open the pages of the other requests."""
    if number == 1:
        return []
    found: list[Block] = []
    if review.page > 0:
        found.append(_to(review.page - 1, 0, "Previous" if review.page > 1 else "Overview", "previous"))
    if review.page < number:
        found.append(_to(review.page + 1, 0, "Next" if review.page else "First", "next"))
    return [actions(f"{PREFIX}turn-{review.page}", found)]


def _to(page: int, part: int, label: str, name: str) -> Block:
    return buttons.button(f"{TURN}.{name}", label, json.dumps([page, part]))


def _content(approval: Approval) -> Iterator[Block]:
    """Yield everything about a request: what would happen to what, then its arguments and its diff in full."""
    call, preview = approval.call, approval.preview
    if not awaits(approval):
        yield decided_row.record(approval, 1, alone=True)[0]
    if approval.note:
        yield rich(section(emoji("repeat"), plain(f" {visible(' '.join(approval.note.split()))}")))
    first, *rest = pieces(" ".join(heading(approval).split()))
    top = [bold(approval_row.question(approval, first) if awaits(approval) and not rest else first)]
    if preview and preview.severe:
        top = [emoji("warning"), plain(" "), *top]
    effect = visible(" ".join(preview.effect.split())) if preview and preview.effect else ""
    yield rich(section(*top, plain(f" {effect[:1_000]}" if effect else "")))
    yield from (rich(section(plain(piece))) for piece in rest)
    changed = approval_row.changed_by(approval, editor=True)
    if changed:
        yield rich(*changed)
    after = f"{AFTER}{preview.after}." if preview and preview.after else ""
    for words in (after, preview.words, preview.broken) if preview else ():
        if words:
            yield from (rich(section(plain(piece))) for piece in pieces(" ".join(words.split())))
    yield from _fields(approval)
    if preview and preview.diff:
        yield from _diff(preview.diff)
    if preview and preview.against:
        yield rich(section(plain("What differs from the earlier proposal:")))
        yield from _diff(preview.against)
    if approval.kind == CallKind.DID_IT_RUN and awaits(approval):
        why = " ".join(call.result.split()) or "The bot was stopped in the middle of it."
        words = f"It was cut off, so it may or may not have run. {why}"
        yield from (rich(section(plain(piece))) for piece in pieces(words))
        yield context(approval_row.CHOICES)


def _diff(diff: str) -> Iterator[Block]:
    yield from (rich(preformatted(piece, arguments.DIFF)) for piece in pieces(diff.removesuffix("\n")))


def _fields(approval: Approval) -> Iterator[Block]:
    """Yield the arguments that the heading and the diff do not show, in full."""
    for field in arguments.for_card(approval.call, approval.preview):
        *before, label = pieces(f"{field.label}:")
        yield from (rich(section(bold(piece))) for piece in before)
        if field.is_short:
            listed = [part for value in field.values for part in (plain(", "), shown_code(visible(value)))][1:]
            yield rich(section(bold(label), plain(" "), *listed))
            continue
        first = [section(bold(label))]
        for piece in pieces(field.values[0]):
            yield rich(*first, preformatted(piece))
            first = []
