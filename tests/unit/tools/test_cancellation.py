"""A call that nobody waits for any more is cancelled at its server: after a timeout or a stop, over every transport and
both eras of the protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.core.tools import DeliveryStatus
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import HttpServer
from tests.unit.tools.helpers import call, python_server, running, until

pytestmark = pytest.mark.anyio


async def test_over_stdio_the_server_is_told_after_a_timeout(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with running(python_server("hanging.py", journal, key="post", call_seconds=0.2)) as toolset:
        assert (await call(toolset, "post__look")).certainty is DeliveryStatus.UNKNOWN
        await until(lambda: journal.read_text().splitlines() == ["began look", "cancelled look"])


class Remote:
    """A server over HTTP whose calls never end, of either era."""

    def __init__(self, *, modern: bool) -> None:
        self.modern = modern
        self.began = 0
        self.closed: list[str] = []
        """What the responses came to whose client has gone."""
        self.notified: list[str] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405)
        message = json.loads(await request.read())
        if "id" not in message:
            self.notified.append(message["method"])
            return web.Response(status=202)
        match message["method"]:
            case "server/discover" if self.modern:
                capabilities = {"tools": {}}
                return reply(message, {"supportedVersions": ["2026-07-28"], "capabilities": capabilities})
            case "initialize" if not self.modern:
                named = {"serverInfo": {"name": "remote", "version": "1"}}
                return reply(message, {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, **named})
            case "tools/list":
                return reply(message, {"tools": [{"name": "hang", "inputSchema": {"type": "object"}}]})
            case "tools/call":
                return await self._hang(request)
            case _:
                return web.Response(status=400, text="what?")

    async def _hang(self, request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b": hello\n\n")
        self.began += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.closed.append("closed")
        return response


def reply(message: dict[str, Any], result: dict[str, Any]) -> web.Response:
    kinds = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": {**kinds, **result}})


@asynccontextmanager
async def remote(*, modern: bool, seconds: float) -> AsyncGenerator[tuple[Remote, McpToolset]]:
    this = Remote(modern=modern)
    runner = web.ServerRunner(web.Server(this.handle, handler_cancellation=True))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with running(HttpServer("far", f"{site.name}/mcp", call_seconds=seconds)) as toolset:
            yield this, toolset
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("modern", [True, False], ids=["2026-07-28", "2025-11-25"])
async def test_over_http_the_stream_is_closed_and_an_older_server_is_told_besides(modern: bool) -> None:
    async with remote(modern=modern, seconds=0.3) as (server, toolset):
        assert (await call(toolset, "far__hang")).certainty is DeliveryStatus.UNKNOWN
        await until(lambda: server.closed == ["closed"])
        stopped = asyncio.create_task(call(toolset, "far__hang"))
        await until(lambda: server.began == 2)
        stopped.cancel()
        await until(lambda: server.closed == ["closed", "closed"])
        cancelled = [] if modern else ["notifications/cancelled"] * 2
        await until(lambda: [each for each in server.notified if "cancelled" in each] == cancelled)
