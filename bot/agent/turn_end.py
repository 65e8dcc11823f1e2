"""Commits what may end a turn, and logs its end."""

from __future__ import annotations

from bot import log_events
from bot.core.ports.store import Log
from bot.core.thread import ThreadState, Turn
from bot.core.transaction import Change


async def commit_and_log(store: Log, state: ThreadState, turn: Turn, change: Change) -> None:
    """Commit a change. If it has ended the turn, log one line about it once it is on the disk."""
    calls = len(state.calls)
    await store.commit(state, change)
    if change.outcome and state.turn is None:
        log_events.turn_ended(turn, state, calls, change.outcome)
