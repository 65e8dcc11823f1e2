"""What is remembered of tool servers, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.core.posts import Draft
from bot.core.server_news import SeenTools
from bot.core.thread_ref import DIRECT, ThreadRef
from tests.extending.memory import asking
from tests.extending.memory.tables import Disk, Tables, Thread

AT_ONCE = 100


class MemoryServerNews:
    """Implements `bot.core.ports.server_news.ServerNewsStore`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def seen_tools(self, server: str) -> SeenTools | None:
        return self._disk.tables.seen_tools.get(server)

    async def see_tools(self, seen: SeenTools, team: str, direct: Sequence[tuple[str, Draft]] = ()) -> Sequence[int]:
        with self._disk.transaction() as tables:
            before = tables.seen_tools.get(seen.server)
            kept = before.digests if before is not None and before.origin == seen.origin else {}
            tables.seen_tools[seen.server] = replace(seen, digests={**kept, **seen.digests})
            return tell(tables, team, direct)

    async def server_back(self, server: str, notice: Draft) -> Sequence[int]:
        with self._disk.transaction() as tables:
            waiting = sorted(thread for key, thread in tables.server_waits if key == server)[:AT_ONCE]
            for thread in waiting:
                number = tables.server_waits.pop((server, thread))
                asking.owe(tables, thread, [replace(notice, key=f"{notice.key}-{number}")])
            return waiting


def tell(tables: Tables, team: str, direct: Iterable[tuple[str, Draft]]) -> list[int]:
    """Record direct messages that belong to no thread."""
    found: list[int] = []
    for person, draft in direct:
        place = ThreadRef(team, person, DIRECT, "im")
        thread = next((id_ for id_, row in tables.threads.items() if row.place == place), 0)
        if not thread:
            thread = max(tables.threads, default=0) + 1
            tables.threads[thread] = Thread(place)
        asking.owe_copies(tables, thread, 0, [(person, draft)])
        found.append(thread)
    return found


def wait(tables: Tables, thread: int, servers: Iterable[tuple[str, Draft]]) -> None:
    """Have a thread wait for servers."""
    for server, notice in servers:
        if (server, thread) not in tables.server_waits:
            number = tables.presence["waits"] = tables.presence.get("waits", 0.0) + 1
            tables.server_waits[(server, thread)] = int(number)
            asking.owe(tables, thread, [replace(notice, key=f"{notice.key}-{int(number)}")])
