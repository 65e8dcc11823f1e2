"""What stands in for the older parts of logs, in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.core.compaction import Compaction, CompactionBasis, Decided, Measure
from bot.core.questions import granted
from bot.core.questions.question import Approval, Decision
from bot.core.transaction import Change
from bot.errors import StoreError
from tests.extending.memory.tables import Tables, fresh

REPLACED = (Decision.AWAITING, Decision.EDITED, Decision.DRIFTED)


def apply(tables: Tables, thread_id: int, change: Change) -> None:
    """Record what a change says of what the model reads."""
    row = tables.threads[thread_id]
    if change.compaction is not None:
        stale = row.stale and not change.compaction.body
        row = replace(row, compactions=(*row.compactions, change.compaction), measured=Measure(), stale=stale)
    tables.threads[thread_id] = replace(row, measured=change.measured or row.measured)


def newest(tables: Tables, thread_id: int) -> Compaction | None:
    found = [each for each in tables.threads[thread_id].compactions if each.body]
    return found[-1] if found else None


def deleted(tables: Tables, thread_id: int, position: int | None) -> None:
    """Note that somebody has deleted the message at this position."""
    last = newest(tables, thread_id)
    if last is not None and position is not None and position <= last.upto:
        tables.threads[thread_id] = replace(tables.threads[thread_id], stale=True)


def basis(tables: Tables, thread_id: int) -> CompactionBasis:
    read = [each for each in tables.inbox.values() if each.thread == thread_id and each.position is not None]
    first = tables.turns[number].first if (number := tables.open_turn(thread_id)) else None
    asked = {
        each.position for each in read if first is not None and (each.position or 0) >= first and each.unread.addressed
    }
    gone = {each.position: each.unread.text for each in read if each.gone}
    return CompactionBasis(
        newest(tables, thread_id),
        tuple(sorted(each for each in asked if each is not None)),
        {position: text for position, text in gone.items() if position is not None},
    )


def decided(tables: Tables, thread_id: int, after: int, upto: int) -> Iterator[Decided]:
    rows = [row for row in tables.calls.values() if row.thread == thread_id and after < row.call.seq <= upto]
    for row in sorted(rows, key=lambda row: (row.call.seq, row.call.position)):
        call = fresh(row)
        for asked in tables.questions.values():
            question = asked.question
            about = isinstance(question, Approval) and question.call.id == call.id
            if about and question.kind != granted.GRANTED and question.decision not in REPLACED:
                edited = bool(call.original)
                reason, by = question.reason, question.decided_by
                yield Decided(call.tool, call.arguments, question.decision, by, reason, edited=edited)


def bodies(tables: Tables, thread_id: int, after: int, last: int) -> Iterator[tuple[int, str]]:
    row = tables.threads[thread_id]
    shorter = {place: body for each in row.compactions for place, body in each.shortened.items()}
    texts = {place: shorter.get(place, body) for place, (_, body) in enumerate(row.messages)}
    compaction = newest(tables, thread_id) if after < 0 else None
    if compaction is not None and compaction.upto <= last:
        yield from ((place, texts[place]) for place in compaction.pinned if place < compaction.upto)
        yield compaction.upto, compaction.body
        after = compaction.upto
    if last not in texts and last >= 0:
        raise StoreError("a message is missing")
    yield from ((place, texts[place]) for place in range(after + 1, last + 1))
