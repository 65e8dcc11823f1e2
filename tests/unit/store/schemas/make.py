"""Makes the database of a released schema, with something of everything open in it: `python -m
tests.unit.store.schemas.make 6` writes `6.db` beside this file, once, when schema 6 is released."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from bot.core.json_text import sha256
from bot.store.sqlite.schema import MIGRATIONS

FOLDER = Path(__file__).parent
FAR = 9e9
"""The year 2255, in seconds."""
ARGUMENTS = '{"content":"hello","path":"a.txt"}'
DIGEST = sha256("filesystem", "write_file", "tool", ARGUMENTS)


def make(version: int) -> None:
    """Write the file."""
    path = FOLDER / f"{version}.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA page_size = 512")
        connection.execute("PRAGMA foreign_keys = ON")
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        connection.execute(f"PRAGMA user_version = {version}")
        _fill(connection, version)
        connection.execute("VACUUM")


def _fill(connection: sqlite3.Connection, version: int) -> None:
    requests = "approvals" if version < 6 else "questions"
    kind = "question" if version < 6 else "kind"

    def insert(table: str, **values: object) -> None:
        marks = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))

    def thread(number: int) -> None:
        insert(
            "threads", id=number, team="T1", channel="C1", thread_ts=f"{number}.0", kind="channel", created_at=number
        )
        insert("participants", thread_id=number, user="UALICE")
        insert("turns", id=number, thread_id=number, requester="UALICE", opened_at=number)
        insert(
            "inbox",
            id=number,
            thread_id=number,
            event_id=f"E{number}",
            ts=f"{number}.0",
            user="UALICE",
            text="do it",
            files="[]",
            addressed=1,
            received_at=number,
            seq=1,
        )
        for seq, role in enumerate(("system", "user", "assistant")):
            insert("messages", thread_id=number, seq=seq, turn_id=number, role=role, body="{}", at=number)

    def request(number: int, thread: int, state: str, what: str, *, decision: str = "awaiting") -> None:
        insert(
            "calls",
            id=number,
            thread_id=thread,
            turn_id=thread,
            seq=2,
            position=number,
            call_id=f"call{number}",
            tool="filesystem__write_file",
            server="filesystem",
            remote_name="write_file",
            arguments=ARGUMENTS,
            tool_digest="tool",
            repeatable=0,
            state=state,
            outcome="ok" if state == "finished" else None,
        )
        insert(
            "posts",
            id=number,
            thread_id=thread,
            key=f"request{number}",
            kind="card",
            payload="{}",
            state="posted",
            ts=f"{number}.5",
            created_at=number,
        )
        more: dict[str, str] = {"drawn": decision}
        if version >= 2:
            more = {"arguments": ARGUMENTS, "people": "requester UBOB"}
        if version >= 6:
            more["subject"] = f"call:{number}"
        insert(
            requests,
            id=f"request{number}",
            thread_id=thread,
            call=number,
            post=number,
            **{kind: what},
            digest=DIGEST,
            requester="UALICE",
            decision=decision,
            decided_by="UALICE" if decision != "awaiting" else "",
            created_at=number,
            expires_at=FAR,
            **more,
        )

    thread(1)
    request(1, 1, "awaiting", "may_it_run")
    request(2, 1, "unknown", "did_it_run")
    request(3, 1, "finished", "may_it_run", decision="approved")
    if version >= 2:
        insert("votes", **{"approval" if version < 6 else "question": "request3"}, user="UALICE", at=3.0)
        insert("undos", call=3, approval="request3", plan="{}", content=b"", after="after", state="offered", until=FAR)
    if version >= 3:
        thread(2)
        insert(
            "posts",
            id=9,
            thread_id=2,
            key="parked2",
            kind="parked",
            payload='{"text": "I have stopped.", "blocks": []}',
            state="posted",
            ts="9.5",
            created_at=9.0,
        )
        connection.execute("UPDATE threads SET parked = 'parked2', failures = 3 WHERE id = 2")
        if version >= 6:
            insert(
                "questions",
                id="parked2",
                thread_id=2,
                kind="retry",
                subject="thread:2",
                post=9,
                digest="",
                requester="",
                people="participants",
                created_at=9.0,
                expires_at=float("inf"),
            )


if __name__ == "__main__":
    make(int(sys.argv[1]))
