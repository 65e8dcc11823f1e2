"""The tables of the first version."""

from __future__ import annotations

FIRST = """
    CREATE TABLE threads (
        id          INTEGER PRIMARY KEY,
        team        TEXT NOT NULL,
        channel     TEXT NOT NULL,
        thread_ts   TEXT NOT NULL,
        kind        TEXT NOT NULL,
        functions   TEXT NOT NULL DEFAULT '',
        created_at  REAL NOT NULL,
        UNIQUE (team, channel, thread_ts)
    );

    -- Tool lists as the model was offered them, by digest: a thread's last one is sent while a server is away.
    CREATE TABLE functions (
        digest      TEXT PRIMARY KEY,
        body        TEXT NOT NULL
    ) WITHOUT ROWID;

    -- Who has addressed the bot in a thread; their follow-ups need no mention.
    CREATE TABLE participants (
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        user        TEXT NOT NULL,
        PRIMARY KEY (thread_id, user)
    ) WITHOUT ROWID;

    -- Committed before Slack gets its ack. A mention arrives as two events with two event ids and one message.
    CREATE TABLE inbox (
        id          INTEGER PRIMARY KEY,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        event_id    TEXT NOT NULL UNIQUE,
        ts          TEXT NOT NULL,
        user        TEXT NOT NULL,
        text        TEXT NOT NULL,
        files       TEXT NOT NULL,
        addressed   INTEGER NOT NULL,
        received_at REAL NOT NULL,
        seq         INTEGER,
        UNIQUE (thread_id, ts)
    );
    CREATE INDEX inbox_unread ON inbox (thread_id) WHERE seq IS NULL;

    CREATE TABLE turns (
        id          INTEGER PRIMARY KEY,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        requester   TEXT NOT NULL,
        opened_at   REAL NOT NULL,
        ended_at    REAL,
        outcome     TEXT,
        steps       INTEGER NOT NULL DEFAULT 0,
        seconds     REAL NOT NULL DEFAULT 0,
        nudged      INTEGER NOT NULL DEFAULT 0,
        closing     TEXT NOT NULL DEFAULT '',
        prompt_tokens     INTEGER NOT NULL DEFAULT 0,
        completion_tokens INTEGER NOT NULL DEFAULT 0,
        cached_tokens     INTEGER NOT NULL DEFAULT 0,
        cost        REAL NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX turns_open ON turns (thread_id) WHERE ended_at IS NULL;

    -- The log: what the model saw, byte for byte.
    CREATE TABLE messages (
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        seq         INTEGER NOT NULL,
        turn_id     INTEGER NOT NULL REFERENCES turns (id),
        role        TEXT NOT NULL,
        body        TEXT NOT NULL,
        at          REAL NOT NULL,
        PRIMARY KEY (thread_id, seq)
    );

    CREATE TABLE calls (
        id          INTEGER PRIMARY KEY,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        turn_id     INTEGER NOT NULL REFERENCES turns (id),
        seq         INTEGER NOT NULL,
        position    INTEGER NOT NULL,
        call_id     TEXT NOT NULL,
        tool        TEXT NOT NULL,
        server      TEXT NOT NULL,
        remote_name TEXT NOT NULL,
        arguments   TEXT NOT NULL,
        tool_digest TEXT NOT NULL,
        repeatable  INTEGER NOT NULL,
        state       TEXT NOT NULL CHECK (state IN ('ready', 'awaiting', 'started', 'unknown', 'finished')),
        outcome     TEXT,
        result      TEXT NOT NULL DEFAULT '',
        seconds     REAL NOT NULL DEFAULT 0,
        attempts    INTEGER NOT NULL DEFAULT 0,
        summarised  INTEGER NOT NULL DEFAULT 0,
        UNIQUE (thread_id, seq, position),
        CHECK ((state = 'finished') = (outcome IS NOT NULL))
    );
    CREATE INDEX calls_of_turn ON calls (turn_id);
    CREATE INDEX calls_ready ON calls (thread_id) WHERE state = 'ready';

    CREATE TABLE posts (
        id          INTEGER PRIMARY KEY,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        key         TEXT NOT NULL UNIQUE,
        kind        TEXT NOT NULL,
        payload     TEXT NOT NULL,
        state       TEXT NOT NULL CHECK (state IN ('owed', 'posted', 'refused', 'removed')),
        ts          TEXT NOT NULL DEFAULT '',
        created_at  REAL NOT NULL
    );
    CREATE INDEX posts_owed ON posts (thread_id) WHERE state = 'owed';
    CREATE INDEX posts_progress ON posts (thread_id) WHERE kind = 'progress' AND state IN ('owed', 'posted');

    CREATE TABLE approvals (
        id          TEXT PRIMARY KEY,
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        call        INTEGER NOT NULL REFERENCES calls (id),
        post        INTEGER NOT NULL REFERENCES posts (id),
        question    TEXT NOT NULL,
        digest      TEXT NOT NULL,
        requester   TEXT NOT NULL,
        decision    TEXT NOT NULL DEFAULT 'awaiting',
        decided_by  TEXT NOT NULL DEFAULT '',
        decided_at  REAL NOT NULL DEFAULT 0,
        created_at  REAL NOT NULL,
        expires_at  REAL NOT NULL,
        drawn       TEXT NOT NULL DEFAULT 'awaiting'
    ) WITHOUT ROWID;
    CREATE INDEX approvals_open ON approvals (expires_at) WHERE decision = 'awaiting';
    CREATE INDEX approvals_stale ON approvals (thread_id) WHERE drawn <> decision;
    CREATE UNIQUE INDEX approvals_one_open ON approvals (call) WHERE decision = 'awaiting';
    """
