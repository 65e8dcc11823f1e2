"""The ledger of costs and the turns that wait for more budget, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.core.budget import (
    NOT_COUNTED,
    Basis,
    Counted,
    CutRequest,
    Payer,
    RequestCost,
    Sum,
    SumKey,
    Waiting,
    changes_of,
)
from bot.core.budget_wait import BudgetWait
from bot.core.questions import budget as asked
from bot.core.questions.question import Card, Decision
from bot.core.transaction import Usage
from tests.extending.memory import asking
from tests.extending.memory.tables import CostRow, Disk, Tables, now


def record(tables: Tables, turn: int, costs: Sequence[RequestCost], usage: Usage) -> None:
    """Record what requests have cost, or one that is only known by its usage."""
    if not costs and usage != Usage():
        costs = [RequestCost(f"{turn}-{len(tables.costs)}", usage=usage)]
    for each in costs:
        begin(tables, turn, each.request, each.generation)
        if each.cut:
            cut(tables, each.request)
        else:
            _write(tables, each.request, replace(tables.costs[each.request], cost=each, state="known"))


def begin(tables: Tables, turn: int, request: str, generation: str) -> None:
    row = CostRow(len(tables.costs) + 1, turn, now(), RequestCost(request, generation, basis=Basis.UNKNOWN))
    found = tables.costs.setdefault(request, row)
    if generation and not found.cost.generation:
        tables.costs[request] = replace(found, cost=replace(found.cost, generation=generation))


def cut(tables: Tables, request: str) -> None:
    row = tables.costs[request]
    thread = tables.turns[row.turn].thread
    known = [each for each in tables.costs.values() if each.state == "known"]
    last = [each.cost for each in known if tables.turns[each.turn].thread == thread][-1:]
    paid = [each.cost for each in sorted(known, key=lambda each: each.at) if each.cost.usage.cost > 0][-1:]
    cost, model = ((last or paid)[0].usage.cost, (last or paid)[0].model) if last or paid else (0.0, "")
    _turn(tables, row.turn, Usage(cost=cost))
    basis = Basis.ESTIMATED if cost else Basis.UNKNOWN
    estimated = replace(row.cost, model=model, usage=Usage(cost=cost), basis=basis)
    _write(tables, request, replace(row, cost=estimated, state="cut", due=now()))


def _write(tables: Tables, request: str, row: CostRow) -> None:
    before = tables.costs[request]
    tables.costs[request] = row
    turn = tables.turns[row.turn]
    place = tables.threads[turn.thread].place
    payer = Payer(row.turn, turn.thread, turn.turn.requester, place.channel)
    counted = NOT_COUNTED if before.state == "open" else _counted(before)
    for key, cost, estimated in changes_of(payer, row.at, counted, _counted(row)):
        found = tables.sums.get(key, Sum())
        tables.sums[key] = replace(found, cost=found.cost + cost, estimated=found.estimated + estimated)


def _counted(row: CostRow) -> Counted:
    return Counted(row.cost.model, row.cost.usage.cost, row.cost.basis is not Basis.REPORTED)


def _turn(tables: Tables, turn: int, usage: Usage) -> None:
    row = tables.turns[turn]
    tables.turns[turn] = replace(row, turn=replace(row.turn, usage=row.turn.usage + usage))


def wait(tables: Tables, turn: int, thread: int, wanted: BudgetWait, ask: Callable[[Card], None]) -> None:
    """Have a turn wait for the question about a budget."""
    key = wanted.standing.key
    found = replace(wanted.standing, sum=tables.sums.get(key, Sum()))
    question = asking.find(tables, found.sum.question) if found.sum.question else None
    if not found.reached:
        return
    if question is not None and question.decision == Decision.AWAITING:
        if tables.waits.get(turn) == question.id:
            return
        asking.owe(tables, thread, wanted.notice)
        row = tables.questions[question.id]
        body = asked.joined(question, thread) or question.body
        tables.questions[question.id] = replace(row, question=replace(row.question, body=body))
    elif found.sum.refused_until > now():
        return
    else:
        ask(wanted.card)
        question = wanted.card.questions[0]
        tables.sums[key] = replace(found.sum, question=question.id)
    tables.waits[turn] = question.id


@dataclass
class MemoryCosts:
    """Implements `bot.core.ports.costs.Costs`."""

    _disk: Disk

    async def begin_request(self, turn: int, request: str, generation: str) -> None:
        with self._disk.transaction() as tables:
            begin(tables, turn, request, generation)

    async def cut_off(self) -> int:
        with self._disk.transaction() as tables:
            found = [request for request, row in tables.costs.items() if row.state == "open"]
            for request in found:
                cut(tables, request)
            return len(found)

    async def cut_requests(self, now: float, most: int) -> Sequence[CutRequest]:
        due = [row for row in self._disk.tables.costs.values() if row.state == "cut" and row.due <= now]
        return [CutRequest(row.id, row.cost.generation, row.tries) for row in due[:most]]

    async def settle_request(self, id: int, model: str, usage: Usage | None, again_at: float) -> None:
        with self._disk.transaction() as tables:
            for request, row in list(tables.costs.items()):
                if row.id != id or row.state != "cut":
                    continue
                if usage is not None:
                    _turn(tables, row.turn, replace(usage, cost=usage.cost - row.cost.usage.cost))
                    exact = replace(row.cost, model=model or row.cost.model, usage=usage, basis=Basis.REPORTED)
                    _write(tables, request, replace(row, cost=exact, state="known"))
                else:
                    state = "cut" if again_at else "known"
                    tables.costs[request] = replace(row, state=state, tries=row.tries + 1, due=again_at)

    async def sums(self, keys: Sequence[SumKey]) -> Sequence[Sum]:
        return [self._disk.tables.sums.get(key, Sum()) for key in keys]

    async def largest_sums(self, scope: str, month: str, most: int) -> Sequence[tuple[str, Sum]]:
        sums = self._disk.tables.sums.items()
        found = [(key.key, each) for key, each in sums if (key.scope, key.period) == (scope, month)]
        return sorted(found, key=lambda each: (-each[1].cost, each[0]))[:most]

    async def waits_for(self, turn: int) -> Waiting:
        question = self._disk.tables.waits.get(turn)
        if question is None:
            return Waiting()
        found = self._disk.tables.questions[question].question
        return Waiting(found.id, found.subject, found.decision, found.decided_by)
