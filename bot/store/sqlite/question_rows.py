"""Requests to people, read with their call, their votes and what can be taken back. Functions over a connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, fields, replace

from bot.core.deliveries import StaleCard
from bot.core.questions import Approval, Decision, Question, Undo, UndoState
from bot.core.tools import Preview
from bot.core.untrusted import mapping, parsed
from bot.store.sqlite.log import CALL_COLUMNS, call_from

_COLUMNS = (
    "id, question, digest, requester, arguments, people, needed, no_self, grants, privacy, preview, note, decision,"
    " decided_by, decided_at, expires_at, reason"
)


_PREVIEWED = tuple(each.name for each in fields(Preview))


def _prefixed(prefix: str, columns: str) -> str:
    return ", ".join(f"{prefix}.{name.strip()}" for name in columns.split(","))


_SELECT = (
    f"SELECT {_prefixed('a', _COLUMNS)}, t.id, t.channel,"
    " (SELECT group_concat(user, ' ') FROM (SELECT user FROM votes WHERE approval = a.id ORDER BY at)),"
    " u.state, u.until, u.by, u.words, u.approval,"
    f" {_prefixed('c', CALL_COLUMNS)} FROM approvals a JOIN calls c ON c.id = a.call"
    " JOIN threads t ON t.id = a.thread_id LEFT JOIN undos u ON u.call = a.call"
)


def preview_text(preview: Preview | None) -> str:
    """A preview as it is kept."""
    return json.dumps(asdict(preview), ensure_ascii=False) if preview is not None else ""


def preview_of(kept: object) -> Preview | None:
    """A preview that was kept, also by a version that knew more or less of it."""
    found = mapping(parsed(kept))
    known = {name: value for name in _PREVIEWED if isinstance(value := found.get(name), str)}
    return Preview(**{"basis": "", "words": "", **known}) if found else None


def _from(row: Sequence[object]) -> Approval:
    (id_, question, digest, requester, arguments, people, needed, no_self, grants, privacy, preview, note, *rest) = row
    decision, decided_by, decided_at, expires_at, reason, thread_id, channel, votes, *rest = rest
    undo_state, until, by, words, undo_of, *call = rest
    undo = None
    if undo_state is not None and undo_of == id_:
        undo = Undo(UndoState(str(undo_state)), float(str(until)), str(by), str(words))
    return Approval(
        id=str(id_),
        question=Question(str(question)),
        digest=str(digest),
        requester=str(requester),
        call=replace(call_from(call), arguments=str(arguments)),
        thread_id=int(str(thread_id)),
        channel=str(channel),
        people=tuple(str(people).split()),
        needed=int(str(needed)),
        no_self=bool(no_self),
        grants=bool(grants),
        privacy=str(privacy),
        preview=preview_of(preview),
        note=str(note),
        decision=Decision(str(decision)),
        decided_by=str(decided_by),
        decided_at=float(str(decided_at)),
        expires_at=float(str(expires_at)),
        reason=str(reason),
        votes=tuple(str(votes).split()) if votes else (),
        undo=undo,
    )


def find(connection: sqlite3.Connection, approval: str) -> Approval | None:
    """The request with its call."""
    row = connection.execute(_SELECT + " WHERE a.id = ?", (approval,)).fetchone()
    return None if row is None else _from(row)


def of_post(connection: sqlite3.Connection, post: int) -> list[Approval]:
    """The requests of a card, in their order."""
    rows = connection.execute(_SELECT + " WHERE a.post = ? ORDER BY a.place", (post,))
    return [_from(row) for row in rows]


def of_thread(connection: sqlite3.Connection, thread_id: int) -> list[Approval]:
    """The open requests of a thread."""
    rows = connection.execute(_SELECT + " WHERE a.thread_id = ? AND a.decision = 'awaiting'", (thread_id,)).fetchall()
    return [_from(row) for row in rows]


def place_of(connection: sqlite3.Connection, approval: str) -> tuple[int, str, str]:
    """The thread, the team, and the timestamp of the card (empty while it is not recorded)."""
    row = connection.execute(
        "SELECT a.thread_id, t.team, p.ts FROM approvals a JOIN threads t ON t.id = a.thread_id"
        " JOIN posts p ON p.id = a.post WHERE a.id = ?",
        (approval,),
    ).fetchone()
    return int(row[0]), str(row[1]), str(row[2])


def stale(connection: sqlite3.Connection, thread_id: int) -> list[StaleCard]:
    """The cards that do not show how things stand."""
    rows = connection.execute(
        "SELECT id, ts, revision, payload FROM posts"
        " WHERE thread_id = ? AND shown <> revision AND state = 'posted' ORDER BY id",
        (thread_id,),
    ).fetchall()
    return [
        StaleCard(int(post), str(ts), int(revision), of_post(connection, post), str(payload))
        for post, ts, revision, payload in rows
    ]


def drawn(connection: sqlite3.Connection, post: int, revision: int) -> None:
    """The card now shows this revision."""
    connection.execute("UPDATE posts SET shown = ? WHERE id = ?", (revision, post))
