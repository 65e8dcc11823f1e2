"""Whatever is made to fail from the inspector, and however often the page is loaded again: the answer comes, once."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Visiting
from tests.browser.pages import Visitor
from tests.browser.trial import Trial

pytestmark = pytest.mark.anyio

FAULTS: dict[str, float | None] = {
    "Too many requests (429)": 1,
    "Every event comes twice": None,
    "Breaks off": 1,
    "Freeze the bot": 1,
}
"""One of each kind; all of them are in tests/process/test_trial_faults.py."""


@pytest.fixture
async def at(visiting: Visiting, running: Trial) -> AsyncGenerator[Visitor]:
    async with visiting(running.address, viewport={"width": 1600, "height": 900}) as visitor:
        await visitor.to("#general")
        yield visitor
        await visitor.close_windows()
        await visitor.mend_everything()


async def state(at: Visitor, words: str) -> None:
    """Wait until the program is in this state."""
    bot = await at.inspect("Bot")
    await expect(bot.locator("dd[data-state]")).to_have_text(words)


async def steer(at: Visitor, button: str) -> None:
    """Start, stop, restart or kill the program."""
    bot = await at.inspect("Bot")
    await at.button(button, bot.get_by_role("group", name="Steer the bot")).click()


async def card_for(at: Visitor, name: str) -> Locator:
    """Have a new file asked for."""
    await at.ask(f'write "what {name} holds" to {name}')
    return await at.asked()


async def written_once(at: Visitor, running: Trial, card: Locator, name: str) -> None:
    """Wait until the file is there, and the thread says so once."""
    path = running.workspace / name
    await running.until(lambda: path.exists() and path.read_text() == f"what {name} holds", name)
    await expect(card).to_contain_text("@Alice Smith approved")
    await expect(at.button("Undo", card)).to_have_count(1)
    await expect(card).not_to_contain_text("in progress")
    told = at.answers(await card.get_attribute("data-ts") or "").filter(has_text=f"I have written {name}")
    await expect(told).to_have_count(1)


async def test_a_page_that_is_loaded_again_in_mid_turn_shows_the_answer_once(at: Visitor, running: Trial) -> None:
    running.file("slow.md", "What only slow.md says.\n")
    await at.break_something("Slow model", 1)
    await at.ask("read slow.md")
    await expect(at.answers().filter(has_text="What only slow.md says.")).to_have_count(0)
    await at.page.reload()
    await at.thread.wait_for()
    await expect(at.answers().filter(has_text="What only slow.md says.")).to_have_count(1)


async def test_a_card_from_before_a_restart_still_works(at: Visitor, running: Trial) -> None:
    card = await card_for(at, "restarted.md")
    bot = await at.inspect("Bot")
    process = bot.get_by_role("definition").nth(1)
    before = await process.inner_text()
    await steer(at, "Restart")
    await expect(process).not_to_have_text(before)
    await state(at, "Running")
    await at.press("Approve", card)
    await written_once(at, running, card, "restarted.md")


async def test_a_card_from_before_a_kill_still_works_and_a_click_in_between_is_not_lost_silently(
    at: Visitor, running: Trial
) -> None:
    card = await card_for(at, "killed.md")
    await steer(at, "Kill")
    await expect(at.inspector.locator("dd[data-state]")).to_have_text(re.compile("Stopped|Crashed"))
    await at.press("Approve", card)
    await at.page.get_by_role("alert").filter(has_text="did not answer within 3 seconds").wait_for()
    assert not (running.workspace / "killed.md").exists()
    await steer(at, "Start")
    await state(at, "Running")
    if await at.button("Approve", card).count():
        await at.press("Approve", card)
    await written_once(at, running, card, "killed.md")


async def test_a_mention_to_a_stopped_bot_is_answered_when_it_runs_again(at: Visitor, running: Trial) -> None:
    running.file("later.md", "What only later.md says.\n")
    await steer(at, "Stop")
    await state(at, "Stopped")
    await at.ask("read later.md")
    await steer(at, "Start")
    # The threads that the tests before have begun a moment ago are read first, one in two seconds.
    answer = at.answers().filter(has_text="What only later.md says.")
    await expect(answer).to_have_count(1, timeout=60_000)


async def test_the_answer_is_shown_once_whatever_is_made_to_fail(at: Visitor, running: Trial) -> None:
    asked: list[tuple[str, str, Locator]] = []
    for number, (title, given) in enumerate(FAULTS.items()):
        name = f"{re.sub('[^a-z]+', '-', title.lower())}{number}.md"
        running.file(name, f"What only {name} says.\n")
        await at.break_something(title, given)
        asked.append((title, name, await at.ask(f"read {name}")))
        try:
            await expect(at.answers().filter(has_text=f"What only {name} says.")).to_have_count(1)
        except AssertionError as error:
            error.add_note(f"with the fault {title!r}")
            raise
        await at.mend_everything()
    for title, name, root in asked:
        await at.open_thread(root)
        await expect(at.thread).to_contain_text(f"read {name}")
        assert await at.answers().filter(has_text=f"What only {name} says.").count() == 1, title


async def test_the_thread_says_so_when_the_account_is_empty_and_goes_on_when_it_is_not(
    at: Visitor, running: Trial
) -> None:
    running.file("credits.md", "What only credits.md says.\n")
    await at.break_something("Out of credits (402)")
    await at.ask("read credits.md")
    await at.said("credit")
    await at.mend_everything()
    await at.reply("try again")
    await expect(at.answers().filter(has_text="What only credits.md says.")).to_have_count(1)


async def test_a_fault_that_is_on_says_so_in_its_row_until_it_is_switched_off_there(at: Visitor) -> None:
    row = await at.break_something("Too many messages (429)", 7)
    faults = await at.inspect("Faults")
    on = faults.get_by_role("region", name="On now")
    await expect(on).to_contain_text("Too many messages (429)")
    await expect(row).to_contain_text("On, 7 more times")
    await at.button("Switch off", row).focus()
    await at.page.keyboard.press("Enter")
    await expect(row).not_to_contain_text("On, ")
    await expect(on).to_be_hidden()
    await expect(at.button("Switch on", row)).to_be_focused()


async def test_all_faults_are_switched_off_at_once(at: Visitor) -> None:
    rows = [await at.break_something("Too many messages (429)", 7), await at.break_something("Slack is slow", 0.1)]
    for row in rows:
        await expect(row).to_contain_text("On, ")
    await at.mend_everything()
    for row in rows:
        await expect(row).not_to_contain_text("On, ")
