"""The migration that adds what stands in for the older parts of logs, and how large the last request was."""

from __future__ import annotations

COMPACTIONS = """
    -- The newest row with a body stands in for the thread's log up to its position (`bot.core.compaction`).
    CREATE TABLE compactions (
        id          INTEGER PRIMARY KEY,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        kind        TEXT NOT NULL CHECK (kind IN ('trim', 'summary', 'excerpts')),
        upto        INTEGER NOT NULL,
        body        TEXT NOT NULL,
        pinned      TEXT NOT NULL,
        summary     TEXT NOT NULL,
        decisions   TEXT NOT NULL,
        model       TEXT NOT NULL,
        at          REAL NOT NULL
    );
    CREATE INDEX compactions_of_thread ON compactions (thread_id) WHERE body <> '';
    -- Messages that are sent in a shorter form. The log keeps them whole.
    CREATE TABLE shortened (
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        seq         INTEGER NOT NULL,
        body        TEXT NOT NULL,
        PRIMARY KEY (thread_id, seq)
    ) WITHOUT ROWID;
    -- The tokens of the last request and its reply, and the position of the log up to which they are counted.
    ALTER TABLE threads ADD COLUMN context_tokens INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE threads ADD COLUMN context_upto INTEGER NOT NULL DEFAULT -1;
    -- A message was deleted that the newest compaction covers, so its summary has to be written again.
    ALTER TABLE threads ADD COLUMN summary_stale INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX inbox_gone ON inbox (thread_id, seq) WHERE gone;
"""
