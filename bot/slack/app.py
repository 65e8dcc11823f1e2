"""The Slack side put together: one HTTP session, a Bolt app, and a start that checks the tokens."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import SettingsError
from bot.slack.web_client import Client, Problems

log = logging.getLogger(__name__)

T = TypeVar("T")

REQUEST_SECONDS = 30
SCOPES_HEADER, AGENT_SCOPE = "x-oauth-scopes", "assistant:write"


@dataclass(frozen=True, slots=True)
class Identity:
    """The bot's own identity in Slack, from auth.test."""

    team: str
    """The id of the installation: of its workspace, or of the organisation if it is installed in all of it."""
    team_name: str
    bot_user: str
    bot_name: str
    bot_id: str = ""
    """Of the bot that posts as our bot user."""
    enterprise: str = ""
    """The id of the organisation (Enterprise Grid) that the workspace belongs to; empty if it belongs to none."""
    org_wide: bool = False
    """Whether the app is installed in the organisation instead of in one workspace."""
    url: str = ""
    """The address of the workspace, with a slash at the end."""
    agent: bool = False
    """Whether the app is declared an agent, as far as the scopes of its token say."""


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
    problems: Problems
    """What an operator has to fix."""


def clients(api_url: str, bot_token: str, app_token: str) -> Clients:
    """Return the clients. Call this in the running event loop; the caller closes the session."""
    session = aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=REQUEST_SECONDS),
        connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30),
        cookie_jar=aiohttp.DummyCookieJar(),
    )

    problems = Problems()

    def client(*handlers: Any) -> AsyncWebClient:
        return Client(
            problems,
            token=bot_token,
            base_url=api_url,
            session=session,
            timeout=REQUEST_SECONDS,
            retry_handlers=list(handlers),
        )

    after_429 = AsyncRateLimitErrorRetryHandler(max_retry_count=5)
    repeatable = client(after_429, AsyncServerErrorRetryHandler(max_retry_count=2), AsyncConnectionErrorRetryHandler(2))
    return Clients(
        session=session,
        repeatable=repeatable,
        once=client(after_429),
        best_effort=client(),
        app_token=app_token,
        problems=problems,
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
    enterprise, org_wide = str(identity.get("enterprise_id") or ""), identity.get("is_enterprise_install") is True
    team = str(identity.get("team_id") or "")
    who = Identity(
        # auth.test of an organisation's token gives the organisation, no team, or one of its workspaces.
        team=enterprise if enterprise and (org_wide or not team) else team,
        team_name=str(identity.get("team") or identity.get("enterprise_name") or ""),
        bot_user=str(identity["user_id"]),
        bot_name=str(identity.get("user") or ""),
        bot_id=str(identity.get("bot_id") or ""),
        enterprise=enterprise,
        org_wide=org_wide,
        url=str(identity.get("url") or ""),
        agent=is_agent(identity.headers),
    )
    return who, str(opened["url"])


def is_agent(headers: Mapping[str, str]) -> bool:
    """Return whether the app is declared an agent, from the headers of any answer of Slack's. That declaration adds a
    scope to the token (docs.slack.dev/ai/agent-sessions), and Slack names the scopes with each answer."""
    scopes = next((value for name, value in headers.items() if name.lower() == SCOPES_HEADER), "")
    return AGENT_SCOPE in (scope.strip() for scope in scopes.split(","))


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
