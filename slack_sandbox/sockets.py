"""Socket Mode: tickets, connections, envelopes, redelivery.

Source: docs.slack.dev/apis/events-api/using-socket-mode. Each envelope goes to one of the open connections (up to
10). An event that is not acknowledged within `ack_timeout` is sent again, three times at most, with `retry_attempt`
and `retry_reason`; one whose connection closed goes to another connection at once. While no connection is open,
events wait. Interactions are never retried after the timeout: the person sees an error instead. Slack does not
document what happens to one whose connection closes within its three seconds; here it goes to another connection, as
a worst case for the app.
"""

import asyncio
import contextlib
import json
import secrets
import time
import uuid
from collections import deque
from collections.abc import Callable

from aiohttp import WSMsgType, web

from slack_sandbox.journal import Envelope, Json

MAX_CONNECTIONS = 10
MAX_RETRIES = 3
CLOSE_TIMEOUT = 1.0
DISCONNECT_GRACE = 10.0


class Connection:
    """One WebSocket of the app; `draining` once Slack has asked it to go."""

    def __init__(self, number: int, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        self.number = number
        self.request = request
        self.socket = socket
        self.outbox: asyncio.Queue[str] = asyncio.Queue()
        self.unacked: dict[str, Envelope] = {}
        self.draining = False

    def push(self, frame: Json) -> None:
        """Queue a frame; the connection's writer sends it."""
        self.outbox.put_nowait(json.dumps(frame))

    def cut(self) -> None:
        """Abort the TCP connection."""
        if self.request.transport is not None:
            self.request.transport.abort()

    async def write(self) -> None:
        """Send queued frames until the socket closes."""
        with contextlib.suppress(ConnectionResetError):
            while True:
                await self.socket.send_str(await self.outbox.get())


class SocketHub:
    """All Socket Mode connections of the app and the envelopes under way."""

    def __init__(self, app_id: str, ack_timeout: float, changed: Callable[[], None]) -> None:
        self.app_id = app_id
        self.ack_timeout = ack_timeout
        self.link_disabled = False
        self.acks_to_lose = 0
        """How many acknowledgements get lost on their way from now on."""
        self.twice = False
        """Whether each new event is sent once more at once, as a retry that was not needed."""
        self.connections: list[Connection] = []
        self.envelopes: list[Envelope] = []
        self._changed = changed
        self._waiting: deque[Envelope] = deque()
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
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401, text="invalid ticket")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse(heartbeat=30.0, compress=False, timeout=CLOSE_TIMEOUT)
        await socket.prepare(request)
        await self.converse(request, socket)
        return socket

    async def converse(self, request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
        """Speak over a connection that stands until it ends."""
        self._opened += 1
        connection = Connection(self._opened, request, socket)
        self.connections.append(connection)
        connection.push(self._hello())
        if len(self.connections) > MAX_CONNECTIONS:
            self._ask_to_leave(connection, "too_many_websockets")
        writer = asyncio.create_task(connection.write())
        self._send_waiting()
        self._changed()
        try:
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
        """Hand an envelope to one connection, or keep it until one opens."""
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
        ready = self.ready
        if not ready:
            if envelope.type == "events_api" and envelope.attempts == 0:
                # What Slack could not deliver it delivers as a retry: an app that drops retries never sees it
                # (vercel/chat issue 666).
                envelope.first_retry_attempt += 1
                envelope.retry_reason = "timeout"
            self._waiting.append(envelope)
            return
        self._next += 1
        connection = ready[self._next % len(ready)]
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
            frame["retry_attempt"] = envelope.first_retry_attempt + envelope.attempts - 1
            frame["retry_reason"] = envelope.retry_reason
            self._start_timer(envelope)
        connection.push(frame)

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
            with contextlib.suppress(ValueError):
                self._waiting.remove(envelope)
            envelope.given_up = True
            self._settle(envelope)
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
        grace = self._timers.pop(f"connection {connection.number}", None)
        if grace is not None:
            grace.cancel()
        orphans = list(connection.unacked.values())
        connection.unacked.clear()
        for envelope in orphans:
            if envelope.type == "events_api":
                self._stop_timer(envelope)
            envelope.retry_reason = "connection_failed"
            if not self._closed:
                self._dispatch(envelope)
        self._changed()

    def _send_waiting(self) -> None:
        while self._waiting and self.ready:
            self._dispatch(self._waiting.popleft())

    def disconnect(self, reason: str) -> None:
        """Send a `disconnect` frame to every connection; they take no more envelopes and end within ten seconds.

        With `link_disabled` no new connection can be opened.
        """
        if reason == "link_disabled":
            self.link_disabled = True
        for connection in self.connections:
            self._ask_to_leave(connection, reason)

    def _ask_to_leave(self, connection: Connection, reason: str) -> None:
        connection.draining = True
        connection.push({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}})
        loop = asyncio.get_running_loop()
        self._timers[f"connection {connection.number}"] = loop.call_later(DISCONNECT_GRACE, connection.cut)

    def drop(self, *, abort: bool) -> None:
        """Close every connection: by aborting the TCP connection, or with a proper close frame."""
        for connection in self.connections:
            connection.draining = True
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
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()
        self.drop(abort=False)
        if self._closings:
            await asyncio.wait(self._closings)
