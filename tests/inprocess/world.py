"""The world of `tests.harness` inside this process: the service's own parts over a real file, with Slack, the model
and the filesystem server at hand. A case takes milliseconds, and a test of the one runs in the other as it is.

What only a process shows (its death, its start and its end, sockets that break, a model that fails on the way) needs
`tests.harness`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import logging
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import aiohttp

from bot import logs, signing_in
from bot.agent.audience_check import AudienceCheck
from bot.config import mcp_json, settings
from bot.core.ports.store import Store
from bot.errors import SettingsError
from bot.model import generations
from bot.model.generations import Generation
from bot.model.openrouter import OpenRouter
from bot.service import LISTENERS, Service
from bot.signing_in import with_accounts
from bot.slack import app as slack_app
from bot.slack.intake.token_bucket import TokenBucket
from bot.store.registry import Opens
from bot.store.sqlite.database import Ahead, Database, Work
from bot.store.sqlite.store import SqliteStore
from bot.tools.filesystem import default_server
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import ServerConfig, StdioServer
from bot.tools.toolset import make_toolset
from slack_sandbox.openrouter import ModelSandbox, wire
from tests import migrated, quick_updates, standin
from tests.harness import Bot, World, settings_of
from tests.inprocess.files import near_transports
from tests.inprocess.known_node import known_node
from tests.inprocess.model import NearModel, NearModelSandbox
from tests.inprocess.slack import Line, NearSlack
from tests.watch import as_a_bot

T = TypeVar("T")
MOMENT = 0.002
"""Seconds between two looks at whether the bot is quiet."""
ACK_SECONDS = 1.0


class Unlimited(TokenBucket):
    """Spaces no requests out: a bot that is started again in a long test has many conversations to read."""

    def take(self) -> float:
        return 0.0


class Parts(Service):
    """A service that says whether it has anything to do."""

    _lasting: frozenset[asyncio.Task[object]] = frozenset()

    @property
    def store(self) -> Store:
        """The bot's own, for what a test adds to the bot."""
        return self._store

    @property
    def tools(self) -> McpToolset:
        """The toolset."""
        return self._tools

    async def expire(self) -> None:
        """Have the sweep close what has expired."""
        for thread_id in await self._store.expire():
            self.wake(thread_id)

    def wake(self, thread_id: int) -> None:
        """There is something to do in this thread."""
        self._wake_both(thread_id)

    async def start(self, url: str, seconds: float = slack_app.REQUEST_SECONDS) -> None:
        read = self._catch_up
        read._rate = read._of_threads = read._comparison.rate = Unlimited(1, 1.0)  # pyright: ignore[reportPrivateUsage]
        await super().start(url, seconds)
        self._lasting = frozenset(self._background.running)

    def ask_for_costs(self, look_up: Callable[[str], Awaitable[Generation | None]]) -> None:
        """Ask this about replies that were cut off, at once and often."""
        self._cut.look_up, self._cut.idle_seconds = look_up, 0.01

    async def look_again(self) -> None:
        """Have the sweep look at every open request, with nothing remembered of who is where."""
        self._gateway._directory.forget()  # pyright: ignore[reportPrivateUsage]
        reach = AudienceCheck(self._store, self._gateway, seconds=0.0)
        for thread_id in await reach.check():
            self.wake(thread_id)

    @property
    def idle(self) -> bool:
        """Nothing runs but what runs for as long as the bot does."""
        wakes = (self._threads, self._deliveries, self._undos)
        is_read = self._catch_up.idle
        return (
            is_read
            and self._gateway.seen.idle
            and all(each.idle for each in wakes)
            and self._background.running <= self._lasting
        )

    async def _load(self) -> None:
        """As a bot does, but the garbage collector is the tests' own."""
        await self._model.warm()
        await self._tools.ready(self._settings.limits.servers_seconds)


class Eager(Database):
    """A database that keeps no test waiting: for another transaction to share a commit with, or for a disk to have what
    only a power cut would lose, or for the migrations of a new file."""

    async def __aenter__(self) -> Self:
        migrated.new(self._path)
        return await super().__aenter__()

    async def write(
        self, work: Work[T], *, synced: bool = True, soon: bool = False, ahead: Ahead[T] | None = None
    ) -> T:
        return await super().write(work, synced=False, ahead=ahead)


@asynccontextmanager
async def _eager(url: str, redact: Sequence[str]) -> AsyncGenerator[Store]:
    async with Eager(url) as database:
        yield SqliteStore(database, redact)


class BotInside(Bot):
    """The bot as a part of this process, started and stopped as often as a test wants."""

    def __init__(self, home: Path, environment: Mapping[str, str], slack: NearSlack, model: ModelSandbox) -> None:
        super().__init__(home, environment)
        self._slack, self._model = slack, model
        self.endpoint = model
        """What is asked about replies that were cut off."""
        self.toolset_of: Callable[[Sequence[ServerConfig]], McpToolset] = _toolset
        """What makes the toolset of the configured servers."""
        self.store_of: Opens = _eager
        """What opens the store."""
        self.model_of: Callable[[settings.Settings], OpenRouter] = self._near_model
        self.listeners = LISTENERS
        self.clock: Callable[[], float] = time.time
        """Slack's time."""
        self._parts: Parts | None = None
        self._ending = AsyncExitStack()
        self._code: int | None = None
        self._reading: sqlite3.Connection | None = None
        self._said = io.StringIO()

    @property
    def log(self) -> str:
        return self._said.getvalue()

    @property
    def idle(self) -> bool:
        """Nothing is under way."""
        return self._parts is None or self._parts.idle

    @property
    def parts(self) -> Parts:
        """The parts of the bot that runs."""
        assert self._parts is not None, "it runs"
        return self._parts

    @contextmanager
    def logging(self) -> Generator[None]:
        """What is logged meanwhile is the bot's."""
        root = logging.getLogger()
        handler = logging.StreamHandler(self._said)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        wanted = {**dict.fromkeys(logs.QUIET, logging.WARNING), "": logging.INFO}
        before = {name: logging.getLogger(name).level for name in wanted}
        root.addHandler(handler)
        _set_levels(wanted)
        try:
            yield
        finally:
            root.removeHandler(handler)
            _set_levels(before)

    async def start(self, **environment: str) -> Self:
        """Put the parts together and open the socket. A setting that is wrong is told and ends it, as it does the
        process (`bot.cli.main`)."""
        self.starts += 1
        self._code = None
        try:
            await as_a_bot(self._begin({**self.environment, **environment}))
        except SettingsError as error:
            self._said.write(f"{error}\n")
            self._code = 2
            await self.stop()
        return self

    async def _begin(self, values: Mapping[str, str]) -> None:
        quick_updates.allow(self.home, values)
        loaded = settings.load(values, self.home)
        for finding in loaded.findings:
            logging.getLogger("bot.app").warning("BOT_CONFIG: %s.", finding.words())
        with known_node():
            configured = mcp_json.load(loaded.mcp_config, loaded.workspace, loaded.variables)
        mcp_json.log_findings(configured)
        found = [_served(each) for each in configured.servers]
        ending = self._ending = AsyncExitStack()
        tools = self.toolset_of(found)
        ending.push_async_callback(tools.aclose)
        await tools.launch()
        store = await ending.enter_async_context(self.store_of(loaded.database_url, loaded.redact))
        line = Line(self._slack)
        ending.push_async_callback(line.close)
        these = await _clients(loaded, line)
        identity, url = await slack_app.preflight(these)
        await signing_in.load(tools)
        model = self.model_of(loaded)
        self._parts = Parts(
            loaded, store, these, identity, tools, model=model, listeners=self.listeners, clock=self.clock
        )
        self._parts.ask_for_costs(self._cost_of)
        ending.push_async_callback(self._parts.stop)
        await self._parts.start(url)

    async def _cost_of(self, id: str) -> Generation | None:
        """What the model's endpoint says about a reply."""
        return generations.read(wire.dumps({"data": self.endpoint.generations.by_id.get(id)}))

    def _near_model(self, loaded: settings.Settings) -> OpenRouter:
        return NearModel(
            self._model, api_key=loaded.openrouter_api_key, base_url=loaded.openrouter_base_url, models=loaded.models
        )

    async def ended(self, seconds: float = 20) -> int:
        """How the last start ended. Raises AssertionError when it runs."""
        assert self._code is not None, "it runs"
        return self._code

    async def stop(self) -> int:
        """Drain and end, as on SIGTERM. What is on its way gets its ack first: one for a closed socket is an error in
        the log of Slack's SDK."""
        self._parts, until = None, time.monotonic() + ACK_SECONDS
        while any(each.unacked for each in self._slack.hub.connections) and time.monotonic() < until:
            await asyncio.sleep(MOMENT)
        await as_a_bot(self._ending.aclose())
        return 0

    async def kill(self) -> None:
        """What only a process can suffer; here it ends."""
        await self.stop()

    def rows(self, query: str, *values: object) -> list[Any]:
        with self.looking() as connection:
            return connection.execute(query, values).fetchall()

    @contextmanager
    def looking(self) -> Generator[sqlite3.Connection]:
        if self._reading is None:  # opened once: whoever opens it reads the whole schema
            self._reading = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, isolation_level=None)
        yield self._reading

    def close(self) -> None:
        """Look into the database no more."""
        if self._reading is not None:
            self._reading.close()


class Inside(World):
    """The world, in which the bot is quiet as soon as nothing of it runs."""

    async def quiet(self, timeout: float = 20) -> None:
        bot, until = cast(BotInside, self.bot), time.monotonic() + timeout
        while not bot.idle and time.monotonic() < until:
            await asyncio.sleep(MOMENT)
        await super().quiet(timeout)


def _set_levels(wanted: Mapping[str, int]) -> None:
    """Set the levels of these loggers. `setLevel` would go through all loggers that there are for each of them."""
    for name, level in wanted.items():
        logging.getLogger(name).level = level
    cast(Any, logging.root.manager)._clear_cache()


def _toolset(servers: Sequence[ServerConfig]) -> McpToolset:
    return make_toolset(with_accounts(servers), transports=near_transports(str(_stand_in()[1])))


@cache
def _stand_in() -> tuple[Path, Path]:
    folder = tempfile.TemporaryDirectory(prefix="bot-stand-in-")
    _folders.append(folder)
    return standin.install(Path(folder.name))


_folders: list[tempfile.TemporaryDirectory[str]] = []


def _served(server: ServerConfig) -> ServerConfig:
    """The server, by the stand-in if it is the one that the set-up installs."""
    if not isinstance(server, StdioServer) or not any(
        argument.endswith(f"{default_server.PACKAGE}/dist/index.js")
        or argument.startswith(f"{default_server.PACKAGE}@")  # by npx where it is not installed: seconds for each start
        for argument in server.args
    ):
        return server
    programs, program = _stand_in()
    given = server.args[2:] if server.command == default_server.NPX else server.args[1:]
    return dataclasses.replace(server, command=str(programs / "node"), args=(str(program), *given))


async def _clients(loaded: settings.Settings, line: Line) -> slack_app.Clients:
    """The clients, over the line."""
    these = slack_app.clients(loaded.slack_api_url, loaded.slack_bot_token, loaded.slack_app_token)
    await these.session.close()
    session = cast(aiohttp.ClientSession, line)
    for client in (these.repeatable, these.once, these.best_effort):
        client.session = session
    return dataclasses.replace(these, session=session)


@asynccontextmanager
async def inside(
    home: Path, *, ready: bool = True, start: bool = True, real_files: bool = False, **environment: str
) -> AsyncGenerator[World]:
    """`tests.harness.world` inside this process."""
    workspace = home / "workspace"
    workspace.mkdir()
    async with NearSlack(file_share_delay=0.5) as slack, NearModelSandbox() as model:
        values = {**settings_of(slack, model, home, workspace), **environment}
        bot = BotInside(home, values, slack, model)
        alice, bob = slack.add_person("Alice Smith"), slack.add_person("Bob Jones")
        general = slack.add_channel("general", members=[alice, bob])
        this = Inside(slack, model, bot, workspace, alice, bob, general)
        with bot.logging(), _home(home):
            try:
                if start:
                    await bot.start()
                yield this
                this.check()
            finally:
                await bot.kill()
                bot.close()


@contextmanager
def _home(folder: Path) -> Generator[None]:
    """Be somebody who lives there, as the process is."""
    before = os.environ.get("HOME")
    os.environ["HOME"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = before
