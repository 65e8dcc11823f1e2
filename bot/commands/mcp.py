"""`python -m bot mcp`: lists what an MCP server offers, before or after it is configured."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot import logs
from bot.config import mcp_json
from bot.config.settings import load
from bot.core.json_text import JsonObject
from bot.core.tools import Tool
from bot.errors import SettingsError
from bot.tools.server_config import HttpServer, ServerConfig, StdioServer
from bot.tools.text import line
from bot.tools.toolset import make_toolset

if TYPE_CHECKING:
    from bot.tools.mcp.server_info import About, Item

SERVER_SECONDS = 60.0
"""How long a server may take to start: one that npx has to download takes a while."""
BYTES_PER_TOKEN = 3
"""Cautious: schemas have more tokens for their length than prose."""
KEY = "server"
"""The key of a server that is not configured."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a server offers."""

    config: ServerConfig
    about: About
    tools: Sequence[Tool]
    """All of them, also those that the configuration leaves out."""

    def used(self, tool: Tool) -> bool:
        """Return whether the configuration lets a tool be used."""
        return self.config.uses(tool.remote_name)

    @property
    def tokens(self) -> int:
        """About how many tokens the definitions of the tools in use take in each request."""
        return sum(tokens(tool) for tool in self.tools if self.used(tool))


def tokens(tool: Tool) -> int:
    """Return about how many tokens the definition of a tool takes in each request to a model."""
    return len(json.dumps(tool.function(), ensure_ascii=False).encode()) // BYTES_PER_TOKEN


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to a parser."""
    parser.add_argument(
        "server",
        nargs="+",
        help="an address, the key of a server in mcp.json, or a command with its arguments (after `--` if they begin "
        "with a hyphen: mcp -- npx -y some-server)",
    )
    parser.add_argument("--json", action="store_true", help="for machines: one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Run the command. Out: 0, or 1 if the server cannot be used. Raises SettingsError."""
    config = _config(arguments.server)
    logs.configure("warning", "text", config.secrets())
    # Why it does not start is said below, once.
    logging.getLogger("bot.tools.mcp.server").setLevel(logging.ERROR)
    report = asyncio.run(_look(config))
    if isinstance(report, str):
        sys.stderr.write(f"{report}\n")
        return 1
    sys.stdout.write(_as_json(report) if arguments.json else _as_text(report))
    return 0


def _config(words: Sequence[str]) -> ServerConfig:
    """Return the server that is meant. Raises SettingsError."""
    first, rest = words[0], words[1:]
    if first.startswith(("http://", "https://")) and not rest:
        return HttpServer(KEY, first)
    known: dict[str, ServerConfig] = {}
    if not rest:
        settings = load(needed=False)
        configured = mcp_json.load(settings.mcp_config, settings.workspace, settings.variables)
        known = {config.key: config for config in configured.servers}
        if first in known:
            return known[first]
    if shutil.which(first) is None:
        keys = f" The servers in use are {', '.join(f'`{key}`' for key in known)}." if known else ""
        problem = f"{first!r} is no address with http:// or https://, no server in use, and no program that is here."
        raise SettingsError("mcp", f"{problem}{keys}")
    return StdioServer(KEY, first, tuple(rest), cwd=Path.cwd())


async def _look(config: ServerConfig) -> Report | str:
    """Connect and ask. Out: what the server offers, or a sentence on why it cannot be used."""
    toolset = make_toolset([replace(config, include=(), exclude=())])
    await toolset.start()
    try:
        troubles = await toolset.ready(SERVER_SECONDS)
        about = await toolset.about(config.key)
        if about is None:
            [state] = toolset.states()
            said = f" Its last words: {state.last_words}" if state.last_words else ""
            return f"{' '.join(troubles) or state.trouble or 'The tool server has ended.'}{said}"
        return Report(config, about, toolset.tools())
    finally:
        await toolset.aclose()


def _as_text(report: Report) -> str:
    about = report.about
    name = f"{about.name} {about.version}".strip() or "A server without a name"
    lines = [f"{name} speaks MCP {about.protocol}.", *about.troubles]
    if about.instructions:
        lines.append(f"It says how to use it: {line(about.instructions, 300)}")
    lines.append("")
    if report.tools:
        left = sum(not report.used(tool) for tool in report.tools)
        lines.append(_count(len(report.tools), "tool") + (f", of which {left} left out by mcp.json" if left else ""))
        lines[-1] += f". The definitions of those in use take about {report.tokens:,} tokens of each request."
        rows = [("tool", "hints", "tokens", "title")]
        rows += [
            (line(tool.remote_name), _hints(report, tool), f"{tokens(tool):,}", tool.title) for tool in report.tools
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            front = "  ".join(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True))
            lines.append(f"{front}  {row[3]}".rstrip())
    else:
        lines.append("It offers no tools.")
    for what, items in (("prompt", about.prompts), ("resource", about.resources)):
        if items:
            lines += ["", f"{_count(len(items), what)}:", *map(_item, items)]
    return "\n".join(lines) + "\n"


def _item(item: Item) -> str:
    given = f"({', '.join(item.arguments)})" if item.arguments else ""
    return f"{item.name}{given}{f'  {item.title}' if item.title else ''}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _hints(report: Report, tool: Tool) -> str:
    """Return what a tool's annotations say, with the specification's defaults where they say nothing."""
    hints = ["read-only"] if tool.read_only else ["destructive"] if tool.destructive else ["additive"]
    hints += ["idempotent"] if tool.idempotent and not tool.read_only else []
    return ", ".join(hints + ([] if report.used(tool) else ["left out"]))


def _as_json(report: Report) -> str:
    about = report.about
    tools: list[JsonObject] = [
        {
            "name": tool.remote_name,
            "title": tool.title,
            "description": tool.description,
            "read_only": tool.read_only,
            "destructive": tool.destructive,
            "idempotent": tool.idempotent,
            "used": report.used(tool),
            "tokens": tokens(tool),
            "schema": tool.schema,
        }
        for tool in report.tools
    ]
    found = {**asdict(about), "tokens": report.tokens, "tools": tools}
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"
