"""Stands between the bot and the real OpenRouter: passes everything through as it comes, and lets a person look on.

    async with Relay("https://openrouter.ai/api/v1", journal=journal, faults=faults) as relay:
        ...                                     # point the bot at relay.base_url with its own key

Bodies go through byte for byte in both directions, a stream piece by piece. The relay has no key of its own, keeps none
and adds nothing to a request; only the headers that belong to one connection are made again, and no compression is
asked for, so that the answer can be read on its way.
"""

from __future__ import annotations

import asyncio
import io
import json
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from slack_sandbox.http_limits import MAX_BODY_BYTES, requests_up_to
from slack_sandbox.openrouter import responses, wire
from slack_sandbox.openrouter.assembly import Assembly
from slack_sandbox.openrouter.request import chat_request
from slack_sandbox.openrouter.responses import as_error
from slack_sandbox.openrouter.script import Completion, Failure

if TYPE_CHECKING:
    from slack_sandbox.openrouter.faults import InjectedFault, ModelFaults
    from slack_sandbox.openrouter.journal import ModelJournal

_PASSED: Final = (("POST", "/chat/completions"), ("GET", "/key"), ("GET", "/models"))
_OF_THE_CONNECTION: Final = frozenset(
    ("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "proxy-authorization")
)
"""RFC 9110, 7.6.1: meant for one connection, not passed on."""
_OURS: Final = _OF_THE_CONNECTION | {"host", "content-length", "accept-encoding"}
_ADDED_BY_AIOHTTP: Final = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_EVENTS_BEFORE_A_FAULT: Final = 3


class Relay:
    """The server on loopback."""

    def __init__(
        self, upstream: str, *, journal: ModelJournal | None = None, faults: ModelFaults | None = None
    ) -> None:
        """upstream: where the real `/chat/completions`, `/key` and `/models` are."""
        self.upstream = upstream.rstrip("/")
        self.journal = journal
        self.faults = faults
        self.base_url = ""
        """Where the bot is to go instead."""
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None
        self._closing = asyncio.Event()
        self._count = 0

    async def __aenter__(self) -> Self:
        local = urlsplit(self.upstream).hostname in ("localhost", "127.0.0.1", "::1")
        self._session = aiohttp.ClientSession(
            # The bot itself decides how long it waits for an answer.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=20),
            trust_env=not local,
            auto_decompress=False,
            skip_auto_headers=_ADDED_BY_AIOHTTP,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        large = requests_up_to(MAX_BODY_BYTES)
        server = web.Server(self._handle, handler_cancellation=True, access_log=None, request_factory=large)  # type: ignore[arg-type]
        runner = self._runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v1")
        if (request.method, path) not in _PASSED:
            return as_error(404, {"code": 404, "message": f"Not passed on: {request.method} {request.path}"})
        body = await request.read()
        if path != "/chat/completions":
            return await self._pass(request, body, path, None, Assembly(stream=False))
        return await self._complete(request, body, path)

    async def _complete(self, request: web.BaseRequest, body: bytes, path: str) -> web.StreamResponse:
        try:
            payload: Any = json.loads(body)
        except ValueError:
            payload = None
        payload = payload if isinstance(payload, dict) else {}
        entry = self.journal.begin(payload, len(body)) if self.journal is not None else 0
        injected = self.faults.inject() if self.faults is not None else None
        fault = injected.kind if injected is not None else ""
        assembly = Assembly(stream=bool(payload.get("stream")))
        status, error, response = 499, "broken off", None
        try:
            if injected is not None and injected.answer is not None:
                chat = chat_request(self._count, body, payload, request.headers)
                self._count += 1
                answer = injected.apply_to(injected.answer)
                if isinstance(answer, Completion):
                    status, error, response = 200, "", json.loads(wire.body(answer, chat.model, len(body)))
                else:
                    status, error, response = _failed(answer)
                return await responses.write(request, chat, answer, self._closing)
            passed = await self._pass(request, body, path, injected, assembly)
            status, error, response = passed.status, "", assembly.response
            if injected is not None and injected.ending:
                error = "broken off" if injected.ending == "cut" else "stalled"
            return passed
        finally:
            if self.journal is not None:
                response = response if response is not None else assembly.response
                said = assembly.error or error
                self.journal.end(entry, status=status, response=response, error=said, fault=fault)

    async def _pass(
        self, request: web.BaseRequest, body: bytes, path: str, injected: InjectedFault | None, assembly: Assembly
    ) -> web.StreamResponse:
        assert self._session is not None
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _OURS]
        query = f"?{request.query_string}" if request.query_string else ""
        url = URL(f"{self.upstream}{path}{query}", encoded=True)
        if injected is not None:
            await asyncio.sleep(injected.wait)
        try:
            async with self._session.request(
                request.method, url, data=io.BytesIO(body) if body else None, headers=headers, allow_redirects=False
            ) as upstream:
                return await self._stream(request, upstream, injected, assembly)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if request.transport is None or request.transport.is_closing():
                raise
            words = f"{urlsplit(self.upstream).hostname} cannot be reached ({type(error).__name__})"
            assembly.error = words
            return as_error(502, {"code": 502, "message": words})

    async def _stream(
        self,
        request: web.BaseRequest,
        upstream: aiohttp.ClientResponse,
        injected: InjectedFault | None,
        assembly: Assembly,
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, reason=upstream.reason)
        for name, value in upstream.headers.items():
            if name.lower() not in _OF_THE_CONNECTION:
                response.headers.add(name, value)
        assembly.stream = upstream.content_type == "text/event-stream"
        await response.prepare(request)
        try:
            async for piece in upstream.content.iter_any():
                if injected is not None:
                    await asyncio.sleep(injected.pace)
                assembly.feed(piece)
                await response.write(piece)
                if injected is not None and injected.ending and assembly.events >= _EVENTS_BEFORE_A_FAULT:
                    break
        except aiohttp.ClientError as error:
            # The answer has begun: it breaks off here as it did there.
            assembly.error = f"the answer broke off ({type(error).__name__})"
            return responses.cut(request, response)
        if injected is not None and injected.ending == "cut":
            return responses.cut(request, response)
        while injected is not None and injected.ending == "stall" and not self._closing.is_set():
            await response.write(wire.COMMENT)
            await asyncio.sleep(1)
        await response.write_eof()
        return response


def _failed(answer: Failure) -> tuple[int, str, Any]:
    return answer.status, str(answer.error.get("message", "")), {"error": answer.error}
