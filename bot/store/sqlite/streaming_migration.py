"""The migration for messages that are streamed, and for the messages of turns."""

from __future__ import annotations

STREAMING = """
    -- A stream was begun on the message and not stopped, as far as is known.
    ALTER TABLE posts ADD COLUMN streaming INTEGER NOT NULL DEFAULT 0;
    -- The newest message of a thread's turns.
    CREATE INDEX posts_turn ON posts (thread_id) WHERE kind = 'turn';
"""
