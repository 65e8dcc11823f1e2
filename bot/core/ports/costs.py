"""The port to the ledger of costs: one row a request to the model, and running sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.budget import CutRequest, Sum, SumKey, Waiting
from bot.core.transaction import Usage


class Costs(Protocol):
    """What requests have cost. `Log.commit` records them (`Change.costs`) with the reply that they belong to."""

    async def begin_request(self, turn: int, request: str, generation: str) -> None:
        """Record that a request of a turn is being made, or by which id the endpoint knows its reply, so that its cost
        can be found out or estimated if the process dies.

        The id is added to a request that is recorded without one. It need not outlive a power cut.
        """
        ...

    async def cut_off(self) -> int:
        """Record that all requests whose end is not recorded were cut off, because the process that made them has
        ended. Until the endpoint says what they cost, they count as much as the last request of their thread, or else
        as the last one of all threads. Return how many there were."""
        ...

    async def cut_requests(self, now: float, most: int) -> Sequence[CutRequest]:
        """Return requests that were cut off and about which the endpoint is to be asked by now, at most `most`."""
        ...

    async def settle_request(self, id: int, model: str, usage: Usage | None, again_at: float) -> None:
        """Record what a request cost that was cut off, once. With None for the usage, the endpoint is asked again at
        this time; at 0 never, and what was estimated stays."""
        ...

    async def sums(self, keys: Sequence[SumKey]) -> Sequence[Sum]:
        """Return running sums, in the order of their keys. Each is one row, however much was spent."""
        ...

    async def largest_sums(self, scope: str, month: str, most: int) -> Sequence[tuple[str, Sum]]:
        """Return the running sums of a month (`2026-11`) by `person`, `channel` or `model` with their keys, at most
        `most`: the largest first, and equal ones by their keys. However many there are, only these are read."""
        ...

    async def waits_for(self, turn: int) -> Waiting:
        """Return the question that a turn waits for (`Change.wait`), or has waited for last."""
        ...
