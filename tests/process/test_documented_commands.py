"""The commands of the documentation, run as a reader would: page by page, in order, in a folder like a checkout.

Those of blocks that are marked `sh run`. The database is one that a bot has written; instead of npx, which would fetch
the filesystem server, there is one that starts the installed one. Only the commands of one page start Python again.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest

from bot.tools.filesystem import default_server
from slack_sandbox.openrouter import call, calls, text
from tests.forked_python import forked_python
from tests.harness import FORKED
from tests.inprocess.world import inside
from tests.pages import PAGES, ROOT, blocks

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120), pytest.mark.usefixtures("python")]

COMMANDS = {page: [body for _, marks, body in blocks(page) if marks == "run"] for page in PAGES}
RUN = [page for page, bodies in COMMANDS.items() if bodies]
WITH_THE_REAL_PYTHON = "docs/approvals.md"
NPX = """#!/bin/sh
[ "$1 $2" = "-y {package}@{version}" ] || exit 9
shift 2
exec "{node}" "{server}" "$@"
"""


@pytest.fixture(scope="module")
async def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database in which something was asked, approved and run."""
    home = tmp_path_factory.mktemp("bot")
    async with inside(home) as here:
        write = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "hello"})
        here.model.script(calls(write), text("Written."))
        ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
        await here.slack.click(await here.reply(ts, "Waiting for you"), "Approve", by=here.alice)
        await here.reply(ts, "Written.")
        await here.quiet()
    return home / "bot.db"


@pytest.fixture
def checkout(tmp_path: Path, database: Path) -> Path:
    """A folder with what the commands need of a checkout."""
    for name in (".env.example", "bot.toml.example", "mcp.json.example"):
        (tmp_path / name).write_text((ROOT / name).read_text("utf-8"))
    (tmp_path / "data").mkdir()
    with sqlite3.connect(database) as source, sqlite3.connect(tmp_path / "data" / "bot.db") as copy:
        source.backup(copy)
    source.close()
    copy.close()
    server = Path(sys.prefix) / "share/bot-node/node_modules" / default_server.PACKAGE / "dist/index.js"
    npx = tmp_path / "bin" / "npx"
    npx.parent.mkdir()
    values = {"package": default_server.PACKAGE, "version": default_server.pinned_version(), "server": server}
    npx.write_text(NPX.format(**values, node=default_server.node()))
    npx.chmod(0o755)
    return tmp_path


@pytest.fixture
async def python(request: pytest.FixtureRequest, checkout: Path) -> AsyncGenerator[None]:
    """The virtual environment of the checkout."""
    page = request.node.callspec.params["page"] if hasattr(request.node, "callspec") else ""
    if page == WITH_THE_REAL_PYTHON or not FORKED:
        (checkout / ".venv").symlink_to(sys.prefix)
        yield
        return
    (checkout / ".venv" / "bin").mkdir(parents=True)
    async with forked_python(checkout / ".venv" / "bin" / "python"):
        yield


def environment(checkout: Path) -> Mapping[str, str]:
    return {"HOME": str(checkout), "PATH": f"{checkout}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


async def run(checkout: Path, commands: str) -> str:
    """Run commands in a shell that ends with the first that fails. Out: what they said."""
    process = await asyncio.create_subprocess_exec(
        *("/bin/sh", "-eux", "-c", commands),
        cwd=checkout,
        env=environment(checkout),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.parametrize("page", RUN)
async def test_the_commands_of_a_page_succeed_in_their_order(page: str, checkout: Path) -> None:
    if page == "docs/policy.md":
        (checkout / "bot.toml").write_text(next(body for language, _, body in blocks(page) if language == "toml"))
    for body in COMMANDS[page]:
        said = await run(checkout, body)
        assert "Traceback" not in said
        assert "No records" not in said


async def test_the_output_that_the_policy_page_shows_is_what_doctor_prints(checkout: Path) -> None:
    page = {language: body for language, _, body in blocks("docs/policy.md")}
    (checkout / "bot.toml").write_text(next(body for kind, _, body in blocks("docs/policy.md") if kind == "toml"))
    said = (await run(checkout, COMMANDS["docs/policy.md"][0])).splitlines()
    for line in page["text"].strip().splitlines():
        assert line in said


async def test_a_restored_backup_has_all_records(checkout: Path) -> None:
    before = await run(checkout, ".venv/bin/python -m bot audit --json")
    for body in COMMANDS["docs/operations.md"][:3]:
        await run(checkout, body)
    assert await run(checkout, ".venv/bin/python -m bot audit --json") == before
    assert before.count("\n") > 3
