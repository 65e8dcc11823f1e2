"""The page as a person uses it: everything is found by its role and its name, as a screen reader tells them.

What is to appear is waited for by `wait_for`: an `expect` that does not find its element yet describes the whole page,
for its message, each time that it looks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Self

from playwright.async_api import Dialog, Locator, Page, expect

from tests.browser.chrome import PATIENCE_MS, Guard

BOT = "Colleague"
REPLIES = re.compile(r"^\d+ repl(y|ies)$")

expect.set_options(timeout=PATIENCE_MS)

APPROVE = re.compile(r"^Approve(?: (?!all)[a-z]+)?$")
"""Of one call, not of all."""
OPEN = re.compile(rf"{APPROVE.pattern}|^Review…$")
"""On a card on which something can be decided."""


@dataclass
class Visitor:
    """Somebody in front of the page."""

    page: Page
    guard: Guard
    address: str
    before: list[str] = field(default_factory=list[str])
    """The timestamps of the messages that were there before the last command."""

    @property
    def narrow(self) -> bool:
        """Whether there is room for one pane only."""
        size = self.page.viewport_size
        return size is not None and size["width"] < 600

    async def arrive(self) -> Self:
        """See what is at the address that the program has printed."""
        await self.sidebar.or_(self.main).first.wait_for()
        return self

    @property
    def sidebar(self) -> Locator:
        return self.page.get_by_role("navigation", name="Conversations")

    @property
    def main(self) -> Locator:
        return self.page.get_by_role("main")

    @property
    def messages(self) -> Locator:
        """The list of a conversation's messages."""
        return self.page.get_by_role("log", name="Messages")

    @property
    def thread(self) -> Locator:
        """The pane of the thread that is open."""
        return self.page.get_by_role("complementary", name="Thread")

    @property
    def replies(self) -> Locator:
        """The messages of that thread, its root among them."""
        return self.thread.get_by_role("log", name="Replies").get_by_role("article")

    @property
    def window(self) -> Locator:
        """The window on top."""
        return self.page.get_by_role("dialog").last

    @property
    def inspector(self) -> Locator:
        return self.page.get_by_role("complementary", name="Inspector")

    def button(self, name: str, within: Locator | None = None) -> Locator:
        """A button of exactly this name; `Approve` also with what is approved."""
        if name == "Approve":
            return (within or self.page).get_by_role("button", name=APPROVE)
        return (within or self.page).get_by_role("button", name=name, exact=True)

    async def act_as(self, name: str) -> None:
        """Be somebody else from now on."""
        await self.page.get_by_label("Act as", exact=True).select_option(label=name)

    async def to(self, conversation: str) -> None:
        """Go to a channel (`#general`) or to the bot (`Colleague`)."""
        if self.narrow:
            await self.to_sidebar()
        await self.link(conversation).click()
        await expect(self.main.get_by_role("heading", level=1)).to_contain_text(conversation.removeprefix("#"))

    def link(self, conversation: str) -> Locator:
        """Its link in the sidebar, with or without the number of what is unread."""
        name = re.compile(rf"^{re.escape(conversation)}(, .*unread.*)?$")
        return self.sidebar.get_by_role("link", name=name)

    async def to_sidebar(self) -> None:
        """Leave the panes that fill a narrow page, one after the other."""
        leave = self.page.get_by_role("button", name=re.compile(r"^(Back to the conversations|Close thread)$"))
        while not await self.sidebar.is_visible():
            await leave.first.click()
            await self.sidebar.or_(self.main).first.wait_for()

    def composer(self, conversation: str = "#general") -> Locator:
        """Where one writes."""
        return self.page.get_by_role("textbox", name=f"Message {conversation}", exact=True)

    async def say(self, text: str, conversation: str = "#general") -> Locator:
        """Write something at the top level. Out: the message."""
        await self.composer(conversation).fill(text)
        await self.button("Send", self.main).click()
        words = " ".join(text.split())
        return await self.settled(self.messages.get_by_role("article").filter(has_text=words).last)

    async def settled(self, article: Locator) -> Locator:
        """The same message, found by what does not change of it."""
        ts = await article.get_attribute("data-ts")
        assert ts
        return article.page.locator(f'article[data-ts="{ts}"]').first

    async def open_thread(self, message: Locator) -> None:
        """Open the thread of a message, by the button that counts its replies or the one to write the first."""
        await message.hover()
        either = message.get_by_role("button", name=REPLIES).or_(self.button("Reply in thread", message))
        await either.first.click()
        await self.thread.wait_for()

    async def ask(self, text: str, conversation: str = "#general") -> Locator:
        """Write to the bot and open the thread. Out: the message."""
        message = await self.say(text if conversation == BOT else f"@{BOT} {text}", conversation)
        await self.open_thread(message)
        return message

    async def reply(self, text: str) -> None:
        """Write in the thread that is open."""
        await self.thread.get_by_role("textbox", name="Reply", exact=True).fill(text)
        await self.button("Send", self.thread).click()

    def answers(self, *besides: str) -> Locator:
        """The messages of that thread without its root and those of these timestamps."""
        others = "".join(f":not([data-ts='{ts}'])" for ts in (self.page.url.rpartition("/")[2], *besides))
        return self.thread.locator(f"article[data-ts]{others}")

    async def said(self, *words: str, besides: Locator | None = None) -> Locator:
        """Wait for an answer in the open thread with all of these words, another than this. Out: it."""
        found = self.answers(*([] if besides is None else [await besides.get_attribute("data-ts") or ""]))
        for each in words:
            found = found.filter(has_text=each)
        await found.last.wait_for()
        return await self.settled_in_thread(found.last)

    async def settled_in_thread(self, article: Locator) -> Locator:
        """The same message of the thread, found by what does not change of it."""
        ts = await article.get_attribute("data-ts")
        return self.thread.locator(f'article[data-ts="{ts}"]')

    async def asked(self) -> Locator:
        """Wait for a card on which something can be decided. Out: it."""
        open_ones = self.replies.filter(has=self.page.get_by_role("button", name=OPEN))
        await open_ones.last.wait_for()
        return await self.settled_in_thread(open_ones.last)

    async def press(self, name: str, within: Locator) -> None:
        """Press a button of a message or a window."""
        await self.button(name, within).first.click()

    async def pick(self, entry: str, within: Locator) -> None:
        """Pick an entry of a message's menu."""
        await self.press("More actions", within)
        await self.page.get_by_role("menuitem", name=entry, exact=True).click()

    async def choose(self, within: Locator, label: str, query: str, *options: str) -> None:
        """Search a list that a button opens, and choose from it."""
        await within.get_by_role("button", name=re.compile(rf"^{re.escape(label)}\b")).first.click()
        search = self.page.get_by_role("combobox", name="Search", exact=True)
        await search.fill(query)
        for option in options:
            await self.page.get_by_role("listbox").get_by_role("option", name=option, exact=True).click()
        if await search.is_visible():
            await search.press("Escape")
        await expect(search).to_be_hidden()

    async def opened(self, title: str) -> Locator:
        """Wait for the window of this title. Out: it."""
        window = self.page.get_by_role("dialog", name=title, exact=True)
        await window.wait_for()
        return window

    async def close_windows(self) -> None:
        """Leave no window open to whoever comes next as the same person."""
        windows = self.page.locator("dialog[open]")
        for _ in range(await windows.count()):
            await self.page.keyboard.press("Escape")
        await expect(windows).to_have_count(0)

    async def tab(self, name: str, within: Locator | None = None) -> None:
        """Choose a tab."""
        await (within or self.main).get_by_role("tab", name=re.compile(rf"^{name}\b")).click()

    async def inspect(self, tab: str) -> Locator:
        """Open the inspector at one of its tabs. Out: its pane."""
        if not await self.inspector.is_visible():
            await self.page.get_by_role("button", name=re.compile("^Inspector")).first.click()
        await self.tab(tab, self.inspector)
        return self.inspector

    async def close_inspector(self) -> None:
        """Close it again."""
        if await self.inspector.is_visible():
            await self.page.get_by_role("button", name=re.compile("^(Close inspector|Inspector)")).first.click()
            await expect(self.inspector).to_be_hidden()

    async def break_something(self, title: str, number: float | None = None) -> Locator:
        """Switch on a fault in the inspector, by its title. Out: its line in the inspector."""
        faults = await self.inspect("Faults")
        line = faults.locator("form").filter(has=self.page.get_by_role("heading", name=title, exact=True))
        if number is not None:
            await line.get_by_role("spinbutton").fill(str(number))
        await line.get_by_role("button", name=re.compile("^(Switch on|Do it now)")).click()
        return line

    async def mend_everything(self) -> None:
        """Switch off every fault."""
        faults = await self.inspect("Faults")
        off = self.button("Switch everything off", faults)
        if await off.is_visible():
            await off.click()
        await expect(off).to_be_hidden()

    async def focused(self) -> dict[str, Any]:
        """What has the keyboard: its tag, its name, its place in a window."""
        return await self.page.evaluate(
            """() => {
              const e = document.activeElement;
              return {tag: e.tagName.toLowerCase(), text: (e.textContent || "").trim().slice(0, 80),
                      label: e.getAttribute("aria-label") || "", window: !!e.closest("dialog[open]")};
            }"""
        )


def no_dialog(_: Dialog) -> None:
    """A page that asks by `alert` or the like."""
    raise AssertionError("the page opened one of the browser's own dialogs")
