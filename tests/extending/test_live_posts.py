"""A message that changes live, added from outside the package: a kind and a renderer, nothing else.

The outbox, the store and Slack's client are the real ones; Slack is the sandbox.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post
from bot.slack.delivery.kinds import Kind, Refused
from tests.unit.slack.delivering import NEVER, OFTEN, Process, Slack, body, process, slack, until

__all__ = ["slack"]

pytestmark = pytest.mark.anyio

COUNTDOWN = "countdown"


def render(post: Post) -> JsonObject:
    """What is added: a body from what was recorded."""
    left = json.loads(post.payload)["left"]
    return body(f"{left} to go" if left else "Lift-off")


KINDS = {COUNTDOWN: Kind(render)}


async def count_down(here: Process, left: int) -> None:
    """Record how many are left; at none it is over."""
    payload = json.dumps({"left": left})
    await here.owe(Draft("the countdown", COUNTDOWN, payload, final=not left))


def counts_down(arguments: Mapping[str, Any]) -> bool:
    """Whether Slack is asked to post it."""
    return "to go" in arguments["text"]


async def test_it_is_posted_and_changed_and_ends_final(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, KINDS) as here:
        for left in (3, 2, 1):
            await count_down(here, left)
            await until(lambda left=left: slack.shown() == [f"{left} to go"])
        await count_down(here, 0)
        await until(lambda: slack.shown() == ["Lift-off"])
        await here.in_step()
        await count_down(here, 5)
        await here.in_step()
        assert slack.shown() == ["Lift-off"], "what is final stays"
        assert (await here.store.deliveries(here.thread)).posts == []
        assert slack.count("chat.postMessage") == 1


async def test_it_may_be_final_from_the_beginning(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, KINDS) as here:
        await count_down(here, 0)
        await until(lambda: slack.shown() == ["Lift-off"])
        await here.in_step()
        assert await here.unsettled() == []


async def test_changes_wait_for_slacks_rate_and_only_the_last_is_shown(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, KINDS, NEVER) as here:
        for left in range(9, 0, -1):
            await count_down(here, left)
            await here.in_step()
        assert slack.shown() == ["9 to go"]
        assert slack.count("chat.update") == 0
        here.rate.hold(here.thread, COUNTDOWN, OFTEN)
        here.rate.changed(here.thread, COUNTDOWN)
        await until(lambda: slack.shown() == ["1 to go"])
        assert slack.count("chat.update") == 1
        await count_down(here, 0)
        await until(lambda: slack.shown() == ["Lift-off"])
        assert slack.count("chat.update") == 2, "the final body waits for nothing"


async def test_after_a_restart_the_same_message_goes_on(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, KINDS, NEVER) as here:
        for left in (3, 2):
            await count_down(here, left)
            await here.in_step()
        assert slack.shown() == ["3 to go"]
    async with process(tmp_path, slack, KINDS) as here:
        await until(lambda: slack.shown() == ["2 to go"])
        await count_down(here, 0)
        await until(lambda: slack.shown() == ["Lift-off"])
    assert slack.count("chat.postMessage") == 1


@pytest.mark.parametrize("fault", ["server_error_after", "ratelimited"])
async def test_what_fails_on_the_way_is_done_once_all_the_same(tmp_path: Path, slack: Slack, fault: Any) -> None:
    async with process(tmp_path, slack, KINDS) as here:
        for method in ("chat.postMessage", "chat.update"):
            slack.near.faults.add(method, fault, times=1, retry_after=0)
        await count_down(here, 1)
        await until(slack.shown)
        await count_down(here, 0)
        await until(lambda: slack.shown() == ["Lift-off"])


async def test_one_that_a_person_has_deleted_is_gone_for_good(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, KINDS) as here:
        await count_down(here, 3)
        await until(slack.messages)
        await here.in_step()
        [message] = slack.messages()
        await here.clients.repeatable.chat_delete(channel=slack.channel.id, ts=message.ts)
        for left in (2, 1, 0):
            await count_down(here, left)
            await until(lambda: slack.count("chat.update") == 1)
            await here.in_step()
        assert slack.shown() == []
        assert (await here.store.deliveries(here.thread)).posts == []


async def test_one_that_slack_refuses_to_change_stays_as_it_is(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, KINDS) as here:
        await count_down(here, 3)
        await until(slack.shown)
        slack.near.faults.add("chat.update", "error", times=1, code="edit_window_closed")
        await count_down(here, 0)
        await until(lambda: slack.count("chat.update") == 1)
        await here.in_step()
        assert slack.shown() == ["3 to go"]
        assert (await here.store.deliveries(here.thread)).posts == []


async def test_what_its_kind_says_follows_once_when_slack_refuses_to_post_it(tmp_path: Path, slack: Slack) -> None:
    def refused(post: Post) -> Refused:
        return Refused([Draft(f"{post.key}, refused", "notice", json.dumps(body("No countdown here.")))])

    async with process(tmp_path, slack, {COUNTDOWN: Kind(render, refused=refused)}) as here:
        # The process stops after the first half of what follows.
        stops = "CREATE TRIGGER stops BEFORE UPDATE OF state ON posts WHEN NEW.state = 'refused'"
        stops += " BEGIN SELECT RAISE(ABORT, 'broken by the test'); END"
        await here.database.write(lambda connection: connection.execute(stops))
        slack.near.faults.add("chat.postMessage", "error", times=None, code="restricted_action", match=counts_down)
        await count_down(here, 3)
        await here.in_step()
        await here.database.write(lambda connection: connection.execute("DROP TRIGGER stops"))
    async with process(tmp_path, slack, {COUNTDOWN: Kind(render, refused=refused)}) as here:
        await until(lambda: slack.shown() == ["No countdown here."])
        await here.in_step()
        await count_down(here, 2)
        await here.in_step()
        assert slack.shown() == ["No countdown here."]
        assert (await here.store.deliveries(here.thread)).posts == []


async def test_one_whose_words_are_in_memory_alone_is_written_down_no_more_than_once(
    tmp_path: Path, slack: Slack
) -> None:
    words: dict[int, str] = {}
    offered = set[int]()

    def offer(thread: int) -> Draft | None:
        if thread in offered or thread not in words:
            return None
        offered.add(thread)
        return Draft("ticker", "ticker", json.dumps(body(words[thread])), final=False)

    def render_words(post: Post) -> JsonObject | None:
        return body(words[post.thread_id]) if post.thread_id in words else None

    kinds = {"ticker": Kind(render_words, offer)}
    async with process(tmp_path, slack, kinds) as here:
        for number in range(4):
            words[here.thread] = f"Number {number}"
            here.rate.changed(here.thread, "ticker")
            await until(lambda number=number: slack.shown() == [f"Number {number}"])
        await here.in_step()
        [post] = (await here.store.deliveries(here.thread)).posts
        assert (post.revision, post.shown, json.loads(post.payload)["text"]) == (0, 0, "Number 0")
    words.clear()
    async with process(tmp_path, slack, kinds) as here:
        await until(lambda: slack.shown() == [])
        await here.in_step()
        assert (await here.store.deliveries(here.thread)).posts == []
