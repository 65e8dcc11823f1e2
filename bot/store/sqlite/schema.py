"""The tables, as a tuple of migrations: number n brings a database from `user_version` n to n + 1. Never edit a
released one; add another."""

from __future__ import annotations

from bot.store.sqlite.amendments_migration import AMENDMENTS
from bot.store.sqlite.attachments_migration import ATTACHMENTS
from bot.store.sqlite.call_costs_migration import CALL_COSTS
from bot.store.sqlite.compactions_migration import COMPACTIONS
from bot.store.sqlite.cost_sums_migration import COST_SUMS
from bot.store.sqlite.costs_migration import COSTS
from bot.store.sqlite.exchange_migration import EXCHANGE
from bot.store.sqlite.feedback_migration import FEEDBACK
from bot.store.sqlite.first_migration import FIRST
from bot.store.sqlite.grants_migration import GRANTS
from bot.store.sqlite.held_migration import HELD
from bot.store.sqlite.identities_migration import IDENTITIES
from bot.store.sqlite.identity_ids_migration import IDENTITY_IDS
from bot.store.sqlite.ledger_migration import LEDGER
from bot.store.sqlite.models_migration import MODELS
from bot.store.sqlite.outages_migration import OUTAGES
from bot.store.sqlite.pseudonyms_migration import PSEUDONYMS
from bot.store.sqlite.questions_migration import QUESTIONS
from bot.store.sqlite.results_migration import RESULTS
from bot.store.sqlite.server_news_migration import SERVER_NEWS
from bot.store.sqlite.streaming_migration import STREAMING
from bot.store.sqlite.waiting_migration import WAITING

MIGRATIONS: tuple[str, ...] = (
    FIRST,
    """
    ALTER TABLE calls ADD COLUMN tier TEXT NOT NULL DEFAULT '';
    ALTER TABLE calls ADD COLUMN why TEXT NOT NULL DEFAULT '';
    ALTER TABLE calls ADD COLUMN original TEXT NOT NULL DEFAULT '';
    ALTER TABLE calls ADD COLUMN editors TEXT NOT NULL DEFAULT '';
    CREATE INDEX calls_awaiting ON calls (thread_id) WHERE state = 'awaiting';
    ALTER TABLE turns ADD COLUMN stopped_by TEXT NOT NULL DEFAULT '';

    -- A card shows several requests; it is drawn again when its revision is not the one that Slack shows.
    ALTER TABLE posts ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE posts ADD COLUMN shown INTEGER NOT NULL DEFAULT 0;
    UPDATE posts SET revision = 1 WHERE id IN (SELECT post FROM approvals WHERE drawn <> decision);
    CREATE INDEX posts_stale ON posts (thread_id) WHERE shown <> revision;
    DROP INDEX approvals_stale;

    -- What a request was about stays with it, whatever becomes of the call's arguments.
    ALTER TABLE approvals DROP COLUMN drawn;
    ALTER TABLE approvals ADD COLUMN arguments TEXT NOT NULL DEFAULT '';
    UPDATE approvals SET arguments = (SELECT arguments FROM calls WHERE calls.id = approvals.call);
    ALTER TABLE approvals ADD COLUMN people TEXT NOT NULL DEFAULT 'requester';
    ALTER TABLE approvals ADD COLUMN needed INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE approvals ADD COLUMN no_self INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE approvals ADD COLUMN grants INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE approvals ADD COLUMN privacy TEXT NOT NULL DEFAULT 'full';
    ALTER TABLE approvals ADD COLUMN basis TEXT NOT NULL DEFAULT '';
    ALTER TABLE approvals ADD COLUMN preview TEXT NOT NULL DEFAULT '';
    ALTER TABLE approvals ADD COLUMN note TEXT NOT NULL DEFAULT '';
    ALTER TABLE approvals ADD COLUMN reason TEXT NOT NULL DEFAULT '';
    ALTER TABLE approvals ADD COLUMN reminded INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE approvals ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX approvals_of_post ON approvals (post);
    CREATE INDEX approvals_of_call ON approvals (call);

    -- Approvals that count towards a decision: one a person.
    CREATE TABLE votes (
        approval    TEXT NOT NULL REFERENCES approvals (id),
        user        TEXT NOT NULL,
        at          REAL NOT NULL,
        PRIMARY KEY (approval, user)
    ) WITHOUT ROWID;

    CREATE TABLE grants (
        id          INTEGER PRIMARY KEY,
        team        TEXT NOT NULL,
        user        TEXT NOT NULL,
        thread_id   INTEGER NOT NULL,
        tool        TEXT NOT NULL,
        server      TEXT NOT NULL,
        remote_name TEXT NOT NULL,
        tool_digest TEXT NOT NULL,
        scope       TEXT NOT NULL CHECK (scope IN ('any', 'folder', 'same')),
        value       TEXT NOT NULL,
        approval    TEXT NOT NULL,
        created_at  REAL NOT NULL,
        expires_at  REAL NOT NULL,
        ended       TEXT NOT NULL DEFAULT '',
        ended_by    TEXT NOT NULL DEFAULT '',
        ended_at    REAL NOT NULL DEFAULT 0
    );
    CREATE INDEX grants_held ON grants (tool) WHERE ended = '';
    CREATE INDEX grants_of_person ON grants (user) WHERE ended = '';

    -- What an approved call was about to change.
    CREATE TABLE undos (
        call        INTEGER PRIMARY KEY REFERENCES calls (id),
        approval    TEXT NOT NULL,
        plan        TEXT NOT NULL,
        content     BLOB NOT NULL,
        after       TEXT NOT NULL DEFAULT '',
        state       TEXT NOT NULL DEFAULT 'kept',
        until       REAL NOT NULL DEFAULT 0,
        by          TEXT NOT NULL DEFAULT '',
        words       TEXT NOT NULL DEFAULT '',
        begun       INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX undos_state ON undos (state, until);

    -- Who asked for, decided and ran what. Each record holds the hash of the one before it; the head names the last.
    CREATE TABLE audit (
        seq         INTEGER PRIMARY KEY,
        at          REAL NOT NULL,
        kind        TEXT NOT NULL,
        thread_id   INTEGER NOT NULL,
        call        INTEGER NOT NULL,
        approval    TEXT NOT NULL,
        actor       TEXT NOT NULL,
        facts       TEXT NOT NULL,
        previous    TEXT NOT NULL,
        hash        TEXT NOT NULL
    );
    CREATE TABLE audit_head (
        one         INTEGER PRIMARY KEY CHECK (one = 1),
        seq         INTEGER NOT NULL,
        hash        TEXT NOT NULL
    );
    """,
    """
    -- What is left to do stands in indexes that hold nothing else, so that looking for it costs nothing for all that
    -- only waits for people. `asked` says how many open requests there are about a turn or a call; whoever asks or
    -- settles, the triggers count.
    ALTER TABLE turns ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE calls ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;
    -- Its sender was told that it will be read once the open request is decided.
    ALTER TABLE inbox ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
    DROP INDEX calls_of_turn;
    CREATE INDEX calls_of_turn ON calls (turn_id, seq, position);
    UPDATE calls SET asked = 1 WHERE id IN (SELECT call FROM approvals WHERE decision = 'awaiting');
    UPDATE turns SET asked = (SELECT count(*) FROM calls WHERE turn_id = turns.id AND calls.asked)
        WHERE ended_at IS NULL;
    CREATE TRIGGER approvals_asked AFTER INSERT ON approvals WHEN NEW.decision = 'awaiting' BEGIN
        UPDATE calls SET asked = 1 WHERE id = NEW.call;
        UPDATE turns SET asked = asked + 1 WHERE id = (SELECT turn_id FROM calls WHERE id = NEW.call);
    END;
    CREATE TRIGGER approvals_settled AFTER UPDATE OF decision ON approvals
        WHEN OLD.decision = 'awaiting' AND NEW.decision <> 'awaiting' BEGIN
        UPDATE calls SET asked = 0 WHERE id = NEW.call;
        UPDATE turns SET asked = asked - 1 WHERE id = (SELECT turn_id FROM calls WHERE id = NEW.call);
    END;
    -- What ended turns did has been told, or nobody will tell it.
    UPDATE calls SET summarised = 1 WHERE state = 'finished' AND NOT summarised
        AND EXISTS (SELECT 1 FROM turns WHERE turns.id = turn_id AND ended_at IS NOT NULL);
    DROP INDEX calls_ready;
    DROP INDEX calls_awaiting;
    CREATE INDEX calls_unasked ON calls (thread_id) WHERE state <> 'finished' AND NOT asked;
    CREATE INDEX calls_untold ON calls (thread_id) WHERE state = 'finished' AND NOT summarised;
    CREATE INDEX turns_unasked ON turns (thread_id) WHERE ended_at IS NULL AND asked = 0;
    CREATE INDEX inbox_untold ON inbox (thread_id) WHERE seq IS NULL AND addressed AND NOT told;
    DROP INDEX inbox_unread;
    CREATE INDEX inbox_unread ON inbox (thread_id, ts) WHERE seq IS NULL;
    CREATE INDEX inbox_read ON inbox (thread_id, seq) WHERE seq IS NOT NULL;
    -- The place in the log where a turn begins.
    ALTER TABLE turns ADD COLUMN first INTEGER NOT NULL DEFAULT 0;
    UPDATE turns SET first = coalesce((SELECT min(seq) FROM messages WHERE messages.thread_id = turns.thread_id
        AND messages.turn_id = turns.id), 0) WHERE ended_at IS NULL;
    DROP INDEX posts_progress;
    CREATE INDEX posts_standing ON posts (thread_id) WHERE kind = 'progress' AND state = 'posted';
    DROP INDEX posts_stale;
    CREATE INDEX posts_stale ON posts (thread_id) WHERE shown <> revision AND state = 'posted';
    DROP INDEX approvals_of_post;
    CREATE INDEX approvals_of_post ON approvals (post, place);
    CREATE INDEX approvals_of_thread ON approvals (thread_id) WHERE decision = 'awaiting';
    CREATE INDEX approvals_unreminded ON approvals (expires_at) WHERE decision = 'awaiting' AND NOT reminded;
    CREATE INDEX grants_expiring ON grants (expires_at) WHERE ended = '';

    -- Once its call has ended, what was kept has a time at which it goes: at once, unless an offer says later.
    CREATE TRIGGER calls_finished AFTER UPDATE OF state ON calls
        WHEN NEW.state = 'finished' AND OLD.state <> 'finished' BEGIN
        UPDATE undos SET until = 1 WHERE call = NEW.id AND state = 'kept';
    END;
    UPDATE undos SET until = 1 WHERE state = 'kept'
        AND EXISTS (SELECT 1 FROM calls c WHERE c.id = call AND c.state = 'finished');
    -- Requests to the model that were begun, committed before they are sent; and threads that fail again and again.
    ALTER TABLE turns ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE threads ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE threads ADD COLUMN parked TEXT NOT NULL DEFAULT '';
    CREATE INDEX threads_parked ON threads (id) WHERE parked <> '';
    """,
    """
    -- Looked for by thread, or by person where they hold everywhere.
    DROP INDEX grants_held;
    CREATE INDEX grants_held ON grants (tool, thread_id, user) WHERE ended = '';
    """,
    """
    -- The records of a time and of a thread. A clock may be set back, so times need not be in the order of the records.
    CREATE INDEX audit_of_time ON audit (at);
    CREATE INDEX audit_of_thread ON audit (thread_id);
    CREATE INDEX threads_of_ts ON threads (thread_ts);
    """,
    QUESTIONS,
    """
    -- One index for all that Slack does not show as it is wanted. A message that is not final changes without being
    -- recorded, as progress does; the next process settles what it finds of it.
    ALTER TABLE posts ADD COLUMN final INTEGER NOT NULL DEFAULT 1;
    UPDATE posts SET final = 0 WHERE kind = 'progress' AND state = 'owed';
    UPDATE posts SET final = 0 WHERE kind = 'progress' AND state = 'posted';
    DROP INDEX posts_owed;
    DROP INDEX posts_standing;
    DROP INDEX posts_stale;
    CREATE INDEX posts_unsettled ON posts (thread_id)
        WHERE (state = 'owed' OR state = 'posted' AND (shown <> revision OR NOT final));
    """,
    """
    -- What a message says besides its text (quotes, forwarded messages, files), and who wrote it if no person did.
    ALTER TABLE inbox ADD COLUMN body TEXT NOT NULL DEFAULT '';
    ALTER TABLE inbox ADD COLUMN author TEXT NOT NULL DEFAULT '';
    ALTER TABLE inbox ADD COLUMN label TEXT NOT NULL DEFAULT '';
    """,
    OUTAGES,
    AMENDMENTS,
    WAITING,
    STREAMING,
    FEEDBACK,
    GRANTS,
    LEDGER,
    MODELS,
    COMPACTIONS,
    ATTACHMENTS,
    PSEUDONYMS,
    COSTS,
    "".join((EXCHANGE, IDENTITIES, SERVER_NEWS, RESULTS)),
    "".join((CALL_COSTS, COST_SUMS, IDENTITY_IDS, HELD)),
)
