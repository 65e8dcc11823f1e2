"""A thread of 1,200 messages costs the database what one of 40 costs: the texts of its log are read once, when a
request to the model needs them, and not at all for a click or a look at how things stand."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from bench.longer import grow
from bot.core.compaction import Compaction, CompactionKind
from bot.core.inbox import Incoming
from bot.core.policy.approvers import ApprovalRules
from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.core.transaction import Change
from bot.errors import StoreError
from bot.store.sqlite.store import SqliteStore
from tests.property.outside import ALICE, BOB, BOT, TEAM, Files, ScriptedModel, World
from tests.property.running import PLACE, Bot, press, submit

SHORT, LONG = 40, 1200
COUNTED = """
    ALTER TABLE messages RENAME TO log;
    CREATE VIEW messages AS SELECT thread_id, seq, turn_id, role, seen(body) AS body, at FROM log;
    CREATE TRIGGER appended INSTEAD OF INSERT ON messages BEGIN
        INSERT INTO log VALUES (NEW.thread_id, NEW.seq, NEW.turn_id, NEW.role, NEW.body, NEW.at);
    END;
"""
"""Has each look at the text of a message counted."""
_OPEN = "SELECT id || ' ' || requester FROM turns WHERE ended_at IS NULL"


class Reading:
    """What SQLite does."""

    def __init__(self, *, steps: bool) -> None:
        self.texts, self._counting_steps = 0, steps
        """Messages whose text was looked at."""
        self.steps: Counter[str] = Counter()
        """Instructions that were carried out, by statement."""
        self._statement = ""

    def watch(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.create_function("seen", 1, self._seen)
        if self._counting_steps:
            connection.set_trace_callback(self._begins)
            connection.set_progress_handler(self._step, 1)
        return connection

    def _seen(self, text: str) -> str:
        self.texts += 1
        return text

    def _begins(self, statement: str) -> None:
        self._statement = statement

    def _step(self) -> int:
        # Posts and their delivery are another matter.
        if "FROM posts" not in self._statement:
            self.steps[self._statement[:80]] += 1
        return 0

    async def of(self, work: Awaitable[object]) -> tuple[int, int]:
        """The texts and the instructions that something takes."""
        self.texts, self.steps = 0, Counter()
        await work
        return self.texts, self.steps.total()


class Model(ScriptedModel):
    """Keeps what it was asked."""

    asked: list[list[str]]

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        self.asked.append(list(request.messages))
        return await super().complete(request, on_text)


class Thread:
    """A thread of the bot that has grown long."""

    def __init__(self, path: Path, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reading, self._path = reading, path
        self._world = World()
        self.model = Model(self._world)
        self.model.asked = []
        self.bot = Bot(path, ApprovalRules(), self._world, Files(self._world), self.model)
        self._said = 0
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect

        def watched(*arguments: Any, **more: Any) -> sqlite3.Connection:
            return reading.watch(connect(*arguments, **more))

        self._plain = connect
        monkeypatch.setattr(sqlite3, "connect", watched)

    async def begin(self, length: int) -> None:
        """One turn by talking, the others written into the file; the bot is started once more afterwards."""
        await self.bot.start()
        await self.bot.live(self.ask)
        await self.bot.stop()
        assert length - 4 < await asyncio.to_thread(grow, self._path, 1, length) <= length
        connection = self._plain(self._path)
        connection.create_function("seen", 1, str)
        connection.executescript(COUNTED)
        connection.close()
        await self.bot.start()

    async def ask(self, *wanted: tuple[str, int]) -> None:
        """Somebody asks for something for which the model makes these calls in one step."""
        self.model.wanted += [wanted] if wanted else []
        self._said += 1
        who, ts = (ALICE, BOB)[self._said % 2], f"1800000000.{self._said:06d}"
        words = f"<@{BOT}> do – {'it ' * self._said}🙂"
        await self.bot.admit(Incoming(PLACE, f"Ev{self._said}", who, ts, words, (), addressed=True))

    async def press(self, name: str, place: int = -1) -> None:
        """The requester presses a button of that name, the newest or another one."""
        button = [each for each in self.bot.slack.live() if each.name == name][place]
        who = self.texts_of("SELECT requester FROM turns ORDER BY id DESC LIMIT 1")[0]
        await self.bot.hear(press(button, who, TEAM))

    async def stop(self) -> None:
        """The requester stops the turn that runs."""
        [(number, who)] = [each.split() for each in self.texts_of(_OPEN)]
        await self.bot.stop_turn(int(number), who)

    async def change(self, content: str) -> None:
        """A person sends the window with the arguments."""
        user, view = self.bot.slack.windows[-1]
        await self.bot.hear(submit(view, user, {"content": content}))

    async def goes_on(self) -> None:
        """What is left to do is done."""

        async def nothing() -> None:
            return

        await self.bot.live(nothing)

    def texts_of(self, query: str) -> list[str]:
        connection = self._plain(self._path)
        connection.create_function("seen", 1, str)
        try:
            return [str(row[0]) for row in connection.execute(query)]
        finally:
            connection.close()


def in_its_own_loop(test: Callable[[Path], Coroutine[Any, Any, None]]) -> Callable[[Path], None]:
    """A bot that stops ends every task of its loop, as a process would."""

    @wraps(test)
    def run(tmp_path: Path) -> None:
        asyncio.run(test(tmp_path))

    return run


@asynccontextmanager
async def grown(path: Path, length: int, *, steps: bool = False) -> AsyncGenerator[Thread]:
    """A thread of so many messages, with a bot that has just been started."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        thread = Thread(path, Reading(steps=steps), monkeypatch)
        await thread.begin(length)
        try:
            yield thread
        finally:
            await thread.bot.stop()


@in_its_own_loop
async def test_a_turn_reads_the_texts_of_the_log_once_and_the_next_turn_only_what_is_new(tmp_path: Path) -> None:
    async with grown(tmp_path / "bot.db", LONG) as thread:
        texts, _ = await thread.reading.of(thread.bot.live(lambda: thread.ask(("look", 0))))
        assert LONG - 4 < texts <= LONG + 10
        assert len(thread.model.asked) == 3, "the turn had two requests"
        texts, _ = await thread.reading.of(thread.bot.live(lambda: thread.ask(("look", 0))))
        assert texts <= 10


@in_its_own_loop
async def test_a_click_and_a_change_of_arguments_read_no_text_of_the_log(tmp_path: Path) -> None:
    async with grown(tmp_path / "bot.db", LONG) as thread:
        await thread.bot.live(lambda: thread.ask(("write", 0)))
        await thread.bot.stop()
        await thread.bot.start()
        assert (await thread.reading.of(thread.press("edit")))[0] == 0
        assert (await thread.reading.of(thread.change("changed")))[0] == 0
        await thread.goes_on()
        assert (await thread.reading.of(thread.press("approved")))[0] == 0
        assert (await thread.reading.of(thread.bot.store.load(1)))[0] == 0


@in_its_own_loop
async def test_a_review_of_several_calls_and_their_approval_read_no_text_of_the_log(tmp_path: Path) -> None:
    async with grown(tmp_path / "bot.db", LONG) as thread:
        await thread.bot.live(lambda: thread.ask(("write", 0), ("write", 1)))
        await thread.bot.stop()
        await thread.bot.start()
        assert (await thread.reading.of(thread.press("review")))[0] == 0
        assert thread.bot.slack.windows, "the window is open"
        assert (await thread.reading.of(thread.press("all.approved")))[0] == 0
        assert thread.texts_of("SELECT DISTINCT decision FROM questions") == ["approved"]
        assert (await thread.reading.of(thread.bot.store.load(1)))[0] == 0


@in_its_own_loop
async def test_a_turn_of_which_people_decide_while_it_runs_reads_the_log_once(tmp_path: Path) -> None:
    async with grown(tmp_path / "bot.db", LONG) as thread:
        await thread.bot.live(lambda: thread.ask(("write", 0), ("write", 1)))
        await thread.bot.stop()
        await thread.bot.start()
        # The first call is on its way to its server when the turn is stopped.
        thread.bot.outside.plans = [(2, thread.stop)]
        texts, _ = await thread.reading.of(thread.bot.live(lambda: thread.press("all.approved")))
        assert thread.bot.outside.plans == []
        assert thread.texts_of("SELECT outcome FROM turns ORDER BY id DESC LIMIT 1") == ["stopped"]
        assert thread.texts_of("SELECT DISTINCT state FROM calls") == ["finished"]
        assert texts <= LONG + 10


@in_its_own_loop
async def test_nothing_that_the_database_does_in_a_turn_grows_with_the_thread(tmp_path: Path) -> None:
    async def work(thread: Thread) -> dict[str, int]:
        """Instructions by what happens, once the texts have been read."""
        await thread.bot.live(lambda: thread.ask(("look", 0)))
        found: dict[str, int] = {}

        async def measured(name: str, work: Awaitable[object]) -> None:
            _, found[name] = await thread.reading.of(work)

        await measured("a turn", thread.bot.live(lambda: thread.ask(("look", 0))))
        await measured("several calls", thread.bot.live(lambda: thread.ask(("write", 0), ("write", 1))))
        await measured("a review", thread.press("review"))
        await measured("the answer to all", thread.press("all.denied"))
        await measured("what follows", thread.goes_on())
        await measured("a question", thread.bot.live(lambda: thread.ask(("write", 0))))
        await measured("a window", thread.press("edit"))
        await measured("a change", thread.change("changed"))
        await measured("going on", thread.goes_on())
        await measured("a click", thread.press("stop"))
        await measured("the end", thread.goes_on())
        return found

    async with grown(tmp_path / "short.db", SHORT, steps=True) as thread:
        short = await work(thread)
    async with grown(tmp_path / "long.db", LONG, steps=True) as thread:
        long = await work(thread)
        assert {name: (short[name], long[name]) for name in short if long[name] > 1.1 * short[name] + 20} == {}


@in_its_own_loop
async def test_requests_carry_the_log_as_it_is_stored_also_after_a_restart(tmp_path: Path) -> None:
    async with grown(tmp_path / "bot.db", LONG) as thread:
        await thread.bot.live(lambda: thread.ask(("look", 0)))
        await thread.bot.live(thread.ask)
        await thread.bot.stop()
        await thread.bot.start()
        await thread.bot.live(lambda: thread.ask(("look", 1)))
        stored = thread.texts_of("SELECT body FROM messages ORDER BY seq")
        assert len(thread.model.asked) == 6
        for request in thread.model.asked:
            assert request == stored[: len(request)]
        assert [len(request) for request in thread.model.asked[-2:]] == [len(stored) - 3, len(stored) - 1]


@in_its_own_loop
async def test_a_log_with_a_gap_is_not_sent(tmp_path: Path) -> None:
    """Answers would stand under other calls than their own."""
    async with grown(tmp_path / "bot.db", SHORT) as thread:
        store: SqliteStore = thread.bot.store
        state = await store.load(1)
        connection = sqlite3.connect(tmp_path / "bot.db")
        with connection:
            connection.execute("DELETE FROM log WHERE seq = 7")
        connection.close()
        with pytest.raises(StoreError, match="messages from 0 to "):
            await store.transcript(state)


@in_its_own_loop
async def test_a_log_whose_beginning_was_removed_is_sent_from_there_and_its_positions_stay(tmp_path: Path) -> None:
    async with grown(tmp_path / "bot.db", SHORT) as thread:
        connection = sqlite3.connect(tmp_path / "bot.db")
        with connection:
            connection.execute("DELETE FROM log WHERE seq < 4")
        connection.close()
        await thread.bot.live(lambda: thread.ask(("look", 1)))
        stored = thread.texts_of("SELECT body FROM messages ORDER BY seq")
        assert thread.model.asked[-1] == stored[: len(thread.model.asked[-1])]
        assert thread.texts_of("SELECT seq FROM messages ORDER BY seq") == [str(at) for at in range(4, 4 + len(stored))]
        store: SqliteStore = thread.bot.store
        state = await store.load(1)
        summary = Compaction(CompactionKind.SUMMARY, 9, '{"role":"user","content":"before"}', (0, 5))
        await store.commit(state, Change("compact", compaction=summary))
        read = list(await store.transcript(state))
        assert read == [stored[1], summary.body, *stored[6:]], "a kept message that was removed is not there"
