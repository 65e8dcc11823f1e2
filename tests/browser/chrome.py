"""An installed Chromium, and what every page in it must hold to."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Route, WebSocket, async_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first draws the same pages without all that belongs to a window, for two thirds of the CPU."""
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # No process in reserve for pages that never come, and none of its own for each test's page.
    "--disable-features=SpareRendererForSitePerProcess,IsolateOrigins,site-per-process",
    "--disable-site-isolation-trials",
    "--renderer-process-limit=1",
)
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

    origin: str
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

    async def watch(self, context: BrowserContext) -> None:
        """Look after every page of a context from now on."""
        await context.route(self._is_outside, self._refuse)
        context.on("console", self._said)
        context.on("page", self._watch_page)
        context.on("weberror", lambda error: self.errors.append(f"not caught: {error.error}"))

    def _watch_page(self, page: Page) -> None:
        page.on("websocket", self._connected)

    def _connected(self, socket: WebSocket) -> None:
        if self._is_outside(socket.url):
            self.outside.append(socket.url)

    def _is_outside(self, address: str) -> bool:
        parts = urlsplit(address)
        return parts.scheme not in ("data", "blob", "about") and parts.netloc != urlsplit(self.origin).netloc

    async def _refuse(self, route: Route) -> None:
        self.outside.append(route.request.url)
        await route.abort()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")


@asynccontextmanager
async def guarded(browser: Browser, origin: str, **options: Any) -> AsyncGenerator[tuple[Page, Guard]]:
    """A fresh page that remembers nothing, as Playwright's `new_context` takes the options, and what it does wrong."""
    defaults: Mapping[str, Any] = {
        "viewport": {"width": 1280, "height": 800},
        "color_scheme": "light",
        "locale": "en-GB",
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
    }
    context = await browser.new_context(**{**defaults, **options})
    try:
        context.set_default_timeout(PATIENCE_MS)
        guard = Guard(origin)
        await guard.watch(context)
        yield await context.new_page(), guard
    finally:
        await context.close()
