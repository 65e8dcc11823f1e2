"""The migration for what is remembered of tool servers."""

from __future__ import annotations

SERVER_NEWS = """
    -- Tool servers whose tools were seen: how they are reached, and when operators were told about a change.
    CREATE TABLE seen_servers (
        server      TEXT PRIMARY KEY,
        origin      TEXT NOT NULL,
        told_at     REAL NOT NULL
    ) WITHOUT ROWID;
    -- The digests of their tools' definitions.
    CREATE TABLE seen_tools (
        server      TEXT NOT NULL REFERENCES seen_servers (server),
        tool        TEXT NOT NULL,
        digest      TEXT NOT NULL,
        PRIMARY KEY (server, tool)
    ) WITHOUT ROWID;
    -- Threads that were told that a server is unavailable. An id is never used again: keys of messages contain it.
    CREATE TABLE server_waits (
        id          INTEGER PRIMARY KEY AUTOINCREMENT,
        server      TEXT NOT NULL,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        UNIQUE (server, thread_id)
    );
"""
