"""The audit: a hash chain of records of what was requested, decided and run. Functions over a connection, inside a
transaction.

The hash of a record covers the record, its number and the previous hash, so none can be changed, removed, inserted or
moved without rewriting all later ones. Against somebody who does that, or removes the last records, only a hash that
was noted elsewhere helps: `verify` accepts one.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from heapq import merge
from operator import attrgetter
from typing import Any

from bot.core.json_text import JsonObject, canonical, sha256
from bot.errors import StoreError
from bot.store.sqlite.database import now

MAX_FINDINGS = 20
NEAR = 1_000
"""How far from its place a misplaced record is searched for."""
PAGE = 500
MIN_INTEGER = -(2**63)
"""SQLite's smallest integer."""
MAX_DEPTH = 100
"""Levels of arguments that are examined. Models use a handful; Python's limit is about 1,000."""

MAX_NAME_LENGTH = 2_000
"""Characters of the full name of an argument. Each name is compared with each pattern."""

_COLUMNS = "seq, at, kind, thread_id, call, approval, actor, facts, previous, hash"
_TYPES = (int, float, str, int, int, str, str, str, str, str)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as stored. If somebody has modified the file, a value may have any type."""

    seq: int
    at: float
    """Unix time in seconds."""
    kind: str
    thread_id: int
    call: int
    approval: str
    actor: str
    """The id of the person who acted; empty for the program itself."""
    facts: str
    """Canonical JSON."""
    previous: str
    """The hash of the previous record; empty in the first."""
    hash: str
    team: str = ""
    channel: str = ""
    thread_ts: str = ""


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
    at = moment(now())
    texts = (_sendable(kind), _sendable(approval), _sendable(actor), _text(facts))
    values = (seq + 1, datetime.fromisoformat(at).timestamp(), texts[0], thread_id, call, *texts[1:], previous)
    hashed = _hash(at, values)
    try:
        connection.execute(f"INSERT INTO audit ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, hashed))
    except sqlite3.IntegrityError as error:
        raise StoreError(f"the audit records do not end where their head says ({error})") from error
    connection.execute("INSERT OR REPLACE INTO audit_head (one, seq, hash) VALUES (1, ?, ?)", (seq + 1, hashed))


def moment(at: object) -> str:
    """Return the time of a record as its hash covers it: `2026-11-22T14:35:05.120000Z`. Raises ValueError if it is not
    a time."""
    if not isinstance(at, float):
        raise ValueError(f"{at!r} is no time")
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (OverflowError, OSError) as error:
        raise ValueError(f"{at!r} is no time") from error


def records(
    connection: sqlite3.Connection, since: float = 0.0, *, until: float = math.inf, thread_ts: str = ""
) -> Iterator[Record]:
    """Yield the records of a period (from `since`, before `until`) and a thread, in order. Few others are read, however
    many there are.

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


def _pages(connection: sqlite3.Connection, part: _Part, thread: int | None = None) -> Iterator[Record]:
    """Yield the pages of a part, for one thread or all."""
    # The plus keeps SQLite from using the index on times, which would require sorting for each page.
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
        yield from (Record(*row) for row in rows)
        rows = connection.execute(query, (rows[-1][0], *values)).fetchall() if len(rows) == PAGE else []


def verify(connection: sqlite3.Connection, head: str = "") -> list[str]:
    """Check the hash chain. In: optionally a hash that was noted earlier, which must still be in it. Out: one sentence
    per problem; empty if there is none.

    This runs two statements: a caller that needs a consistent result begins a transaction first.
    """
    findings: list[str] = []
    wrong = 0

    def found(sentence: str) -> None:
        nonlocal wrong
        wrong += 1
        if wrong <= MAX_FINDINGS:
            findings.append(sentence)

    tables = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN ('audit', 'audit_head')"
    if connection.execute(tables).fetchone() != (2,):
        return ["The tables of the records are not both there: one was removed."]
    # Text that is no longer valid UTF-8 is a finding, not an error.
    factory, connection.text_factory = connection.text_factory, _any_text
    try:
        heads = connection.execute("SELECT seq, hash FROM audit_head").fetchall()
        noted, last = not head, 0
        hashed: object = ""
        # None: the previous record is not the original one, so the link of the next says nothing.
        previous: object = ""
        for row in connection.execute(f"SELECT {_COLUMNS} FROM audit ORDER BY seq"):
            seq = int(row[0])
            if seq < 1:
                found(f"Record {seq} was put in: records count from 1.")
                continue
            if seq > last + 1:
                found(_missing(last + 1, seq - 1))
                previous = None
            problem = _problem(row, explained=wrong < MAX_FINDINGS)
            if problem:
                found(problem)
            elif previous not in (None, row[8]):
                found(f"Record {seq} does not follow the record before it: one there was changed, removed or moved.")
            elif row[9] == head:
                noted = True
            hashed, last, previous = row[9], seq, None if problem else row[9]
    finally:
        connection.text_factory = factory
    for sentence in _at_the_end(heads, last, hashed):
        found(sentence)
    if not noted:
        found(f"No sound record has the hash {head} that was noted: records were cut off or rewritten.")
    if wrong > MAX_FINDINGS:
        findings.append(f"And {wrong - MAX_FINDINGS:,} more.")
    return findings


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


def _hash(at: str, values: Sequence[Any]) -> str:
    """Return the hash of a record. In: the time as a text, and the columns except the hash."""
    seq, _, kind, thread_id, call, approval, actor, facts, previous = values
    return sha256(previous, str(seq), at, kind, str(thread_id), str(call), approval, actor, facts)


def _problem(row: Sequence[Any], *, explained: bool) -> str:
    """Return what is wrong with a single record; empty if it is intact. `explained`: also say where it was before."""
    changed = f"Record {row[0]} was changed."
    if any(type(value) is not kind for value, kind in zip(row, _TYPES, strict=True)):
        return changed
    try:
        at = moment(row[1])
        if datetime.fromisoformat(at).timestamp() != row[1]:
            return changed
    except ValueError:
        return changed
    seq = row[0]
    if _hash(at, row[:9]) == row[9]:
        return ""
    for other in range(max(1, seq - NEAR), seq + NEAR) if explained else ():
        if _hash(at, (other, *row[1:9])) == row[9]:
            return f"Record {seq} was written as record {other}: records were re-ordered, removed or put in."
    return changed


def _at_the_end(heads: Sequence[Sequence[object]], last: int, hashed: object) -> Iterator[str]:
    """Yield the inconsistencies between the head and the last record."""
    if not heads:
        if last:
            yield f"The head is missing, which says that record {last} is the last."
        return
    seq, noted = heads[0]
    if not isinstance(seq, int) or seq < 0:
        yield f"The head was changed: it counts {_any(seq)} records."
    elif seq > last:
        yield f"{_missing(last + 1, seq)[:-1]}: the head counts {seq}."
    elif seq < last:
        yield f"The head counts {seq} records, and {last} are there: it was changed, or records were put in."
    elif noted != hashed:
        yield f"The head does not fit record {last}, the last: one of them was changed."


def _missing(first: int, last: int) -> str:
    return f"Record {first} is missing." if first == last else f"Records {first} to {last} are missing."


def _any(value: object) -> str:
    """Return an untrusted value as it appears in a sentence."""
    return ascii(value)[:40]


def _any_text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _sendable(text: str) -> str:
    """Return the text without lone surrogates, which the database does not accept."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _text(facts: JsonObject) -> str:
    """Return canonical JSON that the database accepts."""
    text = canonical(facts)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Parsed again, as two names may have become equal.
        return canonical(json.loads(_sendable(text)))
    return text
