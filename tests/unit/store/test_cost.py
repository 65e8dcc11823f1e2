"""What the store does for one thread costs the same however much else is in the database."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bot.core.amendments import Amendment, AmendmentOutcome
from bot.core.calls import CallOutcome, CallState
from bot.core.compaction import Compaction, CompactionKind, Measure
from bot.core.inbox import Incoming
from bot.core.outages import Conversation
from bot.core.questions import missed
from bot.core.questions.click import Click, Verdict
from bot.core.questions.grant import Grant
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Card, Decision
from bot.core.questions.retry import RETRIED
from bot.core.questions.undo import UNDO
from bot.core.tools import Undone, UndoSnapshot
from bot.store.sqlite import posts
from bot.store.sqlite.compactions_store import CompactionsStore
from bot.store.sqlite.database import Database
from bot.store.sqlite.ledgers_store import LedgersStore
from bot.store.sqlite.store import SqliteStore
from tests import statements
from tests.filled import fill
from tests.lives import ALICE, BOB, draft, waiting_for_a_person

pytestmark = pytest.mark.anyio
FEW, MANY = 100, 3_000
METHODS = {
    name for kind in (SqliteStore, LedgersStore, CompactionsStore) for name in vars(kind) if not name.startswith("_")
}


class Meter(SqliteStore):
    """Counts what each method costs: instructions of SQLite's virtual machine."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.spent: Counter[str] = Counter()
        self._ticks = 0

    async def install(self) -> None:
        await self._database.read(lambda connection: connection.set_progress_handler(self._tick, 10))

    def _tick(self) -> int:
        self._ticks += 1
        return 0

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        return self._metered(name, found) if name in METHODS else found

    def _metered(self, name: str, method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def metered(*args: Any, **options: Any) -> Any:
            before = self._ticks
            try:
                return await method(*args, **options)
            finally:
                self.spent[name] += self._ticks - before

        return metered


async def everything(store: SqliteStore) -> None:
    """Call every method, in the course of some threads' lives."""
    assert await store.begin_outage() == 0
    life, [approval] = await waiting_for_a_person(store)
    assert await store.begin_outage() == 1
    await store.heard(1e12)
    assert (await store.active())[0].thread_id == life.id
    recorded = await store.recorded(life.id)
    assert await store.recorded(life.id, "0", recorded[0].ts) == recorded
    await store.open_turns(2)  # a batch of more than one is full only in a large database
    [known] = await store.known(Conversation("T1", "C1", "channel"), [(await life.state()).place.thread_ts])
    assert known.thread_id == life.id
    assert await store.gap(life.id)
    place = Conversation("T1", "C1", "channel")
    assert await store.gaps([place]) == [await store.gap(life.id)]
    await store.caught_up(life.id, 1)
    await store.caught_up(place, 1)
    await life.say(late=True)
    [held] = await store.held()
    asked = missed.question(life.id, held.ts, [life.id], held.people, 1e12)
    await store.offer(Card([asked], [draft("card", asked.id)]), [life.id])
    await store.find_question(approval.id)
    assert [each.id for each in await store.questions_of_message(approval.id)] == [approval.id]
    await store.remind(life.id, approval.id, [draft("notice")])
    await store.unreminded(dict.fromkeys(KINDS, 60.0))
    await life.settle(approval, needed=2)
    await life.deliver()
    await life.settle(approval, user=ALICE)
    [call] = (await life.state()).calls
    call.state, call.attempts = CallState.STARTED, 1
    await life.commit("keep what is there", calls=[call], befores=[(call, UndoSnapshot("{}"))])
    call.state, call.outcome, call.summarised = CallState.FINISHED, CallOutcome.OK, True
    await life.commit("finish a call", calls=[call], afters=[(call, "after", 1e12)])
    await store.answer([await life.click(approval, UNDO, kind=UNDO)])
    await store.undo_threads()
    await store.next_undo(life.id)
    turn = (await life.state()).turn
    assert turn is not None
    for whole in (False, True):
        assert await store.ledger(turn.id, 5, whole_thread=whole)
    assert await store.offered_undos(turn.id) == []
    await store.begin_undo(call.id)
    await store.end_undo(life.id, call.id, Undone(True, "As before."), "It was taken back.")
    await life.say()
    await life.read()
    await life.commit("answer", messages=[("assistant", "{}")], functions=("digest", "[]"), outcome="answered")
    await store.functions("digest")
    await store.owe(life.id, [draft("progress")])
    [owed] = [post for post in (await store.deliveries(life.id)).posts if post.kind == "progress"]
    await store.posted(owed.id, "1.1", owed.revision)
    await store.post_closed(owed.id, "removed")
    await store.last_post()
    await life.deliver()

    other, [first, second] = await waiting_for_a_person(store, CallState.AWAITING, CallState.AWAITING)
    grant = Grant(0, "", 0, "", "", "", "", "", "any", "", 0.0, 1e12)
    await store.answer([await other.click(first, grant=grant)])
    [given] = await store.grants_for("T1", "files__write", other.id, BOB)
    await store.grants("T1", BOB)
    await store.end_grant(given.id, "revoked", BOB)
    await store.answer([await other.click(second, Decision.EDITED, arguments='{"path":"b"}')])
    drifted, [approval] = await waiting_for_a_person(store)
    await drifted.settle(approval)
    await drifted.commit("drift", drifted=[(approval.id, "It has changed.")])
    stopped, [approval] = await waiting_for_a_person(store)
    await stopped.say()
    await stopped.commit("show what was done", notified=[message.id for message in (await stopped.state()).unread])
    await store.answer([await stopped.click(approval, Decision.STOPPED)])
    withdrawn, [approval] = await waiting_for_a_person(store, CallState.UNKNOWN)
    await store.withdraw(approval.id)
    await withdrawn.deliver()
    late, [approval] = await waiting_for_a_person(store)
    await store._database.write(lambda connection: out_of_time(connection, approval.id))  # pyright: ignore[reportPrivateUsage]
    assert await store.expire() == [3, late.id]
    await store.unchecked(1.0, 5)
    gone, [approval] = await waiting_for_a_person(store)
    await store.checked(approval.id, [(BOB, draft("copy"))])
    for ts in ("9.1", "9.2"):
        found = await store.find_question(approval.id)
        assert found is not None
        assert await store.deleted("C1", found.message_ts, draft("notice")) == gone.id
        for post in (await store.deliveries(gone.id)).posts:
            await store.posted(post.id, f"{ts}{post.id}", post.revision, channel="D1" if post.person else "")
    denied, [approval] = await waiting_for_a_person(store)
    await denied.settle(approval, Decision.DENIED, reason="No.")
    parked, _ = await waiting_for_a_person(store)
    await store.transcript(await parked.state())
    await parked.commit("compact", compaction=Compaction(CompactionKind.SUMMARY, 0, "{}", shortened={1: "[]"}))
    await parked.commit("measure", measured=Measure(10, 1))
    assert list(await store.transcript(await parked.state())) == ["{}", "[]"]
    assert (await store.compaction_basis(parked.id)).last is not None
    assert await store.decided(parked.id, -1, 9) == []
    await store.uncount(parked.id)
    assert not await store.failed(parked.id, [draft("notice")], draft("parked"))
    await store.park(parked.id, stopped_for_good := draft("parked"))
    pressed = Click(stopped_for_good.key, "", RETRIED, ALICE, "T1", "C1", "", True)
    assert [each.verdict for each in await store.answer([pressed])] == [Verdict.SETTLED]
    await parked.deliver()
    turn = (await parked.state()).turn
    assert turn is not None
    assert await store.turn_record(turn.id, 5)
    await store.waiting_for(ALICE, ["S1"], 5)
    assert await store.stop(turn.id, ALICE) == parked.id
    record = await store.turn_record(turn.id, 5)
    assert record is not None
    assert not await store.rate(turn.id, record.place.channel, ALICE, good=False)
    assert not await store.explain(turn.id, ALICE, "It is wrong.")
    await parked.deliver()
    await parked.commit("stop the turn", outcome="stopped")
    edited, _ = await waiting_for_a_person(store)
    await edited.say()
    [unread] = (await edited.state()).unread
    place = (await edited.state()).place
    said = Incoming(place, "edited", ALICE, unread.ts, "ho", (), addressed=True, version="9")
    assert await store.amend(Amendment(place, unread.ts, unread.ts, said)) == (AmendmentOutcome.STARTS, edited.id)
    ended = Amendment(place, place.thread_ts, "9000000000.0", None, ends_thread=True)
    assert await store.amend(ended) == (AmendmentOutcome.CLOSED, edited.id)
    await store.close_thread(edited.id, "9000000000.1")
    await edited.commit("answer the calls", messages=[("tool", "{}")], outcome="stopped")
    assert await store.waiting() == [
        3,
        other.id,
        drifted.id,
        stopped.id,
        withdrawn.id,
        late.id,
        gone.id,
        denied.id,
        parked.id,
        edited.id,
    ]


def out_of_time(connection: sqlite3.Connection, approval: str) -> None:
    connection.execute("UPDATE questions SET expires_at = 1 WHERE id = ?", (approval,))
    connection.execute("UPDATE grants SET expires_at = 1 WHERE id = 9")
    connection.execute("UPDATE undos SET until = 1 WHERE call = 6")


async def costs(path: Path, threads: int) -> Counter[str]:
    async with Database(f"sqlite:///{path}/{threads}.db") as database:
        await database.write(lambda connection: fill(connection, threads))
        store = Meter(database)
        await store.install()
        await everything(store)
        return store.spent


async def test_every_method_costs_the_same_in_a_large_database_as_in_a_small_one(tmp_path: Path) -> None:
    few, many = await costs(tmp_path, FEW), await costs(tmp_path, MANY)
    assert set(many) == METHODS, "each method is called"
    dearer = {name: (few[name], many[name]) for name in METHODS if many[name] > 1.1 * few[name] + 5}
    assert dearer == {}, "(in a small database, in one 30 times as large)"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT id FROM posts WHERE kind = 'answer' AND state = 'posted'",
        "SELECT id FROM questions WHERE requester = ?",
        "SELECT thread_id FROM turns WHERE id NOT IN (SELECT turn_id FROM calls)",
        "SELECT id FROM questions WHERE decision = 'awaiting' AND people = ?",
        "UPDATE undos SET state = 'closed' WHERE by = ?",
        "DELETE FROM votes WHERE user = ?",
        "SELECT count(*) FROM messages",
        "SELECT id FROM posts WHERE thread_id + 0 = ?",
        "SELECT m.body FROM inbox i JOIN messages m ON m.at = i.received_at WHERE i.id = ?",
        "SELECT id FROM posts WHERE thread_id = ? AND state = 'owed' ORDER BY payload",
        # A step that is declared for a part of a statement does not excuse the others.
        "SELECT (SELECT max(user) FROM (SELECT user FROM votes WHERE question = a.id ORDER BY at)) FROM questions a",
    ],
)
def test_a_statement_that_no_index_serves_is_found(sql: str) -> None:
    [finding] = statements.unserved([sql])
    assert finding.startswith(sql)
    assert "!" in finding


def test_a_plan_that_was_served_is_found_when_its_index_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    sql = (
        "SELECT id FROM posts WHERE thread_id = ?"
        " AND (state = 'owed' OR state = 'posted' AND (shown <> revision OR NOT final)) ORDER BY id"
    )
    assert statements.unserved([sql]) == []
    monkeypatch.setattr(statements, "MIGRATIONS", (*statements.MIGRATIONS, "DROP INDEX posts_unsettled"))
    [finding] = statements.unserved([sql])
    assert "SCAN posts" in finding


def test_statements_in_triggers_are_looked_at() -> None:
    with closing(statements.empty()) as connection:
        connection.executescript(
            "CREATE TRIGGER slow AFTER UPDATE OF state ON posts BEGIN"
            " UPDATE turns SET steps = 1 WHERE outcome = NEW.kind; END;"
        )
        assert "UPDATE turns SET steps = 1 WHERE outcome = ?" in list(statements.triggered(connection))
    assert statements.unserved([]) == []


def test_what_the_bots_code_executes_is_noted_and_what_a_test_does_is_not(tmp_path: Path) -> None:
    noted = Path(statements.noted_in())
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        for script in statements.MIGRATIONS:
            connection.executescript(script)
        connection.execute(
            "INSERT INTO threads (team, channel, thread_ts, kind, created_at) VALUES ('T', 'C', '1', '', 0)"
        )
        posts.deliveries(connection, 1)
        connection.execute("SELECT id FROM posts WHERE key = 'of a test'")
    lines = noted.read_text("utf-8")
    assert "FROM posts INDEXED BY posts_unsettled" in lines
    assert "of a test" not in lines
