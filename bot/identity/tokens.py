"""Gets, refreshes and revokes tokens (RFC 6749, RFC 7009)."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from bot.core.identity import RemoteServer
from bot.core.untrusted import text
from bot.errors import SignInError
from bot.identity.clients import Client, with_client
from bot.identity.http_client import HttpClient, UnreachableError

EARLY_SECONDS = 30.0
"""A token is refreshed so long before it expires."""
MAX_TOKEN = 16_000
"""Characters of a token, which is sent as a header."""
MAX_LIFETIME = 10 * 365 * 86_400.0
TEMPORARY = ("temporarily_unavailable", "server_error", "slow_down")
UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client")
"""What a service says that has forgotten a client which had registered itself (RFC 6749, section 5.2)."""
UNREADABLE = "Its sign-in service gave an answer that cannot be read. Nothing was called; please try again later."


class RefusedError(SignInError):
    """The sign-in service did not accept this. Nothing was called; please sign in again."""


class ClientRefusedError(RefusedError):
    """The sign-in service does not know the bot any more. Nothing was called; please sign in again."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in has given, with what is needed to refresh it. It is kept encrypted."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: float
    """Unix time in seconds; 0 if it is not known."""
    scope: str
    """What was allowed; empty if it is not known."""
    resource: str
    token_endpoint: str
    revocation_endpoint: str
    client: Client
    asked: str = ""
    """What the person was asked to allow."""

    def dumps(self) -> bytes:
        """Return the form that is encrypted."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loads(cls, body: bytes) -> Tokens:
        """Return the tokens of that form. Raises ValueError."""
        return with_client(cls, body)

    @property
    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"Bearer {self.access}"

    def is_old(self) -> bool:
        """Return whether the access token has expired, or is about to."""
        return bool(self.expires_at) and time.time() >= self.expires_at - EARLY_SECONDS


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """Where tokens come from, and what they are for."""

    server: RemoteServer
    client: Client
    token_endpoint: str
    revocation_endpoint: str
    resource: str


async def request_tokens(
    web: HttpClient, place: TokenPlace, form: Mapping[str, str], before: Tokens | None = None
) -> Tokens:
    """Return the tokens for a grant. `before`: those that are refreshed, which the answer may leave out. Raises
    RefusedError if there are none for it, and other SignInErrors if that is not known."""
    resource = {"resource": place.resource} if place.resource else {}
    fields, headers = place.client.authenticated({**form, **resource})
    url = place.token_endpoint
    answer = await web.request("POST", url, beside=place.server.url, form=fields, headers=headers)
    found = answer.json()
    error = text(found.get("error"))
    if answer.is_temporary or error in TEMPORARY:
        raise UnreachableError
    if not found and answer.status in (200, 201, 403):
        raise SignInError(UNREADABLE)  # a page of something in between, which says nothing about the tokens
    if error in UNKNOWN_CLIENT:
        raise ClientRefusedError
    access, refresh = text(found.get("access_token")), text(found.get("refresh_token"))
    if answer.status not in (200, 201) or not access:
        raise RefusedError
    if text(found.get("token_type")).lower() not in ("bearer", ""):
        raise SignInError("Its sign-in service gives tokens of a kind that I don't use.")
    if not _is_sendable(access) or not (not refresh or _is_sendable(refresh)):
        raise SignInError("Its sign-in service gave a token that cannot be sent.")
    return Tokens(
        access,
        refresh or (before.refresh if before else ""),
        _expiry(found.get("expires_in")),
        text(found.get("scope")) or (before.scope if before else ""),
        place.resource,
        url,
        place.revocation_endpoint,
        place.client,
        before.asked if before else "",
    )


def _is_sendable(token: str) -> bool:
    return len(token) <= MAX_TOKEN and token.isascii() and token.isprintable() and " " not in token


def _expiry(seconds: object) -> float:
    try:
        lasting = float(str(seconds)) if seconds is not None and not isinstance(seconds, bool) else 0.0
    except ValueError:
        return 0.0
    return time.time() + min(lasting, MAX_LIFETIME) if lasting > 0 else 0.0


async def revoke(web: HttpClient, server: RemoteServer, tokens: Tokens) -> None:
    """Tell the issuer that tokens are not used any more, if it wants to know. Raises UnreachableError if it cannot be
    told now."""
    if not tokens.revocation_endpoint:
        return
    for token, hint in ((tokens.refresh, "refresh_token"), (tokens.access, "access_token")):
        if token:
            form, headers = tokens.client.authenticated({"token": token, "token_type_hint": hint})
            url = tokens.revocation_endpoint
            answer = await web.request("POST", url, beside=server.url, form=form, headers=headers)
            if answer.is_temporary:
                raise UnreachableError
