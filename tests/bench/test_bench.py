"""The benches still run: the bots start, every turn is answered once, the figures come out.

One as it is called, with processes as they are started; the others with bots that are forked and with the stand-in for
the filesystem server.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.forking import Forked, nursery

FOLDER = Path(__file__).parents[2] / "bench"
BENCH = FOLDER / "turn.py"
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU time is read from /proc")

Run = Callable[..., tuple[str, Any]]


async def forked(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> Forked:
    """As the benches' own way to start a bot."""
    assert list(command) == [sys.executable, "-m", "bot"]
    return nursery().start(home, environment, home / "log")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a bench with these arguments. Out: what it prints, and its figures."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(importlib.import_module("side"), "launch", forked)

    def bench(name: str, *arguments: str) -> tuple[str, Any]:
        figures = tmp_path / "figures.json"
        code = importlib.import_module(name).main([*arguments, "--json", str(figures)])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return printed.out, json.loads(figures.read_text("utf-8"))

    return bench


def test_both_bots_answer_every_turn_of_the_bench_and_the_figures_are_written(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(BENCH), "--rounds", "1", "--turns", "3", "--threads", "1", "--json", str(figures)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=80, check=False)
    assert run.returncode == 0, run.stderr
    assert "CPU a turn, bot alone" in run.stdout
    (measured,) = json.loads(figures.read_text("utf-8"))["threads"]["1"]["rounds"]
    for bot in ("ours", "plain"):
        assert measured[bot]["rate"] > 0
        assert measured[bot]["first_ms"] > 0


def test_a_thread_that_outgrows_the_context_is_measured_in_turns_that_are_all_answered(run: Run) -> None:
    arguments = ("--rounds", "1", "--turns", "1", "--length", "150", "--full", "40", "--window", "12000")
    printed, found = run("long", *arguments)
    assert "long/full" in printed
    assert found["summaries"] >= 1
    assert found["ratio"] > 0


def test_the_growth_of_a_thread_is_measured_in_turns_that_are_all_answered(run: Run) -> None:
    printed, found = run("growth", "--rounds", "1", "--turns", "1", "--short", "10", "--long", "30")
    assert "long/short beyond the bytes" in printed
    assert [len(each) for each in found["clicks"]] == [1, 1]
    assert found["lengths"][0] < found["lengths"][1] <= 30
    assert found["bytes_sent"][0] < found["bytes_sent"][1]


def test_the_aged_database_has_as_many_posts_as_wanted_and_the_bot_goes_on_in_it(run: Run) -> None:
    wanted = ["--posts", "100", "--messages", "200"]
    printed, found = run("aged", "--rounds", "1", "--turns", "1", "--seeds", "2", *wanted)
    assert "aged/young" in printed
    assert found["rows"]["aged"]["posts"] >= 100
    assert found["rows"]["aged"]["messages"] >= 200
    assert found["rows"]["young"]["posts"] < 20
    assert "cpu_ms" in found["ratios"]
    assert found["ratios"]["rate"] > 0


def test_a_click_is_answered_after_a_restart_with_many_open_requests(run: Run) -> None:
    _, [measured] = run("waiting", "--open", "50", "--idle", "1")
    assert measured["open"] == 50
    assert measured["click_s"] > 0


def test_after_an_outage_the_threads_with_new_replies_are_answered_within_slacks_rates(run: Run) -> None:
    printed, [measured] = run("waiting", "--gap", "--open", "8")
    assert "8 threads wait" in printed
    assert measured["calls"]["conversations.replies"] >= 8


def test_the_model_layer_is_measured_beside_openai(run: Run) -> None:
    printed, [measured] = run("model", "--rounds", "1", "--chunks", "100", "--messages", "20", "--tools", "5")
    assert "a streamed chunk" in printed
    assert all(measured[name] > 0 for name in ("chunk_us", "chunk_openai_us", "request_ms", "request_openai_ms"))


def test_calls_of_healthy_servers_are_measured_while_another_misbehaves(run: Run) -> None:
    printed, found = run("faults", "--rounds", "1", "--seconds", "0.3", "--only", "junk,reset")
    assert "ratio of p99" in printed
    assert found["ratios"].keys() == {"junk", "reset"}
    assert all(each["calls"] > 0 and each["p99_ms"] > 0 for [each] in found["rounds"].values())
