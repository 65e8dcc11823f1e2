"""A database of every released schema is opened and brought up to date, and what was open in it is answered."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.core.amendments import Amendment
from bot.core.calls import CallState
from bot.core.outages import Hold
from bot.core.questions import missed
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Approval, Decision, UndoState
from bot.core.questions.retry import RETRIED, RETRY
from bot.core.questions.undo import UNDO
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite.database import Database
from bot.store.sqlite.schema import MIGRATIONS
from bot.store.sqlite.store import SqliteStore
from tests.unit.store.schemas.make import ARGUMENTS, DIGEST, FOLDER

pytestmark = pytest.mark.anyio

RELEASED = sorted(int(path.stem) for path in FOLDER.glob("*.db"))


@asynccontextmanager
async def opened(version: int, folder: Path) -> AsyncGenerator[SqliteStore]:
    """The database of a schema, as the bot's start opens it."""
    shutil.copy(FOLDER / f"{version}.db", folder / "bot.db")
    async with Database(f"sqlite:///{folder}/bot.db") as database:
        yield SqliteStore(database)


def click(question: str, answer: str, ts: str, *, digest: str = DIGEST, kind: str = "", user: str = "UALICE") -> Click:
    return Click(question, digest, answer, user, "T1", "C1", ts, entitled=True, kind=kind)


async def verdict(store: SqliteStore, *clicks: Click) -> list[Verdict]:
    return [settlement.verdict for settlement in await store.answer(clicks)]


def test_there_is_a_file_of_each_schema_before_the_newest() -> None:
    missing = set(range(1, len(MIGRATIONS))) - set(RELEASED)
    assert not missing, f"as that schema was released: python -m tests.unit.store.schemas.make {missing}"
    for version in RELEASED:
        with closing(sqlite3.connect(f"file:{FOLDER}/{version}.db?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (version,)


async def test_an_operator_who_waits_for_an_older_database_reads_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with opened(3, tmp_path):
        assert f"migrating the database from schema 3 to {len(MIGRATIONS)}" in caplog.text
    caplog.clear()
    async with Database(f"sqlite:///{tmp_path}/bot.db"):
        pass
    async with Database(f"sqlite:///{tmp_path}/new.db"):
        assert caplog.text == "", "nothing is said of one that is new or up to date"


@pytest.mark.parametrize("version", RELEASED)
async def test_an_open_request_of_each_schema_is_answered(tmp_path: Path, version: int) -> None:
    async with opened(version, tmp_path) as store:
        asked = await store.find_question("request1")
        assert isinstance(asked, Approval)
        assert (asked.kind, asked.subject, asked.call.arguments) == ("may_it_run", "call:1", ARGUMENTS)
        assert await verdict(store, click("request1", "approved", "1.5", digest="another")) == [Verdict.UNKNOWN]
        answers = [click("request1", "approved", "1.5"), click("request1", "denied", "1.5")]
        assert await verdict(store, *answers) == [Verdict.SETTLED, Verdict.ALREADY]
        assert await verdict(store, click("request2", "it_ran", "2.5")) == [Verdict.SETTLED]
        calls = (await store.load(1)).calls
        assert [(call.state, call.approval) for call in calls[:1]] == [(CallState.READY, "request1")]
        assert calls[1].state is CallState.FINISHED
        [first, second] = (await store.deliveries(1)).posts
        assert [each.decision for card in (first, second) for each in card.about] == ["approved", "it_ran"]
    with closing(sqlite3.connect(tmp_path / "bot.db")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM calls WHERE asked").fetchone() == (0,)
        assert connection.execute("SELECT asked FROM turns WHERE id = 1").fetchone() == (0,)


@pytest.mark.parametrize("version", [version for version in RELEASED if version >= 2])
async def test_who_approved_and_what_can_be_undone_is_kept(tmp_path: Path, version: int) -> None:
    async with opened(version, tmp_path) as store:
        record = await store.find_question("request3")
        assert isinstance(record, Approval)
        assert (record.decision, record.votes, record.people) == (Decision.APPROVED, ("UALICE",), ("requester", "UBOB"))
        assert record.undo is not None
        assert record.undo.state is UndoState.OFFERED
        undo = click("request3", UNDO, "3.5", kind=UNDO)
        assert await verdict(store, undo, undo) == [Verdict.SETTLED, Verdict.ALREADY]
        assert list(await store.undo_threads()) == [1]
        job = await store.next_undo(1)
        assert job is not None
        assert job.call.id == 3


@pytest.mark.parametrize("version", [version for version in RELEASED if version >= 3])
async def test_a_parked_thread_of_each_schema_is_retried_by_its_button(tmp_path: Path, version: int) -> None:
    async with opened(version, tmp_path) as store:
        assert (await store.load(2)).parked

        def pressed(user: str) -> Click:
            return click("parked2", RETRIED, "9.5", digest="", kind=RETRY, user=user)

        assert await verdict(store, pressed("UBOB"), pressed("UALICE"), pressed("UALICE")) == [
            Verdict.NOT_YOURS,
            Verdict.SETTLED,
            Verdict.ALREADY,
        ]
        assert not (await store.load(2)).parked
        [card] = (await store.deliveries(2)).posts
        assert [question.kind for question in card.about] == [RETRY]


@pytest.mark.parametrize("version", [version for version in RELEASED if version >= 2])
async def test_the_grants_of_each_schema_keep_their_meaning(tmp_path: Path, version: int) -> None:
    shutil.copy(FOLDER / f"{version}.db", tmp_path / "bot.db")
    scopes = [("any", ""), ("folder", "/srv/w/notes"), ("same", ARGUMENTS)]
    columns = "id, team, user, thread_id, tool, server, remote_name, tool_digest, scope, value, approval, created_at"
    with closing(sqlite3.connect(tmp_path / "bot.db", isolation_level=None)) as connection:
        for number, (scope, value) in enumerate(scopes, start=1):
            row = (number, "T1", "UALICE", number % 2, "filesystem__write_file", "filesystem", "write_file", "tool")
            connection.execute(
                f"INSERT INTO grants ({columns}, expires_at) VALUES ({', '.join('?' * 13)})",
                (*row, scope, value, "request3", 1.0, 9e9),
            )
        connection.execute(
            f"INSERT INTO grants ({columns}, expires_at, ended, ended_by, ended_at) SELECT 9, team, user, thread_id,"
            " tool, server, remote_name, tool_digest, scope, value, approval, created_at, expires_at, 'revoked', user,"
            " 2.0 FROM grants WHERE id = 1"
        )
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        held = await store.grants_for("T1", "filesystem__write_file", 1, "UALICE")
        assert sorted((each.id, each.scope, each.value, each.thread_id) for each in held) == [
            (number, scope, value, number % 2) for number, (scope, value) in enumerate(scopes, start=1)
        ]
        assert {(each.tool_digest, each.words) for each in held} == {("tool", "")}
        assert await store.end_grant(2, "revoked", "UALICE")
        assert [each.id for each in await store.grants("T1", "UALICE")] != []


@pytest.mark.parametrize("version", [version for version in RELEASED if 18 <= version <= 21])
async def test_a_held_message_that_was_answered_before_keeps_no_question_open(tmp_path: Path, version: int) -> None:
    shutil.copy(FOLDER / f"{version}.db", tmp_path / "bot.db")
    with closing(sqlite3.connect(tmp_path / "bot.db", isolation_level=None)) as connection:

        def question(number: int, *threads: int) -> None:
            asked = missed.question(threads[0], "5.0", threads, ["UALICE"], number)
            connection.execute(
                "INSERT INTO questions (id, thread_id, kind, subject, post, digest, body, requester, people,"
                " created_at, expires_at) VALUES (?, ?, 'missed', ?, 1, '', ?, '', 'UALICE', 1, 9e9)",
                (f"missed-{number}", threads[0], asked.subject, asked.body),
            )
            connection.execute("INSERT INTO waiting_for VALUES ('UALICE', 9e9, ?)", (f"missed-{number}",))

        for number, user in enumerate(("UALICE", "UALICE", "UALICE", "UBOB"), start=11):
            connection.execute(
                "INSERT INTO threads (id, team, channel, thread_ts, kind, created_at)"
                " VALUES (?, 'T1', 'C9', ?, 'im', 1)",
                (number, f"{number}.0"),
            )
            connection.execute(
                "INSERT INTO inbox (thread_id, event_id, ts, user, text, files, addressed, received_at, seq, held)"
                " VALUES (?, ?, ?, ?, 'hi', '[]', 0, 1, 0, 2)",
                (number, f"held{number}", f"{number}.0", user),
            )
        question(1, 12, 13, 14)
        question(2, 11)
        connection.execute("UPDATE questions SET decision = 'answer' WHERE id = 'missed-2'")
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        with closing(sqlite3.connect(tmp_path / "bot.db")) as connection:
            held = dict(connection.execute("SELECT thread_id, held FROM inbox WHERE held > 0").fetchall())
        assert held == {11: Hold.DONE, 12: Hold.ASKED, 13: Hold.ASKED, 14: Hold.DONE}
        store = SqliteStore(database)
        for number in (12, 13):
            ts = f"{number}.0"
            await store.amend(Amendment(ThreadRef("T1", "C9", ts, "im"), ts, "99.0", None))
        found = await store.find_question("missed-1")
        assert found is not None
        assert found.decision == missed.TAKEN_BACK
