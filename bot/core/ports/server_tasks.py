"""The port to the tasks that MCP servers work on."""

from __future__ import annotations

from typing import Protocol

from bot.core.server_tasks import ServerTask, TaskReport


class ServerTasks(Protocol):
    """Asks servers about calls that they took on as tasks."""

    async def look(self, server: str, task: ServerTask) -> TaskReport:
        """Ask a server, by its key, what became of a task; never raises for what a server does. Safe to repeat."""
        ...

    async def cancel(self, server: str, task: ServerTask) -> None:
        """Tell a server that nobody wants the result any more. It decides itself whether it stops. Safe to repeat."""
        ...
