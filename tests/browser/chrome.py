"""An installed Chromium, and what every page in it must hold to."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, ViewportSize, async_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first draws the same pages without all that belongs to a window, for two thirds of the CPU."""
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No process in reserve for pages that never come, and none of its own for each test's page; and a script that is
    # loaded again is known already, unless it is parsed while it streams in.
    "--disable-features=SpareRendererForSitePerProcess,IsolateOrigins,site-per-process,ScriptStreaming",
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
    # Nothing but this machine can be reached, without each request's passing through the test first.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
USUAL: ViewportSize = {"width": 1280, "height": 800}
"""The size of a window, unless a test says otherwise."""
PATIENCE_MS = 20_000
"""The longest that any one thing on the page may take, on a machine that does much else."""


def installed() -> str | None:
    """The program: what CHROMIUM names, else the first of the usual names on the PATH; None when there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, NAMES)), None)


@asynccontextmanager
async def chromium(program: str) -> AsyncGenerator[Browser]:
    """The browser, without a window."""
    async with async_playwright() as playwright:
        # As root, and in most containers, Chromium's own sandbox cannot be set up.
        browser = await playwright.chromium.launch(executable_path=program, chromium_sandbox=False, args=[*QUIET])
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Guard:
    """What a page has done that it must not do."""

    origin: str = ""
    outside: list[str] = field(default_factory=list[str])
    """Addresses of other machines that it asked for; none was answered."""
    errors: list[str] = field(default_factory=list[str])
    """Errors on the console, and those that nobody caught."""
    expected: list[str] = field(default_factory=list[str])
    """Parts of errors that a test brings about on purpose."""

    @property
    def complaints(self) -> list[str]:
        """Everything that a test must not leave behind."""
        errors = [error for error in self.errors if not any(words in error for words in self.expected)]
        return [*(f"asked for {address}" for address in self.outside), *errors]

    def begin(self, origin: str) -> None:
        """Forget what there was; from now on this is the only machine that may be asked for anything."""
        self.origin = origin
        for each in (self.outside, self.errors, self.expected):
            each.clear()

    def watch(self, context: BrowserContext) -> None:
        """Look after every page of a context from now on."""
        context.on("request", lambda request: self._asked(request.url))
        context.on("console", self._said)
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))
        context.on("weberror", lambda error: self.errors.append(f"not caught: {error.error}"))

    def _asked(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != urlsplit(self.origin).netloc:
            self.outside.append(address)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")


NEW = """() => {
  document.activeElement?.blur();
  return !localStorage.length && !sessionStorage.length && !document.querySelector("dialog, [popover], [role=alert]");
}"""
"""Whether a page holds nothing by which it could be told from one that has just been loaded."""
FORGET = "localStorage.clear(), sessionStorage.clear()"


@dataclass
class Window:
    """A browser that remembers nothing of whoever used it before, though its page's process runs on: another would have
    to load and to learn the page's program again, which takes longer than many a test."""

    context: BrowserContext
    page: Page
    guard: Guard

    @property
    def connected(self) -> bool:
        """Whether it shows a page of some server."""
        return self.page.url.startswith("http")

    async def begin(
        self, address: str, viewport: ViewportSize | None = None, color_scheme: Literal["light", "dark"] = "light"
    ) -> None:
        """Be somebody's who comes to this address for the first time."""
        origin = "//".join(address.split("/")[0:3:2])
        if self.guard.origin != origin:
            await self.page.goto("about:blank")
        self.guard.begin(origin)
        if self.page.viewport_size != (viewport or USUAL):
            await self.page.set_viewport_size(viewport or USUAL)
        await self.page.emulate_media(color_scheme=color_scheme)
        place, _, hash_ = address.partition("#")
        if self.page.url.partition("#")[0] == place:
            await self.page.evaluate("hash => { location.hash = hash }", hash_)
        else:
            await self.page.goto(address)

    async def leave(self, *, stay: bool) -> None:
        """Forget everything. In: whether the page may stay, connected to its server, if there was nothing to forget."""
        if self.connected:
            stay = stay and await self.page.evaluate(NEW)
            await self.page.evaluate(FORGET)
        await self.page.mouse.move(0, 0)
        if not stay:
            await self.page.goto("about:blank")


class Windows:
    """Those of one Chromium: as many as somebody looks into at the same time."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: list[Window] = []
        self._used = 0

    @asynccontextmanager
    async def window(self, address: str, **options: Any) -> AsyncGenerator[Window]:
        """A window in which this address is being opened. In: what `Window.begin` takes; with anything else that
        Playwright's `new_context` takes, the window is this one's alone."""
        own = {name: value for name, value in options.items() if name not in ("viewport", "color_scheme")}
        usual = {name: value for name, value in options.items() if name not in own}
        window = self._free.pop() if self._free and not own else await self._open(own)
        self._used += 1
        try:
            await window.begin(address, **usual)
            yield window
            if not own:
                await window.leave(stay=self._used == 1)
        except BaseException:
            await window.context.close()
            raise
        finally:
            self._used -= 1
        if own:
            await window.context.close()
        else:
            self._free.append(window)

    async def _open(self, options: Mapping[str, Any]) -> Window:
        context = await self._browser.new_context(
            locale="en-GB", timezone_id="UTC", reduced_motion="reduce", viewport=USUAL, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        guard = Guard()
        guard.watch(context)
        return Window(context, await context.new_page(), guard)
