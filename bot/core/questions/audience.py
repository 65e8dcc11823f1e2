"""Whether those who may approve something can see the question, and who is asked directly if they cannot. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from bot.core.policy.approvers import is_group
from bot.core.questions.question import REQUESTER

MAX_ASKED = 3
"""People who are asked by direct message at a time, unless more have to approve."""


@dataclass(frozen=True, slots=True)
class Reachability:
    """What Slack has said about people. What is missing or None is not known."""

    members: Mapping[str, bool | None] = field(default_factory=dict[str, "bool | None"])
    """By person: whether they are an active member of our workspace."""
    groups: Mapping[str, frozenset[str] | None] = field(default_factory=dict[str, "frozenset[str] | None"])
    """By user group: who is in it."""
    inside: frozenset[str] | None = None
    """Who is in the conversation."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Who gets to see a question."""

    ask: tuple[str, ...] = ()
    """To whom a copy goes, in a direct message."""
    nobody: bool = False
    """Fewer people than are needed are left who may approve. Certain: what is not known counts as somebody."""


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
    """Return who is to be asked directly about something that people have to approve.

    Args:
        people: ids of people and user groups, and `requester`, in the order in which they are asked.
        needed: how many of them have to approve.
        requester: the person whose message led to it.
        where: what is known of them.
        barred: who may not approve all the same.
        asked: who has a copy already.
        unreachable: who cannot be sent one.
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
    """Yield the ids of those who are named, each once, those of a group in alphabetical order."""
    seen = {""}
    for who in people:
        named = sorted(where.groups.get(who) or ()) if is_group(who) else [requester if who == REQUESTER else who]
        for each in named:
            if each not in seen:
                seen.add(each)
                yield each
