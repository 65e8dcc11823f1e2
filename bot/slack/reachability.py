"""Looks up in Slack which of the people who may decide something are active, and who of them is in the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.core.policy.approvers import is_group, is_user
from bot.core.questions.audience import Reachability
from bot.core.questions.question import REQUESTER
from bot.core.thread_ref import ThreadRef
from bot.slack.authorization import Authorizer

MAX_LOOKED_UP = 25
"""People of one question who are looked up. Whether the others are active stays unknown."""


async def reachability(
    authorizer: Authorizer, place: ThreadRef, people: Sequence[str], requester: str, *, asks: bool
) -> Reachability:
    """Return what Slack says about the people and groups of a question, and about its conversation.

    Args:
        authorizer: looks people up.
        place: the thread in which the question is asked.
        people: ids of people and user groups, and `requester`.
        requester: the id of the person whose message led to the question.
        asks: whether the requester is writing just now, and therefore is in the conversation.
    """
    named = tuple(dict.fromkeys(filter(is_group, people)))
    directory = authorizer.directory
    found = await asyncio.gather(*map(directory.members, named))
    groups = dict(zip(named, found, strict=True))
    each = [requester if who == REQUESTER else who for who in people]
    each += [user for group in named for user in sorted(groups[group] or ())]
    looked_up = list(dict.fromkeys(filter(is_user, each)))
    if (place.kind == "im" and requester) or (asks and looked_up in ([], [requester])):
        inside: frozenset[str] | None = frozenset({requester})
    else:
        inside = await directory.inside(place.channel)
    if inside:
        looked_up.sort(key=lambda user: user not in inside)
    looked_up = looked_up[:MAX_LOOKED_UP]
    members = await asyncio.gather(*map(authorizer.member, looked_up))
    return Reachability(dict(zip(looked_up, members, strict=True)), groups, inside)
