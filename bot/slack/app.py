"""Builds the Slack side: Web API clients over one HTTP session, a Bolt app, the Socket Mode connection, and a check of
the tokens."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.untrusted import MAX_VALUES, count_values, mapping, parsed, text
from bot.errors import SettingsError

log = logging.getLogger(__name__)

T = TypeVar("T")

REQUEST_SECONDS = 30
PING_SECONDS = 3.0
"""Seconds between pings. A broken connection is detected and reopened after one interval (slack_sdk,
monitor_current_session)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot's own identity in Slack, from auth.test."""

    team: str
    team_name: str
    bot_user: str
    bot_name: str
    bot_id: str = ""
    """Of the bot that posts as our bot user."""


@dataclass(frozen=True, slots=True)
class Clients:
    """Web API clients over one shared session; they differ in what they retry."""

    session: aiohttp.ClientSession
    repeatable: AsyncWebClient
    """For calls that are safe to repeat: retries after 429, 5xx and broken connections."""
    once: AsyncWebClient
    """For calls that must not be repeated: retries only after 429, which means that nothing was done."""
    best_effort: AsyncWebClient
    """For updates that are soon out of date: never retries."""
    app_token: str


def clients(api_url: str, bot_token: str, app_token: str) -> Clients:
    """Return the clients. Call this in the running event loop; the caller closes the session."""
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30),
        cookie_jar=aiohttp.DummyCookieJar(),
    )

    def client(*handlers: Any) -> AsyncWebClient:
        return AsyncWebClient(
            token=bot_token, base_url=api_url, session=session, timeout=REQUEST_SECONDS, retry_handlers=list(handlers)
        )

    patient = AsyncRateLimitErrorRetryHandler(max_retry_count=5)
    repeatable = client(patient, AsyncServerErrorRetryHandler(max_retry_count=2), AsyncConnectionErrorRetryHandler(2))
    return Clients(
        session=session, repeatable=repeatable, once=client(patient), best_effort=client(), app_token=app_token
    )


async def preflight(web: Clients, seconds: float = REQUEST_SECONDS) -> tuple[Identity, str]:
    """Check both tokens, so that a wrong one ends the startup instead of being retried endlessly.

    In: the time limit in seconds. Out: the bot's identity, and the URL of a WebSocket, which can be opened once. Raises
    SettingsError.
    """
    identity, opened = await asyncio.gather(
        _checked("SLACK_BOT_TOKEN", "the bot token (xoxb-…) of the installed app", web.repeatable.auth_test(), seconds),
        _checked(
            "SLACK_APP_TOKEN",
            "an app-level token (xapp-…) with the scope connections:write",
            web.repeatable.apps_connections_open(app_token=web.app_token),
            seconds,
        ),
    )
    who = Identity(
        team=str(identity["team_id"]),
        team_name=str(identity.get("team") or ""),
        bot_user=str(identity["user_id"]),
        bot_name=str(identity.get("user") or ""),
        bot_id=str(identity.get("bot_id") or ""),
    )
    return who, str(opened["url"])


async def _checked(setting: str, needed: str, call: Coroutine[Any, Any, T], seconds: float) -> T:
    try:
        return await asyncio.wait_for(call, seconds)
    except SlackApiError as error:
        data = error.response.data
        code = data.get("error") if isinstance(data, dict) else f"HTTP {error.response.status_code}"
        raise SettingsError(setting, f"Slack does not accept it ({code}). It must be {needed}.") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        problem = f"Slack could not be reached there ({type(error).__name__}). Check the address and the network."
        raise SettingsError("SLACK_API_URL", problem) from error


def bolt(web: Clients, register: Callable[[AsyncApp], None]) -> AsyncApp:
    """Return the Bolt app with the bot's listeners. It acknowledges an event only after its listener has returned, so
    everything that Slack has an ack for is on the disk."""
    # If the first two are set, Bolt switches to OAuth and drops the token; about the third it warns that it is unused.
    for name in ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_BOT_TOKEN"):
        os.environ.pop(name, None)
    app = AsyncApp(
        name="slack-mcp-agent",  # otherwise Bolt derives one from the call stack, reading the source of every module
        client=web.repeatable,
        # Bolt's own loggers use the root's level and log every message at debug; this one does not.
        logger=logging.getLogger("slack_bolt"),
        process_before_response=True,
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        ignoring_self_events_enabled=False,  # done by the socket and by `incoming`
    )
    register(app)
    return app


async def warm(app: AsyncApp, seconds: float) -> None:
    """Make Bolt's own auth.test now: otherwise each event that arrives before the first auth.test has returned makes
    another one before its ack. In: the time limit in seconds. Raises SettingsError if Slack refuses or does not
    answer."""
    probe = AsyncBoltRequest(mode="socket_mode", body={"type": "event_callback", "event": {"type": "warm_up"}})
    response = await _checked("SLACK_BOT_TOKEN", "the bot token", app.async_dispatch(probe), seconds)
    if response.status != 200:
        raise SettingsError(
            "SLACK_BOT_TOKEN", "Slack does not accept it. It must be the bot token of the installed app."
        )


class _Session:
    """The shared session for Slack's socket client. It discards a URL that did not open: each is valid for one attempt
    (apps.connections.open), and slack_sdk would retry the same one endlessly."""

    def __init__(self, session: aiohttp.ClientSession, forget: Callable[[], None]) -> None:
        self._session = session
        self._forget = forget

    @property
    def closed(self) -> bool:
        return self._session.closed

    async def ws_connect(self, *arguments: Any, **options: Any) -> aiohttp.ClientWebSocketResponse:
        try:
            return await self._session.ws_connect(*arguments, **options)
        except Exception:
            self._forget()
            raise

    async def close(self) -> None:
        await self._session.close()


def _own_post(message: str, bot_id: str) -> str:
    """The envelope of an event that says what we have posted, which starts nothing; empty for anything else. Each of
    our posts comes back as one: its ack needs no queue, no task and no Bolt."""
    envelope = mapping(parsed(message)) if bot_id and f'"{bot_id}"' in message else {}
    event = mapping(mapping(envelope.get("payload")).get("event"))
    posted = event.get("type") in ("message", "app_mention") and event.get("bot_id") == bot_id
    return text(envelope.get("envelope_id")) if posted and envelope.get("type") == "events_api" else ""


class _Handler(AsyncSocketModeHandler):
    """Bolt's handler, except that the second of the two events of a mention is acknowledged without Bolt: once the
    commit of the first has succeeded. If that fails, the second is not acknowledged either."""

    under_way: Mapping[tuple[str, str], Awaitable[object]]

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:
        event = req.payload.get("event") if req.type == "events_api" else None
        if isinstance(event, dict) and event.get("type") in ("message", "app_mention"):
            commit = self.under_way.get((str(event.get("channel")), str(event.get("ts"))))
            if commit is not None:
                await asyncio.wait_for(asyncio.shield(commit), REQUEST_SECONDS)
                await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))
                return
        await super().handle(client, req)


class Socket:
    """The Socket Mode connection, which reconnects by itself."""

    def __init__(
        self, app: AsyncApp, these: Clients, under_way: Mapping[tuple[str, str], Awaitable[object]], bot_id: str = ""
    ) -> None:
        """`under_way` holds the commits of messages that are being recorded, by channel and ts; `bot_id` is our bot's,
        whose posts are acknowledged without being looked at."""
        self._handler = _Handler(app, these.app_token, ping_interval=PING_SECONDS)
        self._handler.under_way = under_way
        self._session = web.session
        client: Any = self._handler.client
        enqueue: Callable[[str], Awaitable[None]] = client.enqueue_message

        async def enqueue_readable(message: str) -> None:
            # Messages are parsed on the event loop, and no genuine one has that many values.
            if count_values(message.encode("utf-8", "replace")) > MAX_VALUES:
                log.warning("ignoring a message of %d characters from Slack: it has too many values", len(message))
                return
            if envelope := _own_post(message, bot_id):
                await client.send_socket_mode_response(SocketModeResponse(envelope_id=envelope))
                return
            await enqueue(message)

        client.enqueue_message = enqueue_readable
        send: Callable[[str], Awaitable[None]] = client.send_message

        async def send_if_open(message: str) -> None:
            try:
                await send(message)
            except ConnectionError:
                log.info("the connection closed before an event was acknowledged; Slack will deliver it again")

        client.send_message = send_if_open

    async def open(self, url: str) -> None:
        """Open the first connection, with a URL from apps.connections.open. Returns once it is established."""
        client = self._handler.client
        await client.aiohttp_client_session.close()
        shared: Any = _Session(self._session, lambda: setattr(client, "wss_uri", None))
        client.aiohttp_client_session = shared
        client.wss_uri = url
        await client.connect()

    async def close(self) -> None:
        """Close the connection. This closes the shared session too, so close it last."""
        await self._handler.close_async()

    async def stop_intake(self) -> None:
        """Stop receiving events. Events that are still being handled may be redelivered."""
        self._handler.client.auto_reconnect_enabled = False
        await self._handler.client.disconnect()
