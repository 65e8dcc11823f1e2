"""What Slack offers to apps beyond what the bot uses today, tried on the page with a small app of its own."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from tests.browser.conftest import Visiting
from tests.browser.pages import Visitor
from tests.browser.seeing import NARROW, sound
from tests.browser.stage import Stage, staged
from tests.sandbox.page.testapp import Demo, demo

pytestmark = pytest.mark.anyio


@dataclass
class Play:
    """The stage, and the app on it."""

    stage: Stage
    app: Demo


@pytest.fixture(scope="module")
async def play(anyio_backend: str) -> AsyncGenerator[Play]:
    async with staged() as stage, demo(stage.slack, paused=True) as app:
        yield Play(stage, app)


async def cleared(play: Play) -> None:
    """Leave nothing of one test to the next."""
    slack = play.stage.slack
    for view in reversed(slack.modals(play.stage.alice)):
        await slack.close_modal(play.stage.alice, view)
    play.app.got.clear()


@pytest.fixture
async def at(visiting: Visiting, play: Play) -> AsyncGenerator[Visitor]:
    async with visiting(play.stage.page.address) as visitor:
        await visitor.to("#general")
        yield visitor
    await cleared(play)


async def run(at: Visitor, what: str, conversation: str = "#general") -> None:
    """Run the app's slash command. `posted` then looks only at what comes after it."""
    at.before = await at.messages.locator("article[data-ts]").evaluate_all("all => all.map(each => each.dataset.ts)")
    composer = at.composer(conversation)
    await composer.fill(f"/demo {what}")
    await composer.press("Enter")
    await expect(composer).to_have_value("")


async def posted(at: Visitor, words: str) -> Locator:
    """Wait for a message with these words that the last command led to. Out: it."""
    new = "".join(f":not([data-ts='{ts}'])" for ts in at.before)
    found = at.messages.locator(f"article{new}").filter(has_text=words).last
    await found.wait_for()
    return await at.settled(found)


async def got(play: Play, **wanted: Any) -> dict[str, Any]:
    """Wait for something that the app got, in which these stand."""

    def found() -> list[dict[str, Any]]:
        return [each for each in play.app.got if all(each.get(key) == value for key, value in wanted.items())]

    return (await play.stage.slack.until(found, what=f"{wanted} among {play.app.got}", poll=0.02))[-1]


async def test_slash_commands_are_offered_and_run(at: Visitor) -> None:
    composer = at.composer()
    await composer.press_sequentially("/de")
    await at.page.get_by_role("option").filter(has_text="/demo").click()
    await composer.press_sequentially("what can you do")
    await composer.press("Enter")
    told = await posted(at, "all blocks")
    await expect(told).to_contain_text("Only visible to you")


async def test_an_unknown_command_is_refused_in_words_and_what_was_typed_stays(at: Visitor) -> None:
    await at.composer().fill("/nothing of the kind")
    await at.composer().press("Enter")
    await at.page.get_by_role("alert").filter(has_text="/nothing").wait_for()
    await expect(at.composer()).to_have_value("/nothing of the kind")


async def test_a_notice_goes_by_itself_but_not_under_the_pointer_or_with_the_keyboard_on_it(at: Visitor) -> None:
    await at.page.clock.install()
    composer = at.composer()
    await composer.fill("/nothing of the kind")
    await composer.press("Enter")
    notice = at.page.get_by_role("alert")
    await notice.wait_for()
    await notice.hover()
    await at.page.clock.run_for(60_000)
    await expect(notice).to_be_visible()
    await at.button("Dismiss", notice).focus()
    await at.page.mouse.move(0, 0)
    await at.page.clock.run_for(60_000)
    await expect(notice).to_be_visible()
    await composer.focus()
    await at.page.clock.run_for(16_000)
    await expect(notice).to_have_count(0)
    await expect(at.page.locator(".notices [role=status]")).to_have_count(1)
    await composer.fill("")


async def test_a_stream_grows_before_the_eyes_of_who_asked_and_nobody_else(
    at: Visitor, play: Play, visiting: Visiting
) -> None:
    await run(at, "stream")
    root = await posted(at, "A stream with tasks")
    await at.open_thread(root)
    answer = at.replies.last
    await expect(answer).to_contain_text("I look at the files first.")
    async with visiting(at.page.url) as other:
        await other.act_as("Bob Jones")
        play.app.go_on()
        await expect(answer).to_contain_text("Read release.md")
        play.app.go_on(2)
        await expect(answer).to_contain_text("Now I write them down.")
        await expect(other.replies.last).not_to_contain_text("Now I write them down.")
        play.app.go_on(3)
        for words in ("Two are open", "The disk is full", "Streamed by the demo"):
            await expect(answer).to_contain_text(words)
        await expect(other.replies.last).to_contain_text("Streamed by the demo")
    source = answer.get_by_role("link", name=re.compile("The manual"))
    await expect(source).to_have_attribute("href", "https://example.com/manual")


async def test_a_plan_shows_how_far_it_is(at: Visitor, play: Play) -> None:
    await run(at, "plan")
    root = await posted(at, "A plan")
    await at.open_thread(root)
    answer = at.replies.last
    await expect(answer).to_contain_text("Getting ready")
    await expect(answer).to_contain_text("Find the tests")
    play.app.go_on()
    await expect(answer).to_contain_text("Running the tests")
    await expect(answer).not_to_contain_text("Getting ready")
    play.app.go_on(3)
    for words in ("All is well", "Tell the result", "All 12 tests passed."):
        await expect(answer).to_contain_text(words)


async def test_every_input_takes_what_is_put_into_it(at: Visitor, play: Play) -> None:
    await run(at, "ask")
    window = await at.opened("Every input")

    await at.press("Save", window)
    name = window.get_by_label("Name")
    await expect(name).to_have_attribute("aria-invalid", "true")
    await expect(name).to_be_focused()
    assert not [each for each in play.app.got if each.get("type") == "modal"]

    await name.fill("Alice")
    await window.get_by_label("Notes").fill("three\nfour")
    await window.get_by_label("Mail").fill("alice@example.com")
    await window.get_by_label("Address").fill("https://example.com/")
    await window.get_by_label("Number").fill("7")
    await window.get_by_label("Date", exact=False).first.fill("2026-12-24")
    await window.get_by_label("Time", exact=False).first.fill("18:00")
    await window.get_by_label("Fruit").first.select_option(label="Cherry")
    await window.get_by_label("Season").select_option(label="Damson")
    await window.get_by_label("Person").first.select_option(label="Bob Jones")
    await window.get_by_label("Channel").first.select_option(label="#general")
    await window.get_by_label("Ripe").check()
    await window.get_by_label("Large").check()
    await at.choose(window, "Search a fruit", "eld", "Elderberry")
    await at.choose(window, "Several fruits", "", "Apple", "Banana")
    await at.choose(window, "People", "", "Alice Smith", "Bob Jones")
    await window.get_by_label("Rich text").fill("some *rich* text")
    await window.get_by_label("Moment").fill("2026-12-24T18:30")
    await window.get_by_label("Files").set_input_files(
        [{"name": "enclosed.txt", "mimeType": "text/plain", "buffer": b"enclosed"}]
    )
    await window.get_by_text("enclosed.txt").wait_for()

    await at.press("Save", window)
    await window.locator("[aria-invalid=true]").first.wait_for()
    await at.press("Save", window)
    result = await at.opened("What I got")
    for words in (
        *("Alice", "three", "alice@example.com", "https://example.com/", "7", "2026-12-24", "18:00"),
        *("cherry", "damson", "ripe", "large", "elderberry", "apple", "banana", "1798137000", play.stage.general.id),
    ):
        await expect(result).to_contain_text(words)
    await at.press("Done", result)
    await expect(result).to_be_hidden()


async def test_closing_a_window_is_told_to_the_app(at: Visitor, play: Play) -> None:
    await run(at, "ask")
    window = await at.opened("Every input")
    await at.page.keyboard.press("Escape")
    await expect(window).to_be_hidden()
    await got(play, type="modal", closed=True)


async def test_an_ephemeral_message_is_changed_and_removed_by_its_buttons(at: Visitor, visiting: Visiting) -> None:
    await run(at, "ephemeral")
    message = await posted(at, "Only you see this.")
    await expect(message).to_contain_text("Only visible to you")
    async with visiting(at.page.url) as other:
        await other.act_as("Bob Jones")
        await other.messages.wait_for()
        await expect(other.messages.get_by_text("Only you see this.")).to_have_count(0)
    await at.press("Change it", message)
    await expect(await posted(at, "Changed.")).to_contain_text("Only visible to you")
    await expect(at.messages.get_by_text("Only you see this.")).to_have_count(0)
    await run(at, "ephemeral")
    await at.press("Remove it", await posted(at, "Only you see this."))
    await expect(at.messages.get_by_text("Only you see this.")).to_have_count(0)


async def test_files_of_the_app_are_shown_and_files_for_it_arrive(at: Visitor) -> None:
    await run(at, "files")
    root = await posted(at, "Files: send me one here")
    await at.open_thread(root)
    message = await at.said("A report and a picture", "report.txt")
    picture = message.get_by_role("img", name=re.compile("green square|picture", re.IGNORECASE))
    await picture.wait_for()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 32
    async with at.page.expect_download() as downloading:
        await message.get_by_role("link", name=re.compile(r"Download.*[Rr]eport")).click()
    path = await (await downloading.value).path()
    assert path.read_text() == "one\ntwo\nthree\n"
    async with at.page.expect_file_chooser() as choosing:
        await at.button("Attach files", at.thread).click()
    await (await choosing.value).set_files([{"name": "sizes.bin", "mimeType": "", "buffer": b"x" * 4321}])
    await at.reply("how large is it?")
    await at.said("4321 bytes")


async def test_a_session_shows_that_it_works_and_is_stopped(at: Visitor) -> None:
    await run(at, "status")
    root = await posted(at, "A session at work")
    await at.open_thread(root)
    await expect(at.thread).to_contain_text("Compare the files")
    await expect(at.thread).to_contain_text(re.compile("is thinking…|Reading the files…|Comparing them…|Nearly there…"))
    await at.button("Stop", at.thread).click()
    stopped = await at.said("stopped me.")
    await expect(at.button("Stop", at.thread)).to_have_count(0)
    await at.press("Go on", stopped)
    await expect(at.thread.get_by_text("Waiting for you")).to_have_count(0)


async def test_suggested_prompts_are_said_with_one_press(at: Visitor, play: Play) -> None:
    bot = play.stage.slack.workspace.bot.name
    await run(at, "prompts")
    await at.to(bot)
    await at.tab("Messages")
    await at.main.get_by_text("Try one of these").wait_for()
    await at.button("Count to three", at.main).click()
    await at.messages.get_by_text("Count: one, two, three").wait_for()


async def test_a_menu_says_what_was_picked(at: Visitor) -> None:
    await run(at, "menus")
    message = await posted(at, "An overflow menu")
    await at.open_thread(message)
    card = at.replies.first
    picks = (
        ("overflow", "move", lambda: at.pick("Move", card)),
        ("static_select", "damson", lambda: card.get_by_label("Pick one").nth(-1).select_option(label="Damson")),
        ("users_select", "", lambda: card.get_by_label("A person").select_option(label="Bob Jones")),
        ("channels_select", "", lambda: card.get_by_label("A channel").select_option(label="#general")),
        ("radio_buttons", "large", lambda: card.get_by_label("Large").check()),
        ("checkboxes", "ripe", lambda: card.get_by_label("Ripe").check()),
        ("multi_static_select", "apple, cherry", lambda: at.choose(card, "Pick one", "", "Apple", "Cherry")),
        ("datepicker", "2026-12-24", lambda: card.locator("input[type=date]").fill("2026-12-24")),
        ("timepicker", "18:30", lambda: card.locator("input[type=time]").fill("18:30")),
        ("button", "plain", lambda: at.press("Plain", card)),
    )
    for kind, value, pick in picks:
        await pick()
        await at.said(kind, value)


async def test_options_are_searched_at_the_app(at: Visitor) -> None:
    await run(at, "menus")
    message = await posted(at, "An overflow menu")
    await at.open_thread(message)
    card = at.replies.first
    await at.choose(card, "Search", "cher", "Cherry")
    await at.said("external_select", "cherry")


async def test_what_asks_whether_one_is_sure_is_not_done_without_a_yes(at: Visitor, play: Play) -> None:
    await run(at, "menus")
    message = await posted(at, "An overflow menu")
    await at.open_thread(message)
    card = at.replies.first
    await at.press("Delete all", card)
    asked = await at.opened("Really?")
    await at.press("No", asked)
    await expect(asked).to_be_hidden()
    assert not [each for each in play.app.got if "action_id" in each]
    await at.press("Delete all", card)
    await at.press("Yes, do it", await at.opened("Really?"))
    await at.said("confirm")


async def test_the_home_changes_with_its_buttons(at: Visitor, play: Play) -> None:
    await run(at, "home")
    await at.to(play.stage.slack.workspace.bot.name)
    await at.tab("Home")
    home = at.page.get_by_role("tabpanel", name="Home")
    await at.press("Start again", home)
    await expect(home).to_contain_text("Counted to 0.")
    await at.press("Count up", home)
    await expect(home).to_contain_text("Counted to 1.")
    await at.pick("Hundred", home)
    await expect(home).to_contain_text("Counted to 100.")


async def test_every_kind_of_block_is_drawn(at: Visitor) -> None:
    await run(at, "all blocks")
    message = await posted(at, "A section with fields")
    for words in (
        *(
            "left",
            "right",
            "A picture beside text",
            "Context with code",
            "Markdown",
            "print(1)",
            "Rich text and a link",
        ),
        *("second", "A quote", "some code", "notes.md", "A task", "It went well", "A card", "Inside"),
        *("A film", "A field in a message"),
    ):
        await expect(message).to_contain_text(words)
    for name in ("On the card", "A button", "Good answer", "Bad answer", "Throw away"):
        await expect(at.button(name, message)).to_have_count(1)
    await message.get_by_role("textbox", name="A field in a message").wait_for()
    await expect(at.messages.get_by_text("This page cannot draw")).to_have_count(0)
    beside = await posted(at, "file-1.md")
    for words in ("10 bytes", "A plan", "Now", "Then"):
        await expect(beside).to_contain_text(words)


async def test_streams_that_die_are_seen_in_the_inspector_and_end_on_the_page(at: Visitor, play: Play) -> None:
    await run(at, "stream")
    await at.open_thread(await posted(at, "A stream with tasks"))
    await at.said("I look at the files first.")
    await at.break_something("Streams die")
    play.app.go_on()
    await at.inspect("Traffic")
    line = at.inspector.get_by_role("button", name=re.compile(r"Call chat\.appendStream.* fault "))
    await line.last.click()
    await at.inspector.get_by_text("message_not_in_streaming_state").first.wait_for()
    await at.mend_everything()
    await expect(at.answers().last).not_to_contain_text("Read release.md")


async def test_the_app_comes_back_when_its_connection_is_cut_without_a_word(at: Visitor, play: Play) -> None:
    before = len(play.stage.slack.envelopes)
    await at.break_something("The connection is gone")
    await play.stage.slack.connected()
    await run(at, "ephemeral")
    await posted(at, "Only you see this.")
    await got(play, text="ephemeral")
    assert len(play.stage.slack.envelopes) > before


async def test_neither_every_block_nor_every_input_has_a_serious_fault(play: Play, visiting: Visiting) -> None:
    async with visiting(play.stage.page.address, viewport=NARROW) as at:
        await at.to("#general")
        await run(at, "all blocks")
        await posted(at, "A section with fields")
        await posted(at, "file-1.md")
        await sound(at, "every block")
        await run(at, "menus")
        menus = await posted(at, "An overflow menu")
        await sound(at, "menus", menus)
        await run(at, "ask")
        window = await at.opened("Every input")
        await sound(at, "every input", window)
    await cleared(play)
