"""Records that a message was edited or deleted, whether Slack has reported it or it was noticed later."""

from __future__ import annotations

from collections.abc import Collection

from bot import log_events
from bot.core.amendments import WAKING, Amendment, AmendmentOutcome
from bot.core.ports.store import Inbox


async def amend(store: Inbox, change: Amendment) -> Collection[int]:
    """Record an edit or a deletion. Return the ids of the threads to wake. Raises StoreError."""
    done, thread_id = await store.amend(change)
    log_events.amended(change, done, thread_id)
    if done is AmendmentOutcome.TAKEN_BACK:
        return {thread_id, *await store.waiting()}
    return [thread_id] if done in WAKING else []
