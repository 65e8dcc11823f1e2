"""The migration that adds the ledger of costs, and the turns that wait for operators to allow more."""

from __future__ import annotations

COSTS = """
    -- Requests to the model. `open`: its end is not recorded. `cut`: it was cut off, and the endpoint is to be asked.
    CREATE TABLE costs (
        id          INTEGER PRIMARY KEY,
        request     TEXT NOT NULL UNIQUE,
        generation  TEXT NOT NULL DEFAULT '',
        state       TEXT NOT NULL CHECK (state IN ('open', 'cut', 'known')),
        turn_id     INTEGER NOT NULL REFERENCES turns (id),
        thread_id   INTEGER NOT NULL REFERENCES threads (id),
        person      TEXT NOT NULL,
        channel     TEXT NOT NULL,
        model       TEXT NOT NULL DEFAULT '',
        at          REAL NOT NULL,
        prompt_tokens     INTEGER NOT NULL DEFAULT 0,
        completion_tokens INTEGER NOT NULL DEFAULT 0,
        cached_tokens     INTEGER NOT NULL DEFAULT 0,
        cost        REAL NOT NULL DEFAULT 0,
        basis       TEXT NOT NULL DEFAULT 'unknown',
        tries       INTEGER NOT NULL DEFAULT 0,
        due         REAL NOT NULL DEFAULT 0
    );
    CREATE INDEX costs_of_time ON costs (at);
    CREATE INDEX costs_of_thread ON costs (thread_id) WHERE state = 'known';
    CREATE INDEX costs_open ON costs (id) WHERE state = 'open';
    CREATE INDEX costs_cut ON costs (due) WHERE state = 'cut';
    -- Of turns before this version the sums are known, not the requests.
    INSERT INTO costs (request, state, turn_id, thread_id, person, channel, model, at, prompt_tokens,
        completion_tokens, cached_tokens, cost, basis)
        SELECT 'turn-' || u.id, 'known', u.id, u.thread_id, u.requester, t.channel, u.model, u.opened_at,
        u.prompt_tokens, u.completion_tokens, u.cached_tokens, u.cost,
        CASE WHEN u.cost > 0 THEN 'reported' ELSE 'unknown' END
        FROM turns u JOIN threads t ON t.id = u.thread_id WHERE u.prompt_tokens > 0 OR u.cost > 0;

    -- Running sums of the ledger, with what operators have decided about the budgets over them.
    CREATE TABLE cost_sums (
        scope       TEXT NOT NULL,
        key         TEXT NOT NULL,
        period      TEXT NOT NULL,
        cost        REAL NOT NULL DEFAULT 0,
        estimated   INTEGER NOT NULL DEFAULT 0,
        allowed     REAL NOT NULL DEFAULT 0,
        question    TEXT NOT NULL DEFAULT '',
        refused_until REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (scope, key, period)
    ) WITHOUT ROWID;
    INSERT INTO cost_sums (scope, key, period, cost, estimated)
        SELECT 'turn', turn_id, '', sum(cost), sum(basis <> 'reported') FROM costs GROUP BY turn_id
        UNION ALL SELECT 'thread', thread_id, '', sum(cost), sum(basis <> 'reported') FROM costs GROUP BY thread_id
        UNION ALL SELECT 'person', person, strftime('%Y-%m-%d', at, 'unixepoch'), sum(cost),
        sum(basis <> 'reported') FROM costs GROUP BY 2, 3
        UNION ALL SELECT 'person', person, strftime('%Y-%m', at, 'unixepoch'), sum(cost),
        sum(basis <> 'reported') FROM costs GROUP BY 2, 3
        UNION ALL SELECT 'channel', channel, strftime('%Y-%m-%d', at, 'unixepoch'), sum(cost),
        sum(basis <> 'reported') FROM costs GROUP BY 2, 3
        UNION ALL SELECT 'all', '', strftime('%Y-%m-%d', at, 'unixepoch'), sum(cost),
        sum(basis <> 'reported') FROM costs GROUP BY 3
        UNION ALL SELECT 'all', '', strftime('%Y-%m', at, 'unixepoch'), sum(cost),
        sum(basis <> 'reported') FROM costs GROUP BY 3;

    -- The question that a turn waits for, or has waited for last. As long as it is open, `turns.asked` counts it.
    CREATE TABLE budget_waits (
        turn_id     INTEGER PRIMARY KEY REFERENCES turns (id),
        question    TEXT NOT NULL REFERENCES questions (id)
    );
    CREATE INDEX budget_waits_for ON budget_waits (question);
    CREATE TRIGGER budget_waits_settled AFTER UPDATE OF decision ON questions
        WHEN OLD.decision = 'awaiting' AND NEW.decision <> 'awaiting' AND NEW.kind = 'budget' BEGIN
        UPDATE turns SET asked = asked - 1 WHERE id IN (SELECT turn_id FROM budget_waits WHERE question = NEW.id);
    END;
"""
