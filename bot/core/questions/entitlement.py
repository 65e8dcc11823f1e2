"""Decides who may decide about a call, by the configuration and by what Slack says about a person. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.policy.approvers import Approvers
from bot.core.questions.question import Approval


@dataclass(frozen=True, slots=True)
class Membership:
    """What Slack says about a person."""

    member: bool | None
    """Whether they are an active member of our workspace; None if Slack did not answer."""
    groups: frozenset[str] = frozenset()
    """The relevant user groups that they are certainly in."""
    complete: bool = True
    """Whether Slack has answered for all relevant groups."""


def entitled(
    approval: Approval, user: str, membership: Membership, rules: Approvers, *, approving: bool
) -> bool | None:
    """Return whether a person may approve a call or, if not `approving`, deny, edit or stop it.

    `rules` are the current ones; the card may show older ones. None if it depends on what Slack did not answer.
    """
    if not membership.member:
        return membership.member
    may = may_with(approval, user, membership.groups, rules, approving=approving)
    return may if may or membership.complete else None


def may_with(approval: Approval, user: str, groups: frozenset[str], rules: Approvers, *, approving: bool) -> bool:
    """Return whether the rules allow it to a member who is in these groups."""
    if approving:
        return rules.may(user, approval.requester, approval.call.editors, groups)
    return rules.may_close(user, approval.requester, groups)
