"""`python -m bot audit` as a process, over a database that the store wrote."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.store.sqlite import audit
from bot.store.sqlite.database import Database
from bot.store.sqlite.schema import MIGRATIONS
from tests.forking import nursery
from tests.harness import ROOT

pytestmark = pytest.mark.anyio

HOSTILE = "/srv/a\n2026-01-01 00:00:00Z  decided    U0BOSS\x1b[2K\x9b31m\x7f\u202eexe\u200b\ud800\ttab"
ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("requested", {"tool": "files__write_file", "arguments": {"path": "/srv/a", "content": "one two"}, "needed": 2}),
    ("voted", {"tool": "files__write_file", "votes": 1}),
    ("decided", {"tool": "files__write_file", "decision": "approved", "reason": "", "seconds": 0.25}),
    ("started", {"tool": "files__write_file", "arguments": {"content": {"redacted": True, "characters": 1234}}}),
    ("finished", {"tool": "files__write_file", "outcome": "ok", "late": False, "lines": [1, None]}),
    ("denied", {"tool": HOSTILE, "reason": HOSTILE, HOSTILE: {"größe": 1e16}}),
)


def environment(home: Path, **more: str) -> dict[str, str]:
    path = os.environ["PATH"]
    return {"PATH": path, "HOME": str(home), "PYTHONPATH": str(ROOT), "DATABASE_URL": "sqlite:///data/bot.db", **more}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "bot", "audit", *words]


def finish(words: list[str], home: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    environment_ = environment(home, **more)
    return subprocess.run(words, check=False, cwd=home, env=environment_, capture_output=True, timeout=60)


def say(home: Path, *words: str, code: int = 0, **more: str) -> str:
    """Run the command in a folder. Out: what it wrote; to stderr when it is to end with 2."""
    before = listing(home)
    ran = nursery().run(home, environment(home, **more), "audit", *words)
    said, complaint = ran.stdout.decode(), ran.stderr.decode()
    assert "Traceback" not in said + complaint
    assert ran.returncode == code, said + complaint
    assert listing(home) == before, "nothing is made or left behind"
    if code == 2:
        assert said == ""
        return complaint
    return said + complaint


def listing(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*")}


def change(home: Path, *statements: str) -> None:
    """What somebody does who has the file."""
    connection = sqlite3.connect(home / "data" / "bot.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def write(connection: sqlite3.Connection) -> None:
    columns = "id, team, channel, thread_ts, kind, created_at"
    insert = f"INSERT OR IGNORE INTO threads ({columns}) VALUES (?, 'T1', 'C1', ?, 'channel', 0)"
    connection.executemany(insert, [(1, "100.1"), (2, "200.2")])
    for number, (kind, facts) in enumerate(ROWS):
        thread_id, actor = 1 + number % 2, "" if kind in ("started", "finished") else "U0ALICE"
        audit.record(connection, kind, thread_id=thread_id, call=7, approval="Zk3_-abcdefgh", actor=actor, facts=facts)


def fill(connection: sqlite3.Connection) -> None:
    """More than a pipe holds."""
    for _ in range(2_000):
        audit.record(connection, "requested", facts={"text": "x" * 100})


def hashes(home: Path) -> list[str]:
    return [json.loads(line)["hash"] for line in say(home, "--json").splitlines()]


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    """A folder with the database of a bot that was stopped."""
    async with Database(f"sqlite:///{tmp_path}/data/bot.db") as database:
        await database.write(write)
    return tmp_path


async def test_the_json_export_has_everything_and_can_be_verified_by_its_description_alone(home: Path) -> None:
    said = say(home, "--json")
    assert said.isascii()
    assert not any(unicodedata.category(character) == "Cc" for character in said if character != "\n")
    previous = ""
    lines = said.splitlines()
    assert len(lines) == len(ROWS)
    for number, line in enumerate(lines, start=1):
        found = json.loads(line)
        facts = json.dumps(found["facts"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        texts = [found["previous"], str(number), found["at"], found["kind"], str(found["thread"]), str(found["call"])]
        texts += [found["approval"], found["actor"], facts]
        raw = b"".join(str(len(text.encode())).encode() + b":" + text.encode() for text in texts)
        assert hashlib.sha256(raw).hexdigest() == found["hash"]
        assert found["previous"] == previous
        assert found["seq"] == number
        assert abs(datetime.fromisoformat(found["at"]).timestamp() - time.time()) < 3_600
        place = ("T1", "C1", "100.1" if number % 2 else "200.2")
        assert (found["team"], found["channel"], found["thread_ts"]) == place
        previous = found["hash"]
    assert json.loads(lines[0])["facts"] == ROWS[0][1]


async def test_the_text_is_one_aligned_line_a_record_in_which_nothing_can_forge_another(home: Path) -> None:
    lines = say(home).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(ROWS)
    moment = r"2026-01-01 00:00:00Z"
    for line, (kind, _) in zip(lines, ROWS, strict=True):
        assert len(line[:20]) == len(moment)
        assert line[19:22] == "Z  "
        assert line[22:].startswith(kind)
        assert not any(unicodedata.category(character)[0] == "C" for character in line)
    assert lines[0][33:].startswith("U0ALICE      files__write_file             Zk3_-abc  ")
    assert lines[0].endswith('arguments.content: "one two", arguments.path: /srv/a, needed: 2')
    assert lines[2].endswith('decision: approved, reason: "", seconds: 0.25')
    assert lines[3].endswith("arguments.content: (1,234 characters, redacted)")
    assert lines[4].endswith("late: no, lines[0]: 1, lines[1]: none, outcome: ok")
    assert r'"/srv/a\n2026-01-01 00:00:00Z' in lines[5]
    assert "⟨U+202E⟩" in lines[5]
    assert say(home, PYTHONIOENCODING="ascii").count("\n") == len(ROWS)


async def test_time_and_thread_choose_the_records(home: Path) -> None:
    middle, *_ = (json.loads(line)["at"] for line in say(home, "--json").splitlines()[3:])
    assert len(say(home, "--since", middle).splitlines()) == 3
    assert len(say(home, "--until", middle).splitlines()) == 3
    everything = [
        ["--since", "24h"],
        ["--since", "2026-01-01"],
        ["--since", "2026-01-01T00:00+14:00", "--until", "9999-12-31"],
    ]
    for words in everything:
        assert len(say(home, *words).splitlines()) == len(ROWS), words
    for minutes, zone, count in ((1, "EAST-14", 0), (-1, "WEST+12", len(ROWS))):
        near = (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S")
        assert say(home, "--since", near, TZ=zone).count("requested") == min(count, 1), "UTC, wherever it is typed"
    assert [line[22:31] for line in say(home, "--thread", "100.1").splitlines()] == [
        "requested",
        "decided  ",
        "finished ",
    ]
    for words in (["--since", "2999-01-01"], ["--until", "2026-01-01"], ["--thread", "300.3"]):
        assert say(home, *words) == "No records.\n"
    for words in (["--since", "yesterday"], ["--since", "3 hours"], ["--until", "2026-13-01"], ["--since", "\x1b[2J"]):
        assert "is no time; write a date" in (complaint := say(home, *words, code=2))
        assert "\x1b" not in complaint
    assert "later than" in say(home, "--since", "2026-02-01", "--until", "2026-02-01", code=2)
    assert "--head goes with verify" in say(home, "--head", "0" * 64, code=2)
    assert "takes --head only" in say(home, "verify", "--json", code=2)
    assert "is no hash" in say(home, "verify", "--head", "abc", code=2)


async def test_sound_records_are_said_to_be_so(home: Path) -> None:
    noted = hashes(home)
    for words in ([], ["--head", noted[0]], ["--head", noted[-1].upper()]):
        said = say(home, "verify", *words)
        assert said.startswith("6 records from 20")
        assert said.endswith(f", head {noted[-1]}: nothing was changed, removed or re-ordered.\n")


@pytest.mark.parametrize(
    ("statements", "finding"),
    [
        (["UPDATE audit SET actor = 'U0BOB' WHERE seq = 3"], "Record 3 was changed.\n"),
        (
            ["UPDATE audit SET facts = CAST(x'ff' AS TEXT), at = 'never', call = x'00' WHERE seq = 3"],
            "Record 3 was changed.\n",
        ),
        (["UPDATE audit SET at = 9e999, kind = x'ff', facts = '[NaN' WHERE seq = 3"], "Record 3 was changed.\n"),
        (["UPDATE audit SET facts = '{\"a\": 1e999}' WHERE seq = 3"], "Record 3 was changed.\n"),
        ([f"UPDATE audit SET facts = '{'[' * 900 + ']' * 900}' WHERE seq = 3"], "Record 3 was changed.\n"),
        (["DELETE FROM audit WHERE seq IN (2, 3)"], "Records 2 to 3 are missing.\n"),
        (["DELETE FROM audit WHERE seq = 6"], "Record 6 is missing: the head counts 6.\n"),
        (
            [f"UPDATE audit SET seq = {new} WHERE seq = {old}" for old, new in ((2, -1), (4, 2), (-1, 4))],
            "Record 2 was written as record 4: records were re-ordered, removed or put in.\n",
        ),
        (["DROP TABLE audit_head"], "The tables of the records are not both there: one was removed.\n"),
    ],
)
async def test_whatever_somebody_has_changed_is_told_and_shown_without_a_stack_trace(
    home: Path, statements: list[str], finding: str
) -> None:
    change(home, *statements)
    assert finding in say(home, "verify", code=1)
    count = len(say(home).splitlines())
    exported = [json.loads(line, parse_constant=pytest.fail) for line in say(home, "--json").splitlines()]
    assert len(exported) == count


async def test_a_noted_head_tells_that_the_end_was_cut_off_and_sealed_again(home: Path) -> None:
    noted = hashes(home)[-1]
    change(
        home,
        "DELETE FROM audit WHERE seq > 4",
        "UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit WHERE seq = 4)",
    )
    assert say(home, "verify").startswith("4 records")
    said = say(home, "verify", "--head", noted, code=1)
    assert said == f"No sound record has the hash {noted} that was noted: records were cut off or rewritten.\n"


async def test_it_reads_while_the_bot_runs_and_after_it_was_killed(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/data/bot.db") as database:
        assert say(tmp_path) == "No records.\n"
        assert say(tmp_path, "verify") == "There are no records.\n"
        for count in (1, 2):
            await database.write(write)
            assert len(say(tmp_path).splitlines()) == count * len(ROWS)
            assert say(tmp_path, "verify").startswith(f"{count * len(ROWS)} records")
        killed = tmp_path / "killed"
        shutil.copytree(tmp_path / "data", killed / "data")
    assert (killed / "data" / "bot.db-wal").stat().st_size > 0
    assert say(killed, "verify").startswith("12 records")
    assert (killed / "data" / "bot.db-wal").stat().st_size > 0
    assert say(tmp_path, "verify").startswith("12 records")


async def test_a_reader_that_waits_keeps_no_snapshot_and_one_that_goes_away_ends_it_quietly(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/data/bot.db") as database:
        await database.write(fill)
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(command("--json"), cwd=tmp_path, env=environment(tmp_path), **pipes) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert json.loads(process.stdout.readline())["seq"] == 1
            assert process.poll() is None, "it waits for its reader"
            emptied = await database.read(lambda at: at.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone())
            assert emptied[0] == 0, "a snapshot would keep the file from being emptied"
            process.stdout.close()
            assert process.wait(30) == 0
            assert process.stderr.read() == ""


async def test_a_database_that_a_bot_begins_to_write_to_meanwhile_is_not_taken_for_read(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/data/bot.db"
    async with Database(url) as database:
        await database.write(fill)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command("--json"), cwd=tmp_path, env=environment(tmp_path), **pipes) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["seq"] == 1
        async with Database(url) as database:
            await database.write(write)
        _, complaint = process.communicate(timeout=30)
        assert process.returncode == 2
        assert complaint.count("\n") == 1
        assert complaint.startswith("DATABASE_URL: data/bot.db ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
async def test_an_output_that_is_full_or_closed_is_told(home: Path) -> None:
    for redirection, words in (("> /dev/full", "cannot be written out"), (">&-", "no output")):
        for task in ("--json", "verify"):
            line = f'"$0" -m bot audit {task} {redirection}'
            shell = ["sh", "-c", line, sys.executable]
            ran = finish(shell, home)
            assert (ran.returncode, ran.stderr.count(b"\n")) == (2, 1), ran.stderr
            assert words in ran.stderr.decode()


async def test_where_there_is_nothing_to_read_one_sentence_says_so_and_nothing_is_made(tmp_path: Path) -> None:
    for words in ([], ["verify"], ["--json"]):
        assert "DATABASE_URL: there is no database data/bot.db" in say(tmp_path, *words, code=2)
    file = tmp_path / "data" / "bot.db"
    file.parent.mkdir()
    file.write_text("this is no database at all\n" * 100)
    assert "DATABASE_URL: data/bot.db cannot be read: file is not a database" in say(tmp_path, code=2)
    file.unlink()
    connection = sqlite3.connect(file)
    connection.executescript(f"PRAGMA journal_mode = WAL; {MIGRATIONS[0]}; PRAGMA user_version = 1;")
    connection.close()
    for words in ([], ["verify"], ["--json"]):
        assert "was written by an older version of the bot" in say(tmp_path, *words, code=2)
    assert "DATABASE_URL: data cannot be read" in say(tmp_path, code=2, DATABASE_URL="sqlite:///data")
    assert "DATABASE_URL: " in say(tmp_path, code=2, DATABASE_URL="mysql://host/db")
    assert say(tmp_path, code=2, DATABASE_URL="sqlite:///a\nb\x1b").count("\n") == 1


async def test_a_name_with_characters_that_mean_something_in_an_address_is_a_name(home: Path) -> None:
    odd = home / "da ta?mode=rw&x=#%41"
    (home / "data").rename(odd)
    assert say(home, "verify", DATABASE_URL=f"sqlite:///{odd}/bot.db").startswith("6 records")
