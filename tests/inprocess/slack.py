"""Slack's sandbox without a port: the app's calls and its socket lead to it inside this process.

What takes the place of the network is a session as Slack's SDK uses one, and requests and sockets as the sandbox does.
The sandbox, the SDK and Bolt are the real ones, with their rules, faults, journals and acks.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import parse_qsl, urlsplit

import aiohttp
from aiohttp import WSMessage, WSMsgType, web

from tests.patient import PatientSlack
from tests.watch import outside

CLOSED = WSMessage(WSMsgType.CLOSED, None, None)


class NearSlack(PatientSlack):
    """The sandbox, which nobody can reach but over a `Line`."""

    async def start(self) -> None:
        """Nothing is to be bound."""
        self._slack.origin = self.origin

    async def serve(self, request: Request) -> web.StreamResponse:
        """Answer a request."""
        return await self._serve(cast(web.BaseRequest, request))

    async def converse(self, request: Request, socket: FarEnd) -> None:
        """Speak over a connection of the app's."""
        await self.hub.converse(cast(web.BaseRequest, request), cast(web.WebSocketResponse, socket))


class Transport:
    """Notes that the sandbox has torn a connection down."""

    def __init__(self) -> None:
        self.aborted = False
        self.near: NearEnd | None = None

    def abort(self) -> None:
        """No answer comes, and what is a socket ends."""
        self.aborted = True
        if self.near is not None:
            self.near.end()


class Request:
    """A request as the sandbox reads it, with a body or the fields of a form."""

    def __init__(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        kind: str = "",
        body: bytes = b"",
        form: Mapping[str, str] | None = None,
    ) -> None:
        parts = urlsplit(url)
        self.method, self.path, self.headers, self.content_type = method, parts.path, headers or {}, kind
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.transport = Transport()
        self._body, self._form = body, form or {}

    @property
    def can_read_body(self) -> bool:
        return bool(self._body or self._form)

    async def read(self) -> bytes:
        return self._body

    async def post(self) -> Mapping[str, str]:
        return self._form


class Answer:
    """A response as Slack's SDK reads it."""

    def __init__(self, response: web.Response) -> None:
        self.status, self.headers, self.content_type = response.status, response.headers, response.content_type
        body = response.body
        self._body = body if isinstance(body, bytes) else b""

    @property
    def content(self) -> Self:
        """The body, to be read in pieces."""
        return self

    async def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """The body in pieces of at most n bytes."""
        for start in range(0, len(self._body), n):
            yield self._body[start : start + n]

    async def read(self) -> bytes:
        return self._body

    async def text(self) -> str:
        return self._body.decode()

    async def json(self) -> Any:
        return json.loads(self._body)


class Line:
    """Takes the place of the `aiohttp.ClientSession` that the bot's clients share."""

    def __init__(self, slack: NearSlack) -> None:
        self.closed = False
        self._slack = slack
        self._serving: set[asyncio.Task[Any]] = set()

    def request(self, method: str, url: str, **options: Any) -> AbstractAsyncContextManager[Answer]:
        """Send a request, with the options that Slack's SDK gives."""
        headers, data = options.get("headers"), options.get("data") or options.get("params") or {}
        if options.get("json") is not None:
            body = json.dumps(options["json"]).encode()
            request = Request(method, url, headers=headers, kind="application/json", body=body)
        elif isinstance(data, bytes):
            request = Request(method, url, headers=headers, kind="application/octet-stream", body=data)
        else:
            form = {str(key): str(value) for key, value in data.items()}
            request = Request(method, url, headers=headers, kind="application/x-www-form-urlencoded", form=form)
        return _Exchange(self, request)

    async def exchange(self, request: Request) -> Answer:
        """The answer to a request. It is worked on to its end, also when nobody waits for it any longer."""
        response = await asyncio.shield(self._begin(self._slack.serve(request)))
        if request.transport.aborted:
            raise aiohttp.ServerDisconnectedError
        return Answer(cast(web.Response, response))

    async def ws_connect(self, url: str, **options: Any) -> NearEnd:
        """Open a socket."""
        far = FarEnd()
        near = far.near = NearEnd(far)
        request = Request("GET", url)
        request.transport.near = near
        self._begin(self._slack.converse(request, far))
        return near

    async def close(self) -> None:
        self.closed = True
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _begin(self, work: Any) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, context=outside())
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task


class _Exchange(AbstractAsyncContextManager[Answer]):
    def __init__(self, line: Line, request: Request) -> None:
        self._line, self._request = line, request

    async def __aenter__(self) -> Answer:
        return await self._line.exchange(self._request)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class NearEnd:
    """A socket as Slack's SDK uses it."""

    def __init__(self, far: FarEnd) -> None:
        self.closed = False
        self._far = far
        self.came: asyncio.Queue[WSMessage] = asyncio.Queue()

    async def receive(self) -> WSMessage:
        return CLOSED if self.closed and self.came.empty() else await self.came.get()

    async def send_str(self, data: str) -> None:
        if self.closed:
            raise ConnectionResetError("the socket is closed")
        self._far.came.put_nowait(WSMessage(WSMsgType.TEXT, data, None))

    async def ping(self, data: bytes) -> None:
        self.came.put_nowait(WSMessage(WSMsgType.PONG, data, None))

    async def pong(self, data: bytes) -> None:
        pass

    async def close(self, **_: Any) -> None:
        self.end()

    def end(self) -> None:
        """Both ends are closed."""
        if not self.closed:
            self.closed = True
            self.came.put_nowait(CLOSED)
            self._far.came.put_nowait(CLOSED)


class FarEnd:
    """The same socket as the sandbox uses it."""

    near: NearEnd

    def __init__(self) -> None:
        self.came: asyncio.Queue[WSMessage] = asyncio.Queue()

    async def send_str(self, data: str) -> None:
        if self.near.closed:
            raise ConnectionResetError("the socket is closed")
        self.near.came.put_nowait(WSMessage(WSMsgType.TEXT, data, None))

    async def close(self, **_: Any) -> bool:
        self.near.end()
        return True

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WSMessage:
        message = await self.came.get()
        if message.type is WSMsgType.CLOSED:
            raise StopAsyncIteration
        return message
