"""Takes back what the filesystem server did: exactly, once, and only when nothing has changed since."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.config import mcp_json
from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.tools import DeliveryStatus, Undone, UndoSnapshot
from bot.tools.filesystem import undo
from bot.tools.filesystem.paths import Filesystem
from bot.tools.mcp.toolset import McpToolset
from tests.unit.tools.helpers import call, guard, tool

pytestmark = pytest.mark.anyio


def tree(folder: Path) -> dict[str, tuple[int, bytes | None]]:
    """Everything in a folder, byte for byte, with its mode."""
    return {
        str(path.relative_to(folder)): (path.lstat().st_mode, path.read_bytes() if path.is_file() else None)
        for path in folder.rglob("*")
    }


async def done(files: McpToolset, name: str, **arguments: Any) -> tuple[UndoSnapshot, str]:
    """Run a call as the agent does: out comes what it takes to take it back."""
    before = await guard(files).snapshot(tool(files, f"filesystem__{name}"), arguments)
    assert before is not None
    assert (await call(files, f"filesystem__{name}", **arguments)).certainty is DeliveryStatus.OK
    after = await guard(files).post_state_digest(before)
    assert after
    return UndoSnapshot(json.loads(json.dumps(before.plan)), bytes(before.content)), after


EDIT = [{"oldText": "two", "newText": "2"}]
CALLS: list[tuple[str, JsonObject, str]] = [
    ("write_file", {"path": "text", "content": "new"}, "text is as it was before."),
    ("write_file", {"path": "binary", "content": "new"}, "binary is as it was before."),
    ("write_file", {"path": "fresh", "content": "new"}, "fresh again."),
    ("edit_file", {"path": "text", "edits": EDIT}, "text is as it was before."),
    ("move_file", {"source": "text", "destination": "folder/moved"}, "text."),
    ("move_file", {"source": "folder", "destination": "moved"}, "folder."),
    ("create_directory", {"path": "p/q/r"}, "p/q/r again."),
    ("write_file", {"path": "link", "content": "new"}, "text is as it was before."),
]


@pytest.fixture
def filled(files: McpToolset, workspace: Path) -> Path:
    (workspace / "text").write_bytes(b"one\r\ntwo")
    (workspace / "text").chmod(0o640)
    (workspace / "binary").write_bytes(bytes(range(256)))
    (workspace / "folder").mkdir()
    (workspace / "folder" / "inner").write_bytes(b"inner")
    (workspace / "link").symlink_to("text")
    return workspace


async def test_every_call_is_taken_back_to_the_byte_and_doing_it_again_does_nothing_more(
    files: McpToolset, filled: Path
) -> None:
    whole = tree(filled)
    for name, arguments, words in CALLS:
        before, after = await done(files, name, **arguments)
        assert tree(filled) != whole
        first = await guard(files).undo(before, after)
        assert first.done, (name, first)
        assert first.words.endswith(words)
        assert tree(filled) == whole, name
        assert await guard(files).undo(before, after) == Undone(True, "It was already as before.")
        assert tree(filled) == whole


async def test_a_move_that_an_earlier_version_has_recorded_is_undone(files: McpToolset, filled: Path) -> None:
    whole = tree(filled)
    before, _ = await done(files, "move_file", source="text", destination="moved")
    plan = {name: value for name, value in json.loads(before.plan).items() if name != "mark"}
    state = (filled / "moved").stat()
    digest = hashlib.sha256((filled / "moved").read_bytes()).hexdigest()
    there = sha256("file", digest, str(state.st_mode & 0o7777), f"{state.st_dev}:{state.st_ino}")
    undone = await guard(files).undo(UndoSnapshot(canonical(plan)), sha256(sha256("absent", "0:0"), there), again=False)
    assert undone.done, undone
    assert tree(filled) == whole


async def test_what_has_changed_since_is_left_alone(files: McpToolset, filled: Path) -> None:
    def change(path: str) -> None:
        (filled / path).write_bytes(b"somebody else")

    def put(path: str) -> None:
        (filled / path).touch()

    changes = [
        ("write_file", {"path": "text", "content": "new"}, lambda: change("text")),
        ("write_file", {"path": "text", "content": "newer"}, lambda: (filled / "text").chmod(0o600)),
        ("write_file", {"path": "fresh", "content": "new"}, lambda: change("fresh")),
        ("edit_file", {"path": "binary", "edits": []}, (filled / "binary").unlink),
        ("move_file", {"source": "text", "destination": "t2"}, lambda: put("text")),
        ("move_file", {"source": "text", "destination": "t3"}, lambda: change("t3")),
        ("move_file", {"source": "folder", "destination": "f2"}, (filled / "folder").mkdir),
        ("create_directory", {"path": "p/q"}, lambda: put("p/q/file")),
        ("create_directory", {"path": "s/t"}, lambda: put("s/file")),
        ("create_directory", {"path": "u"}, lambda: ((filled / "u").rmdir(), put("u"))),
    ]
    for name, arguments, spoil in changes:
        before, after = await done(files, name, **arguments)
        spoil()
        whole = tree(filled)
        undone = await guard(files).undo(before, after)
        assert not undone.done, (name, arguments)
        assert "left it alone" in undone.words
        assert tree(filled) == whole, (name, arguments)


async def test_what_is_as_before_was_taken_back_only_if_an_attempt_to_do_so_has_begun(
    files: McpToolset, filled: Path
) -> None:
    nothing = Undone(False, "It is already as it was before; nothing was done.")

    def back(source: str, destination: str) -> None:
        (filled / source).rename(filled / destination)

    cases = [
        ("write_file", {"path": "fresh", "content": "new"}, lambda: back("fresh", "elsewhere")),
        (
            "write_file",
            {"path": "binary", "content": "new"},
            lambda: (filled / "binary").write_bytes(bytes(range(256))),
        ),
        ("edit_file", {"path": "text", "edits": EDIT}, lambda: (filled / "text").write_bytes(b"one\r\ntwo")),
        ("move_file", {"source": "text", "destination": "moved"}, lambda: back("moved", "text")),
        ("create_directory", {"path": "p/q"}, lambda: back("p", "other")),
    ]
    for name, arguments, spoil in cases:
        before, after = await done(files, name, **arguments)
        spoil()
        whole = tree(filled)
        assert await guard(files).undo(before, after, again=False) == nothing, name
        assert await guard(files).undo(before, after, again=True) == Undone(True, "It was already as before."), name
        assert tree(filled) == whole, name


async def test_the_first_attempt_takes_back_exactly_what_the_call_has_left(files: McpToolset, filled: Path) -> None:
    whole = tree(filled)
    for name, arguments, words in CALLS:
        before, after = await done(files, name, **arguments)
        undone = await guard(files).undo(before, after, again=False)
        assert undone.done, (name, undone)
        assert undone.words.endswith(words)
        assert tree(filled) == whole, name
    before, after = await done(files, "write_file", path="text", content="one\r\ntwo")
    assert await guard(files).undo(before, after, again=False) == Undone(True, "It was already as before.")
    before, after = await done(files, "create_directory", path="p/q/r")
    (filled / "p/q/r").rmdir()
    undone = await guard(files).undo(before, after, again=False)
    assert (undone.done, "left it alone" in undone.words) == (False, True)
    assert (filled / "p/q").is_dir()
    before, after = await done(files, "move_file", source="text", destination="moved")
    os.link(filled / "moved", filled / "text")
    undone = await guard(files).undo(before, after, again=False)
    assert (undone.done, "left it alone" in undone.words) == (False, True)
    assert (filled / "moved").exists()


class _CrashError(BaseException):
    """The process is gone: nothing that it would do on the way out happens."""


async def test_a_crash_in_the_middle_is_recovered_by_doing_it_again(
    files: McpToolset, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tree(filled)
    before, after = await done(files, "write_file", path="text", content="new")
    found = Filesystem.of(mcp_json.load(None, filled).servers[0])
    assert found is not None

    def crash(*_: object, **__: object) -> None:
        raise _CrashError

    monkeypatch.setattr(os, "rename", crash)
    with pytest.raises(_CrashError):
        undo.undo(found, before, after)
    monkeypatch.undo()
    assert len(tree(filled)) == len(whole) + 1, "the crash left the file that was to replace the other"
    assert (await guard(files).undo(before, after)).done
    assert tree(filled) == whole

    before, after = await done(files, "move_file", source="text", destination="moved")
    os.link(filled / "moved", filled / "text")
    assert (await guard(files).undo(before, after)).done, "it had both names"
    assert tree(filled) == whole

    before, after = await done(files, "create_directory", path="p/q/r")
    (filled / "p/q/r").rmdir()
    assert (await guard(files).undo(before, after)).done
    assert tree(filled) == whole


async def test_what_could_not_be_taken_back_is_not_kept(files: McpToolset, filled: Path) -> None:
    (filled / "big").write_bytes(b"x" * (5 * 1024 * 1024 + 1))
    os.mkfifo(filled / "pipe")
    for name, arguments in [
        ("write_file", {"path": "big", "content": ""}),
        ("write_file", {"path": "pipe", "content": ""}),
        ("write_file", {"path": "folder", "content": ""}),
        ("write_file", {"path": "no/such", "content": ""}),
        ("write_file", {"path": "/etc/passwd", "content": ""}),
        ("write_file", {"path": 1, "content": ""}),
        ("edit_file", {"path": "text", "edits": [], "dryRun": True}),
        ("move_file", {"source": "none", "destination": "x"}),
        ("move_file", {"source": "text", "destination": "binary"}),
        ("create_directory", {"path": "folder"}),
    ]:
        assert await guard(files).snapshot(tool(files, f"filesystem__{name}"), arguments) is None, (name, arguments)


async def test_a_way_that_leads_elsewhere_now_is_not_gone(files: McpToolset, filled: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before, after = await done(files, "write_file", path="folder/inner", content="new")
    (filled / "folder").rename(elsewhere / "folder")
    (filled / "folder").symlink_to(elsewhere / "folder")
    undone = await guard(files).undo(before, after)
    assert not undone.done
    assert (elsewhere / "folder" / "inner").read_text("utf-8") == "new"


async def test_a_plan_that_is_not_ours_moves_nothing(files: McpToolset, filled: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("outside", "utf-8")
    plans: list[object] = [
        {"server": "filesystem", "tool": "write_file", "paths": [str(outside)], "was": None},
        {"server": "filesystem", "tool": "write_file", "paths": [f"{filled}/../outside"], "was": None},
        {"server": "filesystem", "tool": "write_file", "paths": [str(filled)], "was": None},
        {"server": "filesystem"},
        {"server": "gone", "tool": "write_file", "paths": [str(outside)]},
        [],
    ]
    for plan in [*map(canonical, plans), "{"]:
        before = UndoSnapshot(plan)
        after = await guard(files).post_state_digest(before)
        undone = await guard(files).undo(before, after)
        assert not undone.done, plan
        assert undone.words.startswith("It could not be undone: "), plan
    assert outside.read_text("utf-8") == "outside"


async def test_a_disk_that_refuses_is_told_in_words(
    files: McpToolset, filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = await done(files, "write_file", path="text", content="new")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refused = Undone(False, "It could not be undone: No space left on device.")
    assert await guard(files).undo(before, after) == refused
    monkeypatch.undo()
    assert sorted(path.name for path in filled.iterdir()) == ["binary", "folder", "link", "text"]
    assert (await guard(files).undo(before, after)).done
