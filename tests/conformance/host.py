"""A host with the bot's own MCP client, for the conformance suite: `python tests/conformance/host.py URL`.

The suite appends the address of its server. What is to be called may be in MCP_CONFORMANCE_CONTEXT; otherwise
`add_numbers` is, or else every tool, with arguments made from its schema. Nothing here knows a scenario.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bot.tools.mcp.transports.transport import Transports

ROOT = Path(__file__).parents[2]
KEY = "conformance"
SECONDS = 50.0
"""How long the server may take to start."""
STUBS: Mapping[str, object] = {
    "string": "text",
    "integer": 1,
    "number": 1.5,
    "boolean": True,
    "array": [],
    "object": {},
}


async def main(url: str, environ: Mapping[str, str], transports: Transports | None = None) -> int:
    """Use the server as the bot would, over these transports or the bot's own. Out: the exit code; 1 if it could not be
    used at all."""
    from bot.config import mcp_json  # noqa: PLC0415 - late, as `python host.py` finds the package only then
    from bot.tools.toolset import make_toolset  # noqa: PLC0415

    context = json.loads(environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mcp.json"
        file.write_text(json.dumps({"mcpServers": {KEY: entry(url, context)}}))
        configured = mcp_json.load(file, None, environ)
    for finding in configured.findings:
        sys.stderr.write(f"{finding.words()}\n")
    toolset = make_toolset(configured.servers, transports=transports)
    await toolset.start()
    try:
        if troubles := await toolset.ready(SECONDS):
            sys.stderr.write(f"{' '.join(troubles)}\n")
            return 1
        own = {tool.remote_name: tool for tool in toolset.tools()}
        for name, arguments in _calls(context, {name: tool.schema for name, tool in own.items()}):
            result = await toolset.call(own[name], arguments)
            sys.stderr.write(f"{name}: {result.certainty}: {result.text[:200]}\n")
    finally:
        await toolset.aclose()
    return 0


def entry(url: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an operator would write into mcp.json for such a server."""
    return {"url": url}


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


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(asyncio.run(main(sys.argv[1], os.environ)))
