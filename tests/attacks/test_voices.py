"""Nobody's words are carried out on somebody else's authority: not in the midst of that person's turn either."""

from __future__ import annotations

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.attacks.conftest import R, journal, write
from tests.attacks.test_scopes import grant
from tests.harness import World

pytestmark = [pytest.mark.anyio, pytest.mark.across]

MIXED = "somebody else has also written in this turn"


async def joined(here: World, *more: str) -> Message:
    """Alice has a grant for what she asks; in the midst of her turn Bob asks for the same, and for more. Out: the card
    about what he asked for first."""
    ts = await grant(here, call(R + "note", {"words": "hers"}), "any", "mine")
    wanted = [calls(call(R + "note", {"words": words})) for words in ("his", *more)]
    here.model.script(calls(write(here)), *wanted, text("Left."))
    await here.slack.say(here.general, here.alice, "<@BOT> write", thread_ts=ts)
    card = await here.reply(ts, "Waiting for you")
    await here.slack.say(here.general, here.bob, "<@BOT> and note this for me", thread_ts=ts)
    recorded = "SELECT 1 FROM inbox WHERE user = ? AND addressed"
    await here.until(lambda: here.bot.rows(recorded, here.bob.id), poll=0.02, what="what Bob wrote")
    await here.slack.click(card, "Deny", by=here.alice)
    asked = await here.reply(ts, MIXED)
    assert journal(here) == ["hers"]
    return asked


async def left(here: World, asked: Message) -> None:
    """Wait until the turn is over."""
    await here.reply(asked.thread_ts or "", "Left.")
    await here.quiet()


async def test_what_somebody_else_asks_for_in_the_midst_of_a_turn_is_not_covered_by_its_requesters_grant(
    here: World,
) -> None:
    asked = await joined(here)
    await here.slack.click(asked, "Deny", by=here.alice)
    await left(here, asked)
    assert journal(here) == ["hers"]


async def test_it_is_not_covered_after_a_restart_either(here: World) -> None:
    asked = await joined(here, "his again")
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await here.slack.click(asked, "Approve", by=here.alice)

    def others() -> list[Message]:
        return [each for each in here.replies(asked.thread_ts or "") if MIXED in each.plain and each.ts != asked.ts]

    again = (await here.until(others, what="another card"))[0]
    assert journal(here) == ["hers", "his"], "what she has seen and approved runs"
    await here.slack.click(again, "Deny", by=here.alice)
    await left(here, asked)
    assert journal(here) == ["hers", "his"]
