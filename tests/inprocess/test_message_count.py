"""Ten turns as in the tour, counted on the wire: each is one message, and two where a person was asked; no message
changes twice within three seconds."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

SECONDS = 3.0
ADDS = ("chat.postMessage", "chat.startStream", "files.completeUploadExternal")


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path, start=False) as this:
        (this.bot.home / "bot.toml").write_text(f"[limits]\nprogress_every_seconds = {SECONDS}\n")
        await this.bot.start()
        this.model.script(text("Good morning."))
        await this.reply(await this.slack.say(this.general, this.alice, "<@BOT> hello"), "Good morning.")
        await this.quiet()
        yield this


def the_tour(here: World) -> Sequence[tuple[Sequence[Any], bool]]:
    """What the model does in each turn, and whether a person is asked."""
    folder = here.workspace
    (folder / "notes").mkdir()
    (folder / "notes" / "june.md").write_text("The budget is 4,000.\n")
    (folder / "release.md").write_text("# Release 2.4\n\n- [ ] tag\n")

    def tool(name: str, **arguments: Any) -> Any:
        return call(f"filesystem__{name}", arguments)

    read = tool("read_text_file", path=str(folder / "release.md"))
    edit = tool("edit_file", path=str(folder / "release.md"), edits=[{"oldText": "- [ ] tag", "newText": "- [x] tag"}])
    back = tool("edit_file", path=str(folder / "release.md"), edits=[{"oldText": "- [x] tag", "newText": "- [ ] tag"}])
    write = tool("write_file", path=str(folder / "notice.txt"), content="closed on Friday")
    search = tool("search_files", path=str(folder), pattern="*.md")
    listing = tool("list_directory", path=str(folder))
    return [
        ([text("Good morning.")], False),
        ([calls(read), text("It is at 2.4.")], False),
        ([calls(edit), text("Ticked.")], True),
        ([calls(search, listing, text="Let me look."), text("There are two.")], False),
        ([calls(listing), calls(read), text("Here they are.")], False),
        ([calls(read), calls(back), text("The tick is gone again.")], True),
        ([calls(write, read), text("Written.")], True),
        ([calls(tool("read_text_file", path=str(folder / "missing.md"))), text("There is no such file.")], False),
        ([calls(search), calls(listing), calls(read), text("I have looked everywhere.")], False),
        ([text("You are welcome.")], False),
    ]


async def test_ten_turns_are_one_message_each_and_two_where_a_person_was_asked(here: World) -> None:
    first = len(here.slack.calls)
    messages: list[int] = []
    tour = the_tour(here)
    for steps, asks in tour:
        since = len(here.slack.calls)
        here.model.script(*steps)
        ts = await here.slack.say(here.general, here.alice, "<@BOT> please")
        if asks:
            card = await here.reply(ts, "Waiting for you")
            button = next(each for each in card.buttons if each.startswith("Approve"))
            await here.slack.click(card, button, by=here.alice)
        await here.reply(ts, steps[-1].text)
        await here.until(lambda ts=ts: here.open_approvals(ts) == 0, what="the record", poll=0.01)
        await here.quiet()
        made = [each for each in here.slack.calls[since:] if each.method in ADDS and each.status == 200]
        messages.append(len(made))
        assert len(here.replies(ts)) == len(made), "nothing was posted and taken away again"
    assert messages == [1 + asks for _, asks in tour]
    changes: dict[str, list[float]] = {}
    for each in here.slack.calls[first:]:
        if each.method == "chat.update":
            changes.setdefault(str(each.args["ts"]), []).append(each.at)
    pauses = [later - at for times in changes.values() for at, later in itertools.pairwise(times)]
    assert min(pauses, default=SECONDS) >= SECONDS - 0.05
