"""Records that a message was edited or deleted, whether Slack has reported it or it was noticed later."""

from __future__ import annotations

from collections.abc import Callable, Collection

from bot import log_events
from bot.core.amendments import WAKING, Amendment, AmendmentOutcome
from bot.core.ports.store import Inbox

UNREAD = (AmendmentOutcome.REMOVED, AmendmentOutcome.UPDATED)
"""What becomes of changes of messages that may be being read, with their files."""


async def amend(store: Inbox, change: Amendment, busy: Callable[[int], bool]) -> Collection[int]:
    """Record an edit or a deletion. Return the ids of the threads to wake. Raises StoreError.

    busy: returns whether a thread is being advanced. Such a thread is also woken for a message that is not read yet, so
    that the reading of it is broken off.
    """
    done, thread_id = await store.amend(change)
    log_events.amended(change, done, thread_id)
    if done is AmendmentOutcome.TAKEN_BACK:
        return {thread_id, *await store.waiting()}
    return [thread_id] if done in WAKING or (done in UNREAD and busy(thread_id)) else []
