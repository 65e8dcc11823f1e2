"""The migration for outages and held messages."""

from __future__ import annotations

OUTAGES = """
    -- Times without a connection to Slack: from when on something may have been missed (Unix seconds).
    CREATE TABLE outages (
        id          INTEGER PRIMARY KEY,
        since       REAL NOT NULL
    );
    -- When a connection was last open, and up to which outage the conversations were listed that have to be read.
    CREATE TABLE presence (
        one         INTEGER PRIMARY KEY CHECK (one = 1),
        heard       REAL NOT NULL,
        listed      INTEGER NOT NULL DEFAULT 0
    );
    INSERT INTO presence (one, heard) SELECT 1, received_at FROM inbox ORDER BY id DESC LIMIT 1;
    -- Up to which outage a channel or direct message was read, without its threads.
    CREATE TABLE conversations (
        team        TEXT NOT NULL,
        channel     TEXT NOT NULL,
        heard       INTEGER NOT NULL,
        PRIMARY KEY (team, channel)
    ) WITHOUT ROWID;
    -- Up to which outage a thread was read.
    ALTER TABLE threads ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;
    -- Addressed to the bot, but too old to be answered unasked: 1, and 2 once its author was asked or wrote again.
    ALTER TABLE inbox ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX inbox_held ON inbox (thread_id, ts) WHERE held = 1;
"""
