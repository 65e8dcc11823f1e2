"""Breaks off what is being done for a turn when the turn is stopped. Costs no task or timer while nothing happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType
from typing import Self

from bot.core.ports.store import Log
from bot.core.thread import ThreadState

log = logging.getLogger(__name__)

Watch = Callable[[int, Callable[[], None]], AbstractContextManager[None]]
"""Calls a function whenever the thread with this number is woken, for the duration of a block."""


def unwatched(thread_id: int, noticed: Callable[[], None]) -> AbstractContextManager[None]:
    """A `Watch` where nothing wakes a thread that is being advanced."""
    return nullcontext()


class Stop:
    """Breaks off the work in its scopes once it is set."""

    def __init__(self) -> None:
        self.is_set = False
        self._scopes: set[_Scope] = set()
        self._bells: set[asyncio.Event] = set()

    def notify(self) -> None:
        """The thread was woken: somebody may have decided something."""
        for bell in self._bells:
            bell.set()

    @contextmanager
    def watch(self) -> Generator[asyncio.Event]:
        """Give an event that is set whenever the thread is woken during a block."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    def set(self) -> None:
        """Cancel what is inside a scope, and whatever enters one later."""
        self.is_set = True
        for scope in list(self._scopes):
            scope.cancel()

    def scope(self) -> AbstractContextManager[None, bool]:
        """Return a block that is left without an exception when the stop is set during it."""
        return _Scope(self, self._scopes)


class _Scope:
    """Part of a task that can be cancelled alone. Counts cancellations as `asyncio.Timeout` does, so that one of the
    whole task is not swallowed."""

    def __init__(self, stop: Stop, scopes: set[_Scope]) -> None:
        self._stop, self._scopes = stop, scopes
        self._task: asyncio.Task[object] | None = None
        self._before = 0
        self._cancelled = False

    def cancel(self) -> None:
        if self._task is not None and not self._cancelled:
            self._cancelled = True
            self._task.cancel()

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task is not None else 0
        self._scopes.add(self)
        if self._stop.is_set:
            asyncio.get_running_loop().call_soon(self.cancel)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self._scopes.discard(self)
        task, self._task = self._task, None
        if task is None or not self._cancelled:
            return False
        return task.uncancel() <= self._before and kind is asyncio.CancelledError


class StopMonitor:
    """A block during which the thread is looked at whenever it is woken, to see whether its turn was stopped."""

    def __init__(
        self,
        store: Log,
        watch: Watch,
        state: ThreadState,
        stop: Stop,
        is_over: Callable[[ThreadState], bool] = lambda fresh: False,
    ) -> None:
        """`stop` is set when the turn was stopped, and `state.turn` then says by whom; or when what is done in the
        block is of no use any more, as `is_over` finds in the thread as it is now."""
        self._store, self._state, self._stop, self._is_over = store, state, stop, is_over
        self._watching = watch(state.id, self._look)
        self._looking: asyncio.Task[ThreadState] | None = None
        self._again = False
        self.woken = False
        """Whether the thread was woken during the block, so that what was loaded before may be out of date."""

    def __enter__(self) -> Self:
        self._watching.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watching.__exit__(kind, error, trace)
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        self.woken = True
        self._stop.notify()
        if self._looking is not None:
            self._again = True
            return
        self._again = False
        self._looking = asyncio.ensure_future(self._store.load(self._state.id))
        self._looking.add_done_callback(self._looked)

    def _looked(self, looking: asyncio.Task[ThreadState]) -> None:
        self._looking = None
        if looking.cancelled():
            return
        if (error := looking.exception()) is not None:
            # Whoever commits what is being done finds out that the turn was stopped.
            log.warning("thread %s: it cannot be seen whether its turn was stopped (%r)", self._state.id, error)
            return
        turn, fresh = self._state.turn, looking.result().turn
        if turn is not None and fresh is not None and fresh.stopped_by:
            turn.stopped_by = fresh.stopped_by
            self._stop.set()
        elif self._is_over(looking.result()):
            self._stop.set()
        elif self._again:
            self._look()
