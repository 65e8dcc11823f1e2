"""The models of threads: what people have chosen, and what was asked. Functions over a connection, inside a
transaction."""

from __future__ import annotations

import sqlite3

from bot.core.inbox import AuthorKind, Incoming
from bot.core.model_options import AskedModel, Choice, ChoiceMessage, ThreadModel
from bot.store.sqlite import audit, posts


def find(connection: sqlite3.Connection, thread_id: int) -> ThreadModel:
    """Return what is recorded of the model of a thread."""
    row = connection.execute(
        "SELECT model, effort, asked_model, asked_since FROM threads WHERE id = ?", (thread_id,)
    ).fetchone()
    return ThreadModel() if row is None else ThreadModel(Choice(row[0], row[1]), row[2], row[3])


def is_addressed(connection: sqlite3.Connection, thread_id: int, incoming: Incoming) -> bool:
    """Return whether a message that chooses a model is addressed to the bot, as one that follows up may be."""
    if incoming.earlier or incoming.author is not AuthorKind.PERSON:
        return False
    if incoming.addressed or incoming.to_others:
        return incoming.addressed
    known = connection.execute(
        "SELECT 1 FROM participants WHERE thread_id = ? AND user = ?", (thread_id, incoming.user)
    ).fetchone()
    return known is not None


def choose(connection: sqlite3.Connection, thread_id: int, incoming: Incoming, choice: ChoiceMessage) -> None:
    """Record what a message chooses, unless a later one has chosen already, and what is answered."""
    connection.execute("INSERT OR IGNORE INTO participants (thread_id, user) VALUES (?, ?)", (thread_id, incoming.user))
    if choice.model is not None or choice.effort is not None:
        chosen = connection.execute(
            "UPDATE threads SET model = coalesce(?, model), effort = coalesce(?, effort), chosen_at = ?"
            " WHERE id = ? AND chosen_at < ? RETURNING model, effort",
            (choice.model, choice.effort, incoming.ts, thread_id, incoming.ts),
        ).fetchone()
        if chosen is None:
            return
        facts = {"model": str(chosen[0]), "effort": str(chosen[1])}
        audit.record(connection, "model", thread_id=thread_id, actor=incoming.user, facts=facts)
    posts.owe(connection, thread_id, [choice.reply])


def asked(connection: sqlite3.Connection, thread_id: int, turn_id: int, model: AskedModel) -> None:
    """Record which model a request was made to, and which fallback has answered it."""
    connection.execute(
        "UPDATE threads SET asked_model = ?, asked_since = ? WHERE id = ? AND (asked_model, asked_since) <> (?, ?)",
        (model.model, model.since, thread_id, model.model, model.since),
    )
    if model.fallback:
        connection.execute("UPDATE turns SET fallback = ? WHERE id = ?", (model.fallback, turn_id))
