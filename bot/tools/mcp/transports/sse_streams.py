"""One connection over HTTP with SSE (2024-11-05; deprecated, still met): the answers to all requests come over one
stream of events, and the server names the address to which messages are posted."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.message import SessionMessage
from mcp_types import JSONRPCRequest

from bot.tools.mcp.delivery import Delivery
from bot.tools.mcp.transports import http_client, http_faults
from bot.tools.mcp.transports.event_stream import EventStream
from bot.tools.mcp.transports.http_faults import Fault
from bot.tools.mcp.transports.http_outbox import Outbox
from bot.tools.mcp.transports.http_streams import HttpConnection

ENDPOINT_SECONDS = 10.0
"""How long the server may take to name the address for messages."""


class SseConnection(HttpConnection):
    """The stream and the address. If the stream ends, so does the connection."""

    async def __aenter__(self) -> tuple[MemoryObjectReceiveStream[SessionMessage | Exception], Outbox]:
        """Open the stream. If that fails, or takes too long, the first request says why."""
        streams = await super().__aenter__()
        self._endpoint = ""
        self._named = asyncio.Event()
        self._start(self._receive_all())
        return streams

    async def _receive_all(self) -> None:
        """Pass on what comes over the stream until it ends."""
        headers = self._headers() | {"accept": "text/event-stream", "cache-control": "no-store"}
        try:
            async with http_client.exchange(self._client, "GET", self._config.url, headers=headers) as response:
                if response.status_code != 200:
                    self._fault = http_faults.of_status(response.status_code)
                    return
                stream = EventStream()
                async for chunk in http_client.chunks(response):
                    for event in stream.feed(chunk):
                        if event.kind == "endpoint":
                            self._name(event.data)
                        elif event.kind == "message":
                            await self._accept(event.data, event.size, None)
        except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as problem:
            self._fault = http_faults.of_error(problem)
        finally:
            self._end()

    def _name(self, data: bytes) -> None:
        """Take in the address for messages: it must be of the same origin, since it gets the credentials."""
        url = urljoin(self._config.url, data.decode("utf-8", "replace").strip())
        here, there = urlsplit(self._config.url), urlsplit(url)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            self._fault = Fault("wants messages sent to another address, which is not done")
            self._end()
            return
        self._endpoint = url
        self._named.set()

    async def _answer(
        self, message: JSONRPCRequest, body: bytes, headers: dict[str, str], delivery: Delivery | None
    ) -> Fault | None:
        try:
            async with asyncio.timeout(ENDPOINT_SECONDS):
                await self._named.wait()
        except TimeoutError:
            self._end()
            return Fault("did not say where to send messages", taken=False)
        return await super()._answer(message, body, headers, delivery)

    async def _receive(self, message: JSONRPCRequest, response: httpx2.Response) -> Fault | None:
        """Check that the request was accepted; its answer comes over the stream."""
        if response.status_code < 300:
            return None
        return await super()._receive(message, response)

    async def _listen(self) -> None:
        """Do nothing: there is one stream for everything."""

    def _post(self, body: bytes, headers: dict[str, str], delivery: Delivery | None) -> Any:
        return http_client.exchange(self._client, "POST", self._endpoint, headers=headers, body=body, delivery=delivery)
