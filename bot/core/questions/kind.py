"""The default rules of a kind of question. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import PARTICIPANTS, Decision, Question
from bot.core.questions.transition import Record, Transition

UNKNOWN = Transition(Verdict.UNKNOWN)


class QuestionKind:
    """A kind of question. A subclass overrides what differs, and is registered in `bot.core.questions.kinds`."""

    name: str
    answers: frozenset[str] = frozenset()
    """The answers that people may give."""
    only_when_posted = False
    """A click counts only once the timestamp of the message is recorded."""
    ends_with_turn = True
    """Whether the question is closed when somebody stops the turn."""
    listed = True
    """Whether the app's Home shows it to those who may answer."""
    audited = True
    """Whether its decisions are recorded in the audit."""
    gives_input = False
    """Whether a call waits for its answer (`bot.core.questions.question.CallInput`). It then allows nothing."""

    def asked(self, question: Question) -> Question | None:
        """Return what a click of this kind on a question is about; None if there is no such thing."""
        return question if question.kind == self.name else None

    def may(self, question: Question, click: Click) -> bool | None:
        """Return whether a person may answer: an active member whom the question names. None if that is unknown."""
        return click.entitled and question.names(click.user, click.groups)

    def people(self, question: Question) -> tuple[str, ...]:
        """Return the ids of the people and user groups who may answer, and `requester`, in the order in which they are
        asked directly."""
        taking_part = {PARTICIPANTS: sorted(question.participants)}
        return tuple(dict.fromkeys(each for who in question.people for each in taking_part.get(who, [who])))

    def barred(self, question: Question) -> frozenset[str]:
        """Return the ids of people among them who may not answer."""
        return frozenset()

    def allows(self, question: Question, click: Click) -> bool:
        """Return whether this is an answer to such a question."""
        return click.answer in self.answers

    def problems(self, question: Question, click: Click) -> Mapping[str, str]:
        """Return what is wrong with what was entered, as sentences by field; under "" what is wrong with all of it.

        An answer with problems is not recorded: the window stays open and shows them beside its fields.
        """
        return {}

    def answered(self, question: Question, click: Click) -> Transition:
        """Return what follows from a valid answer."""
        return self.closed(question, click.answer, by=click.user, reason=click.reason)

    def late(self, question: Question) -> Transition:
        """Return what follows from a click after the question has expired."""
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
        """Return what follows when an open question is decided in any way. `facts` are added to the audit record."""
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
        """Return the ids of the threads in which something may follow from an answer."""
        return (question.thread_id,)

    def record(self, question: Question, name: str, facts: Mapping[str, object], actor: str = "") -> Record:
        """Return an audit record about this question."""
        return Record(name, {"question": question.kind, "digest": question.digest, **facts}, actor)

    def remind_before(self, usual: float) -> float:
        """Return how many seconds before it expires people are reminded of a question; 0 for never.

        usual: the configured time. Questions that last for less need a shorter one.
        """
        return usual

    def requested(self, question: Question) -> Record:
        """Return the audit record that the question was asked."""
        return self.record(question, "requested", {})
