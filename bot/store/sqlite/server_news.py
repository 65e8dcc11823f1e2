"""What is remembered of tool servers, and who waits for them. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.core.posts import Draft
from bot.core.server_news import SeenTools
from bot.core.thread_ref import DIRECT
from bot.store.sqlite import posts
from bot.store.sqlite.database import now


def seen(connection: sqlite3.Connection, server: str) -> SeenTools | None:
    """Return the tools of a server as they were last seen; None if it never was."""
    row = connection.execute("SELECT origin, told_at FROM seen_servers WHERE server = ?", (server,)).fetchone()
    if row is None:
        return None
    digests = connection.execute("SELECT tool, digest FROM seen_tools WHERE server = ?", (server,)).fetchall()
    return SeenTools(server, str(row[0]), dict(digests), float(row[1]))


def see(connection: sqlite3.Connection, found: SeenTools) -> None:
    """Record the tools of a server; those of another origin are forgotten."""
    connection.execute(
        "DELETE FROM seen_tools WHERE server = ? AND NOT EXISTS"
        " (SELECT 1 FROM seen_servers WHERE server = ? AND origin = ?)",
        (found.server, found.server, found.origin),
    )
    connection.execute(
        "INSERT INTO seen_servers (server, origin, told_at) VALUES (?, ?, ?) ON CONFLICT (server)"
        " DO UPDATE SET origin = excluded.origin, told_at = excluded.told_at",
        (found.server, found.origin, found.told_at),
    )
    connection.executemany(
        "INSERT INTO seen_tools (server, tool, digest) VALUES (?, ?, ?) ON CONFLICT (server, tool)"
        " DO UPDATE SET digest = excluded.digest WHERE digest <> excluded.digest",
        [(found.server, name, digest) for name, digest in found.digests.items()],
    )


def tell(connection: sqlite3.Connection, team: str, direct: Iterable[tuple[str, Draft]]) -> list[int]:
    """Record direct messages that belong to no thread; return the ids of the rows that stand for their threads."""
    found: list[int] = []
    for person, draft in direct:
        place = (team, person, DIRECT)
        connection.execute(
            "INSERT OR IGNORE INTO threads (team, channel, thread_ts, kind, created_at) VALUES (?, ?, ?, 'im', ?)",
            (*place, now()),
        )
        (id_,) = connection.execute(
            "SELECT id FROM threads WHERE team = ? AND channel = ? AND thread_ts = ?", place
        ).fetchone()
        posts.owe_copies(connection, id_, None, [(person, draft)])
        found.append(int(id_))
    return found


def wait(connection: sqlite3.Connection, thread_id: int, servers: Iterable[tuple[str, Draft]]) -> None:
    """Have a thread wait for servers, and tell it about each for which it does not wait already."""
    for server, notice in servers:
        row = connection.execute(
            "INSERT INTO server_waits (server, thread_id) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id",
            (server, thread_id),
        ).fetchone()
        if row is not None:
            posts.owe(connection, thread_id, [replace(notice, key=f"{notice.key}-{row[0]}")])


def is_awaited(connection: sqlite3.Connection, server: str) -> bool:
    """Return whether a thread waits for a server."""
    return connection.execute("SELECT 1 FROM server_waits WHERE server = ? LIMIT 1", (server,)).fetchone() is not None


def back(connection: sqlite3.Connection, server: str, notice: Draft, most: int) -> Sequence[int]:
    """Tell threads that a server is back for which they wait; return their ids."""
    found = connection.execute(
        "SELECT id, thread_id FROM server_waits WHERE server = ? ORDER BY thread_id LIMIT ?", (server, most)
    ).fetchall()
    for id_, thread_id in found:
        posts.owe(connection, thread_id, [replace(notice, key=f"{notice.key}-{id_}")])
        connection.execute("DELETE FROM server_waits WHERE id = ?", (id_,))
    return [int(thread_id) for _, thread_id in found]
