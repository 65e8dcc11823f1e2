"""The real bot as a process, against the Slack and the model stand-ins, over a folder with real files."""

from __future__ import annotations

import asyncio
import codecs
import json
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from slack_sandbox.journal import ApiCall
from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.slack import SlackSandbox
from tests import migrated, quick_updates, watch
from tests.forking import Forked, nursery
from tests.patient import PatientSlack

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
LEAVE_SECONDS = 1.0
LOOK_SECONDS = 0.004
"""Between two looks at whether the bot is quiet."""
FORKED = hasattr(os, "pidfd_open")


class Bot:
    """One `python -m bot`, started and ended as often as a test wants, over the same folder and database."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.environment = dict(environment)
        self.process: asyncio.subprocess.Process | Forked | None = None
        self.starts = 0
        self.forked = FORKED
        """Started by a fork of a process that has loaded the bot's modules; else by `python -m bot`."""
        self.real_files = False
        """Its files are served by the real filesystem server, also when it is forked; else by a stand-in."""
        self.sockets: Sequence[object] = ()
        """Those that Slack has open for it."""
        self._log, self._logged = "", 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def log(self) -> str:
        """All that the processes have written, in order."""
        path = self.home / "bot.log"
        if path.exists():
            with path.open("rb") as file:
                file.seek(self._logged)
                more = file.read()
            self._logged += len(more)
            self._log += self._decoder.decode(more)
        return self._log

    @property
    def database(self) -> Path:
        return self.home / "bot.db"

    async def start(self, **environment: str) -> Self:
        """Start the process; does not wait for it to be ready."""
        self.starts += 1
        quick_updates.allow(self.home, {**self.environment, **environment})
        if self.forked:
            together = {**self.environment, **environment}
            if together["DATABASE_URL"] == f"sqlite:///{self.database}":
                migrated.new(self.database)
            self.process = nursery().start(self.home, together, self.home / "bot.log", real_files=self.real_files)
            return self
        with (self.home / "bot.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bot",
                cwd=self.home,
                env={**self.environment, **environment, **measured()},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    async def ended(self, seconds: float = 20) -> int:
        """Wait for the process to end; out: its exit code."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
        await self._left()
        return code

    async def kill(self) -> None:
        """kill -9."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
            await self._left()

    async def _left(self) -> None:
        """Wait until Slack has seen its sockets end: what it is sent at once would get lost in those."""
        until = time.monotonic() + LEAVE_SECONDS
        while self.sockets and time.monotonic() < until:
            await asyncio.sleep(0.001)

    async def stop(self) -> int:
        """SIGTERM, and wait until it has drained."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    def rows(self, query: str, *values: object) -> list[Any]:
        """Look into the database."""
        with closing(self.reading()) as connection:
            return connection.execute(query, values).fetchall()

    def reading(self) -> sqlite3.Connection:
        """A connection to look into the database more often: to open one reads the whole schema."""
        return sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)

    @contextmanager
    def looking(self) -> Generator[sqlite3.Connection]:
        """A connection to look into the database for a while."""
        with closing(self.reading()) as connection:
            yield connection


@dataclass
class World:
    """Slack, the model, a folder and the bot."""

    slack: PatientSlack
    model: ModelSandbox
    bot: Bot
    workspace: Path
    alice: Person
    bob: Person
    general: Channel
    expected_refusals: list[str] = field(default_factory=list[str])
    errors_expected: bool = False
    tests: int = 0
    _log_read: int = 0
    _called: int = 0
    _said: int = 0
    _keys: set[str] = field(default_factory=set[str])
    """What is marked on the messages of earlier tests."""

    def fresh(self) -> None:
        """Set the stage for the next test with the same running bot: other people, channel and folder."""
        self.tests += 1
        self.workspace = self.bot.home / "workspace" / f"test{self.tests}"
        self.workspace.mkdir()
        self.alice, self.bob = self.slack.add_person("Alice Smith"), self.slack.add_person("Bob Jones")
        self.general = self.slack.add_channel(f"general-{self.tests}", members=[self.alice, self.bob])
        self.model.reset()
        self.slack.rejected.clear()
        self.slack.envelopes.clear()
        self.slack.faults.clear()
        self.expected_refusals, self.errors_expected = [], False
        self._keys.update(self._marks())
        self._log_read, self._called = len(self.bot.log), len(self.slack.calls)
        self._said = len(self.slack.workspace.recent)

    def open_approvals(self, ts: str) -> int:
        """How many requests of a thread wait for a decision."""
        query = (
            "SELECT count(*) FROM questions a JOIN threads t ON t.id = a.thread_id"
            " WHERE t.thread_ts = ? AND decision = 'awaiting' AND a.call IS NOT NULL"
        )
        return int(self.bot.rows(query, ts)[0][0])

    async def until(
        self, condition: Callable[[], T], timeout: float = 20, what: str = "", *, poll: float | None = None
    ) -> T:
        """Wait for a condition on Slack's state, and say what the bot logged when it does not come. A condition on
        something else needs `poll`, the seconds between tries."""
        try:
            return await self.slack.until(condition, timeout, what, poll=poll)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- bot.log\n{self.bot.log[-6000:]}") from None

    async def ready(self) -> None:
        """Wait until the bot's socket is open."""
        await self.until(lambda: self.slack.hub.ready, what="an open socket")

    def replies(self, ts: str, channel: Channel | None = None) -> list[Message]:
        """The bot's standing messages in a thread, without one that says what is being done."""
        messages = self.slack.thread(channel or self.general, ts)
        return [message for message in messages if message.bot_id == self.slack.bot_id and not is_progress(message)]

    async def reply(self, ts: str, containing: str, channel: Channel | None = None, timeout: float = 20) -> Message:
        """Wait for a message of the bot's with these words."""

        def found() -> list[Message]:
            return [reply for reply in self.replies(ts, channel) if containing in reply.plain]

        return (await self.until(found, timeout, f"a reply with {containing!r}"))[0]

    async def card(self, ts: str, *buttons: str, channel: Channel | None = None, timeout: float = 20) -> Message:
        """Wait for a message of the bot's that has all these buttons: a record may have the same words."""

        def found() -> list[Message]:
            return [reply for reply in self.replies(ts, channel) if set(buttons) <= set(reply.buttons)]

        return (await self.until(found, timeout, f"a message with the buttons {buttons}"))[0]

    async def quiet(self, timeout: float = 20) -> None:
        """Wait until every turn has ended or waits, and everything owed is posted and shown as it is now."""
        query = (
            "SELECT (SELECT count(*) FROM posts WHERE state = 'owed')"
            " + (SELECT count(*) FROM inbox WHERE seq IS NULL AND addressed AND thread_id NOT IN"
            " (SELECT thread_id FROM questions WHERE decision = 'awaiting'))"
            " + (SELECT count(*) FROM turns WHERE ended_at IS NULL AND id NOT IN"
            " (SELECT w.turn_id FROM budget_waits w JOIN questions q ON q.id = w.question"
            " WHERE q.decision = 'awaiting') AND thread_id NOT IN"
            " (SELECT thread_id FROM questions WHERE decision = 'awaiting'"
            " UNION SELECT id FROM threads WHERE parked <> ''))"
            " + (SELECT count(*) FROM posts WHERE shown <> revision AND state = 'posted')"
        )
        with self.bot.looking() as connection:
            before, until = None, time.monotonic() + timeout
            while True:
                # Only what others have committed since the last look can have made a difference.
                seen = connection.execute("PRAGMA data_version").fetchone()
                if seen != before and connection.execute(query).fetchone() == (0,):
                    return
                if time.monotonic() > until:
                    raise TimeoutError(f"not quiet in {timeout:g} s; log: {self.bot.log[-3000:]}")
                before = seen
                await asyncio.sleep(LOOK_SECONDS)

    def posts(self) -> list[ApiCall]:
        """Every message that was posted, in order."""
        calls = self.slack.calls[self._called :]
        return [call for call in calls if call.method == "chat.postMessage" and call.response.get("ok")]

    def _marks(self) -> list[str]:
        """The keys on the messages since the test's begin, also of those that people have deleted. What the bot has
        removed, since there was nothing to show of a turn that waits, it may post again below."""
        calls = [each for each in self.slack.calls[self._called :] if each.method == "chat.delete" and not each.error]
        removed = {(each.args.get("channel"), each.args.get("ts")) for each in calls}
        messages = [each for each in self.slack.workspace.recent[self._said :] if each.metadata]
        kept = [each for each in messages if (each.channel, each.ts) not in removed]
        return [each.metadata["event_payload"]["key"] for each in kept if each.metadata]

    def check(self) -> None:
        """What must hold after every test: nothing that Slack or a strict provider refuses, no broken cache prefix,
        no post twice, no ping, no stack trace."""
        refused = [f"{call.method}: {call.error}" for call in self.slack.rejected]
        # What was deleted just before a kill is deleted once more, and so are reactions that it may have left. People
        # may delete a message before its reaction is there.
        late = ["chat.delete: message_not_found", "reactions.add: message_not_found", "reactions.remove: no_reaction"]
        allowed = [*late, *self.expected_refusals]
        assert [text for text in refused if not any(expected in text for expected in allowed)] == []
        assert self.model.violations == []
        assert self.model.prefix_breaks == []
        marks = self._marks()
        assert len(marks) == len(set(marks)), "a message was posted twice"
        assert self._keys.isdisjoint(marks), "a message of an earlier test was posted again"
        assert self.errors_expected or "Traceback" not in self.bot.log[self._log_read :]
        machine = str(self.bot.home / "workspace")
        assert [card for card in self._cards() if machine in card] == [], "a card names a path of this machine"

    def _cards(self) -> list[str]:
        """Every message since the test's begin, and every change of one, that asks about a call or says how it ended:
        its text and blocks as JSON."""
        methods = ("chat.postMessage", "chat.update", "chat.stopStream")
        calls = [call for call in self.slack.calls[self._called :] if call.method in methods]
        shown = [json.dumps([call.args.get("text"), call.args.get("blocks")]) for call in calls]
        return [each for each in shown if "request-" in each or "record-" in each]


def measured() -> dict[str, str]:
    """What a process is started with so that it notes what holds its loop, in a run that looks for that."""
    noted = os.environ.get(watch.NOTED)
    return {watch.NOTED: noted, "PYTHONPATH": f"{ROOT / 'tests' / 'measured'}:{ROOT}"} if noted else {}


def processes(marker: str) -> list[int]:
    """The running processes whose command line contains the marker."""
    found: list[int] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:  # it has just ended
            continue
        if marker in command and int(path.parent.name) != os.getpid():
            found.append(int(path.parent.name))
    return found


def is_progress(message: Message) -> bool:
    """A message that says what a running turn is doing."""
    return ":hourglass_flowing_sand:" in str(message.blocks)


def steps(message: Message) -> list[str]:
    """The steps that a message shows, with their states: `complete: Read a.txt`."""
    return [f"{block['status']}: {block['title']}" for block in message.blocks if block["type"] == "task_card"]


def settings_of(slack: SlackSandbox, model: ModelSandbox, home: Path, workspace: Path) -> dict[str, str]:
    """The settings of a bot that talks to these stand-ins."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "OPENROUTER_API_KEY": model.api_key,
        "OPENROUTER_BASE_URL": model.base_url,
        "OPENROUTER_MODEL": "sandbox/model",
        "DATABASE_URL": f"sqlite:///{home}/bot.db",
        "BOT_WORKSPACE": str(workspace),
    }


@asynccontextmanager
async def world(
    home: Path, *, ready: bool = True, start: bool = True, real_files: bool = False, **environment: str
) -> AsyncGenerator[World]:
    """A bot that runs, ended and checked afterwards. In: whether the filesystem server is the real one, which takes
    the CPU of ten of the stand-in."""
    workspace = home / "workspace"
    workspace.mkdir()
    async with PatientSlack(file_share_delay=0.5) as slack, ModelSandbox() as model:
        settings = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            **settings_of(slack, model, home, workspace),
            "LOG_LEVEL": "info",
            **environment,
        }
        bot = Bot(home, settings)
        bot.real_files, bot.sockets = real_files, slack.hub.connections
        alice, bob = slack.add_person("Alice Smith"), slack.add_person("Bob Jones")
        general = slack.add_channel("general", members=[alice, bob])
        this = World(slack, model, bot, workspace, alice, bob, general)
        try:
            if start:
                await bot.start()
                if ready:
                    await this.ready()
            yield this
            this.check()
        finally:
            await bot.kill()
