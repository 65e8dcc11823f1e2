"""Approval rules: who may approve a call, and how many approvals it needs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.core.policy.rules import Tier

REQUESTER = "requester"


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who may approve calls of one tier."""

    people: tuple[str, ...] = (REQUESTER,)
    """Ids of people (U…, W…) and of user groups (S…), and `requester`: the person whose message started the turn."""
    needed: int = 1
    """The number of different people who must approve."""
    no_self: bool = False
    """Neither the requester nor anybody who edited the arguments may approve."""
    grants: bool = True
    """Standing grants may be given. Always false if several people must approve or the requester may not: one person's
    click would then replace the approval of the others."""

    def __post_init__(self) -> None:
        if self.needed > 1 or self.no_self:
            object.__setattr__(self, "grants", False)

    def may(self, user: str, requester: str, editors: Collection[str], groups: frozenset[str]) -> bool:
        """Return whether a person may approve.

        Args:
            user: the person.
            requester: the person whose message started the turn.
            editors: the people who have edited the arguments.
            groups: the user groups that the person is known to be in.
        """
        if not user or (self.no_self and (user == requester or user in editors)):
            return False
        if is_user(user) and user in self.people:
            return True
        if REQUESTER in self.people and user == requester:
            return True
        return any(is_group(group) and group in groups for group in self.people)

    def may_close(self, user: str, requester: str, groups: frozenset[str]) -> bool:
        """Return whether a person may deny, change or stop a call: the requester always, and whoever is named.

        In: the person, the requester, and the user groups the person is known to be in.
        """
        named = is_user(user) and user in self.people
        return bool(user) and (user == requester or named or bool(groups & self.groups))

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that may approve."""
        return frozenset(filter(is_group, self.people))

    def without_requester(self) -> Approvers:
        """Return the same rules for a turn that no person has started: only the people who are named may approve."""
        named = tuple(who for who in self.people if who != REQUESTER)
        return Approvers(named, self.needed, self.no_self, self.grants)

    def words(self) -> str:
        """Describe the rule for people: `2 of requester, U0123, S0456, never who asked or edited`."""
        return f"{self.needed} of {', '.join(self.people)}" + (", never who asked or edited" if self.no_self else "")

    def problems(self) -> list[tuple[str, str]]:
        """Return why nobody could ever approve, each reason with its fix; empty if somebody can."""
        odd = [who for who in self.people if who != REQUESTER and not is_user(who) and not is_group(who)]
        if odd:
            fix = "write the ids of people (U… or W…) or of user groups (S…), or requester"
            return [(f"{', '.join(map(repr, odd))} cannot approve", fix)]
        if self.needed < 1:
            return [(f"{self.needed} approvals are needed", "write 1 or more")]
        most = self._most()
        if most == 0:
            return [("nobody could ever approve", "name approvers besides the requester, or remove no_self")]
        if most is not None and self.needed > most:
            problem = f"{self.needed} approvals are needed, and at most {most} can be given"
            return [(problem, "name more approvers or a user group")]
        return []

    def warnings(self) -> list[tuple[str, str]]:
        """Return problems that affect some requesters only, whose own requests could never be approved."""
        named = set(filter(is_user, self.people))
        if self.problems() or self.groups or not named or len(named) - self.no_self >= self.needed:
            return []
        return [("a request of one of the named approvers cannot get enough approvals", "name one more approver")]

    def _most(self) -> int | None:
        """Return the largest number of possible approvers; None if that depends on a group."""
        if self.groups:
            return None
        return len(set(filter(is_user, self.people))) + (REQUESTER in self.people and not self.no_self)


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """The approval settings of bot.toml."""

    read: Approvers = Approvers()
    write: Approvers = Approvers()
    destructive: Approvers = Approvers()
    remind_hours: float = 2.0
    """Hours before a request expires when people are reminded once; 0 disables reminders."""
    undo_minutes: float = 60.0
    """Minutes after a call during which it can be undone; 0 disables undo."""
    grant_days: float = 30.0
    """The maximum lifetime of a standing grant, in days."""

    def of(self, tier: Tier) -> Approvers:
        """Return who may approve calls of this tier."""
        match tier:
            case Tier.READ:
                return self.read
            case Tier.WRITE:
                return self.write
            case Tier.DESTRUCTIVE:
                return self.destructive

    @property
    def groups(self) -> frozenset[str]:
        """The user groups of all tiers."""
        return self.read.groups | self.write.groups | self.destructive.groups


def is_user(text: str) -> bool:
    """Return whether the text has the form of a Slack user id."""
    return text[:1] in ("U", "W") and _is_id(text)


def is_group(text: str) -> bool:
    """Return whether the text has the form of a Slack user group id."""
    return text[:1] == "S" and _is_id(text)


def _is_id(text: str) -> bool:
    return len(text) > 1 and text.isascii() and text.isalnum() and text.upper() == text
