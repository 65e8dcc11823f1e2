"""The question whether to undo a call, offered on the record of an approved call. Pure."""

from __future__ import annotations

from dataclasses import replace

from bot.core.questions.click import Click, Verdict
from bot.core.questions.kind import UNKNOWN, QuestionKind
from bot.core.questions.question import Approval, Decision, Question, UndoState
from bot.core.questions.transition import Record, Transition

UNDO = "undo"


class UndoOffer(QuestionKind):
    """Asks whether to undo a call. It has the id, the message and the people of the approval."""

    name = UNDO
    answers = frozenset({UNDO})
    only_when_posted = True

    def asked(self, question: Question) -> Question | None:
        if not isinstance(question, Approval) or question.undo is None:
            return None
        offered = question.undo.state is UndoState.OFFERED
        decision = Decision.AWAITING if offered else Decision.EXPIRED
        return replace(question, kind=UNDO, decision=decision, expires_at=question.undo.until)

    def may(self, question: Question, click: Click) -> bool | None:
        """Return whether the configuration names this person now; the card may show older rules."""
        return click.entitled

    def answered(self, question: Question, click: Click) -> Transition:
        if not isinstance(question, Approval):
            return UNKNOWN
        record = Record("undo", {"tool": question.call.tool}, click.user)
        return Transition(Verdict.SETTLED, undo_by=click.user, records=(record,), redraw=True)

    def late(self, question: Question) -> Transition:
        # The sweep withdraws the offer and deletes the saved state.
        return Transition(Verdict.ALREADY)
