"""`decide` against a plain model of who may decide what: whatever people click, in whatever order, on whatever card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.questions import call_question, retry
from bot.core.questions.click import Click, Verdict
from bot.core.questions.decide import close, decide, refusal
from bot.core.questions.grant import Grant
from bot.core.questions.kind import QuestionKind
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import PARTICIPANTS, Approval, CallKind, Decision, Question, Undo, UndoState
from bot.core.questions.transition import Transition
from bot.core.questions.undo import UNDO

SHOWN, STALE, DEADLINE = "the digest that was shown", "another digest", 100.0
PEOPLE = ("UALICE", "UBOB", "UCAROL", "UDAVE")
ANSWERS: dict[str, tuple[str, ...]] = {
    CallKind.MAY_IT_RUN: ("approved", "denied", "edited", "always", "stopped"),
    CallKind.DID_IT_RUN: ("it_ran", "run_again", "skipped", "stopped"),
}
AGREEING = {CallKind.MAY_IT_RUN: "approved", CallKind.DID_IT_RUN: "run_again"}
RUNS = ("approved", "run_again")


@dataclass(frozen=True)
class Press:
    """What somebody does, and when."""

    user: str
    answer: str
    entitled: bool | None = True
    stale: bool = False
    elsewhere: str = ""
    """Which part of the place is another one: `team`, `channel`, `message_ts`, `question`."""
    needed: int = 1
    lapsed: frozenset[str] = frozenset()
    seconds: float = 1.0
    """Since the last."""


def call(kind: str) -> Call:
    state = CallState.AWAITING if kind == CallKind.MAY_IT_RUN else CallState.UNKNOWN
    return Call(7, 2, 0, "c", "files__write", "files", "write", '{"path":"a"}', "tool", False, state)


def question(kind: str = CallKind.MAY_IT_RUN, **more: Any) -> Approval:
    fields: dict[str, Any] = {
        "id": "q1",
        "kind": kind,
        "digest": SHOWN,
        "requester": "UALICE",
        "thread_id": 3,
        "team": "T1",
        "channel": "C1",
        "message_ts": "2.0",
        "call": call(kind),
        "grants": True,
        "expires_at": DEADLINE,
    }
    return Approval(**{**fields, **more})


def click(press: Press) -> Click:
    always = press.answer == "always"
    made = Click(
        question="q1",
        digest=STALE if press.stale else SHOWN,
        answer="approved" if always else press.answer,
        user=press.user,
        team="T1",
        channel="C1",
        message_ts="2.0",
        entitled=press.entitled,
        needed=press.needed,
        lapsed=press.lapsed,
        arguments='{"path":"b"}' if press.answer == "edited" else "",
        grant=Grant(0, "", 0, "", "", "", "", "", "any", "", 0.0, 1e9) if always else None,
    )
    return replace(made, **{press.elsewhere: "another"}) if press.elsewhere else made


def written(asked: Approval, change: Transition) -> Approval:
    """The question after the store has written what follows."""
    votes = [user for user in asked.votes if user not in change.lapsed]
    decision = Decision.STOPPED if change.stops_turn else Decision(change.decision or asked.decision)
    return replace(
        asked,
        votes=(*votes, *([change.vote] if change.vote else [])),
        needed=change.needed or asked.needed,
        decision=decision,
        decided_by=change.by or change.stops_turn or asked.decided_by,
    )


@dataclass
class Model:
    """The rules, as one would tell them to a person."""

    kind: str
    needed: int
    grants: bool
    state: str = "awaiting"
    votes: set[str] = field(default_factory=set[str])

    def presses(self, press: Press, now: float) -> Verdict:
        if press.stale or press.elsewhere:
            return Verdict.UNKNOWN
        if press.entitled is not True:
            return Verdict.NOT_YOURS if press.entitled is False else Verdict.UNVERIFIED
        if self.state != "awaiting":
            return Verdict.ALREADY
        if now >= DEADLINE:
            self.state = "expired"
            return Verdict.ALREADY
        if press.answer not in ANSWERS[self.kind] or (press.answer == "always" and not self.grants):
            return Verdict.UNKNOWN
        if press.answer not in (AGREEING[CallKind(self.kind)], "always"):
            self.state = press.answer
            return Verdict.SETTLED
        self.votes -= press.lapsed
        if press.user in self.votes:
            return Verdict.ALREADY
        self.votes.add(press.user)
        self.needed = max(self.needed, press.needed)
        if len(self.votes) < self.needed:
            return Verdict.COUNTED
        self.state = AGREEING[CallKind(self.kind)]
        return Verdict.SETTLED


presses = st.builds(
    Press,
    user=st.sampled_from(PEOPLE),
    answer=st.sampled_from(
        ["approved", "approved", "run_again", "run_again", "denied", "edited", "always", "stopped", "it_ran", "skipped"]
    ),
    entitled=st.sampled_from([True, True, True, True, False, None]),
    stale=st.sampled_from([False] * 7 + [True]),
    elsewhere=st.sampled_from([""] * 12 + ["team", "channel", "message_ts", "question"]),
    needed=st.sampled_from([1, 1, 2, 3]),
    lapsed=st.frozensets(st.sampled_from(PEOPLE), max_size=1),
    seconds=st.sampled_from([1.0, 1.0, 5.0, 60.0]),
)


votes = st.builds(
    Press,
    user=st.sampled_from(PEOPLE),
    answer=st.sampled_from(["approved", "run_again"]),
    needed=st.sampled_from([1, 1, 1, 3]),
    lapsed=st.frozensets(st.sampled_from(PEOPLE), max_size=2),
)
"""Of people who may, on the right card, in time."""


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CallKind), st.integers(1, 3), st.booleans(), st.lists(presses | votes, max_size=14))
def test_people_decide_as_the_plain_rules_say(kind: CallKind, needed: int, grants: bool, said: list[Press]) -> None:
    asked, model, now = question(kind, needed=needed, grants=grants), Model(kind, needed, grants), 0.0
    times_decided = 0
    for press in said:
        now += press.seconds
        change = decide(asked, click(press), now)
        assert change.verdict is model.presses(press, now)
        after = written(asked, change)
        assert (after.decision, set(after.votes)) == (model.state, model.votes)
        times_decided += after.decision != asked.decision
        changes = change != Transition(change.verdict)
        if changes and after.decision is not Decision.EXPIRED:
            assert press.entitled is True, "nobody who may not decides, votes or stops"
            assert not press.stale
            assert not press.elsewhere, "what was approved is what was shown there"
            assert now < DEADLINE
        if change.call is not None and change.call.state is CallState.READY:
            assert press.answer in (*RUNS, "always")
            assert len(after.votes) >= max(needed, press.needed), "so many different people agreed"
        if change.grant is not None:
            assert change.verdict is Verdict.SETTLED
            assert (after.decision, change.grant.grant.user) == ("approved", press.user)
        if change.call is not None and change.call.arguments:
            assert (after.decision, change.call.state) == ("edited", CallState.AWAITING), "it is asked about once more"
        asked = after
    assert times_decided <= 1, "decided at most once"


@settings(max_examples=40, deadline=None)
@given(st.lists(presses, max_size=6), st.sampled_from([Decision.EXPIRED, Decision.STOPPED, Decision.WITHDRAWN]))
def test_a_question_ends_once_whether_people_or_time_or_slack_end_it(said: list[Press], how: Decision) -> None:
    asked = question(needed=2)
    for press in said:
        asked = written(asked, decide(asked, click(press), 0.0))
    change = close(asked, how)
    assert (change is None) == (asked.decision is not Decision.AWAITING)
    if change is not None:
        ended = written(asked, change)
        assert close(ended, how) is None
        assert ended.decision is how
        assert change.call is not None
        assert change.call.state is CallState.FINISHED


OUTCOMES = {
    (CallKind.MAY_IT_RUN, Decision.EXPIRED): CallOutcome.EXPIRED,
    (CallKind.MAY_IT_RUN, Decision.STOPPED): CallOutcome.STOPPED,
    (CallKind.MAY_IT_RUN, Decision.WITHDRAWN): CallOutcome.UNSHOWN,
    (CallKind.DID_IT_RUN, Decision.EXPIRED): CallOutcome.UNRESOLVED,
    (CallKind.DID_IT_RUN, Decision.STOPPED): CallOutcome.UNRESOLVED,
    (CallKind.DID_IT_RUN, Decision.WITHDRAWN): CallOutcome.UNRESOLVED,
}


@pytest.mark.parametrize(("kind", "how"), OUTCOMES)
def test_what_nobody_allowed_has_not_run_and_what_may_have_run_may_have_run(kind: CallKind, how: Decision) -> None:
    change = close(question(kind), how)
    assert change is not None
    assert change.call is not None
    assert change.call.outcome is OUTCOMES[kind, how]


class Named(QuestionKind):
    """A name is entered, in capital letters."""

    name = "named"
    answers = frozenset({"given", "withheld"})

    def problems(self, question: Question, click: Click) -> dict[str, str]:
        wrong = click.answer == "given" and not click.values.get("name", "").isupper()
        return {"name": "Use capital letters."} if wrong else {}


@given(
    st.sampled_from(["given", "withheld", "expired", ""]),
    st.sampled_from([{}, {"name": ""}, {"name": "ann"}, {"name": "ANN"}, {"other": "ANN"}]),
    st.sampled_from([True, False, None]),
    st.sampled_from(["awaiting", "given", "expired"]),
    st.sampled_from([0.0, DEADLINE]),
    st.booleans(),
)
def test_what_is_entered_decides_when_it_is_valid_and_changes_nothing_when_it_is_not(
    answer: str, values: dict[str, str], entitled: bool | None, decision: str, now: float, stale: bool
) -> None:
    KINDS["named"] = Named()
    try:
        asked = Question(
            id="q1",
            kind="named",
            digest=SHOWN,
            thread_id=3,
            team="T1",
            channel="C1",
            message_ts="2.0",
            people=("UBOB",),
            expires_at=DEADLINE,
            decision=decision,
        )
        made = replace(click(Press("UBOB", answer, entitled, stale)), values=values)
        change, refused = decide(asked, made, now), refusal(asked, made, now)
    finally:
        del KINDS["named"]
    counts = not stale and entitled is True and decision == "awaiting" and now < DEADLINE
    assert (refused is None) == counts
    if not counts:
        assert change.verdict is refused
    elif answer not in Named.answers:
        assert change == Transition(Verdict.UNKNOWN)
    elif answer == "given" and values.get("name") != "ANN":
        assert change == Transition(Verdict.INVALID)
    else:
        assert (change.verdict, change.decision, change.by) == (Verdict.SETTLED, answer, "UBOB")


def test_only_what_was_approved_can_drift() -> None:
    for decision in Decision:
        change = call_question.drifted(question(decision=decision, decided_by="UBOB"), "The file has changed.")
        assert (change is not None) == (decision in RUNS)
        if change is not None:
            assert (change.decision, change.by, change.resumes) == ("drifted", "UBOB", False)


@pytest.mark.parametrize("state", UndoState)
@pytest.mark.parametrize("entitled", [True, False, None])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("ts", ["2.0", ""])
def test_a_call_is_undone_by_one_who_may_while_it_is_offered_on_its_own_card(
    state: UndoState, entitled: bool | None, late: bool, ts: str
) -> None:
    asked = question(decision=Decision.APPROVED, undo=Undo(state, DEADLINE), message_ts=ts)
    change = decide(asked, replace(click(Press("UBOB", UNDO, entitled)), kind=UNDO), DEADLINE if late else 0.0)
    undone = state is UndoState.OFFERED and entitled is True and not late and ts == "2.0"
    assert (change.verdict is Verdict.SETTLED, bool(change.undo_by)) == (undone, undone)
    assert (change.decision, change.call) == ("", None)
    if not undone:
        assert change == Transition(change.verdict), "nothing is written"


@pytest.mark.parametrize("user", [*PEOPLE, ""])
@pytest.mark.parametrize("decision", ["awaiting", retry.RETRIED])
def test_a_parked_thread_is_retried_by_those_who_take_part_and_once(user: str, decision: str) -> None:
    asked = replace(
        retry.question("q1", 3),
        team="T1",
        channel="C1",
        decision=decision,
        participants=frozenset({"UALICE", "UBOB"}),
    )
    assert asked.people == (PARTICIPANTS,)
    pressed = replace(click(Press(user, retry.RETRIED)), digest="", kind=retry.RETRY)
    change = decide(asked, pressed, 1e12)
    if decision != "awaiting":
        assert change == Transition(Verdict.ALREADY)
    elif user in ("UALICE", "UBOB"):
        assert (change.verdict, change.decision, change.resumes) == (Verdict.SETTLED, retry.RETRIED, True)
    else:
        assert change == Transition(Verdict.NOT_YOURS)


def test_a_button_of_one_kind_answers_no_question_of_another() -> None:
    for kind in KINDS:
        for asked in (question(CallKind.MAY_IT_RUN), question(CallKind.DID_IT_RUN)):
            if kind != asked.kind:
                change = decide(asked, replace(click(Press("UBOB", "approved")), kind=kind), 0.0)
                assert change == Transition(Verdict.UNKNOWN)


class Anything(QuestionKind):
    """A kind that says nothing of its own but its answers."""

    name = "anything"
    answers = frozenset({"yes", "no"})


@settings(max_examples=50, deadline=None)
@given(
    people=st.lists(st.sampled_from([*PEOPLE, "SADMINS", "requester", "participants"]), max_size=3).map(tuple),
    groups=st.frozensets(st.sampled_from(["SADMINS", "SOTHERS"])),
    participants=st.frozensets(st.sampled_from(PEOPLE)),
    said=st.lists(presses, max_size=6),
    yes=st.booleans(),
)
def test_a_kind_that_says_nothing_else_is_answered_once_by_whom_it_names(
    people: tuple[str, ...], groups: frozenset[str], participants: frozenset[str], said: list[Press], yes: bool
) -> None:
    asked = Question(
        id="q1",
        kind="anything",
        digest=SHOWN,
        thread_id=3,
        team="T1",
        channel="C1",
        message_ts="2.0",
        requester="UALICE",
        people=people,
        participants=participants,
        expires_at=DEADLINE,
    )
    answer, now = "yes" if yes else "no", 0.0
    KINDS["anything"] = Anything()
    try:
        for press in said:
            now += press.seconds
            change = decide(asked, replace(click(replace(press, answer=answer)), groups=groups), now)
            named = {*people, *(["UALICE"] if "requester" in people else [])}
            named |= participants if "participants" in people else set[str]()
            may = press.user in named or bool(groups & named)
            right = not press.stale and not press.elsewhere and press.entitled is True and may
            open_ = asked.decision == "awaiting"
            assert (change.verdict is Verdict.SETTLED) == (right and open_ and now < DEADLINE)
            assert bool(change.decision) == (right and open_), "answered, or closed as expired"
            asked = replace(asked, decision=change.decision or asked.decision)
    finally:
        del KINDS["anything"]
