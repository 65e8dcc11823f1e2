"""The port to what is remembered of tool servers. The general rules of `bot.core.ports.store` apply here too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.posts import Draft
from bot.core.server_news import SeenTools


class ServerNewsStore(Protocol):
    """The tools that were seen, and the threads that wait for a server (`Change.unavailable`)."""

    async def seen_tools(self, server: str) -> SeenTools | None:
        """Return the tools of a server as they were last seen; None if it never was."""
        ...

    async def see_tools(self, seen: SeenTools, team: str, direct: Sequence[tuple[str, Draft]] = ()) -> Sequence[int]:
        """Record the tools of a server, and direct messages about them: (person, message).

        Tools of the same origin that are not in `seen` stay recorded. Each person's messages belong to a thread of
        their own, which has no messages of people. A message whose key is recorded is not recorded again. Returns the
        ids of these threads.
        """
        ...

    async def server_back(self, server: str, notice: Draft) -> Sequence[int]:
        """Tell the threads that wait for a server that it runs, and have them wait no more. The key of the notice
        becomes different for each thread and each time. Returns the ids of a limited number of threads that were told;
        none if no more of them wait."""
        ...
