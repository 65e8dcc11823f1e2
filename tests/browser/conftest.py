"""One browser for these tests, a fresh page for each, and what every page is held to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.browser import chrome
from tests.browser.pages import Visitor
from tests.browser.trial import Trial, trial

Visiting = Callable[..., AbstractAsyncContextManager[Visitor]]
FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Record whether the test itself failed: then a picture of the page is kept."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
async def windows(anyio_backend: str) -> AsyncGenerator[chrome.Windows]:
    program = chrome.installed()
    if program is None:
        reason = "no Chromium is installed: install it (Debian: `apt install chromium`) or name it with CHROMIUM"
        if os.environ.get("BROWSER_REQUIRED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    async with chrome.chromium(program) as running:
        yield chrome.Windows(running)


@pytest.fixture
def visiting(windows: chrome.Windows, request: pytest.FixtureRequest) -> Visiting:
    """Come to an address with a fresh browser. Whatever went wrong on the page fails the test in the end."""

    @asynccontextmanager
    async def come(address: str, **options: Any) -> AsyncGenerator[Visitor]:
        async with windows.window(address, **options) as window:
            guard, failed = window.guard, True
            try:
                yield await Visitor(window.page, guard, address).arrive()
                failed = request.node.stash.get(FAILED, False)
            finally:
                if failed:
                    print(await _picture(window.page, request.node.name), *guard.complaints, sep="\n")
            assert failed or guard.complaints == [], "what the page did besides"

    return come


async def _picture(page: Page, name: str) -> str:
    """Keep a picture of the page. Out: where it is."""
    folder = Path(tempfile.mkdtemp(prefix="page-"))
    path = folder / f"{''.join(c if c.isalnum() else '-' for c in name)[:80]}.png"
    try:
        await page.screenshot(path=path, timeout=5_000)
    except Exception as error:  # noqa: BLE001 - the test's own failure is what matters
        return f"no picture of the page: {error}"
    return f"a picture of the page: {path}"


@pytest.fixture(scope="package")
async def running(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Trial]:
    """`python -m bot try` over a folder of its own. Every test uses other files, and leaves no fault on."""
    async with trial(tmp_path_factory.mktemp("try")) as this:
        yield this


@pytest.fixture
async def at(visiting: Visiting, running: Trial) -> AsyncGenerator[Visitor]:
    """Somebody who has just opened the printed address in a window of usual size, as Alice in #general."""
    async with visiting(running.address) as visitor:
        await visitor.to("#general")
        yield visitor
        await visitor.close_windows()
