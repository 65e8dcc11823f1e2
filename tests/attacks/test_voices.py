"""Nobody's words are carried out on somebody else's authority: not in the midst of that person's turn either."""

from __future__ import annotations

import pytest

from bot.sandbox.openrouter import call, calls, text
from tests.attacks.conftest import R, journal, write
from tests.attacks.test_scopes import grant
from tests.harness import World

pytestmark = pytest.mark.anyio


async def test_what_somebody_else_asks_for_in_the_midst_of_a_turn_is_not_covered_by_its_requesters_grant(
    here: World,
) -> None:
    ts = await grant(here, call(R + "note", {"words": "hers"}), "any", "mine")
    here.model.script(calls(write(here)), calls(call(R + "note", {"words": "his"})), text("Left."))
    await here.slack.say(here.general, here.alice, "<@BOT> write", thread_ts=ts)
    card = await here.reply(ts, "Write a file")
    await here.slack.say(here.general, here.bob, "<@BOT> and note this for me", thread_ts=ts)
    await here.reply(ts, "once the request above is decided")
    await here.slack.click(card, "Deny", by=here.alice)
    asked = await here.reply(ts, "somebody else has had a say in this turn")
    assert journal(here) == ["hers"]
    await here.slack.click(asked, "Deny", by=here.alice)
    await here.reply(ts, "Left.")
    await here.quiet()
    assert journal(here) == ["hers"]


async def test_it_is_not_covered_after_a_restart_either(here: World) -> None:
    ts = await grant(here, call(R + "note", {"words": "hers"}), "any", "mine")
    here.model.script(calls(write(here)), calls(call(R + "note", {"words": "his"})), text("Left."))
    await here.slack.say(here.general, here.alice, "<@BOT> write", thread_ts=ts)
    card = await here.reply(ts, "Write a file")
    await here.slack.say(here.general, here.bob, "<@BOT> and note this for me", thread_ts=ts)
    await here.reply(ts, "once the request above is decided")
    # His message is read into her turn with the first decision; the second request then waits over the restart.
    await here.slack.click(card, "Deny", by=here.alice)
    asked = await here.reply(ts, "somebody else has had a say in this turn")
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await here.slack.click(asked, "Approve", by=here.alice)
    await here.reply(ts, "Left.")
    await here.quiet()
    assert journal(here) == ["hers", "his"], "what she has seen and approved runs"
