"""A database of the first version is brought up to date with everything that was open in it."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from bot.core.json_text import sha256
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Approval, Decision
from bot.store.sqlite.database import Database
from bot.store.sqlite.schema import MIGRATIONS
from bot.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio

ARGUMENTS = '{"content":"hello","path":"a.txt"}'
DIGEST = sha256("filesystem", "write_file", "tool", ARGUMENTS)


def first_version(path: Path, decision: str = "awaiting", drawn: str = "awaiting") -> None:
    """A thread that waits for a decision about a call, as the first version wrote it."""
    connection = sqlite3.connect(path)
    connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
    connection.execute("INSERT INTO threads VALUES (1, 'T1', 'C1', '1.0', 'channel', '', 0)")
    connection.execute("INSERT INTO turns (id, thread_id, requester, opened_at) VALUES (1, 1, 'U1', 0)")
    for seq, role in enumerate(("system", "user", "assistant")):
        connection.execute("INSERT INTO messages VALUES (1, ?, 1, ?, '{}', 0)", (seq, role))
    connection.execute(
        "INSERT INTO calls (id, thread_id, turn_id, seq, position, call_id, tool, server, remote_name, arguments,"
        " tool_digest, repeatable, state) VALUES (7, 1, 1, 2, 0, 'c', 'filesystem__write_file', 'filesystem',"
        " 'write_file', ?, 'tool', 0, 'awaiting')",
        (ARGUMENTS,),
    )
    connection.execute("INSERT INTO posts VALUES (5, 1, 'a', 'card', '{}', 'posted', '2.0', 0)")
    connection.execute(
        "INSERT INTO approvals (id, thread_id, call, post, question, digest, requester, decision, created_at,"
        " expires_at, drawn) VALUES ('a', 1, 7, 5, 'may_it_run', ?, 'U1', ?, 0, ?, ?)",
        (DIGEST, decision, time.time() + 1000, drawn),
    )
    connection.commit()
    connection.close()


async def test_an_open_request_of_the_first_version_can_still_be_decided_and_its_call_may_run(tmp_path: Path) -> None:
    first_version(tmp_path / "bot.db")
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        assert (await store.deliveries(1)).posts == []
        approval = await store.find_question("a")
        assert isinstance(approval, Approval)
        assert (approval.call.arguments, approval.people, approval.needed) == (ARGUMENTS, ("requester",), 1)
        click = Click("a", DIGEST, Decision.APPROVED, "U1", "T1", "C1", "2.0", entitled=True)
        [settlement] = await store.answer([click])
        assert settlement.verdict is Verdict.SETTLED
        [call] = (await store.load(1)).calls
        assert (call.state, call.approval, call.approved_digest, call.basis) == ("ready", "a", DIGEST, "")


async def test_a_card_that_the_first_version_did_not_redraw_is_redrawn(tmp_path: Path) -> None:
    first_version(tmp_path / "bot.db", decision="denied")
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        [card] = (await store.deliveries(1)).posts
        assert (card.ts, [approval.decision for approval in card.about]) == ("2.0", [Decision.DENIED])
        await store.shown(card.id, card.revision)
        assert (await store.deliveries(1)).posts == []


async def test_what_the_first_version_left_of_its_messages_is_still_brought_to_slack(tmp_path: Path) -> None:
    first_version(tmp_path / "bot.db")
    with closing(sqlite3.connect(tmp_path / "bot.db")) as connection, connection:
        left = [("progress", "posted"), ("answer", "owed"), ("progress", "owed"), ("answer", "posted")]
        for number, (kind, state) in enumerate([*left, ("progress", "removed"), ("card", "refused")], start=6):
            connection.execute(
                "INSERT INTO posts VALUES (?, 1, ?, ?, '{}', ?, '3.0', 0)", (number, f"key {number}", kind, state)
            )
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        posts = (await store.deliveries(1)).posts
        assert [(post.kind, post.state, post.final) for post in posts] == [
            ("progress", "posted", False),
            ("answer", "owed", True),
            ("progress", "owed", False),
        ]
        assert await store.waiting() == [1]


async def test_who_takes_part_in_a_turn_that_is_open_stays_known(tmp_path: Path) -> None:
    first_version(tmp_path / "bot.db")
    connection = sqlite3.connect(tmp_path / "bot.db")
    said = [("U1", 1, 1), ("U2", 1, 1), ("U3", 0, 1), ("U2", 1, 1), ("U4", 1, None)]
    for number, (user, addressed, seq) in enumerate(said):
        connection.execute(
            "INSERT INTO inbox VALUES (?, 1, ?, ?, ?, '', '[]', ?, 0, ?)",
            (number, str(number), str(number), user, addressed, seq),
        )
    connection.commit()
    connection.close()
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        state = await SqliteStore(database).load(1)
        assert state.turn is not None
        assert state.turn.others == ("U2",)
        assert [message.user for message in state.unread] == ["U4"]
        assert (state.last_position, state.last_role) == (2, "assistant")
