"""The question to a person to sign in to a server, so that calls may use their account. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from bot.core.calls import CallOutcome, CallState
from bot.core.json_text import sha256
from bot.core.questions.click import Verdict
from bot.core.questions.kind import QuestionKind
from bot.core.questions.question import Decision, Question
from bot.core.questions.transition import CallStep, Record, Transition
from bot.core.untrusted import items, mapping, parsed

SIGN_IN = "sign_in"
SIGNED_IN = "signed_in"
"""The decision once the person has signed in."""
DECLINED = "declined"
"""The only answer that a button gives."""
MAX_WOKEN = 500
"""Threads whose calls go on at once; the others go on when something else wakes them."""
TIMES = 2
"""How often a person is asked to sign in for one call."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person is asked to sign in to."""

    server: str
    host: str
    """Where the person signs in."""
    link: str
    """Where the sign-in begins."""
    state: str
    """The SHA-256 of the state in the link, in hexadecimal."""
    paste: bool
    """Whether the person has to paste the address to which the browser is sent at the end."""
    problem: str = ""
    """Why it is asked again, as a sentence of our own."""
    threads: tuple[int, ...] = ()
    """The threads whose calls wait."""


class SignIn(QuestionKind):
    """Asks a person to sign in. It is answered by signing in, or by declining."""

    name = SIGN_IN
    answers = frozenset({DECLINED})
    ends_with_turn = False

    def requested(self, question: Question) -> Record:
        return self.record(question, "requested", _facts(question))

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
        """Return what follows: the calls that wait go on, or end without having been made."""
        said = {**_facts(question), **(facts or {})}
        closed = super().closed(question, decision, by=by, reason=reason, verdict=verdict, facts=said)
        return replace(closed, waiting=_step(asked(question).server, decision))

    def threads(self, question: Question) -> Sequence[int]:
        return asked(question).threads or (question.thread_id,)


def _facts(question: Question) -> dict[str, object]:
    found = asked(question)
    return {"server": found.server, "at": found.host}


def _step(server: str, decision: str) -> CallStep:
    if decision == SIGNED_IN:
        return CallStep(CallState.READY)
    if decision == Decision.STOPPED:
        return CallStep(CallState.FINISHED, CallOutcome.STOPPED)
    why = {
        DECLINED: "chose not to sign in",
        Decision.EXPIRED: "did not sign in in time",
    }.get(decision, "could not be asked to sign in")
    words = f"it needs the account of the person who asked, who {why} to `{server}`. Make it again only if they ask."
    return CallStep(CallState.FINISHED, CallOutcome.REFUSED, words)


def asked(question: Question) -> Asked:
    """Return what a question is about."""
    found = mapping(parsed(question.body))
    texts = {name: str(found.get(name) or "") for name in ("server", "host", "link", "state", "problem")}
    threads = tuple(each for each in items(found.get("threads")) if isinstance(each, int))
    return Asked(**texts, paste=found.get("paste") is True, threads=threads)


def body(about: Asked) -> str:
    """Return the stored form."""
    return json.dumps(asdict(about))


def joined(question: Question, thread_id: int) -> str | None:
    """Return the body of a question for which a call of another thread waits too; None if it need not change."""
    found = asked(question)
    if thread_id in found.threads or len(found.threads) >= MAX_WOKEN:
        return None
    return body(replace(found, threads=(*found.threads, thread_id)))


def renewed(question: Question, about: Asked) -> str:
    """Return the body of a question with another link. In: what is asked now."""
    return body(replace(about, threads=asked(question).threads))


def question(id: str, about: Asked, thread: tuple[int, str], person: str, expires_at: float) -> Question:
    """Return the question.

    Args:
        id: identifies the question.
        about: what the person is to sign in to.
        thread: the id of the thread in which it is asked, and its channel.
        person: who is to sign in.
        expires_at: Unix time in seconds.
    """
    thread_id, channel = thread
    return Question(
        id=id,
        kind=SIGN_IN,
        digest=sha256(id, about.server, person),
        thread_id=thread_id,
        channel=channel,
        subject=f"server:{about.server}",
        body=body(replace(about, threads=(thread_id,))),
        requester=person,
        people=(person,),
        expires_at=expires_at,
    )
