"""Rows of a thread that waits for people, as the bot writes them."""

from __future__ import annotations

import sqlite3
import time


def request(connection: sqlite3.Connection, number: int, *, seconds: float, question: str = "may_it_run") -> int:
    """A thread with an open turn, a call, its card and its open request `a<number>`, which ends in so many seconds.
    Out: the thread."""
    now = time.time()

    def insert(table: str, **values: object) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
        return cursor.lastrowid or 0

    thread = insert("threads", team="T1", channel="C1", thread_ts=f"{number}.0", kind="channel", created_at=now)
    turn = insert("turns", thread_id=thread, requester="UALICE", opened_at=now)
    call = insert(
        "calls",
        thread_id=thread,
        turn_id=turn,
        seq=0,
        position=0,
        call_id=f"call_{number}",
        tool="files__write",
        server="files",
        remote_name="write",
        arguments="{}",
        tool_digest="d",
        repeatable=False,
        state="awaiting",
    )
    post = insert(
        "posts", thread_id=thread, kind="card", key=f"card-{number}", payload="{}", state="posted", created_at=now
    )
    insert(
        "questions",
        id=f"a{number}",
        thread_id=thread,
        call=call,
        post=post,
        place=0,
        kind=question,
        digest="d",
        requester="UALICE",
        arguments="{}",
        people="requester",
        needed=1,
        no_self=False,
        grants=False,
        privacy="full",
        basis="",
        preview="",
        note="",
        created_at=now,
        expires_at=now + seconds,
    )
    return thread
