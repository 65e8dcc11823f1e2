"""Builds the list of the requests of one step, one line each, and the one line that it becomes once all are decided.
Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, islice

from bot.core.calls import CallOutcome, CallState
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, Decision, UndoState
from bot.core.questions.unanswerable import for_people
from bot.slack.blocks import approval_row, arguments, buttons, decided_row
from bot.slack.blocks.call_text import ending, generic, heading, subject
from bot.slack.blocks.elements import (
    Block,
    actions,
    bold,
    context,
    emoji,
    one_line,
    person,
    plain,
    rich,
    section,
    sentence,
    size,
)
from bot.slack.blocks.review_set import awaits, is_hidden, is_running
from bot.slack.text import visible

MAX_CHARS = 9_000
"""Characters of all lines, below what a part of a turn's message takes."""
MAX_LINE, MIN_LINE = 300, 100
"""Characters of one line."""
MAX_FIELDS = 3
"""Arguments on the line of a call whose change cannot be shown."""
FIELD = 60
"""Characters of one of them."""
MAX_NAMED = 3
"""Calls that the line of a decided list names, each with what went wrong or was undone."""
MAX_PEOPLE = 5
"""Groups of people who are waited for, that are listed separately."""
SUBJECT = 60
"""Characters of what a call was about."""
QUOTED = 120
"""Characters of a reason or an error."""

_WORDS = {
    Decision.EDITED: "edited {}",
    Decision.DENIED: "denied {}",
    Decision.EXPIRED: "Nobody decided {} in time",
    Decision.STOPPED: "stopped {}",
    Decision.DRIFTED: "approved {} that had changed meanwhile",
    Decision.WITHDRAWN: "{} could not be asked about",
}
"""What was decided about some of the requests. A text that begins with a capital letter or the number names nobody."""
_DELETED = "{} not done, because the message that asked was deleted"


def listed(approvals: Sequence[Approval], before: dict[str, Approval]) -> list[Block]:
    """Return the list while at least one request waits: who is waited for below it, and the buttons.

    before: by id, the version that a request has taken the place of.
    """
    room = min(MAX_LINE, max(MIN_LINE, MAX_CHARS // len(approvals)))
    lines = [_line(each, room, before.get(each.id)) for each in approvals]
    if size(lines) > MAX_CHARS:
        lines = [_line(each, MIN_LINE, before.get(each.id), brief=True) for each in approvals]
    items: Block = {"type": "rich_text_list", "style": "ordered", "elements": [section(*line) for line in lines]}
    # Where none of them may be shown, all lines would be the same.
    distinct = any(each.privacy in (Privacy.FULL, Privacy.SUMMARY) or not awaits(each) for each in approvals)
    blocks = [rich(section(bold(opening(approvals))), *([items] if distinct else [])), *_people(approvals)]
    made = buttons.together(approvals, hidden=any(map(is_hidden, approvals)))
    return [*blocks, actions(f"all-{approvals[0].id}", made)]


def folded(approvals: Sequence[Approval]) -> list[Block]:
    """Return the line about requests that are all decided, and the buttons that are still offered."""
    elements: list[Block] = []
    for part in _parts(approvals):
        elements += [plain(" · "), *part] if elements else part
    return [rich(section(*elements)), actions(f"record-{approvals[0].id}", _left(approvals))]


def opening(approvals: Sequence[Approval]) -> str:
    """Return the heading of a list, which is also its notification."""
    waiting, number = sum(map(awaits, approvals)), len(approvals)
    return f"May I do these {number} things?" if waiting == number else f"{waiting} of {number} things still wait:"


def decided(approvals: Sequence[Approval]) -> str:
    """Return how requests were decided, as a plain text for a notification: `Approved 2 of 3: a.md, b.md`."""
    number = len(approvals)
    said: list[str] = []
    for decision in dict.fromkeys(each.decision for each in approvals):
        these = [each for each in approvals if each.decision is decision]
        word = decision.value.replace("_", " ")
        named = ", ".join(one_line(subject(each), SUBJECT) for each in these[:MAX_NAMED] if _is_open(each))
        more = " and others" if named and len(these) > MAX_NAMED else ""
        many = "all " if len(these) == number else f"{len(these)} of "
        said.append(f"{word} {many}{number}{f': {named}{more}' if named else ''}")
    text = "; ".join(said)
    return visible(f"{text[:1].upper()}{text[1:]}")


def _line(approval: Approval, room: int, before: Approval | None, *, brief: bool = False) -> list[Block]:
    """Return the line of a request within so many characters."""
    if not awaits(approval):
        if not brief:
            return decided_row.record(approval, 1, alone=True)[0]["elements"][0]["elements"]
        sign, _ = decided_row.LINES[approval.decision]
        return [emoji(sign), plain(" "), bold(one_line(_named(approval), SUBJECT))]
    if approval.privacy == Privacy.SUMMARY:
        return [bold(one_line(generic(approval), room))]
    if not _is_open(approval):
        return [bold("A tool call")]
    preview = approval.preview
    name = one_line(heading(approval), min(SUBJECT * 2, room * 2 // 3))
    elements = [bold(name)]
    if preview and preview.severe:
        elements = [emoji("warning"), plain(" "), *elements]
    if approval.note:
        elements = [emoji("repeat"), plain(" "), *elements]
    more = " · ".join(_details(approval))
    if more:
        elements.append(plain(f" · {_cut(more, room - len(name))}"))
    if before is not None and not brief:
        elements += [plain(" · "), emoji("pencil2"), plain(" edited by "), person(before.decided_by)]
    return elements


def _details(approval: Approval) -> Iterator[str]:
    """Yield the details of a line besides its heading, with invisible characters written out."""
    preview = approval.preview
    if preview and preview.effect:
        yield one_line(preview.effect, FIELD)
    if preview and preview.after:
        yield f"after {one_line(preview.after, FIELD)}"
    if preview and preview.broken:
        yield one_line(preview.broken, QUOTED)
    if not (preview and preview.diff):
        for field in islice(arguments.for_card(approval.call, preview), MAX_FIELDS):
            yield f"{one_line(field.label, FIELD)}: {one_line(', '.join(field.values), FIELD)}"


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: max(1, room)]}…"


def _people(approvals: Sequence[Approval]) -> list[Block]:
    """Return whom the requests wait for: once, if that is the same for all."""
    by_words: dict[str, list[int]] = {}
    for number, approval in enumerate(approvals, start=1):
        if awaits(approval):
            by_words.setdefault(approval_row.waiting(approval), []).append(number)
    if len(by_words) == 1:
        [words] = by_words
        return [context(f"{words[:1].upper()}{words[1:]}")] if words else []
    lines = [f"{_numbers(numbers)}: {words}" for words, numbers in by_words.items() if words]
    return [context(line) for line in lines[:MAX_PEOPLE]]


def _numbers(numbers: Sequence[int]) -> str:
    """Return numbers as ranges: `1–3, 5`."""
    runs: list[str] = []
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        runs.append(f"{found[0]}" if len(found) == 1 else f"{found[0]}–{found[-1]}")
    return ", ".join(runs)


def _left(approvals: Sequence[Approval]) -> list[Block]:
    """Return the buttons of a decided list."""
    offered = [each for each in approvals if each.undo is not None and each.undo.state is UndoState.OFFERED]
    one = buttons.undoing(offered[0], 1, named=_is_open(offered[0])) if len(offered) == 1 else None
    undo = one or buttons.undoing_all(approvals)
    has_diff = any(each.preview and each.preview.diff and _is_open(each) for each in approvals)
    return [*([undo] if undo else []), buttons.review(approvals, "Diff" if has_diff else "Details")]


def _parts(approvals: Sequence[Approval]) -> Iterator[list[Block]]:
    """Yield who decided what, then the outcomes of the calls."""
    number = len(approvals)
    approved = {each.decided_by for each in approvals if each.decision is Decision.APPROVED}
    groups: dict[tuple[Decision, tuple[str, ...]], list[Approval]] = {}
    for approval in approvals:
        groups.setdefault((approval.decision, _by(approval)), []).append(approval)
    for decision, by in sorted(groups, key=lambda group: group[0] is not Decision.APPROVED):
        these = groups[decision, by]
        # "Alice approved 2 of 3" implies that she denied the third.
        if decision is Decision.DENIED and set(by) <= approved and not any(each.reason.strip() for each in these):
            continue
        yield _group(these, decision, by, number)
    yield from _outcomes(approvals)


def _by(approval: Approval) -> tuple[str, ...]:
    """Return the people to be named for a decision."""
    if approval.decision in (Decision.APPROVED, Decision.DRIFTED) and approval.votes:
        return approval.votes
    return (approval.decided_by,) if approval.decided_by else ()


def _group(these: Sequence[Approval], decision: Decision, by: Sequence[str], number: int) -> list[Block]:
    sign, _ = decided_row.LINES[decision]
    many = f"all {number}" if len(these) == number else f"{len(these)} of {number}"
    words = "approved {}" if decision is Decision.APPROVED else _WORDS.get(decision, "decided {}")
    if decision is Decision.STOPPED and not by:
        words = _DELETED
    elements = [emoji(sign), plain(" ")]
    if words.startswith(("{", "Nobody")):
        by = ()
    for index, who in enumerate(dict.fromkeys(by)):
        elements += [plain(", "), person(who)] if index else [person(who)]
    reasons = [sentence(for_people(each.reason), QUOTED) for each in these if each.reason.strip() and _is_open(each)]
    because = f": {'; '.join(dict.fromkeys(reasons[:MAX_NAMED]))}" if reasons and decision is Decision.DENIED else ""
    names = _subjects(these) if decision is Decision.APPROVED else ""
    return [*elements, plain(f"{' ' if by else ''}{words.format(many)}{names or because}")]


def _subjects(approvals: Sequence[Approval]) -> str:
    """Return what some requests were about, `: a.md, b.md and 2 more`, as far as the thread may see it."""
    found = [each.preview.subject for each in approvals if each.preview and each.preview.subject and _is_open(each)]
    names = [one_line(name, SUBJECT) for name in dict.fromkeys(found)]
    more = len(names) - MAX_NAMED
    listed = ", ".join(names[:MAX_NAMED])
    return f": {listed} and {more} more" if more > 0 else f": {listed}" if names else ""


def _outcomes(approvals: Sequence[Approval]) -> Iterator[list[Block]]:
    """Yield the outcomes of calls that did not simply succeed: in progress, failed or not done and why, undone."""
    running = [each for each in approvals if each.decision is Decision.APPROVED and is_running(each)]
    if running:
        yield [plain("in progress" if len(running) == len(approvals) else f"{len(running)} in progress")]
    troubles = [found for each in approvals if (found := [*_troubles(each)])]
    yield from troubles[:MAX_NAMED]
    if len(troubles) > MAX_NAMED:
        yield [plain(f"{len(troubles) - MAX_NAMED} more like this")]


def _troubles(approval: Approval) -> Iterator[Block]:
    call, open_ = approval.call, _is_open(approval)
    said: list[Block] = []
    if approval.decision is Decision.APPROVED and call.state is CallState.UNKNOWN:
        said = [plain(" was cut off: it may or may not have run")]
    elif approval.decision is Decision.APPROVED and call.outcome is CallOutcome.ERROR:
        error = sentence(call.result, QUOTED) or "no reason given"
        said = [plain(" "), emoji("x"), plain(f" failed: {error}" if open_ else " failed")]
    elif approval.decision is Decision.APPROVED and call.outcome not in (None, CallOutcome.OK):
        said = [plain(f" {ending(call, why=open_).replace('not run:', 'not done:')}")]
    undo = approval.undo
    if undo is not None and undo.state is UndoState.UNDOING:
        said += [plain(" "), emoji("hourglass_flowing_sand"), plain(" is being undone by "), person(undo.by)]
    elif undo is not None and undo.state is UndoState.UNDONE:
        said += [plain(" "), emoji("leftwards_arrow_with_hook"), plain(" undone by "), person(undo.by)]
    elif undo is not None and undo.state is UndoState.REFUSED:
        why = f": {sentence(undo.words, QUOTED)}" if open_ and undo.words.strip() else ""
        said += [plain(" "), emoji("warning"), plain(f" not undone{why}")]
    if said:
        yield from [bold(one_line(_named(approval), SUBJECT)), *said]


def _named(approval: Approval) -> str:
    """Return what a request was about, as far as the thread may see it."""
    if _is_open(approval):
        return subject(approval)
    return generic(approval) if approval.privacy == Privacy.SUMMARY else "A tool call"


def _is_open(approval: Approval) -> bool:
    return approval.privacy == Privacy.FULL
