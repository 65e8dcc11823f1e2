"""The migration that adds the index over the changes of a thread."""

from __future__ import annotations

LEDGER = """
    -- Calls that have changed something, may have, or were denied (`bot.core.ledger.RECORDED`).
    CREATE INDEX calls_changed ON calls (thread_id, seq, position)
        WHERE tier <> 'read' AND outcome IN ('ok', 'assumed', 'denied', 'unresolved', 'skipped');
"""
