"""Keeps turns within the budgets: checks them before each request to the model, asks operators for more, and ends turns
for which nobody allows any."""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.agent import turn_parts
from bot.agent.audience_check import audience_of, with_copies
from bot.agent.operators import informed
from bot.agent.request_meter import RequestMeter
from bot.agent.turn_end import commit_and_log
from bot.core.budget import ROUNDING, SHARED, Budget, Caps, Payer, Standing, Waiting, ended, key_of, nearly, used_up
from bot.core.budget_wait import BudgetWait
from bot.core.ledger import TurnLedger
from bot.core.policy.approvers import is_user
from bot.core.ports.catalogue import ModelCatalogue
from bot.core.ports.chat import ChatGateway
from bot.core.ports.costs import Costs
from bot.core.ports.store import Log
from bot.core.questions import budget as question
from bot.core.questions.question import Decision
from bot.core.thread import ThreadState, Turn
from bot.core.transaction import Change, Usage

NOT_IN_TIME = "Nobody allowed more in time."
NOBODY_THERE = "Nobody who may allow more is there."


class BudgetStore(Log, Costs, Protocol):
    """The part of the store that is used here."""


async def _at_once() -> None:
    return


@dataclass(frozen=True, slots=True)
class Budgets:
    """Checks what may be spent. Every request to the model that costs goes through `check` first, and is counted with
    a `meter`."""

    store: BudgetStore
    gateway: ChatGateway
    caps: Caps = field(default_factory=Caps)
    operators: tuple[str, ...] = ()
    """Ids of the people and user groups who may allow more."""
    hours: float = 24.0
    """For how long a question to them is open."""
    catalogue: ModelCatalogue | None = None
    settled: Callable[[], Awaitable[None]] = _at_once
    """Waits, for a short time, until the costs of requests that a crash has cut off are known."""
    cut: Callable[[], None] = lambda: None
    """Called when a request was cut off, of which the cost has to be found out."""

    def meter(self, state: ThreadState, turn: Turn) -> RequestMeter:
        """Return what counts the requests of the next step of a turn."""

        async def reached(used: Usage) -> bool:
            standings = await self._read(state, turn)
            return any(each.sum.cost + used.cost >= each.limit - ROUNDING for each in standings)

        return RequestMeter(self.store, turn.id, self.catalogue, reached if self.caps.any else None, self.cut)

    async def check(self, state: ThreadState, turn: Turn) -> Sequence[Standing]:
        """Return the budgets of a turn with what has been spent of each; only needed if there are any `caps`. A
        request may be made unless one of them is `reached`."""
        await self.settled()
        return await self._read(state, turn)

    async def _read(self, state: ThreadState, turn: Turn) -> Sequence[Standing]:
        at = time.time()
        capped = [(each, cap) for each in Budget if (cap := self.caps.of(each)) is not None]
        payer = Payer(turn.id, state.id, turn.requester, state.place.channel)
        keys = [key_of(each, payer, at) for each, _ in capped]
        sums = await self.store.sums(keys)
        return [Standing(each, key, cap, found) for (each, cap), key, found in zip(capped, keys, sums, strict=True)]

    async def halt(
        self,
        state: ThreadState,
        turn: Turn,
        standings: Sequence[Standing],
        ledger: Callable[[], Awaitable[TurnLedger | None]],
    ) -> bool:
        """Do what follows when a budget is reached: wait for operators, or end the turn. Return False when there is
        nothing to do but wait."""
        reached = [each for each in standings if each.reached]
        waits = await self.store.waits_for(turn.id)
        if waits.decision == Decision.AWAITING and waits.subject in [each.subject for each in reached]:
            return False
        refused = [each for each in reached if each.sum.refused_until > time.time()]
        first = (refused or reached)[0]
        if refused or not self.operators:
            await self._end(state, turn, first, await self._why(first, waits), await ledger())
            return True
        wait = await self._wait(state, turn, first)
        if wait is None:
            await self._end(state, turn, first, NOBODY_THERE, await ledger())
            return True
        change = Change("wait for more budget", wait=wait, unless_stopped=True)
        turn_parts.rest(state, change)
        # No request is under way: the next one is counted when the turn goes on.
        turn.attempts, turn.announced = 0, False
        await self.store.commit(state, change)
        return True

    async def _wait(self, state: ThreadState, turn: Turn, standing: Standing) -> BudgetWait | None:
        """Return what is recorded for a turn that has to wait; None if no operator can be asked."""
        expires_at = time.time() + self.hours * 3600
        people = (turn.requester, self.operators)
        number = f"{question.BUDGET}-{secrets.token_urlsafe(18)}"
        asked = question.question(number, standing, (state.id, state.place.channel), people, expires_at)
        card = self.gateway.budget_card(asked, standing)
        if not standing.sum.question:
            audience = await audience_of(self.gateway, state.place, asked)
            if audience.nobody:
                return None
            card = with_copies(self.gateway, state.place, card, {asked.id: audience.ask})
        words = (
            f"{used_up(standing, await self._whose(standing, turn))} I have asked an operator for more, and go on then."
        )
        return BudgetWait(standing, card, self.gateway.notice(words, key=f"budget-{turn.id}-{asked.id}"))

    async def _end(
        self, state: ThreadState, turn: Turn, standing: Standing, why: str, ledger: TurnLedger | None
    ) -> None:
        change = Change("give up", outcome="failed", unless_stopped=True)
        turn_parts.fail(state, turn, change, self.gateway, ended(standing, why), ledger=ledger, retry=True)
        await commit_and_log(self.store, state, turn, change)

    async def _why(self, standing: Standing, waits: Waiting) -> str:
        """Return why nobody allows more, as a sentence."""
        if waits.subject != standing.subject:
            return ""
        if waits.decision == question.REFUSED and waits.by:
            return f"{await self.gateway.name(waits.by)} decided not to allow more."
        return NOT_IN_TIME if waits.decision == Decision.EXPIRED else ""

    async def _whose(self, standing: Standing, turn: Turn) -> str:
        if standing.budget is not Budget.PERSON_DAY or not is_user(turn.requester):
            return "Your"
        return f"{await self.gateway.name(turn.requester)}'s"

    async def inform(self, state: ThreadState, turn: Turn, standings: Sequence[Standing], change: Change) -> None:
        """Add to a change what people read about budgets of which its requests have used up most: once a budget and
        period."""
        for each in standings:
            words = nearly(each, change.usage.cost, await self._whose(each, turn))
            key = f"near-{each.subject}"
            operators = await informed(self.gateway, state.place, self.operators) if each.budget in SHARED else ()
            if operators:
                direct = [(who, draft) for who in operators for draft in self.gateway.notice(words, f"{key}-{who}")]
                change.direct = [*change.direct, *direct]
            else:
                change.drafts = [*self.gateway.notice(words, key), *change.drafts]
