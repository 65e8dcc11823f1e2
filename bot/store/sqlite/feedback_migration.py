"""The migration for what people think of answers, and for what is spent."""

from __future__ import annotations

FEEDBACK = """
    -- What people think of the answers of turns: one opinion a person and turn.
    CREATE TABLE feedback (
        turn_id     INTEGER NOT NULL REFERENCES turns (id),
        user        TEXT NOT NULL,
        good        INTEGER NOT NULL,
        words       TEXT NOT NULL DEFAULT '',
        at          REAL NOT NULL,
        PRIMARY KEY (turn_id, user)
    ) WITHOUT ROWID;
    CREATE INDEX feedback_words ON feedback (at) WHERE words <> '';
    -- The model that answered last.
    ALTER TABLE turns ADD COLUMN model TEXT NOT NULL DEFAULT '';
    CREATE INDEX turns_of_time ON turns (opened_at);
"""
