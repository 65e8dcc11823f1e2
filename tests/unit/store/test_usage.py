"""What turns have cost is added up by person, channel, model and day, and printed by `python -m bot usage`."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot import cli
from bot.core.usage import By
from bot.errors import SettingsError
from bot.store.registry import open_usage
from bot.store.sqlite.costs_migration import COSTS
from tests import migrated
from tests.unit.store.schemas.make import FOLDER

DAY = 86_400.0
TURNS = (
    # person, channel, model, day, outcome, (read, written, cached, cost)
    ("UALICE", "C1", "a/one", 1, "answered", (100, 10, 50, 0.5)),
    ("UALICE", "C2", "b/two", 1, "failed", (200, 20, 0, 0.25)),
    ("UBOB", "C1", "a/one", 2, "answered", (300, 30, 0, 2.0)),
    ("UBOB", "C1", "", 3, None, (0, 0, 0, 0.0)),
)


LEDGER_OF_TURNS = COSTS[COSTS.index("INSERT INTO costs") :].partition(";")[0]
"""What the migration does with turns from before there was a ledger."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bot.db"
    migrated.new(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number, (person, channel, model, day, outcome, used) in enumerate(TURNS, start=1):
            connection.execute(
                "INSERT INTO threads (id, team, channel, thread_ts, kind, created_at) VALUES (?, 'T1', ?, ?, '', 0)",
                (number, channel, f"{number}.0"),
            )
            connection.execute(
                "INSERT INTO turns (id, thread_id, requester, opened_at, ended_at, outcome, model, prompt_tokens,"
                " completion_tokens, cached_tokens, cost) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (number, number, person, day * DAY, day * DAY if outcome else None, outcome, model, *used),
            )
        connection.execute(LEDGER_OF_TURNS)
        connection.executemany(
            "INSERT INTO feedback (turn_id, user, good, words, at) VALUES (?, ?, ?, ?, ?)",
            [
                (1, "UALICE", 1, "", DAY),
                (1, "UBOB", 0, "It is wrong.\n\x1b[31m", DAY),
                (3, "UBOB", 0, "Too long.", 2 * DAY),
            ],
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    return path


@pytest.mark.parametrize(
    ("by", "names"),
    [
        (By.PERSON, ["UBOB", "UALICE"]),
        (By.CHANNEL, ["C1", "C2"]),
        (By.MODEL, ["a/one", "b/two", ""]),
        (By.DAY, ["1970-01-02", "1970-01-03", "1970-01-04"]),
    ],
)
def test_every_turn_and_cent_and_opinion_is_counted_once_however_it_is_added_up(
    path: Path, by: By, names: list[str]
) -> None:
    with open_usage(f"sqlite:///{path}") as log:
        rows = list(log.usage(by))
    assert [row.name for row in rows] == names
    assert sum(row.turns for row in rows) == len(TURNS)
    assert [sum(each) for each in zip(*((row.answered, row.failed, row.stopped) for row in rows), strict=True)] == [
        2,
        1,
        0,
    ]
    assert sum(row.usage.cost for row in rows) == 2.75
    assert sum(row.usage.prompt_tokens for row in rows) == 600
    assert [sum(each) for each in zip(*((row.good, row.bad) for row in rows), strict=True)] == [1, 2]


@pytest.fixture
def costs(path: Path) -> Path:
    """A turn that another model has taken over on the next day, with a cost that is estimated and one that is not
    known."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for number, (model, day, cost, basis) in enumerate(
            (("b/two", 2, 0.25, "reported"), ("b/two", 2, 0.125, "estimated"), ("c/three", 4, 0.0, "unknown"))
        ):
            connection.execute(
                "INSERT INTO costs (request, state, turn_id, thread_id, person, channel, model, at, cost, basis)"
                " VALUES (?, 'known', 1, 1, 'UALICE', 'C1', ?, ?, ?, ?)",
                (f"r{number}", model, day * DAY, cost, basis),
            )
    return path


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        (By.DAY, {"1970-01-02": 0.75, "1970-01-03": 2.375, "1970-01-04": 0.0, "1970-01-05": 0.0}),
        (By.MODEL, {"a/one": 2.5, "b/two": 0.625, "c/three": 0.0, "": 0.0}),
        (By.PERSON, {"UBOB": 2.0, "UALICE": 1.125}),
    ],
)
def test_each_request_counts_on_its_day_and_with_its_model(costs: Path, by: By, expected: dict[str, float]) -> None:
    with open_usage(f"sqlite:///{costs}") as log:
        rows = list(log.usage(by))
    assert {row.name: row.usage.cost for row in rows} == expected
    assert sum(row.turns for row in rows) == len(TURNS)
    assert (sum(row.estimated for row in rows), sum(row.unknown for row in rows)) == (1, 1)


def test_sums_that_are_not_all_reported_are_marked(costs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["usage", "--by", "person"]) == 0
    out = capsys.readouterr().out
    assert "~1.1250" in out
    assert " 2.0000" in out
    assert "the cost of 2 requests: 1 is estimated and 1 counts as 0." in out


def test_the_table_has_one_head_and_a_total_also_where_models_have_no_turns(
    costs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Summaries, and turns that began before, are requests without turns."""
    with sqlite3.connect(costs) as connection:
        connection.execute("UPDATE turns SET model = 'd/other'")
    assert cli.main(["usage", "--by", "model"]) == 0
    names = [each.split()[0] for each in capsys.readouterr().out.split("\n~")[0].splitlines()]
    assert names == ["model", "a/one", "b/two", "d/other", "c/three", "total"]
    with sqlite3.connect(costs) as connection:
        connection.execute("DELETE FROM feedback")
        connection.execute("DELETE FROM turns")
    assert cli.main(["usage", "--by", "model"]) == 0
    assert [each.split()[0] for each in capsys.readouterr().out.splitlines()][-2] == "total"


NAMES = (
    "a" * 90,
    "anthropic/claude-sonnet-4.5-20250929:thinking",
    "模型" * 30,
    "x\ny",
    "\u202eabc",
    "e\u0301" * 30,
    "",
)


def test_names_fill_their_column_and_keep_both_ends(costs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with sqlite3.connect(costs) as connection:
        for number, name in enumerate(NAMES):
            connection.execute(
                "INSERT INTO costs (request, state, turn_id, thread_id, person, channel, model, at, cost, basis)"
                " VALUES (?, 'known', 1, 1, 'UALICE', 'C1', ?, 1, 12345.5, 'reported')",
                (f"n{number}", name),
            )
    assert cli.main(["usage", "--by", "model"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    for each in lines[: lines.index(next(line for line in lines if line.startswith("total")))]:
        wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in each)
        narrow = sum(bool(unicodedata.combining(letter)) for letter in each)
        assert len(each) + wide - narrow == len(head), each
    assert any(each.startswith("anthropic/claude-son…") and ":thinking " in each for each in lines)


def test_only_what_is_since_a_time_is_counted(path: Path) -> None:
    with open_usage(f"sqlite:///{path}") as log:
        assert [row.name for row in log.usage(By.DAY, 2 * DAY)] == ["1970-01-03", "1970-01-04"]
        assert [each.words for each in log.remarks(2 * DAY)] == ["Too long."]


def test_the_table_has_a_total_and_what_was_written_cannot_control_a_terminal(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["usage", "--by", "person"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.startswith("person")
    assert [each.split()[0] for each in lines[:3]] == ["UBOB", "UALICE", "total"]
    assert "2.7500" in lines[2]
    assert lines[3:5] == ["", "What people wrote, the newest first:"]
    assert "UBOB: Too long." in lines[5]
    assert "It is wrong.⟨U+000A⟩" in lines[6]
    assert "\x1b" not in "".join(lines)


def test_as_json_each_line_is_an_object(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["usage", "--by", "model", "--json", "--since", "1970-01-01"]) == 0
    found = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert [each["model"] for each in found if "model" in each] == ["a/one", "b/two", ""]
    assert found[0]["cost"] == 2.5
    assert [each["remark"] for each in found if "remark" in each] == ["Too long.", "It is wrong.\n\x1b[31m"]


def test_without_turns_it_says_so(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["usage", "--since", "1d"]) == 0
    assert capsys.readouterr().err == "No turns.\n"


def test_a_database_of_an_older_version_is_refused_in_one_sentence(tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    old.write_bytes((FOLDER / "12.db").read_bytes())
    opens: Callable[[], object] = open_usage(f"sqlite:///{old}").__enter__
    with pytest.raises(SettingsError, match="Start the bot once"):
        opens()
