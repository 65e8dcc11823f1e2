"""Who may decide: checked against the configuration and against Slack at the moment of the click. Fails closed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from bot.core.policy.approvers import ApprovalRules, Approvers, is_group
from bot.core.policy.rules import Tier
from bot.core.questions.entitlement import Standing, entitled, may_with
from bot.core.questions.question import Approval, Question
from bot.slack.directory import Directory, Person

T = TypeVar("T")

TOLD_SECONDS = 2.0
"""How long one click waits for Slack, however much it asks: it has to be answered within 3 seconds
(docs.slack.dev/interactivity/handling-user-interaction)."""


@dataclass(frozen=True, slots=True)
class Authorizer:
    """Looks at people as Slack knows them."""

    directory: Directory
    rules: ApprovalRules
    named: frozenset[str]
    """The user groups that the configuration names anywhere."""
    team: str
    """Our own workspace."""

    async def member(self, user: str) -> bool | None:
        """Whether this is an active person of our own workspace; None when Slack does not tell. Deactivated people,
        bots and people of other organisations (Slack Connect) are not."""
        return self.is_member(await self.directory.person(user))

    def is_member(self, person: Person | None) -> bool | None:
        """The same of somebody of whom Slack has told; None when it has not."""
        return None if person is None else person.active and person.team == self.team

    async def groups(self, user: str) -> frozenset[str] | None:
        """Those of the named user groups that this person is in; None when Slack does not tell of one of them."""
        asked = sorted(self.named)
        found = await asyncio.gather(*map(self.directory.members, asked))
        if any(members is None for members in found):
            return None
        return frozenset(group for group, members in zip(asked, found, strict=True) if members and user in members)

    def rules_for(self, approval: Approval) -> Approvers:
        """What the configuration says now of requests like this one."""
        return self.rules.of(Tier(approval.call.tier) if approval.call.tier else Tier.DESTRUCTIVE)

    def begin_check(self) -> AuthorizationCheck:
        """What one click is going to ask of Slack; its time runs from now on."""
        return AuthorizationCheck(self)


class AuthorizationCheck:
    """What one click asks of Slack: everything side by side, each person and each group once, until one deadline for
    all of it. What is not known by then, or was refused once, stays unknown for this click; a lookup that is under way
    goes on, so that the next click finds its answer."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._began = time.monotonic()
        self._persons: dict[str, asyncio.Task[Person | None]] = {}
        self._groups: dict[str, asyncio.Task[frozenset[str] | None]] = {}

    def left(self, seconds: float) -> float:
        """How much is left of so many seconds since the click came in; 0 when nothing is."""
        return max(0.0, self._began + seconds - time.monotonic())

    def stranger(self, user: str) -> bool:
        """Whether Slack has told that this is nobody who may ever decide: somebody of another organisation, somebody
        deactivated, a bot. Only of people who were asked about."""
        task = self._persons.get(user)
        return task is not None and self._authorizer.is_member(_answer(task)) is False

    async def entitled(self, user: str, approval: Approval, *, approving: bool) -> bool | None:
        """Whether a person may decide a request: approve it, or (not `approving`) deny, change or stop it, which the
        requester may always do. None when Slack does not tell what that hangs on."""
        rules = self._authorizer.rules_for(approval)
        alone = may_with(approval, user, frozenset(), rules, approving=approving)
        person, (groups, complete) = await asyncio.gather(
            self._told(self._authorizer.directory.person, user, self._persons),
            self._known_groups(user, () if alone else rules.groups),
        )
        standing = Standing(self._authorizer.is_member(person), groups, complete)
        return entitled(approval, user, standing, rules, approving=approving)

    async def member_of(self, user: str, question: Question) -> tuple[bool | None, frozenset[str]]:
        """Whether a person may answer questions at all, and in which user groups they are of those that this one
        names. None when Slack does not tell of something that it hangs on."""
        named = question.names(user, frozenset())
        groups = () if named else tuple(filter(is_group, question.people))
        person, (known, complete) = await asyncio.gather(
            self._told(self._authorizer.directory.person, user, self._persons), self._known_groups(user, groups)
        )
        member = self._authorizer.is_member(person)
        return None if member and not named and not known and not complete else member, known

    async def _known_groups(self, user: str, among: Collection[str]) -> tuple[frozenset[str], bool]:
        """Those of the groups that this person certainly is in, and whether Slack has told of all of them."""
        asked = sorted(among)
        members = self._authorizer.directory.members
        found = await asyncio.gather(*(self._told(members, group, self._groups) for group in asked))
        known = frozenset(group for group, inside in zip(asked, found, strict=True) if inside and user in inside)
        return known, all(inside is not None for inside in found)

    async def _told(
        self, ask: Callable[[str], Coroutine[Any, Any, T]], key: str, asked: dict[str, asyncio.Task[T]]
    ) -> T | None:
        """The answer, asked for once; None when there is none in time."""
        if key not in asked:
            asked[key] = asyncio.create_task(ask(key))
        await asyncio.wait({asked[key]}, timeout=self.left(TOLD_SECONDS))
        return _answer(asked[key])


def _answer(task: asyncio.Task[T]) -> T | None:
    return task.result() if task.done() else None
