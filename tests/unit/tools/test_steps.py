"""How calls of the filesystem server are said: with paths relative to its folders, never as paths of the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.core.tool_words import Form
from bot.core.tools import Tool
from bot.tools.filesystem.paths import Filesystem
from bot.tools.filesystem.steps import VERBS as TOOLS
from bot.tools.filesystem.steps import outcome, step
from bot.tools.mcp.toolset import McpToolset
from tests.unit.core.helpers import tool
from tests.unit.tools.helpers import call, guard
from tests.unit.tools.helpers import tool as of

ROOT = "/srv/team/workspace"
ONE = Filesystem("files", [ROOT], None, {"HOME": "/home/bot"})
TWO = Filesystem("files", [ROOT, "/srv/docs", "/mnt/docs"], None, {})


def said(remote: str, files: Filesystem = ONE, **arguments: Any) -> str:
    return step(tool(remote), arguments, files.shown)


@pytest.mark.parametrize(
    ("remote", "arguments", "words"),
    [
        ("read_text_file", {"path": "release.md"}, "Read release.md"),
        ("read_text_file", {"path": f"{ROOT}/drafts/../release.md"}, "Read release.md"),
        ("read_text_file", {"path": "/etc/passwd"}, "Read …/passwd"),
        ("read_text_file", {"path": "../../secret"}, "Read …/secret"),
        ("read_text_file", {"path": f"file://{ROOT}/a.md"}, "Read file:/…/a.md"),
        ("write_file", {"path": f'"{ROOT}/a.md"'}, 'Wrote "/…/a.md"'),
        ("read_text_file", {}, "Read a file"),
        ("read_multiple_files", {"paths": ["a.md", "b.md", "c.md"]}, "Read a.md, b.md and c.md"),
        ("read_multiple_files", {"paths": ["a.md", "b.md", "c.md", "d.md"]}, "Read a.md, b.md and 2 more files"),
        ("write_file", {"path": "notes.md", "content": "x"}, "Wrote notes.md"),
        ("edit_file", {"path": "release.md", "edits": []}, "Edited release.md"),
        ("edit_file", {"path": "release.md", "dryRun": True}, "Tried out an edit of release.md"),
        ("move_file", {"source": "a.md", "destination": f"{ROOT}/b.md"}, "Renamed a.md to b.md"),
        ("move_file", {"source": "a.md", "destination": "old/a.md"}, "Moved a.md to old/a.md"),
        ("create_directory", {"path": f"{ROOT}/drafts"}, "Created drafts/"),
        ("list_directory", {"path": "notes"}, "Listed notes/"),
        ("list_directory", {"path": ROOT}, "Listed workspace/"),
        ("directory_tree", {"path": "."}, "Listed everything in workspace/"),
        ("search_files", {"path": "notes", "pattern": "**/*budget*"}, "Searched notes for budget"),
        ("search_files", {"path": "notes", "pattern": "**/*"}, "Searched notes"),
        ("get_file_info", {"path": 7}, "Looked at a file"),
        ("list_allowed_directories", {}, "Looked at which folders there are"),
    ],
)
def test_a_step_is_said_as_a_colleague_would(remote: str, arguments: dict[str, Any], words: str) -> None:
    assert said(remote, **arguments) == words


FORMS = {
    "edit_file": ("Editing a.md", "Didn't edit a.md", "Couldn't edit a.md", "Edit a.md"),
    "read_text_file": ("Reading a.md", "Didn't read a.md", "Couldn't read a.md", "Read a.md"),
    "write_file": ("Writing a.md", "Didn't write a.md", "Couldn't write a.md", "Write a.md"),
    "get_file_info": ("Looking at a.md", "Didn't look at a.md", "Couldn't look at a.md", "Look at a.md"),
    "create_directory": ("Creating a.md/", "Didn't create a.md/", "Couldn't create a.md/", "Create a.md/"),
    "directory_tree": (
        "Listing everything in a.md/",
        "Didn't list everything in a.md/",
        "Couldn't list everything in a.md/",
        "List everything in a.md/",
    ),
    "move_file": (
        "Renaming a.md to b.md",
        "Didn't rename a.md to b.md",
        "Couldn't rename a.md to b.md",
        "Rename a.md to b.md",
    ),
    "search_files": (
        "Searching a.md for b",
        "Didn't search a.md for b",
        "Couldn't search a.md for b",
        "Search a.md for b",
    ),
    "other_tool": ("Other tool: a.md", "Not done: Other tool: a.md", "Other tool: a.md", "Other tool: a.md"),
}


@pytest.mark.parametrize("remote", FORMS)
def test_only_what_was_done_is_said_to_be_done(remote: str) -> None:
    arguments = {"path": "a.md", "source": "a.md", "destination": "b.md", "pattern": "*b*"}
    if remote == "other_tool":
        arguments = {"path": "a.md"}
    forms = (Form.RUNNING, Form.NOT_DONE, Form.FAILED, Form.WANTED)
    assert tuple(step(tool(remote), arguments, ONE.shown, form) for form in forms) == FORMS[remote]


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize(
    "remote", [*TOOLS, "list_allowed_directories", "read_multiple_files", "move_file", "search_files"]
)
def test_every_step_of_a_file_has_every_form(remote: str, form: Form) -> None:
    for arguments in (
        {},
        {"path": "a.md", "paths": ["a.md"], "source": "a/a.md", "destination": "b.md", "dryRun": True},
    ):
        said = step(tool(remote), arguments, ONE.shown, form)
        assert (said.startswith(("Didn't ", "Couldn't "))) == (form in (Form.NOT_DONE, Form.FAILED))
        assert (form is Form.DONE) == (said == step(tool(remote), arguments, ONE.shown)) or said.startswith("Read ")


def test_with_several_folders_a_path_says_in_which_it_lies() -> None:
    assert said("read_text_file", TWO, path="release.md") == "Read workspace/release.md"
    assert said("read_text_file", TWO, path="/srv/docs/release.md") == "Read docs/release.md"
    assert said("read_text_file", TWO, path="/mnt/docs/release.md") == "Read docs (2)/release.md"


PARTS = st.lists(st.sampled_from(["a.md", "..", ".", "notes", "", "x" * 200, "é\u202e", "<@U1>", "\n"]), max_size=6)


@given(st.sampled_from(["", f"{ROOT}/", "/", "~/", "/srv/", "//"]), PARTS, st.sampled_from([ONE, TWO]))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_path_of_the_machine_is_in_a_step_whatever_the_model_writes(
    start: str, parts: list[str], files: Filesystem
) -> None:
    path = start + "/".join(parts)
    for remote in ("read_text_file", "list_directory", "move_file", "search_files"):
        words = said(remote, files, path=path, source=path, destination=path, pattern="*")
        assert not any(
            machine in words.replace("…/srv", "").replace("…/team", "").replace("…/home", "")
            for machine in ("srv", "/team", "/home", "/mnt")
        )
        assert " /" not in words
        assert len(words) <= 200
        assert not set("<>\n\u202e") & set(words)


@pytest.mark.anyio
async def test_the_server_s_own_answers_are_understood(files: McpToolset, workspace: Path) -> None:
    (workspace / "release.md").write_text("one\ntwo\nthree\n")
    known = guard(files)

    async def done(name: str, **arguments: Any) -> tuple[str, str]:
        result = await call(files, f"filesystem__{name}", **arguments)
        called: Tool = of(files, f"filesystem__{name}")
        ok = result.certainty == "ok"
        return known.step(called, arguments, Form.DONE if ok else Form.FAILED), known.outcome(
            called, arguments, result.text, ok
        )

    path = str(workspace / "release.md")
    assert await done("read_text_file", path=path) == ("Read release.md", "")
    edit = [{"oldText": "two\n", "newText": "zwei\nzwo\n"}]
    assert await done("edit_file", path=path, edits=edit) == ("Edited release.md", "+2 −1")
    assert await done("edit_file", path=path, edits=edit) == ("Couldn't edit release.md", "the text is not in it")
    name = workspace.name
    found = await done("search_files", path=str(workspace), pattern="**/*release*")
    assert found == (f"Searched {name} for release", "1 found")
    none = await done("search_files", path=str(workspace), pattern="*zzz*")
    assert none == (f"Searched {name} for zzz", "nothing found")
    assert await done("read_text_file", path="gone.md") == ("Couldn't read gone.md", "not found")
    assert await done("read_text_file", path="/etc/passwd") == ("Couldn't read …/passwd", "outside its folders")
    unwritten = await done("write_file", path="no/such.md", content="")
    assert unwritten == ("Couldn't write no/such.md", "its folder does not exist")
    assert of(files, "filesystem__read_text_file").title == "Read Text File"


def test_a_result_that_was_cut_is_not_counted_as_if_it_were_whole() -> None:
    cut = "a\nb\n\n[… 1,000 characters left out …]\n\nc"
    assert outcome(tool("search_files"), cut, True) == "more than 3 found"
    assert outcome(tool("edit_file"), f"```diff\n--- a\n+++ b\n@@ -1 +1 @@\n+{cut}\n```\n\n", True) == ""


@pytest.mark.anyio
async def test_results_name_no_path_of_the_machine_and_contents_of_files_stay_as_they_are(
    files: McpToolset, workspace: Path
) -> None:
    (workspace / "a.md").write_text(f"kept in {workspace}/a.md\n")
    found = (await call(files, "filesystem__search_files", path=str(workspace), pattern="*.md")).text
    assert found == "a.md"
    assert (await call(files, "filesystem__read_text_file", path=found)).text == f"kept in {workspace}/a.md\n"
    allowed = (await call(files, "filesystem__list_allowed_directories")).text
    assert str(workspace) not in allowed
    assert allowed.split()[-1] == "."
    edits = [{"oldText": "kept", "newText": "still"}]
    edited = (await call(files, "filesystem__edit_file", path=str(workspace / "a.md"), edits=edits)).text
    assert str(workspace) not in edited.partition("@@")[0]
    assert f"+still in {workspace}/a.md" in edited
    missing = (await call(files, "filesystem__read_text_file", path="gone.md")).text
    assert str(workspace) not in missing


def test_with_several_folders_results_keep_paths_that_the_server_resolves() -> None:
    TWO.shown("x")
    assert TWO.usable("/srv/docs/a.md") == "/srv/docs/a.md"
    assert TWO.relative("/srv/docs/a.md is not in /srv/team/workspace") == "docs/a.md is not in workspace"
