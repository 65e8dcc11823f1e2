"""Rows of compactions, and the log as requests to the model send it. Functions over a connection, inside a
transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from bot.core.compaction import Compaction, CompactionBasis, CompactionKind, Decided, Measure
from bot.core.questions import granted
from bot.core.questions.question import Decision
from bot.core.untrusted import items, mapping, parsed
from bot.errors import StoreError
from bot.store.sqlite.database import now

REPLACED = (Decision.AWAITING, Decision.EDITED, Decision.DRIFTED)
"""States of questions that decide nothing: another request follows."""
MAX_DELETED = 20
"""Deleted messages that the next compaction leaves out of its summary."""


def record(connection: sqlite3.Connection, thread_id: int, compaction: Compaction) -> None:
    """Record a compaction. What was measured before it no longer holds."""
    connection.execute(
        "INSERT INTO compactions (thread_id, kind, upto, body, pinned, summary, decisions, model, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            thread_id,
            compaction.kind,
            compaction.upto,
            compaction.body,
            json.dumps(compaction.pinned),
            compaction.summary,
            json.dumps(compaction.decisions, ensure_ascii=False),
            compaction.model,
            now(),
        ),
    )
    connection.executemany(
        "INSERT OR REPLACE INTO shortened (thread_id, seq, body) VALUES (?, ?, ?)",
        [(thread_id, position, body) for position, body in compaction.shortened.items()],
    )
    if compaction.body:
        connection.execute("UPDATE threads SET summary_stale = 0 WHERE id = ?", (thread_id,))
    measure(connection, thread_id, Measure())


def measure(connection: sqlite3.Connection, thread_id: int, measured: Measure) -> None:
    """Record how large the last request was."""
    connection.execute(
        "UPDATE threads SET context_tokens = ?, context_upto = ? WHERE id = ?",
        (measured.tokens, measured.upto, thread_id),
    )


def newest(connection: sqlite3.Connection, thread_id: int) -> Compaction | None:
    """Return the newest compaction that replaces a part of the log."""
    row = connection.execute(
        "SELECT kind, upto, body, pinned, summary, decisions, model FROM compactions"
        " WHERE thread_id = ? AND body <> '' ORDER BY id DESC LIMIT 1",
        (thread_id,),
    ).fetchone()
    if row is None:
        return None
    kind, upto, body, pinned, summary, decisions, model = row
    return Compaction(
        kind=CompactionKind(kind),
        upto=upto,
        body=body,
        pinned=tuple(each for each in items(parsed(pinned)) if isinstance(each, int)),
        summary=summary,
        decisions=tuple(each for each in items(parsed(decisions)) if isinstance(each, str)),
        model=model,
    )


def basis(connection: sqlite3.Connection, thread_id: int) -> CompactionBasis:
    """Return what the next compaction of a thread builds on."""
    rows = connection.execute(
        "SELECT DISTINCT i.seq FROM turns t JOIN inbox i ON i.thread_id = t.thread_id AND i.seq >= t.first"
        " WHERE t.thread_id = ? AND t.ended_at IS NULL AND i.addressed AND i.seq IS NOT NULL",
        (thread_id,),
    )
    asked = tuple(sorted(int(row[0]) for row in rows))
    deleted = connection.execute(
        "SELECT i.seq, i.text, i.body <> '', m.body FROM inbox i CROSS JOIN messages m ON m.thread_id = i.thread_id"
        " AND m.seq = i.seq WHERE i.thread_id = ? AND i.gone AND i.seq IS NOT NULL ORDER BY i.seq DESC LIMIT ?",
        (thread_id, MAX_DELETED),
    )
    gone = {int(seq): _content(body) or str(text) if more else str(text) for seq, text, more, body in deleted}
    return CompactionBasis(newest(connection, thread_id), asked, gone)


def _content(body: str) -> str:
    """Return what the model reads of a message with files or quotes, which its text alone does not say."""
    content = mapping(parsed(body)).get("content")
    if isinstance(content, str):
        return content
    return "\n".join(text for each in items(content) if isinstance(text := mapping(each).get("text"), str))


def deleted(connection: sqlite3.Connection, thread_id: int, position: int) -> None:
    """Note that the message at a position was deleted in Slack: no summary may repeat it."""
    if (last := newest(connection, thread_id)) is not None and position <= last.upto:
        connection.execute("UPDATE threads SET summary_stale = 1 WHERE id = ?", (thread_id,))


def decided(connection: sqlite3.Connection, thread_id: int, after: int, upto: int) -> list[Decided]:
    """Return what people have decided about the calls in a part of the log."""
    rows = connection.execute(
        "SELECT c.tool, c.arguments, q.decision, q.decided_by, q.reason, c.original <> ''"
        " FROM calls c CROSS JOIN questions q ON q.call = c.id"
        " WHERE c.thread_id = ? AND c.seq > ? AND c.seq <= ? AND q.kind <> ? AND q.decision NOT IN (?, ?, ?)"
        " ORDER BY c.seq, c.position",
        (thread_id, after, upto, granted.GRANTED, *REPLACED),
    )
    return [Decided(*row[:5], edited=bool(row[5])) for row in rows]


def bodies(connection: sqlite3.Connection, thread_id: int, after: int, last: int) -> list[tuple[int, bytes]]:
    """Return (position, UTF-8 text) of each message of a request to the model after one position of the log, up to
    another; from the beginning if `after` is negative.

    The log may start later than at 0. Raises StoreError if a message in it is missing, as the request would make no
    sense.
    """
    compaction = newest(connection, thread_id) if after < 0 else None
    if compaction is None or compaction.upto > last:
        return _log(connection, thread_id, after, last)
    pinned = [position for position in compaction.pinned if position < compaction.upto]
    kept = [row for position in pinned for row in _rows(connection, thread_id, position - 1, position)]
    replaced = [(compaction.upto, compaction.body.encode("utf-8", "replace"))]
    return [*kept, *replaced, *_log(connection, thread_id, compaction.upto, last)]


def _log(connection: sqlite3.Connection, thread_id: int, after: int, last: int) -> list[tuple[int, bytes]]:
    found = _rows(connection, thread_id, after, last)
    first = found[0][0] if found and after < 0 else after + 1
    if [position for position, _ in found] != [*range(first, last + 1)]:
        raise StoreError(f"the log of thread {thread_id} lacks messages from {first} to {last}: it has {len(found)}")
    return found


def _rows(connection: sqlite3.Connection, thread_id: int, after: int, last: int) -> list[tuple[int, bytes]]:
    """Return what there is of a part of the log; its beginning may have been removed."""
    rows: Iterable[tuple[int, bytes]] = connection.execute(
        "SELECT m.seq, CAST(coalesce(s.body, m.body) AS BLOB) FROM messages m"
        " LEFT JOIN shortened s ON s.thread_id = m.thread_id AND s.seq = m.seq"
        " WHERE m.thread_id = ? AND m.seq > ? AND m.seq <= ? ORDER BY m.seq",
        (thread_id, after, last),
    )
    return [(int(position), text) for position, text in rows]
