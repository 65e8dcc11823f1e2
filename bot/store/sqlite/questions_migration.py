"""The sixth migration: requests about calls become questions of any kind."""

from __future__ import annotations

QUESTIONS = """
    CREATE TABLE questions (
        id          TEXT PRIMARY KEY,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        kind        TEXT NOT NULL,
        -- What it is about: call:7, turn:3, thread:1, server:notes.
        subject     TEXT NOT NULL DEFAULT '',
        call        INTEGER REFERENCES calls (id),
        post        INTEGER NOT NULL REFERENCES posts (id),
        place       INTEGER NOT NULL DEFAULT 0,
        digest      TEXT NOT NULL,
        body        TEXT NOT NULL DEFAULT '',
        requester   TEXT NOT NULL,
        arguments   TEXT NOT NULL DEFAULT '',
        people      TEXT NOT NULL DEFAULT 'requester',
        needed      INTEGER NOT NULL DEFAULT 1,
        no_self     INTEGER NOT NULL DEFAULT 0,
        grants      INTEGER NOT NULL DEFAULT 0,
        privacy     TEXT NOT NULL DEFAULT 'full',
        basis       TEXT NOT NULL DEFAULT '',
        preview     TEXT NOT NULL DEFAULT '',
        note        TEXT NOT NULL DEFAULT '',
        decision    TEXT NOT NULL DEFAULT 'awaiting',
        decided_by  TEXT NOT NULL DEFAULT '',
        decided_at  REAL NOT NULL DEFAULT 0,
        reason      TEXT NOT NULL DEFAULT '',
        reminded    INTEGER NOT NULL DEFAULT 0,
        created_at  REAL NOT NULL,
        expires_at  REAL NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO questions (id, thread_id, kind, subject, call, post, place, digest, requester, arguments, people,
        needed, no_self, grants, privacy, basis, preview, note, decision, decided_by, decided_at, reason, reminded,
        created_at, expires_at)
        SELECT id, thread_id, question, 'call:' || call, call, post, place, digest, requester, arguments, people,
        needed, no_self, grants, privacy, basis, preview, note, decision, decided_by, decided_at, reason, reminded,
        created_at, expires_at FROM approvals;
    -- The messages of parked threads, with their button.
    INSERT OR IGNORE INTO questions (id, thread_id, kind, subject, post, digest, requester, people, decision,
        created_at, expires_at)
        SELECT p.key, p.thread_id, 'retry', 'thread:' || p.thread_id, p.id, '', '', 'participants',
        CASE t.parked WHEN p.key THEN 'awaiting' ELSE 'retried' END, p.created_at, 9e999
        FROM posts p JOIN threads t ON t.id = p.thread_id WHERE p.kind = 'parked';

    CREATE TABLE question_votes (
        question    TEXT NOT NULL REFERENCES questions (id),
        user        TEXT NOT NULL,
        at          REAL NOT NULL,
        PRIMARY KEY (question, user)
    ) WITHOUT ROWID;
    INSERT INTO question_votes SELECT approval, user, at FROM votes;
    DROP TABLE votes;
    DROP TABLE approvals;
    ALTER TABLE question_votes RENAME TO votes;

    CREATE INDEX questions_open ON questions (expires_at) WHERE decision = 'awaiting';
    CREATE UNIQUE INDEX questions_one_open ON questions (call) WHERE decision = 'awaiting';
    CREATE INDEX questions_of_call ON questions (call);
    CREATE INDEX questions_of_post ON questions (post, place);
    CREATE INDEX questions_of_thread ON questions (thread_id) WHERE decision = 'awaiting';
    CREATE INDEX questions_unreminded ON questions (expires_at) WHERE decision = 'awaiting' AND NOT reminded;
    CREATE TRIGGER questions_asked AFTER INSERT ON questions WHEN NEW.decision = 'awaiting' BEGIN
        UPDATE calls SET asked = 1 WHERE id = NEW.call;
        UPDATE turns SET asked = asked + 1 WHERE id = (SELECT turn_id FROM calls WHERE id = NEW.call);
    END;
    CREATE TRIGGER questions_settled AFTER UPDATE OF decision ON questions
        WHEN OLD.decision = 'awaiting' AND NEW.decision <> 'awaiting' BEGIN
        UPDATE calls SET asked = 0 WHERE id = NEW.call;
        UPDATE turns SET asked = asked - 1 WHERE id = (SELECT turn_id FROM calls WHERE id = NEW.call);
    END;
"""
