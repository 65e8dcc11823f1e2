"""Finds out where people sign in to a server (RFC 9728, RFC 8414), with the rules of the MCP SDK.

Importing this imports the SDK, which takes most of a second: `bot.identity.user_tokens` does so in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
    get_client_metadata_scopes,
    issuers_match,
)
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url
from pydantic import ValidationError

from bot.core.identity import RemoteServer
from bot.errors import SignInError
from bot.identity.challenge import Challenge
from bot.identity.clients import GRANTS
from bot.identity.http_client import Answer, HttpClient, UnreachableError, is_allowed

_VERSION = "2025-11-25"
PROBES = (
    {
        "jsonrpc": "2.0",
        "id": 0,
        "method": "initialize",
        "params": {
            "protocolVersion": _VERSION,
            "capabilities": {},
            "clientInfo": {"name": "slack-mcp-agent", "version": "0"},
        },
    },
    {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
)
"""Requests that a server answers with how to sign in, as they carry no credentials. Some servers let everybody
connect, and refuse only what comes after it."""
_SESSION = "mcp-session-id"
MAX_SESSION = 1_000


@dataclass(frozen=True, slots=True)
class Provider:
    """Where people sign in to a server."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    registration_endpoint: str
    revocation_endpoint: str
    auth_methods: tuple[str, ...]
    """How clients may authenticate at the token endpoint; empty if it does not say."""
    names_itself: bool
    """Whether it adds `iss` to what the browser brings back (RFC 9207)."""
    takes_documents: bool
    """Whether a client may be named by the address of its metadata document."""
    resource: str
    """What the tokens are for (RFC 8707); empty if the server does not say."""
    scope: str
    """What is asked for."""


async def find_provider(
    web: HttpClient, server: RemoteServer, challenge: Challenge | None = None, *, known: str = ""
) -> Provider:
    """Return where people sign in to a server. In: how it has refused a request, if it has; the issuer that was used
    before, which is used again if the server still names it. Raises SignInError."""
    challenge = await _challenge(web, server.url) if challenge is None else challenge
    about = await _resource(web, server.url, challenge)
    # A server may name several, of which the client chooses one (RFC 9728, section 7.6).
    listed = [str(each) for each in about.authorization_servers] if about else [None]
    allowed = [each for each in listed if server.oauth.allows(each or _origin(server.url))]
    if not allowed:
        raise SignInError("Its sign-in service is not the one of the configuration, so nobody signs in there.")
    named = next((each for each in allowed if each and known and issuers_match(each, known)), allowed[0])
    metadata = await _metadata(web, server.url, named)
    if metadata is None:
        if named is not None:
            raise SignInError("Its sign-in service does not describe itself.")
        metadata = _by_default(server.url)
    elif "S256" not in (metadata.code_challenge_methods_supported or ()):
        raise SignInError("Its sign-in service does not support what keeps a sign-in from being stolen (PKCE).")
    resource = str(about.resource) if about else resource_url_from_server_url(server.url)
    found = Provider(
        str(metadata.issuer),
        str(metadata.authorization_endpoint),
        str(metadata.token_endpoint),
        str(metadata.registration_endpoint or ""),
        str(metadata.revocation_endpoint or ""),
        tuple(metadata.token_endpoint_auth_methods_supported or ()),
        metadata.authorization_response_iss_parameter_supported is True,
        metadata.client_id_metadata_document_supported is True,
        resource,
        " ".join(server.oauth.scopes)
        or get_client_metadata_scopes(challenge.scope or None, about, metadata, GRANTS)
        or "",
    )
    named_by_it = (found.authorization_endpoint, found.token_endpoint, found.registration_endpoint)
    for url in filter(None, (*named_by_it, found.revocation_endpoint)):
        if not is_allowed(url, server.url):
            raise SignInError("Its sign-in service names an address that I don't use: it has to be a public https one.")
    return found


async def _challenge(web: HttpClient, url: str) -> Challenge:
    """Return how a server refuses a request without credentials; an empty challenge if it says nothing."""
    headers = {"accept": "application/json, text/event-stream"}
    for probe in PROBES:
        answer = await web.request("POST", url, beside=url, body=probe, headers=headers, whole=False)
        if answer.status in (401, 403):
            return Challenge.of(answer.headers.get("www-authenticate", ""))
        headers["mcp-protocol-version"] = _VERSION
        if 0 < len(session := answer.headers.get(_SESSION, "")) <= MAX_SESSION:
            headers[_SESSION] = session
    return Challenge()


async def _resource(web: HttpClient, url: str, challenge: Challenge) -> ProtectedResourceMetadata | None:
    """Return what the server says about itself; None if it says nothing."""
    away = False
    for each in build_protected_resource_metadata_discovery_urls(challenge.resource_metadata or None, url):
        answer = await web.request("GET", each, beside=url)
        away = away or _is_away(answer)
        if answer.status != 200:
            continue
        found = _read(ProtectedResourceMetadata, answer.body)
        if found is None:
            continue
        if not check_resource_allowed(resource_url_from_server_url(url), str(found.resource)):
            raise SignInError("What it says about signing in is for another server, so nobody signs in there.")
        return found
    if away:
        raise UnreachableError
    return None


async def _metadata(web: HttpClient, url: str, issuer: str | None) -> OAuthMetadata | None:
    """Return how a sign-in service describes itself; None if it does not."""
    away = False
    for each in build_oauth_authorization_server_metadata_discovery_urls(issuer, url):
        answer = await web.request("GET", each, beside=url)
        away = away or _is_away(answer)
        found = _read(OAuthMetadata, answer.body) if answer.status == 200 else None
        if found is None:
            continue
        if not issuers_match(str(found.issuer), issuer or _origin(url)):
            raise SignInError("Its sign-in service calls itself by another name, so nobody signs in there.")
        return found
    if away:
        raise UnreachableError
    return None


def _is_away(answer: Answer) -> bool:
    """Return whether an answer is no reason to take it that there is nothing at an address: another service would be
    used then, or a sign-in would end. (Some servers answer 500 or 501 at every address that they do not know.)"""
    return answer.is_temporary and answer.status not in (500, 501)


def _by_default(url: str) -> OAuthMetadata:
    """Return what holds for a server that describes nothing (MCP 2025-03-26, authorization: fallbacks)."""
    origin = _origin(url)
    found: dict[str, Any] = {"issuer": origin}
    for name, path in (("authorization", "authorize"), ("token", "token"), ("registration", "register")):
        found[f"{name}_endpoint"] = f"{origin}/{path}"
    return OAuthMetadata.model_validate(found)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _read(kind: type[Any], body: bytes) -> Any:
    try:
        return kind.model_validate_json(body)
    except ValidationError:
        return None
