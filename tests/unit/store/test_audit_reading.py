"""A part of the audit records is found without going through the rest, and is the same that going through gives."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.store.sqlite import audit
from tests import migrated
from tests.watch import apart

COLUMNS = "at, kind, thread_id, call, approval, actor, facts, previous, hash"
FEW, MANY = 3_000, 60_000
THREAD = 20
"""Of so many records one is of the thread that is looked for."""
TIMES = 7
moments: st.SearchStrategy[object] = st.integers(-1, TIMES).map(float) | st.sampled_from(["late", b"late", math.inf])
"""Of records: a clock may be set back, and somebody may have changed the file."""
ends = st.integers(-1, TIMES + 1).map(float) | st.just(math.inf)
TAMPERED = (
    "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at, kind, thread_id, call, approval, actor, facts, previous, hash)"
)


def of_threads(connection: sqlite3.Connection) -> None:
    """Five threads, two of them with the same timestamp in two channels."""
    for number in range(1, 6):
        values = (number, f"C{number}", f"{min(number, 4)}.0")
        connection.execute(
            "INSERT INTO threads (id, team, channel, thread_ts, kind, created_at) VALUES (?, 'T1', ?, ?, 'channel', 0)",
            values,
        )


def small(rows: list[tuple[object, int]]) -> sqlite3.Connection:
    """A file in which the records of these times and threads stand, whatever they are."""
    connection = migrated.in_memory()
    of_threads(connection)
    connection.executescript(f"DROP TABLE audit; {TAMPERED}")
    connection.executescript("CREATE INDEX at ON audit (at); CREATE INDEX of_thread ON audit (thread_id)")
    marks = "VALUES (?, '', ?, 0, '', '', '', '', '')"
    connection.executemany(f"INSERT INTO audit ({COLUMNS}) {marks}", rows)
    return connection


def gone_through(connection: sqlite3.Connection, since: float, until: float, thread_ts: str) -> list[int]:
    """The same, by looking at each."""
    query = "SELECT seq FROM audit LEFT JOIN threads ON id = thread_id WHERE (at >= :since OR :since <= 0)"
    query += " AND (at < :until OR :until = 9e999) AND (thread_ts = :ts OR :ts = '') ORDER BY seq"
    values = {"since": since, "until": until, "ts": thread_ts}
    return [seq for (seq,) in connection.execute(query, values)]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(moments, st.integers(0, 6)), max_size=12), ends, ends, st.sampled_from(["", "1.0", "4.0", "9.0"])
)
@example([(1.0, 1), (9.0, 1), (2.0, 1), (3.0, 1)], 3.0, math.inf, "")
@example([(9.0, 1), (1.0, 4), (2.0, 5), (0.0, 4)], 1.0, 3.0, "4.0")
def test_what_is_found_is_what_a_look_at_every_record_finds_also_when_a_clock_went_back(
    rows: list[tuple[object, int]], since: float, until: float, thread_ts: str
) -> None:
    with apart(), closing(small(rows)) as connection:  # the audit is read in a process of its own
        found = [record.seq for record in audit.records(connection, since, until=until, thread_ts=thread_ts)]
        assert found == gone_through(connection, since, until, thread_ts)


@pytest.mark.parametrize("seq", [-(2**63), 2**63 - 1])
def test_a_record_with_the_least_or_the_greatest_number_is_found(seq: int) -> None:
    with closing(small([(5.0, 1)])) as connection:
        connection.execute("UPDATE audit SET seq = ?", (seq,))
        assert [record.seq for record in audit.records(connection, 5.0)] == [seq]
        assert [record.seq for record in audit.records(connection, 5.0, until=6.0, thread_ts="1.0")] == [seq]


def filled(count: int) -> sqlite3.Connection:
    """So many records, a second each; every hundredth one is written by a clock that is an hour slow."""
    connection = migrated.in_memory()
    of_threads(connection)
    connection.execute(
        f"WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {count})"
        f" INSERT INTO audit ({COLUMNS}) SELECT n - iif(n % 100 = 0, 3600, 0) + 1e6, 'requested',"
        f" iif(n % ({count} / 100) = 1, 1, 1000 + n / {THREAD}), n, '', 'U1', '{{}}', '', '' FROM n"
    )
    return connection


def cost(connection: sqlite3.Connection, **chosen: Any) -> tuple[int, int]:
    """How many records are found, and the instructions of SQLite's virtual machine that it took, in tens."""
    ticks = 0

    def tick() -> int:
        nonlocal ticks
        ticks += 1
        return 0

    connection.set_progress_handler(tick, 10)
    count = sum(1 for _ in audit.records(connection, **chosen))
    connection.set_progress_handler(None, 0)
    return count, ticks


CHOSEN: dict[str, dict[str, Any]] = {
    "the last minutes": {"since": -300.0},
    "some minutes long ago": {"since": -2_000.0, "until": -1_700.0},
    "a thread": {"thread_ts": "1.0"},
    "a thread in the last minutes": {"since": -1_300.0, "thread_ts": "1.0"},
    "a thread that there is not": {"thread_ts": "9.0"},
}


@pytest.mark.parametrize("chosen", CHOSEN)
@pytest.mark.parametrize("analysed", [False, True])
def test_what_it_costs_to_read_a_part_does_not_grow_with_the_rest(chosen: str, analysed: bool) -> None:
    spent: list[int] = []
    for count in (FEW, MANY):
        with closing(filled(count)) as connection:
            if analysed:
                connection.execute("ANALYZE")
            end = 1e6 + count
            options = dict(CHOSEN[chosen])
            options |= {name: end + options[name] for name in ("since", "until") if name in options}
            found, ticks = cost(connection, **options)
            assert found or "is not" in chosen
            spent.append(ticks)
    assert spent[1] <= 1.2 * spent[0] + 50, spent


def test_a_database_of_an_earlier_version_is_read_as_well() -> None:
    with closing(migrated.in_memory()) as connection:
        of_threads(connection)
        audit.record(connection, "requested", thread_id=1, facts={})
        audit.record(connection, "requested", thread_id=2, facts={})
        for name in ("audit_of_time", "audit_of_thread", "threads_of_ts"):
            connection.execute(f"DROP INDEX {name}")
        assert [record.seq for record in audit.records(connection, 5.0, thread_ts="2.0")] == [2]
        assert [record.seq for record in audit.records(connection, 5.0)] == [1, 2]
