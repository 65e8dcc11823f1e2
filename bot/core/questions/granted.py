"""The record of a call that ran under a standing grant. It asks nothing, but its buttons undo the call and revoke the
grant. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace

from bot.core.calls import Call, CallOutcome
from bot.core.questions.click import Click, Verdict
from bot.core.questions.grant import Grant
from bot.core.questions.kind import UNKNOWN, QuestionKind
from bot.core.questions.question import Approval, Decision, Question
from bot.core.questions.scope import FILE, FOLDER, TARGET
from bot.core.questions.transition import GivenGrant, Record, Transition
from bot.core.untrusted import mapping, parsed

GRANTED = "granted"
"""The kind of the record."""
REVOKE = "revoke"
MAX_DIGITS = 18
"""Digits of the id of a grant."""


@dataclass(frozen=True, slots=True)
class GrantedCall:
    """What the record of a call keeps of it."""

    grant: int
    """The id of the grant."""
    title: str = ""
    """What was done, for people: `Edited archive2.txt`; empty if the thread may not know."""
    subject: str = ""
    """What that was done to, as it is in the title: `archive2.txt`."""
    counts: str = ""
    """How much that was, in a few characters: `+1 −1`."""
    by: str = ""
    """The name of the person who gave the grant."""

    def dumps(self) -> str:
        """Return it as JSON text, for `Question.body`."""
        return json.dumps(asdict(self), ensure_ascii=False)


def loads(body: str) -> GrantedCall:
    """Return what a record keeps, from JSON text; what another version has added is left out."""
    kept = mapping(parsed(body))
    grant = kept.get("grant")
    texts = {name: str(kept.get(name) or "") for name in ("title", "subject", "counts", "by")}
    return GrantedCall(grant if isinstance(grant, int) else 0, **texts)


def given(approval: Approval, grant: Grant, user: str) -> GivenGrant:
    """Complete a grant with the tool of a request and the person who gives it, for the store and the audit."""
    call = approval.call
    facts = {
        "tool": call.tool,
        "where": "thread" if grant.thread_id else "everywhere",
        "scope": grant.scope,
        "until": grant.expires_at,
    }
    bound = {grant.scope: grant.value} if grant.scope in (FILE, FOLDER, TARGET) else {}
    kept = replace(
        grant,
        user=user,
        tool=call.tool,
        server=call.server,
        remote_name=call.remote_name,
        tool_digest=call.tool_digest,
    )
    return GivenGrant(kept, Record("granted", facts, user, unless_redacted=bound))


def why(grant: Grant) -> str:
    """Return what allows a call to run, as it is recorded of the call."""
    return f"grant {grant.id} of {grant.user}"


def grant_of(call: Call) -> tuple[int, str]:
    """Return the id of the grant under which a call runs, and who gave it; (0, "") if it runs under none."""
    match call.why.split(" "):
        case ["grant", number, "of", user] if not call.approval and number.isdecimal() and len(number) <= MAX_DIGITS:
            return int(number), user
        case _:
            return 0, ""


def is_recorded(call: Call) -> bool:
    """Return whether a finished call has a record of its own."""
    return call.outcome is CallOutcome.OK and grant_of(call)[0] > 0


class GrantedCallRecord(QuestionKind):
    """The record. Nobody answers it."""

    name = GRANTED


class RevokeOffer(QuestionKind):
    """The button Revoke, on the card with which a grant was given and on the record of each call under it."""

    name = REVOKE
    answers = frozenset({REVOKE})

    def asked(self, question: Question) -> Question | None:
        if not isinstance(question, Approval) or question.grant is None:
            return None
        decision = Decision.EXPIRED if question.grant.ended else Decision.AWAITING
        return replace(question, kind=REVOKE, decision=decision, expires_at=question.grant.expires_at)

    def late(self, question: Question) -> Transition:
        # The sweep ends it.
        return Transition(Verdict.ALREADY)

    def may(self, question: Question, click: Click) -> bool | None:
        """Return whether this person gave the grant; they may revoke it even if they could no longer give it."""
        return isinstance(question, Approval) and question.grant is not None and question.grant.user == click.user

    def answered(self, question: Question, click: Click) -> Transition:
        grant = question.grant if isinstance(question, Approval) else None
        if grant is None:
            return UNKNOWN
        return Transition(Verdict.SETTLED, by=click.user, revokes=grant.id, redraw=True)
