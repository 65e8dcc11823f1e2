"""Takes the picture that README.md begins with: `python -m bot try` in a browser, when the bot asks whether it may.

Everything in it is real but the model, which is the offline one: the bot, its tools, the files, the page. It needs an
installed Chromium (CHROMIUM=/path/to/it names one that is not on the PATH).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from draw import FLAGS, NoChromium, chromium
from playwright.async_api import Page, async_playwright, expect
from smaller import smaller

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "try.png"
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]+/")
OF_A_BOT = ("SLACK_", "OPENROUTER_", "OPENAI_", "BOT_", "MCP_", "DATABASE_URL", "LOG_")
SAID = '@Colleague tick off "tag" in release.md'
PATIENCE_MS = 30_000.0


def main() -> int:
    """Take it. Out: the exit code."""
    try:
        program = chromium()
    except NoChromium as reason:
        print(reason, file=sys.stderr)  # noqa: T201
        return 1
    with home() as folder, trying(folder) as address:
        png = asyncio.run(taken(program, address))
    PICTURE.write_bytes(png)
    print(f"{PICTURE.relative_to(ROOT)}  {len(png):,} bytes")  # noqa: T201
    return 0


async def taken(program: str, address: str) -> bytes:
    """The picture: #general, and the thread in which the bot asks."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, chromium_sandbox=False, args=FLAGS)
        page = await browser.new_page(
            viewport={"width": 1280, "height": 800},
            device_scale_factor=2,
            color_scheme="light",
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        await page.goto(address)
        await ask(page)
        await wait(page)
        png = await page.screenshot(animations="disabled", caret="hide")
        small = await smaller(await browser.new_page(), png)
        await browser.close()
        return small


async def ask(page: Page) -> None:
    """Write to the bot as Alice in #general, and open the thread."""
    sidebar = page.get_by_role("navigation", name="Conversations")
    await sidebar.get_by_role("link", name=re.compile("^#general")).click()
    await page.get_by_label("Act as", exact=True).select_option(label="Alice Smith")
    await page.get_by_role("textbox", name="Message #general", exact=True).fill(SAID)
    await page.get_by_role("main").get_by_role("button", name="Send", exact=True).click()
    message = page.get_by_role("log", name="Messages").get_by_role("article").filter(has_text="tick off").last
    await message.get_by_role("button", name=re.compile(r"^\d+ repl(y|ies)$")).click()


async def wait(page: Page) -> None:
    """Until the card is there with all its buttons, and nothing has the pointer or the keyboard."""
    thread = page.get_by_role("complementary", name="Thread")
    card = thread.get_by_role("article").filter(has=page.get_by_role("button", name="Approve"))
    await expect(card).to_contain_text("[x] tag")
    await expect(card.get_by_role("button", name="More actions")).to_be_in_viewport()
    await page.mouse.move(0, 0)
    await page.evaluate("document.activeElement?.blur(); document.fonts.ready.then(() => true)")


@contextmanager
def home() -> Generator[Path]:
    """A folder for the program, under the same name each time where that is free: its path is in the picture."""
    with tempfile.TemporaryDirectory() as other:
        folder = Path(tempfile.gettempdir()) / "team"
        try:
            folder.mkdir()
        except FileExistsError:
            yield Path(other)
            return
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


@contextmanager
def trying(folder: Path) -> Generator[str]:
    """The program over a folder. Out: the page's address."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_A_BOT)}
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "bot", "try", "--no-open", "--folder", str(folder)],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := ADDRESS.search(line):
                yield found[0]
                break
        else:
            raise RuntimeError("the program ended before it printed an address")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


if __name__ == "__main__":
    sys.exit(main())
