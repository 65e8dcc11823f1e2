"""A migration: whom each open question waits for, where people see it, and what became of its message."""

from __future__ import annotations

WAITING = """
    -- Whom the open questions wait for, by person and user group: what is waiting for one person is found at once,
    -- however much waits for others.
    CREATE TABLE waiting_for (
        who         TEXT NOT NULL,
        expires_at  REAL NOT NULL,
        question    TEXT NOT NULL REFERENCES questions (id),
        PRIMARY KEY (who, expires_at, question)
    ) WITHOUT ROWID;
    CREATE INDEX waiting_for_question ON waiting_for (question);
    INSERT OR IGNORE INTO waiting_for (who, expires_at, question)
        SELECT CASE p.value WHEN 'requester' THEN q.requester WHEN 'participants' THEN coalesce(t.requester, '')
            ELSE p.value END, q.expires_at, q.id
        FROM questions q JOIN json_each('["' || replace(q.people, ' ', '","') || '"]') p
        LEFT JOIN turns t ON t.thread_id = q.thread_id AND t.ended_at IS NULL
        WHERE q.decision = 'awaiting';
    DELETE FROM waiting_for WHERE who = '';
    CREATE TRIGGER waiting_for_settled AFTER UPDATE OF decision ON questions
        WHEN OLD.decision = 'awaiting' AND NEW.decision <> 'awaiting' BEGIN
        DELETE FROM waiting_for WHERE question = NEW.id;
    END;
    CREATE INDEX turns_of_requester ON turns (requester) WHERE ended_at IS NULL;

    -- How often people have deleted a message that was then posted once more.
    ALTER TABLE posts ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX posts_of_ts ON posts (ts) WHERE ts <> '';
    -- A copy of a card for a person, in a direct message, whose id is known once it is posted.
    ALTER TABLE posts ADD COLUMN copy_of INTEGER REFERENCES posts (id);
    ALTER TABLE posts ADD COLUMN person TEXT NOT NULL DEFAULT '';
    ALTER TABLE posts ADD COLUMN channel TEXT NOT NULL DEFAULT '';
    CREATE INDEX posts_copies ON posts (copy_of) WHERE copy_of IS NOT NULL;
    -- When it was last looked at whether those who may answer are there.
    ALTER TABLE questions ADD COLUMN checked_at REAL NOT NULL DEFAULT 0;
    CREATE INDEX questions_unchecked ON questions (checked_at) WHERE decision = 'awaiting';
"""
