"""What a newcomer does first, in a real browser: ask, look at the card, decide, and see it on the disk."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visiting
from tests.browser.pages import BOT, Visitor
from tests.browser.trial import Trial
from tests.unit.attachments import samples

pytestmark = pytest.mark.anyio

PLAN = "# Plan\n\nOwner: Alice\nDate: Friday\n\n- [ ] tag\n"
NEXT = PLAN.replace("Friday", "Monday")


def move_the_date(name: str) -> str:
    """A wish for one changed line."""
    return f'replace "Date: Friday" with "Date: Monday" in {name}'


async def moved(at: Visitor, running: Trial, name: str) -> Path:
    """Ask for the change of a new file. Out: the file."""
    path = running.file(name, PLAN)
    await at.ask(move_the_date(name))
    return path


async def holds(running: Trial, path: Path, content: str) -> None:
    """Wait until a file holds this."""
    await running.until(lambda: path.exists() and path.read_text() == content, f"{path.name} with {content!r}")


async def test_a_mention_ends_in_the_file_that_somebody_has_approved(at: Visitor, running: Trial) -> None:
    path = running.file("first.md", PLAN)
    await at.ask(f"read first.md then {move_the_date('first.md')}")
    card = await at.asked()
    for words in ("Read first.md", "Edit first.md?", "1 line changed", "-Date: Friday", "+Date: Monday", "@Alice"):
        await expect(card).to_contain_text(words)
    assert path.read_text() == PLAN
    await at.press("Approve", card)
    await holds(running, path, NEXT)
    await expect(card).to_contain_text("@Alice Smith approved")
    await expect(card).not_to_contain_text("in progress")
    await expect(at.button("Approve", card)).to_have_count(0)
    await at.said("offline model", "first.md", besides=card)


async def test_what_was_approved_is_taken_back_with_undo(at: Visitor, running: Trial) -> None:
    path = await moved(at, running, "undo.md")
    card = await at.asked()
    await at.press("Approve", card)
    await holds(running, path, NEXT)
    await at.press("Undo", card)
    asked = await at.opened("Undo this?")
    await expect(asked).to_contain_text("The file gets its earlier content back.")
    await at.press("Undo", asked)
    await holds(running, path, PLAN)
    await expect(card).to_contain_text("undone by @Alice")
    await expect(at.button("Undo", card)).to_have_count(0)


async def test_the_model_is_told_why_a_call_was_denied(at: Visitor, running: Trial) -> None:
    path = await moved(at, running, "denied.md")
    card = await at.asked()
    await at.pick("Deny with a reason…", card)
    window = await at.opened("Deny with a reason")
    await window.get_by_label("Why not, or what instead?").fill("Monday is a holiday.")
    await at.press("Deny", window)
    await expect(window).to_be_hidden()
    await expect(card).to_contain_text("@Alice Smith denied")
    await at.said("Monday is a holiday.", besides=card)
    assert path.read_text() == PLAN


async def test_changed_arguments_are_asked_about_again_and_what_was_saved_is_what_runs(
    at: Visitor, running: Trial
) -> None:
    path = running.file("edited.md", "old\n")
    await at.ask('write "new" to edited.md')
    card = await at.asked()
    await at.press("Edit…", card)
    window = await at.opened("Edit before it runs")
    await window.get_by_role("textbox", name="Content").fill("newer\nand longer\n")
    await at.press("Save and ask again", window)
    await expect(window).to_be_hidden()
    await expect(card).to_contain_text("@Alice Smith edited this")
    assert path.read_text() == "old\n"
    fresh = await at.asked()
    assert await fresh.get_attribute("data-ts") == await card.get_attribute("data-ts")
    for words in ("-old", "+newer", "+and longer", "Changed: content."):
        await expect(fresh).to_contain_text(words)
    await at.press("Approve", fresh)
    await holds(running, path, "newer\nand longer\n")


async def test_what_cannot_be_meant_is_said_beside_the_field(at: Visitor, running: Trial) -> None:
    running.file("wrong.md", "old\n")
    await at.ask('write "new" to wrong.md')
    card = await at.asked()
    await at.press("Edit…", card)
    window = await at.opened("Edit before it runs")
    await at.press("Save and ask again", window)
    path = window.locator("[aria-invalid=true]")
    await expect(path).to_have_count(1)
    await expect(path).to_have_accessible_description(re.compile("Nothing was changed"))
    await at.press("Cancel", window)
    await expect(window).to_be_hidden()
    await at.press("Deny", card)
    await expect(card).to_contain_text("@Alice Smith denied")


async def test_of_two_calls_one_is_approved_and_the_other_denied(at: Visitor, running: Trial) -> None:
    await at.ask('write "yes" to both-yes.md and write "no" to both-no.md')
    card = await at.asked()
    await expect(at.button("Approve all", card)).to_have_count(1)
    await at.press("Review…", card)
    await at.press("Next", await at.opened("Review 1 of 2"))
    window = await at.opened("Review 2 of 2")
    await window.get_by_label("Include this one").uncheck()
    await at.press("Approve 1 of 2", window)
    await expect(window).to_be_hidden()
    await holds(running, running.workspace / "both-yes.md", "yes")
    await expect(card).to_contain_text("@Alice Smith approved 1 of 2")
    await expect(at.button("Approve all", card)).to_have_count(0)
    await expect(at.button("Review…", card)).to_have_count(0)
    await at.said("both-yes.md", "both-no.md", "denied", besides=card)
    assert not (running.workspace / "both-no.md").exists()


async def test_somebody_else_is_told_who_may_decide_and_the_card_stays_as_it_is(at: Visitor, running: Trial) -> None:
    path = await moved(at, running, "others.md")
    card = await at.asked()
    await at.act_as("Bob Jones")
    await card.wait_for()
    await at.press("Approve", card)
    told = await at.said("Only visible to you", "@Alice", "can decide")
    await expect(at.button("Approve", card)).to_have_count(1)
    await at.act_as("Alice Smith")
    await card.wait_for()
    await expect(told).to_have_count(0)
    assert path.read_text() == PLAN
    await at.press("Deny", card)
    await expect(card).to_contain_text("@Alice Smith denied")


async def test_a_standing_grant_is_given_from_a_card_and_taken_back_in_the_home(at: Visitor, running: Trial) -> None:
    running.file("granted/other.md", "")
    await at.ask('write "one" to granted/one.md')
    card = await at.asked()
    await at.press("Always…", card)
    window = await at.opened("Always allow")
    await window.get_by_label("files in granted/").check()
    await window.get_by_label("everywhere, for what I ask, for a day").check()
    await at.press("Approve, and always", window)
    await expect(window).to_be_hidden()
    await holds(running, running.workspace / "granted" / "one.md", "one")
    await at.reply('write "two" to granted/two.md')
    await holds(running, running.workspace / "granted" / "two.md", "two")
    await at.said("Wrote granted/two.md", "allowed by")

    await at.to(BOT)
    await at.tab("Home")
    home = at.page.get_by_role("tabpanel", name="Home")
    await expect(home).to_contain_text("writing files in granted/")
    await at.press("Revoke", home)
    await at.press("Revoke", await at.opened("Revoke this?"))
    await expect(home).to_contain_text("There are none")

    await at.to("#general")
    await at.ask('write "three" to granted/three.md')
    await at.press("Deny", await at.asked())
    assert not (running.workspace / "granted" / "three.md").exists()


async def test_a_direct_message_needs_no_mention(at: Visitor, running: Trial) -> None:
    running.file("direct.md", "What only this file says.\n")
    await at.to(BOT)
    await at.tab("Messages")
    await at.ask("read direct.md", BOT)
    await at.said("What only this file says.")


async def test_what_a_file_says_stays_text_in_tool_summary_card_and_answer(at: Visitor, running: Trial) -> None:
    hostile = "<script>window.broken = 1</script> <!channel> [x](javascript:window.broken=1) <img src=x onerror=1>"
    running.file("hostile.md", f"{hostile}\n")
    await at.ask('read hostile.md then replace "window.broken" with "window.fixed" in hostile.md')
    card = await at.asked()
    await expect(card).to_contain_text(f"-{hostile}")
    await at.press("Deny", card)
    # What would call everybody together looks the same in code, and does not do so.
    await at.said(hostile.replace("<!channel>", "<\u200b!channel>"), besides=card)
    assert await at.page.evaluate("window.broken") is None
    assert await at.page.locator("a[href^='javascript']").count() == 0


async def test_the_whole_way_of_a_mention_can_be_read_in_the_inspector(at: Visitor, running: Trial) -> None:
    running.file("way.md", "What only way.md says.\n")
    await at.inspect("Traffic")
    await at.ask("read way.md")
    await at.said("What only way.md says.")
    for words in (
        "Envelope app_mention .*way.md",
        "Model offline.plain-english",
        # A slow turn is streamed, in pieces.
        "Call chat.(postMessage .*What only way.md says|stopStream)",
    ):
        line = at.inspector.get_by_role("listitem").get_by_role("button", name=re.compile(words)).last
        await line.wait_for()
        await line.click()
    await expect(at.inspector).to_contain_text("app_mention")
    await at.inspector.get_by_role("region", name=re.compile("Response|Answer")).last.wait_for()
    shown = await at.inspector.inner_text()
    assert not re.search(r"xox[bp]-|xapp-|sk-or-", shown)


async def test_what_the_bot_says_to_one_person_directly_nobody_else_finds(at: Visitor, running: Trial) -> None:
    await at.to(BOT)
    await at.tab("Messages")
    message = await at.say("a word between the two of us", BOT)
    await at.act_as("Bob Jones")
    await at.to(BOT)
    await at.tab("Messages")
    await expect(message).to_have_count(0)
    await at.to("#general")
    await expect(at.messages.get_by_text("a word between the two of us")).to_have_count(0)


async def test_a_private_channel_does_not_exist_for_who_is_not_in_it(at: Visitor) -> None:
    await at.to("finance")
    private = at.page.url
    message = await at.say("a secret of finance", "finance")
    await at.act_as("Carol White")
    await expect(at.link("finance")).to_have_count(0)
    await expect(message).to_have_count(0)
    carol = at.page.url.rpartition("#/")[2].partition("/")[0]
    await at.page.goto(f"{at.address}#/{carol}/{private.rpartition('/')[2]}")
    await at.sidebar.wait_for()
    await expect(at.page.get_by_text("a secret of finance")).to_have_count(0)


async def test_people_and_channels_can_be_added_and_the_bot_invited(at: Visitor, running: Trial) -> None:
    running.file("newcomer.md", "What only newcomer.md says.\n")
    await at.button("Add person").click()
    window = at.page.get_by_role("dialog")
    await window.get_by_label("Name").fill("Eve Newcomer")
    await at.press("Add", window)
    await expect(window).to_be_hidden()
    await at.act_as("Eve Newcomer")
    await at.button("Add channel").click()
    await window.get_by_label("Name").fill("newcomers")
    await at.press("Create", window)
    await expect(window).to_be_hidden()
    await at.to("#newcomers")
    await at.main.get_by_role("button", name=re.compile("member")).click()
    await window.get_by_label("Add to the channel").select_option(label=BOT)
    await at.press("Add", window)
    await expect(window.get_by_role("list", name="Members")).to_contain_text(BOT)
    await at.press("Close", window)
    await at.ask("read newcomer.md", "#newcomers")
    await at.said("What only newcomer.md says.")


async def test_a_file_is_attached_shown_and_downloaded_as_it_was(at: Visitor, tmp_path: Path) -> None:
    content = bytes(range(256)) * 20
    async with at.page.expect_file_chooser() as choosing:
        await at.button("Attach files", at.main).click()
    await (await choosing.value).set_files(
        [
            {"name": "figures ümläut.bin", "mimeType": "application/octet-stream", "buffer": content},
            {"name": "dot.png", "mimeType": "image/png", "buffer": DOT},
        ]
    )
    await at.main.get_by_text("figures ümläut.bin").wait_for()
    message = await at.say("two files for everybody")
    await expect(message).to_contain_text("figures ümläut.bin")
    picture = message.get_by_role("img", name=re.compile("dot"))
    await picture.wait_for()
    assert await picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1
    async with at.page.expect_download() as downloading:
        await message.get_by_role("link", name=re.compile(r"Download.*figures")).click()
    download = await downloading.value
    assert download.suggested_filename == "figures ümläut.bin"
    await download.save_as(tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == content


async def test_the_model_reads_a_picture_a_pdf_and_a_large_table_that_are_attached(at: Visitor) -> None:
    async with at.page.expect_file_chooser() as choosing:
        await at.button("Attach files", at.main).click()
    await (await choosing.value).set_files(
        [
            {"name": "chart.png", "mimeType": "image/png", "buffer": samples.picture()},
            {"name": "bill.pdf", "mimeType": "application/pdf", "buffer": samples.pdf("Total: 42 EUR")},
            {"name": "sales.csv", "mimeType": "text/csv", "buffer": samples.table(203_000)},
        ]
    )
    await at.main.get_by_text("5.0 MB").wait_for()
    await at.ask("read attached.md")
    answer = await at.said("A real model would have read them")
    for words in ("chart.png", "40 × 30 pixels", "bill.pdf", "1 page", "sales.csv", "203,000 rows with the heading"):
        await expect(answer).to_contain_text(words)


async def test_what_one_has_not_read_yet_is_counted_beside_the_channel(at: Visitor) -> None:
    await at.act_as("Bob Jones")
    await at.to("#general")
    await expect(at.link("#general")).to_have_accessible_name("#general")
    await at.to("#release")
    await at.act_as("Alice Smith")
    await at.to("#general")
    await at.say("to whom it may concern")
    await at.say("and once more, @Bob Jones")
    await at.to("#release")
    await at.act_as("Bob Jones")
    await expect(at.link("#general")).to_have_accessible_name("#general, 2 unread")
    await at.to("#general")
    await at.messages.get_by_text("to whom it may concern").wait_for()
    await expect(at.link("#general")).to_have_accessible_name("#general")


async def test_a_thread_that_one_has_only_looked_at_is_not_counted(at: Visitor) -> None:
    root = await at.say("a thread between others")
    await at.act_as("Bob Jones")
    await at.open_thread(root)
    await at.to("#release")
    await expect(at.link("#general")).to_have_accessible_name("#general")
    await at.act_as("Alice Smith")
    await at.to("#general")
    await at.open_thread(root)
    await at.reply("nothing for Bob")
    await at.said("nothing for Bob")
    await at.to("#release")
    await at.act_as("Bob Jones")
    await expect(at.link("#general")).to_have_accessible_name("#general")


async def test_a_reload_keeps_the_place_the_thread_the_draft_and_the_open_window(at: Visitor, running: Trial) -> None:
    path = await moved(at, running, "reload.md")
    card = await at.asked()
    await at.composer().fill("a draft that nobody has sent")
    await at.press("Edit…", card)
    await at.opened("Edit before it runs")
    before = at.page.url
    await at.page.reload()
    assert at.page.url == before
    window = await at.opened("Edit before it runs")
    await at.press("Cancel", window)
    await expect(window).to_be_hidden()
    await expect(at.composer()).to_have_value("a draft that nobody has sent")
    await at.press("Approve", card)
    await holds(running, path, NEXT)


async def test_two_browsers_show_the_same(at: Visitor, running: Trial, visiting: Visiting) -> None:
    path = await moved(at, running, "shared.md")
    card = await at.asked()
    async with visiting(at.page.url) as other:
        await other.press("Approve", await other.asked())
        await expect(card).to_contain_text("@Alice Smith approved")
        await holds(running, path, NEXT)


async def test_people_are_offered_after_an_at_sign(at: Visitor) -> None:
    composer = at.composer()
    await composer.click()
    await composer.press_sequentially("hello @Bo")
    await at.page.get_by_role("listbox").get_by_role("option", name=re.compile("Bob Jones")).click()
    await composer.press_sequentially("do you see this?")
    await composer.press("Enter")
    message = at.messages.get_by_role("article").filter(has_text="do you see this?")
    await expect(message).to_contain_text(re.compile(r"hello @Bob(?: Jones)? do you see this\?"))


async def test_the_page_is_dark_when_one_wants_it_dark_and_remembers_it(at: Visitor) -> None:
    theme = at.page.locator("html")
    await expect(theme).to_have_attribute("data-theme", "light")
    dark = at.button("Dark mode")
    await expect(dark).to_have_attribute("aria-pressed", "false")
    await dark.click()
    await expect(theme).to_have_attribute("data-theme", "dark")
    await at.page.reload()
    await expect(dark).to_have_attribute("aria-pressed", "true")
    await expect(theme).to_have_attribute("data-theme", "dark")
    await dark.click()
    await expect(theme).to_have_attribute("data-theme", "light")


async def test_the_page_is_dark_where_the_machine_is(running: Trial, visiting: Visiting) -> None:
    async with visiting(running.address, color_scheme="dark") as at:
        await expect(at.page.locator("html")).to_have_attribute("data-theme", "dark")


DOT = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cfc00000030101"
    "00c9fe92ef0000000049454e44ae426082"
)


async def test_a_thread_that_is_gone_says_so_and_takes_no_reply(at: Visitor) -> None:
    await at.open_thread(await at.say("a thread that is there"))
    ts = at.page.url.rpartition("/")[2]
    await at.page.evaluate("ts => { location.hash = location.hash.replace(ts, '1000000000.000100') }", ts)
    await expect(at.thread).to_contain_text("This thread is not here any more")
    await expect(at.thread.get_by_role("textbox", name="Reply")).to_have_count(0)
    await expect(at.thread).not_to_contain_text("repl")
    await at.button("Close thread", at.thread).click()
    await expect(at.thread).to_be_hidden()
