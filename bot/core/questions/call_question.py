"""The rules that all questions about a tool call share: how votes count, and what happens to the call. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from bot.core.calls import INSTEAD, Call, CallOutcome, CallState
from bot.core.questions.click import Click, Verdict
from bot.core.questions.kind import UNKNOWN, QuestionKind
from bot.core.questions.question import Approval, Decision, Question
from bot.core.questions.transition import CallStep, Record, Transition


class CallQuestion(QuestionKind):
    """A question about a call."""

    agreeing: ClassVar[Decision]
    """The answer that lets the call run. It needs as many people as the configuration says."""
    ends: ClassVar[Mapping[Decision, CallOutcome]]
    """The outcome of the call, for each decision that ends it."""
    continues: ClassVar[Mapping[Decision, CallState]]
    """The state of the call after the other decisions."""

    def asked(self, question: Question) -> Approval | None:
        return question if isinstance(question, Approval) and question.kind == self.name else None

    def barred(self, question: Question) -> frozenset[str]:
        if not isinstance(question, Approval) or not question.no_self:
            return frozenset()
        return frozenset((question.requester, *question.call.editors))

    def may(self, question: Question, click: Click) -> bool | None:
        """Return whether the configuration names this person now; the card may show older rules."""
        return click.entitled

    def allows(self, question: Question, click: Click) -> bool:
        return click.answer in self.answers or click.answer == Decision.STOPPED

    def answered(self, question: Question, click: Click) -> Transition:
        if not isinstance(question, Approval):
            return UNKNOWN
        if click.answer == Decision.STOPPED:
            stopped = Record("stopped", actor=click.user, of_thread=True)
            return Transition(Verdict.SETTLED, stops_turn=click.user, records=(stopped,))
        if click.answer == self.agreeing:
            return self._voted(question, click)
        return super().answered(question, click)

    def _voted(self, approval: Approval, click: Click) -> Transition:
        """Count a vote, one per person, and settle the question once there are enough."""
        votes = [user for user in approval.votes if user not in click.lapsed]
        if click.user in votes:
            return Transition(Verdict.ALREADY, lapsed=click.lapsed)
        # The stricter of what the card says and of what the configuration says now.
        counted, needed = len(votes) + 1, max(approval.needed, click.needed)
        facts = {"votes": counted, "needed": needed, **({"lapsed": sorted(click.lapsed)} if click.lapsed else {})}
        voted = Transition(
            Verdict.COUNTED,
            vote=click.user,
            lapsed=click.lapsed,
            needed=needed,
            records=(self.record(approval, "voted", facts, click.user),),
            redraw=True,
        )
        if counted < needed:
            return voted
        settled = self.closed(approval, self.agreeing, by=click.user, reason=click.reason)
        return replace(
            settled,
            vote=click.user,
            lapsed=click.lapsed,
            needed=needed,
            records=(*voted.records, *settled.records),
        )

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
        transition = super().closed(question, decision, by=by, reason=reason, verdict=verdict, facts=facts)
        return replace(transition, call=self._step(Decision(decision), reason))

    def replaced(self, approval: Approval, by: str, words: str, quoted: str) -> Transition:
        """Deny an open request, or skip a call that was cut off, since its requester wants something else.

        words: what they want, for people.
        quoted: the same for the model; empty if it reads it elsewhere.
        """
        decision = Decision.DENIED if Decision.DENIED in self.ends else Decision.SKIPPED
        closed = self.closed(approval, decision, by=by, reason=words)
        if closed.call is None or decision is not Decision.DENIED:
            return closed
        return replace(closed, call=replace(closed.call, result=f"{INSTEAD}{quoted}"))

    def _step(self, decision: Decision, reason: str) -> CallStep:
        if decision in self.continues:
            return CallStep(self.continues[decision])
        # The agent writes the result for the model, unless a person gave a reason or the question was withdrawn.
        said = reason if decision is Decision.DENIED or (decision is Decision.WITHDRAWN and reason) else None
        return CallStep(CallState.FINISHED, self.ends[decision], said)

    def record(self, question: Question, name: str, facts: Mapping[str, object], actor: str = "") -> Record:
        tool = question.call.tool if isinstance(question, Approval) else ""
        return Record(name, {"tool": tool, "digest": question.digest, **facts}, actor)

    def requested(self, question: Question) -> Record:
        asked = {"question": question.kind, "requester": question.requester}
        record = self.record(question, "requested", asked)
        return replace(record, arguments=question.call.arguments) if isinstance(question, Approval) else record


def drifted(approval: Approval, words: str) -> Transition | None:
    """Return what follows if the card of an approved call is no longer true: the call does not run. None if it was not
    approved."""
    if approval.decision not in (Decision.APPROVED, Decision.RUN_AGAIN):
        return None
    facts = {"tool": approval.call.tool, "digest": approval.digest, "reason": words}
    return Transition(
        Verdict.SETTLED,
        Decision.DRIFTED,
        by=approval.decided_by,
        reason=words,
        records=(Record("drifted", facts),),
        redraw=True,
    )


def stopped(call: Call, user: str) -> tuple[CallOutcome, Record]:
    """Return how a call ends, and its audit record, if the turn is stopped before an approved or unasked call has
    begun."""
    cut_off = call.attempts > 0 and not call.repeatable
    outcome = CallOutcome.UNRESOLVED if cut_off else CallOutcome.STOPPED
    return outcome, Record("finished", {"tool": call.tool, "outcome": outcome.value}, user)
