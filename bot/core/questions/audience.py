"""Decides who has to be asked directly because they cannot see a question, and whether anybody is left to answer it.
Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from bot.core.policy.approvers import is_group
from bot.core.questions.question import REQUESTER

MAX_ASKED = 3
"""People who are asked by direct message at a time, unless more have to approve."""


@dataclass(frozen=True, slots=True)
class Reachability:
    """What Slack says about the people of a question. What is missing or None is unknown."""

    members: Mapping[str, bool | None] = field(default_factory=dict[str, "bool | None"])
    """By person: whether they are an active member of our workspace."""
    groups: Mapping[str, frozenset[str] | None] = field(default_factory=dict[str, "frozenset[str] | None"])
    """By user group: its members."""
    inside: frozenset[str] | None = None
    """The people in the conversation."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who has to be asked."""

    ask: tuple[str, ...] = ()
    """Ids of the people to whom a copy goes by direct message."""
    nobody: bool = False
    """Whether too few people are left who may approve. True only if that is certain: unknown people count as
    present."""


def audience(
    people: Collection[str],
    needed: int,
    requester: str,
    where: Reachability,
    *,
    barred: Collection[str] = (),
    asked: Collection[str] = (),
    unreachable: Collection[str] = (),
) -> Audience:
    """Return who has to be asked directly about something that people have to approve.

    Args:
        people: ids of people and user groups, and `requester`, in the order in which they are asked.
        needed: how many of them have to approve.
        requester: the id of the person whose message led to the question.
        where: what is known about them.
        barred: ids of people who may not approve although they are named.
        asked: ids of people who have a copy already.
        unreachable: ids of people to whom no copy can be sent.
    """
    known = all(where.groups.get(each) is not None for each in people if is_group(each))
    left = [
        each for each in _each(people, requester, where) if each not in barred and where.members.get(each) is not False
    ]
    inside = where.inside if where.inside is not None else frozenset({requester})
    reachable = [each for each in left if each in inside or each not in unreachable]
    if known and len(reachable) < needed:
        return Audience(nobody=True)
    present = [each for each in reachable if each in inside]
    if len(present) >= needed or where.inside is None:
        return Audience()
    outside = [each for each in reachable if each not in inside and where.members.get(each)]
    wanted = outside[: max(MAX_ASKED, needed - len(present))]
    return Audience(tuple(each for each in wanted if each not in asked))


def _each(people: Collection[str], requester: str, where: Reachability) -> Iterator[str]:
    """Yield the id of each person who is named, once; members of a group in alphabetical order."""
    seen = {""}
    for who in people:
        named = sorted(where.groups.get(who) or ()) if is_group(who) else [requester if who == REQUESTER else who]
        for each in named:
            if each not in seen:
                seen.add(each)
                yield each
