"""Sends single HTTP requests to a tool server, keeps track of whether they were written, and reads bounded responses.

The environment's proxies and certificates apply, as in httpx: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY,
SSL_CERT_FILE and SSL_CERT_DIR.
"""

from __future__ import annotations

import logging
import ssl
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2

from bot.errors import SignInError
from bot.tools.mcp.delivery import Delivery
from bot.tools.mcp.jsonrpc import ID_WITHIN, MAX_LINE_BYTES
from bot.tools.server_config import Authorization, HttpServer

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 10.0
WRITE_SECONDS: Final = 30.0
IDLE_CONNECTION_SECONDS: Final = 3.0
"""How long a connection is kept for the next request: less than servers do (uvicorn: 5 s), since a request that meets
the closing of its connection may or may not have been taken."""
MAX_REDIRECTS: Final = 3
CHUNK: Final = 256 * 1024
INSUFFICIENT: Final = "insufficient_scope"
"""What is wrong with credentials that are good, but do not allow enough (RFC 6750, section 3.1)."""
ATTEMPTS: Final = 2
"""How often credentials are replaced for one request."""


class Abandoned(Exception):
    """The caller gave up before the request was written, so it was not."""


class Unauthorized(httpx2.TransportError):
    """There are no credentials for a request, so it was not sent."""

    def __init__(self) -> None:
        super().__init__("cannot be signed in to at the moment")


class Client(httpx2.AsyncClient):
    """A client that gets the credentials of each request when it is sent."""

    authorization: Authorization | None = None
    sends: Callable[[str], None] = staticmethod(lambda header: None)
    """Called with the `Authorization` header of a request before it is sent."""


def make_client(config: HttpServer, trust: ssl.SSLContext, sends: Callable[[str], None]) -> Client:
    """Return a client for one server, with its headers. Enter and close it."""
    client = Client(
        headers={**config.headers, "accept-encoding": "identity"},
        verify=trust,
        follow_redirects=False,
        timeout=httpx2.Timeout(WRITE_SECONDS, connect=CONNECT_SECONDS, read=None, pool=None),
        limits=httpx2.Limits(
            max_connections=None, max_keepalive_connections=16, keepalive_expiry=IDLE_CONNECTION_SECONDS
        ),
    )
    client.authorization, client.sends = config.authorization, sends
    return client


async def _credentials(client: Client) -> str:
    """Return the credentials of the next request; empty if they are among the client's headers."""
    try:
        header = await client.authorization.header() if client.authorization else ""
    except SignInError as problem:
        log.warning("there are no credentials for a tool server: %s", problem)
        raise Unauthorized from None
    if header:
        client.sends(header)
    return header


async def _has_others(client: Client, credentials: str, refusal: httpx2.Response) -> bool:
    """Return whether there are other credentials now than those that were refused."""
    challenge = refusal.headers.get("www-authenticate", "")
    try:
        return client.authorization is not None and await client.authorization.refused(credentials, challenge)
    except SignInError as problem:
        log.warning("there are no credentials for a tool server: %s", problem)
        raise Unauthorized from None


def _is_refused(response: httpx2.Response, attempt: int) -> bool:
    """Return whether other credentials may help. Those that have just been renewed are not renewed again."""
    if INSUFFICIENT in response.headers.get("www-authenticate", ""):
        return response.status_code in (401, 403)
    return response.status_code == 401 and attempt == 0


def denies(client: Client, response: httpx2.Response) -> bool:
    """Return whether a response says that credentials of somebody who has signed in are not good enough."""
    if client.authorization is None:
        return False
    insufficient = INSUFFICIENT in response.headers.get("www-authenticate", "")
    return response.status_code == 401 or (response.status_code == 403 and insufficient)


@asynccontextmanager
async def exchange(
    client: Client,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    delivery: Delivery | None = None,
) -> AsyncGenerator[httpx2.Response]:
    """Send a request and give its response, whose body is not read yet.

    Credentials that are not accepted are renewed once; for ones that do not allow enough, others are looked for.

    `delivery.written` is set before its first byte is written; the opening of a connection and of a tunnel through a
    proxy comes before that. A redirect is followed only within the origin and with the same method. Raises Abandoned
    and the errors of httpx2.
    """

    async def trace(name: str, info: Mapping[str, Any]) -> None:
        if name.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            if delivery is not None and delivery.abandoned:
                raise Abandoned
            if delivery is not None:
                delivery.written = True

    async def send(credentials: str) -> httpx2.Response:
        sent = {**headers, **({"authorization": credentials} if credentials else {})}
        request = client.build_request(method, url, content=body, headers=sent, extensions={"trace": trace})
        return await client.send(request, stream=True)

    credentials = await _credentials(client)
    response = await send(credentials)
    for attempt in range(ATTEMPTS):
        if not (credentials and _is_refused(response, attempt)):
            break
        if not await _has_others(client, credentials, response):
            if delivery is not None:
                delivery.denied = True
            break
        await response.aclose()
        if delivery is not None:
            delivery.written = False  # what refuses the credentials has not taken the request
        credentials = await _credentials(client)
        response = await send(credentials)
    for _ in range(MAX_REDIRECTS):
        following = response.next_request
        if following is None or following.method != method or not _same_origin(response.request.url, following.url):
            break
        await response.aclose()
        if delivery is not None:
            delivery.written = False  # what redirects a request has not taken it
        following.extensions = {**following.extensions, "trace": trace}
        response = await client.send(following, stream=True)
    try:
        yield response
    finally:
        await response.aclose()


async def end_session(client: Client, url: str, headers: Mapping[str, str]) -> None:
    """Tell a server that a session is not used any more."""
    async with exchange(client, "DELETE", url, headers=headers):
        pass


async def whole(response: httpx2.Response) -> tuple[bytes, int]:
    """Return a body and its size in bytes. Of one that is too big only the beginning and the end of what was read are
    returned, and not all of it is read."""
    parts: list[bytes] = []
    size = 0
    async for part in chunks(response):
        parts.append(part)
        size += len(part)
        if size > MAX_LINE_BYTES:
            raw = b"".join(parts)
            return raw[:ID_WITHIN] + raw[-ID_WITHIN:], size
    return b"".join(parts), size


async def chunks(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield a body in chunks of at most 256 KB. A compressed one, which was not asked for, is decompressed step by
    step, since a kilobyte may become a megabyte. Raises the errors of httpx2."""
    coding = response.headers.get("content-encoding", "identity").strip().lower()
    if coding in ("", "identity"):
        async for part in response.aiter_raw():
            for start in range(0, len(part), CHUNK):
                yield part[start : start + CHUNK]
        return
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise httpx2.DecodingError(f"unknown content-encoding {coding[:50]!r}")
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        async for part in response.aiter_raw():
            while part:
                yield unpacking.decompress(part, CHUNK)
                part = unpacking.unconsumed_tail  # noqa: PLW2901 - the rest of the same part
    except zlib.error as problem:
        raise httpx2.DecodingError("the compressed response is damaged") from problem


def _same_origin(sent: httpx2.URL, following: httpx2.URL) -> bool:
    """Return whether a redirect stays with the server: the same origin, or from http to https on its host."""
    if following.userinfo and following.userinfo != sent.userinfo:
        return False
    if (sent.scheme, sent.host, sent.port) == (following.scheme, following.host, following.port):
        return True
    upgraded = (sent.scheme, sent.port, following.scheme, following.port) == ("http", None, "https", None)
    return upgraded and sent.host == following.host
