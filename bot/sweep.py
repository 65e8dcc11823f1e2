"""Periodic maintenance: sends reminders, closes expired questions, and resumes interrupted threads and undos."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Store
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Question
from bot.errors import StoreError
from bot.supervised import ProblemTracker

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Runs the periodic tasks. Each is independent: a failure in one does not stop the others."""

    store: Store
    gateway: ChatGateway
    remind_hours: float
    """Hours before a question expires when people are reminded of it, unless its kind says otherwise; 0 disables all
    reminders."""
    pause: float
    """Seconds between two sweeps."""
    wake: Callable[[int], None]
    undo: Callable[[int], None]
    reach: Callable[[], Awaitable[Iterable[int]]]
    """Sees to it that open requests are seen by those who may decide them. Returns the threads in which it did."""
    problems: ProblemTracker = field(default_factory=ProblemTracker)

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self.once()
            await asyncio.sleep(self.pause)

    async def once(self) -> None:
        """Run every periodic task once."""
        for name, part in (
            ("reminding people of requests", self._remind),
            ("reaching those who may decide", self.reach),
            ("closing expired requests", self.store.expire),
            ("resuming interrupted threads", self.store.waiting),
        ):
            for thread_id in sorted(set(await self._part(name, part))):
                self.wake(thread_id)
        for thread_id in await self._part("resuming undos", self._undo_threads):
            self.undo(thread_id)

    async def _part(self, name: str, part: Callable[[], Awaitable[Iterable[int]]]) -> Iterable[int]:
        """Run a task and return the threads it concerns; none when it failed, which is logged once."""
        try:
            threads = await part()
        except StoreError as error:
            if self.problems.is_new(name, error.detail):
                log.warning("%s: the database refused (%s); retrying every %.0f s", name, error.detail, self.pause)
            return ()
        except Exception as error:
            if self.problems.is_new(name, repr(error)):
                log.exception("%s failed; retrying every %.0f s", name, self.pause)
            return ()
        self.problems.resolve(name)
        return threads

    async def _remind(self) -> set[int]:
        """Send one reminder for each question that expires soon."""
        usual = self.remind_hours * 3600
        seconds = {name: kind.remind_before(usual) for name, kind in KINDS.items()} if usual else {}
        due = await self.store.unreminded(seconds) if any(seconds.values()) else ()
        reminded: set[int] = set()
        for thread_id, question in due:

            async def remind(thread_id: int = thread_id, question: Question = question) -> tuple[int]:
                await self.store.remind(thread_id, question.id, *self.gateway.reminders(question))
                return (thread_id,)

            reminded.update(await self._part(f"reminding people of request {question.id}", remind))
        return reminded

    async def _undo_threads(self) -> list[int]:
        return [*await self.store.undo_threads()]
