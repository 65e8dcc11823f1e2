"""The benches still run: the bots start, every turn is answered once, the figures come out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "bench"
BENCH = FOLDER / "turn.py"
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU time is read from /proc")


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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="CPU time is read from /proc")
def test_the_growth_of_a_thread_is_measured_in_turns_that_are_all_answered(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(FOLDER / "growth.py"), "--rounds", "1", "--turns", "1", "--long", "80"]
    run = subprocess.run([*command, "--json", str(figures)], capture_output=True, text=True, timeout=80, check=False)
    assert run.returncode == 0, run.stderr
    assert "long/short beyond the bytes" in run.stdout
    found = json.loads(figures.read_text("utf-8"))
    assert [len(each) for each in found["clicks"]] == [1, 1]
    assert found["lengths"][0] < found["lengths"][1] <= 80
    assert found["bytes_sent"][0] < found["bytes_sent"][1]


def test_the_aged_database_has_as_many_posts_as_wanted_and_the_bot_goes_on_in_it(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    wanted = ["--rounds", "1", "--turns", "2", "--posts", "500", "--messages", "1000", "--json", str(figures)]
    run = subprocess.run(
        [sys.executable, str(FOLDER / "aged.py"), *wanted], capture_output=True, text=True, timeout=80, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "aged/young" in run.stdout
    found = json.loads(figures.read_text("utf-8"))
    assert found["rows"]["aged"]["posts"] >= 500
    assert found["rows"]["aged"]["messages"] >= 1000
    assert found["ratios"]["cpu_ms"] > 0


def test_a_click_is_answered_after_a_restart_with_many_open_requests(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    command = [sys.executable, str(FOLDER / "waiting.py"), "--open", "50", "--json", str(figures)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=80, check=False)
    assert run.returncode == 0, run.stderr
    [measured] = json.loads(figures.read_text("utf-8"))
    assert measured["open"] == 50
    assert measured["click_s"] > 0
