"""Servers that others publish, all at once in one conversation: every tool of theirs is offered, the strict model
endpoint accepts every schema, and a call to each of them returns."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import venv
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from slack_sandbox.openrouter import call, calls, text
from tests.harness import world

pytestmark = pytest.mark.anyio

PYTHON = ("mcp-server-git==2026.10.19", "mcp-server-time==2026.10.19", "mcp-server-fetch==2026.10.24")
NODE = ("@modelcontextprotocol/server-everything@2026.8.31", "@modelcontextprotocol/server-filesystem@2026.8.31")
SECONDS = 120.0
TOOLS = {"everything": 14, "remote": 14, "filesystem": 14, "git": 12, "time": 2, "fetch": 1}
"""How many tools each server has for a client like the bot."""

CALLED = ("echo", "git_log", "convert_time", "fetch")
"""The tools that run without asking, besides those of the server that is trusted."""


@dataclass
class Programs:
    """Where the servers were installed."""

    folder: Path
    node: str

    def script(self, package: str) -> str:
        """The program of a Node server."""
        return str(self.folder / "node_modules" / "@modelcontextprotocol" / package / "dist" / "index.js")

    def python(self, module: str) -> dict[str, Any]:
        """A Python server as mcp.json names it."""
        return {"command": str(self.folder / "python" / "bin" / "python"), "args": ["-m", module]}


def run(*command: str | Path, folder: Path) -> None:
    """Run a command that has to succeed."""
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def install(folder: Path) -> None:
    """Install the servers at their fixed versions into an empty environment."""
    npm = shutil.which("npm")
    assert npm, "CHECK_SERVERS is set, but there is no npm"
    venv.create(folder / "python")
    pip = (sys.executable, "-m", "pip", "--python", folder / "python" / "bin" / "python", "install")
    run(*pip, "--quiet", "--no-compile", "--disable-pip-version-check", *PYTHON, folder=folder)
    run(npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *NODE, folder=folder)


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """The servers of the folder MCP_SERVERS, or fetched when CHECK_SERVERS is set."""
    node = shutil.which("node")
    given = os.environ.get("MCP_SERVERS")
    if given is None and not os.environ.get("CHECK_SERVERS"):
        pytest.skip("neither CHECK_SERVERS nor MCP_SERVERS is set: the servers take pip, npm and half a minute")
    assert node, "there is no Node"
    folder = Path(given) if given else tmp_path / "servers"
    if not (folder / "node_modules").is_dir():
        folder.mkdir(exist_ok=True)
        install(folder)
    return Programs(folder, node)


@asynccontextmanager
async def over_http(programs: Programs) -> AsyncGenerator[str]:
    """`server-everything` over streamable HTTP. Out: its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(programs.node, programs.script("server-everything"), "streamableHttp"),
        env={"PATH": os.environ["PATH"], "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while not re.search(rb"listening", line := await process.stdout.readline(), re.IGNORECASE):
                assert line, "it ended"
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def page() -> AsyncGenerator[str]:
    """A page to be fetched. Out: its address."""

    async def answer(request: web.BaseRequest) -> web.Response:
        return web.Response(
            text="<html><body><p>The release is on Thursday.</p></body></html>", content_type="text/html"
        )

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def repository(folder: Path) -> Path:
    """A repository with one commit."""
    folder.mkdir()
    author = ("-c", "user.name=Alice", "-c", "user.email=alice@example.com")
    run("git", "init", "--quiet", folder, folder=folder)
    run("git", *author, "commit", "--quiet", "--allow-empty", "-m", "the first commit", folder=folder)
    return folder


@pytest.mark.timeout(600)
async def test_servers_of_others_work_together_in_one_conversation(tmp_path: Path, programs: Programs) -> None:
    kept = repository(tmp_path / "repository")
    allowed = (f'[[policy.rules]]\ntool = "{tool}"\naction = "allow"\n' for tool in CALLED)
    (tmp_path / "bot.toml").write_text("\n".join(["[tools]\nsearch = false\n", *allowed]))
    async with over_http(programs) as remote, page() as address:
        servers: dict[str, Any] = {
            "everything": {"command": programs.node, "args": [programs.script("server-everything")]},
            "remote": {"url": remote},
            "filesystem": {
                "command": programs.node,
                "args": [programs.script("server-filesystem"), str(tmp_path / "workspace")],
                "trusted": True,
            },
            "git": programs.python("mcp_server_git"),
            "time": programs.python("mcp_server_time"),
            "fetch": programs.python("mcp_server_fetch"),
        }
        servers["fetch"]["args"] += ["--ignore-robots-txt", "--allow-private-ips"]
        (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": servers}))
        async with world(tmp_path) as here:
            await here.until(
                lambda: here.bot.log.count(" is up with ") == len(servers), SECONDS, "all servers", poll=0.05
            )
            (here.workspace / "note.txt").write_text("a note")
            asked = [
                call("everything__echo", {"message": "over stdio"}),
                call("remote__echo", {"message": "over HTTP"}),
                call("filesystem__read_text_file", {"path": "note.txt"}),
                call("git__git_log", {"repo_path": str(kept)}),
                call(
                    "time__convert_time", {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
                ),
                call("fetch__fetch", {"url": address}),
            ]
            here.model.script(calls(*asked), text("All done."))
            ts = await here.slack.say(here.general, here.alice, "<@BOT> use everything")
            await here.reply(ts, "All done.", timeout=SECONDS)

            results = [message["content"] for message in here.model.requests[1].messages if message["role"] == "tool"]
            wanted = ["over stdio", "over HTTP", "a note", "the first commit", "21:00", "The release is on Thursday."]
            assert [words in result for words, result in zip(wanted, results, strict=True)] == [True] * len(wanted), (
                results
            )
            names = [tool["function"]["name"].partition("__")[0] for tool in here.model.requests[0].tools]
            offered = {key: number for key, number in Counter(names).items() if key in servers}
            assert offered == TOOLS
            # That the endpoint has refused no schema is checked at the end of every world.
