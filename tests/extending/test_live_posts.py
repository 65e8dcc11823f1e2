"""A message that changes live, added from outside the package: a kind and a renderer, nothing else.

The outbox, the store and Slack's client are the real ones; Slack is the sandbox.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from bot.core.inbox import Incoming
from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post
from bot.core.thread_ref import ThreadRef
from bot.scheduler.local import KeyedWorker
from bot.slack import app as slack_app
from bot.slack.delivery.kinds import KINDS, Kind
from bot.slack.delivery.outbox import Outbox
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.sender import Sender
from bot.store.sqlite.database import Database
from bot.store.sqlite.store import SqliteStore
from slack_sandbox.model import Message
from tests.inprocess.slack import Line, NearSlack

pytestmark = pytest.mark.anyio

OFTEN, NEVER = 0.02, 3600.0
COUNTDOWN = "countdown"


def render(post: Post) -> JsonObject:
    """What is added: a body from what was recorded."""
    left = json.loads(post.payload)["left"]
    return body(f"{left} to go" if left else "Lift-off")


def body(words: str) -> JsonObject:
    return {"text": words, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": words}}]}


class Slack:
    """The thread in Slack, and what the bot has done there."""

    def __init__(self, near: NearSlack) -> None:
        self.near = near
        self.alice = near.add_person("Alice Smith")
        self.channel = near.add_channel("general", members=[self.alice])
        self.ts = ""

    def shown(self) -> list[str]:
        """The bot's messages in the thread."""
        return [message.plain for message in self.messages()]

    def messages(self) -> list[Message]:
        return [each for each in self.near.thread(self.channel, self.ts) if each.user == self.near.bot_user_id]

    def count(self, method: str) -> int:
        return sum(call.method == method for call in self.near.calls)


class Process:
    """What of the bot keeps Slack in step, from a start to an end."""

    def __init__(self, store: SqliteStore, clients: slack_app.Clients, kinds: Mapping[str, Kind], rate: float) -> None:
        self.store, self.clients, self.thread = store, clients, 1
        self._tasks: set[asyncio.Task[object]] = set()
        self.wakes = KeyedWorker(self._reconcile, self._ignore)
        self.rate = UpdateRate(rate, self.wakes.wake)
        self._outbox = Outbox(
            store,
            Sender(clients.posting, clients.calling, clients.casual),
            kinds={**KINDS, **kinds},
            rate=self.rate,
            wake=self.wakes.wake,
            advance=lambda _: None,
            background=self._background,
        )

    async def _reconcile(self, thread: int) -> None:
        await self._outbox.reconcile(thread)

    async def _ignore(self, thread: int) -> None:
        """It is in the log."""

    def _background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def begin(self) -> None:
        self._outbox.inherit(await self.store.last_post())
        for thread in await self.store.waiting():
            self.wakes.wake(thread)

    async def count_down(self, left: int) -> None:
        """Record how many are left; at none it is over."""
        payload = json.dumps({"left": left})
        await self.store.owe(self.thread, [Draft("the countdown", COUNTDOWN, payload, final=not left)])
        self.wakes.wake(self.thread)

    async def in_step(self) -> None:
        """Nothing is left to do, or it waits for its time."""
        await until(lambda: self.wakes.idle and not self._tasks)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
async def slack() -> AsyncGenerator[Slack]:
    async with NearSlack() as near:
        here = Slack(near)
        here.ts = await near.say(here.channel, here.alice, "count down")
        yield here


@asynccontextmanager
async def process(
    path: Path, slack: Slack, rate: float = OFTEN, kinds: Mapping[str, Kind] | None = None
) -> AsyncGenerator[Process]:
    """A process over the database in this folder."""
    async with AsyncExitStack() as ending:
        database = await ending.enter_async_context(Database(f"sqlite:///{path}/bot.db"))
        line = Line(slack.near)
        ending.push_async_callback(line.close)
        clients = slack_app.clients(slack.near.api_url, slack.near.bot_token, slack.near.app_token)
        await clients.session.close()
        for client in (clients.calling, clients.posting, clients.casual):
            client.session = cast(aiohttp.ClientSession, line)
        store = SqliteStore(database)
        place = ThreadRef(slack.near.team_id, slack.channel.id, slack.ts, "channel")
        await store.admit(Incoming(place, "Ev1", slack.alice.id, slack.ts, "count down", [], addressed=True))
        here = Process(store, clients, kinds or {COUNTDOWN: Kind(render)}, rate)
        ending.push_async_callback(here.wakes.close, 1.0)
        await here.begin()
        yield here


async def test_it_is_posted_and_changed_and_ends_final(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        for left in (3, 2, 1):
            await here.count_down(left)
            await until(lambda left=left: slack.shown() == [f"{left} to go"])
        await here.count_down(0)
        await until(lambda: slack.shown() == ["Lift-off"])
        await here.in_step()
        await here.count_down(5)
        await here.in_step()
        assert slack.shown() == ["Lift-off"], "what is final stays"
        assert (await here.store.deliveries(here.thread)).posts == []
        assert slack.count("chat.postMessage") == 1


async def test_changes_wait_for_slacks_rate_and_only_the_last_is_shown(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, NEVER) as here:
        for left in range(9, 0, -1):
            await here.count_down(left)
            await here.in_step()
        assert slack.shown() == ["9 to go"]
        assert slack.count("chat.update") == 0
        here.rate.hold(here.thread, COUNTDOWN, OFTEN)
        here.rate.changed(here.thread, COUNTDOWN)
        await until(lambda: slack.shown() == ["1 to go"])
        assert slack.count("chat.update") == 1
        await here.count_down(0)
        await until(lambda: slack.shown() == ["Lift-off"])
        assert slack.count("chat.update") == 2, "the final body waits for nothing"


async def test_after_a_restart_the_same_message_goes_on(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, NEVER) as here:
        for left in (3, 2):
            await here.count_down(left)
            await here.in_step()
        assert slack.shown() == ["3 to go"]
    async with process(tmp_path, slack) as here:
        await until(lambda: slack.shown() == ["2 to go"])
        await here.count_down(0)
        await until(lambda: slack.shown() == ["Lift-off"])
    assert slack.count("chat.postMessage") == 1


@pytest.mark.parametrize("fault", ["server_error_after", "ratelimited"])
async def test_what_fails_on_the_way_is_done_once_all_the_same(tmp_path: Path, slack: Slack, fault: Any) -> None:
    async with process(tmp_path, slack) as here:
        for method in ("chat.postMessage", "chat.update"):
            slack.near.faults.add(method, fault, times=1, retry_after=0)
        await here.count_down(1)
        await until(slack.shown)
        await here.count_down(0)
        await until(lambda: slack.shown() == ["Lift-off"])


async def test_one_that_a_person_has_deleted_is_gone_for_good(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        await here.count_down(3)
        await until(slack.messages)
        await here.in_step()
        [message] = slack.messages()
        await here.clients.calling.chat_delete(channel=slack.channel.id, ts=message.ts)
        for left in (2, 1, 0):
            await here.count_down(left)
            await until(lambda: slack.count("chat.update") == 1)
            await here.in_step()
        assert slack.shown() == []
        assert (await here.store.deliveries(here.thread)).posts == []


async def test_one_that_slack_refuses_to_change_stays_as_it_is(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        await here.count_down(3)
        await until(slack.shown)
        slack.near.faults.add("chat.update", "error", times=1, code="edit_window_closed")
        await here.count_down(0)
        await until(lambda: slack.count("chat.update") == 1)
        await here.in_step()
        assert slack.shown() == ["3 to go"]
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
    async with process(tmp_path, slack, kinds=kinds) as here:
        for number in range(4):
            words[here.thread] = f"Number {number}"
            here.rate.changed(here.thread, "ticker")
            await until(lambda number=number: slack.shown() == [f"Number {number}"])
        await here.in_step()
        [post] = (await here.store.deliveries(here.thread)).posts
        assert (post.revision, post.shown, json.loads(post.payload)["text"]) == (0, 0, "Number 0")
    words.clear()
    async with process(tmp_path, slack, kinds=kinds) as here:
        await until(lambda: slack.shown() == [])
        await here.in_step()
        assert (await here.store.deliveries(here.thread)).posts == []
