"""Who may decide: checked against the configuration and against Slack at the moment of the click. Fails closed."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from bot.core.approvers import ApprovalRules, Approvers
from bot.core.policy import Tier
from bot.core.requests import Approval
from bot.slack.directory import Directory


@dataclass(frozen=True, slots=True)
class People:
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
        person = await self.directory.person(user)
        return None if person is None else person.active and person.team == self.team

    async def groups(self, user: str, among: Collection[str] | None = None) -> frozenset[str] | None:
        """Those of the user groups that this person is in; None when Slack does not tell of one of them."""
        known, complete = await self._known_groups(user, self.named if among is None else among)
        return known if complete else None

    async def _known_groups(self, user: str, among: Collection[str]) -> tuple[frozenset[str], bool]:
        """Those of the groups that this person certainly is in, and whether Slack has told of all of them."""
        asked = sorted(among)
        found = await asyncio.gather(*map(self.directory.members, asked))
        known = frozenset(group for group, members in zip(asked, found, strict=True) if members and user in members)
        return known, all(members is not None for members in found)

    async def entitled(self, user: str, approval: Approval, *, approving: bool) -> bool | None:
        """Whether a person may decide a request: approve it, or (not `approving`) deny, change or stop it, which the
        requester may always do. None when Slack does not tell what that hangs on."""
        member = await self.member(user)
        if not member:
            return member
        if not approving and user == approval.requester:
            return True
        rules = self.rules_for(approval)
        known, complete = await self._known_groups(user, rules.groups)
        if approving:
            may = rules.may(user, approval.requester, approval.call.editors, known)
        else:
            may = user in rules.people or bool(known & rules.groups)
        return may if may or complete else None

    def rules_for(self, approval: Approval) -> Approvers:
        """What the configuration says now of requests like this one."""
        return self.rules.of(Tier(approval.call.tier) if approval.call.tier else Tier.DESTRUCTIVE)
