"""The default server, for real: Node, the filesystem server that the set-up installed, and files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest

from bot.config import mcp_json
from bot.core.tools import DeliveryStatus
from bot.tools.json_schema import arguments
from bot.tools.mcp.toolset import McpToolset
from tests.unit.tools.helpers import call, processes_with, running, tool, until_down
from tests.unit.tools.providers import complaints

pytestmark = pytest.mark.anyio


async def test_it_offers_its_tools_with_annotations_that_count(files: McpToolset) -> None:
    assert len(files.tools()) == 14
    read, write = tool(files, "filesystem__read_text_file"), tool(files, "filesystem__write_file")
    assert (read.trusted, read.read_only) == (True, True)
    assert (write.trusted, write.read_only, write.destructive) == (True, False, True)
    assert sum(known.read_only for known in files.tools()) == 10


async def test_every_schema_suits_every_provider(files: McpToolset) -> None:
    for known in files.tools():
        assert complaints(known.parameters) == [], known.name
        assert set(known.parameters["properties"]) == set(known.schema.get("properties", {})), known.name
        assert known.parameters.get("required", []) == known.schema.get("required", [])
        json.dumps(known.function())


async def test_it_reads_and_writes_files_in_the_workspace_by_relative_and_absolute_path(
    files: McpToolset, workspace: Path
) -> None:
    written = await call(files, "filesystem__write_file", path="notes.txt", content="Grüße\n")
    assert written.certainty is DeliveryStatus.OK
    assert (workspace / "notes.txt").read_text("utf-8") == "Grüße\n"
    read = await call(files, "filesystem__read_text_file", path=str(workspace / "notes.txt"))
    assert (read.certainty, read.text) == (DeliveryStatus.OK, "Grüße\n"), "once, although the server says it twice"


async def test_what_lies_outside_the_workspace_is_an_error(files: McpToolset) -> None:
    outcome = await call(files, "filesystem__read_text_file", path="/etc/passwd")
    assert outcome.certainty is DeliveryStatus.ERROR
    assert "Access denied" in outcome.text


async def test_arguments_are_checked_before_the_server_sees_them(files: McpToolset) -> None:
    edit = tool(files, "filesystem__edit_file")
    assert arguments.problem(edit, {"path": "a", "edits": [{"oldText": "x", "newText": "y"}]}) is None
    assert (
        arguments.problem(edit, {"path": 1, "edits": [{"oldText": "x"}]})
        == "The arguments do not fit: `path` must be of type string, not number; `edits[0].newText` is missing."
    )


async def test_an_image_is_described_and_comes_with_the_text(files: McpToolset, workspace: Path) -> None:
    (workspace / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 1000)
    outcome = await call(files, "filesystem__read_media_file", path="dot.png")
    assert (outcome.certainty, outcome.text) == (DeliveryStatus.OK, "[image: image/png, 1,008 bytes]")
    assert [(each.media, len(each.base64)) for each in outcome.media] == [("image/png", 1344)]


async def test_half_an_emoji_in_a_result_loses_no_reply(files: McpToolset, workspace: Path) -> None:
    (workspace / "emoji.txt").write_text("a\N{GRINNING FACE}" * 40_000, "utf-8")
    outcome = await call(files, "filesystem__read_text_file", path="emoji.txt")
    assert outcome.certainty is DeliveryStatus.OK
    assert "characters left out" in outcome.text


async def test_it_is_back_after_kill_9_and_a_call_made_meanwhile_succeeds(files: McpToolset, workspace: Path) -> None:
    (workspace / "a.txt").write_text("hello", "utf-8")
    (pid,) = processes_with(str(workspace))
    began = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await until_down(files)
    outcomes = await asyncio.gather(*(call(files, "filesystem__read_text_file", path="a.txt") for _ in range(20)))
    assert {(outcome.certainty, outcome.text) for outcome in outcomes} == {(DeliveryStatus.OK, "hello")}
    assert time.monotonic() - began < 5
    assert processes_with(str(workspace)) != [pid]


async def test_nothing_of_it_is_left_after_the_end(tmp_path: Path) -> None:
    async with running(*mcp_json.load(None, tmp_path).servers):
        assert len(processes_with(str(tmp_path))) == 1
    assert processes_with(str(tmp_path)) == []
