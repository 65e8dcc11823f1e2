"""Reads which MCP servers to run from mcp.json, as Claude, Cursor, Cline, Gemini CLI (`mcpServers`) and VS Code
(`servers`) write it.

A server is a program that is started (stdio), or an address (streamable HTTP, or the older SSE). One that is configured
wrongly is left out and reported; the others run. `bot.config.mcp_entry` reads each of them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.config.lint import Finding
from bot.config.mcp_entry import FOLDER_SECONDS, Entry, Problem
from bot.config.mcp_text import Object, UnreadableError, read
from bot.errors import SettingsError
from bot.tools.disk import before_the_loop
from bot.tools.filesystem import default_server
from bot.tools.mcp import names
from bot.tools.server_config import ServerConfig, StdioServer

log = logging.getLogger(__name__)

DEFAULT_WORKSPACE = Path("workspace")
_SERVERS = ("mcpServers", "servers")
UNTIL_THEN = "; until then this server is not used"
"""How the words of each error end."""
_FILE_KEYS = ("$schema", *_SERVERS)


@dataclass(frozen=True, slots=True)
class Configured:
    """The servers of a configuration, and what is wrong with it."""

    servers: tuple[ServerConfig, ...]
    """The usable ones, in the order of the file."""
    findings: tuple[Finding, ...] = ()
    """An error for each reason why a server is left out, and a warning for each key without effect. They never quote a
    value that may be secret."""


def load(path: Path | None, workspace: Path | None, environ: Mapping[str, str] | None = None) -> Configured:
    """Return the servers to run.

    In: the file, or None for the filesystem server over the workspace; the folder that BOT_WORKSPACE names, which must
    exist in either case, or None for `./workspace`, which is created when needed; the variables for `${…}`, by default
    those of the process. Raises SettingsError, which says how to fix it, if the file cannot be read at all or the
    workspace cannot be used.
    """
    root = _answering(workspace) if workspace is not None or path is None else None
    if path is None and root is not None:
        command, args = default_server.command(root)
        # Started in the workspace, the server accepts relative paths. But npx also looks for programs in its current
        # folder, and a model has written what is in the workspace.
        cwd = None if command == default_server.NPX else root
        return Configured((StdioServer(default_server.KEY, command, args, cwd=cwd, trusted=True),))
    return _servers(path or Path(), os.environ if environ is None else environ)


def log_findings(configured: Configured) -> None:
    """Log what is wrong with a configuration, once it is in use."""
    for finding in configured.findings:
        level = logging.ERROR if finding.level == "error" else logging.WARNING
        log.log(level, "MCP_CONFIG: %s.", finding.words())


def _answering(workspace: Path | None) -> Path:
    """Return the workspace. Raises SettingsError if it cannot be used, also if its disk does not answer."""
    found: list[Path | SettingsError] = []

    def look() -> None:
        try:
            found.append(default_server.folder(workspace or DEFAULT_WORKSPACE, create=workspace is None))
        except SettingsError as problem:
            found.append(problem)

    before_the_loop([look], FOLDER_SECONDS)
    match found:
        case [Path() as folder]:
            return folder
        case [SettingsError() as problem]:
            raise problem
        case _:
            words = f"the disk with the folder {workspace or DEFAULT_WORKSPACE} does not answer."
            raise SettingsError("BOT_WORKSPACE", f"{words} Name a folder on another one.")


def _servers(path: Path, environ: Mapping[str, str]) -> Configured:
    try:
        content = read(path)
    except UnreadableError as problem:
        raise SettingsError("MCP_CONFIG", f"{path} {problem}") from problem
    table = next((key for key in _SERVERS if key in content), None)
    if table is None:
        raise SettingsError("MCP_CONFIG", f"{path} has no `mcpServers`. The servers belong under that key.")
    if not isinstance(entries := content[table], Object):
        raise SettingsError("MCP_CONFIG", f"{path} `{table}` must be an object.")
    if any(key in content.twice for key in _SERVERS) or all(key in content for key in _SERVERS):
        raise SettingsError("MCP_CONFIG", f"{path} has two lists of servers. Put all of them into one `mcpServers`.")
    warnings = [Problem(key, "is not known and is ignored", "remove it") for key in content if key not in _FILE_KEYS]
    findings = list(_findings(path.name, "warning", "", warnings))
    servers: list[ServerConfig] = []
    prefixes: dict[str, str] = {}
    for key, value in entries.items():
        entry = Entry(key, value, path.absolute().parent, environ)
        server = entry.server()
        prefix = names.prefix(key)
        if key in entries.twice:
            entry.errors.append(Problem("", "is there twice", "rename or remove one of them"))
        elif prefix in prefixes:
            clash = f"and `{prefixes[prefix]}` both become `{prefix}` in the names of tools"
            entry.errors.append(Problem("", clash, "rename one of them"))
        prefixes.setdefault(prefix, key)
        findings += _findings(path.name, "error", f"{table}.{key}", entry.errors)
        findings += _findings(path.name, "warning", f"{table}.{key}", entry.warnings)
        if server is not None and not entry.errors:
            servers.append(server)
    return Configured(tuple(servers), tuple(findings))


def _findings(
    file: str, level: Literal["error", "warning"], where: str, problems: Iterable[Problem]
) -> Iterable[Finding]:
    ending = UNTIL_THEN if level == "error" else ""
    for each in problems:
        place = ".".join(part for part in (where, each.place) if part)
        yield Finding(level, 0, f"{file} `{place}` {each.problem}", f"{each.fix}{ending}")
