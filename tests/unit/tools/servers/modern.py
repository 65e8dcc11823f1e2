"""A server of 2026-07-28, made with the SDK: it says through `subscriptions/listen` that its tools changed."""

from __future__ import annotations

from mcp.server.mcpserver import Context, MCPServer

server = MCPServer("modern")


@server.tool()
async def echo(words: str) -> str:
    """Return the words."""
    return words


@server.tool()
async def grow(context: Context) -> str:
    """Offer one tool more, and say so."""

    def grown() -> str:
        """A new tool."""
        return "grown"

    server.add_tool(grown)
    await context.notify_tools_changed()
    return "ok"


server.run("stdio")
