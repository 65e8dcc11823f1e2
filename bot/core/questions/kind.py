"""The rules that every kind of question follows unless it says otherwise. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import PARTICIPANTS, Decision, Question
from bot.core.questions.transition import Record, Transition

UNKNOWN = Transition(Verdict.UNKNOWN)


class QuestionKind:
    """A kind of question: a subclass says what differs, and `bot.core.questions.kinds` lists an instance of it."""

    name: str
    answers: frozenset[str] = frozenset()
    """What people may answer."""
    only_when_posted = False
    """A click counts only once the timestamp of the message is recorded."""
    ends_with_turn = True
    """Closed when somebody stops the turn."""
    listed = True
    """Shown in the app's Home to those who may answer."""
    audited = True
    """Its decisions are recorded in the audit. One that decides nothing there only resumes its thread."""

    def asked(self, question: Question) -> Question | None:
        """What a click of this kind on this question is about; None when there is no such thing."""
        return question if question.kind == self.name else None

    def may(self, question: Question, click: Click) -> bool | None:
        """Whether this person may answer: an active member whom the question names. None when that is not known."""
        return click.entitled and question.names(click.user, click.groups)

    def people(self, question: Question) -> tuple[str, ...]:
        """Return the ids of the people and user groups who may answer, and `requester`, in the order in which those are
        asked who do not see the message."""
        taking_part = {PARTICIPANTS: sorted(question.participants)}
        return tuple(dict.fromkeys(each for who in question.people for each in taking_part.get(who, [who])))

    def barred(self, question: Question) -> frozenset[str]:
        """Return who of them may not answer all the same."""
        return frozenset()

    def allows(self, question: Question, click: Click) -> bool:
        """Whether this is an answer to such a question."""
        return click.answer in self.answers

    def problems(self, question: Question, click: Click) -> Mapping[str, str]:
        """Return what is wrong with what was entered, as sentences by field; under "" what is wrong with all of it.

        An answer with problems is not recorded: the window stays open and shows them beside its fields.
        """
        return {}

    def answered(self, question: Question, click: Click) -> Transition:
        """What follows when somebody who may gives an answer in time."""
        return self.closed(question, click.answer, by=click.user, reason=click.reason)

    def late(self, question: Question) -> Transition:
        """What follows from a click after the time is over."""
        return self.closed(question, Decision.EXPIRED, verdict=Verdict.ALREADY)

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
        """What follows when an open question is decided, in whichever way. `facts` are recorded besides."""
        if not self.audited:
            return Transition(verdict, decision, by=by, resumes=bool(by), redraw=True)
        said = {"decision": decision, **({"reason": reason} if reason else {}), **(facts or {})}
        names: dict[str, str] = {Decision.EXPIRED: "expired", Decision.EDITED: "edited"}
        name = names.get(decision, "decided")
        return Transition(
            verdict,
            decision,
            by=by,
            reason=reason,
            resumes=bool(by),
            records=(self.record(question, name, said, by),),
            redraw=True,
        )

    def threads(self, question: Question) -> Sequence[int]:
        """Return the threads in which something may follow from an answer."""
        return (question.thread_id,)

    def record(self, question: Question, name: str, facts: Mapping[str, object], actor: str = "") -> Record:
        """A record of the audit about this question."""
        return Record(name, {"question": question.kind, "digest": question.digest, **facts}, actor)

    def remind_before(self, usual: float) -> float:
        """Return how many seconds before a question expires people are reminded of it, once; 0: never.

        usual: the time that is configured for requests. Questions that may last for less need a shorter one.
        """
        return usual

    def requested(self, question: Question) -> Record:
        """The record of the audit that it was asked."""
        return self.record(question, "requested", {})
