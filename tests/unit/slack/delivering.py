"""What of the bot keeps Slack in step, put together over a real store, with Slack's own client and the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest

from bot.core.inbox import Incoming
from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post, PostState
from bot.core.thread_ref import ThreadRef
from bot.core.turn_message import TURN
from bot.scheduler.local import KeyedWorker
from bot.slack import app as slack_app
from bot.slack.blocks import messages
from bot.slack.delivery.kinds import KINDS, Kind
from bot.slack.delivery.known import Stream
from bot.slack.delivery.live import Live
from bot.slack.delivery.outbox import Outbox
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.sender import Sender
from bot.slack.delivery.stream_budget import StreamBudget
from bot.store.sqlite.database import Database
from bot.store.sqlite.store import SqliteStore
from slack_sandbox.model import Message
from tests.inprocess.slack import Line, NearSlack
from tests.inprocess.world import Eager

OFTEN, NEVER = 0.02, 3600.0
"""Seconds between two changes of one message."""


def body(words: str) -> JsonObject:
    """A message with these words."""
    return {"text": words, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": words}}]}


class Slack:
    """The thread in Slack, and what the bot has done there."""

    def __init__(self, near: NearSlack) -> None:
        self.near = near
        self.alice = near.add_person("Alice Smith")
        self.channel = near.add_channel("general", members=[self.alice])
        self.ts = ""

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Slack]:
        """A workspace with a thread in it."""
        async with NearSlack() as near:
            here = cls(near)
            here.ts = await near.say(here.channel, here.alice, "please")
            yield here

    def shown(self) -> list[str]:
        """The bot's messages in the thread."""
        return [message.plain for message in self.messages()]

    def messages(self) -> list[Message]:
        return [each for each in self.near.thread(self.channel, self.ts) if each.user == self.near.bot_user_id]

    def count(self, method: str) -> int:
        return sum(call.method == method for call in self.near.calls)


class Process:
    """What of the bot keeps Slack in step, from a start to an end."""

    def __init__(
        self,
        database: Database,
        store: SqliteStore,
        clients: slack_app.Clients,
        kinds: Mapping[str, Kind],
        rate: float,
        bot_user: str,
        budget: StreamBudget | None = None,
        session: Callable[[int], str] = lambda thread: "",
    ) -> None:
        self.database = database
        self.store, self.clients, self.thread = store, clients, 1
        self.advanced: list[int] = []
        self._tasks: set[asyncio.Task[object]] = set()
        self.wakes = KeyedWorker(self._reconcile, self._ignore)
        self.rate = UpdateRate(rate, self.wakes.wake)
        self.live = Live(OFTEN, self.rate)
        self.live.prepare = lambda text, room, cuts, *, ends=False: messages.said(text, room, 8, cuts=cuts, ends=ends)
        self._sender = Sender(clients.once, clients.repeatable, clients.best_effort, bot_user)
        self._outbox = Outbox(
            store,
            self._sender,
            kinds={**KINDS, **kinds, TURN: self.live.kind},
            rate=self.rate,
            wake=self.wakes.wake,
            advance=self.advanced.append,
            background=self._background,
            budget=budget,
            session=session,
        )

    async def _reconcile(self, thread: int) -> None:
        await self._outbox.reconcile(thread)

    async def _ignore(self, thread: int) -> None:
        """It is in the log."""

    def _background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[object]) -> None:
        """What it raised is in the log of a bot."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    async def begin(self) -> None:
        self._outbox.inherit(await self.store.last_post())
        for thread in await self.store.waiting():
            self.wakes.wake(thread)

    async def owe(self, *drafts: Draft) -> None:
        """Record messages, or other bodies for them."""
        await self.store.owe(self.thread, drafts)
        self.wakes.wake(self.thread)

    async def unsettled(self) -> Sequence[Post]:
        """The messages about which something is left to do."""
        return (await self.store.deliveries(self.thread)).posts

    def remembered(self) -> tuple[object, object]:
        """What the outbox and its sender know besides the store."""
        return vars(self._outbox)["_known"], vars(self._sender)["_settled_at"]

    def streams(self) -> list[Stream]:
        """The streams that are open."""
        posts = [post for thread in vars(self._outbox)["_known"].values() for post in thread.posts.values()]
        return [post.stream for post in posts if post.stream is not None]

    async def posted(self) -> None:
        """All that is recorded is known to be in Slack."""
        async with asyncio.timeout(10):
            while any(post.state is PostState.OWED for post in await self.unsettled()):
                await asyncio.sleep(0.002)

    async def settled(self) -> None:
        """Nothing is left to do for good."""
        async with asyncio.timeout(10):
            while await self.unsettled():
                await asyncio.sleep(0.002)
        await self.in_step()

    async def in_step(self) -> None:
        """Nothing is left to do, or it waits for its time."""
        await until(lambda: self.wakes.idle and not self._tasks)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture
async def slack() -> AsyncGenerator[Slack]:
    async with Slack.open() as here:
        yield here


@asynccontextmanager
async def process(
    path: Path,
    slack: Slack,
    kinds: Mapping[str, Kind] = KINDS,
    rate: float = OFTEN,
    budget: StreamBudget | None = None,
    opens: type[Database] = Eager,
    session: Callable[[int], str] = lambda thread: "",
) -> AsyncGenerator[Process]:
    """A process over the database in this folder."""
    async with AsyncExitStack() as ending:
        database = await ending.enter_async_context(opens(f"sqlite:///{path}/bot.db"))
        line = Line(slack.near)
        ending.push_async_callback(line.close)
        clients = slack_app.clients(slack.near.api_url, slack.near.bot_token, slack.near.app_token)
        await clients.session.close()
        for client in (clients.repeatable, clients.once, clients.best_effort):
            client.session = cast(aiohttp.ClientSession, line)
        store = SqliteStore(database)
        place = ThreadRef(slack.near.team_id, slack.channel.id, slack.ts, "channel")
        await store.admit(Incoming(place, "Ev1", slack.alice.id, slack.ts, "please", [], addressed=True))
        here = Process(database, store, clients, kinds, rate, slack.near.bot_user_id, budget, session)
        ending.push_async_callback(here.wakes.close, 1.0)
        await here.begin()
        yield here
