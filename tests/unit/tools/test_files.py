"""Which files a filesystem server works on, where its paths lead, and reaching them safely."""

from __future__ import annotations

import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from bot.config import mcp_json
from bot.core.json_text import JsonObject
from bot.core.questions.scope import FILE, FOLDER, Offer
from bot.core.tools import DeliveryStatus, Tool
from bot.tools.filesystem import default_server, path_scope
from bot.tools.filesystem import files as disk
from bot.tools.filesystem.files import Kind
from bot.tools.filesystem.guard import LocalPaths
from bot.tools.filesystem.paths import Filesystem, RefusedError, ResolvedPath
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import StdioServer
from tests.unit.tools.helpers import call, guard, running, tool

pytestmark = pytest.mark.anyio

PINNED = default_server.pinned_version()


async def folders(known: LocalPaths, about: Tool, arguments: JsonObject) -> list[str]:
    """The folders that a grant for a call may be bound to."""
    return [offer.value for offer in (await known.offers(about, arguments)).items if offer.scope == FOLDER]


def of(command: str, *args: str, trusted: bool = True, cwd: Path | None = None) -> list[str] | None:
    found = Filesystem.of(StdioServer("files", command, args, cwd=cwd, trusted=trusted))
    return None if found is None else found.roots()


def test_only_a_trusted_filesystem_server_that_runs_here_is_known(tmp_path: Path) -> None:
    here, package = str(tmp_path), default_server.PACKAGE
    assert of("npx", "-y", package, here) == [here]
    assert of("/usr/bin/npx", "-y", f"{package}@{PINNED}", here) == [here]
    assert of("npx", "-y", f"{package}@latest", here) == [here]
    assert of("mcp-server-filesystem", here) == [here]
    assert of(*_flat(default_server.command(tmp_path))) == [here]
    assert of("npx", "-y", package, ".", cwd=tmp_path) == [here], "relative to the folder that it is started in"
    assert of("npx", "-y", package, here, trusted=False) is None
    assert of("npx", "-y", f"{package}@2025.1.14", here) is None, "it resolved relative paths otherwise"
    assert of("npx", "-y", f"{package}-evil", here) is None
    assert of("npx", "-y", "other", package, here) is None
    assert of("npx", "-p", package, "mcp-server-filesystem", here) is None
    assert of("docker", "run", "mcp/filesystem", package, here) is None
    assert of("ssh", "host", "npx", package, here) is None
    assert of("node", str(tmp_path / "server-filesystem" / "dist" / "index.js"), here) is None, "no such package"
    assert of("npx", "-y", package) is None, "no folder"


def _flat(command: tuple[str, tuple[str, ...]]) -> tuple[str, ...]:
    return command[0], *command[1]


def test_a_folder_that_must_be_real_is_not_followed_to_where_a_link_in_its_place_leads(tmp_path: Path) -> None:
    root = Path(os.path.realpath(tmp_path))
    found = Filesystem("filesystem", (str(root),), None, {})
    for name in ("notes/deep", "secret/deep"):
        (root / name).mkdir(parents=True)
    for folder in (root / "notes", root / "notes" / "deep"):
        assert path_scope.inside(found, str(root / "notes" / "deep" / "a"), str(folder), real=True) is True
    (root / "notes").rename(root / "old")
    (root / "notes").symlink_to("secret")
    for path in ("notes/deep/a", "secret/deep/a", "old/deep/a"):
        for folder in (root / "notes", root / "notes" / "deep"):
            assert path_scope.inside(found, str(root / path), str(folder), real=True) is None, (path, folder)
    for folder in ("notes", "~", f"{root}/old/../old", f"{root}/old/"):
        assert path_scope.inside(found, str(root / "old" / "a"), folder, real=True) is None, folder
    assert path_scope.inside(found, str(root / "notes" / "a"), "notes") is True, (
        "a rule follows the links of its folder"
    )


async def test_the_servers_folders_are_known_as_it_knows_them(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    two.mkdir()
    (tmp_path / "link").symlink_to(two)
    (two / "t.txt").write_text("two", "utf-8")
    command, (script, *_) = default_server.command(one)
    server = StdioServer("f", command, (script, str(one), str(tmp_path / "link"), str(tmp_path / "gone")), trusted=True)
    async with running(server) as files:
        known, guarded = tool(files, "f__write_file"), guard(files, "f")
        assert await folders(guarded, known, {"path": str(tmp_path / "link" / "t.txt")}) == [str(two)]
        assert guarded.inside(known, str(two / "t.txt"), str(tmp_path / "link")) is True
        assert guarded.inside(known, "t.txt", str(one)) is True, "relative to the first folder"
        assert guarded.inside(known, str(two / "t.txt"), ".") is False
        assert (await call(files, "f__read_text_file", path=str(tmp_path / "link" / "t.txt"))).text == "two"


async def test_a_path_lies_where_it_leads_whatever_it_looks_like(
    files: McpToolset, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "notes" / "deep").mkdir(parents=True)
    (workspace / "other").mkdir()
    (workspace / "notes" / "out").symlink_to(workspace / "other")
    (workspace / "in").symlink_to("notes")
    (workspace / "cafe\u0301").mkdir()
    (tmp_path / "outside").mkdir()
    (workspace / "gone").symlink_to(tmp_path / "outside")
    known = tool(files, "filesystem__write_file")
    cases: list[tuple[str, str, bool | None]] = [
        ("notes/a", "notes", True),
        ("notes/new/deep/a", "notes", True),
        ("notes", "notes", True),
        (str(workspace / "notes" / "a"), "notes", True),
        ("notes/a", str(workspace / "notes"), True),
        ("notes/a", "notes/", True),
        ("notes/a", ".", True),
        ("notes//./deep/../a", "notes", True),
        ("in/a", "notes", True),
        ("notes/a", "in", True),
        ("caf\xe9/a", "cafe\u0301", True),
        ("cafe\u0301/a", "caf\xe9", True),
        ("new/a", "new", True),
        ("other/a", "notes", False),
        ("notes/../other/a", "notes", False),
        ("notes/out/a", "notes", False),
        ("notes/out/../a", "notes", True),
        ("notes2/a", "notes", False),
        ("Notes/a", "notes", False),
        ("n\u043etes/a", "notes", False),
        ("note\u200bs/a", "notes", False),
        ("New/a", "new", None),
        ("\uff4eew/a", "new", None),
        ("../notes/a", "notes", None),
        ("gone/a", "notes", None),
        ("/etc/passwd", "notes", None),
        ("C:\\notes", "notes", None),
        ("notes/\0", "notes", None),
        ("notes/a", "..", None),
        ("notes/a", "/etc", False),
        ("notes/a", "/", True),
    ]
    guarded = guard(files)
    for path, folder, wanted in cases:
        assert guarded.inside(known, path, folder) is wanted, (path, folder)


def test_a_disk_that_ignores_case_takes_two_names_for_one_and_so_do_we(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a disk in few words: one folder that answers to both names."""
    (tmp_path / "notes").mkdir()
    lstat, stat, scandir = os.lstat, os.stat, os.scandir

    def folded(path: object) -> str:
        return str(path).replace("NOTES", "notes")

    monkeypatch.setattr(os, "lstat", lambda path, **more: lstat(folded(path), **more))
    monkeypatch.setattr(os, "stat", lambda path, **more: stat(folded(path), **more))
    monkeypatch.setattr(os, "scandir", lambda path: scandir(folded(path)))
    found = Filesystem.of(StdioServer("f", "npx", ("-y", default_server.PACKAGE, str(tmp_path)), trusted=True))
    assert path_scope.inside(found, "NOTES/a", "notes") is True
    assert path_scope.inside(found, "notes/a", "NOTES") is True


async def test_a_call_names_its_paths_and_the_folders_that_hold_them(files: McpToolset, workspace: Path) -> None:
    (workspace / "a/b/c/d/e/f").mkdir(parents=True)
    write, move = tool(files, "filesystem__write_file"), tool(files, "filesystem__move_file")
    many, ls = tool(files, "filesystem__read_multiple_files"), tool(files, "filesystem__list_directory")
    create = tool(files, "filesystem__create_directory")
    base, known = str(workspace), guard(files)
    assert path_scope.paths(write, {"path": "a", "content": "b"}) == ["a"]
    assert path_scope.paths(move, {"source": "a", "destination": "b"}) == ["a", "b"]
    assert path_scope.paths(many, {"paths": ["a", "b"]}) == ["a", "b"]
    assert path_scope.paths(tool(files, "filesystem__list_allowed_directories"), {}) == []
    assert path_scope.paths(write, {"path": 1}) is None
    assert path_scope.paths(move, {"source": "a"}) is None
    assert await folders(known, write, {"path": "a/b/t"}) == [f"{base}/a/b", f"{base}/a"]
    assert await folders(known, write, {"path": "a/b/c/d/e/f/t"}) == [
        f"{base}/a/b/c/d/e/f", f"{base}/a/b/c/d/e", f"{base}/a/b/c/d", f"{base}/a/b/c", f"{base}/a/b"
    ]  # fmt: skip
    assert await folders(known, move, {"source": "a/b/c", "destination": "a/x"}) == [f"{base}/a"]
    assert await folders(known, ls, {"path": "a"}) == [f"{base}/a"]
    assert await folders(known, create, {"path": "a/x/y/z"}) == [f"{base}/a"]
    assert await folders(known, ls, {"path": "."}) == [base]
    assert await folders(known, write, {"path": "/etc/passwd"}) == []
    assert await folders(known, many, {"paths": ["a", "/etc"]}) == []


async def test_paths_lead_where_the_server_goes(files: McpToolset, workspace: Path) -> None:
    home = str(Path.home())
    found = Filesystem.of(mcp_json.load(None, workspace).servers[0])
    assert found is not None
    (workspace / "d").mkdir()
    (workspace / "l").symlink_to("d")
    nfd = unicodedata.normalize("NFD", "d\xe9j\xe0")
    (workspace / nfd).mkdir()
    for number, path in enumerate(
        [
            "a",
            "./b/../c",
            "d//e",
            "l/f",
            str(workspace / "g"),
            f"/{workspace}/h",
            "d\xe9j\xe0/i",
            '"j"',
            " k ",
            "~x",
            "d/",
        ]
    ):
        outcome = await call(files, "filesystem__write_file", path=path, content=str(number))
        try:
            place = found.place(path)
        except RefusedError:
            assert outcome.certainty is DeliveryStatus.ERROR, path
            continue
        written = Path(place.path)
        assert (outcome.certainty is DeliveryStatus.OK) == written.is_file(), path
        assert written.is_dir() or written.read_text("utf-8") == str(number), path
    with pytest.raises(RefusedError, match="outside"):
        found.place("~/x")
    assert not Path(home, "x").exists()


def test_a_link_that_is_put_in_the_way_leads_nobody_astray(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (outside / "t").write_text("outside", "utf-8")
    (root / "folder" / "t").write_text("inside", "utf-8")
    place = ResolvedPath(str(root), str(root / "folder" / "t"))
    assert disk.look(place, 100).content == b"inside"
    shutil.rmtree(root / "folder")
    (root / "folder").symlink_to(outside)
    assert disk.look(place, 100).kind is Kind.UNKNOWN
    for attempt in (
        lambda: disk.replace(place, b"x", 0o644, "tmp"),
        lambda: disk.unlink(place),
        lambda: disk.rename(place, ResolvedPath(str(root), str(root / "u"))),
        lambda: disk.rmdir(ResolvedPath(str(root), str(root / "folder"))),
    ):
        with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
            attempt()
    assert (outside / "t").read_text("utf-8") == "outside"
    (root / "t").symlink_to(outside / "t")
    assert disk.look(ResolvedPath(str(root), str(root / "t"))).kind is Kind.LINK
    disk.replace(ResolvedPath(str(root), str(root / "t")), b"x", 0o600, "tmp")
    assert (outside / "t").read_text("utf-8") == "outside", "the link itself is replaced"


def test_nothing_is_moved_over_something(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name, "utf-8")
        (tmp_path / f"folder {name}").mkdir()
    for kind in ("", "folder "):
        source, there = (ResolvedPath(str(tmp_path), str(tmp_path / f"{kind}{name}")) for name in ("a", "b"))
        with pytest.raises(FileExistsError):
            disk.rename(source, there)
        disk.rename(source, ResolvedPath(str(tmp_path), str(tmp_path / f"{kind}c")))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c", "folder b", "folder c"]


async def test_a_grant_is_offered_for_the_file_its_folders_and_all_files_without_a_path_of_the_machine(
    files: McpToolset, workspace: Path
) -> None:
    (workspace / "notes" / "deep").mkdir(parents=True)
    base, known = str(workspace), guard(files)
    edit, move = tool(files, "filesystem__edit_file"), tool(files, "filesystem__move_file")
    made = await known.offers(edit, {"path": f"{base}/notes/deep/a.txt"})
    assert (made.action, made.every) == ("edits to", "every file")
    assert list(made.items) == [
        Offer(FILE, f"{base}/notes/deep/a.txt", "notes/deep/a.txt"),
        Offer(FOLDER, f"{base}/notes/deep", "files in notes/deep/"),
        Offer(FOLDER, f"{base}/notes", "files in notes/"),
    ]
    made = await known.offers(move, {"source": "notes/a", "destination": "notes/b"})
    assert (made.action, [offer.words for offer in made.items]) == ("moving", ["files in notes/"])
    made = await known.offers(edit, {"path": "a.txt"})
    assert [offer.words for offer in made.items] == ["a.txt"], "the only folder of the server is every file"
    made = await known.offers(tool(files, "filesystem__create_directory"), {"path": "notes/new"})
    assert (made.action, made.every, [offer.words for offer in made.items]) == (
        "creating",
        "every folder",
        ["folders in notes/"],
    )


async def test_of_several_folders_of_a_server_a_file_is_named_with_its_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    command, (script, *_) = default_server.command(tmp_path / "one")
    roots = (str(tmp_path / "one"), str(tmp_path / "two"))
    async with running(StdioServer("f", command, (script, *roots), trusted=True)) as files:
        made = await guard(files, "f").offers(tool(files, "f__write_file"), {"path": f"{tmp_path}/two/a.txt"})
        assert [offer.words for offer in made.items] == ["two/a.txt", "files in two/"]


async def test_a_grant_for_a_file_covers_that_file_alone(files: McpToolset, workspace: Path) -> None:
    (workspace / "notes").mkdir()
    (workspace / "private").mkdir()
    file = workspace / "notes" / "a.txt"
    file.write_text("a")
    os.link(file, workspace / "notes" / "second.txt")
    (workspace / "alias").symlink_to(file)
    (workspace / "notes" / "A.TXT").write_text("another one")
    write, many = tool(files, "filesystem__write_file"), tool(files, "filesystem__read_multiple_files")
    known = guard(files)

    async def covers(path: str) -> bool:
        return await known.changes_only(write, {"path": path, "content": ""}, str(file))

    for path in ("notes/a.txt", str(file), "notes/../notes/./a.txt", "alias"):
        assert await covers(path), path
    for path in (
        *(
            "notes/../a.txt",
            "notes/A.TXT",
            "notes/second.txt",
            "notes",
            "notes/a.txt/b",
            "notes/b.txt",
            "private/a.txt",
        ),
        *("n\u043etes/a.txt", "notes/a.txt ", "notes/\uff41.txt", "/etc/passwd", "../notes/a.txt", "notes/a.txt\0", ""),
    ):
        assert not await covers(path), path
    assert await known.changes_only(many, {"paths": ["notes/a.txt", str(file)]}, str(file))
    assert not await known.changes_only(many, {"paths": ["notes/a.txt", "notes/b.txt"]}, str(file))
    assert not await known.changes_only(many, {"paths": []}, str(file))
    move = tool(files, "filesystem__move_file")
    assert not await known.changes_only(move, {"source": str(file), "destination": str(file)}, str(file))
    # A link in its place leads to another file, and a folder in its place is no file.
    file.unlink()
    file.symlink_to(workspace / "private" / "secret.txt")
    assert not await covers("notes/a.txt")
    file.unlink()
    file.mkdir()
    assert not await covers("notes/a.txt")
