"""The real bot with the offline model: real tools, real files, approvals as with any model."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from slack_sandbox.offline import OfflineModel
from tests.harness import World, world
from tests.process.asking import asked, diff, edit, window

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    async with world(tmp_path_factory.mktemp("bot")) as this:
        yield this


@pytest.fixture
async def here(running: World) -> AsyncGenerator[World]:
    running.fresh()
    running.model.respond = OfflineModel(pace=0).respond
    yield running
    await running.quiet()
    running.check()


async def test_it_lists_reads_and_finds(here: World) -> None:
    folder = here.workspace.name
    (here.workspace / "plan-of-ours.md").write_text("# Our plan\n- [ ] tag\n")
    ts = await here.slack.say(here.general, here.alice, f"<@BOT> list {folder}, then read our plan")
    answer = await here.reply(ts, "Our plan")
    assert "plan-of-ours.md" in answer.plain
    assert "offline model" in answer.plain


async def test_a_write_is_asked_about_and_then_told_truly(here: World) -> None:
    target = here.workspace / "list.md"
    target.write_text("- [ ] tag\n- [ ] tests\n")
    ts = await here.slack.say(here.general, here.alice, f'<@BOT> tick off "tag" in {here.workspace.name}/list.md')
    [card] = await asked(here, ts)
    assert "+- [x] tag" in diff(card)
    await here.slack.click(card, "approval.approved", by=here.alice)
    await here.reply(ts, "I have ticked off")
    assert target.read_text() == "- [x] tag\n- [ ] tests\n"


async def test_of_two_writes_one_is_approved_and_one_denied_and_both_are_told(here: World) -> None:
    folder = here.workspace.name
    words = f'<@BOT> write "one" to {folder}/a.md and write "two" to {folder}/b.md'
    ts = await here.slack.say(here.general, here.alice, words)
    [card] = await asked(here, ts)
    view = await window(here, card, "Review…", here.alice)
    await here.slack.click(view, "Next", by=here.alice)
    await here.until(lambda: view.data["title"]["text"] == "Review 2 of 2", what="the second request")
    await here.slack.click(view, "approval.more", by=here.alice, option="Deny with a reason…")
    await here.until(lambda: len(here.slack.modals(here.alice)) == 2, what="the form on top")
    form = here.slack.modals(here.alice)[-1]
    assert await here.slack.submit(here.alice, form, {"reason": {"value": "not that one"}}) == {
        "response_action": "clear"
    }
    await here.until(lambda: "Approve" in card.buttons, what="a card with one request left")
    await here.slack.click(card, "Approve", by=here.alice)
    answer = await here.reply(ts, "the request was denied")
    assert f"I have written {folder}/a.md" in answer.plain.replace("`", "")
    assert "not that one" in answer.plain
    assert (here.workspace / "a.md").read_text() == "one"
    assert not (here.workspace / "b.md").exists()


async def test_what_a_person_has_edited_is_what_is_told(here: World) -> None:
    folder = here.workspace.name
    ts = await here.slack.say(here.general, here.alice, f'<@BOT> write "one" to {folder}/a.md')
    [card] = await asked(here, ts)
    await edit(here, card, here.alice, content="two")
    fresh = await here.until(
        lambda: [reply for reply in here.replies(ts) if "Approve" in reply.buttons and "two" in str(reply.blocks)],
        what="a card with the new words",
    )
    await here.slack.click(fresh[-1], "Approve", by=here.alice)
    await here.reply(ts, "A person changed the call")
    assert (here.workspace / "a.md").read_text() == "two"


async def test_what_it_does_not_understand_it_says(here: World) -> None:
    ts = await here.slack.say(here.general, here.alice, "<@BOT> Bitte zeige mir die Dateien")
    assert "no AI" in (await here.reply(ts, "did not understand")).plain
