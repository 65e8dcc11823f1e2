"""The rules that questions share whose answer a call waits for. Such an answer allows nothing. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.core.calls import UNANSWERED, CallOutcome, CallState
from bot.core.questions.click import Verdict
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import Decision, Question
from bot.core.questions.transition import CallStep, Record, Transition

_ENDS = {
    Decision.EXPIRED: (CallOutcome.EXPIRED, "nobody answered in time."),
    Decision.STOPPED: (CallOutcome.STOPPED, "the turn was stopped."),
    Decision.WITHDRAWN: (CallOutcome.UNSHOWN, "the question could not be shown."),
}
"""The outcome of the call, and its result for the model, if nobody has answered."""


class InputQuestion(QuestionKind):
    """A question that a call waits for. The audit keeps that it was asked and answered, never what was entered."""

    gives_input = True

    def replaced(self, question: Question, by: str) -> Transition:
        """Return what follows if the requester writes in the thread what they want instead: the call ends."""
        return self.closed(question, Decision.WITHDRAWN, by=by, reason="the person wants something else instead.")

    def requested(self, question: Question) -> Record:
        return self.record(question, "asked", {})

    def closed(
        self,
        question: Question,
        decision: str,
        *,
        by: str = "",
        reason: str = "",
        verdict: Verdict = Verdict.SETTLED,
        facts: Mapping[str, object] | None = None,
    ) -> Transition:
        """Return what follows. Without an answer the call ends."""
        outcome, words = _ENDS.get(Decision(decision), (None, "")) if decision in list(Decision) else (None, "")
        return Transition(
            verdict,
            decision,
            by=by,
            reason=reason,
            call=CallStep(CallState.FINISHED, outcome, f"{UNANSWERED}{reason or words}") if outcome else None,
            resumes=bool(by),
            records=(self.record(question, "unanswered" if outcome else "answered", {"decision": decision}, by),),
            redraw=True,
        )
