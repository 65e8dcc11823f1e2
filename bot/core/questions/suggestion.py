"""Decides when a card suggests a standing grant: after several similar approvals by one person, if the grant would not
have covered a call that was denied. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace

from bot.core.questions import granted
from bot.core.questions.click import Click, Verdict
from bot.core.questions.kind import UNKNOWN, QuestionKind
from bot.core.questions.question import Approval, CallKind, Decision, Question
from bot.core.questions.scope import FOLDER, TARGET, Offer, Offers
from bot.core.questions.transition import Transition
from bot.core.untrusted import items, mapping, parsed

SUGGESTION = "suggestion"
ENOUGH = 3
"""Similar approvals after which a grant is suggested."""
LOOKED_AT = 50
"""The newest decisions about calls of the tool that are considered."""
LOOK_BACK_SECONDS = 30 * 86_400.0
SECONDS = 7 * 86_400.0
"""How long the suggested grant holds, unless the configuration allows less; and how long it is suggested."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A grant to suggest."""

    offer: Offer
    approved: int
    """How many approvals it would have covered."""
    denied: int
    """How many calls of the tool the person denied, none of which it would have covered."""


@dataclass(frozen=True, slots=True)
class CoveringGrants:
    """What a request keeps for suggestions: the grants that would cover its call."""

    action: str = ""
    """What such a grant allows: `edits to`."""
    several: str = ""
    """What several such calls are called: `edits`; empty if they have no name."""
    offers: Sequence[Offer] = ()
    """The folders, or the target arguments, the narrowest first."""
    seconds: float = SECONDS
    """How long a suggested grant may hold."""
    made: Suggestion | None = None
    """What was suggested when the request was approved."""
    known: bool = field(default=True, kw_only=True)
    """False for requests of earlier versions, which kept nothing."""

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        """What would have covered the call, as (scope, value)."""
        return frozenset((each.scope, each.value) for each in self.offers)

    def dumps(self) -> str:
        """Return it as JSON text, for `Question.body`."""
        return json.dumps(asdict(self), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class PastDecision:
    """One decision about a call of the same tool."""

    approved: bool
    """Whether the person to whom the grant would be suggested approved it."""
    covering: CoveringGrants
    by_others: bool = False
    """Denied by somebody else."""


def covering_grants(known: Offers, offers: Sequence[Offer], action: str, longest: float) -> CoveringGrants:
    """Return what a request keeps. In: what may be offered for its call, what that is called, and how long a grant may
    hold, in seconds."""
    # A single file or exactly the same arguments are too narrow to be suggested, everything is too wide.
    found = [each for each in offers if each.scope in (FOLDER, TARGET)]
    return CoveringGrants(action, known.several, found, min(SECONDS, longest))


def loads(body: str) -> CoveringGrants:
    """Return what a request keeps, from JSON text."""
    found = mapping(parsed(body)) if body else {}
    made, seconds = mapping(found.get("made")), found.get("seconds")
    offers = [_offer(mapping(each)) for each in items(found.get("offers"))]
    return CoveringGrants(
        str(found.get("action") or ""),
        str(found.get("several") or ""),
        offers,
        float(seconds) if isinstance(seconds, int | float) else SECONDS,
        Suggestion(_offer(mapping(made.get("offer"))), _number(made, "approved"), _number(made, "denied"))
        if made
        else None,
        known=bool(found),
    )


def _offer(kept: dict[str, object]) -> Offer:
    return Offer(*(str(kept.get(name) or "") for name in ("scope", "value", "words")))


def _number(kept: dict[str, object], name: str) -> int:
    number = kept.get(name)
    return number if isinstance(number, int) else 0


def suggests(question: Question, decision: str, by: str) -> bool:
    """Return whether a decision about a request may lead to a suggestion: its requester approves it alone."""
    return (
        isinstance(question, Approval)
        and question.kind == CallKind.MAY_IT_RUN
        and decision == Decision.APPROVED
        and by == question.requester
        and question.grants
        and bool(question.body)
    )


def suggested(offers: Sequence[Offer], past: Sequence[PastDecision]) -> Suggestion | None:
    """Return the narrowest folder or target arguments that would have covered enough approvals and no denial;
    None if there is none.

    In: what is offered for the call that was just approved, and the decisions about calls of the tool with its present
    definition that the person has asked for, the newest first, that one included.
    """
    seen = past[:LOOKED_AT]
    if any(not each.approved and not each.covering.known for each in seen):
        return None  # it is not known whether it would have been covered
    for offer in offers:
        place = (offer.scope, offer.value)
        covered = [each for each in seen if place in each.covering.places]
        approved = sum(each.approved for each in covered)
        # With more, it was suggested before and not accepted.
        if approved == ENOUGH and approved == len(covered):
            return Suggestion(offer, approved, sum(not each.approved and not each.by_others for each in seen))
        if approved > ENOUGH:
            return None
    return None


def after(body: str, past: Sequence[PastDecision]) -> str:
    """Return what a request keeps that was just approved, with the grant to suggest; empty if there is none."""
    found = loads(body)
    made = suggested(found.offers, past)
    return replace(found, made=made).dumps() if made is not None else ""


def withdrawn(body: str, past: Sequence[PastDecision]) -> str:
    """Return what a request keeps once its suggestion no longer holds, since a call that the grant would cover was
    denied later; empty if the suggestion still holds, or there is none."""
    found = loads(body)
    if found.made is None:
        return ""
    place = (found.made.offer.scope, found.made.offer.value)
    denied = [each.covering for each in past if not each.approved]
    holds = all(each.known and place not in each.places for each in denied)
    return "" if holds else replace(found, made=None).dumps()


def words(found: CoveringGrants) -> str:
    """Return the sentences of a suggestion; empty if there is none."""
    made = found.made
    if made is None:
        return ""
    what = made.offer.words
    place = what.partition(" in ")[2] if made.offer.scope == FOLDER else ""
    if found.several and place:
        done, these = f"You approved {made.approved} {found.several} in {place}.", "these"
    else:
        done, these = f"You approved {found.action} {what.removeprefix('only ')} {made.approved} times.", "this"
    denied = f" and none of the {made.denied} you denied" if made.denied > 1 else ""
    if made.denied == 1:
        denied = " and not the one you denied"
    exactly = f"It would have covered exactly these {made.approved}{denied}."
    return f"{done} Allow {these} for {period(found.seconds)}? {exactly}"


def period(seconds: float) -> str:
    """Return how long a suggested grant holds, in words."""
    if seconds >= SECONDS:
        return "a week"
    for size, name in ((86_400.0, "day"), (3_600.0, "hour")):
        number = int(seconds // size)
        if number:
            return f"{number} {name}s" if number > 1 else f"{'an' if name == 'hour' else 'a'} {name}"
    return f"{max(1, int(seconds // 60))} minutes"


class GrantSuggestion(QuestionKind):
    """Whether the suggested grant is given: offered to the person whose approval led to it."""

    name = SUGGESTION
    answers = frozenset({SUGGESTION})

    def asked(self, question: Question) -> Question | None:
        if not isinstance(question, Approval) or question.kind != CallKind.MAY_IT_RUN:
            return None
        if loads(question.body).made is None:
            return None
        given = question.grant is not None or question.decision != Decision.APPROVED
        decision = Decision.EXPIRED if given else Decision.AWAITING
        return replace(question, kind=SUGGESTION, decision=decision, expires_at=question.decided_at + SECONDS)

    def late(self, question: Question) -> Transition:
        return Transition(Verdict.ALREADY)

    def may(self, question: Question, click: Click) -> bool | None:
        """Return whether this person has approved the request, and may still do so."""
        return click.entitled if question.decided_by == click.user else False

    def answered(self, question: Question, click: Click) -> Transition:
        made, grant = loads(question.body).made, click.grant
        if not isinstance(question, Approval) or made is None or grant is None:
            return UNKNOWN
        if (grant.scope, grant.value, grant.thread_id) != (made.offer.scope, made.offer.value, 0):
            return UNKNOWN
        given = granted.given(question, grant, click.user)
        return Transition(Verdict.SETTLED, by=click.user, grant=given, redraw=True)
