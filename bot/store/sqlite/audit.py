"""The audit: what was asked for, decided and run, as a chain of records (`bot.store.audit_chain`). Functions over a
connection, inside a transaction."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from heapq import merge
from operator import attrgetter
from typing import Any

from bot.core.audit import AuditCheck, AuditRecord
from bot.core.json_text import JsonObject, canonical
from bot.errors import StoreError
from bot.store import audit_chain
from bot.store.sqlite.database import now

PAGE = 500
MIN_INTEGER = -(2**63)
"""SQLite's smallest integer."""
MAX_DEPTH = 100
"""Levels of arguments that are examined. Models use a handful; Python's limit is about 1,000."""

MAX_NAME_LENGTH = 2_000
"""Characters of the full name of an argument. Each name is compared with each pattern."""

_COLUMNS = ", ".join(audit_chain.COLUMNS)


def record(
    connection: sqlite3.Connection,
    kind: str,
    *,
    thread_id: int = 0,
    call: int = 0,
    approval: str = "",
    actor: str = "",
    facts: JsonObject,
) -> None:
    """Append a record. In: what happened, to what, by whom (nobody: the program itself), and further facts as JSON.

    Raises ValueError if the facts are not valid JSON, and StoreError if the last record is not the one that the head
    names, so that nothing continues without a record.
    """
    seq, previous = connection.execute("SELECT seq, hash FROM audit_head").fetchone() or (0, "")
    sealed = audit_chain.sealed(
        seq + 1,
        previous,
        at=now(),
        kind=kind,
        thread_id=thread_id,
        call=call,
        approval=approval,
        actor=actor,
        facts=facts,
    )
    values = [getattr(sealed, name) for name in audit_chain.COLUMNS]
    try:
        connection.execute(f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    except sqlite3.IntegrityError as error:
        raise StoreError(f"the audit records do not end where their head says ({error})") from error
    head = "INSERT OR REPLACE INTO audit_head (one, seq, hash) VALUES (1, ?, ?)"
    connection.execute(head, (sealed.seq, sealed.hash))


def records(
    connection: sqlite3.Connection, since: float = 0.0, *, until: float = math.inf, thread_ts: str = ""
) -> Iterator[AuditRecord]:
    """The records of a time (from `since`, before `until`) and a thread, in order. Read are those and few others,
    however many there are.

    They are read page by page, so that a slow reader keeps no snapshot open while the bot writes.
    """
    part = _part(connection, since, until)
    if not thread_ts:
        return _pages(connection, part)
    threads = connection.execute("SELECT id FROM threads WHERE thread_ts = ? ORDER BY id", (thread_ts,)).fetchall()
    return merge(*(_pages(connection, part, thread) for (thread,) in threads), key=attrgetter("seq"))


@dataclass(frozen=True, slots=True)
class _Part:
    """The records of a period: after one number and up to another, with others in between where a clock was set
    back."""

    since: float = -math.inf
    until: float = math.inf
    after: float = -math.inf
    last: float = math.inf


def _part(connection: sqlite3.Connection, since: float, until: float) -> _Part:
    """Find the records of a period."""
    begins = since if since > 0 else -math.inf
    if until < math.inf:
        query, values = "SELECT min(seq), max(seq) FROM audit WHERE at >= ? AND at < ?", [begins, until]
    elif begins > -math.inf:
        query, values = "SELECT min(seq), max(seq) FROM audit WHERE at >= ?", [begins]
    else:
        return _Part()
    # Both ends in one statement: for a single one, SQLite would scan the records until it finds it.
    first, last = connection.execute(query, values).fetchone()
    if first is None:
        return _Part(begins, until, math.inf)
    # Without an end, the period includes records that are written during the reading.
    return _Part(begins, until, first - 1 if first > MIN_INTEGER else -math.inf, last if until < math.inf else math.inf)


def _pages(connection: sqlite3.Connection, part: _Part, thread: int | None = None) -> Iterator[AuditRecord]:
    """Yield the records in a range, of one thread or of all."""
    # The plus keeps SQLite from finding them by their times, only to sort them again for each page.
    conditions, values = ["a.seq > ?", "a.seq <= ?"], [part.last]
    for condition, value, wanted in (
        ("+a.at >= ?", part.since, part.since > -math.inf),
        ("+a.at < ?", part.until, part.until < math.inf),
        ("a.thread_id = ?", thread or 0, thread is not None),
    ):
        if wanted:
            conditions.append(condition)
            values.append(value)
    columns = ", ".join(f"a.{name}" for name in _COLUMNS.split(", "))
    query = (
        f"SELECT {columns}, coalesce(team, ''), coalesce(channel, ''), coalesce(thread_ts, '')"
        " FROM audit a LEFT JOIN threads t ON t.id = a.thread_id"
        f" WHERE {' AND '.join(conditions)} ORDER BY a.seq LIMIT {PAGE}"
    )
    rows = connection.execute(query, (part.after, *values)).fetchall()
    while rows:
        yield from (AuditRecord(*row) for row in rows)
        rows = connection.execute(query, (rows[-1][0], *values)).fetchall() if len(rows) == PAGE else []


def verify(connection: sqlite3.Connection, head: str = "") -> AuditCheck:
    """Return whether the records are those that were written. In: optionally a hash that was noted earlier.

    This runs two statements: a caller that needs a consistent result begins a transaction first.
    """
    tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('audit', 'audit_head')"
    if connection.execute(tables).fetchone() != (2,):
        return AuditCheck(["The tables of the records are not both there: one was removed."])
    # Text that is no UTF-8 any more is a finding too, not an error.
    factory, connection.text_factory = connection.text_factory, any_text
    try:
        heads = connection.execute("SELECT seq, hash FROM audit_head").fetchall()
        rows = connection.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY seq")
        return audit_chain.verify(rows, heads, head)
    finally:
        connection.text_factory = factory


def redacted(arguments_json: str, tool: str, patterns: Sequence[str]) -> JsonObject:
    """Return the arguments of a call for a record.

    In: their JSON text, the tool's name, and case-sensitive globs (`*`, `?`, `[…]`) over `{tool}.{argument}`, nested
    ones with dots and without list positions: `edit_file.edits.newText`. Out: the arguments, with each one that a glob
    matches (and all that is in it) replaced by its length as a text or as canonical JSON. Arguments that are not a
    serializable JSON object become `text`, or `unreadable` with their length if a glob may concern the tool.
    """
    try:
        arguments: object = json.loads(arguments_json)
        if isinstance(arguments, dict):
            return {name: _redacted(item, f"{tool}.{name}", patterns, 0) for name, item in arguments.items()}
    except (ValueError, RecursionError):
        pass
    if any(fnmatchcase(f"{tool}.", pattern[:end]) for pattern in patterns for end in range(len(pattern) + 1)):
        return {"unreadable": len(arguments_json)}
    return {"text": arguments_json}


def _redacted(value: Any, name: str, patterns: Sequence[str], depth: int) -> Any:
    if depth > MAX_DEPTH or len(name) > MAX_NAME_LENGTH or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(name)
    if any(fnmatchcase(name, pattern) for pattern in patterns):
        return {"redacted": True, "characters": len(value if isinstance(value, str) else canonical(value))}
    if isinstance(value, dict):
        return {inner: _redacted(item, f"{name}.{inner}", patterns, depth + 1) for inner, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, name, patterns, depth + 1) for item in value]
    return value


def any_text(raw: bytes) -> str:
    """Return text that somebody may have changed in the file, so that it need not be UTF-8."""
    return raw.decode("utf-8", "surrogateescape")
