"""Downloads the content of files from Slack (docs.slack.dev/messaging/working-with-files).

The bot token is sent to Slack's own hosts only, and redirects are followed only there. A token without the scope
files:read gets a web page to sign in instead of the file, with the status 200.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.untrusted import mapping
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.reading.bounds import Bounds
from bot.slack.reading.content import FileRef
from bot.slack.reading.files import read
from bot.slack.web_client import Problems

HOSTS = ("files.slack.com", "files.slack-gov.com")
SECONDS = 45.0
"""The time limit of one file, with all attempts."""
SILENT_SECONDS = 15.0
ATTEMPTS, PAUSE_SECONDS, MAX_PAUSE_SECONDS = 3, 0.5, 5.0
REDIRECTS = 3
PIECE = 1 << 16
_METHOD = "url_private_download"
_GONE = "it was deleted in Slack"
_NOT_ALLOWED = "Slack does not let me read files: whoever runs me has to add the scope files:read"
_FAILED = "Slack did not deliver it"


class FileProblem(Exception):
    """The content of a file cannot be had. The text is a clause for people: `it was deleted in Slack`."""


class Body(Protocol):
    """The body of a response."""

    def iter_chunked(self, n: int) -> AsyncIterator[bytes]:
        """Return pieces of it, of at most n bytes."""
        ...


class Response(Protocol):
    """A response, as aiohttp has it."""

    status: int

    @property
    def headers(self) -> Any:
        """Its headers, by names in any case."""
        ...

    @property
    def content(self) -> Any:
        """A `Body`."""
        ...


class Session(Protocol):
    """An HTTP session, as aiohttp has it."""

    def request(self, method: str, url: str, **options: Any) -> AbstractAsyncContextManager[Any]:
        """Make a request; the response is open inside of the context."""
        ...


@dataclass(frozen=True, slots=True)
class Downloads:
    """Downloads files with the bot's token."""

    client: AsyncWebClient
    session: Session
    token: str
    api_url: str
    """The address of the Web API. If it is not Slack's, files come from there."""
    max_bytes: int
    problems: Problems
    seconds: float = SECONDS

    async def content(self, file: FileRef) -> bytes:
        """Return the content of a file. Raises FileProblem."""
        if not file.url:
            file = await self.look_up(file.id)
        if file.size > self.max_bytes:
            raise FileProblem(self._too_large(file.size))
        try:
            async with asyncio.timeout(self.seconds):
                return await self._with_retries(file)
        except TimeoutError:
            raise FileProblem("Slack took too long to deliver it") from None

    async def info(self, id: str) -> dict[str, Any]:
        """Return the file object of Slack. Raises FileProblem."""
        try:
            response: Any = await self.client.files_info(file=id)
        except SlackApiError as error:
            code = code_of(error)
            if code in ("file_not_found", "file_deleted"):
                raise FileProblem("it was deleted in Slack, or I have no access to it") from error
            raise FileProblem(_NOT_ALLOWED if code == "missing_scope" else _FAILED) from error
        except SLACK_ERRORS as error:
            raise FileProblem(_FAILED) from error
        return mapping(response.get("file"))

    async def look_up(self, id: str) -> FileRef:
        """Return the reference to a file. Raises FileProblem."""
        section = read(await self.info(id), Bounds(), direct=True)
        if section is None or section.file is None:
            raise FileProblem(_GONE)
        if not section.file.url:
            raise FileProblem("Slack does not give it to apps")
        return section.file

    async def _with_retries(self, file: FileRef) -> bytes:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                content, pause = await self._attempt(file)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                if isinstance(error, TimeoutError) and attempt == ATTEMPTS:
                    raise
                content, pause = None, PAUSE_SECONDS * attempt
            if content is not None:
                self.problems.worked(_METHOD)
                return content
            if attempt < ATTEMPTS:
                await asyncio.sleep(min(pause, MAX_PAUSE_SECONDS))
        raise FileProblem(_FAILED)

    async def _attempt(self, file: FileRef) -> tuple[bytes | None, float]:
        """Return the content, or None and the seconds to wait before another attempt. Raises FileProblem."""
        url = file.url
        for _ in range(REDIRECTS + 1):
            if not self.is_slack(url):
                raise FileProblem("it is kept outside of Slack")
            limits = aiohttp.ClientTimeout(total=None, sock_read=SILENT_SECONDS, sock_connect=SILENT_SECONDS)
            headers = {"Authorization": f"Bearer {self.token}"}
            request = self.session.request("GET", url, headers=headers, allow_redirects=False, timeout=limits)
            async with request as response:
                if response.status in (301, 302, 303, 307, 308):
                    url = urljoin(url, str(response.headers.get("Location") or ""))
                    if not self.is_slack(url) and _is_login(url):
                        raise self._unauthorized()
                    continue
                if response.status in (429, 500, 502, 503, 504):
                    return None, _seconds(response.headers.get("Retry-After"))
                return await self._body(response, file), 0.0
        raise FileProblem(_FAILED)

    async def _body(self, response: Response, file: FileRef) -> bytes:
        if response.status in (404, 410):
            raise FileProblem(_GONE)
        if response.status == 401:
            raise self._unauthorized()
        if response.status != 200:
            raise FileProblem("Slack does not let me read it")
        content = bytearray()
        body: Body = response.content
        async for piece in body.iter_chunked(PIECE):
            content += piece
            if len(content) > self.max_bytes:
                raise FileProblem(self._too_large(0))
        kind = str(response.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
        # An HTML file is one of exactly its size; the page to sign in is another.
        if kind == "text/html" and (file.media.lower() != "text/html" or file.size not in (0, len(content))):
            raise self._unauthorized()
        return bytes(content)

    def is_slack(self, url: str) -> bool:
        """Return whether the token may be sent to an address."""
        try:
            given, api = urlsplit(url), urlsplit(self.api_url)
            here = (given.scheme, given.hostname, given.port)
            ours = (api.scheme, api.hostname, api.port)
        except ValueError:
            return False
        if given.username or given.password:
            return False
        if given.scheme == "https" and given.hostname in HOSTS and given.port in (None, 443):
            return True
        return here == ours and not _is_login(self.api_url)

    def _unauthorized(self) -> FileProblem:
        self.problems.failed("missing_scope", _METHOD, scope="files:read")
        return FileProblem(_NOT_ALLOWED)

    def _too_large(self, size: int) -> str:
        most = f"I read files of up to {self.max_bytes / 1e6:g} MB"
        return f"it has {size / 1e6:.0f} MB, and {most}" if size > self.max_bytes else f"it is too large: {most}"


def _is_login(url: str) -> bool:
    """Return whether an address is one of Slack itself: people sign in where a redirect to it leads."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host in ("slack.com", "slack-gov.com") or host.endswith((".slack.com", ".slack-gov.com"))


def _seconds(value: object) -> float:
    text = str(value or "")
    return float(text) if text.isdigit() else PAUSE_SECONDS
