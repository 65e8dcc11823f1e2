"""Reads and writes questions, with their call, their votes and their undo. Functions over a connection."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Any

from bot.core.questions import granted
from bot.core.questions.grant import Grant
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import (
    PARTICIPANTS,
    REQUESTER,
    Approval,
    CallInput,
    Copy,
    Decision,
    Question,
    Undo,
    UndoState,
)
from bot.core.tools import Preview
from bot.core.untrusted import mapping, parsed
from bot.store.sqlite import grants as grant_rows
from bot.store.sqlite.call_rows import CALL_COLUMNS, call_from
from bot.store.sqlite.database import now

_COLUMNS = (
    "id, kind, subject, digest, body, requester, people, needed, decision, decided_by, decided_at, expires_at, reason"
)
_OF_CALLS = "call, arguments, no_self, grants, privacy, preview, note"
_UNDO = "state, until, by, words, approval"
_BEFORE_CALL = len(_OF_CALLS.split(",")) - 1 + len(_UNDO.split(","))
"""Columns between `call` and those of the call."""
_PREVIEWED = tuple(each.name for each in fields(Preview) if each.type == "str")


def _prefixed(prefix: str, columns: str) -> str:
    return ", ".join(f"{prefix}.{name.strip()}" for name in columns.split(","))


_SELECT = (
    f"SELECT {_prefixed('q', _COLUMNS)}, t.id, t.channel, t.team, coalesce(p.ts, ''), q.post,"
    " (SELECT group_concat(user, ' ') FROM (SELECT user FROM votes WHERE question = q.id ORDER BY at)),"
    f" {_prefixed('q', _OF_CALLS)}, {_prefixed('u', _UNDO)}, {_prefixed('c', CALL_COLUMNS)}"
    " FROM questions q JOIN threads t ON t.id = q.thread_id LEFT JOIN posts p ON p.id = q.post"
    " LEFT JOIN calls c ON c.id = q.call LEFT JOIN undos u ON u.call = q.call"
)
_PARTICIPANTS = (
    "SELECT requester FROM turns WHERE thread_id = :thread AND ended_at IS NULL"
    " UNION SELECT i.user FROM turns t JOIN inbox i ON i.thread_id = t.thread_id AND i.seq >= t.first"
    " WHERE t.thread_id = :thread AND t.ended_at IS NULL AND i.addressed"
    " UNION SELECT user FROM inbox WHERE thread_id = :thread AND seq IS NULL AND addressed"
)
"""Who has addressed the bot in the open turn, or is about to open one."""


def insert(connection: sqlite3.Connection, question: Question, post: int, place: int) -> None:
    """Record a question, the `place`-th of its message."""
    approval = question if isinstance(question, Approval) else None
    call = question.call.id if isinstance(question, Approval | CallInput) else None
    connection.execute(
        "INSERT INTO questions (id, thread_id, kind, subject, call, post, place, digest, body, requester, arguments,"
        " people, needed, no_self, grants, privacy, basis, preview, note, decision, decided_by, decided_at, created_at,"
        " expires_at, checked_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            question.id,
            question.thread_id,
            question.kind,
            question.subject if call is None else f"call:{call}",
            call,
            post,
            place,
            question.digest,
            question.body,
            question.requester,
            approval.call.arguments if approval else "",
            " ".join(question.people),
            question.needed,
            approval is not None and approval.no_self,
            approval is not None and approval.grants,
            approval.privacy if approval else "full",
            approval.preview.basis if approval and approval.preview else "",
            preview_text(approval.preview if approval else None),
            approval.note if approval else "",
            question.decision,
            question.decided_by,
            question.decided_at,
            now(),
            question.expires_at,
            now() if approval else 0.0,  # who is there was looked at before people were asked about a call
        ),
    )
    wait_for(connection, question)


def wait_for(connection: sqlite3.Connection, question: Question) -> None:
    """Record whom an open question waits for."""
    connection.executemany(
        "INSERT OR IGNORE INTO waiting_for (who, expires_at, question) VALUES (?, ?, ?)",
        [(who, question.expires_at, question.id) for who in _waited_for(connection, question)],
    )


def _waited_for(connection: sqlite3.Connection, question: Question) -> set[str]:
    """Return the ids of those whom an open question waits for."""
    if question.decision != Decision.AWAITING or not KINDS[question.kind].listed:
        return set()
    people = {*question.people} - {REQUESTER, PARTICIPANTS}
    if REQUESTER in question.people:
        people.add(question.requester)
    if PARTICIPANTS in question.people:
        people |= _participants(connection, question.thread_id)
    return people - {""}


def _participants(connection: sqlite3.Connection, thread_id: int) -> frozenset[str]:
    rows = connection.execute(_PARTICIPANTS, {"thread": thread_id})
    return frozenset(str(user) for (user,) in rows if user)


def preview_text(preview: Preview | None) -> str:
    """Return the stored form of a preview."""
    return json.dumps(asdict(preview), ensure_ascii=False) if preview is not None else ""


def preview_of(kept: object) -> Preview | None:
    """Parse a stored preview, also one written by another version with more or fewer fields."""
    found = mapping(parsed(kept))
    values: dict[str, Any] = {name: value for name in _PREVIEWED if isinstance(value := found.get(name), str)}
    values |= {name: _texts(value) for name in ("shown", "order") if isinstance(value := found.get(name), list)}
    values["paths"] = {str(path): str(shown) for path, shown in mapping(found.get("paths")).items()}
    values["severe"] = found.get("severe") is True
    values = {"basis": "", "words": "", **values}
    return Preview(**values) if found else None


def _texts(values: Sequence[object]) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str))


def _from(connection: sqlite3.Connection, row: Sequence[object]) -> Question:
    """Return the question of a row. Raises ValueError for a row that no version of the bot has written."""
    id_, kind, subject, digest, body, requester, people, needed, decision, by, at, expires_at, reason, *rest = row
    thread_id, channel, team, ts, post, votes, call, *rest = rest
    if str(kind) not in KINDS:
        raise ValueError(f"{kind!r} is no kind of question")
    question = Question(
        id=str(id_),
        kind=str(kind),
        subject=str(subject),
        digest=str(digest),
        body=str(body),
        requester=str(requester),
        people=tuple(str(people).split()),
        needed=int(str(needed)),
        decision=str(decision),
        decided_by=str(by),
        decided_at=float(str(at)),
        expires_at=float(str(expires_at)),
        reason=str(reason),
        votes=tuple(str(votes).split()) if votes else (),
        thread_id=int(str(thread_id)),
        channel=str(channel),
        team=str(team),
        message_ts=str(ts),
        copies=_copies(connection, int(str(post))),
    )
    if PARTICIPANTS in question.people:
        question = replace(question, participants=_participants(connection, question.thread_id))
    if call is not None and KINDS[question.kind].gives_input:
        common = {each.name: getattr(question, each.name) for each in fields(Question)}
        return CallInput(**common, call=call_from(rest[_BEFORE_CALL:]))
    return question if call is None else _about_call(connection, question, rest)


def _copies(connection: sqlite3.Connection, post: int) -> tuple[Copy, ...]:
    rows = connection.execute("SELECT person, channel, ts, state FROM posts WHERE copy_of = ?", (post,))
    states = {"refused", "removed"}
    return tuple(Copy(person, channel, ts, refused=state in states) for person, channel, ts, state in rows)


def _about_call(connection: sqlite3.Connection, question: Question, row: Sequence[object]) -> Approval:
    arguments, no_self, grants, privacy, preview, note, undo_state, until, by, words, undo_of, *call = row
    undo = None
    if undo_state is not None and undo_of == question.id:
        undo = Undo(UndoState(str(undo_state)), float(str(until)), str(by), str(words))
    common = {each.name: getattr(question, each.name) for each in fields(Question) if each.name != "decision"}
    return Approval(
        **common,
        decision=Decision(question.decision),
        call=replace(call_from(call), arguments=str(arguments)),
        no_self=bool(no_self),
        grants=bool(grants),
        privacy=str(privacy),
        preview=preview_of(preview),
        note=str(note),
        undo=undo,
        grant=_grant(connection, question, offered=bool(grants)),
    )


def _grant(connection: sqlite3.Connection, question: Question, *, offered: bool) -> Grant | None:
    """Return the grant that was given with a request, or under which a recorded call ran."""
    if question.kind == granted.GRANTED:
        return grant_rows.find(connection, granted.loads(question.body).grant)
    given = offered and question.decision in (Decision.APPROVED, Decision.DRIFTED)
    return grant_rows.given_with(connection, question.id) if given else None


def find(connection: sqlite3.Connection, question: str) -> Question | None:
    """Return a question with everything that decides it; None if there is none."""
    row = connection.execute(_SELECT + " WHERE q.id = ?", (question,)).fetchone()
    return None if row is None else _from(connection, row)


def of_post(connection: sqlite3.Connection, post: int) -> list[Question]:
    """Return the questions of a message, in order; of those about one call, the ones that were edited come first."""
    rows = connection.execute(_SELECT + " WHERE q.post = ? ORDER BY q.place", (post,)).fetchall()
    found = [_from(connection, row) for row in rows]
    first: dict[str, int] = {}
    for number, question in enumerate(found):
        first.setdefault(_one_call(question), number)
    return sorted(found, key=lambda each: (first[_one_call(each)], each.decided_at or math.inf))


def of_message(connection: sqlite3.Connection, question: str) -> list[Question]:
    """Return the questions of the message that a question is in, in order."""
    row = connection.execute("SELECT post FROM questions WHERE id = ?", (question,)).fetchone()
    return [] if row is None else of_post(connection, int(row[0]))


def _one_call(question: Question) -> str:
    return question.subject if isinstance(question, Approval) else question.id


def of_thread(connection: sqlite3.Connection, thread_id: int) -> list[Question]:
    """Return the open questions of a thread that end with its turn."""
    rows = connection.execute(_SELECT + " WHERE q.thread_id = ? AND q.decision = 'awaiting'", (thread_id,)).fetchall()
    found = [_from(connection, row) for row in rows]
    return [question for question in found if KINDS[question.kind].ends_with_turn]


def touch(connection: sqlite3.Connection, question: str) -> None:
    """Mark the message of this question for redrawing."""
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE id = (SELECT post FROM questions WHERE id = ?)", (question,)
    )
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE copy_of = (SELECT post FROM questions WHERE id = ?)",
        (question,),
    )


def touch_all(connection: sqlite3.Connection, call: int) -> None:
    """Mark every message about this call for redrawing."""
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE id IN (SELECT post FROM questions WHERE call = ?)", (call,)
    )
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE copy_of IN (SELECT post FROM questions WHERE call = ?)", (call,)
    )
