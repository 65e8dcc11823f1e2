"""A migration: the key with which people and threads are named to providers of models."""

from __future__ import annotations

PSEUDONYMS = """
    -- Random values that are made once. SQLite's randomblob is seeded by the system's random source.
    CREATE TABLE secrets (
        name        TEXT PRIMARY KEY,
        value       BLOB NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO secrets (name, value) VALUES ('pseudonyms', randomblob(32));
"""
