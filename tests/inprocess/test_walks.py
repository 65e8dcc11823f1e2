"""One mention, one click, one tool result and one undo pass each module once, along the paths that docs/architecture.md
draws.

`tests.inprocess.walks` defines what is counted.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from bot.tools.toolset import make_toolset
from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.harness import World
from tests.inprocess.changing import turn
from tests.inprocess.walks import Walk, followed
from tests.inprocess.world import BotInside, inside
from tests.pages import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

AGAIN = ["agent/authorization.py:CallAuthorizer.reevaluate", "agent/policy_facts.py:policy_facts"]
"""What is entered twice on purpose: before a call runs that nobody was asked about, policy and grants are applied
again, as they may have changed since."""
EACH = {"slack/delivery/settling.py:Settler.settle", "slack/delivery/sender.py:Sender.update"}
"""What is entered once for each message that changes."""


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    """A bot whose tools have started, with a server that is a process: the walks lead through its pipes."""
    async with inside(tmp_path, start=False) as this:
        assert isinstance(this.bot, BotInside)
        this.bot.toolset_of = make_toolset
        await this.bot.start()
        this.model.script(text("Good morning."))
        ts = await this.slack.say(this.general, this.alice, "<@BOT> hello")
        await this.reply(ts, "Good morning.")
        # What operators are told about tools is found out beside all walks.
        await this.until(lambda: this.bot.rows("SELECT 1 FROM seen_tools"), what="known tools", poll=0.01)
        await this.quiet()
        yield this


def drawn(section: str) -> list[list[list[str]]]:
    """The walks that a section of the page draws, each with the stages of its legs."""
    page = (ROOT / "docs/architecture.md").read_text("utf-8")
    [body] = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    blocks = re.findall(r"```text\n(.*?)```", body, re.DOTALL)
    return [[line.split(" → ") for line in block.splitlines()] for block in blocks]


def check(walk: Walk, picture: Sequence[Sequence[str]]) -> None:
    """The legs of the picture were walked, in its order."""
    legs = iter([leg.stages for leg in walk.legs])
    for wanted in picture:
        assert list(wanted) in legs, "\n".join(" → ".join(leg.stages) for leg in walk.legs)


async def asked(here: World, *names: str) -> Message:
    """Have the bot ask whether it may write these files."""
    each = [call("filesystem__write_file", {"path": str(here.workspace / name), "content": "x"}) for name in names]
    here.model.script(calls(*each), text("Done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    card = await here.reply(ts, "Waiting for you")
    await here.quiet()
    return card


async def test_the_walk_of_a_mention_passes_each_module_once(here: World) -> None:
    words, _ = drawn("A mention")
    here.model.script(text("It is noon."))
    with followed() as walk:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> what time is it?")
        await here.reply(ts, "It is noon.")
        await here.quiet()
    assert walk.returns == []
    check(walk, words)


async def test_so_does_the_walk_of_a_mention_in_a_thread_that_outgrows_the_context(tmp_path: Path) -> None:
    [words] = drawn("A thread that outgrows the model's context")
    async with inside(tmp_path, start=False) as here:
        (here.bot.home / "bot.toml").write_text("[models]\ncontext = 9000\n[tools]\nsearch = false\n")
        await here.bot.start()
        here.model.script(text("Good morning."), text("It is noon. " * 1_500), text("They talked."), text("It is one."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.reply(ts, "Good morning.")
        await here.quiet()
        await here.slack.say(here.general, here.alice, "<@BOT> what time is it?", thread_ts=ts)
        await here.reply(ts, "It is noon.")
        await here.quiet()
        with followed() as walk:
            await here.slack.say(here.general, here.alice, "<@BOT> and now?", thread_ts=ts)
            await here.reply(ts, "It is one.")
            await here.quiet()
        assert walk.returns == []
        check(walk, words)
        here.model.prefix_breaks.clear()


async def test_so_does_the_walk_of_a_mention_that_leads_to_a_request_for_approval(here: World) -> None:
    _, card = drawn("A mention")
    with followed() as walk:
        await asked(here, "a.txt")
    assert walk.returns == []
    check(walk, card)


async def test_the_walks_of_a_click_and_of_the_result_of_the_call_pass_each_module_once(here: World) -> None:
    card = await asked(here, "a.txt")
    with followed() as walk:
        await here.slack.click(card, "Approve", by=here.alice)
        await here.reply(card.thread_ts or "", "Done.")
        await here.quiet()
    assert (here.workspace / "a.txt").read_text() == "x"
    assert set(walk.returns) <= EACH
    for section in ("A click", "A tool call and its result"):
        picture, *_ = drawn(section)
        check(walk, picture)


@pytest.mark.parametrize("button", ["Deny", "Stop", "Approve all", "Deny all", "by somebody else"])
async def test_so_does_the_walk_of_any_other_click(here: World, button: str) -> None:
    card = await asked(here, "a.txt", *(["b.txt"] if button.endswith("all") else []))
    one, several = drawn("A click")
    picture = several if button.endswith("all") else one
    with followed() as walk:
        if button == "Stop":
            await here.slack.click(card, "approval.more", by=here.alice, option=button)
        elif button == "by somebody else":
            await here.slack.click(card, "Approve", by=here.bob)
        else:
            await here.slack.click(card, button, by=here.alice)
        await here.quiet()
    [leg] = [leg for leg in walk.legs if "slack/intake/buttons.py" in leg.stages]
    assert leg.stages == picture[0]
    assert leg.returns == []


async def test_the_walk_of_an_undo_passes_each_module_once(here: World) -> None:
    one, _ = drawn("An undo")
    card = await asked(here, "a.txt")
    await here.slack.click(card, "Approve", by=here.alice)
    await here.until(lambda: "Undo" in card.buttons, what="the offer")
    await here.quiet()
    with followed() as walk:
        await here.slack.click(card, "Undo", by=here.alice)
        await here.until(lambda: "undone by" in card.plain, what="the end of it")
        await here.quiet()
    assert list(here.workspace.iterdir()) == []
    assert walk.returns == []
    check(walk, one)


async def test_so_does_the_walk_of_an_undo_of_all_that_a_turn_has_changed(here: World) -> None:
    _, all_of_it = drawn("An undo")
    made = [call("filesystem__write_file", {"path": str(here.workspace / name), "content": "x"}) for name in "ab"]
    last = await turn(here, made)
    with followed() as walk:
        await here.slack.click(last, "Undo all", by=here.alice)
        await here.until(lambda: "all undone by" in last.plain, what="the end of it")
        await here.quiet()
    assert list(here.workspace.iterdir()) == []
    assert set(walk.returns) <= EACH
    check(walk, all_of_it)


@pytest.mark.parametrize("button", ["Edit…", "Always…"])
async def test_so_does_the_walk_of_a_click_that_opens_a_window(here: World, button: str) -> None:
    card = await asked(here, "a.txt")
    with followed() as walk:
        await here.slack.click(card, button, by=here.alice)
        await here.quiet()
    assert [each.method for each in here.slack.calls][-1] == "views.open"
    assert walk.returns == []


@pytest.mark.parametrize("button", ["Edit…", "Always…", "Deny with a reason…"])
async def test_so_does_the_walk_of_a_window_that_is_submitted(here: World, button: str) -> None:
    card = await asked(here, "a.txt")
    option = button if button.startswith("Deny") else None
    await here.slack.click(card, "approval.more" if option else button, by=here.alice, option=option)
    [view] = await here.until(lambda: here.slack.modals(here.alice), what="the window")
    await here.quiet()
    with followed() as walk:
        await here.slack.submit(here.alice, view, {})
        await here.quiet()
    [leg] = [leg for leg in walk.legs if "slack/intake/windows.py" in leg.stages]
    assert leg.returns == []
    assert "slack/approval_handler.py" in leg.stages


async def test_a_call_that_nobody_is_asked_about_is_judged_again_before_it_runs_and_nothing_else_is_entered_twice(
    here: World,
) -> None:
    (here.workspace / "a.txt").write_text("x")
    here.model.script(
        calls(call("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")})), text("It says x.")
    )
    with followed() as walk:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> read")
        await here.reply(ts, "It says x.")
        await here.quiet()
    assert walk.returns == AGAIN


def test_what_counts_as_a_return() -> None:
    walk = Walk()
    first = walk.record("slack/first.py", "begin", None)
    second = walk.record("slack/second.py", "check", first)
    walk.record("slack/second.py", "check", first)
    walk.record("store/rows.py", "load", second)
    walk.record("slack/third.py", "ask", second)
    assert walk.returns == []
    walk.record("slack/second.py", "known", first, waits=False)
    assert walk.returns == [], "what is known already may be read"
    sets_off = walk.record("slack/second.py", "send", first, waits=False)
    walk.record("scheduler.py", "wake", sets_off, waits=False)
    walk.record("slack/first.py", "called_back", second)
    assert walk.returns == ["slack/second.py:send", "slack/first.py:called_back"]
    assert [leg.stages for leg in walk.legs] == [
        ["slack/first.py", "slack/second.py", "slack/third.py", "slack/second.py", "slack/first.py"],
        ["store/rows.py"],
        ["scheduler.py"],
    ]
