"""The event loop watchdog of the suite: a test during which a callback blocks a loop fails and names the callback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slack_sandbox.openrouter import text
from tests.harness import ROOT, World, world
from tests.watch import A_BOT, NOTED, Notes

pytestmark = pytest.mark.anyio

CONFTEST = """
import gc
from tests import lagging, machine

machine.MOST = 2.0
# Its time is none of a callback's, so one in the middle of `burn` would shorten that.
gc.disable()

def pytest_configure(config):
    config.pluginmanager.register(lagging.Plugin(config), "lagging")
"""
TESTS = """
import asyncio, time
from hypothesis import given, settings, strategies as st
from tests.watch import apart, as_a_bot, outside

def burn():
    until = time.thread_time() + 0.11
    while time.thread_time() < until:
        pass

once = []

async def burning():
    burn()

def test_a_slow_callback():
    asyncio.run(burning())

def test_a_slow_callback_of_an_in_process_bot():
    async def do():
        await as_a_bot(burning())
    asyncio.run(do())

def test_the_next_test_is_not_blamed():
    async def do():
        await asyncio.sleep(0)
    asyncio.run(do())

def test_a_slow_callback_outside_the_bot():
    async def start():
        await asyncio.get_running_loop().create_task(burning(), context=outside())
    async def do():
        await as_a_bot(start())
    asyncio.run(do())

def test_waiting_does_not_block():
    asyncio.run(asyncio.sleep(0.1))

def test_a_callback_that_is_slow_once():
    async def run():
        asyncio.get_running_loop().call_soon(burn if once.append(1) or len(once) == 1 else int)
        await asyncio.sleep(0)
    asyncio.run(run())

@settings(max_examples=1, deadline=None)
@given(st.integers())
def test_a_slow_example(number):
    burn()

@settings(max_examples=1, deadline=None)
@given(st.integers())
def test_a_slow_check_of_an_example(number):
    with apart():
        burn()
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest prints about the tests above in two folders: of tests of the bot's parts, and of others."""
    folder = tmp_path_factory.mktemp("lagging")
    (folder / "conftest.py").write_text(CONFTEST)
    for name in ("model", "anywhere"):
        (folder / name).mkdir()
        (folder / name / f"test_{name}.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def failed(said: str, folder: str) -> set[str]:
    """The names of the tests of this folder that failed."""
    ids = [line.split()[1] for line in said.splitlines() if line.startswith("FAILED ")]
    return {each.rpartition("::")[2] for each in ids if f"{folder}/test_" in each}


def test_a_test_during_which_a_callback_blocks_the_loop_fails_and_names_it(said: str) -> None:
    slow = {"test_a_slow_callback", "test_a_slow_callback_of_an_in_process_bot", "test_a_slow_example"}
    assert failed(said, "model") == {*slow, "test_a_slow_callback_outside_the_bot"}, said
    assert "coro=<burning()" in said
    assert "in burn\n" in said
    assert "the longest callback of a loop" in said


def test_in_a_shared_loop_only_the_bot_is_measured(said: str) -> None:
    assert failed(said, "anywhere") == {"test_a_slow_callback_of_an_in_process_bot", "test_a_slow_example"}, said


async def asked(here: World) -> None:
    here.model.script(text("Well."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hi")
    await here.reply(ts, "Well.")
    await here.quiet()


@pytest.mark.parametrize("forked", [True, False])
async def test_a_bot_in_its_own_process_reports_its_longest_callback_even_when_it_is_killed(
    tmp_path: Path, forked: bool
) -> None:
    notes = Notes(os.environ[NOTED])
    notes.more()
    async with world(tmp_path, start=False) as here:
        here.bot.forked = forked
        await here.bot.start()
        await here.ready()
        await asked(here)
        assert here.bot.process is not None
        pid = here.bot.process.pid
    found = [note for note in notes.more() if note.pid == pid]
    assert found
    assert {note.whose for note in found} == {A_BOT}
    # A process loads its modules in a single callback before its socket is open; that callback is excluded.
    assert not any("_serve" in note.what for note in found), found
