"""What is taken up after a start and by the sweep: every thread with something to do, none that only waits."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from bot.core.calls import CallOutcome, CallState
from bot.core.questions.question import Approval, Decision
from bot.core.transaction import Change
from bot.store.sqlite import inbox
from bot.store.sqlite.database import Database
from bot.store.sqlite.schema import MIGRATIONS
from bot.store.sqlite.store import AT_ONCE, SqliteStore
from tests.filled import REQUESTED, fill
from tests.lives import BOB, DAY, Life, draft, waiting_for_a_person

pytestmark = pytest.mark.anyio
AWAITING = CallState.AWAITING
Act = Callable[[Life, Sequence[Approval]], Awaitable[object]]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqliteStore]:
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        yield SqliteStore(database)


@pytest.mark.parametrize(
    "states", [[AWAITING], [CallState.UNKNOWN], [AWAITING, AWAITING], [AWAITING, CallState.UNKNOWN]]
)
async def test_a_thread_that_only_waits_for_people_is_left_alone(store: SqliteStore, states: list[CallState]) -> None:
    life, _ = await waiting_for_a_person(store, *states)
    await life.say("USTRANGER", addressed=False)
    assert await store.waiting() == []


async def test_a_message_has_to_wait_for_a_decision_and_its_sender_is_told_once(store: SqliteStore) -> None:
    life, [approval] = await waiting_for_a_person(store)
    await life.say()
    assert await store.waiting() == [life.id]
    told = [message.id for message in (await life.state()).unread]
    await life.commit("tell what was done", told=told)
    assert await store.waiting() == []
    await life.say()
    assert [message.told for message in (await life.state()).unread] == [True, False]
    assert await store.waiting() == [life.id], "another message is another one to be told of"
    await life.settle(approval, Decision.DENIED)
    assert await store.waiting() == [life.id]


async def test_what_had_to_wait_is_read_when_the_turn_was_stopped(store: SqliteStore) -> None:
    life, [approval] = await waiting_for_a_person(store)
    await life.say()
    await life.commit("tell what was done", told=[message.id for message in (await life.state()).unread])
    await store.answer([await life.click(approval, Decision.STOPPED)])
    state = await life.state()
    for call in state.calls:
        call.summarised = True
    await store.commit(state, Change("answer the calls", messages=[("tool", "{}")], calls=state.calls))
    await store.commit(state, Change("stop the turn", outcome="stopped"))
    await life.deliver()
    assert await store.waiting() == [life.id]
    await life.read()
    assert await store.waiting() == [life.id], "a turn is open that asks nobody"


async def drift(life: Life, approvals: Sequence[Approval]) -> None:
    await life.settle(approvals[0])
    call = (await life.state()).calls[0]
    call.state = AWAITING
    await life.commit("drift", calls=[call], drifted=[(approvals[0].id, "It has changed.")])


async def finish(life: Life, _: Sequence[Approval]) -> None:
    call = (await life.state()).calls[-1]
    call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.OK, "done"
    await life.commit("finish a call", calls=[call])


async def out_of_time(life: Life, _: Sequence[Approval]) -> None:
    assert isinstance(life.store, SqliteStore)
    await sql(life.store, "UPDATE questions SET expires_at = 1")
    assert await life.store.expire() == [life.id]


async def stale(life: Life, approvals: Sequence[Approval]) -> None:
    await life.settle(approvals[0], needed=2)


async def progress(life: Life, _: Sequence[Approval]) -> None:
    await life.store.owe(life.id, [draft("progress")])
    [owed] = (await life.store.deliveries(life.id)).posts
    await life.store.posted(owed.id, "1.1", owed.revision)


async def sql(store: SqliteStore, statement: str, *values: object) -> None:
    await store._database.write(lambda connection: connection.execute(statement, values))  # pyright: ignore[reportPrivateUsage]


TO_DO: dict[str, tuple[list[CallState], Act]] = {
    "a message was not read": ([AWAITING], lambda life, _: life.say()),
    "a message of somebody else": ([AWAITING], lambda life, _: life.say(BOB)),
    "approved": ([AWAITING], lambda life, asked: life.settle(asked[0])),
    "denied": ([AWAITING], lambda life, asked: life.settle(asked[0], Decision.DENIED)),
    "one of two approved": ([AWAITING, AWAITING], lambda life, asked: life.settle(asked[0])),
    "one of two denied": ([AWAITING, AWAITING], lambda life, asked: life.settle(asked[0], Decision.DENIED)),
    "it ran": ([CallState.UNKNOWN], lambda life, asked: life.settle(asked[0], Decision.IT_RAN)),
    "to run again": ([CallState.UNKNOWN], lambda life, asked: life.settle(asked[0], Decision.RUN_AGAIN)),
    "edited": ([AWAITING], lambda life, asked: edit(life, asked[0])),
    "one of two edited": ([AWAITING, AWAITING], lambda life, asked: edit(life, asked[1])),
    "drifted": ([AWAITING], drift),
    "stopped": ([AWAITING, AWAITING], lambda life, asked: stop(life, asked[0])),
    "out of time": ([AWAITING], out_of_time),
    "withdrawn": ([AWAITING], lambda life, asked: life.store.withdraw(asked[0].id)),
    "a call beside it was cut off": ([AWAITING, CallState.STARTED], lambda life, _: life.deliver()),
    "a call beside it may run": ([AWAITING, CallState.READY], lambda life, _: life.deliver()),
    "a call beside it has ended": ([AWAITING, CallState.STARTED], finish),
    "one of two votes, the card is to be drawn": ([AWAITING], stale),
    "a message is owed": ([AWAITING], lambda life, _: life.store.owe(life.id, [draft("notice")])),
    "a progress message stands": ([AWAITING], progress),
}


async def edit(life: Life, approval: Approval) -> None:
    await life.store.answer([await life.click(approval, Decision.EDITED, arguments='{"path":"b"}')])


async def stop(life: Life, approval: Approval) -> None:
    await life.store.answer([await life.click(approval, Decision.STOPPED)])


@pytest.mark.parametrize("what", TO_DO)
async def test_a_thread_with_something_to_do_is_taken_up(store: SqliteStore, what: str) -> None:
    states, act = TO_DO[what]
    life, asked = await waiting_for_a_person(store, *states)
    await act(life, asked)
    if not what.endswith(("drawn", "owed")):
        # What is left is not that of Slack alone.
        await life.deliver()
    assert await store.waiting() == [life.id]


@pytest.mark.parametrize("state", [AWAITING, CallState.UNKNOWN, CallState.STARTED, CallState.READY])
async def test_a_call_that_nobody_is_asked_about_is_taken_up(store: SqliteStore, state: CallState) -> None:
    life = Life(store)
    await life.say()
    await life.read()
    await life.call(state, asked=False)
    assert await store.waiting() == [life.id]


async def test_a_thread_before_its_first_turn_and_in_it_is_taken_up(store: SqliteStore) -> None:
    life = Life(store)
    await life.say()
    assert await store.waiting() == [life.id]
    await life.read()
    assert await store.waiting() == [life.id]
    await life.commit("answer", messages=[("assistant", "{}")], outcome="answered")
    assert await store.waiting() == []


async def test_all_requests_are_closed_whose_time_is_over_however_many(store: SqliteStore) -> None:
    many = AT_ONCE + 50
    await store._database.write(lambda connection: fill(connection, many * REQUESTED))  # pyright: ignore[reportPrivateUsage]
    assert await store.waiting() == []
    assert len(await store.unreminded(2 * DAY)) == AT_ONCE
    await sql(store, "UPDATE questions SET expires_at = 1 WHERE decision = 'awaiting'")
    expired = await store.expire()
    assert len(expired) == many
    assert await store.waiting() == expired
    assert await store.expire() == []


def test_an_older_database_says_after_its_migration_what_is_left_to_do() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS[:2]:
        connection.executescript(script)
    fill(connection, 40)
    for script in MIGRATIONS[2:]:
        connection.executescript(script)
    assert inbox.waiting(connection) == []
    assert connection.execute("SELECT count(*) FROM calls WHERE asked").fetchone() == (4,)
    connection.execute("UPDATE questions SET decision = 'denied' WHERE id = 'open20'")
    assert inbox.waiting(connection) == [20]
    connection.close()
