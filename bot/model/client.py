"""An openai client configured for OpenRouter. Importing this module is slow: do it off the event loop."""

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

from bot.model.error_objects import MAX_BODY_BYTES, unwrapped
from bot.model.lazy_imports import lazy_subpackages

with lazy_subpackages("openai.types"):
    from openai import APIStatusError, AsyncOpenAI, DefaultAioHttpClient, Omit, OpenAIError

WAITED_SECONDS: Final = 0.004
"""A piece that arrives sooner than this belongs to the same burst as the one before it: reading goes on at once."""
FAST_BYTES: Final = 16 * 1024
"""A piece of at least this size was not generated token by token: reading goes on at once."""

_LIMITS: Final = httpx2.Limits(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=120)
_TIMEOUT: Final = httpx2.Timeout(None, connect=10)
_EXTENSIONS: Final = {"timeout": _TIMEOUT.as_dict()}


_BODY_HEADERS: Final = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that no longer apply to a body that was decoded and truncated."""


class Client(AsyncOpenAI):
    """An AsyncOpenAI client that sends only our own headers.

    AsyncOpenAI reads OPENAI_ORG_ID, OPENAI_PROJECT_ID, OPENAI_ADMIN_KEY and OPENAI_CUSTOM_HEADERS, and would send them
    all to OpenRouter. Retries and timeouts are implemented in `bot.model.openrouter`, which also handles streams that
    break off.
    """

    network_errors: Final = (OpenAIError, httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError, OSError)
    """What a request may raise: openai does not wrap all errors of its HTTP layers while a stream is read."""

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
        """Send a streaming chat completion request. The caller reads the response and closes it.

        Uses the HTTP client of openai directly: `post` rebuilds options, headers and a response object for each
        request, which took a third of a request's CPU time. Raises the same errors as `post`.
        """
        request = httpx2.Request(
            "POST", self._chat_url, headers=self._chat_headers, content=body, extensions=_EXTENSIONS
        )
        response = await self._http.send(request, stream=True)
        if response.is_success:
            return response
        try:
            body = await _error_body(response)
        finally:
            await response.aclose()
        headers = [item for item in response.headers.multi_items() if item[0].lower() not in _BODY_HEADERS]
        said = httpx2.Response(response.status_code, headers=headers, content=body, request=request)
        raise _status_error(said)


def _status_error(response: httpx2.Response) -> APIStatusError:
    """The package's error for an answer whose body has been read, with the error object that the body holds, if any."""
    body: object = response.text.strip()
    with suppress(ValueError, RecursionError):
        body = json.loads(response.text)
    said = unwrapped(body)
    return APIStatusError(f"Error code: {response.status_code}", response=response, body=said)


async def _error_body(response: httpx2.Response) -> bytes:
    """Return the first MAX_BODY_BYTES bytes of an error's body: a gateway may send any amount."""
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece[:MAX_BODY_BYTES]
        if len(body) >= MAX_BODY_BYTES:
            break
    return bytes(body[:MAX_BODY_BYTES])


async def pieces(response: httpx2.Response, pause: Callable[[], float]) -> AsyncGenerator[bytes]:
    """Yield the body of a streamed response in batches, so that the process wakes less often.

    After a piece that had to be waited for, nothing is read for `pause()` seconds while more data collects in the
    socket. `pause` is called after each piece. The caller is responsible for an idle timeout.
    """
    throttle = ReadThrottle(response)
    # An uncompressed body is read directly, without the generators that each piece would pass through.
    encoded = response.headers.get("content-encoding", "identity") != "identity"
    read = partial(anext, response.aiter_bytes(), b"") if encoded else throttle.read
    paused = False
    try:
        while True:
            began = time.monotonic()
            piece = await read()
            waited = time.monotonic() - began > WAITED_SECONDS
            if not piece:
                return
            yield piece
            slow = (waited or paused) and len(piece) < FAST_BYTES
            seconds = pause() if slow else 0.0
            paused = seconds > 0
            if paused:
                await throttle.pause(seconds)
            else:
                throttle.resume()
    finally:
        throttle.resume()


class ReadThrottle:
    """Pauses reading from the socket of a response, so that incoming data does not wake the process."""

    def __init__(self, response: httpx2.Response) -> None:
        # Not part of the public API of httpx2 or openai: if their internals change, incoming data wakes the process
        # during a pause, but no task.
        inner = getattr(getattr(response.stream, "_stream", None), "_aiohttp_response", None)
        self._response = inner if isinstance(inner, aiohttp.ClientResponse) else None
        self.read: Callable[[], Awaitable[bytes]] = partial(anext, response.aiter_raw(), b"")
        """Returns the next bytes, at most FAST_BYTES; empty at the end."""
        if self._response is not None:
            self.read = partial(self._response.content.read, FAST_BYTES)
        self._paused: asyncio.ReadTransport | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def transport(self) -> asyncio.ReadTransport | None:
        """The transport of the response; None once it has ended, as the connection may then serve another request."""
        connection = self._response.connection if self._response is not None else None
        transport = connection.transport if connection is not None else None
        return transport if isinstance(transport, asyncio.ReadTransport) else None

    async def pause(self, seconds: float) -> None:
        """Pause reading for this many seconds. Returns at once if the transport could be paused; otherwise sleeps."""
        transport = self.transport
        if transport is None or transport.is_closing():
            await asyncio.sleep(seconds)
        elif self._paused is None:
            transport.pause_reading()
            self._paused = transport
            self._timer = asyncio.get_running_loop().call_later(seconds, self.resume)

    def resume(self) -> None:
        """Resume reading."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._paused is not None and not self._paused.is_closing():
            self._paused.resume_reading()
        self._paused = None


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")


def connect(*, api_key: str, base_url: str, headers: Mapping[str, str]) -> Client:
    """Create a client with its connection pool, and silence the HTTP loggers, which log each request at INFO."""
    for name in ("openai", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)
    return Client(api_key=api_key, base_url=base_url, headers=headers)
