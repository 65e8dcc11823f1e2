"""The sweep: one odd row, or a database that refuses, keeps nothing else from being done, and is reported once."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.limits import Limits
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.privacy import Privacy
from bot.slack.authorization import Authorizer
from bot.slack.delivery.live import Live
from bot.slack.delivery.rate import UpdateRate
from bot.slack.directory import Directory
from bot.slack.gateway import SlackGateway
from bot.slack.reading.message import Ourselves
from bot.store.sqlite.database import Database
from bot.store.sqlite.store import SqliteStore
from bot.sweep import Sweep
from tests.property.outside import Slack, SlackClient
from tests.unit.store.rows import request

pytestmark = pytest.mark.anyio

ODD = {
    "an unknown question": "UPDATE questions SET kind = 'shall_it_run' WHERE id = 'a1'",
    "an unknown state of the call": "UPDATE calls SET state = 'paused' WHERE call_id = 'call_1'",
    "a number that is none": "UPDATE questions SET needed = 'two' WHERE id = 'a1'",
}


@asynccontextmanager
async def sweeping(path: Path) -> AsyncGenerator[tuple[Database, Sweep, set[int], set[int]]]:
    """A sweep over a real database, and the threads that it has woken."""
    async with Database(f"sqlite:///{path}/a.db") as database:
        client, rules = cast(AsyncWebClient, SlackClient(Slack())), ApprovalRules()
        authorizer = Authorizer(Directory(client), rules, frozenset(), "T1")
        woken, undone = set[int](), set[int]()
        live = Live(1.0, UpdateRate(3.0, woken.add))
        gateway = SlackGateway(
            Limits(),
            client,
            live,
            woken.add,
            ourselves=Ourselves("UBOT"),
            authorizer=authorizer,
            privacy=Privacy.FULL,
        )
        # What another version may have written.
        await database.read(lambda connection: connection.execute("PRAGMA ignore_check_constraints = ON").fetchall())
        store = SqliteStore(database)
        yield database, Sweep(store, gateway, 1.0, 0.001, woken.add, undone.add, nobody), woken, undone


async def nobody() -> set[int]:
    """Everybody is there."""
    return set()


async def decisions(database: Database) -> dict[str, tuple[str, int]]:
    def read(connection: sqlite3.Connection) -> dict[str, tuple[str, int]]:
        rows = connection.execute("SELECT id, decision, reminded FROM questions")
        return {str(id_): (str(decision), int(reminded)) for id_, decision, reminded in rows}

    return await database.read(read)


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_row_keeps_no_other_from_being_closed(
    tmp_path: Path, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with sweeping(tmp_path) as (database, sweep, woken, _):
        for number in range(3):
            await database.write(lambda connection, number=number: request(connection, number, seconds=-1))
        await database.write(lambda connection: connection.execute(ODD[odd]))
        for _ in range(3):
            await sweep.once()
        found = await decisions(database)
        assert [found[f"a{number}"][0] for number in range(3)] == ["expired", "awaiting", "expired"]
        assert {1, 3} <= woken
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1, "it is said once"
    assert "request a1 cannot be read" in caplog.text


@pytest.mark.parametrize("odd", ODD)
async def test_an_odd_row_keeps_no_other_from_being_reminded_of(
    tmp_path: Path, odd: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with sweeping(tmp_path) as (database, sweep, woken, _):
        for number in range(3):
            await database.write(lambda connection, number=number: request(connection, number, seconds=60))
        await database.write(lambda connection: connection.execute(ODD[odd]))
        for _ in range(3):
            await sweep.once()
        found = await decisions(database)
        assert [found[f"a{number}"][1] for number in range(3)] == [1, 0, 1]
        assert {1, 3} <= woken
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1, "it is said once"


async def test_an_odd_undo_keeps_no_other_from_being_taken_up(tmp_path: Path) -> None:
    async with sweeping(tmp_path) as (database, sweep, _, undone):
        for number in range(3):
            await database.write(lambda connection, number=number: request(connection, number, seconds=60))
        add = (
            "INSERT INTO undos (call, approval, plan, content, state)"
            " SELECT call, id, '{}', x'', 'undoing' FROM questions"
        )
        await database.write(lambda connection: connection.execute(add))
        await database.write(lambda connection: connection.execute(ODD["an unknown state of the call"]))
        await sweep.once()
        assert undone == {1, 2, 3}
        store = SqliteStore(database)
        found = [await store.next_undo(thread_id) for thread_id in (1, 2, 3)]
        assert [job is not None for job in found] == [True, False, True]


async def test_a_database_that_refuses_ends_no_sweep_and_is_reported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with sweeping(tmp_path) as (database, sweep, _, _):
        await database.write(lambda connection: request(connection, 0, seconds=-1))
        await database.write(lambda connection: connection.execute("ALTER TABLE votes RENAME TO gone"))
        task = asyncio.create_task(sweep.run())
        async with asyncio.timeout(5):
            while not caplog.records:
                await asyncio.sleep(0.001)
        for _ in range(3):
            await sweep.once()
        assert (await decisions(database))["a0"][0] == "awaiting"
        await database.write(lambda connection: connection.execute("ALTER TABLE gone RENAME TO votes"))
        async with asyncio.timeout(5):
            while (await decisions(database))["a0"][0] != "expired":
                await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.wait([task])
    assert len(caplog.records) == 1
