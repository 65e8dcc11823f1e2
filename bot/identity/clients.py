"""Determines as which client the bot signs people in: one that was registered beforehand, else one that a document
describes (CIMD), else one that is registered now (RFC 7591)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from bot.core.identity import RemoteServer
from bot.core.json_text import JsonObject
from bot.core.untrusted import mapping, text
from bot.errors import SignInError
from bot.identity.http_client import HttpClient

if TYPE_CHECKING:
    from bot.identity.provider import Provider

T = TypeVar("T")
NAME = "Slack MCP agent"
GRANTS = ["authorization_code", "refresh_token"]
BASIC, POST, PUBLIC = "client_secret_basic", "client_secret_post", "none"
MAX_CREDENTIAL = 4_000


@dataclass(frozen=True, slots=True)
class Client:
    """A client of a sign-in service."""

    id: str
    secret: str = field(default="", repr=False)
    method: str = PUBLIC
    """How it authenticates at the token endpoint."""

    def authenticated(self, form: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return the fields and headers of a request to the token endpoint (RFC 6749, section 2.3.1)."""
        if self.method == BASIC:
            named = f"{quote(self.id, safe='')}:{quote(self.secret, safe='')}"
            return dict(form), {"authorization": f"Basic {base64.b64encode(named.encode()).decode()}"}
        secret = {"client_secret": self.secret} if self.method == POST else {}
        return {**form, "client_id": self.id, **secret}, {}


def dumps(client: Client) -> bytes:
    """Return the form of a client that is encrypted."""
    return json.dumps(asdict(client)).encode()


def loads(body: bytes) -> Client:
    """Return the client of that form. Raises ValueError."""
    try:
        return Client(**mapping(json.loads(body)))
    except TypeError:
        raise ValueError("not a client") from None


def with_client(kind: Callable[..., T], body: bytes) -> T:
    """Return what was encrypted together with a client, by its fields. Raises ValueError."""
    found = mapping(json.loads(body))
    try:
        return kind(**{**found, "client": Client(**mapping(found["client"]))})
    except (TypeError, KeyError):
        raise ValueError("not what was kept") from None


def metadata(redirect: str, client_id: str = "") -> JsonObject:
    """Return what describes the bot as a client. In: where browsers are sent, and the address of the description."""
    return {
        **({"client_id": client_id} if client_id else {}),
        "client_name": NAME,
        "redirect_uris": [redirect],
        "grant_types": GRANTS,
        "response_types": ["code"],
        "token_endpoint_auth_method": PUBLIC,
        "application_type": "web" if redirect.startswith("https") else "native",
    }


def known_client(server: RemoteServer, provider: Provider, document: str) -> Client | None:
    """Return the client that needs no registration; None if there is none. In: where the bot's own description is
    published, if it is."""
    oauth = server.oauth
    if oauth.client_id:
        return preregistered(server, provider.auth_methods)
    document = oauth.client_metadata_url or document
    if document and provider.takes_documents:
        return Client(document)
    return None


def preregistered(server: RemoteServer, methods: Sequence[str]) -> Client:
    """Return the client of the configuration. In: how clients may authenticate; empty if it is not said."""
    oauth = server.oauth
    if not oauth.client_secret:
        return Client(oauth.client_id)
    method = POST if methods and BASIC not in methods and POST in methods else BASIC
    return Client(oauth.client_id, oauth.client_secret, method)


async def register(web: HttpClient, server: RemoteServer, provider: Provider, redirect: str) -> Client:
    """Register the bot. Raises SignInError."""
    if not provider.registration_endpoint:
        raise SignInError("Its sign-in service wants a client that an operator has to register (`oauth` in mcp.json).")
    wanted = metadata(redirect)
    if provider.auth_methods and PUBLIC not in provider.auth_methods:
        wanted["token_endpoint_auth_method"] = BASIC if BASIC in provider.auth_methods else POST
    if provider.scope:
        wanted["scope"] = provider.scope
    answer = await web.request("POST", provider.registration_endpoint, beside=server.url, body=wanted)
    found = answer.json()
    id_, secret = text(found.get("client_id")), text(found.get("client_secret"))
    method = text(found.get("token_endpoint_auth_method")) or (str(wanted["token_endpoint_auth_method"]))
    if answer.status not in (200, 201) or not id_ or max(len(id_), len(secret)) > MAX_CREDENTIAL:
        raise SignInError(f"Its sign-in service did not register the bot (HTTP {answer.status}).")
    if method not in (BASIC, POST, PUBLIC) or (method != PUBLIC and not secret):
        raise SignInError("Its sign-in service registered the bot in a way that the bot cannot use.")
    return Client(id_, secret, method)
