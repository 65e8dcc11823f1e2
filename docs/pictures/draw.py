"""Draws messages, windows and Home tabs as the sandbox's own page shows them, in an installed Chromium.

Each is put into a fresh local Slack, which is served with its page: nothing but that page knows how to draw blocks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from playwright.async_api import Browser, Page, Route, async_playwright
from smaller import smaller

from slack_sandbox.model import Channel, Message, Person, View
from slack_sandbox.page import Page as Served
from slack_sandbox.slack import SlackSandbox

Json = dict[str, Any]

SEEN_AT = 1_772_446_320
"""When all pictures are taken: Monday, 2 March 2026, 10:12 in UTC."""
TS = f"{SEEN_AT}.000100"
WIDTH, HEIGHT = 900, 3000
"""Of the browser's window: the list of conversations takes 220 of its width."""
TALLEST = 2500
"""Of what is drawn: more would have to be scrolled in that window."""
PATIENCE_MS = 20_000
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # These keep the machine's screen and font settings out of the pictures.
    "--disable-lcd-text",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
)
STYLE = """
article.message { padding-block: 12px !important; }
pre.code { max-height: none !important; }
dialog { box-shadow: none !important; }
dialog::backdrop { background: var(--bg) !important; }
"""
"""A picture has an edge, cannot be scrolled, and has nothing behind a window."""


class NoChromium(Exception):
    """There is no browser to draw with; the text is for the person who runs the command."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something to draw."""

    name: str
    """Of the file."""
    title: str
    """For the list that is printed."""
    shown: Json
    """A view as Slack returns it, or `text` and `blocks` of a message."""
    seen_by: str
    """The id of the person who looks at it."""
    channel: str
    """The id of the channel that a message is in."""
    names: Mapping[str, str]
    """Of the people, channels and groups, by their ids."""
    errors: Mapping[str, str] = field(default_factory=dict[str, str])
    """What is entered in the inputs of a window, by block_id."""


def chromium() -> str:
    """The program: what CHROMIUM names, else the first of the usual names on the PATH. Raises NoChromium."""
    named = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else PROGRAMS)), None)
    if found is not None:
        return found
    if named:
        raise NoChromium(f"CHROMIUM names {named}, which is no program that can be started.")
    raise NoChromium(
        "No Chromium was found: install it (Debian and Ubuntu: `apt install chromium`) or name it with "
        "CHROMIUM=/path/to/it."
    )


async def draw(program: str, entries: Sequence[Entry]) -> dict[str, bytes]:
    """The pictures as PNG, by the names of the entries. Raises RuntimeError for what the page cannot draw."""
    async with async_playwright() as playwright:
        # As root, and in most containers, Chromium's own sandbox cannot be set up.
        browser = await playwright.chromium.launch(executable_path=program, chromium_sandbox=False, args=[*FLAGS])
        try:
            tab = await browser.new_page()
            return {entry.name: await smaller(tab, await _picture(browser, entry)) for entry in entries}
        finally:
            await browser.close()


async def _picture(browser: Browser, entry: Entry) -> bytes:
    async with SlackSandbox(bot_name="Colleague") as slack, Served(slack) as served:
        place = _put(slack, entry)
        async with _window(browser, served.origin) as (page, trouble):
            await page.goto(f"{served.address}#/{entry.seen_by}/{place}")
            await page.add_style_tag(content=STYLE)
            taken = await _taken(page, entry)
            if trouble:
                raise RuntimeError(f"{entry.name}: {trouble[0]}")
            return taken


def _put(slack: SlackSandbox, entry: Entry) -> str:
    """Put an entry where it belongs. Out: the part of the page's address that leads there."""
    workspace, kind = slack.workspace, entry.shown.get("type")
    for each, name in entry.names.items():
        if each.startswith("U"):
            workspace.people.setdefault(each, Person(each, name, name, workspace.team_id))
        elif each.startswith("S"):
            workspace.usergroups[each] = {"id": each, "handle": name, "name": name, "users": []}
        elif name:
            workspace.channels[each] = Channel(each, name, "channel", SEEN_AT, dict.fromkeys(workspace.people))
    seen_by, channel = workspace.people[entry.seen_by], workspace.channels[entry.channel]
    if kind == "home":
        workspace.homes[seen_by.id] = View(entry.shown["id"], seen_by.id, entry.shown)
        return f"{slack.open_dm(seen_by).id}/home"
    if kind == "modal":
        view = View(entry.shown["id"], seen_by.id, entry.shown, errors=dict(entry.errors))
        workspace.modals[seen_by.id] = [view]
    else:
        bot, text, blocks = workspace.bot, entry.shown["text"], entry.shown["blocks"]
        message = Message(channel.id, TS, bot.id, text, workspace.team_id, bot_id=bot.bot_id, blocks=blocks)
        workspace.store(channel, message)
    return channel.id


@asynccontextmanager
async def _window(browser: Browser, origin: str) -> AsyncGenerator[tuple[Page, list[str]]]:
    """A page that remembers nothing, and a list of what goes wrong on it."""
    context = await browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        device_scale_factor=2,
        color_scheme="light",
        reduced_motion="reduce",
        locale="en-US",
        timezone_id="UTC",
    )
    trouble: list[str] = []

    async def refuse(route: Route) -> None:
        trouble.append(f"the page asked for {route.request.url}")
        await route.abort()

    try:
        context.set_default_timeout(PATIENCE_MS)
        await context.clock.set_fixed_time(datetime.fromtimestamp(SEEN_AT, UTC))
        await context.route(lambda address: not address.startswith((origin, "data:", "blob:")), refuse)
        context.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
        context.on("weberror", lambda failed: trouble.append(str(failed.error)))
        yield await context.new_page(), trouble
    finally:
        await context.close()


async def _taken(page: Page, entry: Entry) -> bytes:
    kind = entry.shown.get("type")
    if kind == "home":
        panel, last = page.get_by_role("main"), page.locator(".bk-home")
    else:
        panel = last = page.get_by_role("dialog") if kind == "modal" else page.locator(f'article[data-ts="{TS}"]')
    await last.wait_for()
    await page.evaluate("document.activeElement?.blur()")
    await page.evaluate("document.fonts.ready.then(() => true)")
    for what in ('[role="alert"]', ".bk-unknown"):
        if await page.locator(what).count():
            raise RuntimeError(f"{entry.name}: {await page.locator(what).first.inner_text()}")
    box = await last.bounding_box()
    assert box is not None
    if box["height"] > TALLEST:
        raise RuntimeError(f"{entry.name}: this is taller than {TALLEST} pixels")
    if kind == "home":
        await page.set_viewport_size({"width": WIDTH, "height": round(box["y"] + box["height"]) + 20})
    return await panel.screenshot(animations="disabled", caret="hide")
