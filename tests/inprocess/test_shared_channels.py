"""What a channel that is shared with another organization sees of a call, unless the configuration says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


async def card(here: World, *, shared: bool) -> Message:
    """A request in a channel."""
    people = [here.alice, here.bob]
    if shared:
        people.append(here.slack.add_person("Olga Other", team_id="T0OTHER"))
    channel = here.slack.add_channel("project", people)
    assert channel.shared_externally is shared
    path = str(here.workspace / "a.txt")
    here.model.script(calls(call("filesystem__write_file", {"path": path, "content": "new"})), text("Done."))
    ts = await here.slack.say(channel, here.alice, "<@BOT> write")
    return await here.reply(ts, "Waiting for", channel)


async def test_it_sees_a_summary_and_who_may_decide_sees_everything(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        shown = await card(here, shared=True)
        assert "Write a file" in shown.plain
        assert "a.txt" not in shown.plain
        assert shown.buttons == ["Review…"]
        await here.slack.click(shown, "Review…", by=here.alice)
        [view] = await here.until(lambda: here.slack.modals(here.alice), what="the window")
        assert "a.txt" in str(view.blocks)
        assert await here.slack.submit(here.alice, view) == {}
        await here.until((here.workspace / "a.txt").exists, what="the file")
        await here.quiet()
        assert "a.txt" not in shown.plain


async def test_any_other_channel_sees_everything(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        shown = await card(here, shared=False)
        assert "a.txt" in shown.plain
        await here.slack.click(shown, "Deny", by=here.alice)
        await here.quiet()


async def test_it_sees_everything_if_that_is_configured(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text('[agent]\nprivacy = "full"\n')
    async with inside(tmp_path) as here:
        shown = await card(here, shared=True)
        assert "a.txt" in shown.plain
        await here.slack.click(shown, "Deny", by=here.alice)
        await here.quiet()
