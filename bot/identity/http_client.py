"""Makes bounded requests to sign-in services: only encrypted ones, only to public addresses, without redirects."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx2

from bot.core.json_text import JsonObject
from bot.errors import SignInError

SECONDS = 10.0
MAX_BYTES = 256 * 1024
MAX_URL = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """A response."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> JsonObject:
        """Return the object in the body; an empty one if there is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def is_temporary(self) -> bool:
        """Whether the status says nothing about what was asked: later, the answer may be another one."""
        return self.status in (408, 425, 429) or self.status >= 500


class UnreachableError(SignInError):
    """The sign-in service cannot be reached. Nothing was called; please try again later."""


class HttpClient:
    """Makes requests, over one client. Close it."""

    def __init__(self) -> None:
        self._client: httpx2.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        beside: str,
        form: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        whole: bool = True,
    ) -> Answer:
        """Make a request and return the response, whatever its status. Raises SignInError.

        beside: the address of the tool server; an address that is not public may be asked only if that is not either.
        whole: whether the body is read.
        """
        if not is_allowed(url, beside):
            raise SignInError("Its sign-in service has an address that I don't use: it has to be a public https one.")
        if self._client is None:
            context = await asyncio.to_thread(httpx2.create_ssl_context)
            # No cookies: what a service sets for one person's request must not come with another one's.
            cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
            self._client = self._client or httpx2.AsyncClient(
                verify=context, follow_redirects=False, timeout=SECONDS, cookies=cookies
            )
        headers = {"accept": "application/json", "accept-encoding": "identity", **(headers or {})}
        try:
            async with asyncio.timeout(SECONDS):
                request = self._client.build_request(method, url, data=form, json=body, headers=headers)
                response = await self._client.send(request, stream=True)
                try:
                    read = await _bounded(response) if whole else b""
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, UnicodeError):
            raise UnreachableError from None
        return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, read)


async def _bounded(response: httpx2.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise SignInError("Its sign-in service answered with too much.")
    return b"".join(parts)


def is_allowed(url: str, beside: str) -> bool:
    """Return whether an address that a server names may be used: https, or http on this machine; and an address of a
    private network only if the server is there, too."""
    try:
        parts, server = urlsplit(url), urlsplit(beside)
        host, own = parts.hostname or "", server.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or len(url) > MAX_URL or not url.isascii() or not url.isprintable():
        return False
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        return False
    return not _is_private(host) or _is_private(own)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))
