"""Checks at the moment of a click who may decide, by the configuration and by what Slack says. Denies when in doubt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.core.policy.approvers import ApprovalRules, Approvers, is_group
from bot.core.policy.rules import Tier
from bot.core.questions.entitlement import Membership, entitled, may_with
from bot.core.questions.question import Approval, Question
from bot.slack.directory import Directory, Person

T = TypeVar("T")

BLOCKED = (
    "I'm not allowed to ask Slack who you are, so nothing was changed. Whoever runs me has to fix this first: "
    "my log says how."
)
LOOKUP_SECONDS = 2.0
"""How long the lookups of one click may take together: the click has to be acknowledged within 3 seconds
(docs.slack.dev/interactivity/handling-user-interaction)."""


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Checks people by what Slack says about them."""

    directory: Directory
    rules: ApprovalRules
    named: frozenset[str]
    """All user groups that the configuration names."""
    team: str
    """The id of our installation: of our workspace, or of the organisation."""
    enterprise: str = ""
    """The id of our organisation (Enterprise Grid); empty if we are in none."""
    served: Callable[[], frozenset[str]] = frozenset
    """Returns the user groups that may use tool servers, which change while the bot runs."""

    async def member(self, user: str) -> bool | None:
        """Return whether this is an active member of our workspace; None if Slack does not answer.

        People of other workspaces of our organisation (Enterprise Grid) count as members. Deactivated people, bots and
        people of other organizations (Slack Connect) do not.
        """
        return self.is_member(await self.directory.person(user))

    def is_member(self, person: Person | None) -> bool | None:
        """Return the same for a person who was looked up; None if Slack did not answer."""
        return None if person is None else person.active and bool(_places(person) & {self.team, self.enterprise})

    def acted_here(self, person: Person, origin: frozenset[str]) -> bool:
        """Return whether a person can have acted in the workspaces that a payload names: their own, or our
        installation's.

        Slack Connect: members of another organisation act in their own workspace. Enterprise Grid: people may act in
        any of the workspaces of the organisation that they are in.
        """
        return bool(origin) and origin <= _places(person) | {self.team}

    async def groups(self, user: str) -> frozenset[str] | None:
        """Return the named user groups that a person is in; None if Slack does not answer for one of them."""
        asked = sorted(self.named | self.served())
        found = await asyncio.gather(*map(self.directory.members, asked))
        if any(members is None for members in found):
            return None
        return frozenset(group for group, members in zip(asked, found, strict=True) if members and user in members)

    async def may_stop(self, user: str) -> bool:
        """Return whether a person is an approver by the configuration, and a member, and may therefore stop turns of
        others. False if Slack does not answer."""
        rules = (self.rules.read, self.rules.write, self.rules.destructive)
        named, groups = any(user in each.people for each in rules), self.rules.groups
        if not named and not groups:
            return False
        if not named:
            found = await asyncio.gather(*map(self.directory.members, sorted(groups)))
            named = any(members is not None and user in members for members in found)
        return named and await self.member(user) is True

    def rules_for(self, approval: Approval) -> Approvers:
        """Return the current rules for requests like this one."""
        return self.rules.of(Tier(approval.call.tier) if approval.call.tier else Tier.DESTRUCTIVE)

    def begin_check(self) -> AuthorizationCheck:
        """Start the lookups of one click. Its time limit begins now."""
        return AuthorizationCheck(self)


class AuthorizationCheck:
    """The lookups of one click: concurrent, once per person and group, with one deadline for all.

    A lookup that fails or misses the deadline counts as unknown for this click. It is not cancelled, so that the next
    click finds its answer.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._began = time.monotonic()
        self._persons: dict[str, asyncio.Task[Person | None]] = {}
        self._groups: dict[str, asyncio.Task[frozenset[str] | None]] = {}

    @property
    def org_wide(self) -> bool:
        """Whether the app is installed in an organisation rather than in one workspace."""
        return self._authorizer.team == self._authorizer.enterprise

    def left(self, seconds: float) -> float:
        """Return how many of these seconds, counted from the click, are left; at least 0."""
        return max(0.0, self._began + seconds - time.monotonic())

    def stranger(self, user: str) -> bool:
        """Return whether Slack has said that a person may never decide: from another organization, deactivated, or a
        bot.

        Only for people who were looked up in this check.
        """
        task = self._persons.get(user)
        return task is not None and self._authorizer.is_member(_answer(task)) is False

    async def look_up(self, user: str) -> None:
        """Look a person up in Slack."""
        await self._within_limit(self._authorizer.directory.person, user, self._persons)

    def acted_here(self, user: str, origin: frozenset[str]) -> bool | None:
        """Return whether a person can have acted in these workspaces; None if Slack did not answer.

        Only for people who were looked up in this check.
        """
        task = self._persons.get(user)
        person = None if task is None else _answer(task)
        return None if person is None else self._authorizer.acted_here(person, origin)

    def unknown(self, words: str) -> str:
        """Return the message to a person who could not be identified: these words, or that pressing again does not
        help."""
        return BLOCKED if self._authorizer.directory.blocked else words

    async def entitled(self, user: str, approval: Approval, *, approving: bool) -> bool | None:
        """Return whether a person may decide a request; None if Slack did not say what that depends on.

        approving: whether they want to approve it. The requester may always deny, edit and stop.
        """
        rules = self._authorizer.rules_for(approval)
        alone = may_with(approval, user, frozenset(), rules, approving=approving)
        person, (groups, complete) = await asyncio.gather(
            self._within_limit(self._authorizer.directory.person, user, self._persons),
            self._known_groups(user, () if alone else rules.groups),
        )
        membership = Membership(self._authorizer.is_member(person), groups, complete)
        return entitled(approval, user, membership, rules, approving=approving)

    async def member_of(self, user: str, question: Question) -> tuple[bool | None, frozenset[str]]:
        """Return whether a person may answer questions at all, and in which of the question's user groups they are.

        The first is None if Slack did not say what it depends on.
        """
        named = question.names(user, frozenset())
        groups = () if named else tuple(filter(is_group, question.people))
        person, (known, complete) = await asyncio.gather(
            self._within_limit(self._authorizer.directory.person, user, self._persons), self._known_groups(user, groups)
        )
        member = self._authorizer.is_member(person)
        return None if member and not named and not known and not complete else member, known

    async def _known_groups(self, user: str, among: Collection[str]) -> tuple[frozenset[str], bool]:
        """Return the groups that a person is known to be in, and whether Slack has answered for all of them."""
        asked = sorted(among)
        members = self._authorizer.directory.members
        found = await asyncio.gather(*(self._within_limit(members, group, self._groups) for group in asked))
        known = frozenset(group for group, inside in zip(asked, found, strict=True) if inside and user in inside)
        return known, all(inside is not None for inside in found)

    async def _within_limit(
        self, ask: Callable[[str], Coroutine[Any, Any, T]], key: str, asked: dict[str, asyncio.Task[T]]
    ) -> T | None:
        """Return the answer to a lookup, made once per key; None if there is none in time."""
        if key not in asked:
            asked[key] = asyncio.create_task(ask(key))
        await asyncio.wait({asked[key]}, timeout=self.left(LOOKUP_SECONDS))
        return _answer(asked[key])


def _answer(task: asyncio.Task[T]) -> T | None:
    return task.result() if task.done() else None


def _places(person: Person) -> frozenset[str]:
    """Return the ids of a person's workspaces, and of their organisation."""
    return (person.teams | {person.team, person.enterprise}) - {""}
