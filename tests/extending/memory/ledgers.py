"""What turns and threads have changed, and their undos, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.core.ledger import RECORDED, Ledger, LedgerEntry, UndoTally, tally
from bot.core.policy.rules import Tier
from bot.core.posts import Post
from bot.core.questions.question import Approval, UndoState
from bot.core.tools import Undone
from bot.core.transaction import UndoJob
from bot.core.turn_message import TURN, loads
from tests.extending.memory import asking
from tests.extending.memory.tables import CallRow, Disk, Tables, fresh

KEPT = (UndoState.KEPT, UndoState.OFFERED, UndoState.UNDOING)


class MemoryLedgers:
    """Implements `bot.core.ports.ledgers.Ledgers` and `bot.core.ports.store.Undos`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def ledger(self, turn: int, most: int, *, whole_thread: bool = False) -> Ledger | None:
        tables = self._disk.tables
        if turn not in tables.turns:
            return None
        thread = tables.turns[turn].thread
        rows = [row for row in _in_order(tables) if row.call.tier != Tier.READ and row.call.outcome in RECORDED]
        mine = [row for row in rows if (row.thread == thread if whole_thread else row.turn == turn)]
        chosen = mine[-most:] if whole_thread else mine[:most]
        entries = [_entry(tables, row) for row in chosen]
        return Ledger(thread, tables.threads[thread].place, entries, len(mine) - len(entries))

    async def offered_undos(self, turn: int) -> Sequence[str]:
        tables = self._disk.tables
        undos = [tables.undos.get(row.call.id) for row in _in_order(tables) if row.turn == turn]
        return [undo.approval for undo in undos if undo is not None and undo.state is UndoState.OFFERED]

    async def undo_threads(self) -> Sequence[int]:
        tables = self._disk.tables
        undoing = [call for call, row in tables.undos.items() if row.state is UndoState.UNDOING]
        return sorted({tables.calls[call].thread for call in undoing})

    async def next_undo(self, thread_id: int) -> UndoJob | None:
        tables = self._disk.tables
        rows = [row for row in _in_order(tables) if row.thread == thread_id and row.call.id in tables.undos]
        undoing = [row for row in rows if tables.undos[row.call.id].state is UndoState.UNDOING]
        if not undoing:
            return None
        last = max(undoing, key=lambda row: (tables.undos[row.call.id].until, row.call.seq, row.call.position))
        kept = tables.undos[last.call.id]
        return UndoJob(fresh(last), kept.before, kept.after, kept.begun)

    async def begin_undo(self, call: int) -> None:
        with self._disk.transaction() as tables:
            tables.undos[call] = replace(tables.undos[call], begun=True)

    async def end_undo(self, thread_id: int, call: int, undone: Undone, note: str) -> None:
        with self._disk.transaction() as tables:
            row = tables.undos[call]
            if row.state is not UndoState.UNDOING:
                return
            state = UndoState.UNDONE if undone.done else UndoState.REFUSED
            tables.undos[call] = replace(row, state=state, words=undone.words)
            tables.record(thread_id, "undone", row.by, call=call)
            asking.redraw(tables, [tables.questions[row.approval].post])
            asking.redraw_ledger(tables, call)
            if undone.done:
                asking.note(tables, thread_id, f"undo-{call}", note)


def undos(tables: Tables, post: Post) -> UndoTally | None:
    """What can be undone of a turn that has ended, for the newest part of its message."""
    message = loads(post.payload) if post.kind == TURN and post.final else None
    if message is None or message.ledger is None or not tables.turns[message.turn].ended:
        return None
    if asking.newest_part(tables, message.turn) != post.id:
        return None
    kept = [tables.undos.get(row.call.id) for row in _in_order(tables) if row.turn == message.turn]
    return tally([(undo.state, undo.by, undo.words) for undo in kept if undo is not None])


def _in_order(tables: Tables) -> list[CallRow]:
    return sorted(tables.calls.values(), key=lambda row: (row.thread, row.call.seq, row.call.position))


def _entry(tables: Tables, row: CallRow) -> LedgerEntry:
    kept = tables.undos.get(row.call.id)
    rows = [(id_, each.question) for id_, each in tables.questions.items()]
    asked = [id_ for id_, each in rows if isinstance(each, Approval) and each.call.id == row.call.id]
    id_ = (kept.approval if kept is not None else "") or (asked[-1] if asked else "")
    found = asking.find(tables, id_) if id_ else None
    before = kept.before if kept is not None and kept.state in KEPT else None
    requester = tables.turns[row.turn].turn.requester
    return LedgerEntry(fresh(row), row.turn, requester, found if isinstance(found, Approval) else None, before)
