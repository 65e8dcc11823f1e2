"""Builds the one line that a decided request becomes on its card: who decided what, and what came of it. Pure.

Everything else is under Details.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.calls import CallOutcome, CallState
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, CallKind, Decision, Undo, UndoState
from bot.core.questions.unanswerable import for_people
from bot.slack.blocks import buttons, granted_row
from bot.slack.blocks.call_text import ending, generic, subject, why_not
from bot.slack.blocks.elements import (
    Block,
    bold,
    context,
    date,
    emoji,
    mention,
    one_line,
    person,
    plain,
    rich,
    section,
    sentence,
)
from bot.slack.text import visible

LINES = {
    Decision.APPROVED: ("white_check_mark", "approved"),
    Decision.EDITED: ("pencil2", "edited this; the changed version follows"),
    Decision.DENIED: ("no_entry", "denied"),
    Decision.EXPIRED: ("hourglass", "Nobody decided in time, so it was not done"),
    Decision.STOPPED: ("octagonal_sign", "stopped this"),
    Decision.DRIFTED: ("twisted_rightwards_arrows", "approved, but it had changed meanwhile, so I ask again below"),
    Decision.IT_RAN: ("white_check_mark", "says that it ran"),
    Decision.RUN_AGAIN: ("repeat", "had it run again"),
    Decision.SKIPPED: ("fast_forward", "went on without it"),
    Decision.WITHDRAWN: ("no_entry", "This could not be shown in full, so nobody was asked"),
}
"""The sign and what the person did; sentences that begin with a capital letter name nobody."""
NOT_AGAIN = {
    Decision.DRIFTED: "approved, but it had changed meanwhile, so it was not done",
    Decision.EDITED: "edited this, and it was not done",
}
"""For a call that can no longer run, so that nobody is asked again."""
DOUBTFUL = {
    Decision.EXPIRED: "Nobody said in time whether it ran, so I went on without knowing",
    Decision.STOPPED: "stopped this; nobody said whether it ran",
}
"""For a call that was cut off."""
QUESTION_DELETED = "Not done, because the message that asked for it was deleted"
DOUBTFUL_AND_DELETED = "The message that asked for it was deleted; nobody said whether it ran"
"""For a request that was stopped by nobody."""
CLOSED = "Closed without a decision, so it was not done"
"""For a withdrawn request whose reason is known."""
RUNS = (Decision.APPROVED, Decision.RUN_AGAIN)
SUBJECT = 80
"""Characters of what a request was about."""
QUOTED = 120
"""Characters of a reason or an error."""


def record(approval: Approval, row: int, *, alone: bool) -> list[Block]:
    """Return the line of a decided request, and the buttons that are left."""
    open_ = approval.privacy == Privacy.FULL
    count = "" if alone else f"{row}. "
    parts = [_who_did_what(approval), _about(approval), _came_of_it(approval, open_=open_), _undone(approval, open_)]
    elements: list[Block] = []
    for part in filter(None, parts):
        elements += [plain(" · "), *part] if elements else [plain(count), *part] if count else part
    left = [buttons.showing(approval, row)]
    if approval.undo is not None and approval.undo.state is UndoState.OFFERED:
        left.insert(0, buttons.undoing(approval, row, named=open_))
    said, more = granted_row.grant_line(approval, row)
    return [rich(section(*elements)), *said, _left(approval, [*left, *more])]


def edited(approval: Approval) -> Block:
    """Return the small line about an earlier version in whose place another one is."""
    return context(f":pencil2: {mention(approval.decided_by)} edited this · {date(approval.decided_at)}")


def brief(approval: Approval) -> str:
    """Return how a request was decided as a plain text, for a notification: `Approved: release.md`."""
    decided = approval.decision.value.replace("_", " ").capitalize()
    if approval.privacy not in (Privacy.FULL, Privacy.SUMMARY):
        return f"{decided}: a tool call"
    what = subject(approval) if approval.privacy == Privacy.FULL else generic(approval)
    return f"{decided}: {visible(what)}"


def _left(approval: Approval, left: list[Block]) -> Block:
    return {"type": "actions", "block_id": f"record-{approval.id}"[:255], "elements": left}


def _who_did_what(approval: Approval) -> list[Block]:
    sign, words = LINES[approval.decision]
    doubtful = approval.kind == CallKind.DID_IT_RUN
    if approval.decision is Decision.WITHDRAWN and approval.reason:
        words = CLOSED
    if doubtful:
        words = DOUBTFUL.get(approval.decision, words)
    if approval.decision is Decision.STOPPED and not approval.decided_by:
        words = DOUBTFUL_AND_DELETED if doubtful else QUESTION_DELETED
    if approval.call.outcome in (CallOutcome.INVALID, CallOutcome.REFUSED):
        words = NOT_AGAIN.get(approval.decision, words)
    partly = approval.needed > 1 and approval.votes and approval.decision is not Decision.APPROVED
    votes = f" ({len(approval.votes)} of {approval.needed} had approved)" if partly else ""
    by: Sequence[str] = ()
    if not words[:1].isupper():
        several = approval.decision in (Decision.APPROVED, Decision.DRIFTED) and len(approval.votes) > 1
        by = approval.votes if several else (approval.decided_by,)
    people: list[Block] = []
    for index, each in enumerate(dict.fromkeys(by)):
        people += [plain(", "), person(each)] if index else [person(each)]
    return [emoji(sign), plain(" "), *people, plain(f"{' ' if people else ''}{words}{votes}")]


def _about(approval: Approval) -> list[Block]:
    if approval.privacy == Privacy.SUMMARY:
        return [bold(one_line(generic(approval), SUBJECT))]
    if approval.privacy != Privacy.FULL:
        return []
    counts = approval.preview.counts if approval.preview else ""
    return [bold(one_line(subject(approval), SUBJECT)), *([plain(f" {one_line(counts, 40)}")] if counts else [])]


def _came_of_it(approval: Approval, *, open_: bool) -> list[Block]:
    """Return what became of the call, or why it did not run."""
    call, said = approval.call, ""
    if approval.decision in RUNS:
        # A card is not redrawn when its call starts, so one text has to cover both states.
        if call.state in (CallState.READY, CallState.STARTED):
            said = "in progress"
        elif call.state is CallState.UNKNOWN:
            said = "cut off: it may or may not have run"
        elif call.state is CallState.FINISHED and call.outcome is CallOutcome.ERROR:
            error = sentence(call.result, QUOTED) or "no reason given"
            return [emoji("x"), plain(f" failed: {error}" if open_ else " failed")]
        elif call.state is CallState.FINISHED and call.outcome is not CallOutcome.OK:
            said = _ending(approval, open_)
    elif approval.decision in NOT_AGAIN and call.outcome in (CallOutcome.INVALID, CallOutcome.REFUSED):
        why = sentence(for_people(approval.reason), QUOTED) if open_ else ""
        said = " · ".join(part for part in (why, _not_done(approval, open_)) if part)
    elif open_ and approval.reason.strip():
        said = sentence(for_people(approval.reason), QUOTED)
    return [plain(said)] if said else []


def _ending(approval: Approval, open_: bool) -> str:
    if approval.call.outcome in (CallOutcome.INVALID, CallOutcome.REFUSED):
        return f"not done: {_not_done(approval, open_)}"
    return ending(approval.call).replace("not run:", "not done:")


def _not_done(approval: Approval, open_: bool) -> str:
    """Return why a call did not run. The reason may hold something of its arguments."""
    if not open_ and approval.call.outcome is CallOutcome.INVALID:
        return "what it was given does not fit"
    return why_not(approval.call, QUOTED)


def _undone(approval: Approval, open_: bool) -> list[Block]:
    undo = approval.undo
    if undo is None:
        return []
    more = f": {sentence(undo.words, QUOTED)}" if open_ and undo.words.strip() else ""
    match undo.state:
        case UndoState.UNDOING:
            return [emoji("hourglass_flowing_sand"), plain(" "), person(undo.by), plain(" is undoing this")]
        case UndoState.UNDONE:
            more = more if _says_more(undo) else ""
            return [
                emoji("leftwards_arrow_with_hook"),
                plain(" undone by "),
                person(undo.by),
                *([plain(more)] if more else []),
            ]
        case UndoState.REFUSED:
            return [emoji("warning"), plain(f" not undone{more}")]
        case _:
            return []


def _says_more(undo: Undo) -> bool:
    """Return whether the words about an undo add anything to "undone"."""
    words = undo.words.strip(" .").casefold()
    return words not in ("", "undone") and not words.endswith("as it was before")
