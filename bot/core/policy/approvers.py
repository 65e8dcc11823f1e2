"""Who may approve a call, and how many of them it takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.core.policy.rules import Tier

REQUESTER = "requester"


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who may approve calls of one tier."""

    people: tuple[str, ...] = (REQUESTER,)
    """Ids of people (U…, W…) and of user groups (S…), and `requester`: whoever's message started the turn."""
    needed: int = 1
    """So many different people must approve."""
    no_self: bool = False
    """Neither the requester nor who edited the arguments may approve."""
    grants: bool = True
    """Standing grants may be given. Never where several people or somebody else must agree: one person's click would
    stand for theirs from then on."""

    def __post_init__(self) -> None:
        if self.needed > 1 or self.no_self:
            object.__setattr__(self, "grants", False)

    def may(self, user: str, requester: str, editors: Collection[str], groups: frozenset[str]) -> bool:
        """Whether a person may approve.

        In: the person, the requester, who has edited the arguments, and the user groups the person is known to be in.
        """
        if not user or (self.no_self and (user == requester or user in editors)):
            return False
        if is_user(user) and user in self.people:
            return True
        if REQUESTER in self.people and user == requester:
            return True
        return any(is_group(group) and group in groups for group in self.people)

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that are named."""
        return frozenset(filter(is_group, self.people))

    def words(self) -> str:
        """Who and how many, for people: `2 of requester, U0123, S0456, never who asked or edited`."""
        return f"{self.needed} of {', '.join(self.people)}" + (", never who asked or edited" if self.no_self else "")

    def problems(self) -> list[tuple[str, str]]:
        """Why nobody could ever approve, each with how to fix it; empty when somebody can."""
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

    def doubts(self) -> list[tuple[str, str]]:
        """What holds for some requesters only: that their own requests could not be approved."""
        named = set(filter(is_user, self.people))
        if self.problems() or self.groups or not named or len(named) - self.no_self >= self.needed:
            return []
        return [("a request of one of the named approvers cannot get enough approvals", "name one more approver")]

    def _most(self) -> int | None:
        """How many can approve at best; None when that depends on a group."""
        if self.groups:
            return None
        return len(set(filter(is_user, self.people))) + (REQUESTER in self.people and not self.no_self)


@dataclass(frozen=True, slots=True)
class ApprovalRules:
    """Everything that bot.toml says of approvals."""

    read: Approvers = Approvers()
    write: Approvers = Approvers()
    destructive: Approvers = Approvers()
    remind_hours: float = 2.0
    """So long before a request expires people are reminded once; 0: never."""
    undo_minutes: float = 60.0
    """So long after a call it can be taken back; 0: not at all."""
    grant_days: float = 30.0
    """The longest that a standing grant can hold."""

    def of(self, tier: Tier) -> Approvers:
        """Who may approve calls of this tier."""
        match tier:
            case Tier.READ:
                return self.read
            case Tier.WRITE:
                return self.write
            case Tier.DESTRUCTIVE:
                return self.destructive

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that are named anywhere."""
        return self.read.groups | self.write.groups | self.destructive.groups


def is_user(text: str) -> bool:
    """Whether it is formed like the id of a person in Slack."""
    return text[:1] in ("U", "W") and _is_id(text)


def is_group(text: str) -> bool:
    """Whether it is formed like the id of a user group in Slack."""
    return text[:1] == "S" and _is_id(text)


def _is_id(text: str) -> bool:
    return len(text) > 1 and text.isascii() and text.isalnum() and text.upper() == text
