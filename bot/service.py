"""The parts of a running bot, put together: what starts and stops them in order.

Start: recovery, and only then the socket. Stop: intake, turns, posts, servers.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Sequence

from slack_bolt.async_app import AsyncApp

from bot import attaching, service_parts, signing_in, spending
from bot.agent.approval_requests import ApprovalRequester
from bot.agent.audience_check import AudienceCheck
from bot.agent.authorization import CallAuthorizer
from bot.agent.compaction import Compactor
from bot.agent.compaction_windows import ContextWindows
from bot.agent.read_more import ReadMore
from bot.agent.task_watch import TaskWatch
from bot.agent.tool_list import ToolOffer
from bot.agent.tool_step import ToolSteps
from bot.agent.turn import Agent
from bot.agent.undo import UndoRunner
from bot.config.settings import Settings
from bot.core import own_tools
from bot.core.cost_view import CostView
from bot.core.known_models import KnownModels
from bot.core.policy.approvers import is_group
from bot.core.ports.model_check import ModelCheck
from bot.core.ports.store import Store
from bot.core.sessions import SessionStatus
from bot.core.turn_message import TURN
from bot.deadline import STOP_SECONDS, Deadline
from bot.model.openrouter import OpenRouter
from bot.scheduler.local import KeyedWorker
from bot.slack import app as slack
from bot.slack.approval_handler import ApprovalHandler
from bot.slack.authorization import Authorizer
from bot.slack.blocks.messages import deletion_notice
from bot.slack.connectivity import Connectivity
from bot.slack.delivery.kinds import KINDS
from bot.slack.delivery.live import Live
from bot.slack.delivery.outbox import Outbox
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.sender import Sender
from bot.slack.directory import Directory
from bot.slack.gateway import SlackGateway
from bot.slack.intake import agent_events, buttons, events, home, prompts, windows
from bot.slack.intake.catch_up import CatchUp
from bot.slack.intake.missed_reader import MissedReader
from bot.slack.intake.model_words import ModelWords
from bot.slack.intake.own_messages import OwnMessages
from bot.slack.prompt_desk import PromptDesk
from bot.slack.reading.message import Ourselves
from bot.slack.sessions import Sessions
from bot.slack.socket import Socket
from bot.supervised import BackgroundTasks, run_forever
from bot.sweep import Sweep
from bot.tools.json_schema.arguments import problem, problems
from bot.tools.mcp.toolset import McpToolset

COLLECT = (20_000, 20, 50)
"""Thresholds of the garbage collector: Python's own scan hundreds of turns many times a second (docs/bench.md)."""
DELIVER_SECONDS = 2.0
"""Time for posts at the shutdown; the rest is posted at the next start."""
CLOSE_SECONDS = 3.5
"""Time for the tool servers to end at the shutdown."""

Register = Callable[[AsyncApp, ApprovalHandler], None]
LISTENERS: Sequence[Register] = (home.register, prompts.register)
"""Functions that register listeners other than those for messages, windows and buttons. For a slash command, add a
module to `bot/slack/intake` and its `register` here."""


class Service:
    """All parts of one running bot."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        web: slack.Clients,
        identity: slack.Identity,
        tools: McpToolset,
        *,
        model: OpenRouter | None = None,
        catalogue: ModelCheck | None = None,
        listeners: Sequence[Register] = LISTENERS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`model` replaces the one from the settings, `catalogue` is what is known about models, `clock` gives the time
        of Slack's messages in Unix seconds."""
        tools.offer(own_tools.offered(asks=settings.ask_person, resources=settings.tools.resources))
        limits = settings.limits
        self._settings, self._store, self._web, self._tools = settings, store, web, tools
        self._background = BackgroundTasks()
        self.background = self._background.start
        self._model = model or service_parts.model(settings)
        options, known = settings.model_options, catalogue or KnownModels()
        self._threads = KeyedWorker(self._advance, self._apologise)
        self._deliveries = KeyedWorker(self._reconcile, self._ignore)
        rate = UpdateRate(limits.progress_every_seconds, self._deliveries.wake)
        live = Live(limits.progress_after_seconds, rate)
        rules = settings.approvals
        directory = Directory(web.repeatable, org_wide=identity.org_wide)
        named = rules.groups | settings.policy.groups | frozenset(filter(is_group, settings.operators))
        authorizer = Authorizer(directory, rules, named, identity.team, identity.enterprise, lambda: tools.groups)
        ourselves = Ourselves(identity.bot_user, identity.bot_id)
        reader = MissedReader(web.repeatable, ourselves, settings.bots, settings.answer_missed_minutes * 60, clock)
        reader.may_stop = authorizer.may_stop
        reader.model_words = ModelWords(options, known, f"<@{identity.bot_user}>")
        self._sessions = Sessions(web.best_effort, store, self.background, enabled=identity.agent)
        self._attached = attached = attaching.assemble(
            settings, web, identity, authorizer, ourselves, catalogue=known, prompts=tools.offers
        )
        self._gateway = SlackGateway(
            limits,
            web.repeatable,
            live,
            self._deliveries.wake,
            ourselves=ourselves,
            bots=settings.bots,
            authorizer=authorizer,
            privacy=settings.privacy,
            missed=reader,
            sessions=self._sessions,
            files=attached.in_messages,
            secret=store.secret,
        )
        self._gateway.model_words = reader.model_words
        live.status_shows = lambda thread_id: identity.agent
        self._outbox = Outbox(
            store,
            Sender(
                web.once,
                web.repeatable,
                web.best_effort,
                identity.bot_user,
                reader.posts,
                contents=attached.contents,
                workspaces=directory.workspaces,
            ),
            kinds={**KINDS, TURN: live.kind},
            session=lambda thread_id: self._sessions.wanted(thread_id) or "",
            session_given=lambda thread_id, status: self._sessions.given(thread_id, SessionStatus(status)),
            session_settles=self._sessions.settles,
            rate=rate,
            wake=self._deliveries.wake,
            advance=self._threads.wake,
            background=self.background,
        )
        self.signing_in = signing_in.SigningIn(settings, store, tools, self._wake_both)
        judge = CallAuthorizer(
            *(store, tools, self._gateway, settings.policy, rules, problem), ReadMore(store, attached.contents)
        )
        self._task_watch = TaskWatch(tools.tasks, self._threads.wake)
        steps = ToolSteps(
            *(store, tools, self._gateway, limits, judge),
            ApprovalRequester(tools, self._gateway, limits, rules),
            *(self._threads.watch, attached.for_model),
            task_watch=self._task_watch,
            stopping=lambda: self._threads.closed,
            sign_in_requests=signing_in.requests(settings, store, self._gateway, self.signing_in),
        )
        contexts = ContextWindows(settings.models, known, settings.compaction)
        self._undos = KeyedWorker(UndoRunner(store, tools, self._gateway).run, self._ignore)
        handler = ApprovalHandler(
            store,
            tools,
            authorizer,
            rules,
            web.repeatable,
            self._wake_both,
            self._undos.wake,
            self.background,
            judge.denies,
            problems,
            identity.url,
            self._gateway.privacy,
            CostView(settings.budgets, settings.operators),
            self.signing_in.accounts,
            PromptDesk(tools.offers, identity.team, identity.bot_user, identity.org_wide),
        )
        budgets, self._cut = spending.assemble(settings, store, self._gateway, web.session, known)
        self._agent = Agent(
            *(store, self._model, tools, self._gateway, steps, limits),
            instructions=service_parts.opening(settings, identity, tools, self._gateway).of,
            stopping=lambda: self._threads.closed,
            budgets=budgets,
            options=options,
            catalogue=known,
            compactor=Compactor(store, self._model, self._gateway, contexts),
            offer=ToolOffer(settings.tools, contexts),
        )

        self._sweep = Sweep(
            store,
            self._gateway,
            min(rules.remind_hours, limits.approval_hours / 4),
            limits.sweep_seconds,
            self._wake_both,
            self._undos.wake,
            AudienceCheck(store, self._gateway).check,
        )

        self._news = service_parts.server_news(
            settings, store, identity, tools, self._gateway, wake=self._deliveries.wake
        )

        under_way: dict[tuple[str, str], events.Commit] = {}

        def register(app: AsyncApp) -> None:
            events.register(
                app,
                store,
                self._threads.wake,
                ourselves,
                under_way,
                bots=settings.bots,
                model_words=reader.model_words,
                may_stop=authorizer.may_stop,
                stopped=self._wake_both,
                busy=self._threads.runs,
                seen=self._gateway.seen.mark,
                unseen=self._unseen,
            )
            agent_events.register(app, agent_events.AgentEvents(handler, store, self._sessions, authorizer.may_stop))
            for each in listeners:
                each(app, handler)
            windows.register(app, handler)
            buttons.register(app, handler)  # last: they answer whatever nobody else listens to

        self._app = slack.bolt(web, register)
        self._catch_up = CatchUp(
            *(store, web.repeatable, reader, self._wake_both, identity.team),
            workspaces=directory.workspaces,
            busy=self._threads.runs,
        )
        self._connectivity = Connectivity(store.begin_outage, self._catch_up.read, clock)
        reader.over = lambda: self._connectivity.over
        own_messages = OwnMessages(store, web.repeatable, ourselves, reader.posts)
        self._socket = Socket(
            *(self._app, web, under_way, identity, self._connectivity), own=own_messages.take, ourselves=ourselves
        )

    async def start(self, url: str, seconds: float = slack.REQUEST_SECONDS) -> None:
        """Recover, then open the socket. In: its URL, and the time limit in seconds for requests to Slack before
        that."""
        await self.signing_in.start()
        await self._tools.start()
        await slack.warm(self._app, seconds)
        await self._cut.take_over()
        self._outbox.inherit(await self._store.last_post())
        for thread_id in await self._sessions.start(await self._store.waiting()):
            self._wake_both(thread_id)
        for thread_id in await self._store.undo_threads():
            self._undos.wake(thread_id)
        await self._socket.open(url)
        # Not earlier: importing the openai package in a thread would delay opening the socket.
        self.background(self._load())
        connected = self._connectivity
        self.background(self.signing_in.resume())
        self.background(run_forever("the sweep", self._sweep.run))
        self.background(run_forever("removing old attachments", self._attached.contents.tidy_forever))
        self.background(run_forever("what cut off requests have cost", self._cut.run))
        self.background(run_forever("telling what is new about servers", self._news.run))
        self.background(run_forever("the statuses of sessions", self._sessions.run))
        self.background(run_forever("reading what was missed", self._catch_up.run))
        self.background(run_forever("recording the connection", lambda: self._catch_up.beat(lambda: connected.last)))

    async def stop(self) -> None:
        """Shut down within 15 seconds. Unfinished work is on the disk and continues at the next start."""
        deadline = Deadline(STOP_SECONDS)
        await deadline.run_step("the socket", self._socket.stop_intake(), 1.0)
        # Each step leaves time for the later ones: answers are to be posted, and servers to end properly.
        drained = deadline.remaining(self._settings.limits.drain_seconds, keep=DELIVER_SECONDS + CLOSE_SECONDS)
        await asyncio.gather(
            deadline.run_step("the turns", self._threads.close(drained), drained + 0.1),
            deadline.run_step("undos", self._undos.close(drained), drained + 0.1),
        )
        delivered = deadline.remaining(DELIVER_SECONDS, keep=CLOSE_SECONDS)
        await deadline.run_step("posts", self._deliveries.close(delivered), delivered + 0.1)
        await deadline.run_step("the statuses of sessions", self._sessions.close(0.5), 0.7)
        self._background.cancel()
        await asyncio.gather(
            deadline.run_step("the tasks of servers", self._task_watch.aclose(), 1.0),
            deadline.run_step("background tasks", self._background.wait(), 1.0),
            deadline.run_step("the tool servers", self._tools.aclose(), CLOSE_SECONDS, keep=0.5),
            deadline.run_step("the model", self._model.aclose(), 1.0),
            deadline.run_step("sign-ins", self.signing_in.aclose(), 1.0),
        )
        await deadline.run_step("the connection to Slack", self._socket.close(), 1.0)

    async def _load(self) -> None:
        """Import what the first turn needs. These objects stay, so they are excluded from garbage collection: a single
        scan takes 0.15 s, which would delay the first turn, and finds almost nothing."""
        try:
            await self._model.warm()
            await self._tools.ready(self._settings.limits.servers_seconds)
        finally:
            gc.freeze()
            gc.set_threshold(*COLLECT)
            gc.enable()

    def _wake_both(self, thread_id: int) -> None:
        self._threads.wake(thread_id)
        self._deliveries.wake(thread_id)

    async def _unseen(self, channel: str, ts: str) -> None:
        """Somebody has deleted a message: if it was ours and asks something, it is posted again, or closed."""
        thread_id = await self._store.deleted(channel, ts, deletion_notice(channel, ts))
        if thread_id:
            self._wake_both(thread_id)

    async def _advance(self, thread_id: int) -> None:
        await self._agent.advance(thread_id)

    async def _reconcile(self, thread_id: int) -> None:
        await self._outbox.reconcile(thread_id)

    async def _apologise(self, thread_id: int) -> None:
        """Notify people that a run ended with an internal error."""
        await self._agent.failed(thread_id)

    async def _ignore(self, thread_id: int) -> None:
        """Do nothing: errors of a delivery are logged, and what is owed stays owed."""
