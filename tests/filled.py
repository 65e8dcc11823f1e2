"""A database as large as a test wants, written with a few statements: threads of which some wait for a person."""

from __future__ import annotations

import sqlite3
import time

REQUESTED = 10
"""Of so many threads one waits for a decision."""

_CALL = (
    "calls (id, thread_id, turn_id, seq, position, call_id, tool, server, remote_name, arguments, tool_digest,"
    " repeatable, state, outcome, summarised)"
)
_INBOX = "inbox (id, thread_id, event_id, ts, user, text, files, addressed, received_at, seq)"
_REQUEST = "questions (id, thread_id, call, post, kind, digest, requester, decision, created_at, expires_at)"
_REQUEST_BEFORE = _REQUEST.replace("questions", "approvals").replace("kind", "question")
"""Of the schemas before there were other questions."""
_VOTES = "votes (question, user, at)"
_TURN = "turns (id, thread_id, requester, opened_at, ended_at, outcome)"
_GRANT = (
    "grants (team, user, thread_id, tool, server, remote_name, tool_digest, scope, value, approval, created_at,"
    " expires_at, ended)"
)


def fill(connection: sqlite3.Connection, threads: int) -> None:
    """Write so many threads into an empty database, each with two ended turns, calls and posts; some with an open turn
    that waits, with a card that is posted. Nothing is left to do in any of them."""
    at = time.time()
    until = at + 86_400
    waits = f"FROM n WHERE n % {REQUESTED} = 0"
    places = "FROM n, (VALUES (0), (1), (2), (3), (4), (5)) p"
    kind = "CASE p.column1 WHEN 0 THEN 'card' WHEN 1 THEN 'progress' ELSE 'answer' END"
    state = "CASE p.column1 WHEN 1 THEN 'removed' ELSE 'posted' END"
    undo = "CASE n % 3 WHEN 0 THEN 'offered' WHEN 1 THEN 'closed' ELSE 'undone' END"
    before = not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'questions'").fetchall()
    request, votes = (_REQUEST_BEFORE, "votes (approval, user, at)") if before else (_REQUEST, _VOTES)
    for table, rows in (
        (
            "threads (id, team, channel, thread_ts, kind, created_at)",
            f"n, 'T1', 'C' || n % 7, n || '.0', 'channel', {at} FROM n",
        ),
        ("participants (thread_id, user)", "n, 'U' || n % 50 FROM n"),
        (_INBOX, f"n * 2, n, 'E' || n, n || '.0', 'U' || n % 50, 'hello', '[]', 1, {at}, 1 FROM n"),
        (_INBOX, f"n * 2 + 1, n, 'F' || n, n || '.1', 'U' || n % 50, 'by the way', '[]', 0, {at}, NULL FROM n"),
        (_TURN, f"n * 3, n, 'U' || n % 50, {at}, {at}, 'answered' FROM n"),
        (_TURN, f"n * 3 + 1, n, 'U' || n % 50, {at}, {at}, 'answered' FROM n"),
        (_TURN, f"n * 3 + 2, n, 'U' || n % 50, {at}, NULL, NULL {waits}"),
        (
            "messages (thread_id, seq, turn_id, role, body, at)",
            f"n, p.column1, n * 3 + p.column1 / 3, 'user', '{{}}', {at} {places}",
        ),
        (
            "posts (id, thread_id, key, kind, payload, state, ts, created_at)",
            f"n * 6 + p.column1, n, 'key' || n || '-' || p.column1, {kind}, '{{}}', {state},"
            f" n || '.' || p.column1, {at} {places}",
        ),
        (_CALL, "n * 2, n, n * 3, 2, 0, 'c', 't', 's', 'r', '{}', 'd', 0, 'finished', 'ok', 1 FROM n"),
        (_CALL, f"n * 2 + 1, n, n * 3 + 2, 5, 0, 'c', 't', 's', 'r', '{{}}', 'd', 0, 'awaiting', NULL, 0 {waits}"),
        (request, f"'done' || n, n, n * 2, n * 6, 'may_it_run', 'd', 'U1', 'approved', {at}, {until} FROM n"),
        (request, f"'open' || n, n, n * 2 + 1, n * 6, 'may_it_run', 'd', 'U1', 'awaiting', {at}, {until} {waits}"),
        (votes, f"'done' || n, 'U1', {at} FROM n"),
        (
            _GRANT,
            f"'T1', 'U' || n, n, CASE WHEN n % 2 THEN 'files__write' ELSE 't' || n % 9 END, 's', 'r', 'd', 'any', '',"
            f" 'done' || n, {at}, {until},"
            " CASE WHEN n % 9 THEN 'expired' ELSE '' END FROM n",
        ),
        (
            "undos (call, approval, plan, content, state, until)",
            f"n * 2, 'done' || n, '{{}}', x'', {undo}, {until} FROM n",
        ),
        (
            "audit (at, kind, thread_id, call, approval, actor, facts, previous, hash)",
            f"{at}, 'requested', n, n * 2, 'done' || n, 'U1', '{{}}', '', '' FROM n",
        ),
        *(_costs(at) if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'costs'").fetchall() else ()),
    ):
        numbers = f"WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {threads})"
        connection.execute(f"{numbers} INSERT INTO {table} SELECT {rows}")
    connection.execute("INSERT OR REPLACE INTO audit_head SELECT 1, max(seq), '' FROM audit")


def _costs(at: float) -> tuple[tuple[str, str], ...]:
    """What each thread has cost, in the schemas that have a ledger of it."""
    return (
        (
            "costs (request, state, turn_id, thread_id, person, channel, at, cost, basis)",
            f"'r' || n, 'known', n * 3, n, 'U' || n % 50, 'C' || n % 7, {at} - n, 0.01, 'reported' FROM n",
        ),
        ("cost_sums (scope, key, period, cost)", "'thread', n, '', 0.01 FROM n"),
    )
