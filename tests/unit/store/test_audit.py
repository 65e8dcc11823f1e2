"""The audit: whatever is done to the records is found, and what the policy hides is not in them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bot.core.json_text import canonical
from bot.errors import StoreError
from bot.store import audit_chain
from bot.store.sqlite import audit
from tests import migrated

COUNT = 7
COLUMNS = ("at", "kind", "thread_id", "call", "approval", "actor", "facts", "previous", "hash")
places = st.integers(1, COUNT)
values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.binary(),
    st.sampled_from(["requested", "{}", "U1", "0" * 64]),
)
texts = st.text(st.characters())
"""Lone surrogates too."""
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


def fill(connection: sqlite3.Connection, count: int) -> None:
    for number in range(count):
        facts = {"tool": "files__write_file", "arguments": {"path": f"/srv/{number % 2}"}}
        audit.record(connection, "requested", thread_id=1, call=number, approval="a", actor="U1", facts=facts)


def original() -> sqlite3.Connection:
    connection = migrated.in_memory()
    fill(connection, COUNT)
    return connection


ORIGINAL = original()


def chain() -> sqlite3.Connection:
    """Seven sound records, without constraints, as somebody with the file in hand can have it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE threads (id, team, channel, thread_ts)")
    connection.execute(f"CREATE TABLE audit (seq INTEGER PRIMARY KEY, {', '.join(COLUMNS)})")
    connection.execute("CREATE TABLE audit_head (one PRIMARY KEY, seq, hash)")
    for table in ("audit", "audit_head"):
        rows = ORIGINAL.execute(f"SELECT * FROM {table}").fetchall()
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
    return connection


def hashes(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT hash FROM audit ORDER BY seq")]


def reseal(connection: sqlite3.Connection) -> None:
    """Make the head say what is there, as somebody would who covers the tracks."""
    connection.execute("DELETE FROM audit_head")
    connection.execute("INSERT INTO audit_head SELECT 1, seq, hash FROM audit ORDER BY seq DESC LIMIT 1")


def test_what_was_recorded_is_sound_and_its_hash_noted_at_any_time_is_still_there() -> None:
    connection = migrated.in_memory()
    assert audit.verify(connection).findings == []
    noted: list[str] = []
    for _ in range(COUNT):
        fill(connection, 1)
        noted.append(hashes(connection)[-1])
    for head in ("", *noted):
        assert audit.verify(connection, head).findings == []
    assert audit.verify(chain()).findings == []


@settings(max_examples=40)
@given(st.dictionaries(texts, json_values, max_size=4), texts, texts)
@example({chr(0xD800): 1, chr(0xDFFF): 2}, "U\ud800", "\ud800")
def test_whatever_is_recorded_is_sound_and_comes_back(facts: dict[str, Any], actor: str, approval: str) -> None:
    connection = migrated.in_memory()
    fill(connection, 1)
    audit.record(connection, "decided", actor=actor, approval=approval, facts=facts)
    assert audit.verify(connection).findings == []
    *_, found = audit.records(connection)
    text = canonical(facts).encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    assert json.loads(found.facts) == json.loads(text)
    assert found.facts == canonical(json.loads(found.facts)), "another program can make the same text again"


@given(places, st.sampled_from(COLUMNS), values)
def test_any_change_of_a_record_is_found(place: int, column: str, value: object) -> None:
    connection = chain()
    (before,) = connection.execute(f"SELECT {column} FROM audit WHERE seq = ?", (place,)).fetchone()
    assume(type(value) is not type(before) or value != before)
    connection.execute(f"UPDATE audit SET {column} = ? WHERE seq = ?", (value, place))
    findings = audit.verify(connection).findings
    assert any(f"Record {place} was changed" in finding for finding in findings), findings


@pytest.mark.parametrize("place", range(1, COUNT + 1))
def test_a_time_changed_by_the_smallest_step_and_text_that_is_no_text_are_found(place: int) -> None:
    for change in (
        "at = at + 2.4e-7",
        "at = at + 0.000001",
        "actor = CAST(x'ff' AS TEXT)",
        "call = CAST(call AS REAL)",
    ):
        connection = chain()
        connection.execute(f"UPDATE audit SET {change} WHERE seq = ?", (place,))
        assert any(f"Record {place} was changed" in finding for finding in audit.verify(connection).findings), change


@given(places, st.text(max_size=5))
def test_a_change_with_a_hash_to_match_is_found_by_what_follows(place: int, actor: str) -> None:
    """Records can only be made to fit by recording: a copy of the chain with one other record lends its record."""
    forged = migrated.in_memory()
    fill(forged, place - 1)
    for row in ORIGINAL.execute("SELECT * FROM audit WHERE seq < ?", (place,)):
        forged.execute("DELETE FROM audit WHERE seq = ?", row[:1])
        forged.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    if place > 1:
        reseal(forged)
    audit.record(forged, "requested", actor=f"forged {actor}", facts={})
    assert audit.verify(forged).findings == []
    connection = chain()
    connection.execute("DELETE FROM audit WHERE seq = ?", (place,))
    row = forged.execute("SELECT * FROM audit WHERE seq = ?", (place,)).fetchone()
    connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    expected = f"Record {place + 1} does not follow" if place < COUNT else "The head does not fit"
    assert any(expected in finding for finding in audit.verify(connection).findings)


@given(st.sets(places, min_size=1))
def test_any_missing_records_are_found_and_named(missing: set[int]) -> None:
    connection = chain()
    connection.executemany("DELETE FROM audit WHERE seq = ?", [(place,) for place in missing])
    said = " ".join(audit.verify(connection).findings)
    assert "missing" in said
    for place in missing:
        if {place - 1, place + 1} & missing:
            continue
        assert f"Record {place} is missing" in said


@given(places)
def test_records_that_close_up_behind_a_missing_one_are_found(missing: int) -> None:
    connection = chain()
    connection.execute("DELETE FROM audit WHERE seq = ?", (missing,))
    for place in range(missing + 1, COUNT + 1):
        connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (place - 1, place))
    assert audit.verify(connection).findings
    reseal(connection)
    findings = audit.verify(connection).findings
    if missing < COUNT:
        assert f"Record {missing} was written as record {missing + 1}" in findings[0]
    else:
        assert findings == [], "cut off at the end, with the head to match: only a noted hash tells"
    assert audit.verify(connection, hashes(chain())[-1]).findings


@given(st.permutations(list(range(1, COUNT + 1))))
def test_any_other_order_is_found(order: Sequence[int]) -> None:
    assume(list(order) != sorted(order))
    connection = chain()
    connection.execute("UPDATE audit SET seq = -seq")
    for place, was in enumerate(order, start=1):
        connection.execute("UPDATE audit SET seq = ? WHERE seq = ?", (place, -was))
    for sealed in (False, True):
        if sealed:
            reseal(connection)
        findings = audit.verify(connection).findings
        for place, was in enumerate(order, start=1):
            if place != was:
                assert any(f"Record {place} was written as record {was}" in finding for finding in findings)


@given(places, places)
def test_two_records_that_changed_places_but_kept_their_links_are_found(one: int, other: int) -> None:
    assume(one != other)
    connection = chain()
    facts = {place: ORIGINAL.execute("SELECT call FROM audit WHERE seq = ?", (place,)).fetchone() for place in (1, 2)}
    assert facts[1] != facts[2]
    for place, was in ((one, other), (other, one)):
        row = ORIGINAL.execute("SELECT at, call, facts FROM audit WHERE seq = ?", (was,)).fetchone()
        connection.execute("UPDATE audit SET at = ?, call = ?, facts = ? WHERE seq = ?", (*row, place))
    assert {f"Record {one} was changed.", f"Record {other} was changed."} <= set(audit.verify(connection).findings)


@pytest.mark.parametrize("place", [-5, 0, COUNT + 1, COUNT + 9])
def test_a_record_that_was_put_in_is_found(place: int) -> None:
    connection = chain()
    row = connection.execute("SELECT * FROM audit WHERE seq = 3").fetchone()
    connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (place, *row[1:]))
    for sealed in (False, True):
        if sealed:
            reseal(connection)
        findings = audit.verify(connection).findings
        expected = f"Record {place} was put in" if place < 1 else f"Record {place} was written as record 3"
        assert any(expected in finding for finding in findings)


@given(st.integers(0, COUNT - 1), st.data())
def test_an_end_that_was_cut_off_is_found_with_a_hash_that_was_noted(kept: int, data: st.DataObject) -> None:
    connection = chain()
    noted = data.draw(st.sampled_from(hashes(connection)[kept:]))
    connection.execute("DELETE FROM audit WHERE seq > ?", (kept,))
    assert audit.verify(connection).findings, "the head still counts them"
    reseal(connection)
    assert audit.verify(connection).findings == []
    assert "cut off or rewritten" in audit.verify(connection, noted).findings[0]
    fill(connection, COUNT)
    assert "cut off or rewritten" in audit.verify(connection, noted).findings[0], "however many follow"


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = seq - 1",
        "UPDATE audit_head SET seq = seq + 1",
        "UPDATE audit_head SET seq = -1",
        "UPDATE audit_head SET seq = 'many'",
        "UPDATE audit_head SET hash = ''",
        "UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE seq = 3)",
        "DROP TABLE audit_head",
        "DROP TABLE audit",
    ],
)
def test_a_head_that_does_not_fit_is_found(change: str) -> None:
    connection = chain()
    connection.execute(change)
    assert audit.verify(connection).findings


def test_many_findings_are_cut_short_and_counted() -> None:
    connection = migrated.in_memory()
    fill(connection, 100)
    connection.execute("UPDATE audit SET actor = 'U2'")
    findings = audit.verify(connection).findings
    assert len(findings) == audit_chain.MAX_FINDINGS + 1
    assert findings[-1] == "And 80 more."


@pytest.mark.parametrize("change", ["DELETE FROM audit_head", "UPDATE audit_head SET seq = 3"])
def test_nothing_is_recorded_behind_a_head_that_was_moved_back(change: str) -> None:
    connection = migrated.in_memory()
    fill(connection, COUNT)
    connection.execute(change)
    with pytest.raises(StoreError):
        fill(connection, 1)


def test_records_come_in_order_by_time_and_thread_and_with_their_place() -> None:
    connection = migrated.in_memory()
    place = ("T1", "C1", "100.1")
    insert = "INSERT INTO threads (id, team, channel, thread_ts, kind, created_at) VALUES (1, ?, ?, ?, 'channel', 0)"
    connection.execute(insert, place)
    fill(connection, audit.PAGE + 1)
    audit.record(connection, "revoked", actor="U1", facts={})
    found = list(audit.records(connection))
    assert [record.seq for record in found] == list(range(1, audit.PAGE + 3))
    assert (found[0].team, found[0].channel, found[0].thread_ts) == place
    assert (found[-1].team, found[-1].channel, found[-1].thread_ts) == ("", "", "")
    half = found[audit.PAGE // 2].at
    late = [record.seq for record in audit.records(connection, half)]
    early = [record.seq for record in audit.records(connection, until=half)]
    assert early + late == [record.seq for record in found]
    assert [record.seq for record in audit.records(connection, thread_ts="100.1")] == list(range(1, audit.PAGE + 2))
    assert list(audit.records(connection, thread_ts="100.2")) == []


OLD, NEW = "secret 1", "new"
EDIT = {"path": "/srv/a", "edits": [{"oldText": OLD, "newText": NEW}, {"oldText": "s", "newText": "n"}]}
HIDDEN = "not shown"


def gone(value: object) -> dict[str, object]:
    return {"redacted": True, "characters": len(value if isinstance(value, str) else canonical(value))}


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], EDIT),
        (["edit_file.content", "write_file.*", "EDIT_FILE.path", "path", "edit_file"], EDIT),
        (["edit_file.path"], {**EDIT, "path": gone("/srv/a")}),
        (["edit_file.edits"], {**EDIT, "edits": gone(EDIT["edits"])}),
        (
            ["*.oldText", "x"],
            {**EDIT, "edits": [{"oldText": gone(OLD), "newText": NEW}, {"oldText": gone("s"), "newText": "n"}]},
        ),
        (
            ["edit_[ef]ile.edits.?ewText"],
            {**EDIT, "edits": [{"oldText": OLD, "newText": gone(NEW)}, {"oldText": "s", "newText": gone("n")}]},
        ),
        (["*"], {name: gone(value) for name, value in EDIT.items()}),
    ],
)
def test_what_a_pattern_names_is_left_out_of_the_arguments(patterns: list[str], expected: object) -> None:
    assert audit.redacted(json.dumps(EDIT), "edit_file", patterns) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        "{",
        "[1]",
        '"text"',
        "",
        '{"a": NaN}',
        '{"a": 1e999}',
        "9" * 5_000,
        '{"a":' * 200 + "1" + "}" * 200,
        "[" * 99_999,
    ],
)
def test_arguments_that_cannot_be_looked_through_are_left_out_whole_when_a_pattern_may_concern_them(
    arguments: str,
) -> None:
    for pattern in ("files__write.content", "*.content", "files__*.x.y", "*.x*", "files__[vw]rite.x*", "*s__wri?e.c*"):
        assert audit.redacted(arguments, "files__write", [pattern]) == {"unreadable": len(arguments)}, pattern
    for patterns in ([], ["files__read.content"], ["other", "files__writes.*", "files__write"]):
        assert audit.redacted(arguments, "files__write", patterns) == {"text": arguments}


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=3), json_values, max_size=4), st.data())
def test_a_hidden_value_is_nowhere_in_what_is_recorded(arguments: dict[str, Any], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["password", "a.password", "list"]))
    hidden: dict[str, Any] = {
        "password": {"password": HIDDEN},
        "a.password": {"a": {"password": [HIDDEN]}},
        "list": {"list": [[{"x": [HIDDEN]}]]},
    }[name]
    text = json.dumps(arguments | hidden)
    if data.draw(st.booleans()):
        text = text[: data.draw(st.integers(0, len(text)))]
    kept = audit.redacted(text, "tool", [f"tool.{name}"])
    connection = migrated.in_memory()
    audit.record(connection, "requested", facts={"arguments": kept})
    assert HIDDEN not in connection.execute("SELECT facts FROM audit").fetchone()[0]
    assert audit.verify(connection).findings == []
