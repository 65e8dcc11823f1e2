"""Servers over HTTP: what a call comes to when something between the bot and the server fails."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
import uvicorn
from aiohttp import web
from mcp import MCPError
from mcp.server.mcpserver import MCPServer

from bot.core.tools import DeliveryStatus
from bot.tools.mcp.toolset import McpToolset
from bot.tools.mcp.transports import http_faults
from bot.tools.server_config import HttpServer, SseServer
from bot.tools.toolset import make_toolset
from tests.unit.tools.helpers import call, running, until

pytestmark = pytest.mark.anyio

Answer = Callable[[web.BaseRequest, dict[str, Any]], Any]


class Remote:
    """A server of 2025-11-25 over streamable HTTP, whose answer to tools/call each test decides."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.tokens: set[str] = set()
        self.sessions = 0
        self.gone: set[str] = set()
        self.answers: dict[str, Answer] = {}

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405)
        self.tokens.add(request.headers.get("Authorization", ""))
        message = json.loads(await request.read())
        if "id" not in message:
            return web.Response(status=202)
        method, number = message["method"], message["id"]
        if method == "initialize":
            self.sessions += 1
            result: Any = {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "remote", "version": "1"},
            }
            return reply(number, result, {"Mcp-Session-Id": str(self.sessions)})
        if method == "server/discover":
            return web.Response(status=400, text="what?")
        if request.headers.get("Mcp-Session-Id") in self.gone:
            return web.Response(status=404)
        if method == "tools/list":
            names = ["good", *self.answers]
            return reply(number, {"tools": [{"name": name, "inputSchema": {"type": "object"}} for name in names]})
        name = message["params"]["name"]
        self.calls.append(name)
        if name in self.answers:
            found = self.answers[name](request, message)
            return await found if not isinstance(found, web.StreamResponse) else found
        return reply(number, {"content": [{"type": "text", "text": "good"}]})


def reply(number: int, result: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"jsonrpc": "2.0", "id": number, "result": result}, headers=headers)


async def _cut_off(request: web.BaseRequest, message: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await response.write(b": hello\n\n")
    assert request.transport is not None
    request.transport.abort()
    return response


async def _events(request: web.BaseRequest, message: dict[str, Any]) -> web.StreamResponse:
    answer = {"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": "streamed"}]}}
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    await response.write(f"event: message\r\ndata: {json.dumps(answer)}\r\n\r\n".encode())
    return response


def _status(status: int, **more: Any) -> Answer:
    return lambda request, message: web.Response(status=status, **more)


def _big(request: web.BaseRequest, message: dict[str, Any]) -> web.Response:
    return reply(message["id"], {"content": [{"type": "text", "text": "x" * (5 << 20)}]})


CASES: dict[str, tuple[Answer, DeliveryStatus, str]] = {
    "events": (_events, DeliveryStatus.OK, "streamed"),
    "big": (_big, DeliveryStatus.ERROR, "too big to be taken in"),
    "cut_off": (_cut_off, DeliveryStatus.UNKNOWN, "broke off before it answered"),
    "unauthorized": (_status(401), DeliveryStatus.UNSENT, "did not accept the bot's credentials (HTTP 401)"),
    "busy": (_status(429), DeliveryStatus.UNSENT, "takes no more requests for now"),
    "broken": (_status(500), DeliveryStatus.UNKNOWN, "failed (HTTP 500)"),
    "html": (_status(200, text="<html>", content_type="text/html"), DeliveryStatus.UNKNOWN, "such as a web page"),
    "bad_json": (_status(200, text='{"a":', content_type="application/json"), DeliveryStatus.ERROR, "cannot be read"),
    "moved": (
        _status(307, headers={"location": "http://192.0.2.1/"}),
        DeliveryStatus.UNSENT,
        "redirects to another address",
    ),
}


@pytest.fixture
async def remote() -> AsyncGenerator[tuple[Remote, McpToolset]]:
    """The server, and a toolset that is connected to it."""
    this = Remote()
    this.answers = {name: answer for name, (answer, _, _) in CASES.items()}
    runner = web.ServerRunner(web.Server(this.handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    toolset = make_toolset([HttpServer("r", f"http://127.0.0.1:{port}/mcp", {"Authorization": "Bearer s"})])
    await toolset.start()
    try:
        assert await toolset.ready(20) == []
        yield this, toolset
    finally:
        await toolset.aclose()
        await runner.cleanup()


@pytest.mark.parametrize("name", CASES)
async def test_a_fault_concerns_only_its_own_call(remote: tuple[Remote, McpToolset], name: str) -> None:
    server, toolset = remote
    _, certainty, words = CASES[name]
    found, good = toolset.find(f"r__{name}"), toolset.find("r__good")
    assert found is not None
    assert good is not None
    result = await toolset.call(found, {})
    assert (result.certainty, words in result.text) == (certainty, True), result.text
    assert (await toolset.call(good, {})).text == "good"
    assert server.calls == [name, "good"]
    assert server.sessions == 1
    assert server.tokens == {"Bearer s"}


def test_a_server_that_wants_a_sign_in_is_said_to_whatever_it_answers_afterwards() -> None:
    answered = MCPError(-32600, "Missing MCP-Protocol-Version header")
    denied = "it did not accept the bot's credentials (HTTP 401)"
    assert http_faults.refusal(answered, http_faults.of_status(401)) == denied
    assert http_faults.refusal(answered, http_faults.of_status(404)) is None


async def test_a_call_in_a_session_that_is_gone_is_made_once_in_a_new_one(remote: tuple[Remote, McpToolset]) -> None:
    server, toolset = remote
    server.gone.add("1")
    good = toolset.find("r__good")
    assert good is not None
    assert (await toolset.call(good, {})).text == "good"
    assert (server.calls, server.sessions) == (["good"], 2)


@pytest.mark.parametrize("kind", [HttpServer, SseServer])
async def test_an_address_at_which_nobody_listens_is_named_as_the_reason(kind: type[HttpServer]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/mcp"
        async with running(kind("r", url)) as toolset:
            [trouble] = await toolset.ready(0)
    assert trouble == "The tool server `r` is not running: it cannot be reached (connection refused)."


@pytest.mark.parametrize("kind", [HttpServer, SseServer])
async def test_a_server_of_the_sdk_is_spoken_to_over_both_transports(kind: type[HttpServer]) -> None:
    sdk = MCPServer("sdk")
    sdk.add_tool(lambda: "hello", name="greet")
    app = sdk.sse_app() if kind is SseServer else sdk.streamable_http_app()
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        serving = asyncio.create_task(server.serve([listening]))
        port = listening.getsockname()[1]
        await until(lambda: server.started)
        try:
            async with running(
                kind("r", f"http://127.0.0.1:{port}/{'sse' if kind is SseServer else 'mcp'}")
            ) as toolset:
                assert await toolset.ready(0) == []
                assert (await call(toolset, "r__greet")).text == "hello"
        finally:
            server.should_exit = True
            await serving
