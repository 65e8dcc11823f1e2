"""Follows the calls of which a server made a task, between the runs of their threads.

The handle of such a call is in the database, so its turn is a log that waits: nothing of the thread is held in memory,
and the next process goes on asking. What is kept here is a few hundred bytes a task.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bot.core.calls import Call
from bot.core.ports.server_tasks import ServerTasks
from bot.core.server_tasks import LATE_SECONDS, MAX_POLL, ServerTask, TaskReport, TaskStatus, loads
from bot.core.tools import CallResult

log = logging.getLogger(__name__)

QUESTIONS_AT_ONCE = 32
"""To all servers together."""
CANCEL_SECONDS = 0.3
"""How long somebody who stops a turn waits for the servers to be told."""

Show = Callable[[str], None]
"""Shows how far a task is: untrusted words."""


@dataclass(slots=True)
class _Followed:
    thread: int
    server: str
    task: ServerTask
    show: Show
    asking: asyncio.Task[None] | None = None
    ended: TaskReport | None = None


@dataclass(slots=True)
class TaskWatch:
    """Asks about all running tasks; one instance serves all threads."""

    tasks: ServerTasks | None = None
    """Without it, no task can be asked about."""
    wake: Callable[[int], None] = lambda thread_id: None
    """Called with the thread of a task that has ended or is gone."""
    _followed: dict[int, _Followed] = field(default_factory=dict[int, _Followed])
    """By the id of the call."""
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(QUESTIONS_AT_ONCE))
    _cancelling: set[asyncio.Task[object]] = field(default_factory=set[asyncio.Task[object]])

    @property
    def idle(self) -> bool:
        """Whether no task runs."""
        return all(each.ended is not None for each in self._followed.values())

    def follow(self, thread_id: int, call: Call, show: Show) -> None:
        """Ask about the task of a call until it has ended; the thread is then woken. Doing it again changes only who is
        shown the progress."""
        known = self._followed.get(call.id)
        if known is not None:
            known.show = show
            return
        followed = _Followed(thread_id, call.server, loads(call.task), show)
        self._followed[call.id] = followed
        followed.asking = asyncio.create_task(self._ask(followed), name=f"task of call {call.id}")

    def report(self, call: Call) -> TaskReport | None:
        """Return how the task of a call has ended, or that it is gone; None while it runs, or if nobody has asked."""
        followed = self._followed.get(call.id)
        return followed.ended if followed is not None else None

    def forget(self, call: Call) -> None:
        """Ask no more about the task of a call, whose end is recorded."""
        followed = self._followed.pop(call.id, None)
        if followed is not None and followed.asking is not None:
            followed.asking.cancel()

    async def cancel(self, call: Call) -> CallResult | None:
        """Tell the server that the result of a task is not wanted any more; return the result if it is there already.
        A server that is slow to answer is told in the background."""
        self.forget(call)
        if self.tasks is None:
            return None
        telling = asyncio.create_task(self._tell(self.tasks, call.server, loads(call.task)))
        self._cancelling.add(telling)
        telling.add_done_callback(self._cancelling.discard)
        await asyncio.wait({telling}, timeout=CANCEL_SECONDS)
        return telling.result() if telling.done() and telling.exception() is None else None

    async def aclose(self) -> None:
        """Ask no more: the next process goes on."""
        asking = [each.asking for each in self._followed.values() if each.asking is not None]
        both = [*asking, *self._cancelling]
        for each in both:
            each.cancel()
        await asyncio.gather(*both, return_exceptions=True)

    async def _tell(self, tasks: ServerTasks, server: str, task: ServerTask) -> CallResult | None:
        await tasks.cancel(server, task)
        report = await tasks.look(server, task)
        return report.result if report.status is TaskStatus.ENDED else None

    async def _ask(self, followed: _Followed) -> None:
        """Ask until the task has ended or is gone."""
        task, answered, failures = followed.task, time.time(), 0
        # A task that another process began to follow may have ended long ago.
        pause = 0.0 if answered - task.since > task.poll else task.poll
        while True:
            await asyncio.sleep(pause)
            async with self._room:
                report = await self._look(followed.server, task)
            now = time.time()
            if report.status is TaskStatus.SILENT:
                failures += 1
                pause = min(task.poll * 2.0 ** min(failures, 10), MAX_POLL)
                if now > (task.until or answered + LATE_SECONDS):
                    report = TaskReport(TaskStatus.GONE, report.words)
            elif report.status is TaskStatus.WORKING:
                answered, failures, pause = now, 0, report.poll
                task = replace(task, poll=report.poll, until=task.until if report.until is None else report.until)
                if report.words:
                    followed.show(report.words)
            if report.status in (TaskStatus.ENDED, TaskStatus.GONE):
                followed.ended = report
                self.wake(followed.thread)
                return

    async def _look(self, server: str, task: ServerTask) -> TaskReport:
        if self.tasks is None:
            return TaskReport(TaskStatus.GONE, "nothing can ask about it")
        try:
            return await self.tasks.look(server, task)
        except Exception:
            log.exception("a task of %s could not be asked about", server)
            return TaskReport(TaskStatus.SILENT)
