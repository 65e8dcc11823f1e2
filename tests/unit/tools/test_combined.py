"""What several calls have changed of a file is put together as one diff, from what was recorded alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import canonical
from bot.core.ledger import Changed, LedgerEntry
from bot.core.questions.question import Approval
from bot.core.tools import Preview, UndoSnapshot
from bot.tools.filesystem import combined, diff
from bot.tools.filesystem.paths import Filesystem


@pytest.fixture
def files(tmp_path: Path) -> Filesystem:
    return Filesystem("files", [str(tmp_path)], None, {})


def entry(tool: str, was: bytes | str | None = "unknown", shown: str = "", **arguments: Any) -> LedgerEntry:
    """A call that has run. In: what it has replaced, if that is kept, and the diff that people were shown."""
    made = Call(
        *(1, 1, 0, "call", f"files__{tool}", "files", tool, canonical(arguments), "tool", False),
        CallState.FINISHED,
        CallOutcome.OK,
    )
    asked = Approval(
        id="a", kind="may_it_run", digest="d", thread_id=1, channel="C1", call=made, preview=Preview("", "", shown)
    )
    before = None
    if was is None or isinstance(was, bytes):
        before = UndoSnapshot(canonical({"was": None if was is None else {"mode": 0o644}}), was or b"")
    return LedgerEntry(made, 1, "UALICE", asked, before)


def write(path: str, content: str, was: bytes | str | None = "unknown", shown: str = "") -> LedgerEntry:
    return entry("write_file", was, shown, path=path, content=content)


def edit(path: str, old: str, new: str, was: bytes | str | None = "unknown", shown: str = "") -> LedgerEntry:
    return entry("edit_file", was, shown, path=path, edits=[{"oldText": old, "newText": new}])


def move(source: str, destination: str) -> LedgerEntry:
    return entry("move_file", source=source, destination=destination)


def lines(change: Changed) -> list[str]:
    return [line for each in change.diffs for line in each.split("\n") if line[:1] in ("+", "-")]


def put_together(files: Filesystem, *entries: LedgerEntry) -> Sequence[Changed]:
    return combined.combined(files, entries)


def test_several_changes_of_a_file_are_one_diff(files: Filesystem) -> None:
    [change] = put_together(
        files,
        edit("a.txt", "one", "1", b"one\ntwo\n"),
        edit("a.txt", "1", "first", b"1\ntwo\n"),
        write("a.txt", "first\nsecond\n", b"first\ntwo\n"),
    )
    assert (change.title, change.effect) == ("a.txt", "+2 −2")
    assert lines(change) == ["-one", "-two", "+first", "+second"]


def test_without_what_was_kept_the_diffs_that_people_were_shown_follow_one_another(files: Filesystem) -> None:
    first, second = diff.unified("one\n", "two\n") or "", diff.unified("two\n", "three\n") or ""
    [change] = put_together(
        files, edit("a.txt", "one", "two", shown=first), edit("a.txt", "two", "three", shown=second)
    )
    assert change.diffs == (first, second)
    [change] = put_together(files, edit("a.txt", "one", "two"))
    assert (change.diffs, change.words) == ((), "What changed in it was not recorded.")


def test_a_new_file_and_one_that_is_the_same_in_the_end(files: Filesystem) -> None:
    new, same = put_together(
        files,
        write("new.txt", "draft\n", None),
        write("same.txt", "x\n", b"one\n"),
        write("new.txt", "final\n", b"draft\n"),
        write("same.txt", "one\n", b"x\n"),
    )
    assert (new.effect, lines(new)) == ("new file · +1", ["+final"])
    assert (same.diffs, same.words) == ((), "The content is the same as before.")


def test_a_file_is_followed_through_moves_of_it_and_of_its_folder(files: Filesystem) -> None:
    change, folder = put_together(
        files,
        write("d/a.txt", "two\n", b"one\n"),
        move("d", "e"),
        edit("e/a.txt", "two", "three", b"two\n"),
        move("e/a.txt", "b.txt"),
    )
    assert (change.title, change.was, change.effect) == ("b.txt", "d/a.txt", "moved from d/a.txt · +1 −1")
    assert lines(change) == ["-one", "+three"]
    assert (folder.title, folder.effect) == ("e", "moved from d")


def test_a_name_that_is_used_again_is_another_file(files: Filesystem) -> None:
    first, second = put_together(files, move("a.txt", "b.txt"), write("a.txt", "new\n", None))
    assert (first.title, first.effect, second.title, second.effect) == (
        *("b.txt", "moved from a.txt"),
        *("a.txt", "new file · +1"),
    )


def test_what_somebody_else_has_changed_in_between_is_said_and_not_part_of_it(files: Filesystem) -> None:
    first, second = diff.unified("one\n", "two\n") or "", diff.unified("theirs\n", "three\n") or ""
    [change] = put_together(
        files, write("a.txt", "two\n", b"one\n", shown=first), write("a.txt", "three\n", b"theirs\n", shown=second)
    )
    assert change.diffs == (first, second)
    assert change.words == "Somebody else changed it in between."


def test_line_endings_that_the_server_turns_around_are_no_change(files: Filesystem) -> None:
    [change] = put_together(
        files, edit("a.txt", "one", "1", b"one\r\ntwo\r\n"), edit("a.txt", "1", "first", b"1\ntwo\n")
    )
    assert lines(change) == ["-one", "+first"]


@pytest.mark.parametrize("arguments", [{}, {"path": 7}, {"path": "a", "content": 7}, {"path": "a", "edits": [[7]]}])
@pytest.mark.parametrize("tool", ["write_file", "edit_file", "move_file", "create_directory", "other"])
def test_whatever_a_call_was_given_it_is_listed_or_left_out(
    files: Filesystem, tool: str, arguments: dict[str, Any]
) -> None:
    assert len(put_together(files, entry(tool, **arguments))) <= 1


def test_a_dry_run_and_a_new_folder_are_no_files(files: Filesystem, tmp_path: Path) -> None:
    assert combined.names(files, "edit_file", {"path": "a", "dryRun": True}) == ()
    assert combined.names(files, "create_directory", {"path": "a"}) is None
    assert combined.names(files, "move_file", {"source": f"{tmp_path}/a", "destination": "b"}) == ["b", "a"]
    [folder] = put_together(files, entry("create_directory", path="a"))
    assert (folder.title, folder.effect) == ("a", "new folder")


def test_of_very_much_text_the_calls_are_listed_one_after_another(files: Filesystem) -> None:
    texts = ["".join(f"{letter}{number}\n" for number in range(60_000)) for letter in "abc"]
    changes = [
        *put_together(
            files,
            *(write(f"{n}.txt", texts[1], texts[0].encode()) for n in range(3)),
            *(write(f"{n}.txt", texts[2], texts[1].encode()) for n in range(3)),
        )
    ]
    assert [change.title for change in changes] == ["0.txt", "1.txt", "2.txt"]
