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
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import HttpServer, ServerConfig

if TYPE_CHECKING:
    from bot.identity.accounts import Accounts
    from bot.identity.callback import CallbackServer
    from bot.identity.sign_ins import SignIns
    from bot.identity.web import Web

LOOPBACK = "http://127.0.0.1:8722"
"""Where browsers are sent without a public address: nothing listens there, and the person copies the address."""


def with_accounts(servers: Sequence[ServerConfig]) -> Sequence[ServerConfig]:
    """Return the servers, with what signs the bot in to those that it uses with an account of its own."""
    return [_with_account(each) for each in servers]


def _with_account(server: ServerConfig) -> ServerConfig:
    if not isinstance(server, HttpServer) or server.oauth is None or server.account is Identity.PERSON:
        return server
    from bot.identity.service import ServiceAccount  # noqa: PLC0415 - takes a tenth of a second
    from bot.identity.web import Web  # noqa: PLC0415

    return replace(server, authorization=ServiceAccount(_remote(server), Web()))


def _remote(server: HttpServer) -> RemoteServer:
    return RemoteServer(server.key, server.url, server.oauth or OAuthSettings())


@dataclass(frozen=True, slots=True)
class SigningIn:
    """The parts, for a bot with servers to which people sign in."""

    accounts: Accounts
    sign_ins: SignIns
    web: Web
    callback: CallbackServer | None

    async def start(self) -> None:
        """Begin to take in what browsers bring back."""
        if self.callback is not None:
            await self.callback.start()

    async def aclose(self) -> None:
        """Stop that, and close the connections to sign-in services."""
        if self.callback is not None:
            await self.callback.aclose()
        await self.web.aclose()


async def load(tools: McpToolset) -> None:
    """Import what signing people in needs, outside the event loop."""
    if any(each.account is Identity.PERSON for each in tools.signing_in):
        for name in ("accounts", "callback", "sign_ins", "vault"):
            await asyncio.to_thread(importlib.import_module, f"bot.identity.{name}")


def assemble(settings: Settings, store: Store, tools: McpToolset, wake: Callable[[int], None]) -> SigningIn | None:
    """Return the parts, after `load`; None if people sign in nowhere. Raises SettingsError if there is no key to keep
    sign-ins with.

    wake: schedules a thread and the update of its posts.
    """
    servers = [_remote(each) for each in tools.signing_in if each.account is Identity.PERSON]
    if not servers:
        return None
    from bot.identity.accounts import Accounts  # noqa: PLC0415 - only such bots need the time for it
    from bot.identity.callback import CallbackServer  # noqa: PLC0415
    from bot.identity.people import People  # noqa: PLC0415
    from bot.identity.sign_ins import SignIns  # noqa: PLC0415
    from bot.identity.vault import vault_of  # noqa: PLC0415
    from bot.identity.web import Web  # noqa: PLC0415

    vault, web = vault_of(settings.variables), Web()
    people = People(servers, store, vault, web)
    people.ended = tools.signed_out
    public = settings.public_url
    redirect = f"{public or LOOPBACK}/oauth/callback"
    sign_ins = SignIns(people, store, vault, web, redirect=redirect, public=public, wake=wake)
    listen, secure = settings.callback_listen, public.startswith("https:")
    callback = CallbackServer(sign_ins, vault, listen, secure=secure) if public else None
    accounts = Accounts(people, sign_ins)
    tools.use(accounts)
    return SigningIn(accounts, sign_ins, web, callback)


def requests(settings: Settings, store: Store, gateway: ChatGateway, parts: SigningIn | None) -> SignInRequests:
    """Return what asks people to sign in."""
    accounts = parts.accounts if parts else None
    return SignInRequests(store, store, gateway, accounts, settings.limits.approval_hours)
