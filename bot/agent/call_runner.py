"""Runs the calls of a step side by side, and adds those that people approve meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.agent import step_titles
from bot.agent.call_review import CallReview
from bot.agent.cancellation import Stop, StopMonitor, Watch
from bot.agent.tool_executor import ToolExecutor
from bot.core.calls import Call, CallState
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Log
from bot.core.ports.toolset import Permit, Toolset
from bot.core.thread import ThreadState

WAITING = (CallState.READY, CallState.AWAITING, CallState.UNKNOWN)
"""The states of calls that are not running, so that a decision may change them."""


@dataclass(frozen=True, slots=True)
class CallRunner:
    """Runs calls of one thread. Each call's start and end are recorded by the executor."""

    store: Log
    toolset: Toolset
    gateway: ChatGateway
    executor: ToolExecutor
    review: CallReview
    watch: Watch
    """Calls a function whenever something has changed in the thread."""

    async def run(self, state: ThreadState, calls: Sequence[Call], held: Mapping[int, Permit]) -> None:
        """Run calls to their end. `held` has, by position, the rights of those that are recorded as started."""
        shown = [call for call in state.step if call in calls or call.is_task]
        steps = step_titles.running(self.toolset, shown, await self.gateway.privacy(state.place))
        self.gateway.working(state.id, state.part, "Working", steps)
        started = time.monotonic()
        if len(calls) == 1 and all(call in calls or call.state is CallState.FINISHED for call in state.step):
            # Nobody can decide about another call meanwhile.
            stop = Stop()
            with StopMonitor(self.store, self.watch, state, stop):
                await self.executor.run(state, calls[0], held.get(calls[0].position), stop)
        else:
            await self._run_together(state, calls, held)
        waited, state.waited = state.waited, 0.0
        if state.turn is not None:
            state.turn.seconds += max(0.0, time.monotonic() - started - waited)

    async def _run_together(self, state: ThreadState, calls: Sequence[Call], held: Mapping[int, Permit]) -> None:
        stop, news = Stop(), asyncio.Event()
        # In a group, so that when one call's end cannot be recorded the others do not run on unattended.
        with self.watch(state.id, news.set):
            async with asyncio.TaskGroup() as group:
                running = {
                    group.create_task(self.executor.run(state, call, held.get(call.position), stop)): call.id
                    for call in calls
                }
                while running:
                    woken = asyncio.ensure_future(news.wait())
                    try:
                        await asyncio.wait({*running, woken}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        woken.cancel()
                    changed = news.is_set()
                    news.clear()
                    if changed:
                        stop.notify()
                    running = {task: call for task, call in running.items() if not task.done()}
                    if changed and running:
                        await refresh(self.store, state, running.values())
                        if state.turn is not None and state.turn.stopped_by:
                            stop.set()
                        begun = await self.review.runnable(state, busy=running.values())
                        running |= {
                            group.create_task(self.executor.run(state, call, stop=stop)): call.id for call in begun
                        }


async def refresh(store: Log, state: ThreadState, busy: Collection[int] = ()) -> None:
    """Load what people have decided and written meanwhile. `busy`: ids of calls that are running; they are left as they
    are."""
    fresh = await store.load(state.id)
    calls = {call.id: call for call in fresh.calls}
    for call in state.step:
        if call.state in WAITING and call.id in calls and call.id not in busy:
            call.refresh(calls[call.id])
    state.unread = fresh.unread
    if state.turn is not None and fresh.turn is not None:
        state.turn.stopped_by = fresh.turn.stopped_by
