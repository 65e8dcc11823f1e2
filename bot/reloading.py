"""Reads mcp.json again while the bot runs, and has its servers used. A file with a mistake changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bot.config import mcp_json, settings
from bot.config.lint import Finding
from bot.config.settings import Settings
from bot.errors import SettingsError
from bot.signing_in import with_accounts
from bot.tools.disk import Disk, DiskTimeoutError
from bot.tools.mcp.toolset import Changes, McpToolset
from bot.tools.server_config import ServerConfig

log = logging.getLogger(__name__)

READ_SECONDS = 10.0
"""Time limit for reading the files."""


Prepare = Callable[[Settings, Sequence[ServerConfig]], Awaitable[None]]
"""Makes ready what other servers need. Raises SettingsError."""


class Reloading:
    """Reads the configuration of the servers again when it is told to."""

    def __init__(
        self,
        loaded: Settings,
        configured: mcp_json.Configured,
        tools: McpToolset,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        """In: the settings and the configuration in use, the servers; the environment and the folder of .env, by
        default those of the process."""
        self._settings, self._configured, self._tools = loaded, configured, tools
        self._environment, self._directory = environment, directory
        self.prepare: Prepare | None = None
        """Called before other servers are used. What it raises keeps the old ones."""
        self._asked = asyncio.Event()
        self._disk = Disk("mcp.json")

    def ask(self) -> None:
        """Have it read soon. Asked again before that, it is read once; asked again while it is read, once more."""
        self._asked.set()

    async def run(self) -> None:
        """Read it whenever asked, forever."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self.reload()

    async def reload(self) -> None:
        """Read it now. What is wrong with it, or what has changed, is in the log, in one line."""
        try:
            loaded, configured = await self._disk.run(self._read, seconds=READ_SECONDS)
        except (SettingsError, DiskTimeoutError) as problem:
            _refuse(str(problem))
            return
        before = set(self._configured.findings)
        fresh = tuple(each for each in configured.findings if each not in before)
        # A mistake that was there at the start concerns a server that has not been used since.
        if errors := [each for each in fresh if each.level == "error"]:
            _refuse(f"MCP_CONFIG: {'; '.join(map(_words, errors))}.")
            return
        try:
            if self.prepare is not None:
                await self.prepare(loaded, configured.servers)
        except (SettingsError, OSError) as problem:
            _refuse(str(problem))
            return
        changes = await self._tools.reconfigure(with_accounts(configured.servers))
        self._settings, self._configured = loaded, configured
        mcp_json.log_findings(replace(configured, findings=fresh))
        log.info("MCP_CONFIG was read again: %s.", _summary(changes))

    def _read(self) -> tuple[Settings, mcp_json.Configured]:
        """Read the files. Runs in a thread. Raises SettingsError."""
        loaded = settings.reread(self._settings, self._environment, self._directory)
        if loaded.mcp_config is None and self._settings.mcp_config is not None:
            raise SettingsError("MCP_CONFIG", f"{self._settings.mcp_config} is gone.")
        if loaded.mcp_config is None:
            return loaded, self._configured  # the filesystem server, with nothing to read about it
        return loaded, mcp_json.load(loaded.mcp_config, loaded.workspace, loaded.variables)


def _refuse(why: str) -> None:
    log.error("Nothing was reloaded, and the tool servers go on as before. %s", why)


def _words(finding: Finding) -> str:
    return finding.words().removesuffix(mcp_json.UNTIL_THEN)


def _summary(changes: Changes) -> str:
    kinds = {"added": changes.added, "changed": changes.changed, "removed": changes.removed}
    said = [f"{kind} {', '.join(f'`{key}`' for key in keys)}" for kind, keys in kinds.items() if keys]
    return "; ".join(said) or "nothing has changed"
