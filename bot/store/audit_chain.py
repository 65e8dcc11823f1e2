"""The chain of audit records, which is the same in every store: each record is bound to the one before it by a hash.

A record's hash covers the record, its number and the hash before it, so none can be changed, taken out, put in or moved
unless all that follow are rewritten. Against somebody who does that, or cuts off the end, only a hash helps that was
noted elsewhere: `verify` takes one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.core.audit import AuditCheck, AuditRecord
from bot.core.json_text import JsonObject, canonical, sha256

MAX_FINDINGS = 20
NEAR = 1_000
"""How far away from its own place a record is looked for that does not belong where it is."""
COLUMNS = ("seq", "at", "kind", "thread_id", "call", "approval", "actor", "facts", "previous", "hash")
"""The fields that a store keeps, in the order in which `verify` takes them."""
_TYPES = (int, float, str, int, int, str, str, str, str, str)


def sealed(
    seq: int,
    previous: str,
    *,
    at: float,
    kind: str,
    thread_id: int = 0,
    call: int = 0,
    approval: str = "",
    actor: str = "",
    facts: JsonObject,
) -> AuditRecord:
    """Return the record with its hash. In: its number, the hash of the record before it, and what it says.

    Raises ValueError when the facts are no JSON.
    """
    moment_ = moment(at)
    texts = (_sendable(kind), _sendable(approval), _sendable(actor), _text(facts))
    values = (seq, datetime.fromisoformat(moment_).timestamp(), texts[0], thread_id, call, *texts[1:], previous)
    return AuditRecord(*values, _hash(moment_, values))


def moment(at: object) -> str:
    """The time of a record as its hash covers it: `2026-11-22T14:35:05.120000Z`. Raises ValueError for what is none."""
    if not isinstance(at, float):
        raise ValueError(f"{at!r} is no time")
    try:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (OverflowError, OSError) as error:
        raise ValueError(f"{at!r} is no time") from error


def verify(rows: Iterable[Sequence[Any]], heads: Sequence[Sequence[object]], noted: str = "") -> AuditCheck:
    """Return whether the records are those that were written.

    rows: the `COLUMNS` of all records by ascending number, which is an int; other values may be of any type.
    heads: the number and the hash that the store keeps of the last record; empty when it keeps none.
    noted: optionally a hash that was noted earlier, which must still be among them.
    """
    findings: list[str] = []
    wrong = count = last = 0
    first_at = last_at = 0.0
    unseen = bool(noted)
    hashed: object = ""
    # None: what is before the next record is not what was written, so that one's link says nothing.
    previous: object = ""

    def found(sentence: str) -> None:
        nonlocal wrong
        wrong += 1
        if wrong <= MAX_FINDINGS:
            findings.append(sentence)

    for row in rows:
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
        elif row[9] == noted:
            unseen = False
        first_at, last_at = row[1] if not count else first_at, row[1]
        count, hashed, last, previous = count + 1, row[9], seq, None if problem else row[9]
    for sentence in _at_the_end(heads, last, hashed):
        found(sentence)
    if unseen:
        found(f"No sound record has the hash {noted} that was noted: records were cut off or rewritten.")
    if wrong > MAX_FINDINGS:
        findings.append(f"And {wrong - MAX_FINDINGS:,} more.")
    return AuditCheck(findings, count, first_at, last_at, str(hashed))


def _hash(at: str, values: Sequence[Any]) -> str:
    """In: the time as a text, and the columns but for the hash."""
    seq, _, kind, thread_id, call, approval, actor, facts, previous = values
    return sha256(previous, str(seq), at, kind, str(thread_id), str(call), approval, actor, facts)


def _problem(row: Sequence[Any], *, explained: bool) -> str:
    """What is wrong with a record by itself; empty when it is as it was written. `explained`: say where it was."""
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
    """What does not fit between the head and the last record."""
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
    """A value of somebody else's making in a sentence."""
    return ascii(value)[:40]


def _sendable(text: str) -> str:
    """Without lone surrogates, which the database does not take."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _text(facts: JsonObject) -> str:
    """Canonical JSON that the database takes."""
    text = canonical(facts)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Read again: two names may have become the same.
        return canonical(json.loads(_sendable(text)))
    return text
