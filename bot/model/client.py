"""The openai package, set up for OpenRouter. Importing this module takes a while: do it off the event loop."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import httpx2

from bot.model.failures import MOST_BODY
from bot.model.lazy_imports import lazily

with lazily("openai.types"):
    from openai import APIStatusError, AsyncOpenAI, DefaultAioHttpClient, Omit, OpenAIError

WAITED_SECONDS: Final = 0.004
"""A piece that was there sooner came in one burst with what precedes it, so that the next is on its way."""
FAST_BYTES: Final = 16 * 1024
"""So much in one piece is no model thinking aloud: what follows is read at once."""

_LIMITS: Final = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=120)
_TIMEOUT: Final = httpx2.Timeout(None, connect=10)
_EXTENSIONS: Final = {"timeout": _TIMEOUT.as_dict()}


_OF_THE_WHOLE: Final = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that do not hold of the beginning of a body, decoded."""


class Client(AsyncOpenAI):
    """AsyncOpenAI that sends our headers and no others.

    AsyncOpenAI reads OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_ADMIN_KEY and OPENAI_CUSTOM_HEADERS, all of which would
    go to OpenRouter. Retries and time limits are those of `bot.model.openrouter`, which knows of streams that break.
    """

    network_errors: Final = (OpenAIError, httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError)
    """What a request may raise: openai lets some errors of the layers below it through while a stream is read."""

    def __init__(self, *, api_key: str, base_url: str, headers: Mapping[str, str]) -> None:
        self._our_headers = {
            "Accept": "text/event-stream, application/json",
            "Content-Type": "application/json",
            "User-Agent": "slack-mcp-agent",
            **headers,
        }
        # HTTP_PROXY and the like are honoured, except for a server on this very machine.
        self._http = DefaultAioHttpClient(limits=_LIMITS, timeout=_TIMEOUT, trust_env=not _is_local(base_url))
        super().__init__(
            api_key=api_key,
            admin_api_key="",
            base_url=base_url,
            max_retries=0,
            timeout=_TIMEOUT,
            http_client=self._http,
        )
        self._chat_url = httpx2.URL(f"{base_url.rstrip('/')}/chat/completions")
        self._chat_headers = httpx2.Headers({**self._our_headers, "Authorization": f"Bearer {api_key}"})

    @property
    def default_headers(self) -> dict[str, str | Omit]:
        return {**self._our_headers}

    async def send_chat(self, body: bytes) -> httpx2.Response:
        """Send a chat completion that is streamed. The caller reads the response's bytes and closes it.

        A request of the package's own HTTP client rather than `post`: that builds options, headers and a response
        object again each time, which took a third of the CPU of a request. Errors are the package's own all the same.
        """
        request = httpx2.Request(
            "POST", self._chat_url, headers=self._chat_headers, content=body, extensions=_EXTENSIONS
        )
        response = await self._http.send(request, stream=True)
        if response.is_success:
            return response
        try:
            body = await _beginning(response)
        finally:
            await response.aclose()
        headers = [item for item in response.headers.multi_items() if item[0].lower() not in _OF_THE_WHOLE]
        said = httpx2.Response(response.status_code, headers=headers, content=body, request=request)
        raise _status_error(said)


def _status_error(response: httpx2.Response) -> APIStatusError:
    """The package's error for an answer whose body has been read, with the error object that the body holds, if any."""
    body: object = response.text.strip()
    with suppress(ValueError):
        body = json.loads(response.text)
    if isinstance(body, Mapping):
        body = body.get("error", body)
    return APIStatusError(f"Error code: {response.status_code}", response=response, body=body)


async def _beginning(response: httpx2.Response) -> bytes:
    """The body of an error, as much as is looked at of one: nothing limits what a gateway sends."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece[:MOST_BODY]
        if len(body) >= MOST_BODY:
            break
    return bytes(body[:MOST_BODY])


async def pieces(response: httpx2.Response, pause: Callable[[], float]) -> AsyncGenerator[bytes]:
    """The body of a response as it comes, in batches: a piece that had to be waited for is followed by a `pause` (in
    seconds, asked after each piece) in which the next ones gather in the socket. Watch for silence outside."""
    gathering = Gathering(response)
    # What is not compressed needs none of the generators that every piece would pass through.
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    read = partial(anext, response.aiter_bytes(), b"") if encoded else gathering.read
    gathered = False
    try:
        while True:
            began = time.monotonic()
            piece = await read()
            waited = time.monotonic() - began > WAITED_SECONDS
            if not piece:
                return
            yield piece
            slow = (waited or gathered) and len(piece) < FAST_BYTES
            seconds = pause() if slow else 0.0
            gathered = seconds > 0
            if gathered:
                await gathering.begin(seconds)
            else:
                gathering.end()
    finally:
        gathering.end()


class Gathering:
    """Keeps the process from being woken by what comes in: for a while nothing is read from the socket."""

    def __init__(self, response: httpx2.Response) -> None:
        # Neither httpx2 nor openai tell it in public: when their insides change, what comes wakes the process, though
        # nobody's task.
        inner = getattr(getattr(response.stream, "_stream", None), "_aiohttp_response", None)
        self._response = inner if isinstance(inner, aiohttp.ClientResponse) else None
        self.read: Callable[[], Awaitable[bytes]] = partial(anext, response.aiter_raw(), b"")
        """The next bytes, at most FAST_BYTES; none at the end."""
        if self._response is not None:
            self.read = partial(self._response.content.read, FAST_BYTES)
        self._paused: asyncio.ReadTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def transport(self) -> asyncio.ReadTransport | None:
        """What the response is read from; None once it has ended, when the connection may be another one's."""
        connection = self._response.connection if self._response is not None else None
        transport = connection.transport if connection is not None else None
        return transport if isinstance(transport, asyncio.ReadTransport) else None

    async def begin(self, seconds: float) -> None:
        """Read nothing for so long. Returns at once if the transport could be paused; otherwise sleeps."""
        transport = self.transport
        if transport is None or transport.is_closing():
            await asyncio.sleep(seconds)
        elif self._paused is None:
            transport.pause_reading()
            self._paused = transport
            self._timer = asyncio.get_running_loop().call_later(seconds, self.end)

    def end(self) -> None:
        """Read on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._paused is not None and not self._paused.is_closing():
            self._paused.resume_reading()
        self._paused = None


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def connect(*, api_key: str, base_url: str, headers: Mapping[str, str]) -> Client:
    """A client with its connection pool. httpx2 logs a line for each request at info: its loggers are made quiet."""
    for name in ("openai", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return Client(api_key=api_key, base_url=base_url, headers=headers)
