"""The stand-in for the filesystem server answers as the real one does: the same calls are made to both."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.tools.filesystem import default_server
from tests import standin

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "tests", "version": "1"},
}


def edit(path: str, *edits: tuple[str, str], **more: Any) -> tuple[str, dict[str, Any]]:
    return "edit_file", {"path": path, "edits": [{"oldText": old, "newText": new} for old, new in edits], **more}


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("list_allowed_directories", {}),
    ("write_file", {"path": "new.txt", "content": "Grüße\n"}),
    ("write_file", {"path": "new.txt", "content": "other\r\nlines"}),
    ("read_text_file", {"path": "new.txt"}),
    ("read_text_file", {"path": "ten.txt", "head": 3}),
    ("read_text_file", {"path": "ten.txt", "tail": 3}),
    ("read_text_file", {"path": "ten.txt", "tail": 3, "head": 3}),
    ("read_file", {"path": "ten.txt"}),
    ("read_text_file", {"path": "binary.dat"}),
    ("read_text_file", {"path": "missing.txt"}),
    ("read_text_file", {"path": "."}),
    ("read_text_file", {"path": "/etc/passwd"}),
    ("read_text_file", {"path": "../out.txt"}),
    ("read_text_file", {"path": "leads out"}),
    ("read_text_file", {"path": "leads nowhere"}),
    ("read_text_file", {"path": "leads in"}),
    ("read_text_file", {"path": "C:\\x.txt"}),
    ("read_text_file", {"path": "a\0b"}),
    ("read_text_file", {"path": "cafe\u0301.txt"}),
    ("read_multiple_files", {"paths": ["ten.txt", "missing.txt"]}),
    ("read_media_file", {"path": "binary.dat"}),
    ("read_media_file", {"path": "dot.png"}),
    ("write_file", {"path": "missing/new.txt", "content": ""}),
    ("write_file", {"path": "ten.txt/new.txt", "content": ""}),
    ("write_file", {"path": "folder", "content": ""}),
    ("write_file", {"path": "new.txt"}),
    ("write_file", {"path": "new.txt", "content": 5}),
    edit("ten.txt", ("line 5", "line five"), dryRun=True),
    edit("ten.txt", ("line 2\n", ""), ("line 9", "line nine\nand a half")),
    edit("ten.txt", ("line 1\n", "line one\n"), ("line 10", "line ten")),
    edit("ten.txt", ("not there", "")),
    edit("end.txt", ("END", "+END")),
    edit("end.txt", ("+END", "```\n+END\n")),
    edit("end.txt"),
    edit("crlf.txt", ("a\r\nb", "c\r\nd")),
    edit("indented.py", ("if x:\n    y()", "if x:\n        z()\n    y()")),
    edit("missing.txt", ("a", "b")),
    edit("empty.txt", ("", "text\n")),
    ("create_directory", {"path": "deep/er"}),
    ("create_directory", {"path": "deep/er"}),
    ("create_directory", {"path": "ten.txt"}),
    ("create_directory", {"path": "ten.txt/x"}),
    ("list_directory", {"path": "."}),
    ("list_directory", {"path": "missing"}),
    ("list_directory", {"path": "ten.txt"}),
    ("list_directory_with_sizes", {"path": "."}),
    ("directory_tree", {"path": "FOLDER"}),
    ("search_files", {"path": ".", "pattern": "*.txt"}),
    ("search_files", {"path": ".", "pattern": "**/*.md"}),
    ("search_files", {"path": ".", "pattern": "nothing"}),
    ("move_file", {"source": "end.txt", "destination": "folder/end.txt"}),
    ("move_file", {"source": "missing.txt", "destination": "there.txt"}),
    ("move_file", {"source": "new.txt", "destination": "ten.txt"}),
    ("move_file", {"source": "new.txt", "destination": "missing/new.txt"}),
    ("move_file", {"source": "folder", "destination": "other"}),
    ("get_file_info", {"path": "crlf.txt"}),
    ("get_file_info", {"path": "missing.txt"}),
    ("no_such_tool", {}),
]


def furnish(folder: Path) -> Path:
    """A folder with something of each kind."""
    home = folder / "files"
    (home / "folder").mkdir(parents=True)
    (folder / "out.txt").write_text("outside")
    files = {
        "ten.txt": "".join(f"line {number}\n" for number in range(1, 11)),
        "end.txt": "END",
        "crlf.txt": "a\r\nb\r\n",
        "indented.py": "def f():\n    if x:\n        y()\n",
        "empty.txt": "",
        "folder/inside.md": "# Inside\n",
        "caf\u00e9.txt": "composed",
    }
    for name, text in files.items():
        (home / name).write_bytes(text.encode())
    for name in ("binary.dat", "dot.png"):
        (home / name).write_bytes(b"\x89PNG\xff\x00")
    for name, target in (("leads out", folder / "out.txt"), ("leads nowhere", "gone"), ("leads in", "crlf.txt")):
        (home / name).symlink_to(target)
    return home


def spoken(program: str | Path, server: Path, folder: Path) -> list[Any]:
    """What a server says to the start of a conversation and to the calls, one after another."""
    process = subprocess.Popen(
        [str(program), str(server), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    asked: list[tuple[str, Any]] = [("server/discover", {}), ("initialize", INITIALIZE), ("tools/list", {})]
    asked += [("ping", {}), ("prompts/list", {})]
    calls = [(name, json.loads(json.dumps(given).replace("FOLDER", str(folder)))) for name, given in CALLS]
    asked += [("tools/call", {"name": name, "arguments": given}) for name, given in calls]
    said: list[Any] = []
    for number, (method, given) in enumerate(asked):
        request = {"jsonrpc": "2.0", "id": number, "method": method, "params": given}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        answer = process.stdout.readline().decode().replace(str(folder.parent), "…")
        # When a file was made or read is not the same for both, nor is the name of a file that was there for a moment.
        said.append(json.loads(re.sub(r"(created|modified|accessed): .*?\)|\b[0-9a-f]{32}\b", "", answer)))
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()
    return said


def state(folder: Path) -> list[tuple[str, bytes, int]]:
    """What is in a folder."""
    found = [path for path in sorted(folder.rglob("*")) if not path.is_symlink()]
    return [
        (str(path.relative_to(folder)), path.read_bytes() if path.is_file() else b"", path.stat().st_mode)
        for path in found
    ]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Sequence[tuple[list[Any], list[tuple[str, bytes, int]]]]:
    real = Path(sys.prefix) / "share" / "bot-node" / "node_modules" / default_server.PACKAGE / "dist" / "index.js"
    node = default_server.node()
    assert node is not None
    programs, server = standin.install(tmp_path_factory.mktemp("stand-in"))
    both: list[tuple[list[Any], list[tuple[str, bytes, int]]]] = []
    for name, program, script in (("real", node, real), ("other", programs / "node", server)):
        folder = furnish(tmp_path_factory.mktemp(name))
        both.append((spoken(program, script, folder), state(folder)))
    return both


def test_every_call_gets_the_same_answer(
    sides: Sequence[tuple[list[Any], list[tuple[str, bytes, int]]]],
) -> None:
    (real, _), (other, _) = sides
    names = ["discover", "initialize", "list", "ping", "unknown", *[f"{name} {given}" for name, given in CALLS]]
    for name, expected, found in zip(names, real, other, strict=True):
        assert found == expected, name


def test_the_same_is_in_the_folder_afterwards(
    sides: Sequence[tuple[list[Any], list[tuple[str, bytes, int]]]],
) -> None:
    assert sides[0][1] == sides[1][1]
