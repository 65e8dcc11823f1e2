"""`python -m slack_sandbox` as a process, with the apps of its README, each of them a process too."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from slack_sandbox.cli import main
from tests.harness import ROOT
from tests.sandbox.page.client import Viewer

pytestmark = pytest.mark.anyio

README = (ROOT / "slack_sandbox" / "README.md").read_text("utf-8")
PYTHON: dict[str, str] = dict(
    zip(("App", "AsyncApp"), re.findall(r"^```python\n(.*?)^```", README, re.M | re.S), strict=False)
)
(JAVASCRIPT,) = re.findall(r"^```js\n(.*?)^```", README, re.M | re.S)
PAGE = re.compile(r"^http://127\.0\.0\.1:\d+/[\w-]{20,}/$", re.MULTILINE)
SECONDS = 30.0


@dataclass
class Sandbox:
    """One running sandbox."""

    process: asyncio.subprocess.Process
    folder: Path
    said: str = ""
    """What it has written to standard error."""

    @property
    def printed(self) -> Path:
        """The file that its standard output goes to."""
        return self.folder / "sandbox.env"

    async def until(self, words: str | re.Pattern[str]) -> str:
        """Read on until a line fits. Out: that line."""
        assert self.process.stderr is not None
        async with asyncio.timeout(SECONDS):
            while line := (await self.process.stderr.readline()).decode():
                self.said += line
                if re.search(words, line):
                    return line.strip()
        raise AssertionError(f"no {words}: {self.said}")

    @asynccontextmanager
    async def page(self, address: str) -> AsyncGenerator[Viewer]:
        """The page, opened by Alice."""
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}live", origin=address[: address.index("/", 7)]) as connection,
        ):
            view = Viewer(connection)
            try:
                people = await view.until(lambda: view.facts["workspace"]["people"])
                view.person = next(each["id"] for each in people if each["name"] == "Alice Smith")
                await watch(view)
                yield view
            finally:
                await view.close()


@asynccontextmanager
async def started(folder: Path, *options: str) -> AsyncGenerator[Sandbox]:
    """The command, its standard output in a file as the README says."""
    with (folder / "sandbox.env").open("wb") as printed:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "slack_sandbox", "--no-open", *options),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=printed,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        yield Sandbox(process, folder)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def app(folder: Path, *command: str) -> AsyncGenerator[None]:
    """A Bolt app that is started as the README says, and killed in the end."""
    with (folder / "app.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", '. ./sandbox.env && exec "$@"', "sh", *command),
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def watch(view: Viewer, channel: str | None = None, thread: str | None = None) -> None:
    """Have the page show a channel and a thread."""
    await view.ask("watch", person=view.person, channel=channel, thread=thread, earlier=50, inspector=False)


async def assert_a_mention_is_answered(folder: Path, *command: str) -> None:
    """Start the sandbox and the app, mention the app in the page, and see its answer there."""
    async with started(folder) as sandbox:
        address = await sandbox.until(PAGE)
        await sandbox.until("^Ctrl-C ends it")
        async with app(folder, *command), sandbox.page(address) as view:
            try:
                await sandbox.until("The app has connected")
            except (AssertionError, TimeoutError) as problem:
                raise AssertionError((folder / "app.log").read_text()) from problem
            workspace = view.facts["workspace"]
            general = next(each["id"] for each in workspace["channels"] if each["name"] == "general")
            said = await view.ask("say", channel=general, text=f"<@{workspace['app']['user_id']}> hello")
            await watch(view, general, said)
            thread = f"thread:{general}/{said}"
            await view.until(lambda: len(view.facts[thread]["messages"]) == 2, "an answer")
            answer = view.facts[f"message:{general}/{view.facts[thread]['messages'][1]}"]["message"]
            assert answer["text"] == f"Hello <@{view.person}>!"
            assert answer["user"] == workspace["app"]["user_id"]


@pytest.mark.parametrize("kind", PYTHON)
async def test_the_python_app_of_the_readme_answers_a_mention(tmp_path: Path, kind: str) -> None:
    code = PYTHON[kind]
    assert f"app = {kind}(" in code
    (tmp_path / "app.py").write_text(code)
    await assert_a_mention_is_answered(tmp_path, sys.executable, "app.py")


@pytest.mark.timeout(300)
async def test_the_javascript_app_of_the_readme_answers_a_mention(tmp_path: Path) -> None:
    """@slack/bolt is that of the folder BOLT_JS (one that has node_modules), or fetched when CHECK_BOLT_JS is set."""
    modules = Path(os.environ.get("BOLT_JS", "absent")) / "node_modules"
    node, npm = shutil.which("node"), shutil.which("npm")
    if modules.is_dir():
        (tmp_path / "node_modules").symlink_to(modules.resolve())
    elif not os.environ.get("CHECK_BOLT_JS"):
        pytest.skip("neither CHECK_BOLT_JS nor BOLT_JS is set: fetching @slack/bolt takes npm and a registry")
    else:
        assert npm, "CHECK_BOLT_JS is set, but there is no npm"
        fetch = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "@slack/bolt@^5"]
        done = await asyncio.to_thread(subprocess.run, fetch, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert node, "there is no Node"
    (tmp_path / "app.js").write_text(JAVASCRIPT)
    await assert_a_mention_is_answered(tmp_path, node, "app.js")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_and_nothing_but_the_environment_is_on_its_standard_output(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with started(tmp_path, "--app-name", "Deploy Bot") as sandbox:
        address = await sandbox.until(PAGE)
        await sandbox.until("^Ctrl-C ends it")
        assert "A Slack for Deploy Bot is running" in sandbox.said
        async with aiohttp.ClientSession() as session:
            async with session.get(address) as page:
                assert page.status == 200
                assert "text/html" in page.headers["Content-Type"]
            async with session.get(address[: address.index("/", 7)] + "/") as keyless:
                assert keyless.status == 404
        sandbox.process.send_signal(number)
        _, rest = await asyncio.wait_for(sandbox.process.communicate(), SECONDS)
        assert sandbox.process.returncode == 0
        assert rest == b""
        names = [line.split("=")[0] for line in sandbox.printed.read_text().splitlines()]
        assert names == [f"export {name}" for name in ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_API_URL")]


def run(capfd: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    """The command in this process. Out: its exit code and what it printed."""
    try:
        code = main(["--no-open", *options])
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    said = capfd.readouterr()
    return code, said.out, said.err


def test_json_says_where_everything_is(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "--json", "--seconds", "0.01")
    assert (code, err) == (0, "")
    facts: Mapping[str, Any] = json.loads(out)
    assert PAGE.match(facts["page"])
    assert set(facts["environment"]) == {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_API_URL"}
    assert set(facts["people"]) == {"Alice", "Bob", "Carol", "Dana"}
    assert set(facts["channels"]) == {"general", "release", "finance", "partners"}


WRONG = {
    "--port x": "--port: there is no port x; name one from 1 to 65535, or 0 for any\n",
    "--api-port 65536": "--api-port: there is no port 65536; name one from 1 to 65535, or 0 for any\n",
    "--port 8080 --api-port 8080": "--api-port: the page has port 8080 already; name another one\n",
    "--seconds -1": "--seconds: -1 is not a number of seconds; write for example 60\n",
    "--seconds inf": "--seconds: inf is not a number of seconds; write for example 60\n",
    "--seconds": "--seconds: expected one argument\n",
    "--wrong": "there is no option --wrong; --help lists them\n",
    "--app-name= ": "--app-name: a name has 1 to 80 characters, all of them printable\n",
}


@pytest.mark.parametrize("options", WRONG)
def test_a_wrong_option_ends_it_with_one_sentence(capfd: pytest.CaptureFixture[str], options: str) -> None:
    assert run(capfd, *options.split(" ") if not options.endswith(" ") else [options]) == (2, "", WRONG[options])


@pytest.mark.parametrize("option", ["--port", "--api-port"])
def test_a_port_that_is_taken_is_named(capfd: pytest.CaptureFixture[str], option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, out, err = run(capfd, option, str(port))
    assert (code, out) == (2, "")
    assert err == f"{option}: {port} cannot be used (Address already in use); name another one\n"


def test_each_option_is_in_the_readme(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "--help")
    assert code == 0
    options = set(re.findall(r"--[a-z-]+", out)) - {"--help"}
    assert options == set(re.findall(r"`(--[a-z-]+)", README))
