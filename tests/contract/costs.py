"""The ledger of costs: each request counts once, sums follow, and turns wait for a budget that is used up."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence

from bot.core.budget import Basis, Budget, Payer, RequestCost, Standing, Sum, SumKey, key_of, total
from bot.core.budget_wait import BudgetWait
from bot.core.calls import Call, CallState
from bot.core.periods import day, month
from bot.core.ports.store import Store
from bot.core.posts import Draft
from bot.core.questions import budget
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Card, Decision
from bot.core.thread import ThreadState
from bot.core.transaction import Change, Usage
from bot.core.turn_record import CallCost
from tests.lives import ALICE, BOB, CHANNEL, TEAM, Life

DAY = Budget.DAY


async def begun(store: Store) -> Life:
    """A thread with an open turn."""
    life = Life(store)
    await life.say()
    await life.read()
    return life


async def click(store: Store, asked: str, answer: str, user: str) -> Verdict:
    """Somebody answers a question."""
    question = await store.find_question(asked)
    assert question is not None
    made = Click(asked, question.digest, answer, user, TEAM, CHANNEL, question.message_ts, True, kind=budget.BUDGET)
    [settlement] = await store.answer([made])
    return settlement.verdict


def today(budget: Budget, state: ThreadState) -> SumKey:
    assert state.turn is not None
    payer = Payer(state.turn.id, state.id, state.turn.requester, state.place.channel)
    return key_of(budget, payer, time.time())


async def spent(store: Store, state: ThreadState) -> list[tuple[float, int]]:
    found = await store.sums([today(each, state) for each in Budget])
    return [(round(each.cost, 9), each.estimated) for each in found]


async def largest(store: Store, scope: str, most: int = 9) -> list[tuple[str, float, int]]:
    """The sums of this month by person, channel or model that are not empty."""
    found = await store.largest_sums(scope, month(time.time()), most)
    return [(key, round(each.cost, 9), each.estimated) for key, each in found if each != Sum()]


async def wait(store: Store, state: ThreadState, cap: float) -> str:
    """Have the turn wait for the day's budget. Out: the question that it would ask."""
    key = today(DAY, state)
    [found] = await store.sums([key])
    standing = Standing(DAY, key, cap, found)
    where = (state.id, state.place.channel)
    asked = budget.question(f"budget-{uuid.uuid4().hex}", standing, where, (ALICE, (BOB,)), time.time() + 60)
    card = Card([asked], [Draft(asked.id, "card", "{}")])
    notice = [Draft(f"joined-{asked.id}", "notice", "{}")]
    await store.commit(state, Change("wait", wait=BudgetWait(Standing(DAY, key, cap, found), card, notice)))
    return asked.id


async def take(life: Life, costs: Sequence[RequestCost], request: str, count: int) -> None:
    """Record a reply with so many calls, which the last of these requests was answered with."""
    seq = (await life.state()).next_position
    new = [
        Call(0, seq, at, f"call-{at}", "files__read", "files", "read", "{}", "t", True, CallState.READY)
        for at in range(count)
    ]
    usage = total(costs)
    await life.commit(
        "take the calls", messages=[("assistant", "{}")], new_calls=new, costs=costs, usage=usage, request=request
    )


class CostsContract:
    async def test_a_request_counts_once_for_all_its_sums(self, store: Store) -> None:
        life = await begun(store)
        state = await life.state()
        assert state.turn is not None
        cost = RequestCost("r1", "gen-1", "model", Usage(10, 5, 2, 0.25))
        await store.begin_request(state.turn.id, "r1", "gen-1")
        await store.begin_request(state.turn.id, "r1", "gen-1")
        await store.commit(state, Change("count", costs=[cost], usage=cost.usage))
        await store.begin_request(state.turn.id, "r1", "gen-1")
        assert await store.cut_off() == 0
        assert await spent(store, state) == [(0.25, 0)] * len(Budget)
        unknown = RequestCost("r2", usage=Usage(10, 5, 2, 0.0), basis=Basis.UNKNOWN)
        await store.commit(state, Change("count", costs=[unknown], usage=unknown.usage))
        assert await spent(store, state) == [(0.25, 1)] * len(Budget)

    async def test_the_calls_of_a_reply_have_the_cost_of_its_request(self, store: Store) -> None:
        life = await begun(store)
        failed, paid = RequestCost("r1", "gen-1", "m", Usage(1, 1, 0, 0.5)), RequestCost("r2", "gen-2", cut=True)
        await take(life, [failed, paid], "r2", 2)
        await take(life, [RequestCost("r3", basis=Basis.UNKNOWN)], "r3", 1)
        await take(life, [], "r4", 1)
        turn = (await life.state()).turn
        assert turn is not None

        async def costs() -> list[CallCost | int | None]:
            record = await store.turn_record(turn.id, 9)
            assert record is not None
            return [*(record.costs.get(each.id) for each in record.calls), record.estimated]

        second, unknown = CallCost("r2", 0.5, Basis.ESTIMATED), CallCost("r3", 0.0, Basis.UNKNOWN)
        assert await costs() == [second, second, unknown, None, 2]
        [cut] = await store.cut_requests(time.time() + 1, 9)
        await store.settle_request(cut.id, "m", Usage(3, 2, 1, 0.125), 0.0)
        settled = CallCost("r2", 0.125, Basis.REPORTED)
        assert await costs() == [settled, settled, unknown, None, 1]

    async def test_usage_without_requests_counts_as_one(self, store: Store) -> None:
        state = await (await begun(store)).state()
        await store.commit(state, Change("count", usage=Usage(1, 1, 0, 0.5)))
        assert await spent(store, state) == [(0.5, 0)] * len(Budget)

    async def test_what_was_cut_off_is_estimated_until_it_is_known(self, store: Store) -> None:
        life = await begun(store)
        state = await life.state()
        assert state.turn is not None
        first = RequestCost("r1", "gen-1", "model", Usage(10, 5, 2, 0.25))
        await store.commit(state, Change("count", costs=[first], usage=first.usage))
        await store.begin_request(state.turn.id, "r2", "gen-2")
        assert await spent(store, state) == [(0.25, 0)] * len(Budget)
        assert (await store.cut_off(), await store.cut_off()) == (1, 0)
        assert await spent(store, state) == [(0.5, 1)] * len(Budget)
        [cut] = await store.cut_requests(time.time() + 1, 9)
        assert (cut.generation, cut.tries) == ("gen-2", 0)
        await store.settle_request(cut.id, "", None, time.time() + 60)
        assert await store.cut_requests(time.time() + 1, 9) == []
        [cut] = await store.cut_requests(time.time() + 61, 9)
        assert cut.tries == 1
        for _ in range(2):
            await store.settle_request(cut.id, "model", Usage(3, 2, 1, 0.125), 0.0)
        assert await spent(store, state) == [(0.375, 0)] * len(Budget)
        turn = (await life.state()).turn
        assert turn is not None
        assert turn.usage == Usage(13, 7, 3, 0.375)

    async def test_an_estimate_stays_if_the_endpoint_never_says_more(self, store: Store) -> None:
        state = await (await begun(store)).state()
        first = RequestCost("r1", usage=Usage(1, 1, 0, 0.5))
        await store.commit(state, Change("count", costs=[first, RequestCost("r2", "gen-2", cut=True)]))
        [cut] = await store.cut_requests(time.time() + 1, 9)
        await store.settle_request(cut.id, "", None, 0.0)
        assert await store.cut_requests(time.time() + 1e6, 9) == []
        assert await spent(store, state) == [(1.0, 1)] * len(Budget)

    async def test_a_month_is_added_up_by_person_channel_and_model_the_largest_first(self, store: Store) -> None:
        state = await (await begun(store)).state()
        assert state.turn is not None
        costs = [
            RequestCost("r1", model="a/one", usage=Usage(cost=0.25)),
            RequestCost("r2", model="b/two", usage=Usage(cost=0.5), basis=Basis.ESTIMATED),
            RequestCost("r3", model="d/four", usage=Usage(cost=0.125)),
            RequestCost("r4", model="c/three", usage=Usage(cost=0.125)),
        ]
        await store.begin_request(state.turn.id, "r5", "gen-5")
        await store.commit(state, Change("count", costs=costs))
        models = [("b/two", 0.5, 1), ("a/one", 0.25, 0), ("c/three", 0.125, 0), ("d/four", 0.125, 0)]
        assert await largest(store, "model") == models
        assert await largest(store, "model", 3) == models[:3]
        assert await largest(store, "person") == [(state.turn.requester, 1.0, 1)]
        assert await largest(store, "channel") == [(state.place.channel, 1.0, 1)]
        assert await store.largest_sums("model", "1999-12", 9) == []

    async def test_a_request_counts_for_the_model_that_has_answered_it(self, store: Store) -> None:
        state = await (await begun(store)).state()
        assert state.turn is not None
        first = RequestCost("r1", model="a/one", usage=Usage(cost=0.5))
        await store.commit(state, Change("count", costs=[first, RequestCost("r2", "gen-2", cut=True)]))
        assert await largest(store, "model") == [("a/one", 1.0, 1)]
        [cut] = await store.cut_requests(time.time() + 1, 9)
        for _ in range(2):
            await store.settle_request(cut.id, "b/two", Usage(cost=0.25), 0.0)
        assert await largest(store, "model") == [("a/one", 0.5, 0), ("b/two", 0.25, 0)]
        again = RequestCost("r1", model="b/two", usage=Usage(cost=0.75), basis=Basis.ESTIMATED)
        await store.commit(state, Change("count", costs=[again]))
        assert await largest(store, "model") == [("b/two", 1.0, 1)]
        assert await largest(store, "channel") == [(state.place.channel, 1.0, 1)]

    async def test_a_turn_waits_until_more_is_allowed(self, store: Store) -> None:
        life = await begun(store)
        state = await life.state()
        await store.commit(state, Change("count", usage=Usage(1, 1, 0, 0.5)))
        asked = await wait(store, state, 0.5)
        assert await store.waiting() == [state.id]  # its card is to be posted
        await life.deliver()
        assert await store.waiting() == []
        assert state.turn is not None
        assert (await store.waits_for(state.turn.id)).decision == Decision.AWAITING
        assert await click(store, asked, budget.ALLOWED, BOB) is Verdict.SETTLED
        [found] = await store.sums([today(DAY, state)])
        assert (found.cost, found.allowed, found.question) == (0.5, 0.5, "")
        assert state.id in await store.waiting()
        waits = await store.waits_for(state.turn.id)
        assert (waits.decision, waits.by) == (budget.ALLOWED, BOB)

    async def test_only_who_is_asked_may_allow_more(self, store: Store) -> None:
        life = await begun(store)
        state = await life.state()
        asked = await wait(store, state, 0.0)
        await life.deliver()
        assert await click(store, asked, budget.ALLOWED, ALICE) is Verdict.NOT_YOURS
        assert [each.allowed for each in await store.sums([today(DAY, state)])] == [0.0]

    async def test_several_turns_wait_for_one_question(self, store: Store) -> None:
        states = [await (await begun(store)).state() for _ in range(2)]
        first, other = [await wait(store, state, 0.0) for state in states]
        question = await store.find_question(first)
        assert question is not None
        assert await store.find_question(other) is None
        assert list(budget.asked(question).threads) == [state.id for state in states]

    async def test_after_a_refusal_nobody_is_asked_again_that_day(self, store: Store) -> None:
        life = await begun(store)
        state = await life.state()
        asked = await wait(store, state, 0.0)
        await life.deliver()
        assert await click(store, asked, budget.REFUSED, BOB) is Verdict.SETTLED
        [found] = await store.sums([today(DAY, state)])
        assert day(found.refused_until - 1) == day(time.time())
        again = await wait(store, state, 0.0)
        assert await store.find_question(again) is None

    async def test_a_turn_that_is_stopped_waits_no_more(self, store: Store) -> None:
        life = await begun(store)
        state = await life.state()
        assert state.turn is not None
        asked = await wait(store, state, 0.0)
        await life.deliver()
        await store.stop(state.turn.id, ALICE)
        question = await store.find_question(asked)
        assert question is not None
        assert question.decision == Decision.STOPPED
        assert state.id in await store.waiting()
        assert await store.sums([today(DAY, state)]) == [Sum(question=asked)]
