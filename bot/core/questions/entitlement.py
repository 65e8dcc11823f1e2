"""Who may decide a question about a call, by what the configuration says and Slack has told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.core.policy.approvers import Approvers
from bot.core.questions.question import Approval


@dataclass(frozen=True, slots=True)
class Membership:
    """What Slack has told of a person."""

    member: bool | None
    """An active person of our own workspace; None when Slack did not tell."""
    groups: frozenset[str] = frozenset()
    """The user groups that they certainly are in, of those that matter."""
    complete: bool = True
    """Slack has told of all groups that matter."""


def entitled(
    approval: Approval, user: str, membership: Membership, rules: Approvers, *, approving: bool
) -> bool | None:
    """Whether a person may approve a call or (not `approving`) deny, change or stop it.

    In: the rules as they are now; the card may show older ones. Out: None when it hangs on what Slack did not tell.
    """
    if not membership.member:
        return membership.member
    may = may_with(approval, user, membership.groups, rules, approving=approving)
    return may if may or membership.complete else None


def may_with(approval: Approval, user: str, groups: frozenset[str], rules: Approvers, *, approving: bool) -> bool:
    """What the rules say of a member who is certainly in these groups."""
    if approving:
        return rules.may(user, approval.requester, approval.call.editors, groups)
    return rules.may_close(user, approval.requester, groups)
