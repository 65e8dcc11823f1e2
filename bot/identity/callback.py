"""The small web server to which browsers come at the beginning and at the end of a sign-in, where there is a public
address for it.

A sign-in ends in the browser in which it was begun, which a cookie shows: the answer to somebody else's is not taken.
"""

from __future__ import annotations

import hmac
import json
import logging
from html import escape

from aiohttp import web

from bot.errors import SettingsError
from bot.identity import clients, sign_in_link
from bot.identity.sign_ins import SignIns
from bot.identity.vault import Vault

log = logging.getLogger(__name__)

COOKIE_SECONDS = 900
MAX_BODY = 16 * 1024
NOT_OPEN = "This sign-in is not open any more. Ask again in Slack; nothing was changed."
ELSEWHERE = "This sign-in was begun in another browser. Press Connect in Slack in this one; nothing was changed."
DONE = "You are signed in. Close this page and go back to Slack."
NOT_DONE = "This did not work. Go back to Slack and press Connect there once more."
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
}


class CallbackServer:
    """Serves the pages of sign-ins, on one address of this machine."""

    def __init__(self, sign_ins: SignIns, vault: Vault, listen: tuple[str, int], *, secure: bool) -> None:
        """In: whether the public address is https."""
        self._sign_ins, self._vault, self._listen, self._secure = sign_ins, vault, listen, secure
        self._runner: web.AppRunner | None = None
        self.port = listen[1]

    async def start(self) -> None:
        """Begin to listen. Raises SettingsError if the address cannot be used."""
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_get("/oauth/start", self.begin)
        app.router.add_get("/oauth/callback", self.end)
        app.router.add_get("/oauth/client.json", self.describe)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        host, port = self._listen
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as problem:
            raise SettingsError("CALLBACK_LISTEN", f"{host}:{port} cannot be used: {problem.strerror}.") from problem
        self.port = self._runner.addresses[0][1]

    async def aclose(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def begin(self, request: web.Request) -> web.Response:
        """Show where the person is going, and mark the browser as the one in which the sign-in was begun."""
        state = request.query.get("state", "")
        found = await self._sign_ins.begun(state)
        if found is None:
            return _page(NOT_OPEN, 410)
        asked, begun = found
        words = f"You are about to connect {asked.server} to the bot in Slack that asked you to."
        warning = (
            "Go on only if it was you who pressed Connect in Slack: the bot will use the account you sign in with."
        )
        link = f'<p><a href="{escape(begun.url)}">Go on</a></p>'
        response = _page(f"{words} {warning}", more=link)
        response.set_cookie(
            _cookie(state),
            self._mac(state),
            max_age=COOKIE_SECONDS,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )
        return response

    async def end(self, request: web.Request) -> web.Response:
        """Take in what the browser brings back."""
        returned = sign_in_link.read(request.query)
        found = None if returned is None else await self._sign_ins.begun(returned.state)
        if returned is None or found is None:
            return _page(NOT_OPEN, 410)
        mark = request.cookies.get(_cookie(returned.state), "")
        if not hmac.compare_digest(mark.encode(), self._mac(returned.state).encode()):
            log.warning("a sign-in to %s came back in another browser", found[0].server)
            return _page(ELSEWHERE, 403)
        problem = await self._sign_ins.take(found[0], returned)
        if problem:
            return _page(problem, 400)
        done = await self._sign_ins.finish(found[0].question)
        return _page(DONE) if done else _page(NOT_DONE, 502)

    async def describe(self, request: web.Request) -> web.Response:
        """Describe the bot as a client (CIMD)."""
        body = clients.metadata(self._sign_ins.redirect, self._sign_ins.document)
        return web.Response(text=json.dumps(body), content_type="application/json")

    def _mac(self, state: str) -> str:
        return self._vault.mac("browser", state)


def _cookie(state: str) -> str:
    return f"sign-in-{sign_in_link.digest(state)[:16]}"


def _page(words: str, status: int = 200, more: str = "") -> web.Response:
    body = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>Connect</title>'
        '<body style="font-family: sans-serif; margin: 4em auto; max-width: 36em">'
        f"<p>{escape(words)}</p>{more}</body></html>"
    )
    return web.Response(text=body, status=status, content_type="text/html", headers=HEADERS)
