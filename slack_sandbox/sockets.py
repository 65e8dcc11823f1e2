"""Socket Mode: tickets, connections, envelopes, redelivery.

Source: docs.slack.dev/apis/events-api/using-socket-mode. Each envelope goes to one of the open connections (up to 10).
An event that is not acknowledged within `ack_timeout` is sent again, three times at most, with `retry_attempt` and
`retry_reason`; one whose connection closed goes to another connection at once. Nothing is kept for later: what happens
while no connection is open is never delivered, and a retry that finds none is used up. Interactions are never retried
after the timeout: the person sees an error instead, at once when no connection is open. Slack does not document what
happens to one whose connection closes within its three seconds; here it goes to another open connection, as a worst
case for the app.

A `disconnect` frame is followed by the end of its connection: at once, except for `warning`, which comes about ten
seconds ahead. Until then a warned connection still takes envelopes when there is no other.
"""

import asyncio
import contextlib
import json
import secrets
import time
import uuid
from collections.abc import Callable
from functools import partial

from aiohttp import WSMsgType, web

from slack_sandbox.clock import Clock, Timer
from slack_sandbox.journal import Envelope, Json

MAX_CONNECTIONS = 10
MAX_RETRIES = 3
CLOSE_TIMEOUT = 1.0
WARNING_SECONDS = 10.0
"""Between a `warning` and the end of the connection."""


class Connection:
    """One WebSocket of the app: `draining` once it has been warned, `closing` once it takes nothing more."""

    def __init__(self, number: int, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self.number = number
        self.request = request
        self.socket = socket
        self.outbox: asyncio.Queue[str] = asyncio.Queue()
        self.unacked: dict[str, Envelope] = {}
        self.draining = False
        self.closing = False
        self.end: Timer | None = None

    def push(self, frame: Json) -> None:
        """Queue a frame; the connection's writer sends it."""
        self.outbox.put_nowait(json.dumps(frame))

    def cut(self) -> None:
        """Abort the TCP connection."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def write(self) -> None:
        """Send queued frames until the socket closes, or until `close` has been called and all are sent."""
        with contextlib.suppress(ConnectionResetError):
            while frame := await self.outbox.get():
                await self.socket.send_str(frame)
            await self.socket.close(code=1000)

    def close(self) -> None:
        """Close the connection after the frames that are queued."""
        self.closing = self.draining = True
        self.outbox.put_nowait("")


class SocketHub:
    """All Socket Mode connections of the app and the envelopes under way."""

    def __init__(self, app_id: str, ack_timeout: float, clock: Clock, changed: Callable[[], None]) -> None:
        self.app_id = app_id
        self.ack_timeout = ack_timeout
        self.link_disabled = False
        self.offline = False
        """Whether Slack cannot be reached: no connection can be opened."""
        self.back: asyncio.Event | None = None
        """While offline: what apps.connections.open waits for. Without one it breaks off."""
        self.acks_to_lose = 0
        """How many acknowledgements get lost on their way from now on."""
        self.twice = False
        """Whether each new event is sent once more at once, as a retry that was not needed."""
        self.connections: list[Connection] = []
        self.envelopes: list[Envelope] = []
        self._clock = clock
        self._changed = changed
        self._under_way: dict[str, Envelope] = {}
        self._tickets: set[str] = set()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._closings: set[asyncio.Future[bool]] = set()
        self._opened = 0
        self._next = 0
        self._closed = False

    @property
    def ready(self) -> list[Connection]:
        """The connections that take envelopes."""
        return [connection for connection in self.connections if not connection.draining]

    def spoil_tickets(self) -> None:
        """Make every address that was handed out and not used yet one that does not open."""
        self._tickets.clear()

    def ticket(self) -> str:
        """A ticket for one connection, handed out by apps.connections.open."""
        ticket = secrets.token_hex(16)
        self._tickets.add(ticket)
        return ticket

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Handle one WebSocket connection from its handshake to its end."""
        if self.offline:
            return web.Response(status=503, text="unavailable")
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=30.0, compress=False, timeout=CLOSE_TIMEOUT)
        await socket.prepare(request)
        await self.converse(request, socket)
        return socket

    async def converse(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        """Serve an accepted connection until it ends."""
        if self.offline:
            await socket.close(code=1001)
            return
        self._opened += 1
        connection = Connection(self._opened, request, socket)
        self.connections.append(connection)
        connection.push(self._hello())
        if len(self.connections) > MAX_CONNECTIONS:
            self._ask_to_leave(connection, "too_many_websockets")
        writer = asyncio.create_task(connection.write())
        self._changed()
        try:
            with contextlib.suppress(ConnectionResetError):  # by a pong to a connection that was dropped meanwhile
                async for message in socket:
                    if message.type is WSMsgType.TEXT:
                        self._receive(connection, message.data)
        finally:
            writer.cancel()
            self._lost(connection)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "debug_info": {"host": "applink-sandbox", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self.app_id},
        }

    def send(self, envelope: Envelope) -> None:
        """Hand an envelope to one connection; it is lost when none is open."""
        self._send(envelope)
        if self.twice and envelope.type == "events_api" and envelope.first_retry_attempt == 0:
            again = Envelope(str(uuid.uuid4()), envelope.type, envelope.payload)
            again.first_retry_attempt, again.retry_reason = 1, "timeout"
            self._send(again)
        self._changed()

    def _send(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)
        self._under_way[envelope.envelope_id] = envelope
        if envelope.type != "events_api":
            self._start_timer(envelope)
        self._dispatch(envelope)

    def _dispatch(self, envelope: Envelope) -> None:
        open_ones = self.ready or [connection for connection in self.connections if not connection.closing]
        if not open_ones:
            self._undeliverable(envelope)
            return
        self._next += 1
        connection = open_ones[self._next % len(open_ones)]
        envelope.connection = connection.number
        envelope.sent_at = time.monotonic()
        envelope.attempts += 1
        connection.unacked[envelope.envelope_id] = envelope
        frame: Json = {
            "envelope_id": envelope.envelope_id,
            "payload": envelope.payload,
            "type": envelope.type,
            "accepts_response_payload": envelope.accepts_response_payload,
        }
        if envelope.type == "events_api":
            frame["retry_attempt"] = envelope.first_retry_attempt + envelope.retries
            frame["retry_reason"] = envelope.retry_reason
            self._start_timer(envelope)
        connection.push(frame)

    def _undeliverable(self, envelope: Envelope) -> None:
        """No connection is open. An event that has been sent before has retries left; anything else is lost."""
        if envelope.type == "events_api" and envelope.attempts:
            self._start_timer(envelope)
        else:
            self._give_up(envelope)

    def _give_up(self, envelope: Envelope) -> None:
        self._stop_timer(envelope)
        envelope.given_up = True
        self._settle(envelope)

    def _start_timer(self, envelope: Envelope) -> None:
        self._stop_timer(envelope)
        loop = asyncio.get_running_loop()
        self._timers[envelope.envelope_id] = loop.call_later(self.ack_timeout, self._timed_out, envelope)

    def _stop_timer(self, envelope: Envelope) -> None:
        timer = self._timers.pop(envelope.envelope_id, None)
        if timer is not None:
            timer.cancel()

    def _timed_out(self, envelope: Envelope) -> None:
        self._stop_timer(envelope)
        for connection in self.connections:
            connection.unacked.pop(envelope.envelope_id, None)
        if envelope.type == "events_api" and envelope.retries < MAX_RETRIES:
            envelope.retries += 1
            envelope.retry_reason = "timeout"
            self._dispatch(envelope)
        else:
            self._give_up(envelope)
        self._changed()

    def _receive(self, connection: Connection, data: str) -> None:
        if self.acks_to_lose:
            self.acks_to_lose -= 1
            self._changed()
            return
        frame = json.loads(data)
        envelope_id = str(frame.get("envelope_id", ""))
        connection.unacked.pop(envelope_id, None)
        envelope = self._under_way.pop(envelope_id, None)
        if envelope is None:
            return
        for other in self.connections:
            other.unacked.pop(envelope_id, None)
        self._stop_timer(envelope)
        envelope.acked_at = time.monotonic()
        envelope.ack_payload = frame.get("payload") or {}
        self._settle(envelope)
        self._changed()

    def _settle(self, envelope: Envelope) -> None:
        if envelope.on_settled is not None:
            envelope.on_settled()

    def _lost(self, connection: Connection) -> None:
        self.connections.remove(connection)
        connection.draining = connection.closing = True
        if connection.end is not None:
            connection.end.cancel()
        orphans = list(connection.unacked.values())
        connection.unacked.clear()
        for envelope in orphans:
            if envelope.type == "events_api":
                self._stop_timer(envelope)
                envelope.retries += 1
                if envelope.retries > MAX_RETRIES:
                    self._give_up(envelope)
                    continue
            envelope.retry_reason = "connection_failed"
            if not self._closed:
                self._dispatch(envelope)
        self._changed()

    def disconnect(self, reason: str) -> None:
        """Send a `disconnect` frame to every connection, and close it: after ten seconds for `warning`, else at once.

        With `link_disabled` no new connection can be opened.
        """
        if reason == "link_disabled":
            self.link_disabled = True
        for connection in list(self.connections):
            self._ask_to_leave(connection, reason)

    def _ask_to_leave(self, connection: Connection, reason: str) -> None:
        if connection.closing:
            return
        connection.push({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}})
        connection.draining = True
        if reason == "warning":
            refresh = partial(self._ask_to_leave, connection, "refresh_requested")
            connection.end = self._clock.call_later(WARNING_SECONDS, refresh)
            return
        connection.close()
        # A client that does not answer the close frame loses the TCP connection.
        connection.end = self._clock.call_later(CLOSE_TIMEOUT, connection.cut)

    def come_back(self) -> None:
        """Let connections be opened again."""
        self.offline = False
        if self.back is not None:
            self.back.set()
            self.back = None

    def drop(self, *, abort: bool) -> None:
        """Close every connection: by aborting the TCP connection, or with a proper close frame."""
        for connection in self.connections:
            connection.draining = connection.closing = True
        if abort:
            for connection in list(self.connections):
                connection.cut()
            return
        for connection in self.connections:
            closing = asyncio.ensure_future(connection.socket.close(code=1001, message=b"going away"))
            self._closings.add(closing)
            closing.add_done_callback(self._closings.discard)

    async def close(self) -> None:
        """Stop timers and close every connection."""
        self._closed = True
        self.come_back()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for connection in self.connections:
            if connection.end is not None:
                connection.end.cancel()
        self.drop(abort=False)
        if self._closings:
            await asyncio.wait(self._closings)
