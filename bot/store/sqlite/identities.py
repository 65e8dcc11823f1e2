"""People's sign-ins to servers, finished and open. Functions over a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.identity import OpenSignIn, SignedIn
from bot.core.questions import sign_in
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Decision, Question
from bot.core.questions.sign_in import Asked
from bot.store.sqlite import transitions
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, touch

_KEPT = "SELECT id, person, server, issuer, sealed, version, since, ended FROM identities"
_OPEN = "SELECT question, person, server, state, sealed, code FROM sign_ins"


def _kept(row: Sequence[object]) -> SignedIn:
    id_, person, server, issuer, sealed, version, since, ended = row
    assert isinstance(sealed, bytes)
    numbers = int(str(id_)), int(str(version)), float(str(since))
    return SignedIn(numbers[0], str(person), str(server), str(issuer), sealed, numbers[1], numbers[2], bool(ended))


def _open(row: Sequence[object] | None) -> OpenSignIn | None:
    if row is None:
        return None
    question, person, server, state, sealed, code = row
    assert isinstance(sealed, bytes)
    assert isinstance(code, bytes)
    return OpenSignIn(str(question), str(person), str(server), str(state), sealed, code)


def signed_in(connection: sqlite3.Connection, person: str, server: str) -> SignedIn | None:
    """Return the sign-in of a person to a server."""
    row = connection.execute(f"{_KEPT} WHERE person = ? AND server = ? AND NOT ended", (person, server)).fetchone()
    return None if row is None else _kept(row)


def of_person(connection: sqlite3.Connection, person: str) -> list[SignedIn]:
    """Return all sign-ins of a person, by server."""
    rows = connection.execute(f"{_KEPT} WHERE person = ? AND NOT ended ORDER BY server", (person,))
    return [_kept(row) for row in rows]


def refreshed(connection: sqlite3.Connection, kept: SignedIn, sealed: bytes) -> SignedIn | None:
    """Replace the tokens of a sign-in, unless somebody else has."""
    written = connection.execute(
        "UPDATE identities SET sealed = ?, version = version + 1 WHERE id = ? AND version = ? AND NOT ended",
        (sealed, kept.id, kept.version),
    )
    return signed_in(connection, kept.person, kept.server) if written.rowcount else None


def end(connection: sqlite3.Connection, kept: SignedIn) -> SignedIn | None:
    """Use a sign-in no more."""
    written = connection.execute("UPDATE identities SET ended = 1 WHERE id = ? AND NOT ended", (kept.id,))
    if not written.rowcount:
        return None
    return _kept(connection.execute(f"{_KEPT} WHERE id = ?", (kept.id,)).fetchone())


def ended(connection: sqlite3.Connection) -> list[SignedIn]:
    """Return the sign-ins whose issuers are to be told that they have ended."""
    return [_kept(row) for row in connection.execute(f"{_KEPT} WHERE ended ORDER BY id")]


def open_for(connection: sqlite3.Connection, person: str, server: str) -> OpenSignIn | None:
    """Return the sign-in to a server that a person is being asked for."""
    row = connection.execute(f"{_OPEN} WHERE person = ? AND server = ?", (person, server)).fetchone()
    return _open(row)


def by_state(connection: sqlite3.Connection, state: str) -> OpenSignIn | None:
    """Return the open sign-in with this state."""
    return _open(connection.execute(f"{_OPEN} WHERE state = ?", (state,)).fetchone())


def of_question(connection: sqlite3.Connection, question: str) -> OpenSignIn | None:
    """Return the open sign-in of a question."""
    return _open(connection.execute(f"{_OPEN} WHERE question = ?", (question,)).fetchone())


def receive(connection: sqlite3.Connection, asked: OpenSignIn, code: bytes) -> bool:
    """Record the code that has come back for a sign-in as it was read, once."""
    if _question(connection, asked) is None:
        return False
    written = connection.execute(
        "UPDATE sign_ins SET code = ? WHERE question = ? AND state = ? AND code = x''",
        (code, asked.question, asked.state),
    )
    return written.rowcount > 0


def received(connection: sqlite3.Connection) -> list[OpenSignIn]:
    """Return the open sign-ins whose code has come back."""
    rows = connection.execute(f"{_OPEN} INDEXED BY sign_ins_received WHERE code <> x''").fetchall()
    return [found for row in rows if (found := _open(row)) is not None]


def renew(connection: sqlite3.Connection, asked: OpenSignIn, about: Asked, sealed: bytes) -> list[int]:
    """Ask once more, with another link."""
    question = _question(connection, asked)
    written = connection.execute(
        "UPDATE sign_ins SET state = ?, sealed = ?, code = x'' WHERE question = ? AND state = ?",
        (about.state, sealed, asked.question, asked.state),
    )
    if question is None or not written.rowcount:
        return []
    body = sign_in.renewed(question, about)
    connection.execute("UPDATE questions SET body = ? WHERE id = ?", (body, question.id))
    touch(connection, question.id)
    return [question.thread_id]


def finish(connection: sqlite3.Connection, asked: OpenSignIn, issuer: str, sealed: bytes) -> list[int] | None:
    """Keep the tokens of a sign-in, and let the calls go on that waited for it."""
    question = _question(connection, asked)
    here = connection.execute("SELECT state FROM sign_ins WHERE question = ?", (asked.question,)).fetchone()
    if question is None or here is None or here[0] != asked.state:
        return None
    before = signed_in(connection, asked.person, asked.server)
    connection.execute(
        "UPDATE identities SET ended = 1 WHERE person = ? AND server = ? AND NOT ended", (asked.person, asked.server)
    )
    connection.execute(
        "INSERT INTO identities (person, server, issuer, sealed, since) VALUES (?, ?, ?, ?, ?)",
        (asked.person, asked.server, issuer, sealed, now()),
    )
    if before is not None and before.issuer == issuer:  # only now, so that its id is not used again
        connection.execute("DELETE FROM identities WHERE id = ?", (before.id,))
    kind = KINDS[question.kind]
    transitions.apply(connection, question, kind.closed(question, sign_in.SIGNED_IN, by=asked.person), ())
    return list(kind.threads(question))


def _question(connection: sqlite3.Connection, asked: OpenSignIn) -> Question | None:
    """Return the question of a sign-in, if it is open."""
    found = find(connection, asked.question)
    is_open = found is not None and found.decision == Decision.AWAITING and now() < found.expires_at
    return found if is_open else None
