"""The bot's own parts put together as `bot.app` does it, over what lies outside; it can be killed at any failpoint
and started again. People act on it, and what it then has to do is done to its end, one thing after another."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.agent.approval_requests import ApprovalRequester
from bot.agent.authorization import CallAuthorizer
from bot.agent.budgets import Budgets
from bot.agent.task_watch import TaskWatch
from bot.agent.tool_step import ToolSteps
from bot.agent.turn import Agent
from bot.agent.undo import UndoRunner
from bot.core.amendments import Amendment
from bot.core.inbox import Incoming, Unread
from bot.core.json_text import JsonObject
from bot.core.limits import Limits
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Policy
from bot.core.posts import Action, Knowledge, Post, in_order, next_action
from bot.core.questions.kinds import KINDS
from bot.core.thread_ref import ThreadRef
from bot.slack.approval_handler import ApprovalHandler
from bot.slack.authorization import Authorizer
from bot.slack.delivery.kinds import KINDS as POSTS
from bot.slack.delivery.live import Live
from bot.slack.delivery.rate import UpdateRate
from bot.slack.directory import Directory
from bot.slack.gateway import SlackGateway
from bot.slack.intake import buttons, windows
from bot.slack.reading.message import Ourselves
from bot.store.sqlite.store import SqliteStore
from bot.tools.json_schema import keywords
from bot.tools.json_schema.arguments import problem, problems
from tests.property.near_database import NearDatabase
from tests.property.outside import BOT, CHANNEL, TEAM, Button, Dead, Files, ScriptedModel, Slack, SlackClient, World

assert keywords  # the bot loads it in a thread, before it is needed
PLACE = ThreadRef(TEAM, CHANNEL, "1700000000.000001", "channel")
LIMITS = Limits()
MOMENT = 0.0005
Handler = Callable[..., Awaitable[None]]


class Ears:
    """Takes the listeners that an app would take."""

    def __init__(self) -> None:
        self._actions: list[tuple[str | re.Pattern[str], Handler]] = []
        self._views: list[tuple[str | re.Pattern[str], Handler]] = []

    def action(self, wanted: str | re.Pattern[str]) -> Callable[[Handler], None]:
        return lambda handler: self._actions.append((wanted, handler))

    def view(self, wanted: str | re.Pattern[str]) -> Callable[[Handler], None]:
        return lambda handler: self._views.append((wanted, handler))

    def _nothing(self, *_: object) -> Callable[[Handler], None]:
        return lambda _: None

    view_closed = command = shortcut = options = event = _nothing

    async def hear(self, body: JsonObject) -> None:
        """Hand over what Slack relays to the first listener that wants it."""
        pressed = body["type"] == "block_actions"
        name: str = body["actions"][0]["action_id"] if pressed else body["view"]["callback_id"]
        for wanted, handler in self._actions if pressed else self._views:
            if wanted == name or (isinstance(wanted, re.Pattern) and wanted.match(name)):
                await (handler(ack=_ack, body=body) if _wants_body(handler) else handler(ack=_ack))
                return


async def _ack(*_: object, **__: object) -> None:
    return


def _wants_body(handler: Handler) -> bool:
    return "body" in getattr(handler, "__annotations__", {})


async def _opening(place: ThreadRef, first: Unread) -> str:
    return "Be helpful."


class Bot:
    """One process after another over the same file and the same outside."""

    def __init__(self, path: Path, rules: ApprovalRules, outside: World, files: Files, model: ScriptedModel) -> None:
        self.path, self.rules, self.outside, self.files, self.model = path, rules, outside, files, model
        self.slack = Slack()
        self.policy = Policy()
        self.fuse: int | None = None
        """So many failpoints are passed before the process dies at the next."""
        self._death = asyncio.Event()
        self._woken: set[int] = set()
        self._news: set[int] = set()
        self._watchers: dict[int, Callable[[], None]] = {}
        self._owing: set[int] = set()
        self._undoing: set[int] = set()
        self._tasks: set[asyncio.Task[object]] = set()

    async def start(self) -> None:
        """Open the file and take up what is left to do, as the service does before it opens its socket."""
        self.outside.dead, self.fuse = False, None
        self._death = asyncio.Event()
        loop = asyncio.get_running_loop()
        failpoints.install(lambda name: self._reached(name, loop, self._death))
        self._database = await NearDatabase(f"sqlite:///{self.path}").__aenter__()
        store, files, rules = SqliteStore(self._database), self.files, self.rules
        client = cast(AsyncWebClient, SlackClient(self.slack))
        authorizer = Authorizer(Directory(client), rules, rules.groups, TEAM)
        live = Live(1e6, UpdateRate(3.0, self._owing.add))
        gateway = SlackGateway(
            LIMITS,
            client,
            live,
            self._owing.add,
            ourselves=Ourselves(BOT),
            authorizer=authorizer,
            privacy=Privacy.FULL,
        )
        judge = CallAuthorizer(store, files, gateway, self.policy, rules, problem)
        self._task_watch = TaskWatch(files.tasks, self._wake)
        steps = ToolSteps(
            *(store, files, gateway, LIMITS, judge, ApprovalRequester(files, gateway, LIMITS, rules), self._watch),
            task_watch=self._task_watch,
        )
        self.store, self._gateway = store, gateway
        budgets = Budgets(store, gateway)
        self._agent = Agent(store, self.model, files, gateway, steps, LIMITS, _opening, lambda: False, budgets)
        self._undo = UndoRunner(store, files, gateway)
        self._ears = Ears()
        handler = ApprovalHandler(
            store,
            files,
            authorizer,
            rules,
            client,
            self._wake,
            self._undoing.add,
            self._background,
            judge.denies,
            problems,
        )
        app = cast(AsyncApp, self._ears)
        windows.register(app, handler)
        buttons.register(app, handler)
        for thread_id in await store.waiting():
            self._wake(thread_id)
        self._undoing.update(await store.undo_threads())

    async def live(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this, and what follows from it, to its end. Dies the process meanwhile, another one takes over."""
        await self._unless_dead(work)
        while self._death.is_set() or self._busy:
            if self._death.is_set():
                await self.stop()
                await self.start()
            await self._unless_dead(self._go_on)

    async def _unless_dead(self, work: Callable[[], Awaitable[None]]) -> None:
        async def do() -> None:
            await work()

        doing, death = asyncio.create_task(do()), asyncio.create_task(self._death.wait())
        await asyncio.wait([doing, death], return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        if not self._death.is_set():
            await doing
        elif doing.done() and not doing.cancelled():
            doing.exception()  # of dying: nobody else asks for it, and asyncio would report it during a later test

    async def stop(self) -> None:
        """End all that runs, and close the file. A dead process writes nothing to it while it is closed."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in (self._woken, self._news, self._owing, self._undoing, self._tasks, self._watchers):
            each.clear()
        await self._database.__aexit__(None, None, None)
        failpoints.install(lambda _: None)

    def _reached(self, name: str, loop: asyncio.AbstractEventLoop, death: asyncio.Event) -> None:
        if self.fuse is not None and not self.outside.dead:
            self.fuse -= 1
            if self.fuse < 0:
                self.outside.dead = True
                loop.call_soon_threadsafe(death.set)
        if self.outside.dead:
            raise Dead(name)

    @property
    def _busy(self) -> bool:
        return bool(self._woken or self._owing or self._undoing) or not self._task_watch.idle

    async def _go_on(self) -> None:
        while self._busy:
            if self._undoing:
                await self._undo.run(self._undoing.pop())
            elif self._woken:
                await self._agent.advance(self._woken.pop())
            elif self._owing:
                await self._deliver(self._owing.pop())
            else:
                await asyncio.sleep(MOMENT)  # until a server has finished its task

    def _wake(self, thread_id: int) -> None:
        self._woken.add(thread_id)
        self._owing.add(thread_id)
        if thread_id in self._watchers:
            self._watchers[thread_id]()
        else:
            self._news.add(thread_id)

    @contextmanager
    def _watch(self, thread_id: int, noticed: Callable[[], None]) -> Generator[None]:
        self._watchers[thread_id] = noticed
        if thread_id in self._news:
            self._news.discard(thread_id)
            noticed()
        try:
            yield
        finally:
            self._watchers.pop(thread_id, None)

    def _background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def hear(self, body: JsonObject) -> None:
        """Slack relays that somebody has pressed a button, or sent a window."""
        self.outside.alive()
        await self._ears.hear(body)
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def admit(self, incoming: Incoming) -> None:
        """Slack delivers a message."""
        self.outside.alive()
        _, thread_id = await self.store.admit(incoming)
        self._wake(thread_id)

    async def amend(self, change: Amendment) -> None:
        """Slack delivers that a message was edited or deleted."""
        self.outside.alive()
        _, thread_id = await self.store.amend(change)
        self._wake(thread_id)

    async def stop_turn(self, turn: int, user: str) -> None:
        """Somebody stops a turn."""
        self.outside.alive()
        thread_id = await self.store.stop(turn, user)
        assert thread_id is not None
        self._wake(thread_id)

    async def sweep(self) -> None:
        """What the service does from time to time."""
        soon = dict.fromkeys(KINDS, 2 * LIMITS.approval_hours * 3600)
        for thread_id, question in await self.store.unreminded(soon):
            await self.store.remind(thread_id, question.id, *self._gateway.reminders(question))
        for thread_id in [*await self.store.expire(), *await self.store.waiting()]:
            self._wake(thread_id)

    async def _deliver(self, thread_id: int) -> None:
        """Bring Slack in step, as `bot.slack.delivery.outbox` does: what is there under its key is not posted again."""
        while posts := in_order(filter(_unsettled, (await self.store.deliveries(thread_id)).posts)):
            for post in posts:
                if not await self._settle(post):
                    break

    async def _settle(self, post: Post) -> bool:
        """Do what one message asks for. False when that changes what others ask for."""
        match next_action(post, Knowledge()):
            case Action.UPDATE:
                with failpoints.around(f"update {post.kind}"):
                    self.slack.update(post.ts, POSTS[post.kind].render(post) or {})
                await self.store.shown(post.id, post.revision)
            case Action.POST if post.about and self.slack.refusing and post.key not in self.slack.messages:
                self.slack.refusing = False
                refused = POSTS[post.kind].refused(post)
                await self.store.owe(post.thread_id, refused.instead)
                await self.store.withdraw(refused.question)
                self._wake(post.thread_id)
                await self.store.post_closed(post.id, "refused")
                return False
            case Action.POST | Action.UPLOAD:
                # Of one that is found by its key nobody knows what it shows.
                shown = 0
                if post.key not in self.slack.messages:
                    kind, shown = POSTS.get(post.kind), post.revision
                    drawn = kind is not None and (post.revision or not kind.prerendered)
                    body = kind.render(post) if kind and drawn else json.loads(post.payload)
                    with failpoints.around(f"post {post.kind}"):
                        self.slack.post(post.key, post.kind, body or {})
                await self.store.posted(post.id, self.slack.messages[post.key].ts, shown)
            case action:
                raise AssertionError(f"{action} is not in these plays")
        return True


def _unsettled(post: Post) -> bool:
    """Whether anything is to be done about a message, which may only wait to be extended."""
    return next_action(post, Knowledge()) is not Action.NOTHING


def press(button: Button, user: str, team: str) -> JsonObject:
    """What Slack relays when somebody presses a button."""
    return {
        "type": "block_actions",
        "team": {"id": team},
        "user": {"id": user, "team_id": team},
        "channel": {"id": CHANNEL},
        "message": {"ts": button.ts, "thread_ts": PLACE.thread_ts},
        "container": {"type": "message", "channel_id": CHANNEL, "thread_ts": PLACE.thread_ts},
        # Windows open to who has pressed.
        "trigger_id": user,
        "actions": [json.loads(button.action)],
    }


def submit(view: JsonObject, user: str, typed: dict[str, str]) -> JsonObject:
    """What Slack relays when somebody sends a window with these texts in fields of it, by block id."""
    values: JsonObject = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            text = typed.get(block["block_id"], element.get("initial_value"))
            values[block["block_id"]] = {element["action_id"]: {"type": element["type"], "value": text}}
    filled = {**view, "id": "V1", "state": {"values": values}}
    return {
        "type": "view_submission",
        "team": {"id": TEAM},
        "user": {"id": user, "team_id": TEAM},
        "view": filled,
    }
