"""The migration that adds grants for one file or for telling arguments, their words, and calls that ran under a
grant."""

from __future__ import annotations

GRANTS = """
    -- Which scopes there are is the code's affair: a CHECK cannot be changed later.
    CREATE TABLE new_grants (
        id          INTEGER PRIMARY KEY,
        team        TEXT NOT NULL,
        user        TEXT NOT NULL,
        thread_id   INTEGER NOT NULL,
        tool        TEXT NOT NULL,
        server      TEXT NOT NULL,
        remote_name TEXT NOT NULL,
        tool_digest TEXT NOT NULL,
        scope       TEXT NOT NULL,
        value       TEXT NOT NULL,
        -- What the person read when giving it; empty for older ones.
        words       TEXT NOT NULL DEFAULT '',
        approval    TEXT NOT NULL,
        created_at  REAL NOT NULL,
        expires_at  REAL NOT NULL,
        ended       TEXT NOT NULL DEFAULT '',
        ended_by    TEXT NOT NULL DEFAULT '',
        ended_at    REAL NOT NULL DEFAULT 0
    );
    INSERT INTO new_grants (id, team, user, thread_id, tool, server, remote_name, tool_digest, scope, value, approval,
        created_at, expires_at, ended, ended_by, ended_at)
        SELECT id, team, user, thread_id, tool, server, remote_name, tool_digest, scope, value, approval,
        created_at, expires_at, ended, ended_by, ended_at FROM grants;
    DROP TABLE grants;
    ALTER TABLE new_grants RENAME TO grants;
    CREATE INDEX grants_held ON grants (tool, thread_id, user) WHERE ended = '';
    CREATE INDEX grants_of_person ON grants (user) WHERE ended = '';
    CREATE INDEX grants_expiring ON grants (expires_at) WHERE ended = '';
    CREATE INDEX grants_of_approval ON grants (approval);

    -- What was decided last about calls that a person has asked for, to suggest a grant.
    CREATE INDEX questions_of_requester ON questions (requester, decided_at) WHERE kind = 'may_it_run';
"""
