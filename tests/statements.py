"""Every SQL statement that the suite has the bot execute is served by an index; a run in which one is not has failed.

Whatever code under `bot/` executes is noted when it is first seen: in this process, in those of pytest-xdist, and in
the bots that `tests.forking` starts. At the end of the run SQLite is asked for the plan of each statement, over an
empty database as a fresh one is, and over a full one with the statistics of ANALYZE.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from bot.store.sqlite.schema import MIGRATIONS
from tests.filled import fill

NOTED = "STATEMENTS_OF_THE_BOT"
"""The variable that names the file to note statements in, a JSON string a line."""
BOT = f"{os.sep}bot{os.sep}"

ONE_ROW = {"audit_head", "sqlite_master", "sqlite_schema", "CONSTANT"}
"""What a plan may go through from end to end."""
TO_DO = {
    "inbox_untold",
    "turns_unasked",
    "threads_parked",
    "calls_unasked",
    "calls_untold",
    "posts_unsettled",
    "inbox_held",
    "costs_open",
    "identities_ended",
    "sign_ins_received",
}
"""Indexes that hold what is to be done now and nothing else: gone through to find out what that is."""
SORTS = "USE TEMP B-TREE FOR ORDER BY"
DECLARED = (
    # `bot audit verify` looks at every record, in a process of its own.
    ("FROM audit ORDER BY seq", "SCAN audit"),
    # The votes on one request: as many as it needs people.
    ("FROM votes WHERE question = q.id ORDER BY at", SORTS),
    # What is unread in one thread, when that is little.
    ("FROM inbox WHERE thread_id = ? AND seq IS NULL ORDER BY ts", SORTS),
    # What turns have cost, added up by a command in a process of its own: as many rows as people, channels or days.
    ("INDEXED BY turns_of_time", SORTS),
    ("INDEXED BY turns_of_time", "USE TEMP B-TREE FOR GROUP BY"),
    # The requests about the calls of one turn.
    ("WHERE c.turn_id = ? AND q.decision IN", SORTS),
)
"""(a part of a statement, a step that its plan may have all the same)."""

_GOES_THROUGH = re.compile(r"SCAN (\S+)(?:.* USING (?:COVERING )?INDEX (\w+))?")
_GIVEN = re.compile(r"SCAN \d+ CONSTANT ROWS?")
"""The rows that the statement itself lists."""
_STATEMENT = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH)\b", re.IGNORECASE)
_ROW = re.compile(r"\b(?:NEW|OLD)\.\w+")


class _Cursor(sqlite3.Cursor):
    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        _note(sql)
        return super().execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        _note(sql)
        return super().executemany(sql, *values)


class _Connection(sqlite3.Connection):
    """Notes what is executed, with a cursor or without."""

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        _note(sql)
        return super().execute(sql, *values)

    def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:
        _note(sql)
        return super().executemany(sql, *values)


_seen: set[str] = set()


def _note(sql: str) -> None:
    """Note a statement of the bot's; those of tests are their own affair."""
    if sql in _seen:
        return
    # 0 is this function, 1 the connection or the cursor.
    caller = sys._getframe(2).f_code.co_filename  # pyright: ignore[reportPrivateUsage]
    if BOT in caller and _STATEMENT.match(sql):
        _seen.add(sql)
        # A test may limit how much its bot can write.
        with suppress(OSError), open(_paths[0], "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(sql)}\n")


_paths: list[str] = []
"""The file to note in, once there is one."""


def record(path: str) -> None:
    """From here on this process, and those forked from it, note their statements in this file."""
    if _paths:
        return
    _paths.append(path)
    connect = sqlite3.connect

    def recording(*args: Any, **options: Any) -> sqlite3.Connection:
        return connect(*args, **{"factory": _Connection, **options})

    sqlite3.connect = recording


def noted_in() -> str:
    """The file in which this process notes."""
    return _paths[0]


def noted(path: str) -> list[str]:
    """The statements in a file, each once."""
    lines = Path(path).read_text("utf-8").splitlines() if Path(path).exists() else []
    return sorted({str(json.loads(line)) for line in lines})


def empty() -> sqlite3.Connection:
    """A database as the bot makes it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for script in MIGRATIONS:
        connection.executescript(script)
    return connection


def unserved(statements: Iterable[str]) -> list[str]:
    """What is wrong with the plans of these statements, and of those in the triggers, a text each."""
    found: list[str] = []
    with closing(empty()) as fresh, closing(empty()) as full:
        fill(full, threads=300)
        full.execute("ANALYZE")
        for sql in [*statements, *triggered(fresh)]:
            for name, connection in (("a fresh database", fresh), ("a full database", full)):
                plan = plan_of(connection, sql)
                declared = [step for part, step in DECLARED if part in sql]
                wrong = [step for step in plan if not served(step) and step not in declared]
                if wrong:
                    steps = "\n".join(f"    {'!' if step in wrong else ' '} {step}" for step in plan)
                    found.append(f"{sql}\n  in {name}:\n{steps}")
                    break
    return found


_NAMED = re.compile(r":([a-z_]+)")


def served(step: str) -> bool:
    """Whether a step of a plan costs what it finds, and not what there is."""
    if _GIVEN.fullmatch(step):
        return True
    if "AUTOMATIC" in step or step.startswith("USE TEMP B-TREE"):
        return False
    through = _GOES_THROUGH.match(step)
    # The rows of a subquery are those that its own steps have found.
    return through is None or through[1].startswith("(") or through[1] in ONE_ROW or through[2] in TO_DO


def plan_of(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The steps of a statement's plan."""
    named = dict.fromkeys(_NAMED.findall(sql))
    values = named or [None] * sql.count("?")
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    return [str(row[3]) for row in rows]


def triggered(connection: sqlite3.Connection) -> Iterator[str]:
    """The statements of the triggers, with parameters for the row they are about."""
    for (text,) in connection.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'").fetchall():
        body = re.search(r"\bBEGIN\b(.*)\bEND\b", str(text), re.DOTALL)
        assert body is not None
        yield from (_ROW.sub("?", part).strip() for part in body[1].split(";") if part.strip())


class Plugin:
    """Notes statements while tests run, gathers those of the workers, checks them once at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self._worker: dict[str, Any] | None = getattr(config, "workeroutput", None)
        self._folder = tempfile.TemporaryDirectory(prefix="statements-")
        self._statements: set[str] = set()
        self._wrong: list[str] = []
        # The environment, for the process that forks the bots.
        os.environ[NOTED] = str(Path(self._folder.name, "noted"))
        record(os.environ[NOTED])

    def pytest_testnodedown(self, node: Any) -> None:
        self._statements.update(getattr(node, "workeroutput", {}).get("statements", ()))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self._statements.update(noted(os.environ[NOTED]))
        if self._worker is not None:
            self._worker["statements"] = sorted(self._statements)
            return
        self._wrong = unserved(sorted(self._statements))
        if self._wrong and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._wrong:
            terminalreporter.section("SQL that is not served by an index (tests/statements.py)", red=True, bold=True)
            terminalreporter.write_line("\n\n".join(self._wrong))

    def pytest_unconfigure(self) -> None:
        self._folder.cleanup()
