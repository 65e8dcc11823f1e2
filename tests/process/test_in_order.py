"""Calls of one step about one file run in the order in which the model has made them, whoever allows them and how."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from slack_sandbox.openrouter import Call, call
from tests.harness import World
from tests.inprocess.fixtures import Opens, Worlds
from tests.process.asking import answered, ask, asked, decide, told

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

LONG = "/".join(["here"] * 200)
"""It takes long to find out where the first call goes."""
ALLOWED = '[[policy.rules]]\naction = "allow"\nserver = "filesystem"\ntool = "*_*"\n'


@asynccontextmanager
async def allowing(opens: Opens, home: Path) -> AsyncGenerator[World]:
    """Every call runs without a question."""
    (home / "bot.toml").write_text(ALLOWED)
    async with opens(home) as this:
        yield this


@pytest.fixture
async def free(worlds: Worlds) -> World:
    return await worlds.of(allowing)


def write(path: Path | str, content: str) -> Call:
    return call("filesystem__write_file", {"path": str(path), "content": content})


def two_names(folder: Path) -> tuple[str, str]:
    """Two names of one file; the first is found late."""
    (folder / "file.txt").write_text("before")
    (folder / "here").symlink_to(".")
    return str(folder / LONG / "file.txt"), str(folder / "file.txt")


def ran(here: World, ts: str) -> list[int]:
    """The positions of the calls that a server got, in that order."""
    query = (
        "SELECT c.position FROM audit a JOIN calls c ON c.id = a.call JOIN threads t ON t.id = a.thread_id"
        " WHERE a.kind = 'finished' AND c.outcome = 'ok' AND t.thread_ts = ? ORDER BY a.seq"
    )
    return [position for (position,) in here.bot.rows(query, ts)]


async def test_what_one_click_approves_runs_from_the_first_of_the_card_on(here: World) -> None:
    far, file = two_names(here.workspace)
    wanted = [write(name, f"{number}") for number, name in enumerate([far, file, file, file])]
    ts = await ask(here, *wanted)
    [card] = await asked(here, ts)
    await here.slack.click(card, "Approve all", by=here.alice)
    await answered(here, ts)
    assert Path(file).read_text() == "3", "each was shown as the ones before it would leave the file"
    assert ran(here, ts) == [0, 1, 2, 3]


async def test_clicks_that_follow_quickly_run_from_the_first_of_the_card_on(here: World) -> None:
    far, file = two_names(here.workspace)
    ts = await ask(here, write(far, "0"), write(file, "1"))
    [card] = await asked(here, ts)
    for row in (2, 1):
        await decide(here, card, row, "approved", here.alice)
    await answered(here, ts)
    assert Path(file).read_text() == "1"
    assert ran(here, ts) == [0, 1]


async def test_what_is_allowed_without_a_question_is_done_in_order_and_read_in_order(free: World) -> None:
    for number in range(3):
        folder = free.workspace / f"{number}"
        folder.mkdir()
        far, near = two_names(folder)
        read = call("filesystem__read_text_file", {"path": near})
        other = write(folder / "other.txt", "x")
        wanted = [write(far, "0"), read, other, write(near, "1"), write(far, "2"), read, write(near, "3"), read]
        ts = await ask(free, *wanted)
        await answered(free, ts)
        assert [each for each in told(free)[-len(wanted) :] if len(each) == 1] == ["0", "2", "3"]
        assert [position for position in ran(free, ts) if position != 2] == [0, 1, 3, 4, 5, 6, 7]
