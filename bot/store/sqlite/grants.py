"""Standing grants: given with an approval, valid until they expire, are revoked, or their tool changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.questions.grant import Grant
from bot.core.questions.question import Question
from bot.store.sqlite import audit
from bot.store.sqlite.database import now

MAX_REDRAWN = 20
"""Messages with records of calls under a grant that are redrawn when it is revoked."""
_COLUMNS = (
    "g.id, g.user, g.thread_id, coalesce(t.channel, ''), g.tool, g.server, g.remote_name, g.tool_digest, g.scope,"
    " g.value, g.created_at, g.expires_at, g.ended, g.words"
)


def keep(connection: sqlite3.Connection, question: Question, grant: Grant) -> int:
    """Record a grant that was given with an approval; return its id."""
    cursor = connection.execute(
        "INSERT INTO grants (team, user, thread_id, tool, server, remote_name, tool_digest, scope, value, words,"
        " approval, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            question.team,
            grant.user,
            grant.thread_id,
            grant.tool,
            grant.server,
            grant.remote_name,
            grant.tool_digest,
            grant.scope,
            grant.value,
            grant.words,
            question.id,
            now(),
            grant.expires_at,
        ),
    )
    return cursor.lastrowid or 0


def held(connection: sqlite3.Connection, team: str, user: str) -> list[Grant]:
    """Return a person's valid grants, the newest first."""
    return _newest_first(_held(connection, team, "g.user = ?", (user,)))


def _newest_first(grants: list[Grant]) -> list[Grant]:
    return sorted(grants, key=lambda grant: grant.id, reverse=True)


def held_for(connection: sqlite3.Connection, team: str, tool: str, thread_id: int, user: str) -> list[Grant]:
    """Return the valid grants for a tool: those for this thread, and this person's that apply everywhere; the newest
    first."""
    here = _held(connection, team, "g.tool = ? AND g.thread_id = ?", (tool, thread_id))
    everywhere = _held(connection, team, "g.tool = ? AND g.thread_id = 0 AND g.user = ?", (tool, user))
    return _newest_first([*here, *everywhere])


def _held(connection: sqlite3.Connection, team: str, condition: str, values: Sequence[object]) -> list[Grant]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM grants g LEFT JOIN threads t ON t.id = g.thread_id"
        f" WHERE {condition} AND g.ended = '' AND g.team = ? AND g.expires_at > ?",
        (*values, team, now()),
    )
    return [_from(row) for row in rows]


def find(connection: sqlite3.Connection, grant: int) -> Grant | None:
    """Return a grant, also one that has ended; None if there is none."""
    return _one(connection, "g.id = ?", grant)


def given_with(connection: sqlite3.Connection, approval: str) -> Grant | None:
    """Return the grant that was given with a request; None if there is none."""
    return _one(connection, "g.approval = ?", approval)


def _one(connection: sqlite3.Connection, condition: str, value: object) -> Grant | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM grants g LEFT JOIN threads t ON t.id = g.thread_id WHERE {condition}", (value,)
    ).fetchone()
    return None if row is None else _from(row)


def end(connection: sqlite3.Connection, grant: int, how: str, user: str) -> bool:
    """End a grant; with a user, only one of theirs. Return whether there was one to end."""
    row = connection.execute(
        "SELECT user, thread_id, tool FROM grants WHERE id = ? AND ended = ''", (grant,)
    ).fetchone()
    if row is None or (user and row[0] != user):
        return False
    connection.execute(
        "UPDATE grants SET ended = ?, ended_by = ?, ended_at = ? WHERE id = ?", (how, user, now(), grant)
    )
    kind = "voided" if how == "void" else how
    audit.record(connection, kind, thread_id=int(row[1]), actor=user, facts={"grant": grant, "tool": str(row[2])})
    return True


def redraw(connection: sqlite3.Connection, grant: int, thread_id: int) -> None:
    """Mark the card with which a grant was given, and the newest records of calls under it, for redrawing, as far as
    they are in this thread."""
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE thread_id = ? AND id ="
        " (SELECT q.post FROM grants g JOIN questions q ON q.id = g.approval WHERE g.id = ?)",
        (thread_id, grant),
    )
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE id IN (SELECT p.id FROM posts p INDEXED BY posts_turn"
        " CROSS JOIN questions q ON q.post = p.id WHERE p.thread_id = ? AND p.kind = 'turn' AND q.kind = 'granted'"
        " AND json_extract(q.body, '$.grant') = ? ORDER BY p.id DESC LIMIT ?)",
        (thread_id, grant, MAX_REDRAWN),
    )


def expire(connection: sqlite3.Connection, most: int) -> int:
    """End expired grants, up to `most`; return how many."""
    rows = connection.execute(
        "SELECT id FROM grants WHERE ended = '' AND expires_at <= ? LIMIT ?", (now(), most)
    ).fetchall()
    for (grant,) in rows:
        end(connection, int(grant), "expired", "")
    return len(rows)


def _from(row: Sequence[object]) -> Grant:
    id_, user, thread_id, place, tool, server, remote_name, digest, scope, value, *rest = row
    created_at, expires_at, ended, words = rest
    return Grant(
        id=int(str(id_)),
        user=str(user),
        thread_id=int(str(thread_id)),
        place=str(place),
        tool=str(tool),
        server=str(server),
        remote_name=str(remote_name),
        tool_digest=str(digest),
        scope=str(scope),
        value=str(value),
        created_at=float(str(created_at)),
        expires_at=float(str(expires_at)),
        ended=str(ended),
        words=str(words),
    )
