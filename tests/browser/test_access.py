"""The page for everybody: no serious complaint of axe-core, in light and dark, on a wide screen and a narrow one."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visiting
from tests.browser.pages import BOT
from tests.browser.seeing import NARROW, WIDE, fits, sound
from tests.browser.trial import Trial

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_no_scene_has_a_serious_fault(running: Trial, visiting: Visiting, size: dict[str, int]) -> None:
    name = f"sound-{size['width']}.md"
    colours = size is WIDE  # a narrow page has the same
    running.file(name, "- [ ] tag\n- [ ] notes\n")
    async with visiting(running.address, viewport=size) as at:
        await at.to("#general")
        await at.ask(f'read {name} then replace "- [ ] tag" with "- [x] tag" in {name}')
        card = await at.asked()
        await sound(at, "thread with a card", colours=colours)
        await at.press("Edit…", card)
        window = await at.opened("Edit before it runs")
        await at.press("Save and ask again", window)
        await expect(window.locator("[aria-invalid=true]")).to_have_count(1)
        await sound(at, "window with an error", window, colours=colours)
        await at.press("Cancel", window)
        await expect(window).to_be_hidden()
        await at.press("Deny", card)
        await at.page.keyboard.press("Control+k")
        switcher = at.page.get_by_role("dialog")
        await switcher.get_by_role("combobox").wait_for()
        await sound(at, "switcher", switcher, colours=colours)
        await at.page.keyboard.press("Escape")
        await at.to(BOT)
        await at.tab("Home")
        await expect(at.page.get_by_role("tabpanel")).to_contain_text("Standing grants")
        await sound(at, "Home", at.main, colours=colours)
        for tab in ("Traffic", "Faults", "Bot"):
            await at.inspect(tab)
            if tab == "Traffic":
                # Of the many lines that look alike, those of this thread.
                await at.inspector.get_by_label("Filter by text").fill(name)
            await sound(at, f"inspector: {tab}", at.inspector, colours=colours)
        if at.narrow:
            await at.close_inspector()
            await at.to_sidebar()
            await sound(at, "sidebar", at.sidebar, colours=colours)


async def test_nor_has_any_of_the_rarer_scenes(running: Trial, visiting: Visiting) -> None:
    running.file("rare.md", "- [ ] tag\n")
    async with visiting(running.address) as at:
        await at.to("#general")
        await at.ask('replace "- [ ] tag" with "- [x] tag" in rare.md')
        card = await at.asked()
        await at.press("More actions", card)
        menu = at.page.get_by_role("menu")
        await menu.wait_for()
        await sound(at, "menu", menu)
        await at.page.keyboard.press("Escape")
        await at.press("Always…", card)
        window = await at.opened("Always allow")
        await sound(at, "window with choices", window)
        await at.press("Cancel", window)
        await at.press("Approve", card)
        await at.press("Undo", card)
        confirmed = await at.opened("Undo this?")
        await sound(at, "question whether one is sure", confirmed)
        await at.press("Back", confirmed)
        await at.act_as("Bob Jones")
        await at.press("Undo", card)
        await at.press("Undo", await at.opened("Undo this?"))
        told = await at.said("Only visible to you")
        await sound(at, "word for one person", told)
        await at.act_as("Alice Smith")
        await at.composer().press_sequentially("@")
        people = at.page.get_by_role("listbox")
        await people.wait_for()
        await sound(at, "people who can be mentioned", people)
        await at.page.keyboard.press("Escape")
        await at.inspect("Traffic")
        await at.inspector.get_by_role("listitem").get_by_role("button").last.click()
        await at.inspector.get_by_role("region").first.wait_for()
        whole = at.inspector.get_by_role("listitem").filter(has=at.page.get_by_role("region"))
        await sound(at, "a call in full", whole)
        await at.inspect("Scenario")
        await sound(at, "inspector: Scenario", at.inspector)
        await at.close_inspector()
        await at.to(BOT)
        for tab in ("Messages", "About"):
            await at.tab(tab)
            await sound(at, tab, at.main)


async def test_the_story_can_be_told_on_a_narrow_screen(running: Trial, visiting: Visiting) -> None:
    async with visiting(running.address, viewport=NARROW, has_touch=True) as at:
        await at.to("#general")
        await at.ask('write "from a narrow screen" to narrow.md')
        card = await at.asked()
        await expect(at.messages).to_be_hidden()
        await fits(at)
        await at.press("Edit…", card)
        window = await at.opened("Edit before it runs")
        await fits(at)
        box = await window.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= NARROW["width"]
        await window.get_by_role("textbox", name="Content").fill("from a narrow screen, changed")
        await at.press("Save and ask again", window)
        await expect(window).to_be_hidden()
        await expect(card).to_contain_text("@Alice Smith edited this")
        await at.press("Approve", await at.asked())
        path = running.workspace / "narrow.md"
        await running.until(lambda: path.exists() and path.read_text() == "from a narrow screen, changed", "narrow.md")
        await at.press("Close thread", at.thread)
        await at.messages.wait_for()
        await fits(at)
