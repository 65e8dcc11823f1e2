"""Whatever calls have changed, whatever others change meanwhile, and wherever the bot dies: undoing all of it puts each
file back as it was or says why not, and nothing is done twice."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agent.undo import UndoRunner
from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import JsonObject, canonical
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.ports.undos import Undos
from bot.core.questions.question import Approval, Decision
from bot.core.questions.undo import UNDO
from bot.core.tools import DeliveryStatus, Undone, UndoSnapshot
from bot.store.sqlite.store import SqliteStore
from bot.tools.mcp.toolset import McpToolset
from tests.lives import Life
from tests.property.near_database import NearDatabase
from tests.unit.tools.helpers import call, guard, tool
from tests.unit.tools.test_undo import tree

pytestmark = pytest.mark.anyio

FILES = ["a.txt", "b.txt", "d/c.txt", "e/f.txt"]
PLACES = [*FILES, "d", "e", "g"]


@dataclass(frozen=True)
class Made:
    """A call of the model."""

    tool: str
    arguments: JsonObject
    denied: bool = False


@dataclass(frozen=True)
class Outside:
    """What somebody else does to a file: writes it, or removes it."""

    path: str
    text: str


words = st.sampled_from(["one\n", "two\n", "one\r\ntwo\n", ""])
written = st.builds(
    lambda path, content: ("write_file", {"path": path, "content": content}), st.sampled_from(FILES), words
)
edits = st.builds(
    lambda path, old, new: ("edit_file", {"path": path, "edits": [{"oldText": old, "newText": new}]}),
    st.sampled_from(FILES),
    st.sampled_from(["one", "two", "x"]),
    st.sampled_from(["two", "x", "yy"]),
)
moves = st.builds(
    lambda source, destination: ("move_file", {"source": source, "destination": destination}),
    st.sampled_from(PLACES),
    st.sampled_from(PLACES),
)
folders = st.builds(lambda path: ("create_directory", {"path": path}), st.sampled_from(["d", "e", "g/h", "e/i"]))
made = st.builds(
    lambda what, denied: Made(what[0], what[1], denied),
    st.one_of(written, edits, moves, folders),
    st.sampled_from([False] * 4 + [True]),
)
outside = st.builds(Outside, st.sampled_from(FILES), st.sampled_from(["somebody's work\n", "more of it\n", ""]))


class DiedError(Exception):
    """The process was killed."""


@dataclass
class Dying:
    """Counts what an undo does to the store and to the files, and dies around these effects."""

    at: list[int]
    effects: int = 0
    undone: Counter[str] = field(default_factory=Counter[str])
    """How often each undo has changed something, by what it restores."""

    def effect(self) -> None:
        """Something is about to happen, or has happened."""
        self.effects += 1
        if self.effects in self.at:
            raise DiedError


class DyingStore:
    def __init__(self, store: SqliteStore, dying: Dying) -> None:
        self._store, self._dying = store, dying
        self.next_undo = store.next_undo

    async def begin_undo(self, number: int) -> None:
        self._dying.effect()
        await self._store.begin_undo(number)
        self._dying.effect()

    async def end_undo(self, thread_id: int, number: int, undone: Undone, note: str) -> None:
        self._dying.effect()
        await self._store.end_undo(thread_id, number, undone, note)
        self._dying.effect()


class DyingFiles:
    def __init__(self, files: McpToolset, dying: Dying) -> None:
        self._files, self._dying = files, dying

    def guard(self, server: str) -> DyingFiles:
        return self

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool) -> Undone:
        self._dying.effect()
        undone = await guard(self._files).undo(before, after, again=again)
        if undone.done and not undone.words.startswith("It was already"):
            self._dying.undone[before.plan + after] += 1
        self._dying.effect()
        return undone


class Quiet:
    def deliver(self, thread_id: int) -> None:
        """Nobody looks."""


async def made_call(life: Life, files: McpToolset, what: Made) -> Approval | None:
    """Let a person decide about a call, and run it as the agent does. Out: its request, if it ran well."""
    name = f"filesystem__{what.tool}"
    state = await life.state()
    asked = Call(
        *(0, state.next_position, 0, "call", name, "filesystem", what.tool, canonical(what.arguments), "tool", False),
        CallState.AWAITING,
        tier="write",
    )
    card = life.card(asked)
    await life.commit("take the calls", messages=[("assistant", "{}")], new_calls=[asked], cards=[card])
    await life.deliver()
    [approval] = card.questions
    assert isinstance(approval, Approval)
    await life.settle(approval, Decision.DENIED if what.denied else Decision.APPROVED)
    ran = False
    if not what.denied:
        made = (await life.state()).calls[-1]
        before = await guard(files).snapshot(tool(files, name), what.arguments)
        made.start()
        await life.commit("start a call", calls=[made], befores=[(made, before)] if before else [])
        ran = (await call(files, name, **what.arguments)).certainty is DeliveryStatus.OK
        after = await guard(files).post_state_digest(before) if before and ran else ""
        made.state, made.outcome = CallState.FINISHED, CallOutcome.OK if ran else CallOutcome.ERROR
        await life.commit("finish a call", calls=[made], afters=[(made, after, 9e9)] if before else [])
    await life.commit("answer the calls", messages=[("tool", "{}")])
    return approval if ran else None


def somebody_else(folder: Path, what: Outside) -> None:
    path = folder / what.path
    if not what.text and path.is_file():
        path.unlink()
    elif what.text and path.parent.is_dir() and not path.is_dir():
        path.write_text(what.text)


async def undo_all(store: SqliteStore, life: Life, files: McpToolset, dying: Dying) -> None:
    """Press the button, and start again whenever the process has died."""
    turn = (await life.state()).turn
    assert turn is not None
    asked = [await store.find_question(id_) for id_ in await store.offered_undos(turn.id)]
    clicks = [await life.click(each, UNDO, kind=UNDO) for each in asked if isinstance(each, Approval)]
    if clicks:
        await store.answer(clicks)
    while await store.undo_threads():
        runner = UndoRunner(
            cast(Undos, DyingStore(store, dying)),
            cast(Toolset, DyingFiles(files, dying)),
            cast(ChatGateway, Quiet()),
        )
        try:
            await runner.run(life.id)
        except DiedError:
            continue


@settings(deadline=None, max_examples=40)
@given(
    during=st.lists(st.one_of(made, made, made, outside), min_size=1, max_size=7),
    since=st.lists(outside, max_size=2),
    deaths=st.lists(st.integers(1, 30), max_size=3, unique=True),
)
async def test_every_file_is_as_before_or_the_refusal_is_said_and_nothing_is_done_twice(
    serving: McpToolset, served: Path, during: Sequence[Made | Outside], since: Sequence[Outside], deaths: list[int]
) -> None:
    for path in served.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    (served / "d").mkdir()
    for name in ("a.txt", "d/c.txt"):
        (served / name).write_text("one\ntwo\n")
        (served / name).chmod(0o640)
    before = tree(served)
    with tempfile.TemporaryDirectory(dir=served.parent) as folder:
        async with NearDatabase(f"sqlite:///{folder}/bot.db") as database:
            store = SqliteStore(database)
            life = Life(store)
            await life.say()
            await life.read()
            ran: list[Approval] = []
            others = [each for each in (*during, *since) if isinstance(each, Outside)]
            for each in during:
                if isinstance(each, Outside):
                    somebody_else(served, each)
                elif (approval := await made_call(life, serving, each)) is not None:
                    ran.append(approval)
            for each in since:
                somebody_else(served, each)
            left = {content for _, content in tree(served).values()}
            dying = Dying(deaths)
            await undo_all(store, life, serving, dying)
            ends = [found for each in ran if (found := await store.find_question(each.id)) is not None]
            check(before, tree(served), cast("list[Approval]", ends), others)
            after = {content for _, content in tree(served).values()}
            theirs = {each.text.encode() for each in since if each.text and each.text.encode() in left}
            assert theirs <= after, "what somebody has written since is there"
            assert all(count == 1 for count in dying.undone.values())
            records = await database.read(
                lambda connection: connection.execute("SELECT kind, count(*) FROM audit GROUP BY kind, call").fetchall()
            )
            assert all(number == 1 for kind, number in records if kind in ("undo", "undone"))


def check(before: dict[str, Any], after: dict[str, Any], ran: Sequence[Approval], others: Sequence[Outside]) -> None:
    """Every file is as before, or it is said which call could not be undone, and why."""
    states = [each.undo.state.value for each in ran if each.undo is not None]
    assert set(states) <= {"undone", "refused"}
    refused = [each.undo.words for each in ran if each.undo is not None and each.undo.state.value == "refused"]
    if not others:
        assert refused == []
        assert after == before
    if not refused:
        touched = {each.path for each in others}
        assert {name: after.get(name) for name in before if name not in touched} == {
            name: kept for name, kept in before.items() if name not in touched
        }
    assert all(words.endswith(".") and len(words) > len("It could not be undone") for words in refused)
