"""Counts the requests of one step of a turn for the ledger of costs, from the first words of each reply on."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Sequence

from bot.core.budget import Basis, RequestCost, priced
from bot.core.ports.catalogue import ModelCatalogue
from bot.core.ports.costs import Costs
from bot.core.transaction import Usage
from bot.errors import OutOfBudget, StoreError

log = logging.getLogger(__name__)


class RequestMeter:
    """Implements `bot.core.ports.meter.Meter` for a turn."""

    def __init__(
        self,
        store: Costs,
        turn: int,
        catalogue: ModelCatalogue | None = None,
        reached: Callable[[Usage], Awaitable[bool]] | None = None,
        cut: Callable[[], None] = lambda: None,
    ) -> None:
        """catalogue: for prices, where the provider reports no cost. reached: returns whether nothing may be spent any
        more once this is spent too; None if there are no budgets. cut: called when a request was cut off, of which the
        cost has to be found out."""
        self._store, self._turn, self._catalogue, self._reached = store, turn, catalogue, reached
        self._cut = cut
        self._costs: list[RequestCost] = []
        self._open: RequestCost | None = None
        self._last = ""
        self._writing: asyncio.Task[None] | None = None

    @property
    def requests(self) -> int:
        return len(self._costs)

    async def sending(self) -> None:
        # Where there are budgets, a request counts from before it is sent: many may be under way when a process dies,
        # and all of them may be charged.
        if self._reached is not None:
            self._open = RequestCost(uuid.uuid4().hex, cut=True)
            await self._begin(self._open)

    def began(self, generation: str) -> None:
        request = self._open.request if self._open is not None else uuid.uuid4().hex
        self._open = RequestCost(request, generation, cut=True)
        self._writing = asyncio.create_task(self._begin(self._open))

    async def _begin(self, cost: RequestCost) -> None:
        try:
            await self._store.begin_request(self._turn, cost.request, cost.generation)
        except StoreError as error:  # recorded with the reply, unless the process dies before
            log.warning("the start of a reply could not be recorded: %s", error.detail)

    def ended(self, generation: str, model: str, usage: Usage) -> None:
        begun, self._open = self._open, None
        request = begun.request if begun is not None else uuid.uuid4().hex
        self._last = request
        if usage == Usage() and not usage.reported:
            if generation:
                self._costs.append(RequestCost(request, generation, model, cut=True))
                self._cut()
            elif begun is not None:
                self._costs.append(RequestCost(request, model=model, basis=Basis.REPORTED))
            return
        info = self._catalogue.find(model) if self._catalogue is not None else None
        known, basis = priced(usage, info.prices if info is not None else None)
        self._costs.append(RequestCost(request, generation, model, known, basis))

    async def again(self) -> None:
        if self._reached is not None and await self._reached(self.usage):
            raise OutOfBudget("a failed request is not repeated: the budget is used up")

    @property
    def last(self) -> str:
        """The request that has ended last; empty if none has. `costs` leaves it out if nothing is known of its cost."""
        return self._last

    @property
    def usage(self) -> Usage:
        """What the requests have cost, as far as it is known."""
        return sum((each.usage for each in self._costs), Usage())

    def costs(self) -> Sequence[RequestCost]:
        """Return the requests, for the change that records what came of them. One that has not ended was cut off, which
        stops the bill if its reply has not begun (OpenRouter: "Stream cancellation")."""
        if self._open is None:
            return [*self._costs]
        begun = self._open if self._open.generation else RequestCost(self._open.request, basis=Basis.REPORTED)
        if begun.cut:
            self._cut()
        return [*self._costs, begun]
