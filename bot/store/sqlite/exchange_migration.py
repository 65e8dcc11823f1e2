"""A migration: what the server of a call has asked for before it can go on, and what was answered so far."""

from __future__ import annotations

EXCHANGE = """
    -- What people have entered is kept only until the call has ended.
    ALTER TABLE calls ADD COLUMN exchange TEXT NOT NULL DEFAULT '';
    CREATE TRIGGER calls_answered AFTER UPDATE OF state ON calls
        WHEN NEW.state = 'finished' AND NEW.exchange <> '' BEGIN
        UPDATE calls SET exchange = '' WHERE id = NEW.id;
    END;
"""
