"""The credentials of a server that the bot uses with one account for everybody: OAuth client credentials (RFC 6749,
section 4.4). They are not kept: another token is cheap."""

from __future__ import annotations

import asyncio

from bot.core.identity import RemoteServer
from bot.errors import SignInError
from bot.identity.challenge import Challenge, lacking, united
from bot.identity.clients import preregistered
from bot.identity.http_client import HttpClient
from bot.identity.tokens import RefusedError, TokenPlace, Tokens, request_tokens
from bot.identity.user_tokens import load


class ServiceAccount:
    """Gets tokens for one server, one at a time."""

    def __init__(self, server: RemoteServer, web: HttpClient) -> None:
        self._server, self._web = server, web
        self._tokens: Tokens | None = None
        self._asked = ""
        """The scopes that were asked for."""
        self._lock = asyncio.Lock()

    async def header(self) -> str:
        """Return the value of the `Authorization` header. Raises SignInError."""
        async with self._lock:
            if self._tokens is None or self._tokens.is_old():
                self._tokens = await self._request(None)
            return self._tokens.header

    async def refused(self, header: str, challenge: str) -> bool:
        """Take in that the server did not accept a token. Return whether there is another one now."""
        async with self._lock:
            if self._tokens is not None and self._tokens.header != header:
                return True
            said = Challenge.of(challenge)
            if said.wants_more and (self._server.oauth.scopes or not lacking(said.scope, self._asked)):
                return False  # it is not given more than the configuration says, or than it was given already
            self._tokens = await self._request(said, united(self._asked, said.scope) if said.wants_more else "")
            return True

    async def aclose(self) -> None:
        """Close the connections to the sign-in service."""
        await self._web.aclose()

    async def _request(self, challenge: Challenge | None, scope: str = "") -> Tokens:
        await load()
        from bot.identity.provider import find_provider  # noqa: PLC0415 - imports the MCP SDK, which `load` has done

        provider = await find_provider(self._web, self._server, challenge)
        client = preregistered(self._server, provider.auth_methods)
        place = TokenPlace(self._server, client, provider.token_endpoint, "", provider.resource)
        self._asked = scope or provider.scope
        form = {"grant_type": "client_credentials", **({"scope": self._asked} if self._asked else {})}
        try:
            return await request_tokens(self._web, place, form)
        except RefusedError:
            raise SignInError("Its sign-in service does not accept the bot's client id and secret.") from None
