"""Identifies the requests of a card that are decided or reviewed together, as they were shown. Pure.

A button's value holds 2,000 characters and a step up to 64 calls, so a button carries a short form: one request of the
card, the ends of the ids of all that were shown, and a digest over their ids and digests. What comes back is untrusted:
it is compared with the card as it is then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.core.calls import CallState
from bot.core.json_text import sha256
from bot.core.limits import MAX_CALLS
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, CallKind, Decision, Question
from bot.slack.blocks.call_text import arguments_of

ENDING = 6
"""Characters at the end of an id that distinguish the requests of one card. The digest detects a mix-up."""


@dataclass(frozen=True, slots=True)
class ReviewSet:
    """Requests of one card, as they were shown."""

    first: str
    """The id of one of them."""
    endings: str
    """The ends of all of their ids, one after the other."""
    digest: str
    """Covers the id and the digest of each, so also what was shown of it."""


def review_set(approvals: Sequence[Approval]) -> ReviewSet:
    """Return the short form of these requests of a card. Raises IndexError if there are none."""
    endings = "".join(_ending(approval.id) for approval in approvals)
    digests = (part for approval in approvals for part in (approval.id, approval.digest))
    return ReviewSet(approvals[0].id, endings, sha256(*digests))


def chosen(approvals: Iterable[Approval], these: ReviewSet) -> list[Approval]:
    """Return those requests of a card that a set is about. They are what was shown only if their own `review_set` is
    equal to it."""
    count = range(0, len(these.endings), ENDING)
    wanted = {these.endings[start : start + ENDING] for start in count}
    return [approval for approval in approvals if _ending(approval.id) in wanted]


def is_sound(these: ReviewSet) -> bool:
    """Whether a set that came back has a valid form."""
    number, rest = divmod(len(these.endings), ENDING)
    return bool(these.first) and 0 < number <= MAX_CALLS and not rest and len(these.digest) == len(sha256(""))


def current(questions: Sequence[Question]) -> tuple[list[Approval], dict[str, Approval]]:
    """Return the requests of a message as they are now, and, by the id of each that was edited, its earlier version."""
    latest: dict[int, Approval] = {}
    before: dict[str, Approval] = {}
    kept: list[Approval] = []
    for approval in questions:
        if not isinstance(approval, Approval):
            continue
        earlier = latest.get(approval.call.id)
        if earlier is not None and earlier.decision is Decision.EDITED:
            before[approval.id] = earlier
            kept[kept.index(earlier)] = approval
        else:
            kept.append(approval)
        latest[approval.call.id] = approval
    return kept, before


def together(approvals: Sequence[Approval]) -> bool:
    """Whether the requests of a message are a list that is decided together: several, all of them whether a call may
    run."""
    return len(approvals) > 1 and all(approval.kind == CallKind.MAY_IT_RUN for approval in approvals)


def awaits(approval: Approval) -> bool:
    """Whether a request waits for a decision."""
    return approval.decision is Decision.AWAITING


def is_hidden(approval: Approval) -> bool:
    """Whether its message shows less than the whole call, so that it cannot be decided there."""
    if approval.privacy == Privacy.FULL:
        return False
    return approval.privacy != Privacy.SUMMARY or bool(arguments_of(approval.call))


def is_running(approval: Approval) -> bool:
    """Whether the call of an approved request has not ended yet."""
    return approval.call.state in (CallState.READY, CallState.STARTED)


def _ending(id_: str) -> str:
    return id_[-ENDING:].rjust(ENDING)
