"""`python -m bot try` as a process: it serves its page, uses nothing of a real bot's, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from slack_sandbox.openrouter import ModelSandbox, text
from slack_sandbox.trial import child_log, sample_workspace
from tests.forking import Forked, nursery
from tests.harness import FORKED, ROOT, processes
from tests.sandbox.page.client import Viewer

pytestmark = pytest.mark.anyio

T = TypeVar("T")
Process = asyncio.subprocess.Process | Forked
ADDRESS = re.compile(r"^http://127\.0\.0\.1:\d+/[\w-]{20,}/$", re.MULTILINE)
SECONDS = 30.0
OWN = {
    "SLACK_BOT_TOKEN": "xoxb-of-the-person",
    "SLACK_API_URL": "http://127.0.0.1:9/",
    "DATABASE_URL": "sqlite:////nowhere/real.db",
    "BOT_WORKSPACE": "/nowhere",
    "BOT_CONFIG": "/nowhere/bot.toml",
    "MCP_CONFIG": "/nowhere/mcp.json",
}
"""Settings of a bot that the person runs for real."""


async def until(
    condition: Callable[[], T], what: str, seconds: float = SECONDS, there: Callable[[], str] = lambda: ""
) -> T:
    """The first true value of a condition on facts of the page, on processes or on files."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = condition()
        except (KeyError, IndexError):  # the page has not been told of it yet
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, f"no {what}\n{there()}"
        await asyncio.sleep(0.02)


@dataclass
class Trial:
    """One running `try`, and what it printed."""

    process: Process
    out: str = ""
    err: str = ""
    tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    @property
    def address(self) -> str:
        found = ADDRESS.search(self.out)
        return found[0] if found else ""

    @property
    def workspace(self) -> Path:
        found = re.search(r"^Files:  (\S+)", self.out, re.MULTILINE)
        assert found, self.out
        return Path(found[1])

    async def until(self, condition: Callable[[], T], what: str, seconds: float = SECONDS) -> T:
        return await until(condition, what, seconds, lambda: f"{self.out}\n{self.err}")

    async def ended(self, seconds: float = SECONDS) -> int:
        """Wait for its end, and for all it has printed."""
        async with asyncio.timeout(seconds):
            code = await self.process.wait()
            await asyncio.gather(*self.tasks)
        return code

    @asynccontextmanager
    async def page(self) -> AsyncGenerator[Viewer]:
        """A page that is open, as Alice."""
        origin = self.address[: self.address.index("/", 7)]
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self.address}live", origin=origin, max_msg_size=0) as connection,
        ):
            view = Viewer(connection)
            try:
                people = await until(lambda: view.facts["workspace"]["people"], "people")
                view.person = next(person["id"] for person in people if person["name"] == "Alice Smith")
                await look(view, None)
                await until(lambda: "me" in view.facts and "bot" in view.facts, "facts")
                yield view
            finally:
                await view.close()


async def _keep(trial: Trial, reading: int, name: str) -> None:
    stream = asyncio.StreamReader()
    pipe = os.fdopen(reading, "rb")
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
    while line := await stream.readline():
        setattr(trial, name, getattr(trial, name) + line.decode("utf-8", "replace"))


@asynccontextmanager
async def begun(home: Path, *arguments: str, forked: bool = FORKED, **environment: str) -> AsyncGenerator[Trial]:
    """The command, in a folder; killed in the end if it is still there. In: whether it is forked from a process that
    has loaded its modules, and its bot too; else they are started as a person starts them."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    told = {**kept, "HOME": str(home), "TMPDIR": str(home), "PYTHONPATH": str(ROOT), **environment}
    argv = ("try", "--no-open", *arguments)
    (out, writes_out), (err, writes_err) = os.pipe(), os.pipe()
    try:
        if forked:
            process: Process = nursery().start(home, told, (writes_out, writes_err), argv=argv)
        else:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot", *argv),
                cwd=home,
                env=told,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writes_out,
                stderr=writes_err,
            )
    finally:
        os.close(writes_out)
        os.close(writes_err)
    trial = Trial(process)
    trial.tasks = [asyncio.create_task(_keep(trial, *stream)) for stream in ((out, "out"), (err, "err"))]
    try:
        yield trial
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await asyncio.gather(*trial.tasks)


@asynccontextmanager
async def tried(home: Path, *arguments: str, forked: bool = FORKED, **environment: str) -> AsyncGenerator[Trial]:
    """The command once it has printed its address."""
    async with begun(home, *arguments, forked=forked, **environment) as trial:
        await trial.until(lambda: trial.address or trial.process.returncode is not None, "address")
        assert trial.address, trial.err
        yield trial


async def asked(view: Viewer, words: str) -> str:
    """Alice mentions the bot in #general; out: the thread, which the page watches from then on."""
    where, bot = general(view), view.facts["workspace"]["app"]["user_id"]
    said = await view.ask("say", channel=where, text=f"<@{bot}> {words}")
    thread = str(said["ts"] if isinstance(said, dict) else said)
    await look(view, thread)
    return thread


async def look(view: Viewer, thread: str | None) -> None:
    """Have the page show #general and perhaps a thread, with the inspector open."""
    where = general(view) if thread else None
    await view.ask("watch", person=view.person, channel=where, thread=thread, earlier=50, inspector=True)


async def steer(view: Viewer, what: str) -> str:
    """Start, stop, restart or kill the bot; out: why not, empty when it is done."""
    answer = await view.send({"do": "bot", "as": view.person, "what": what})
    return "" if answer["ok"] else answer["error"]


def general(view: Viewer) -> str:
    """The channel's id."""
    return next(each["id"] for each in view.facts["workspace"]["channels"] if each["name"] == "general")


async def reply(view: Viewer, thread: str, words: str) -> Mapping[str, Any]:
    """Wait for a message with these words in the thread."""

    def found() -> Mapping[str, Any] | None:
        where = general(view)
        for ts in view.facts[f"thread:{where}/{thread}"]["messages"][1:]:
            fact = view.facts[f"message:{where}/{ts}"]
            if words in str(fact["message"]):
                return fact["message"]
        return None

    message = await until(found, f"a reply with {words!r}")
    assert message is not None
    return message


def alive(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_newcomer_gets_a_page_an_answer_and_an_approved_change_and_nothing_is_left_behind(
    tmp_path: Path,
) -> None:
    for name in ("bot.toml", "mcp.json"):
        (tmp_path / name).write_text("not meant for a trial = [")
    async with tried(tmp_path, forked=False, **OWN) as trial, aiohttp.ClientSession() as session:
        async with session.get(trial.address) as answer:
            assert answer.status == 200
        async with trial.page() as view:
            bot = view.facts["bot"]
            assert (bot["state"], bot["model"]["kind"], bot["folder"]) == ("running", "offline", str(trial.workspace))
            # Where the trial's own modules are the bot's are looked for first, also where nothing is installed.
            assert search_path(bot["pid"])[0] == str(ROOT)
            thread = await asked(view, 'tick off "tag" in release.md')
            card = await reply(view, thread, "Waiting for you")
            assert "- [ ] tag" in (trial.workspace / "release.md").read_text()
            row = next(block for block in card["blocks"] if block["type"] == "actions")
            where = {"channel": general(view), "ts": card["ts"], "block_id": row["block_id"]}
            await view.ask("act", **where, action_id=row["elements"][0]["action_id"])
            await reply(view, thread, "Done")
        assert "- [x] tag" in (trial.workspace / "release.md").read_text()
        home = trial.workspace.parent
        assert processes(str(home)), "the filesystem server"
        trial.process.send_signal(signal.SIGTERM)
        assert await trial.ended() == 0
        assert not home.exists()
        assert processes(str(home)) == []
        assert not alive(bot["pid"])
        assert trial.err == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bot.toml", "mcp.json"]


async def test_ctrl_c_ends_it_with_code_0_also_before_it_is_ready(tmp_path: Path) -> None:
    async with tried(tmp_path) as trial:
        trial.process.send_signal(signal.SIGINT)
        assert await trial.ended() == 0
    async with begun(tmp_path, "--folder", str(tmp_path / "kept"), forked=False) as trial:
        await trial.until((tmp_path / "kept" / "workspace" / "release.md").exists, "folder")
        trial.process.send_signal(signal.SIGINT)
        assert await trial.ended() == 0
        assert "Traceback" not in trial.err


async def test_no_process_outlives_a_launcher_that_is_killed_not_even_a_frozen_bot(tmp_path: Path) -> None:
    async with tried(tmp_path, "--folder", str(tmp_path / "kept")) as trial:
        async with trial.page() as view:
            pid = view.facts["bot"]["pid"]
            await trial.until(lambda: processes(str(tmp_path / "kept")), "server")
            await view.ask("fault", kind="process_freeze", number=100)
        trial.process.kill()
        await trial.until(lambda: not alive(pid) and not processes(str(tmp_path / "kept")), "end of all processes", 15)


async def test_the_page_starts_stops_restarts_and_kills_the_bot_and_sees_it_crash(tmp_path: Path) -> None:
    async with tried(tmp_path) as trial, trial.page() as view:

        def bot() -> Any:
            return view.facts["bot"]

        first = bot()["pid"]
        assert bot()["ready_seconds"] > 0
        assert "running already" in await steer(view, "start")
        assert await steer(view, "restart") == ""
        await until(lambda: bot()["state"] == "running" and bot()["pid"] != first, "another process")
        assert not alive(first)
        assert await steer(view, "kill") == ""
        await until(lambda: bot()["state"] == "stopped" and bot()["pid"] is None, "a killed bot")
        assert "not running" in await steer(view, "stop")
        assert await steer(view, "start") == ""
        await until(lambda: bot()["state"] == "running", "a bot that was started")
        os.kill(bot()["pid"], signal.SIGABRT)
        await until(lambda: bot()["state"] == "crashed", "a crash")
        assert "signal 6" in bot()["log"][-1]
        await trial.until(lambda: "The bot has ended by itself" in trial.err, "word of it in the terminal")
        assert await steer(view, "start") == ""
        await until(lambda: bot()["state"] == "running", "a bot that was started")
        assert any("ready as" in line for line in bot()["log"])
        thread = await asked(view, "list the files")
        await reply(view, thread, "release.md")


async def test_faults_of_processes_are_seen_and_overcome(tmp_path: Path) -> None:
    async with tried(tmp_path) as trial, trial.page() as view:
        thread = await asked(view, "list the files")
        await reply(view, thread, "release.md")
        [server] = [
            pid for pid in processes("server-filesystem") if alive(pid) and str(trial.workspace) in command(pid)
        ]
        await view.ask("fault", kind="process_kill_server")
        await trial.until(lambda: not alive(server), "a killed server")
        pid = view.facts["bot"]["pid"]
        await view.ask("fault", kind="process_kill_bot")
        await until(lambda: view.facts["bot"]["state"] == "running" and view.facts["bot"]["pid"] != pid, "a new bot")
        await view.ask("fault", kind="process_freeze", number=60)
        await until(lambda: [on["kind"] for on in view.facts["faults"]["active"]] == ["process_freeze"], "the fault")
        await view.ask("clear_fault", fault=None)
        await until(lambda: not view.facts["faults"]["active"], "no fault")
        thread = await asked(view, "read plan.md")
        await reply(view, thread, "offline maps")


def search_path(pid: int) -> list[str]:
    """The folders in which a process looks for modules first."""
    variables = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return next(each for each in variables if each.startswith("PYTHONPATH=")).partition("=")[2].split(os.pathsep)


def command(pid: int) -> str:
    """The command line of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


async def test_with_a_key_the_real_model_answers_through_the_relay_and_the_inspector_sees_it(tmp_path: Path) -> None:
    async with ModelSandbox(api_key="sk-or-v1-real", models=("maker/model",)) as upstream:
        upstream.respond = lambda request: text("I am the real one.")
        (tmp_path / ".env").write_text(f"OPENROUTER_API_KEY=sk-or-v1-real\nOPENROUTER_BASE_URL={upstream.base_url}\n")
        async with tried(tmp_path, OPENROUTER_MODEL="maker/model") as trial, trial.page() as view:
            assert view.facts["bot"]["model"] == {"kind": "real", "name": "maker/model"}
            thread = await asked(view, "hello")
            await reply(view, thread, "I am the real one.")
            await until(
                lambda: any(key.startswith("entry:") and fact["kind"] == "model" for key, fact in view.facts.items()),
                "the request in the inspector",
            )
            assert "sk-or-v1-real" not in str(view.facts)
            assert "maker/model" in trial.out


async def test_a_key_that_is_refused_ends_it_with_the_bots_sentence(tmp_path: Path) -> None:
    async with (
        ModelSandbox(api_key="sk-or-v1-another") as upstream,
        begun(tmp_path, OPENROUTER_API_KEY="sk-or-v1-wrong", OPENROUTER_BASE_URL=upstream.base_url) as trial,
    ):
        assert await trial.ended() == 2
        assert trial.err.startswith("OPENROUTER_API_KEY: 127.0.0.1 does not accept it")
        assert len(trial.err.splitlines()) == 2
        assert "offline" in trial.err
        assert "wrong" not in trial.err
        assert trial.out == ""


async def test_a_folder_that_no_trial_has_made_is_left_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "bot.db").write_text("a real bot's")
    async with begun(tmp_path, "--folder", "data") as trial:
        assert await trial.ended() == 2
        assert trial.err.startswith("--folder: data has files in it that no trial has made")
    assert [path.name for path in data.iterdir()] == ["bot.db"]
    assert (data / "bot.db").read_text() == "a real bot's"


async def test_a_replay_that_is_interrupted_has_not_passed(tmp_path: Path) -> None:
    arguments = ("--scenario", "tour", "--exit", "--pace", "60")
    async with tried(tmp_path, *arguments) as trial:
        trial.process.send_signal(signal.SIGTERM)
        assert await trial.ended() == 130


WRONG = {
    "a folder below a file": (["--folder", "file/below"], "--folder: "),
    "a workspace that is not there": (["--workspace", "nowhere"], "--workspace: there is no folder nowhere"),
    "a scenario that is not there": (["--scenario", "nowhere"], "--scenario: there is no file nowhere; "),
    "a scenario that is none": (["--scenario", "file"], "--scenario: file: it is not TOML"),
    "no such port": (["--port", "70000"], "--port: 70000 is not a port"),
    "a configuration of the bot that is none": (["--bot-config", "file"], "BOT_CONFIG: "),
    "--exit without a scenario": (["--exit"], "--exit: "),
}


@pytest.mark.parametrize("mistake", WRONG)
async def test_what_cannot_be_is_told_in_one_sentence(tmp_path: Path, mistake: str) -> None:
    arguments, begins = WRONG[mistake]
    (tmp_path / "file").write_text("neither this nor that [")
    async with begun(tmp_path, *arguments) as trial:
        assert await trial.ended() == 2
        assert trial.err.startswith(begins), trial.err
        assert len(trial.err.splitlines()) == 1, trial.err
        assert trial.out == ""


async def test_a_port_that_is_taken_is_told_in_one_sentence_that_names_the_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with begun(tmp_path, "--port", str(port)) as trial:
            assert await trial.ended() == 2
            assert re.fullmatch(rf"--port: {port} cannot be used \(.*\)\. Name another one\.\n", trial.err), trial.err


async def test_a_named_folder_keeps_its_files_and_is_used_by_one_trial_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    async with tried(tmp_path, "--folder", str(folder)) as trial:
        (folder / "workspace" / "release.md").write_text("mine")
        (folder / "workspace" / "plan.md").unlink()
        async with begun(tmp_path, "--folder", "kept") as second:
            assert await second.ended() == 2
            assert second.err.startswith("--folder: another trial is using ")
        trial.process.send_signal(signal.SIGTERM)
        assert await trial.ended() == 0
    database = (folder / "bot.db").read_bytes()
    async with tried(tmp_path, "--folder", str(folder)) as trial, trial.page() as view:
        thread = await asked(view, "read release.md")
        await reply(view, thread, "mine")
        assert not (folder / "workspace" / "plan.md").exists()
    [earlier] = (folder / "earlier").iterdir()
    assert (earlier / "bot.db").read_bytes() == database
    assert "ready as" in (earlier / "bot.log").read_text()


async def test_a_workspace_of_ones_own_gets_nothing_of_the_sample(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "poem.txt").write_text("Roses are red")
    async with tried(tmp_path, "--workspace", "mine") as trial, trial.page() as view:
        thread = await asked(view, "read poem.txt")
        await reply(view, thread, "Roses are red")
        trial.process.send_signal(signal.SIGTERM)
        assert await trial.ended() == 0
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["poem.txt"]


async def test_the_terminal_gets_warnings_and_last_words_and_never_a_traceback(tmp_path: Path) -> None:
    told: list[str] = []
    log = child_log.ChildLog(tmp_path / "bot.log", told.append, lambda: None)
    head = "2026-11-22 10:00:00,000"
    lives = (
        ["DATABASE_URL: it is wrong"],
        ["Traceback (most recent call last):", "  File x", "    y", "OSError: no"],
        [f"{head} INFO bot: ready", "more of it", f"{head} WARNING bot: careful", "Traceback (most recent call last):"],
        ['{"time": "t", "level": "info", "message": "quiet"}', '{"time": "t", "level": "error", "message": "loud"}'],
    )
    for life in lives:
        with os.fdopen(log.pipe(), "w") as writing:
            writing.write("\n".join(life))
        await log.drained()
    assert told == [
        "DATABASE_URL: it is wrong",
        "OSError: no",
        f"{head} WARNING bot: careful",
        '{"time": "t", "level": "error", "message": "loud"}',
    ]
    await asyncio.sleep(0)
    assert log.lines == [line for life in lives for line in life]
    for number in range(child_log.LINES * 2):
        log.add(str(number))
    assert len(log.lines) == child_log.LINES


def test_the_sample_is_in_the_package_and_names_nobody_who_is_not_there() -> None:
    names = sorted(
        path.name for path in (ROOT / "slack_sandbox" / "trial" / "sample_files").rglob("*") if path.is_file()
    )
    assert 7 <= len(names) <= 12
    named = [re.search(r"\b[\w/]+\.(?:md|csv|txt|toml)\b", example) for example in sample_workspace.EXAMPLES]
    assert {Path(found[0]).name for found in named if found} <= set(names)


@pytest.mark.alone
async def test_a_warm_start_to_the_page_and_the_open_socket_takes_less_than_three_seconds(tmp_path: Path) -> None:
    async with tried(tmp_path, forked=False) as trial:
        trial.process.send_signal(signal.SIGTERM)
        await trial.ended()
    began = time.monotonic()
    async with tried(tmp_path, forked=False):
        assert time.monotonic() - began < 3
