"""Everything with the keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.async_api import Locator, expect

from tests.browser.pages import BOT, REPLIES, Visitor
from tests.browser.trial import Trial

pytestmark = pytest.mark.anyio

MAX_TABS = 80
SHOWN = """each => [each, each.parentElement].some(one => {
  const style = getComputedStyle(one);
  return style.outlineStyle !== "none" || style.boxShadow !== "none";
})"""
"""Whether there is a ring around an element or, as around a field with its buttons, around what it stands in."""


async def tab_to(at: Visitor, wanted: Locator, key: str = "Tab") -> None:
    """Press Tab until this has the keyboard; what has it must be seen."""
    for _ in range(MAX_TABS):
        if await wanted.evaluate_all("found => found.some(each => each === document.activeElement)"):
            break
        await at.page.keyboard.press(key)
    await expect(wanted.first).to_be_focused()
    assert await wanted.first.evaluate(SHOWN), f"nothing shows that it has the keyboard: {await at.focused()}"


async def test_ask_and_approve(at: Visitor, running: Trial) -> None:
    press = at.page.keyboard.press
    await tab_to(at, at.composer())
    await at.page.keyboard.type("@Coll")
    await at.page.get_by_role("listbox").get_by_role("option", name=re.compile(BOT)).first.wait_for()
    await press("Enter")
    await at.page.keyboard.type('write "by keys" to keys.md')
    await expect(at.composer()).to_have_value(f'@{BOT} write "by keys" to keys.md')
    await press("Enter")
    await expect(at.composer()).to_have_value("")
    message = await at.settled(at.messages.get_by_role("article").filter(has_text="keys.md").last)
    counted = message.get_by_role("button", name=REPLIES)
    await counted.wait_for()
    await tab_to(at, counted, "Shift+Tab")
    await press("Enter")
    card = await at.asked()
    await tab_to(at, at.button("Approve", card))
    await press("Enter")
    path = running.workspace / "keys.md"
    await running.until(lambda: path.exists() and path.read_text() == "by keys", "keys.md")
    await expect(card).to_contain_text("@Alice Smith approved")


async def test_the_keyboard_stays_at_the_card_whose_button_went_away(at: Visitor, running: Trial) -> None:
    await at.ask('write "never" to near.md')
    card = await at.asked()
    await at.button("Deny", card).focus()
    await at.page.keyboard.press("Enter")
    await expect(card).to_contain_text("@Alice Smith denied")
    await expect(card).to_be_focused()


async def test_f6_reaches_every_part_of_the_page_in_both_directions(at: Visitor) -> None:
    message = await at.say("a thread for F6")
    await at.open_thread(message)
    await at.inspect("Traffic")
    parts = {
        "topbar": at.page.locator("header.topbar"),
        "conversations": at.sidebar,
        "conversation": at.main,
        "thread": at.thread,
        "inspector": at.inspector,
    }

    async def around(key: str) -> list[str]:
        reached: list[str] = []
        for _ in parts:
            await at.page.keyboard.press(key)
            for name, part in parts.items():
                if await part.evaluate("part => part.contains(document.activeElement)"):
                    reached.append(name)
        return reached

    await at.sidebar.get_by_role("link").first.focus()
    forth = await around("F6")
    assert forth == ["conversation", "thread", "inspector", "topbar", "conversations"]
    assert await around("Shift+F6") == ["topbar", "inspector", "thread", "conversation", "conversations"]
    await at.close_inspector()


async def test_a_window_takes_the_keyboard_keeps_it_and_gives_it_back(at: Visitor) -> None:
    press = at.page.keyboard.press
    await at.ask('write "never" to window.md')
    card = await at.asked()
    edit = at.button("Edit…", card)
    await edit.focus()
    await press("Enter")
    window = await at.opened("Edit before it runs")
    assert (await at.focused())["window"]
    names: set[str] = set()
    for _ in range(12):
        await press("Tab")
        focused = await at.focused()
        # Between its last element and its first the browser's own controls have their turn.
        assert focused["window"] or focused["tag"] == "body", focused
        names.add(f"{focused['tag']} {focused['label'] or focused['text']}")
    assert {"button Cancel", "button Save and ask again", "button Close"} <= names
    await press("Escape")
    await expect(window).to_be_hidden()
    await expect(edit).to_be_focused()


async def test_a_window_with_one_field_puts_the_keyboard_there(at: Visitor) -> None:
    press = at.page.keyboard.press
    await at.ask('write "never" to reason.md')
    card = await at.asked()
    menu = at.button("More actions", card)
    await menu.focus()
    await press("Enter")
    first, second = at.page.get_by_role("menuitem").nth(0), at.page.get_by_role("menuitem").nth(1)
    await expect(first).to_be_focused()
    await press("ArrowDown")
    await expect(second).to_be_focused()
    await press("Escape")
    await expect(first).to_be_hidden()
    await expect(menu).to_be_focused()
    await press("Enter")
    await expect(first).to_be_focused()
    await press("Enter")
    window = await at.opened("Deny with a reason")
    await expect(window.get_by_label("Why not, or what instead?")).to_be_focused()
    await at.page.keyboard.type("Not like this.")
    await tab_to(at, at.button("Deny", window))
    await press("Enter")
    await expect(card).to_contain_text("@Alice Smith denied")
    await at.said("Not like this.")


async def test_a_line_is_broken_with_shift_and_what_was_sent_is_changed_with_the_arrow_up(at: Visitor) -> None:
    press = at.page.keyboard.press
    await at.composer().focus()
    await at.page.keyboard.type("first line of keys")
    await press("Shift+Enter")
    await at.page.keyboard.type("second line of keys")
    await press("Enter")
    message = await at.settled(at.messages.get_by_role("article").filter(has_text="second line of keys").last)
    assert "first line of keys\nsecond line of keys" in await message.inner_text()
    await expect(at.composer()).to_be_focused()
    await press("ArrowUp")
    editing = message.get_by_role("textbox")
    await expect(editing).to_be_focused()
    await editing.press("End")
    await at.page.keyboard.type(", changed")
    await press("Enter")
    await expect(message).to_contain_text("second line of keys, changed")
    await expect(message).to_contain_text("(edited)")


async def test_the_switcher_goes_anywhere_and_escape_closes_the_thread(at: Visitor) -> None:
    press = at.page.keyboard.press
    message = await at.say("a thread for the keyboard")
    await at.open_thread(message)
    await at.thread.get_by_role("textbox", name="Reply").focus()
    await press("Escape")
    await expect(at.thread).to_be_hidden()
    await press("Control+k")
    await expect(at.page.get_by_role("dialog").get_by_role("combobox")).to_be_focused()
    await at.page.keyboard.type("rele")
    await press("Enter")
    await expect(at.main.get_by_role("heading", level=1)).to_contain_text("release")
    await press("Control+k")
    await press("Escape")
    await expect(at.page.get_by_role("dialog")).to_have_count(0)
