"""Keeps the order of the calls of one step: calls that concern the same things run in the order in which the model made
them.

A call is registered from the moment it may run, before it is known what it concerns, until it has ended. It waits for
earlier calls that are registered, but not for one that waits for a person.
"""

from __future__ import annotations

import asyncio

from bot.core.ports.change_guard import Claim
from bot.core.tools import StepPosition
from bot.tools.claims import folders

KNOWN_SECONDS = 1.0
"""How long a call waits to learn what an earlier one concerns, which may be on a disk that does not answer."""


class Ticket:
    """A registered call."""

    def __init__(self, step: dict[int, Ticket], position: int, *, changes: bool) -> None:
        self._step = step
        self._position = position
        self._changes = changes
        self._claim: Claim = frozenset()
        self._folders: Claim = frozenset()
        self._known = asyncio.Event()
        self._ended = asyncio.Event()

    def know(self, claim: Claim) -> None:
        """Set what the call concerns."""
        self._claim, self._folders = claim, folders(claim)
        self._known.set()

    def end(self) -> None:
        """Unregister the call; doing it again does nothing."""
        if self._step.get(self._position) is self:
            del self._step[self._position]
        self._known.set()
        self._ended.set()

    def first(self, *, surely: bool = False) -> bool:
        """Whether no earlier call concerns the same things. `surely`: false unless that is known of all earlier
        calls."""
        return not self._same() and not (surely and self._unknown())

    async def turn(self) -> bool:
        """Wait until the earlier calls that concern the same things have ended. Return whether there were any."""
        waited = False
        while unknown := self._unknown():
            try:
                async with asyncio.timeout(KNOWN_SECONDS):
                    for each in unknown:
                        await each._known.wait()
            except TimeoutError:
                break
        while same := self._same():
            waited = True
            for each in same:
                await each._ended.wait()
        return waited

    def _before(self) -> list[Ticket]:
        """Return the earlier calls for which the order matters: one of the two changes something."""
        found = [each for position, each in self._step.items() if position < self._position]
        return [each for each in found if each._changes or self._changes]

    def _unknown(self) -> list[Ticket]:
        return [each for each in self._before() if not each._known.is_set()]

    def _same(self) -> list[Ticket]:
        return [each for each in self._before() if self._meets(each)]

    def _meets(self, other: Ticket) -> bool:
        mine, theirs = self._claim, other._claim
        apart = mine.isdisjoint(theirs) and mine.isdisjoint(other._folders) and theirs.isdisjoint(self._folders)
        return not apart


class Steps:
    """The registered calls by step."""

    def __init__(self) -> None:
        self._steps: dict[tuple[int, int], dict[int, Ticket]] = {}

    def take(self, at: StepPosition | None, *, changes: bool) -> Ticket:
        """Register a call. Without a step it has no others beside it."""
        if at is None:
            return Ticket({}, 0, changes=changes)
        step = self._steps.setdefault(at.step, {})
        ticket = step[at.position] = Ticket(step, at.position, changes=changes)
        return ticket

    def end(self, at: StepPosition | None, ticket: Ticket) -> None:
        """Unregister a call."""
        ticket.end()
        if at is not None and self._steps.get(at.step) == {}:
            del self._steps[at.step]
