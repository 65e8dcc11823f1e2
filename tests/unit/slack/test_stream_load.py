"""Forty turns at once in forty channels, with the limits of Slack enforced: streamed or posted, each is there whole,
and hardly a call is refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.core.inbox import Incoming
from bot.core.thread_ref import ThreadRef
from bot.slack.delivery.stream_budget import StreamBudget
from slack_sandbox.model import Channel
from tests.extending.growing import KINDS, content, growing, step, text
from tests.unit.slack.delivering import Process, Slack, process, slack, until

__all__ = ["slack"]

pytestmark = pytest.mark.anyio

TURNS = 40


async def asked(here: Process, slack: Slack) -> dict[int, tuple[Channel, str]]:
    """A question in each of so many channels. Out: by thread, where it was asked."""
    found: dict[int, tuple[Channel, str]] = {}
    for number in range(TURNS):
        channel = slack.near.add_channel(f"team-{number}", members=[slack.alice])
        ts = await slack.near.say(channel, slack.alice, "please")
        place = ThreadRef(slack.near.team_id, channel.id, ts, "channel")
        said = Incoming(place, f"Ev2-{number}", slack.alice.id, ts, "please", [], addressed=True)
        _, thread = await here.store.admit(said)
        found[thread] = channel, ts
    return found


async def test_forty_turns_at_once_are_answered_whole_and_hardly_a_call_is_refused(
    tmp_path: Path, slack: Slack
) -> None:
    async with process(tmp_path, slack, KINDS, 0.3, StreamBudget()) as here:
        places = await asked(here, slack)
        slack.near.enforce_rate_limits(True)
        first = len(slack.near.calls)
        for growth in range(12):
            for thread in places:
                grown = growing(step("1", "Read a.md"), text("word " * (growth + 1)), key=f"turn {thread}")
                await here.store.owe(thread, [grown])
                here.wakes.wake(thread)
            await asyncio.sleep(0.1)
        await until(lambda: here.wakes.idle)
        ended: dict[int, float] = {}
        began = asyncio.get_running_loop().time()
        for thread in places:
            whole = growing(step("1", "Read a.md"), text("word " * 12 + "end"), key=f"turn {thread}", final=True)
            await here.store.owe(thread, [whole])
            here.wakes.wake(thread)

        def whole_in(thread: int) -> bool:
            channel, ts = places[thread]
            ours = [each for each in slack.near.thread(channel, ts) if each.user == slack.near.bot_user_id]
            return [content(each) for each in ours] == [["Read a.md (complete)", "word " * 12 + "end"]]

        async with asyncio.timeout(20):
            while len(ended) < TURNS:
                now = asyncio.get_running_loop().time() - began
                ended.update({thread: now for thread in places if thread not in ended and whole_in(thread)})
                await asyncio.sleep(0.01)
        calls = slack.near.calls[first:]
        refused = [call for call in calls if call.status == 429]
        assert len(refused) < len(calls) / 100
        used = {
            method: sum(call.method == f"chat.{method}" for call in calls) for method in ("startStream", "stopStream")
        }
        assert used["startStream"] == used["stopStream"] >= 10
        growing_seconds = 1.2
        took = [growing_seconds + seconds for seconds in ended.values()]
        assert max(took) < 2 * sum(took) / len(took), "nobody's end comes much later than that of others"
