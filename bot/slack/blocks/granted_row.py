"""Builds what a thread shows of standing grants: the record of a call that ran under one, and the line of a decided
card about the grant that was given with it or that it suggests. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.policy.privacy import Privacy
from bot.core.questions import granted, suggestion
from bot.core.questions.grant import Grant
from bot.core.questions.question import Approval, Decision, UndoState
from bot.slack.blocks import buttons
from bot.slack.blocks.elements import (
    Block,
    actions,
    bold,
    date,
    emoji,
    one_line,
    person,
    plain,
    remark,
    rich,
    rich_date,
    section,
    sentence,
    small,
)

TITLE = 200
NAME = 80
"""Characters of what was done, and of a person's name."""
QUOTED = 120
"""Characters of the reason why something could not be undone."""
WORDS = 500
"""Characters of a suggestion."""
FIRST = 101
"""The number of the first record of a message. Its buttons must not have the ids of those of requests there."""
HOW_ENDED = {
    "revoked": "revoked since",
    "void": "no longer allowed: the tool has changed",
    "expired": "expired",
}


def rows(records: Sequence[Approval]) -> list[Block]:
    """Return the records of calls that ran under a grant, for the end of a message."""
    return [block for number, each in enumerate(records, start=FIRST) for block in row(each, number)]


def row(approval: Approval, number: int) -> list[Block]:
    """Return the record of a call that ran under a grant: what was done, who allowed it until when, and buttons."""
    kept = granted.loads(approval.body)
    by = one_line(kept.by, NAME).strip() or "a person"
    said = [*_what(approval), plain(f" · allowed by {by}"), *_how_long(approval.grant), *_undone(approval)]
    return [rich(section(*said)), actions(f"granted-{approval.id}", _buttons(approval, number))]


def _buttons(approval: Approval, number: int) -> list[Block]:
    """Return the buttons of a record: Diff or Details, Undo as long as it is offered, Revoke as long as the grant
    holds."""
    found = [buttons.showing(approval, number)]
    if approval.undo is not None and approval.undo.state is UndoState.OFFERED:
        found.append(buttons.undoing(approval, number, named=approval.privacy == Privacy.FULL))
    if _holds(approval.grant):
        found.append(buttons.revoking(approval, number))
    return found


def grant_line(approval: Approval, number: int) -> tuple[list[Block], list[Block]]:
    """Return the line of a decided card about the grant that was given with it or that it suggests, and its buttons."""
    grant, open_ = approval.grant, approval.privacy == Privacy.FULL
    if grant is not None:
        what = one_line(grant.words, TITLE).strip() if open_ else ""
        where = "in this thread" if grant.thread_id else "everywhere, for requests by the same person"
        ended = HOW_ENDED.get(grant.ended, HOW_ENDED["expired"]) if grant.ended else f"until {date(grant.expires_at)}"
        words = f"{where} · {ended}"
        left = [buttons.revoking(approval, number)] if _holds(grant) else []
        return small(f"Allowed from now on: {what or 'calls like this'}", words), left
    words = suggestion.words(suggestion.loads(approval.body)) if open_ and approval.grants else ""
    if not words or approval.decision is not Decision.APPROVED:
        return [], []
    period = suggestion.period(suggestion.loads(approval.body).seconds)
    return [remark(one_line(words, WORDS))], [buttons.allowing(approval, number, period)]


def brief(approval: Approval) -> str:
    """Return a record as a plain text, for notifications."""
    return "".join(str(each["text"]) for each in _what(approval))


def _what(approval: Approval) -> list[Block]:
    """Return what was done, with what that was done to in bold."""
    kept = granted.loads(approval.body)
    title, subject = one_line(kept.title, TITLE), one_line(kept.subject, TITLE)
    if approval.privacy == Privacy.PRIVATE or not title.strip():
        return [plain("Used a tool")]
    before, found, after = title.partition(subject) if subject.strip() else (title, "", "")
    said = [plain(before)] if before else []
    said += [bold(found)] if found else []
    said += [plain(after)] if after else []
    counts = [plain(f" {one_line(kept.counts, 40)}")] if kept.counts else []
    return [*said, *counts]


def _how_long(grant: Grant | None) -> list[Block]:
    if grant is None:
        return []
    if grant.ended:
        return [plain(f" · {HOW_ENDED.get(grant.ended, HOW_ENDED['expired'])}")]
    return [plain(" until "), rich_date(grant.expires_at)]


def _holds(grant: Grant | None) -> bool:
    return grant is not None and not grant.ended


def _undone(approval: Approval) -> list[Block]:
    undo = approval.undo
    if undo is None:
        return []
    match undo.state:
        case UndoState.UNDOING:
            return [plain(" · "), emoji("hourglass_flowing_sand"), plain(" being undone by "), person(undo.by)]
        case UndoState.UNDONE:
            return [plain(" · "), emoji("leftwards_arrow_with_hook"), plain(" undone by "), person(undo.by)]
        case UndoState.REFUSED:
            why = f": {sentence(undo.words, QUOTED)}" if approval.privacy == Privacy.FULL and undo.words.strip() else ""
            return [plain(" · "), emoji("warning"), plain(f" not undone{why}")]
        case _:
            return []
