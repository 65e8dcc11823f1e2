"""The Socket Mode connection: reconnects when it closes, and passes on only well-formed messages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

import aiohttp
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping
from bot.pace import Pace
from bot.slack.app import REQUEST_SECONDS, Clients, Identity
from bot.slack.connectivity import Connectivity
from bot.slack.delivery.errors import code_of, retry_after
from bot.slack.error_kinds import needs_operator
from bot.slack.intake import payloads
from bot.slack.intake.changes import is_own_update
from bot.slack.intake.payloads import Control, Envelope, Unreadable
from bot.slack.reading.message import Ourselves
from bot.slack.web_client import Problems

log = logging.getLogger(__name__)

PING_SECONDS = 3.0
"""A broken connection is noticed and replaced after one such interval (slack_sdk, monitor_current_session)."""
FIRST_PAUSE = 1.0
MAX_PAUSE = 60.0
"""Seconds between two attempts to connect. The pause doubles each time, with random jitter of up to half of it."""
MAX_RETRY_AFTER = 600.0
"""The longest Retry-After of Slack's that is followed, in seconds."""
STEADY_SECONDS = 10.0
"""A connection that has lasted this long counts as good: when it closes, the next is opened at once."""
LINK_DISABLED = "link_disabled"
MESSAGE_EVENTS = ("message", "app_mention")

_QUIET = logging.getLogger("slack_sdk.socket_mode")
_QUIET.setLevel(logging.ERROR)
"""slack_sdk warns of pings that fail: the connection is then replaced, which is logged here if it does not succeed. At
debug it would write every message down."""

UnderWay = Mapping[tuple[str, str], asyncio.Task[Any]]


class Connection(SocketModeClient):
    """Slack's client with its own way to reconnect: one log line per failed attempt, exponential backoff, and a new URL
    for each attempt, since a URL is valid for one attempt only (apps.connections.open)."""

    def __init__(self, these: Clients, take: Callable[[str], Awaitable[None]], connectivity: Connectivity) -> None:
        """`take` handles one message; it must not raise, and must return soon."""
        super().__init__(these.app_token, _QUIET, these.best_effort, ping_interval=PING_SECONDS)
        self._take = take
        self._connectivity = connectivity
        self._problems: Problems = these.problems
        self._connecting = False
        self._stopping = False
        self._attempts = 0
        """Failed attempts in a row."""
        self._short = 0
        """Connections in a row that closed soon after they were opened."""
        self._opened_at = float("-inf")
        self._pace = Pace()

    async def enqueue_message(self, message: str) -> None:
        """Handle a message. slack_sdk's own queue is not used: it logs a traceback for what it cannot parse."""
        self._connectivity.received()
        await self._take(message)
        await self._pace.checkpoint()  # a burst of messages would be read without a break

    async def send_message(self, message: str) -> None:
        """Send an acknowledgement over the connection that is open now. It is dropped if there is none."""
        used: aiohttp.ClientWebSocketResponse | None = None
        while self.current_session is not None and used is not self.current_session:
            used = self.current_session
            with contextlib.suppress(ConnectionError):
                await used.send_str(message)
                return
        log.info("the connection closed before an event was acknowledged; Slack will deliver it again")

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # as in slack_sdk
        """Replace the connection if it is closed, or in any case with `force`. Returns at once if that is under way
        already."""
        if self._connecting or self._stopping:
            return
        self._connecting = True
        try:
            if force or not await self.is_connected():
                self.wss_uri = None
                self._short = 0 if time.monotonic() - self._opened_at >= STEADY_SECONDS else self._short + 1
                if self._short > 1:
                    await asyncio.sleep(pause(self._short - 1))
                await self._connect()
        finally:
            self._connecting = False

    def begin(self) -> None:
        """Log from now on what an operator has to fix."""
        self._problems.started = True

    async def connect(self) -> None:
        """Open the first connection; returns when it is open."""
        self._connecting = True
        try:
            await self._connect()
        finally:
            self._connecting = False

    async def _connect(self) -> None:
        while not (self.closed or self._stopping):
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._open()
            except Exception as error:  # noqa: BLE001  # whatever it is, connecting is tried again
                if not (self.closed or self._stopping):
                    self._attempts += 1
                    await asyncio.sleep(self._failed(error))
            else:
                if self._attempts:
                    log.info("connected to Slack again, at attempt %d", self._attempts + 1)
                self._attempts = 0
                return

    async def _open(self) -> None:
        self.auto_reconnect_enabled = False
        if self.current_session is not None:
            # Before the next one is opened, since the number of connections is limited (too_many_websockets).
            with contextlib.suppress(Exception):
                await self.current_session.close()
        await self._connectivity.opening()
        address, self.wss_uri = self.wss_uri or await self.issue_new_wss_url(), None
        session = await self.aiohttp_client_session.ws_connect(
            address,
            autoping=False,
            heartbeat=self.ping_interval,
            proxy=self.proxy,
            ssl=self.web_client.ssl if self.web_client.ssl is not None else True,
        )
        self.current_session, self.stale, self.last_ping_pong_time = session, False, None
        self.auto_reconnect_enabled = self.default_auto_reconnect_enabled
        self._opened_at = time.monotonic()
        self._connectivity.opened(lambda: self.last_ping_pong_time or 0.0)
        asyncio.get_running_loop().call_later(STEADY_SECONDS, self._steady, session)
        with contextlib.suppress(ConnectionError):  # noticed by the monitor
            await session.ping(f"sdk-ping-pong:{time.time()}".encode())
        for task in (self.current_session_monitor, self.message_receiver):
            if task is not None:
                task.cancel()
        self.current_session_monitor = asyncio.ensure_future(self.monitor_current_session())
        self.message_receiver = asyncio.ensure_future(self.receive_messages())

    async def issue_new_wss_url(self) -> str:
        """Return a URL for one connection. Raises SLACK_ERRORS and LookupError; slack_sdk's own method also logs
        them."""
        response = await self.web_client.apps_connections_open(app_token=self.app_token)
        address: Any = response.get("url")
        if not isinstance(address, str):
            raise LookupError("no address in the answer")
        return address

    def _failed(self, error: Exception) -> float:
        """Log a failed attempt. Returns the seconds until the next."""
        seconds = max(pause(self._attempts), min(retry_after(error), MAX_RETRY_AFTER))
        if needs_operator(code_of(error)):  # reported by the client, once
            log.debug("no connection to Slack (%s); next attempt in %.1f s", code_of(error), seconds)
        else:
            log.warning("no connection to Slack (%s); next attempt in %.1f s", why(error), seconds)
        return seconds

    def _steady(self, session: aiohttp.ClientWebSocketResponse) -> None:
        if session is self.current_session and not session.closed:
            self._problems.connected()

    def received(self) -> None:
        """Note that a message has arrived: the connection works, however soon it closes."""
        self._short = 0

    def disabled(self) -> None:
        """Report that Slack closes the connection because Socket Mode was switched off."""
        self._problems.failed(LINK_DISABLED, "apps.connections.open")

    def stop(self) -> None:
        """Open no more connections."""
        self._stopping, self.auto_reconnect_enabled = True, False


class Socket:
    """Receives Slack's messages, and passes events, interactions and commands to Bolt."""

    def __init__(
        self,
        app: AsyncApp,
        these: Clients,
        under_way: UnderWay,
        identity: Identity,
        connectivity: Connectivity | None = None,
        *,
        own: Callable[[JsonObject], bool] = lambda _: True,
        ourselves: Ourselves | None = None,
    ) -> None:
        """`under_way` holds the commits of messages that are being recorded, by channel and ts. `identity` names the
        installation for which events are read. `own` handles an event about a message of our own app, and returns
        whether that is all there is to do. `ourselves` learns the id of our app."""
        self._ourselves = ourselves or Ourselves(identity.bot_user, identity.bot_id)
        self._app = app
        self._under_way = under_way
        self._own = own
        self._identity = identity
        self._session = these.session
        self._tasks: set[asyncio.Task[None]] = set()
        self.client = Connection(these, self._take, connectivity or Connectivity())

    async def open(self, url: str) -> None:
        """Open the first connection, with a URL from apps.connections.open; returns when it is open."""
        await self.client.aiohttp_client_session.close()
        self.client.aiohttp_client_session = self._session
        self.client.wss_uri = url
        self.client.begin()
        await self.client.connect()

    async def close(self) -> None:
        """Stop receiving, and close the shared HTTP session. Call it last."""
        self.client.stop()
        await self.client.close()

    async def stop_intake(self) -> None:
        """Close the connection, so that Slack delivers nothing more. Events that are being handled may be delivered
        again, to the next process."""
        self.client.stop()
        await self.client.disconnect()

    async def _take(self, message: str) -> None:
        match payloads.read(message):
            case Control("disconnect", reason):
                log.info("Slack is about to close the connection (%s)", reason)
                if reason == LINK_DISABLED:
                    self.client.disabled()
                self._background(self.client.connect_to_new_endpoint(force=True))
            case Control(app=app):
                self._ourselves.app = app or self._ourselves.app
            case Unreadable(number, kind, problem):
                # A redelivery would be malformed too, and Slack disables apps that leave too much unacknowledged.
                log.warning("ignored a message from Slack (%s, envelope %s): %s", kind, number or "?", problem)
                if number:
                    await self._acknowledge(number)
            case Envelope() as envelope:
                if envelope.left_out:
                    left, shown = ", ".join(envelope.left_out), (envelope.kind, envelope.id)
                    log.warning(
                        "in a message from Slack (%s, envelope %s), %s is malformed and was ignored", *shown, left
                    )
                self.client.received()
                if not _ours(envelope.payload, self._identity):
                    log.info("ignored an event (%s) of another installation of the app", envelope.kind)
                    await self._acknowledge(envelope.id)
                elif (
                    envelope.kind in MESSAGE_EVENTS
                    and is_own_update(envelope.payload, self._ourselves)
                    and self._own(envelope.payload)
                ):
                    # Each of our own posts and updates comes back as an event.
                    await self._acknowledge(envelope.id)
                else:
                    self._background(self._handle(envelope))

    async def _handle(self, envelope: Envelope) -> None:
        try:
            event = mapping(envelope.payload.get("event"))
            commit = self._under_way.get((str(event.get("channel")), str(event.get("ts"))))
            if commit is not None and envelope.kind in MESSAGE_EVENTS:
                # A mention arrives as two events at once: the second is acknowledged without Bolt, but not before the
                # commit of the first, and not at all if that fails.
                done, _ = await asyncio.wait({commit}, timeout=REQUEST_SECONDS)
                if not done:
                    raise TimeoutError
                commit.result()
                await self._acknowledge(envelope.id)
                return
            request = SocketModeRequest(envelope.type, envelope.id, envelope.payload)
            response = await run_async_bolt_app(self._app, request)
            await send_async_response(self.client, request, response, time.time())
        except Exception as error:  # noqa: BLE001  # without an acknowledgement Slack delivers an event again
            log.warning(
                "handling a message from Slack (%s, envelope %s) failed: %s", envelope.kind, envelope.id, code_of(error)
            )

    async def _acknowledge(self, envelope_id: str) -> None:
        await self.client.send_socket_mode_response(SocketModeResponse(envelope_id=envelope_id))

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ours(payload: JsonObject, identity: Identity) -> bool:
    """Return whether an event belongs to our installation, and set its team to ours. Interactions always belong to it.

    For a channel that several organisations share, the event names any one of the installations that can see it
    (docs.slack.dev/apis/events-api, authorizations). In other channels, an event of other installations is about a
    place where our token cannot act.
    """
    if "event" not in payload:
        return True
    given = items(payload.pop("authorizations", None))
    known = {each.get(name) for each in given for name in ("team_id", "enterprise_id")} - {None, ""}
    shared = payload.get("is_ext_shared_channel") is True
    if known and not known & {identity.team, identity.enterprise} and not shared:
        return False
    payload["team_id"] = identity.team
    return True


def pause(failures: int) -> float:
    """Return the seconds to wait after this many failures in a row (at least one)."""
    longest = min(MAX_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  # spreads attempts, protects nothing


def why(error: BaseException) -> str:
    """Return why a connection could not be opened, without its URL, which is a credential while it is valid."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host} cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = error.certificate_error
        return f"TLS: {reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else reason}"
    if isinstance(error, aiohttp.ClientConnectorSSLError):
        return f"TLS: {getattr(error.os_error, 'reason', '') or 'the handshake failed'}"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return os.strerror(error.os_error.errno)
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status}"
    return str(error) if isinstance(error, LookupError) else code_of(error)
