"""The suite itself: how its tests are shared out among the workers, and that none of them can hold it up for good."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import bounded, tiers

CONFTEST = """
from tests import bounded

def pytest_configure(config):
    config.pluginmanager.register(bounded.Plugin(), "bounded")
"""
HANGING = """
import asyncio, threading
import pytest

@pytest.fixture
def stuck():
    yield
    threading.Event().wait()

def test_that_ends():
    pass

def test_that_fails_and_whose_fixture_never_ends(stuck):
    assert False
"""


def test_a_fixture_that_never_ends_ends_the_process_which_says_where_it_hangs(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(HANGING)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tiers.ROOT.parent), bounded.VARIABLE: "0.5"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == bounded.EXIT_CODE
    assert "test_that_fails_and_whose_fixture_never_ends has not ended after 0.5 s" in run.stderr
    assert "in stuck" in run.stderr


def item(path: str, number: int = 0) -> Any:
    """What is known of a test."""
    return SimpleNamespace(path=tiers.ROOT / path, keywords=(), number=number)


def shares(number: int, workers: int) -> list[int]:
    """How many tests each worker gets at first, as pytest-xdist's worksteal counts."""
    found: list[int] = []
    for worker in range(workers):
        found.append((number - sum(found)) // (workers - worker))
    return found


def test_each_worker_begins_with_long_tests_of_its_own() -> None:
    long = [item(f"process/{name}") for front in tiers.IN_FRONT[1:] for name in front]
    long += [item("browser/test_story.py", number) for number in range(10)]
    items = [item("attacks/test_short.py", number) for number in range(200)] + long
    tiers.in_order(cast("list[pytest.Item]", items), 5)
    at = 0
    for share, front in zip(shares(len(items), 5), tiers.IN_FRONT, strict=True):
        names = [{each.path.name, each.path.parent.name} for each in items[at : at + share]]
        begun = [not found.isdisjoint(front) for found in names]
        assert begun[0]
        assert begun == sorted(begun, reverse=True)
        at += share


@given(st.lists(st.sampled_from(["browser/a.py", "process/test_trail.py", "unit/b.py", "c.py"])), st.integers(1, 7))
def test_whatever_is_run_every_test_is_run_once(paths: list[str], workers: int) -> None:
    items = [item(path, number) for number, path in enumerate(paths)]
    tiers.in_order(cast("list[pytest.Item]", items), workers)
    assert sorted(each.number for each in items) == list(range(len(paths)))
