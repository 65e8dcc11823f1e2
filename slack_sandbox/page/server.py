"""The page's server: on loopback only, behind an address that nobody can guess.

    async with SlackSandbox() as slack, Page(slack) as page:
        print(page.address)

Another site that is open in the same browser must not get in. It does not know the token; a name that it lets point to
127.0.0.1 is refused by the Host header; a WebSocket or a POST that it starts is refused by its Origin.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from slack_sandbox.http_limits import requests_up_to
from slack_sandbox.page import files
from slack_sandbox.page.assets import Assets
from slack_sandbox.page.controls import Controls, FaultSource
from slack_sandbox.page.facts import Facts, Watched
from slack_sandbox.page.live import PageConnection
from slack_sandbox.page.read_state import ReadState
from slack_sandbox.page.request_fields import RequestFields
from slack_sandbox.page.requests import PageSession, serve
from slack_sandbox.page.slack_faults import SlackFaults
from slack_sandbox.page.traffic import Traffic
from slack_sandbox.slack import SlackSandbox

MAX_PAGES = 32
"""How many pages may be connected at once."""
MAX_REQUEST_BYTES = 2_000_000
"""Bytes of one WebSocket frame from a page."""
HEARTBEAT = 20.0


class Page:
    """Serves the page of a SlackSandbox, in the loop that entered it.

    `controls` is what the launcher offers beside Slack itself. `port` 0 takes a free one. `commands` are slash commands
    of the app, each with its description and usage hint; those of the sandbox are known anyway. `static` is another
    folder with the built page, read again at each load: for those who change the page.
    """

    def __init__(
        self,
        slack: SlackSandbox,
        *,
        controls: Controls | None = None,
        port: int = 0,
        commands: Sequence[tuple[str, str, str]] = (),
        static: Path | None = None,
    ) -> None:
        self._slack = slack
        self._controls = controls
        self._port = port
        self._token = secrets.token_urlsafe(24)
        self._assets = Assets(static)
        for command, description, usage_hint in commands:
            slack.add_command(command, description, usage_hint)
        read_state, self._traffic = ReadState(slack), Traffic(slack, controls)
        sources: list[FaultSource] = [SlackFaults(slack), *(controls.sources if controls else ())]
        self.sources: Sequence[FaultSource] = sources
        """Everything that can be made to fail from the page."""
        self._facts = Facts(slack, read_state, self._traffic, sources, controls)
        self._session = PageSession(slack, read_state, self._traffic, sources, controls)
        self._pages: set[PageConnection] = set()
        self._sockets: set[web.WebSocketResponse] = set()
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Bind and serve in the running loop. Raises OSError when the port is taken."""
        runner = web.ServerRunner(
            web.Server(self._serve, access_log=None, request_factory=requests_up_to(files.MAX_FILE_BYTES)),
            handle_signals=False,
            shutdown_timeout=1.0,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", self._port).start()
        except OSError:
            await runner.cleanup()
            raise
        self._port = int(runner.addresses[0][1])
        self._runner = runner
        self._end_listening = self._slack.on_change(self._changed)
        if self._controls is not None:
            self._controls.on_change(self._changed)
        self._traffic.look()

    async def close(self) -> None:
        """Close every connection and stop serving."""
        if self._runner is None:
            return
        self._end_listening()
        await asyncio.gather(*(socket.close(code=1001) for socket in list(self._sockets)), return_exceptions=True)
        await self._runner.cleanup()
        self._runner = None

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def address(self) -> str:
        """The page's address, with the token that is the only key to it."""
        return f"{self.origin}/{self._token}/"

    @property
    def connections(self) -> Collection[PageConnection]:
        """The pages that are open now."""
        return self._pages

    def _changed(self) -> None:
        self._traffic.look()
        for page in self._pages:
            page.changed()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if host not in (f"127.0.0.1:{self._port}", f"localhost:{self._port}"):
            return self._guarded(web.Response(status=403, text="This address is not the page's own.\n"))
        token, slash, rest = request.path.removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(errors="replace"), self._token.encode()):
            return self._guarded(_not_found())
        if not slash:
            return self._guarded(web.Response(status=308, headers={"Location": f"/{self._token}/"}))
        if (rest == "live" or request.method != "GET") and request.headers.get("Origin") != f"http://{host}":
            return self._guarded(web.Response(status=403, text="Only the page itself may ask this.\n"))
        if rest == "live" and request.method == "GET":
            return await self._live(request)
        return self._guarded(await self._answer(request, rest))

    async def _answer(self, request: web.BaseRequest, rest: str) -> web.Response:
        if request.method == "POST" and rest == "upload":
            return await files.upload(self._slack, request)
        if request.method != "GET":
            return web.Response(status=405, text="This cannot be asked here.\n")
        if rest.startswith("files/"):
            return files.download(self._slack, request, rest.split("/")[1])
        asset = await self._assets.get(rest)
        if asset is None:
            return _not_found()
        return web.Response(body=asset.content, headers={"Content-Type": asset.kind})

    async def _live(self, request: web.BaseRequest) -> web.StreamResponse:
        if len(self._pages) >= MAX_PAGES:
            return self._guarded(web.Response(status=503, text="Too many pages are open.\n"))
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT, max_msg_size=MAX_REQUEST_BYTES, timeout=1.0)
        if not socket.can_prepare(request).ok:
            return self._guarded(web.Response(status=400, text="This is for the page's WebSocket.\n"))
        await socket.prepare(request)
        page = PageConnection(socket, self._facts, self._request, lambda: _cut(request))
        self._pages.add(page)
        self._sockets.add(socket)
        try:
            await page.run()
        finally:
            self._pages.discard(page)
            self._sockets.discard(socket)
        return socket

    async def _request(self, fields: RequestFields, watched: Watched) -> Any:
        return await serve(self._session, fields, watched)

    def _guarded(self, response: web.Response) -> web.Response:
        """The answer with what keeps the page to itself."""
        sockets = f"ws://127.0.0.1:{self._port} ws://localhost:{self._port}"
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
            f"font-src 'self' data:; connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def _cut(request: web.BaseRequest) -> None:
    if request.transport is not None:
        request.transport.abort()


def _not_found() -> web.Response:
    return web.Response(status=404, text="There is nothing here.\n")
