"""A tool server for the pictures: issues and mail. Nothing is kept and nothing is sent."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Literal

from mcp.server.mcpserver import MCPServer
from pydantic import Field

server = MCPServer("office")
line_is_busy = Path(sys.argv[1])
"""While there is such a file, mail is on its way and does not get there."""


@server.tool()
async def create_issue(  # noqa: PLR0917 - the arguments of a tool are what they are
    title: Annotated[str, Field(description="One line")],
    body: str,
    priority: Literal["low", "normal", "high"],
    labels: Annotated[list[str], Field(description="A list of texts", max_length=3)],
    estimate: Annotated[int, Field(description="Hours", ge=1, le=40)],
    notify: bool,
) -> str:
    """Create an issue in the tracker."""
    return f"Created: {title}"


@server.tool()
async def send_mail(to: str, subject: str, text: str) -> str:
    """Send a mail."""
    while line_is_busy.exists():  # noqa: ASYNC110, ASYNC240 - another process removes it
        await asyncio.sleep(0.05)
    return f"Sent to {to}."


server.run("stdio")
