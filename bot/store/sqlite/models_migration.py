"""The migration for the model that a thread uses."""

from __future__ import annotations

MODELS = """
    -- What people have chosen for a thread, with the timestamp of the message; empty is the default.
    ALTER TABLE threads ADD COLUMN model TEXT NOT NULL DEFAULT '';
    ALTER TABLE threads ADD COLUMN effort TEXT NOT NULL DEFAULT '';
    ALTER TABLE threads ADD COLUMN chosen_at TEXT NOT NULL DEFAULT '';
    -- The model of the last request, and the last position of the log that was written before it was that one.
    ALTER TABLE threads ADD COLUMN asked_model TEXT NOT NULL DEFAULT '';
    ALTER TABLE threads ADD COLUMN asked_since INTEGER NOT NULL DEFAULT -1;
    -- The fallback that has answered in place of the model that was asked.
    ALTER TABLE turns ADD COLUMN fallback TEXT NOT NULL DEFAULT '';
"""
