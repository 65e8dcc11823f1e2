"""The migration for messages that are edited and deleted."""

from __future__ import annotations

AMENDMENTS = """
    ALTER TABLE inbox ADD COLUMN version TEXT NOT NULL DEFAULT '';
    -- It was read, and was deleted later.
    ALTER TABLE inbox ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
    -- Of a report that a message which was read has changed: what happened, and the message.
    ALTER TABLE inbox ADD COLUMN change TEXT NOT NULL DEFAULT '';
    ALTER TABLE inbox ADD COLUMN about INTEGER;
    CREATE INDEX inbox_reports ON inbox (about) WHERE about IS NOT NULL;

    -- What is known of messages that have not been delivered yet: they were deleted, or say something else now.
    CREATE TABLE amendments (
        channel     TEXT NOT NULL,
        ts          TEXT NOT NULL,
        version     TEXT NOT NULL,
        deleted     INTEGER NOT NULL,
        text        TEXT NOT NULL DEFAULT '',
        body        TEXT NOT NULL DEFAULT '',
        addressed   INTEGER NOT NULL DEFAULT 0,
        to_others   INTEGER NOT NULL DEFAULT 0,
        at          REAL NOT NULL,
        PRIMARY KEY (channel, ts)
    ) WITHOUT ROWID;
    CREATE INDEX amendments_of_time ON amendments (at);

    -- Since when nothing can be posted in it any more, as a timestamp of Slack's; empty if it is there.
    ALTER TABLE threads ADD COLUMN gone TEXT NOT NULL DEFAULT '';
"""
