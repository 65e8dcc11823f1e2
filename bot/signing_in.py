"""Puts together what signs people, and the bot itself, in to tool servers."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.agent.sign_in_requests import SignInRequests
from bot.config.settings import Settings
from bot.core.identity import Identity, OAuthSettings, RemoteServer
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Store
from bot.late_accounts import LateAccounts
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import HttpServer, ServerConfig

if TYPE_CHECKING:
    from bot.identity.callback import CallbackServer
    from bot.identity.http_client import HttpClient
    from bot.identity.sign_ins import SignIns
    from bot.identity.user_tokens import UserTokens

LOOPBACK = "http://127.0.0.1:8722"
"""Where browsers are sent without a public address: nothing listens there, and the person copies the address."""


def with_accounts(servers: Sequence[ServerConfig]) -> Sequence[ServerConfig]:
    """Return the servers, with what signs the bot in to those that it uses with an account of its own."""
    return [_with_account(each) for each in servers]


def _with_account(server: ServerConfig) -> ServerConfig:
    if not isinstance(server, HttpServer) or server.oauth is None or server.account is Identity.PERSON:
        return server
    from bot.identity.http_client import HttpClient  # noqa: PLC0415
    from bot.identity.service_account import ServiceAccount  # noqa: PLC0415 - takes a tenth of a second

    return replace(server, authorization=ServiceAccount(_remote(server), HttpClient()))


def _remote(server: HttpServer) -> RemoteServer:
    return RemoteServer(server.key, server.url, server.oauth or OAuthSettings())


@dataclass(frozen=True, slots=True)
class Parts:
    """What a bot has with servers to which people sign in."""

    people: UserTokens
    sign_ins: SignIns
    web: HttpClient
    callback: CallbackServer | None

    async def start(self) -> None:
        """Begin to take in what browsers bring back."""
        if self.callback is not None:
            await self.callback.start()

    async def aclose(self) -> None:
        """Stop that, and close the connections to sign-in services."""
        if self.callback is not None:
            await self.callback.aclose()
        await self.sign_ins.aclose()
        await self.web.aclose()


class SigningIn:
    """Signs people in, as soon as there is a server that needs it."""

    def __init__(self, settings: Settings, store: Store, tools: McpToolset, wake: Callable[[int], None]) -> None:
        """In: what schedules a thread and the update of its posts. Call `load` before. Raises SettingsError if there is
        no key to keep sign-ins with."""
        self._settings, self._store, self._tools, self._wake = settings, store, tools, wake
        self.accounts = LateAccounts()
        tools.use(self.accounts)
        self._parts: Parts | None = None
        if wanted := _of_people(tools.signing_in):
            self._use(self._make(settings, wanted))

    async def start(self) -> None:
        """Begin to take in what browsers bring back."""
        if self._parts is not None:
            await self._parts.start()

    async def resume(self) -> None:
        """Go on with sign-ins that were cut off."""
        if self._parts is not None:
            await self._parts.sign_ins.resume()

    async def serve(self, settings: Settings, servers: Sequence[ServerConfig]) -> None:
        """Have people sign in to these servers, which are used next. Raises SettingsError if there is no key for that,
        or no address on which to take in what browsers bring back; then everything is as before."""
        wanted = _of_people(servers)
        if self._parts is not None:
            self._parts.people.serve(wanted)
        elif wanted:
            await _import()
            parts = self._make(settings, wanted)
            try:
                await parts.start()
            except BaseException:
                await parts.aclose()
                raise
            self._use(parts)
            await self.resume()

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._parts is not None:
            await self._parts.aclose()

    def _use(self, parts: Parts) -> None:
        from bot.identity.accounts import Accounts  # noqa: PLC0415 - see `_make`

        self._parts = parts
        self.accounts.accounts = Accounts(parts.people, parts.sign_ins)

    def _make(self, settings: Settings, servers: Sequence[RemoteServer]) -> Parts:
        """Make the parts for servers to which people sign in."""
        from bot.identity.callback import CallbackServer  # noqa: PLC0415 - only such bots need the time for it
        from bot.identity.http_client import HttpClient  # noqa: PLC0415
        from bot.identity.sign_ins import SignIns  # noqa: PLC0415
        from bot.identity.user_tokens import UserTokens  # noqa: PLC0415
        from bot.identity.vault import vault_of  # noqa: PLC0415

        vault, web = vault_of(settings.variables), HttpClient()
        people = UserTokens(servers, self._store, vault, web)
        people.ended = self._tools.signed_out
        public = self._settings.public_url
        redirect = f"{public or LOOPBACK}/oauth/callback"
        sign_ins = SignIns(people, self._store, vault, web, redirect=redirect, public=public, wake=self._wake)
        listen, secure = self._settings.callback_listen, public.startswith("https:")
        callback = CallbackServer(sign_ins, vault, listen, secure=secure) if public else None
        return Parts(people, sign_ins, web, callback)


def _of_people(servers: Sequence[ServerConfig]) -> Sequence[RemoteServer]:
    """Return the servers to which people sign in."""
    return [_remote(each) for each in servers if isinstance(each, HttpServer) and each.account is Identity.PERSON]


async def load(tools: McpToolset) -> None:
    """Import what signing people in needs, outside the event loop."""
    if _of_people(tools.signing_in):
        await _import()


async def _import() -> None:
    for name in ("accounts", "callback", "sign_ins", "vault"):
        await asyncio.to_thread(importlib.import_module, f"bot.identity.{name}")


def requests(settings: Settings, store: Store, gateway: ChatGateway, parts: SigningIn) -> SignInRequests:
    """Return what asks people to sign in."""
    return SignInRequests(store, store, gateway, parts.accounts, settings.limits.approval_hours)
