"""Audit records about questions. Functions over a connection, inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.questions.question import Approval, CallInput, Question
from bot.core.questions.transition import Record
from bot.store.sqlite import audit

MAX_KEPT_CHARS = 10_000
"""Characters of arguments in the audit."""


def write(
    connection: sqlite3.Connection,
    question: Question,
    record: Record,
    redact: Sequence[str],
    *,
    call: int | None = None,
    more: JsonObject | None = None,
) -> None:
    """Append a record. `redact` is what the audit leaves out; `call` replaces the question's own call; `more` are facts
    that only the store knows."""
    approval = question if isinstance(question, Approval) else None
    facts: JsonObject = {**json.loads(json.dumps(dict(record.facts))), **(more or {})}
    if approval is not None and record.arguments is not None:
        facts["arguments"] = arguments(record.arguments, approval.call.tool, redact)
    if approval is not None and _is_open(approval, redact):
        facts |= record.unless_redacted
    of_call = question if isinstance(question, Approval | CallInput) else None
    about = 0 if of_call is None or record.of_thread else of_call.call.id
    audit.record(
        connection,
        record.kind,
        thread_id=question.thread_id,
        call=about if call is None else call,
        approval="" if record.of_thread or call is not None else question.id,
        actor=record.actor,
        facts=facts,
    )


def arguments(text: str, tool: str, redact: Sequence[str]) -> JsonObject:
    """Return the arguments for the audit: very long ones as a digest, as the call itself stores them in full."""
    kept = audit.redacted(text, tool, redact)
    shown = canonical(kept)
    return kept if len(shown) <= MAX_KEPT_CHARS else {"characters": len(shown), "sha256": sha256(shown)}


def _is_open(approval: Approval, redact: Sequence[str]) -> bool:
    """Return whether the audit records the arguments unchanged."""
    call = approval.call
    return audit.redacted(call.arguments, call.tool, redact) == audit.redacted(call.arguments, call.tool, ())
