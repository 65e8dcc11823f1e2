"""The migration that gives held messages their present numbers (`bot.core.outages.Hold`), and an index."""

from __future__ import annotations

HELD = """
    -- 2 also meant that a message was answered or taken up. Now it means that an open question is about it.
    UPDATE inbox SET held = 4 WHERE held = 2 AND NOT EXISTS (
        SELECT 1 FROM waiting_for w JOIN questions q ON q.id = w.question
        WHERE w.who = inbox.user AND q.kind = 'missed' AND q.decision = 'awaiting'
        AND (q.thread_id = inbox.thread_id OR inbox.thread_id IN (SELECT t.value FROM
            json_each(CASE WHEN json_valid(q.body) THEN q.body ELSE '{}' END, '$.threads') t))
    );
    -- What was read with something newer, until that is answered.
    CREATE INDEX inbox_taken_up ON inbox (thread_id, user) WHERE held = 3;
"""
