"""Keeps edits and deletions that arrive before the message itself. Functions on a connection, inside a transaction."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from bot.core.amendments import KEPT_SECONDS, Amendment
from bot.core.inbox import Incoming
from bot.store.sqlite.database import now

FORGOTTEN_AT_ONCE = 100


def as_amended(connection: sqlite3.Connection, incoming: Incoming) -> Incoming | None:
    """Return a message with its current content if an edit arrived before it; None if a deletion did."""
    found = connection.execute(
        "SELECT version, deleted, text, body, addressed, to_others FROM amendments WHERE channel = ? AND ts = ?",
        (incoming.place.channel, incoming.ts),
    ).fetchone()
    if found is None:
        return incoming
    version, deleted, text, body, addressed, to_others = found
    if deleted:
        return None
    if version <= incoming.version:
        return incoming
    # The edit was made too late to add a mention.
    both = incoming.addressed and bool(addressed)
    return replace(
        incoming,
        version=version,
        text=text,
        body=body,
        files=(),
        addressed=both,
        to_others=bool(to_others),
        stop=False,
        choice=None,
    )


def find(connection: sqlite3.Connection, change: Amendment) -> tuple[str, bool] | None:
    """Return the known version of a message, and whether it was deleted; None if nothing is known."""
    found = connection.execute(
        "SELECT version, deleted FROM amendments WHERE channel = ? AND ts = ?", (change.place.channel, change.ts)
    ).fetchone()
    return (str(found[0]), bool(found[1])) if found else None


def keep(connection: sqlite3.Connection, change: Amendment) -> None:
    """Keep the content of a message, or its deletion, for as long as the message may be delivered."""
    said = change.now
    content = (said.version, 0, said.text, said.body, said.addressed, said.to_others) if said else ("", 1, "", "", 0, 0)
    connection.execute(
        "INSERT OR REPLACE INTO amendments (channel, ts, version, deleted, text, body, addressed, to_others, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (change.place.channel, change.ts, *content, now()),
    )
    connection.execute(
        "DELETE FROM amendments WHERE (channel, ts) IN (SELECT channel, ts FROM amendments WHERE at < ? LIMIT ?)",
        (now() - KEPT_SECONDS, FORGOTTEN_AT_ONCE),
    )
