"""Asks servers about the tasks that they made of calls; implements `bot.core.ports.server_tasks.ServerTasks`."""

from __future__ import annotations

import time
from collections.abc import Mapping

from bot.core.server_tasks import ServerTask, TaskReport, TaskStatus
from bot.tools.mcp.server import WAIT_SECONDS, Server

ASK_SECONDS = 30.0
"""Time limit of one question. The task goes on meanwhile, so it is not the limit of the call."""


class TaskRequests:
    """Asks over the sessions that calls use. A question takes no place among the calls, of which a task has none."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        """In: the configured servers, by their keys."""
        self._servers = servers

    async def look(self, server: str, task: ServerTask) -> TaskReport:
        """Ask what became of a task. A server that is away may come back with it; one that is not configured any more
        cannot be asked."""
        owner = self._servers.get(server)
        if owner is None:
            return TaskReport(TaskStatus.GONE, "its server is no longer configured")
        if not _keeps(owner, task):
            return TaskReport(TaskStatus.GONE, "its server is configured differently now")
        session = await owner.session_by(time.monotonic() + WAIT_SECONDS)
        if session is None:
            return TaskReport(TaskStatus.SILENT, owner.trouble() or "")
        return await session.task(task, ASK_SECONDS)

    async def cancel(self, server: str, task: ServerTask) -> None:
        """Tell the server, if it can be reached within a limited time."""
        owner = self._servers.get(server)
        if owner is None or not _keeps(owner, task):
            return
        session = await owner.session_by(time.monotonic() + WAIT_SECONDS)
        if session is not None:
            await session.cancel_task(task, ASK_SECONDS)


def _keeps(server: Server, task: ServerTask) -> bool:
    """Return whether a server may have made a task."""
    return task.origin in ("", server.config.origin)
