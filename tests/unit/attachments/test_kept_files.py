"""What is attached is kept for a limited time, in a limited space, and durable before anything refers to it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bot.attachments.kept_files import KeptFiles, folder_of

pytestmark = pytest.mark.anyio
DAY = 86_400


def aged(path: Path, days: float) -> None:
    at = time.time() - days * DAY
    os.utime(path, (at, at))


async def test_bytes_are_found_by_their_digest_by_this_process_and_the_next(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path / "files", 7, 1_000)
    digest = await kept.keep(b"Hello")
    assert await kept.keep(b"Hello") == digest
    assert [path.name for path in (tmp_path / "files").iterdir()] == [digest]
    for each in (kept, KeptFiles(tmp_path / "files", 7, 1_000)):
        assert await each.find(digest) == b"Hello"
        assert await each.find("0" * 64) is None
        assert await each.find("../secret") is None


async def test_bytes_that_have_changed_on_the_disk_are_not_found(tmp_path: Path) -> None:
    digest = await KeptFiles(tmp_path, 7, 1_000).keep(b"Hello")
    (tmp_path / digest).write_bytes(b"Other")
    assert await KeptFiles(tmp_path, 7, 1_000).find(digest) is None


async def test_what_is_old_or_beyond_the_limit_or_was_never_finished_is_removed(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 7, 1_000)
    old, large, small = [await kept.keep(content) for content in (b"old", b"x" * 900, b"y" * 200)]
    unfinished = tmp_path / "abc.part"
    unfinished.write_bytes(b"z")
    aged(tmp_path / old, 8)
    aged(tmp_path / large, 2)
    aged(unfinished, 1)
    await kept.tidy()
    assert [path.name for path in tmp_path.iterdir()] == [small]
    assert [await kept.find(each) for each in (old, large)] == [None, None]
    assert await kept.find(small) == b"y" * 200


async def test_what_is_attached_again_is_kept_longer(tmp_path: Path) -> None:
    kept = KeptFiles(tmp_path, 7, 1_000)
    digest = await kept.keep(b"Hello")
    aged(tmp_path / digest, 8)
    await kept.keep(b"Hello")
    await kept.tidy()
    assert await kept.find(digest) == b"Hello"


async def test_a_full_disk_is_an_error_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        await KeptFiles(tmp_path, 7, 1_000).keep(b"Hello")
    assert list(tmp_path.iterdir()) == []


async def test_nothing_is_created_before_something_is_kept(tmp_path: Path) -> None:
    await KeptFiles(tmp_path / "files", 7, 1_000).tidy()
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_beside_the_database() -> None:
    assert folder_of("sqlite:///data/bot.db") == Path("data/bot.db.files")
    assert folder_of("sqlite:////srv/bot.db") == Path("/srv/bot.db.files")
    assert folder_of("other://host/name") == Path("data/attachments")
