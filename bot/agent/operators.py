"""Finds the operators who are informed by direct message."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.policy.approvers import is_group, is_user
from bot.core.ports.chat import ChatGateway
from bot.core.thread_ref import ThreadRef

MAX_OPERATORS = 3
"""How many members of groups are informed."""


async def informed(gateway: ChatGateway, place: ThreadRef, operators: Sequence[str]) -> Sequence[str]:
    """Return the ids of the people who are informed: those that are named, else the members of the groups that are.

    place: any conversation of the workspace.
    """
    people = [each for each in operators if is_user(each)]
    groups = [each for each in operators if is_group(each)]
    if people or not groups:
        return people
    # Who is in the conversation makes no difference: with a requester, Slack is not asked about a direct message.
    where = await gateway.reachability(place, groups, groups[0], asks=False)
    members = sorted({who for group in groups for who in where.groups.get(group) or ()})
    return [who for who in members if where.members.get(who) is not False][:MAX_OPERATORS]
