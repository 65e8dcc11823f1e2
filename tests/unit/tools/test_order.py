"""The calls of one step that are about the same files run in the order in which the model has given them."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.core.ports.toolset import Permit
from bot.core.tools import BusyError, StepPosition
from bot.tools import disk, order
from bot.tools.mcp.toolset import McpToolset
from tests.unit.tools.deadfolder import dead_folder
from tests.unit.tools.test_claims import files, made

pytestmark = pytest.mark.anyio

Named = tuple[str, dict[str, Any]]
DEEP = "/".join(["d"] * 120)
"""A folder that takes long to be found, compared with others."""


def stage(root: Path) -> None:
    for name in ("a", "b", DEEP):
        (root / name).mkdir(parents=True)
    for name in ("a/1.txt", "a/2.txt", f"{DEEP}/far.txt"):
        (root / name).write_text(name)
    (root / "link").symlink_to("a")
    (root / "near").symlink_to(DEEP)
    os.link(root / DEEP / "far.txt", root / "b" / "hard.txt")


def write(path: str) -> Named:
    return "write_file", {"path": path, "content": "x"}


def read(*paths: str) -> Named:
    return ("read_text_file", {"path": paths[0]}) if len(paths) == 1 else ("read_multiple_files", {"paths": [*paths]})


def move(source: str, destination: str) -> Named:
    return "move_file", {"source": source, "destination": destination}


FAR = f"{DEEP}/far.txt"
SAME: dict[str, tuple[Named, Named]] = {
    "two writes of one file": (write(FAR), write(FAR)),
    "a write over another name of it": (write(FAR), write("b/hard.txt")),
    "a write over a link": (write(FAR), write("near/far.txt")),
    "a read after a write": (write(FAR), read("b/hard.txt")),
    "a read of several after a write": (write(FAR), read("a/1.txt", "b/hard.txt")),
    "a write after a read": (read(FAR), write("b/hard.txt")),
    "a listing after a write": (write(f"{DEEP}/new.txt"), ("list_directory", {"path": "."})),
    "a tree after a new folder": (("create_directory", {"path": f"{DEEP}/x/y"}), ("directory_tree", {"path": "d"})),
    "a write into a new folder": (("create_directory", {"path": f"{DEEP}/x"}), write(f"{DEEP}/x/new.txt")),
    "a write after a move to there": (move(FAR, "a/3.txt"), write("a/3.txt")),
    "a read after a move away": (move("a/1.txt", f"{DEEP}/3.txt"), read("a/1.txt")),
    "an edit after a write of a path that is refused": (write("/etc/passwd"), ("edit_file", {"path": "a/1.txt"})),
    "a read of more than is looked at after a write": (write(FAR), read(*(f"a/{n}.txt" for n in range(2_000)))),
}
APART: dict[str, tuple[Named, Named]] = {
    "writes of two files": (write(FAR), write("a/1.txt")),
    "reads of one file": (read(FAR), read(FAR)),
    "a read of another file": (write("a/1.txt"), read("a/2.txt")),
    "a listing of another folder": (write("a/1.txt"), ("list_directory", {"path": "b"})),
    "a call that names no files": (write("a/1.txt"), ("list_allowed_directories", {})),
}


class Step:
    """One step whose calls are taken in hand as a test says."""

    def __init__(self, tools: McpToolset, calls: Sequence[Named], thread: int = 1) -> None:
        self._tools, self._calls, self._thread = tools, calls, thread
        self.began: list[int] = []
        self.holding: dict[int, Permit] = {}

    def at(self, position: int) -> StepPosition:
        return StepPosition((self._thread, 7), position)

    async def acquire(self, position: int, *, moments: int | None = None) -> None:
        """Take a call in hand; with `moments`, run it for so many turns of the loop."""
        name, arguments = self._calls[position]
        held = await self._tools.acquire(made(name), arguments, self.at(position))
        self.began.append(position)
        self.holding[position] = held
        if moments is not None:
            for _ in range(moments):
                await asyncio.sleep(0)
            self.release(position)

    def release(self, position: int) -> None:
        self.holding.pop(position).release()


def nothing_left(tools: McpToolset) -> bool:
    return not tools._admission._steps._steps  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("case", SAME)
async def test_of_two_calls_about_the_same_files_the_first_runs_first_however_long_it_takes_to_find_them(
    tmp_path: Path, case: str
) -> None:
    stage(tmp_path)
    tools = files(tmp_path)
    for arrival in ((0, 1), (1, 0)):
        step = Step(tools, SAME[case])
        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            for position in arrival:
                group.create_task(step.acquire(position, moments=3))
        assert step.began == [0, 1]
    first = await tools.acquire(made(SAME[case][0][0]), SAME[case][0][1], step.at(0))
    name, arguments = SAME[case][1]
    assert await tools.try_acquire(made(name), arguments, step.at(1)) is None
    second = asyncio.ensure_future(step.acquire(1))
    done, _ = await asyncio.wait([second], timeout=0.03)
    assert not done, "as long as the first runs"
    first.release()
    await asyncio.wait_for(second, 5)
    step.release(1)
    assert nothing_left(tools)


@pytest.mark.parametrize("case", APART)
async def test_a_call_about_other_files_does_not_wait_for_the_one_before_it(tmp_path: Path, case: str) -> None:
    stage(tmp_path)
    tools = files(tmp_path)
    step = Step(tools, APART[case])
    async with asyncio.timeout(5):
        await step.acquire(0)
        await step.acquire(1)
    step.release(1)
    name, arguments = APART[case][1]
    right = await tools.try_acquire(made(name), arguments, step.at(1))
    assert right is not None
    right.release()
    step.release(0)
    assert nothing_left(tools)


async def test_calls_of_other_steps_have_no_order_but_that_in_which_they_come(tmp_path: Path) -> None:
    stage(tmp_path)
    tools = files(tmp_path)
    one, other = Step(tools, [write(FAR), read(FAR)], 1), Step(tools, [write(FAR), read(FAR)], 2)
    async with asyncio.timeout(5):
        await one.acquire(0)
        await other.acquire(1)
    other.release(1)
    one.release(0)


@pytest.mark.parametrize("seed", range(25))
async def test_however_many_calls_are_approved_in_whatever_order_those_about_one_file_keep_theirs(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    names = ["a/1.txt", "link/1.txt", "a/2.txt", FAR, "b/hard.txt", "b/new.txt", "near/./far.txt"]
    same = {
        name: n for n, group in enumerate([(0, 1), (2,), (3, 4), (5,), (6,)]) for name in map(names.__getitem__, group)
    }
    stage(tmp_path)
    tools = files(tmp_path)
    wanted = [chance.choice([write, write, read])(chance.choice(names)) for _ in range(chance.randint(2, 24))]
    step = Step(tools, wanted)
    arrival = list(range(len(wanted)))
    chance.shuffle(arrival)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        for position in arrival:
            group.create_task(step.acquire(position, moments=chance.randint(0, 30)))
    for number, later in enumerate(step.began):
        for earlier in step.began[number + 1 :]:
            about = same[wanted[later][1]["path"]] == same[wanted[earlier][1]["path"]]
            changes = "write_file" in (wanted[later][0], wanted[earlier][0])
            assert earlier > later or not (about and changes), (wanted, step.began)
    assert nothing_left(tools)


async def test_a_call_that_comes_while_one_after_it_still_waits_goes_first(tmp_path: Path) -> None:
    stage(tmp_path)
    tools = files(tmp_path)
    step = Step(tools, [write(FAR), write(FAR)])
    other = await tools.acquire(made("write_file"), {"path": FAR})
    second = asyncio.ensure_future(step.acquire(1, moments=1))
    assert not (await asyncio.wait([second], timeout=0.05))[0]
    first = asyncio.ensure_future(step.acquire(0, moments=1))
    assert not (await asyncio.wait([first], timeout=0.05))[0]
    other.release()
    await asyncio.wait_for(asyncio.gather(first, second), 5)
    assert step.began == [0, 1]
    assert nothing_left(tools)


async def test_a_call_that_is_given_up_lets_those_after_it_go_on(tmp_path: Path) -> None:
    stage(tmp_path)
    tools = files(tmp_path, seconds=0.3)
    step = Step(tools, [write(FAR), write(FAR), read(FAR), write("a/1.txt")])
    other = await tools.acquire(made("write_file"), {"path": FAR})
    first, second, third = (asyncio.ensure_future(step.acquire(number)) for number in range(3))
    assert not (await asyncio.wait([first, second, third], timeout=0.05))[0]
    first.cancel()
    with pytest.raises(BusyError, match=r"at the same files for 0.3 s. The call was not sent"):
        await second
    await asyncio.wait_for(asyncio.gather(third, return_exceptions=True), 5)
    other.release()
    await asyncio.wait_for(step.acquire(3, moments=1), 5)
    for held in step.holding.values():
        held.release()
    assert nothing_left(tools)


async def test_a_call_whose_disk_is_dead_keeps_one_of_another_disk_waiting_for_a_moment_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "SECONDS", 0.4)
    monkeypatch.setattr(order, "KNOWN_SECONDS", 0.02)
    dead, live = tmp_path / "dead", tmp_path / "live"
    dead.mkdir()
    live.mkdir()
    tools = files(dead, live)
    with dead_folder(dead):
        first = asyncio.ensure_future(tools.acquire(made("write_file"), {"path": "a.txt"}, StepPosition((1, 1), 0)))
        async with asyncio.timeout(1):
            (await tools.acquire(made("write_file", "two"), {"path": "a.txt"}, StepPosition((1, 1), 1))).release()
        with pytest.raises(BusyError, match="disk with its files does not answer"):
            await first
    assert nothing_left(tools)
