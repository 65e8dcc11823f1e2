"""Builds the record of a decided request on its card: who decided what, and what came of it. Pure."""

from __future__ import annotations

from bot.core.calls import CallOutcome, CallState
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, CallKind, Decision, Undo, UndoState
from bot.slack.blocks import buttons
from bot.slack.blocks.call_text import ending, why_not
from bot.slack.blocks.elements import Block, context, date, mention, mentions, plain, quote, rich, section, sentence

HEADINGS = {
    Decision.APPROVED: "Approved:",
    Decision.EDITED: "Edited:",
    Decision.DENIED: "Denied:",
    Decision.EXPIRED: "Expired:",
    Decision.STOPPED: "Stopped:",
    Decision.DRIFTED: "Not run:",
    Decision.IT_RAN: "Cut off, but it ran:",
    Decision.RUN_AGAIN: "Cut off, and run again:",
    Decision.SKIPPED: "Cut off, and skipped:",
    Decision.WITHDRAWN: "Withdrawn:",
}
GONE = ":twisted_rightwards_arrows: Approved by {who}, but things had changed, so it was not run"
"""For a drifted call that can no longer run, so that nobody is asked again."""
NOT_ASKED = ":pencil2: Edited by {who}; it was not run: {why}"
"""For an edited call that does not run, so that nobody is asked again."""
RECORDS = {
    Decision.APPROVED: ":white_check_mark: Approved by {who}",
    Decision.EDITED: ":pencil2: Edited by {who}; the changed version follows",
    Decision.DENIED: ":no_entry_sign: Denied by {who}",
    Decision.EXPIRED: ":hourglass: Nobody decided in time, so it was not run",
    Decision.STOPPED: ":octagonal_sign: Stopped by {who}, so it was not run",
    Decision.DRIFTED: f"{GONE}; a fresh request is below",
    Decision.IT_RAN: ":white_check_mark: {who} says that it ran",
    Decision.RUN_AGAIN: ":repeat: {who} had it run again",
    Decision.SKIPPED: ":fast_forward: {who} went on without it",
    Decision.WITHDRAWN: ":no_entry_sign: This could not be shown in full, so nobody was asked",
}
QUESTION_DELETED = ":octagonal_sign: Not run: the message that asked for this was deleted"
"""For a request that was stopped by nobody."""
DOUBTFUL_AND_DELETED = ":octagonal_sign: The message that asked for this was deleted; nobody said whether it ran"
CLOSED = ":no_entry_sign: Closed without a decision, so it was not run"
"""For a withdrawn request, if the reason is known."""
DOUBTFUL = {
    Decision.EXPIRED: ":hourglass: Nobody said in time whether it ran; I went on without knowing",
    Decision.STOPPED: ":octagonal_sign: Stopped by {who}; nobody said whether it ran",
}
"""For an interrupted call."""
RUNS = (Decision.APPROVED, Decision.RUN_AGAIN)
QUOTED = 300
QUOTED_IN_A_ROW = 120
"""Characters of a reason or an error on a card with one request, and with several."""


def record(approval: Approval, row: int, *, alone: bool, details: bool) -> list[Block]:
    """Return who decided what and when, the result, and the remaining buttons. `details`: something on the card was
    cut."""
    open_ = approval.privacy == Privacy.FULL
    limit = QUOTED if alone else QUOTED_IN_A_ROW
    said = [f"{_decided(approval)} · {date(approval.decided_at)}"]
    if came := _came_of_it(approval):
        said.append(came)
    blocks = [context(" · ".join(said)), *(_quoted(approval, limit) if open_ else [])]
    undo = approval.undo
    if undo is not None and (words := _undone(undo)):
        blocks.append(context(words))
        if open_ and undo.state in (UndoState.REFUSED, UndoState.UNDONE) and _says_more(undo.words):
            blocks.append(rich(quote(sentence(undo.words, limit))))
    left: list[Block] = []
    if undo is not None and undo.state is UndoState.OFFERED:
        left.append(buttons.undoing(approval, row, named=open_))
    if details or not open_ or _cut(approval, limit):
        left.append(buttons.showing(approval, row))
    return [*blocks, _left(approval, left)] if left else blocks


def edited(approval: Approval) -> Block:
    """Return the small line about an earlier version in whose place another one is."""
    return context(f":pencil2: Edited by {mention(approval.decided_by)} · {date(approval.decided_at)}")


def _cut(approval: Approval, limit: int) -> bool:
    """Whether the reason or the result is longer than a card shows."""
    texts = [approval.reason, approval.undo.words if approval.undo else ""]
    if _failed(approval):
        texts.append(approval.call.result)
    return any(len(sentence(text, limit)) > limit for text in texts)


def _left(approval: Approval, left: list[Block]) -> Block:
    return {"type": "actions", "block_id": f"record-{approval.id}"[:255], "elements": left}


def _decided(approval: Approval) -> str:
    words = RECORDS[approval.decision]
    doubtful = approval.kind == CallKind.DID_IT_RUN
    if approval.decision is Decision.WITHDRAWN and approval.reason:
        words = CLOSED
    if doubtful:
        words = DOUBTFUL.get(approval.decision, words)
    if approval.decision is Decision.STOPPED and not approval.decided_by:
        words = DOUBTFUL_AND_DELETED if doubtful else QUESTION_DELETED
    if approval.call.outcome in (CallOutcome.INVALID, CallOutcome.REFUSED):
        again = {Decision.DRIFTED: GONE, Decision.EDITED: NOT_ASKED}
        words = again.get(approval.decision, words).replace("{why}", why_not(approval.call))
    if approval.decision in (Decision.APPROVED, Decision.DRIFTED) and len(approval.votes) > 1:
        return words.format(who=mentions(approval.votes))
    partly = approval.needed > 1 and approval.votes and approval.decision is not Decision.APPROVED
    votes = f" ({len(approval.votes)} of {approval.needed} had approved)" if partly else ""
    return words.format(who=mention(approval.decided_by)) + votes


def _came_of_it(approval: Approval) -> str:
    call = approval.call
    if approval.decision not in RUNS:
        return ""
    # A card is not redrawn when its call starts, so one text has to cover both states.
    if call.state in (CallState.READY, CallState.STARTED):
        return ":arrows_counterclockwise: under way"
    if call.state is CallState.UNKNOWN:
        return ":grey_question: cut off: it may or may not have run"
    if call.state is not CallState.FINISHED:
        return ""
    signs = {CallOutcome.OK: ":white_check_mark: ", CallOutcome.ERROR: ":x: "}
    return f"{signs.get(call.outcome, '') if call.outcome else ''}{ending(call)}"


def _failed(approval: Approval) -> bool:
    call = approval.call
    return approval.decision in RUNS and call.state is CallState.FINISHED and call.outcome is CallOutcome.ERROR


def _quoted(approval: Approval, limit: int) -> list[Block]:
    """Return what a person or a tool said about the call, as a quotation."""
    blocks: list[Block] = []
    if approval.reason.strip():
        label = "Reason:" if approval.decision is Decision.DENIED else "Why:"
        label = label if approval.decision in (Decision.DENIED, Decision.DRIFTED) else "Note:"
        blocks.append(rich(section(plain(label)), quote(sentence(approval.reason, limit))))
    if _failed(approval):
        error = sentence(approval.call.result, limit) or "no reason given"
        blocks.append(rich(section(plain("The tool's error:")), quote(error)))
    return blocks


def _says_more(words: str) -> bool:
    return words.strip(" .").casefold() not in ("", "undone")


def _undone(undo: Undo) -> str:
    match undo.state:
        case UndoState.OFFERED:
            return f"It can be undone until {date(undo.until)}."
        case UndoState.UNDOING:
            return f":hourglass_flowing_sand: Being undone by {mention(undo.by)}"
        case UndoState.UNDONE:
            return f":leftwards_arrow_with_hook: Undone by {mention(undo.by)}"
        case UndoState.REFUSED:
            return ":warning: Not undone"
        case _:
            return ""
