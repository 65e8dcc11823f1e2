"""A host with the bot's own MCP client, for the conformance suite: `python tests/conformance/host.py URL`.

The suite appends the address of its server. What is to be called may be in MCP_CONFORMANCE_CONTEXT; otherwise
`add_numbers` is, or else every tool, with arguments made from its schema. A server that does not accept the bot as it
is gets the entry that an operator would give it then: people sign in. Nothing here knows a scenario.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.core.tools import CallResult, Tool
    from bot.identity.http_client import HttpClient
    from bot.identity.vault import Vault
    from bot.tools.mcp.toolset import McpToolset
    from bot.tools.mcp.transports.transport import Transports

ROOT = Path(__file__).parents[2]
KEY = "conformance"
SECONDS = 50.0
"""How long the server may take to start."""
DOCUMENT = "https://conformance-test.local/client-metadata.json"
"""Where the suite takes the bot's description of itself as a client to be."""
REFUSED = "HTTP 401"
"""What is said of a server that wants somebody to sign in."""
STUBS: Mapping[str, object] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
}

Call = Callable[["Tool", dict[str, Any]], Awaitable["CallResult"]]


@dataclass(frozen=True)
class Common:
    """What all servers of a process may share."""

    transports: Transports
    vault: Vault
    web: HttpClient


def common() -> Common:
    """What all servers of a process may share. Close its `web`."""
    from bot.identity.http_client import HttpClient  # noqa: PLC0415
    from bot.identity.vault import Vault  # noqa: PLC0415 - late, as `python host.py` finds the package only then
    from bot.tools.mcp.transports.registry import standard  # noqa: PLC0415

    return Common(standard(), Vault(["the-key-of-the-conformance-suite"]), HttpClient())


async def main(url: str, environ: Mapping[str, str], shared: Common) -> int:
    """Use the server as the bot would. Out: the exit code; 1 if it could not be used, or a call was not sent."""
    from tests.conformance.person import Person, made  # noqa: PLC0415 - see `common`

    context = json.loads(environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    async with running(toolset := toolset_of({"url": url}, environ, shared)):
        if not (troubles := await toolset.ready(SECONDS)):
            return await _call_all(toolset, context, partial(made, toolset))
    if not any(REFUSED in each for each in troubles):
        sys.stderr.write(f"{' '.join(troubles)}\n")
        return 1
    toolset = toolset_of(entry(url, context), environ, shared)
    person = Person(toolset, shared.vault, shared.web)
    async with running(toolset):
        await toolset.ready(SECONDS)
        [connect] = toolset.tools()
        result = await person.call(connect, {})
        if result.certainty != "ok":
            sys.stderr.write(f"{connect.name}: {result.text}\n")
            return 1
        return await _call_all(toolset, context, person.call, without=connect.name)


def toolset_of(entry: Mapping[str, Any], environ: Mapping[str, str], shared: Common) -> McpToolset:
    """Return the bot's tools for one entry of mcp.json."""
    from bot.config import mcp_json  # noqa: PLC0415 - see `common`
    from bot.tools.toolset import make_toolset  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mcp.json"
        file.write_text(json.dumps({"mcpServers": {KEY: entry}}))
        configured = mcp_json.load(file, None, environ)
    for finding in configured.findings:
        sys.stderr.write(f"{finding.words()}\n")
    return make_toolset(configured.servers, transports=shared.transports)


@asynccontextmanager
async def running(toolset: McpToolset) -> AsyncGenerator[None]:
    """Start the servers, and end them."""
    await toolset.start()
    try:
        yield
    finally:
        await toolset.aclose()


def entry(url: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an operator would write into mcp.json for a server to which people sign in."""
    client = {name: context[name] for name in ("client_id", "client_secret", "issuer") if name in context}
    return {"url": url, "identity": "person", "oauth": client or {"client_metadata_url": DOCUMENT}}


async def _call_all(toolset: McpToolset, context: Mapping[str, Any], call: Call, without: str = "") -> int:
    own = {tool.remote_name: tool for tool in toolset.tools() if tool.name != without}
    unsent = False
    for name, arguments in _calls(context, {name: tool.schema for name, tool in own.items()}):
        result = await call(own[name], arguments)
        sys.stderr.write(f"{name}: {result.certainty}: {result.text[:200]}\n")
        unsent = unsent or result.certainty == "unsent"
    return int(unsent)


def _calls(
    context: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the calls to be made, of tools that there are."""
    if asked := context.get("toolCalls"):
        yield from ((each["name"], each["arguments"]) for each in asked if each["name"] in schemas)
    elif "add_numbers" in schemas:
        yield "add_numbers", {"a": 5, "b": 3}
    else:
        yield from ((name, stub(schema)) for name, schema in schemas.items())


def stub(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments for what a tool requires."""
    properties = schema.get("properties", {})
    return {name: STUBS.get(properties.get(name, {}).get("type"), "text") for name in schema.get("required", [])}


async def alone() -> int:
    """Do so as a program."""
    shared = common()
    try:
        return await main(sys.argv[1], os.environ, shared)
    finally:
        await shared.web.aclose()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(asyncio.run(alone()))
