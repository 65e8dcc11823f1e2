"""What is done every half a minute: people reminded, requests closed in time, stopped threads taken up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Store
from bot.core.questions.question import Approval
from bot.errors import StoreError
from bot.supervised import Reports

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sweep:
    """Its parts stand for themselves: one that fails keeps no other from being done."""

    store: Store
    gateway: ChatGateway
    remind_hours: float
    """So long before the end of a request people are reminded of it; 0: never."""
    pause: float
    wake: Callable[[int], None]
    undo: Callable[[int], None]
    reports: Reports = field(default_factory=Reports)

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await self.once()
            await asyncio.sleep(self.pause)

    async def once(self) -> None:
        """One look at everything."""
        for name, part in (
            ("reminding people of requests", self._remind),
            ("closing requests whose time is over", self.store.expire),
            ("taking up stopped threads", self.store.waiting),
        ):
            for thread_id in sorted(set(await self._part(name, part))):
                self.wake(thread_id)
        for thread_id in await self._part("taking up undos", self._takings):
            self.undo(thread_id)

    async def _part(self, name: str, part: Callable[[], Awaitable[Iterable[int]]]) -> Iterable[int]:
        """The threads that a part has to do with; none when it failed, which is reported once."""
        try:
            threads = await part()
        except StoreError as error:
            if self.reports.trouble(name, error.detail):
                log.warning("%s: the database refused (%s); again every %.0f s", name, error.detail, self.pause)
            return ()
        except Exception as error:
            if self.reports.trouble(name, repr(error)):
                log.exception("%s has failed; again every %.0f s", name, self.pause)
            return ()
        self.reports.well(name)
        return threads

    async def _remind(self) -> set[int]:
        """Remind people, once, of requests that end soon."""
        due = await self.store.unreminded(self.remind_hours * 3600) if self.remind_hours else ()
        reminded: set[int] = set()
        for thread_id, approval in due:

            async def remind(thread_id: int = thread_id, approval: Approval = approval) -> tuple[int]:
                await self.store.remind(thread_id, approval.id, [self.gateway.reminder(approval)])
                return (thread_id,)

            reminded.update(await self._part(f"reminding people of request {approval.id}", remind))
        return reminded

    async def _takings(self) -> list[int]:
        return [thread_id for thread_id, _ in await self.store.undo_jobs()]
