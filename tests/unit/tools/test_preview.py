"""Previews of what the filesystem server would do: what is shown is what is on the disk afterwards."""

from __future__ import annotations

import os
import re
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.json_text import JsonObject
from bot.core.questions.scope import Offers
from bot.core.tools import DeliveryStatus, Preview
from bot.tools.filesystem import diff
from bot.tools.mcp.toolset import McpToolset
from tests.machine import is_allowed
from tests.unit.tools.helpers import call, guard, python_server, running, tool
from tests.watch import apart

pytestmark = pytest.mark.anyio


async def preview(files: McpToolset, name: str, **arguments: Any) -> Preview:
    """The preview of a call; its basis is what `basis` says at the same time."""
    known = tool(files, f"filesystem__{name}")
    shown = await guard(files).preview(known, arguments)
    assert shown is not None
    assert shown.basis == await guard(files).basis(known, arguments)
    return shown


def patched(old: str, patch: str) -> str:
    """What a unified diff makes of a text. A second pair of eyes: written for the test, apart from the code."""
    was, at, new = re.findall(r"[^\n]*\n|[^\n]+", old), 0, ""
    lines = re.findall(r"[^\n]*\n", patch)
    assert not patch or lines[0].startswith("@@ ")
    for index, line in enumerate(lines):
        if line.startswith("@@"):
            start, length = re.findall(r"-(\d+)(?:,(\d+))?", line)[0]
            begin = int(start) - (length != "0")
            new, at = new + "".join(was[at:begin]), begin
        elif not line.startswith("\\"):
            bare = lines[index + 1 : index + 2] == ["\\ No newline at end of file\n"]
            text = line[1:-1] if bare else line[1:]
            if line[0] in " -":
                assert was[at] == text
                at += 1
            new += text if line[0] in " +" else ""
    return new + "".join(was[at:])


TEXTS = st.text(st.sampled_from("ab\n\r+-@\\ \u2028\x0bé") | st.characters(codec="utf-8"), max_size=60)


@given(TEXTS, TEXTS)
@settings(max_examples=120, deadline=None)
def test_a_diff_applied_to_the_old_text_gives_the_new_one_whatever_they_are(old: str, new: str) -> None:
    shown = diff.unified(old, new)
    assert shown is not None
    assert patched(old, shown) == new
    assert diff.applied(old, shown) == new
    assert (shown == "") == (old == new)


@given(st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n"]), max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_a_diff_of_a_long_text_with_few_changes_is_just_as_exact(lines: list[str], random: Any) -> None:
    new = [line for line in lines if random.random() > 0.1] + ["d"] * random.randrange(2)
    shown = diff.unified("".join(lines), "".join(new))
    assert shown is not None
    assert patched("".join(lines), shown) == "".join(new)


def test_texts_that_are_made_to_be_slow_to_compare_take_a_moment_and_are_shown_whole() -> None:
    old = "x\n" + "".join(f"{index % 110}\n" for index in range(4900))
    new = "".join(f"{index // 2 % 110}\n" if index % 2 else f"{index} alone\n" for index in range(4900))
    began = time.process_time()
    shown = diff.unified(old, new)
    assert shown is not None
    assert is_allowed(time.process_time() - began, 3)
    assert patched(old, shown) == new


@pytest.mark.parametrize(
    "hunks", ["@@ -1 +1 @@\n-b\n+c\n", "@@ -3 +3 @@\n-a\n+c\n", "@@ -1 +1 @@\n-a\n", "@@ -1 +1 @@\n-a\n+c\n+d\n", "x\n"]
)
def test_a_diff_that_does_not_fit_is_not_applied(hunks: str) -> None:
    with pytest.raises(ValueError, match=r"a hunk|the hunks|a line"):
        diff.applied("a\n", hunks)


WRITES = [
    (None, "one\ntwo\n", "Create t.txt: new file, 2 lines."),
    (None, "", "Create t.txt: new file, empty."),
    (None, "one\r\n", "Create t.txt: new file, 1 line. Line endings: CRLF."),
    ("one\ntwo\n", "one\n2\nthree\n", "Change t.txt: 1 line changed, 1 added."),
    ("a\nb\nc\n", "a\n", "Replace most of t.txt: 3 lines become 1."),
    ("a\nb\n", "x\n", "Replace all of t.txt: 2 lines become 1."),
    ("a\nb\n", "a\nb", "Change t.txt: 1 line changed. The newline at the end of the file is removed."),
    ("a\r\nb\r\n", "a\nb\n", "Replace all of t.txt: 2 lines become 2. Line endings: before CRLF, after LF."),
    ("a\r\nb\n", "a\nb\r\n", "Replace all of t.txt: 2 lines become 2."),
    ("a\n", "\ufeffa\n", "Change t.txt: 1 line changed. The byte order mark at the start is added."),
    ("a\nb\n", "", "Empty t.txt: 2 lines removed."),
    ("", "a\n", "Change t.txt: 1 line added."),
    ("same\n", "same\n", "Write t.txt: nothing changes. It already has exactly this content."),
]


async def test_what_write_file_shows_is_what_it_writes(files: McpToolset, workspace: Path) -> None:
    target = workspace / "t.txt"
    for old, new, words in WRITES:
        target.unlink(missing_ok=True)
        if old is not None:
            target.write_bytes(old.encode())
        shown = await preview(files, "write_file", path=str(target), content=new)
        assert (shown.summary, shown.broken) == (words, "")
        assert shown.subject == "t.txt"
        assert shown.severe == words.startswith(("Replace", "Empty"))
        assert shown.diff.startswith("@@ " if new != (old or "") else "")
        outcome = await call(files, "filesystem__write_file", path="t.txt", content=new)
        assert outcome.certainty is DeliveryStatus.OK
        assert target.read_bytes() == patched(old or "", shown.diff).encode() == new.encode()


async def test_what_cannot_be_shown_as_a_diff_is_said_in_words(files: McpToolset, workspace: Path) -> None:
    (workspace / "binary").write_bytes(b"\xff\0\1")
    with apart():
        (workspace / "long").write_text("x\n" * 600_000, "utf-8")
    (workspace / "many").write_text("x\n", "utf-8")
    told = {
        name: await preview(files, "write_file", path=name, content=content)
        for name, content in (("binary", "text\n"), ("long", "short"), ("many", "y\n" * 5001), ("new", "\0"))
    }
    assert [shown.diff + shown.broken for shown in told.values()] == [""] * 4
    assert told["binary"].summary == (
        "Replace all of binary: 3 bytes, no text, become 5 bytes, 1 line. It is not text, so there is no diff."
    )
    assert told["long"].summary == (
        "Replace all of long: 1,200,000 bytes, become 5 bytes, 1 line. It is too long, so there is no diff."
    )
    assert told["many"].effect == "2 bytes, 1 line, become 10,002 bytes, 5,001 lines"
    assert told["new"].summary == "Create new: new file, 1 byte, no text. It is not text, so there is no diff."
    assert [name for name, shown in told.items() if shown.severe] == ["binary", "long", "many"]


async def test_a_long_file_is_told_apart_by_its_digest_and_is_not_kept_in_memory(
    files: McpToolset, workspace: Path
) -> None:
    long = "x\n" * 600_000
    with apart():
        (workspace / "long").write_text(long, "utf-8")
    same = await preview(files, "write_file", path="long", content=long)
    assert same.summary == "Write long: nothing changes. It already has exactly this content."
    other = await preview(files, "write_file", path="long", content=long[:-2] + "y\n")
    assert other.effect == "1,200,000 bytes, become 1,200,000 bytes, 600,000 lines"
    with apart():
        (workspace / "big").write_bytes(b"x\n" * (16 * 1024 * 1024))
    tracemalloc.start()
    try:
        shown = await preview(files, "write_file", path="big", content="short")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert shown.effect == "33,554,432 bytes, become 5 bytes, 1 line"
    assert most < 8 * 1024 * 1024


BROKEN = [
    ("write_file", {"path": "folder", "content": ""}, "Can't write folder: it is a folder."),
    ("write_file", {"path": "no/such", "content": ""}, "Can't write no/such yet: the folder no doesn't exist."),
    ("write_file", {"path": "/etc/passwd", "content": ""}, "lies outside the folders of the tool server."),
    ("write_file", {"path": "../x", "content": ""}, "lies outside the folders of the tool server."),
    ("write_file", {"path": "out/x", "content": ""}, "leads out of the folders of the tool server."),
    ("write_file", {"path": "out/back/new/x", "content": ""}, "leads out of the folders of the tool server."),
    ("write_file", {"path": "nowhere", "content": ""}, "a symbolic link on the path that leads nowhere."),
    ("write_file", {"path": "C:\\x", "content": ""}, "it is a Windows path, and this is not Windows."),
    ("write_file", {"path": "a\0b", "content": ""}, "the path holds a NUL character."),
    ("write_file", {"path": "file/x", "content": ""}, "cannot be followed (Not a directory)."),
    ("edit_file", {"path": "none", "edits": []}, "Can't edit none: it doesn't exist."),
    ("edit_file", {"path": "folder", "edits": []}, "Can't edit folder: it is a folder."),
    (
        "edit_file",
        {"path": "file", "edits": [{"oldText": "z", "newText": ""}]},
        "Can't edit file: the text to replace is not in it: z.",
    ),
    ("move_file", {"source": "none", "destination": "x"}, "Can't move none: it doesn't exist."),
    ("move_file", {"source": "file", "destination": "folder"}, "folder is already there, a folder."),
    ("move_file", {"source": "file", "destination": "no/x"}, "Can't move file yet: the folder no doesn't exist."),
    ("move_file", {"source": "folder", "destination": "folder/x"}, "a folder cannot be moved into itself."),
    ("create_directory", {"path": "file"}, "it is already there, and no folder."),
]


async def test_what_would_fail_is_said_and_does_fail(files: McpToolset, workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (workspace / "folder").mkdir()
    (workspace / "file").write_text("content", "utf-8")
    (workspace / "out").symlink_to(tmp_path / "elsewhere")
    (workspace / "nowhere").symlink_to(workspace / "gone")
    (tmp_path / "elsewhere" / "back").symlink_to(workspace / "folder")
    before = sorted(workspace.rglob("*"))
    for name, arguments, words in BROKEN:
        shown = await preview(files, name, **arguments)
        assert words in shown.broken, (name, arguments)
        assert (shown.summary, shown.diff) == ("", "")
        assert str(tmp_path) not in shown.broken
        outcome = await call(files, f"filesystem__{name}", **arguments)
        assert outcome.certainty is DeliveryStatus.ERROR, (name, arguments)
    assert sorted(workspace.rglob("*")) == before


async def test_a_path_that_slips_out_through_white_space_is_refused_although_the_server_takes_it(
    files: McpToolset, workspace: Path
) -> None:
    beside = workspace.with_name("workspace ")
    beside.mkdir()
    shown = await preview(files, "create_directory", path=str(beside))
    assert "leads out of the folders" in shown.broken
    assert guard(files).inside(tool(files, "filesystem__create_directory"), str(beside), str(workspace)) is None


TURNED = "The tool server turns the line endings from CRLF into LF"
EDITS = [
    ("one\ntwo\nthree\n", [("two", "2")], "Edit t.txt: 1 line changed."),
    ("1\r\n2\r\n", [("2", "3")], f"Edit t.txt: 1 line changed. {TURNED} (2 lines)."),
    ("a ``` b\n", [("b", "````")], "Edit t.txt: 1 line changed."),
    ("  if x:\n    y\n", [("if x:\n  y", "if z:\n  w\n  v")], "Edit t.txt: 2 lines changed, 1 added."),
    ("a\n", [("a\n", "a")], "Edit t.txt: 1 line changed. The newline at the end of the file is removed."),
    ("a\n", [("a", "a")], "Edit t.txt. The edits change nothing."),
    (
        "x\n" * 50 + "y\n" + "z\n" * 50,
        [("y", "@@ -1 +1 @@\n-a"), ("z", "+++ b")],
        "Edit t.txt: 2 lines changed, 1 added.",
    ),
]


async def test_what_edit_file_shows_is_what_it_does(files: McpToolset, workspace: Path) -> None:
    target = workspace / "t.txt"
    for old, edits, words in EDITS:
        target.write_bytes(old.encode())
        arguments: JsonObject = {"path": "t.txt", "edits": [{"oldText": was, "newText": now} for was, now in edits]}
        shown = await preview(files, "edit_file", **arguments)
        assert (shown.summary, shown.broken) == (words, "")
        assert target.read_bytes() == old.encode(), "a preview changes nothing"
        assert (await call(files, "filesystem__edit_file", **arguments)).certainty is DeliveryStatus.OK
        assert target.read_bytes() == patched(old.replace("\r\n", "\n"), shown.diff).encode()


async def test_an_edit_that_only_asks_or_cannot_be_shown_exactly_says_so(files: McpToolset, workspace: Path) -> None:
    (workspace / "t.txt").write_text("a\n", "utf-8")
    (workspace / "latin").write_bytes(b"gr\xfc\xdfe\n")
    asks = await preview(files, "edit_file", path="t.txt", edits=[{"oldText": "a", "newText": "b"}], dryRun=True)
    assert (asks.heading, asks.effect, asks.counts, asks.verb) == ("Try out an edit of t.txt", "", "", "")
    assert asks.words == "Only shows what would change; nothing is written."
    assert patched("a\n", asks.diff) == "b\n"
    assert asks.shown == ("path", "dryRun", "edits")
    same = await preview(files, "write_file", path="t.txt", content="a\n")
    assert (same.effect, same.diff, same.shown) == ("nothing changes", "", ("path", "content"))
    long = await preview(files, "edit_file", path="t.txt", edits=[{"oldText": "a", "newText": "line\n" * 20_000}])
    assert (long.diff, "too long" in long.words) == ("", True)
    latin = await preview(files, "edit_file", path="latin", edits=[{"oldText": "gr", "newText": "Gr"}])
    assert (latin.diff, "no text in UTF-8" in latin.words) == ("", True)


async def test_an_edit_is_shown_to_the_last_character_invisible_ones_and_long_ones_too(
    files: McpToolset, workspace: Path
) -> None:
    (workspace / "t.txt").write_text("a\n", "utf-8")
    hidden = await preview(files, "edit_file", path="t.txt", edits=[{"oldText": "a", "newText": "a\U000e0041"}])
    assert "+a\U000e0041\n" in hidden.diff
    lines = "".join(f"line {number} with some more words in it\n" for number in range(3_000))
    long = await preview(files, "edit_file", path="t.txt", edits=[{"oldText": "a", "newText": lines}])
    assert patched("a\n", long.diff) == f"{lines}\n"


async def test_moves_and_new_folders_are_told_in_words(files: McpToolset, workspace: Path) -> None:
    (workspace / "a.txt").write_text("12345", "utf-8")
    (workspace / "folder").mkdir()
    (workspace / "folder" / "x").touch()
    (workspace / "link").symlink_to("a.txt")
    assert (await preview(files, "move_file", source="a.txt", destination="b.txt")).summary == (
        "Rename a.txt to b.txt."
    )
    assert (await preview(files, "move_file", source="folder", destination="other")).summary == (
        "Rename folder to other: a folder with 1 entry."
    )
    assert (await preview(files, "move_file", source="link", destination="folder/b.txt")).summary == (
        "Move link to folder/b.txt. link refers to a.txt."
    )
    assert (await preview(files, "create_directory", path=str(workspace / "folder"))).summary == (
        "Create the folder folder: nothing changes. It is already there."
    )
    assert (await preview(files, "create_directory", path="p/q/r")).summary == (
        "Create the folder p/q/r: with its parents p, p/q."
    )


async def test_a_name_in_another_unicode_form_is_the_file_that_the_server_means(
    files: McpToolset, workspace: Path
) -> None:
    there = workspace / "cafe\u0301.txt"
    there.write_text("old\n", "utf-8")
    shown = await preview(files, "write_file", path="caf\xe9.txt", content="new\n")
    assert shown.words == "caf\xe9.txt refers to cafe\u0301.txt."
    await call(files, "filesystem__write_file", path="caf\xe9.txt", content="new\n")
    assert there.read_text("utf-8") == "new\n"
    assert len(list(workspace.iterdir())) == 1


async def test_the_basis_is_another_one_whenever_what_was_shown_no_longer_holds(
    files: McpToolset, workspace: Path
) -> None:
    target, other = workspace / "t.txt", workspace / "other"

    def becomes_a_link() -> None:
        target.rmdir()
        target.symlink_to(other)

    def becomes_a_folder() -> None:
        target.unlink()
        target.mkdir()

    def comes_back() -> None:
        target.unlink()
        target.write_text("one", "utf-8")

    write, edit = {"path": "t.txt", "content": "x"}, {"path": "t.txt", "edits": []}
    move, moved_there = {"source": "t.txt", "destination": "u"}, {"source": "other", "destination": "t.txt"}
    create = {"path": "t.txt"}
    calls = [("write_file", write), ("edit_file", edit), ("move_file", move), ("move_file", moved_there)]
    other.write_text("other", "utf-8")
    seen: list[list[str]] = []
    for step in (
        lambda: None,
        lambda: target.write_text("one", "utf-8"),
        lambda: target.write_text("two", "utf-8"),
        becomes_a_folder,
        becomes_a_link,
        lambda: other.write_text("changed", "utf-8"),
    ):
        step()
        seen.append([(await preview(files, name, **arguments)).basis for name, arguments in calls])
    for index, row in enumerate(zip(*seen, strict=True)):
        assert len(set(row)) == len(row), calls[index]
    (workspace / "sub").mkdir()
    inner = {"path": "sub/x", "content": "x"}
    fits = await preview(files, "write_file", **inner)
    (workspace / "sub").rmdir()
    assert fits.broken == ""
    assert (await preview(files, "write_file", **inner)).basis != fits.basis
    comes_back()
    again = [(await preview(files, name, **arguments)).basis for name, arguments in calls]
    assert again[:3] == seen[1][:3], "the same as it was then"
    as_file = (await preview(files, "create_directory", **create)).basis
    becomes_a_folder()
    assert (await preview(files, "create_directory", **create)).basis != as_file


async def test_each_preview_says_what_the_tool_does_and_what_its_undo_does(files: McpToolset, workspace: Path) -> None:
    (workspace / "a.txt").write_text("one\n")
    there, new = str(workspace / "a.txt"), str(workspace / "b")
    made: dict[str, JsonObject] = {
        "write_file": {"path": there, "content": "two\n"},
        "edit_file": {"path": there, "edits": [{"oldText": "one", "newText": "two"}]},
        "move_file": {"source": there, "destination": new},
        "create_directory": {"path": new},
    }
    for name, arguments in made.items():
        found = await guard(files).preview(tool(files, f"filesystem__{name}"), arguments)
        assert found is not None, name
        assert found.title, name
        assert found.reversal, name
        assert str(workspace) not in found.summary + found.subject, name
        assert set(found.shown) >= set(arguments), f"{name}: what is in the heading or the diff is not shown twice"
        assert set(found.paths.values()) <= {"a.txt", "b"}


async def test_of_what_only_reads_and_of_other_servers_nothing_is_known_beforehand(
    files: McpToolset, workspace: Path
) -> None:
    read = tool(files, "filesystem__read_text_file")
    reading = await guard(files).preview(read, {"path": str(workspace / "x")})
    assert reading is not None
    assert (reading.heading, reading.basis, reading.diff) == ("Read x", "", "")
    assert await guard(files).basis(read, {"path": "x"}) == ""
    assert await guard(files).snapshot(read, {"path": "x"}) is None
    async with running(python_server("odd.py", workspace / "journal")) as odd:
        echo, known = tool(odd, "odd__echo"), guard(odd, "odd")
        assert await known.preview(echo, {"path": "x"}) is None
        assert (await known.basis(echo, {}), await known.snapshot(echo, {})) == ("", None)
        assert await known.offers(echo, {"path": str(workspace)}) == Offers()
        assert known.inside(echo, str(workspace / "x"), str(workspace)) is True
        assert known.inside(echo, str(workspace / ".." / "x"), str(workspace)) is False
        assert known.inside(echo, "x", str(workspace)) is None
        assert known.inside(echo, str(workspace / "x"), "relative") is None


async def test_a_disk_is_read_in_a_thread_and_a_pipe_is_not_read_at_all(files: McpToolset, workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    shown = await preview(files, "write_file", path="pipe", content="x")
    assert shown.summary == ("Replace all of pipe: with 1 byte, 1 line. It is no ordinary file, or it cannot be read.")
