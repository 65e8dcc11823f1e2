"""A tool server for the pictures that asks, takes long and goes away: `rooms.py BUSY AWAY`."""

from __future__ import annotations

import asyncio
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

from mcp.server.mcpserver import Context, MCPServer
from mcp_types import ToolAnnotations
from pydantic import BaseModel, Field

server = MCPServer("rooms")
busy, away = map(Path, sys.argv[1:3])
"""While there is the first file, a search goes on; while there is the second, the server does not start."""
if away.exists():
    sys.exit("no connection to the calendar")


class Wish(BaseModel):
    """What has to be known of a meeting."""

    day: Annotated[date, Field(title="Day")]
    people: Annotated[int, Field(title="People", ge=2, le=20)] = 4
    screen: Annotated[bool, Field(title="With a screen")] = True


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def find_room(context: Context) -> str:
    """Find a room for a meeting."""
    found = await context.elicit("When is the meeting, and who comes?", Wish)
    return "Room 4.12 is free." if found.action == "accept" else "Nobody has said for when."


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
async def search_calendars(context: Context) -> str:
    """Search everybody's calendars."""
    await context.report_progress(40, 120, "Calendars")
    while busy.exists():  # noqa: ASYNC110 - another process removes it
        await asyncio.sleep(0.05)
    return "Friday at 10:00."


server.run("stdio")
