"""The bot with an endpoint that nobody here wrote: @copilotkit/aimock, as OpenRouter and as a plain OpenAI server."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.harness import world

pytestmark = pytest.mark.anyio

VERSION = "1.43.0"
SECONDS = 30.0
KEY = "any-word"
ANSWER = "The release is on Thursday."
ASKED = {"userMessage": "the release date"}
TWO_STEPS: list[dict[str, Any]] = [
    {
        "match": {**ASKED, "hasToolResult": False},
        "response": {
            "content": "Let me look.",
            "toolCalls": [{"name": "filesystem__read_text_file", "arguments": {"path": "release.md"}}],
            "usage": {"prompt_tokens": 120, "completion_tokens": 20, "total_tokens": 140, "cost": 0.25},
        },
    },
    {
        "match": {**ASKED, "hasToolResult": True},
        "response": {
            "content": ANSWER,
            "usage": {"prompt_tokens": 160, "completion_tokens": 9, "total_tokens": 169, "cost": 0.5},
        },
    },
]


async def installed(folder: Path) -> Path:
    """The package of the folder AIMOCK (one that has node_modules), or fetched when CHECK_AIMOCK is set."""
    modules = Path(os.environ.get("AIMOCK", "absent")) / "node_modules"
    if not modules.is_dir():
        if not os.environ.get("CHECK_AIMOCK"):
            pytest.skip("neither CHECK_AIMOCK nor AIMOCK is set: fetching @copilotkit/aimock takes npm and a registry")
        npm = shutil.which("npm")
        assert npm, "CHECK_AIMOCK is set, but there is no npm"
        package = f"@copilotkit/aimock@{VERSION}"
        fetch = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", package]
        done = await asyncio.to_thread(subprocess.run, fetch, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        modules = folder / "node_modules"
    return modules / "@copilotkit" / "aimock" / "dist" / "cli.js"


@asynccontextmanager
async def aimock(folder: Path) -> AsyncGenerator[str]:
    """The server with these two steps, and nothing else that it answers. Out: its address."""
    program, node = await installed(folder), shutil.which("node")
    assert node, "there is no Node"
    (folder / "steps.json").write_text(json.dumps({"fixtures": TWO_STEPS}))
    process = await asyncio.create_subprocess_exec(
        *(node, str(program), "-p", "0", "-f", "steps.json", "--strict", "--chunk-size", "7"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "AIMOCK_API_KEYS": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(SECONDS):
            while not (found := re.search(rb"http://127\.0\.0\.1:\d+", line := await process.stdout.readline())):
                assert line, "it ended"
        yield found[0].decode()
    finally:
        process.kill()
        await process.wait()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("path", "cost"), [("/api/v1", 0.75), ("/v1", 0.0)], ids=["as OpenRouter", "as OpenAI"])
async def test_a_conversation_through_aimock(tmp_path: Path, path: str, cost: float) -> None:
    async with aimock(tmp_path) as address:
        url = address + path
        async with world(tmp_path, OPENROUTER_BASE_URL=url, OPENROUTER_API_KEY=KEY, OPENROUTER_MODEL="a/b") as here:
            (here.workspace / "release.md").write_text("Thursday\n")
            ts = await here.slack.say(here.general, here.alice, "<@BOT> What is the release date?")
            told = await here.reply(ts, ANSWER)
            await here.quiet()
            assert "Let me look." in "".join(reply.plain for reply in here.replies(ts))
            assert told.streaming is False
            [(spent, prompt, model)] = here.bot.rows("SELECT cost, prompt_tokens, model FROM turns")
            assert (spent, prompt, model) == (pytest.approx(cost), 280, "a/b")
            async with (
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
                session.get(f"{address}/__aimock/journal") as journal,
            ):
                asked = [each["body"] for each in await journal.json() if each["path"].endswith("/chat/completions")]
            assert len(asked) == 2
            assert asked[1]["messages"][: len(asked[0]["messages"])] == asked[0]["messages"]
            assert [each["role"] for each in asked[1]["messages"][-2:]] == ["assistant", "tool"]
            assert "Thursday" in str(asked[1]["messages"][-1]["content"])
