"""One connection over streamable HTTP (specification: transports): each message is a POST of its own, and the response
to it is the answer, as one JSON text or as a stream of events.

This replaces the SDK's `streamable_http_client` (mcp 2.3), in which the failure of one request ends the session of all
others, and which hides whether a request was written. A fault concerns only its own request, with two exceptions: a
session that the server has forgotten, and a server that cannot be reached. Then the connection ends as soon as the
other requests are answered, and a new one is opened.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Any

import anyio
import httpx2
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.shared.jsonrpc_dispatcher import cancelled_request_id_from_params
from mcp.shared.message import ClientMessageMetadata, SessionMessage
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_REQUEST,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from bot.tools.mcp.delivery import Deliveries, Delivery
from bot.tools.mcp.hidden import Secrets
from bot.tools.mcp.jsonrpc import bounded, parsed
from bot.tools.mcp.transports import http_client, http_faults
from bot.tools.mcp.transports.event_stream import EventStream
from bot.tools.mcp.transports.http_faults import SESSION_GONE, Fault
from bot.tools.mcp.transports.http_outbox import Outbox
from bot.tools.mcp.transports.transport import Ending
from bot.tools.server_config import HttpServer

log = logging.getLogger(__name__)

SESSION, VERSION = "mcp-session-id", "mcp-protocol-version"
LISTEN = "subscriptions/listen"
CONNECT_PAUSES = (0.1, 0.4)
"""Seconds between attempts to reach the server for one request."""
RESUME_TIMES, RESUME_SECONDS = 3, 1.0
"""How often a stream that was cut off is resumed without having brought anything, and after how long by default."""
LISTEN_AGAIN_SECONDS = 5.0
"""Seconds after which the stream of the server's own messages is opened again, doubled up to a minute."""
ORDER_SECONDS = 5.0
"""How long requests wait for the notification that the handshake is complete to be delivered."""
CLOSE_SECONDS = 1.0


class HttpConnection:
    """A session, or no more than an address where the protocol has no sessions (2026-07-28). Entering returns the two
    streams for the SDK's `Client`."""

    def __init__(self, config: HttpServer, trust: ssl.SSLContext, on_end: Callable[[], None], secrets: Secrets) -> None:
        """In: which certificates are trusted. `on_end` is called once, as soon as nothing more will be received."""
        self._config = config
        self._client = http_client.make_client(config, trust, secrets.add)
        self._on_end = on_end
        self._deliveries = Deliveries(secrets)
        self._tasks: set[asyncio.Task[None]] = set()
        self._requests: dict[RequestId, asyncio.Task[None]] = {}
        self._busy = 0
        """Requests that wait for an answer, without those that wait for the connection to end."""
        self._ending_soon = False
        self._fault: Fault | None = None
        self._session = ""
        self._version = ""
        self._initialized: asyncio.Task[None] | None = None
        self.ended = False

    async def __aenter__(self) -> tuple[MemoryObjectReceiveStream[SessionMessage | Exception], Outbox]:
        """Return the streams. Nothing is sent before the first message."""
        self._inbox, self._received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        return self._received, Outbox(self.send)

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        """End the session, within a second."""
        with anyio.CancelScope(shield=True):
            self._end()
            self._received.close()
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
            with suppress(httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    if self._session and self._fault is None:
                        await http_client.end_session(self._client, self._config.url, self._headers())
            with suppress(OSError, RuntimeError):
                await self._client.aclose()

    def refusal(self, problem: BaseException) -> str | None:
        """Return why the server could not be used, if it was a fault of HTTP; None for other exceptions."""
        return http_faults.refusal(problem, self._fault)

    @property
    def ending(self) -> Ending:
        """Return why the connection ended."""
        return Ending(f"it {self._fault.words}" if self._fault is not None else "it has closed the connection")

    async def send(self, item: SessionMessage) -> None:
        """Begin to send a message; never waits for the server."""
        if self.ended:
            raise anyio.ClosedResourceError
        message = item.message
        body = message.model_dump_json(by_alias=True, exclude_unset=True).encode()
        given = item.metadata.headers if isinstance(item.metadata, ClientMessageMetadata) else None
        if isinstance(message, JSONRPCRequest) and message.method == "initialize":
            self._version = ""  # what the probe before it was stamped with does not apply
        elif given and VERSION in given:
            self._version = given[VERSION]
        headers = self._headers() | (given or {})
        if isinstance(message, JSONRPCRequest):
            delivery = self._deliveries.sending(message)
            headers |= delivery.headers if delivery is not None else {}
            task = self._start(self._request(message, body, headers, delivery))
            self._requests[message.id] = task
        elif not self._cancels(message):
            task = self._start(self._notify(body, headers))
            if isinstance(message, JSONRPCNotification) and message.method == "notifications/initialized":
                self._initialized = task
                self._start(self._listen())

    def _cancels(self, message: JSONRPCMessage) -> bool:
        """Break a request off whose caller has given up. Return whether that says everything: in 2026-07-28, closing
        the response is how a request is cancelled."""
        if not isinstance(message, JSONRPCNotification) or message.method != "notifications/cancelled":
            return False
        request = cancelled_request_id_from_params(message.params)
        if request is not None and (task := self._requests.get(request)) is not None:
            task.cancel()
        return self._version in MODERN_PROTOCOL_VERSIONS

    def _headers(self) -> dict[str, str]:
        found = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        if self._session:
            found[SESSION] = self._session
        if self._version:
            found[VERSION] = self._version
        return found

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (problem := task.exception()) is not None:
            log.error("%s: unexpected error in a request", self._config.key, exc_info=problem)
            self._end()

    async def _request(
        self, message: JSONRPCRequest, body: bytes, headers: dict[str, str], delivery: Delivery | None
    ) -> None:
        counts = message.method != LISTEN
        self._busy += counts
        try:
            if self._initialized is not None and not self._initialized.done():
                await asyncio.wait([self._initialized], timeout=ORDER_SECONDS)
            fault = SESSION_GONE if self._ending_soon else await self._answer(message, body, headers, delivery)
        finally:
            self._busy -= counts
            self._requests.pop(message.id, None)
        if fault is not None:
            await self._fail(message.id, delivery, fault)
        elif self._fault is not None and self._fault.unreachable:
            self._ending_soon, self._fault = False, None  # it can be reached again
        self._end_if_idle()

    async def _answer(
        self, message: JSONRPCRequest, body: bytes, headers: dict[str, str], delivery: Delivery | None
    ) -> Fault | None:
        """Send a request and pass its answer on. Return why there is none."""
        for pause in (*CONNECT_PAUSES, None):
            try:
                async with self._post(body, headers, delivery) as response:
                    if http_client.denies(self._client, response):  # whatever it says besides
                        return http_faults.of_status(response.status_code)
                    return await self._receive(message, response)
            except (http_client.Abandoned, http_client.Unauthorized) as problem:
                return Fault(str(problem) or "was not asked", taken=False)
            except (httpx2.HTTPError, httpx2.InvalidURL, UnicodeError) as problem:
                fault = http_faults.of_error(problem)
                log.debug("%s: a request failed: %s", self._config.key, type(problem).__name__)
                if not fault.unreachable or pause is None:
                    return fault
                await asyncio.sleep(pause)
        raise AssertionError("the last attempt returns")

    def _post(self, body: bytes, headers: dict[str, str], delivery: Delivery | None) -> Any:
        return http_client.exchange(
            self._client, "POST", self._config.url, headers=headers, body=body, delivery=delivery
        )

    async def _receive(self, message: JSONRPCRequest, response: httpx2.Response) -> Fault | None:
        status = response.status_code
        if status in (202, 204):
            return Fault(f"took the request and gave no answer (HTTP {status})")
        if 300 <= status < 400:
            return http_faults.of_redirect(status)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if status >= 400:
            return await self._refused(message.id, response)
        if message.method == "initialize" and 0 < len(session := response.headers.get(SESSION, "")) <= 1000:
            self._session = session
        if kind == "text/event-stream":
            return await self._events(message, response)
        raw, size = await http_client.whole(response)
        raw = bounded(raw, size, self._config.key, message.id)
        if (reply := parsed(raw)) is not None:
            await self._pass_on(reply, len(raw), message.id)
        elif kind == "application/json" or raw.lstrip()[:1] in (b"{", b"["):
            await self._pass_on_unreadable(raw, message.id)
        else:
            return Fault("answered with something other than a message of MCP, such as a web page")
        return None

    async def _refused(self, request: RequestId, response: httpx2.Response) -> Fault | None:
        """Handle an error status: servers may give the reason as a message."""
        raw, _ = await http_client.whole(response)
        reply = parsed(raw[: 64 * 1024])
        status = response.status_code
        if self._session and http_faults.is_gone(status, reply):
            return SESSION_GONE
        if isinstance(reply, JSONRPCError | JSONRPCResponse) and status not in (401, 407):
            await self._pass_on(reply, len(raw), request)
            return None
        return http_faults.of_status(status)

    async def _events(self, message: JSONRPCRequest, response: httpx2.Response) -> Fault | None:
        """Receive the events of a response until the answer is among them; resume the stream if it is cut off."""
        stream, failed = EventStream(), 0
        if await self._read_events(stream, response, message.id):
            return None
        while stream.last_id and failed < RESUME_TIMES:
            before = stream.last_id
            await asyncio.sleep(RESUME_SECONDS if stream.retry_seconds is None else stream.retry_seconds)
            headers = self._headers() | {"accept": "text/event-stream", "last-event-id": stream.last_id}
            with suppress(httpx2.HTTPError):
                async with http_client.exchange(self._client, "GET", self._config.url, headers=headers) as resumed:
                    if resumed.status_code == 200 and await self._read_events(stream, resumed, message.id):
                        return None
            failed = failed + 1 if stream.last_id == before else 0
        return Fault("broke off before it answered")

    async def _read_events(self, stream: EventStream, response: httpx2.Response, request: RequestId | None) -> bool:
        """Pass the messages of a stream on until it ends. Return whether the answer to the request was among them."""
        with suppress(httpx2.HTTPError):
            async for chunk in http_client.chunks(response):
                for event in stream.feed(chunk):
                    if event.kind == "message" and await self._accept(event.data, event.size, request):
                        return True
        return False

    async def _accept(self, raw: bytes, size: int, request: RequestId | None) -> bool:
        """Pass the message of an event on. Return whether it is an answer to the request, if one is given."""
        raw = bounded(raw, size, self._config.key, request)
        if (reply := parsed(raw)) is not None:
            await self._pass_on(reply, len(raw), request)
            return isinstance(reply, JSONRPCResponse | JSONRPCError)
        return await self._pass_on_unreadable(raw, None)

    async def _pass_on(self, reply: JSONRPCMessage, size: int, request: RequestId | None) -> None:
        if request is not None and isinstance(reply, JSONRPCResponse | JSONRPCError):
            reply.id = request
        await self._hand_over(self._deliveries.received(reply, size, request))

    async def _pass_on_unreadable(self, raw: bytes, request: RequestId | None) -> bool:
        reply = self._deliveries.unreadable(raw, request)
        log.warning("%s sent something that cannot be read", self._config.key)
        if reply is not None:
            await self._hand_over(reply)
        return reply is not None

    async def _hand_over(self, message: JSONRPCMessage) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._inbox.send(SessionMessage(message))

    async def _fail(self, request: RequestId, delivery: Delivery | None, fault: Fault) -> None:
        """End a request that has no answer."""
        if delivery is not None:
            delivery.trouble = fault.words
            if not fault.taken:
                delivery.written = False
        if not fault.refused:
            self._fault = fault
        if fault.session_gone or fault.unreachable:
            self._ending_soon = True
            # Ended with the connection, a call that was not sent is made over the next one.
            if fault.session_gone or not self._busy:
                return
        error = ErrorData(code=INVALID_REQUEST if fault.refused else CONNECTION_CLOSED, message=fault.words)
        answer: JSONRPCMessage = JSONRPCError(jsonrpc="2.0", id=request, error=error)
        await self._hand_over(self._deliveries.received(answer, 0) if fault.refused else answer)

    async def _notify(self, body: bytes, headers: dict[str, str]) -> None:
        """Deliver a message that is not answered, if possible."""
        with suppress(httpx2.HTTPError, httpx2.InvalidURL, UnicodeError, TimeoutError):
            async with asyncio.timeout(http_client.WRITE_SECONDS), self._post(body, headers, None):
                pass

    async def _listen(self) -> None:
        """Receive what an older server sends unasked, such as that its tools have changed, if it has a stream for that
        (HTTP 405 otherwise)."""
        if self._initialized is not None:
            await asyncio.wait([self._initialized], timeout=ORDER_SECONDS)
        pause = LISTEN_AGAIN_SECONDS
        while self._session:
            with suppress(httpx2.HTTPError):
                headers = self._headers() | {"accept": "text/event-stream"}
                async with http_client.exchange(self._client, "GET", self._config.url, headers=headers) as response:
                    if 400 <= response.status_code < 500:
                        if response.status_code == 404 and not self._ending_soon:
                            self._fault, self._ending_soon = SESSION_GONE, True
                            self._end_if_idle()
                        return
                    if response.status_code == 200:
                        pause = LISTEN_AGAIN_SECONDS
                        await self._read_events(EventStream(), response, None)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 60.0)

    def _end_if_idle(self) -> None:
        if self._ending_soon and not self._busy:
            self._end()

    def _end(self) -> None:
        """Mark the connection as ended and wake every waiting call (the SDK sees its stream end)."""
        if not self.ended:
            self.ended = True
            self._inbox.close()
            self._on_end()
