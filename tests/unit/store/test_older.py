"""What an older or a newer version has written as JSON is read as far as it goes; it never stops a thread."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bot.core.inbox import Incoming
from bot.core.thread_ref import ThreadRef
from bot.core.tools import Preview
from bot.store.sqlite.database import Database
from bot.store.sqlite.question_rows import preview_of
from bot.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("files", ["", "nonsense", "{}", "null", '["a.txt", 5, null]'])
async def test_an_unread_message_with_odd_files_is_read(tmp_path: Path, files: str) -> None:
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database)
        _, thread = await store.admit(
            Incoming(ThreadRef("T", "C", "1.0", "channel"), "E", "U", "1.0", "hi", (), addressed=True)
        )
        with sqlite3.connect(tmp_path / "bot.db") as connection:
            connection.execute("UPDATE inbox SET files = ?", (files,))
        connection.close()
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        [message] = (await SqliteStore(database).load(thread)).unread
        assert list(message.files) == (["a.txt"] if "a.txt" in files else [])


@pytest.mark.parametrize(
    ("kept", "read"),
    [
        ("", None),
        ("nonsense", None),
        ("[]", None),
        ('{"basis": "b", "words": "w"}', Preview("b", "w")),
        ('{"basis": "b", "words": "w", "diff": 5, "colour": "red"}', Preview("b", "w")),
        ('{"basis": "b"}', Preview("b", "")),
    ],
)
def test_a_preview_is_read_as_far_as_it_goes(kept: str, read: Preview | None) -> None:
    assert preview_of(kept) == read
