"""One bot in a benchmark: runs it as a process with its own sandboxes, measures its turns and checks the answers."""

from __future__ import annotations

import asyncio
import gc
import os
import re
import signal
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.tools.filesystem import default_server
from slack_sandbox.journal import ApiCall
from slack_sandbox.openrouter import Answer, ChatRequest, ModelSandbox, call, calls, text
from slack_sandbox.slack import SlackSandbox

ROUND_SECONDS = 60.0
START_SECONDS = 30.0
QUIET_SECONDS = 0.1
FILES = 20
TICK = os.sysconf("SC_CLK_TCK")

ASKED = re.compile(r"turn (\d+): .* (/\S+\.txt)")
SAID = re.compile(r"turn (\d+): the secret is (\w+)")
SECRET = re.compile(r"secret: (\w+)")
FILLER = "The note was read in full; the rest of it is about other things and can be left aside. "
WORDS = {"ours": "our bot", "plain": "plain bot"}


class BenchError(Exception):
    """A turn failed, so its figures would be meaningless."""


class Process(Protocol):
    """The process of a bot: asyncio's class or one with the same interface."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """None while it runs."""

    def send_signal(self, signal: int) -> None:
        """Send a signal to the process."""

    async def wait(self) -> int:
        """Wait until the process has ended."""
        ...


async def launch(command: Sequence[str], home: Path, environment: Mapping[str, str]) -> Process:
    """Start a process in its folder, with its output in the file `log` there."""
    with (home / "log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            *command, cwd=home, env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one round of one bot."""

    cpu_ms: float
    tree_ms: float
    rate: float
    first_ms: float
    first_p95_ms: float
    standins_ms: float
    """CPU time of this process for a turn, which limits the rate."""


TITLES = {
    "cpu_ms": "CPU a turn, bot alone (ms)",
    "tree_ms": "CPU a turn, with children (ms)",
    "rate": "turns a second",
    "first_ms": "to first request, median (ms)",
    "first_p95_ms": "to first request, p95 (ms)",
    "standins_ms": "CPU a turn, the sandboxes (ms)",
}


@dataclass(frozen=True, slots=True)
class Replies:
    """How the model answers."""

    latency: float
    chunks: int

    def decide(self, request: ChatRequest) -> Answer:
        """Call the tool that reads a file, then answer with its content. Takes `latency` seconds, streamed or not."""
        asked = ASKED.search(request.said)
        if asked is None:
            raise BenchError(f"the model was not asked what was said: {request.said!r}")
        first = self.latency / 2 if request.stream else self.latency
        delay = self.latency / 2 / self.chunks if request.stream else 0.0
        if not request.results:
            names = [tool["function"]["name"] for tool in request.tools]
            name = next(name for name in names if name.endswith("read_text_file"))
            return calls(call(name, {"path": asked[2]}), first_token=first, delay=delay)
        secret = SECRET.search(request.results[0])
        if secret is None:
            raise BenchError(f"the file has not reached the model: {request.results[0]!r}")
        answer = f"turn {asked[1]}: the secret is {secret[1]}. {FILLER * 4}".strip()
        return text(answer, chunks=self.chunks, first_token=first, delay=delay)


class Side:
    """One bot with its sandboxes, and the state of its turns."""

    def __init__(
        self, name: str, slack: SlackSandbox, model: ModelSandbox, home: Path, notes: dict[Path, str], latency: float
    ) -> None:
        self.name = name
        self.slack, self.model = slack, model
        self.process: Process | None = None
        self._home = home
        self._notes = list(notes.items())
        self._latency = latency
        self.person = slack.add_person("Alice Smith")
        self.channel = slack.add_channel("general", members=[self.person])
        self._said_at: list[float] = []
        self._roots: list[str] = []
        self._answered: list[asyncio.Future[None]] = []
        self._first: dict[int, float] = {}
        self._answers: list[set[str]] = []
        """The timestamps of the messages that answer each turn."""
        for method in ("chat.postMessage", "chat.update", "chat.stopStream"):
            slack.on_call(method, after=self._posted)
        model.on_request(before=self._requested)

    async def start(self, workspace: Path) -> None:
        """Start the process and wait for its socket. Raises BenchError if it does not open one."""
        command = [sys.executable, "-m", "bot"]
        if self.name == "plain":
            self.slack.subscriptions.intersection_update({"app_mention"})
            program, arguments = default_server.command(workspace)
            command = [sys.executable, str(Path(__file__).with_name("plain_bot.py")), program, *arguments]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self._home),
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "OPENROUTER_API_KEY": self.model.api_key,
            "OPENROUTER_BASE_URL": self.model.base_url,
            "OPENROUTER_MODEL": "sandbox/model",
            "DATABASE_URL": f"sqlite:///{self._home}/bot.db",
            "BOT_WORKSPACE": str(workspace),
        }
        self.process = await launch(command, self._home, environment)
        try:
            await self.slack.connected(START_SECONDS)
        except AssertionError:
            raise BenchError(f"{WORDS[self.name]} did not start\n{self.log()}") from None

    @property
    def pid(self) -> int:
        """The id of the process, which must have been started."""
        assert self.process is not None
        return self.process.pid

    async def tools(self, seconds: float = ROUND_SECONDS) -> None:
        """Wait until the MCP server is up: on a busy machine that may take longer than a turn waits."""
        async with asyncio.timeout(seconds):
            while "is up with" not in self.log():
                await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """End the process."""
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self.process.wait(), 15)
        except TimeoutError:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    def log(self) -> str:
        """Return the end of the process's output."""
        return (self._home / "log").read_text("utf-8", "replace")[-3000:]

    async def round(self, threads: int, turns: int) -> Figures:
        """Run this many turns in new threads, `threads` of them concurrently. Raises BenchError."""
        assert self.process is not None
        pid, begin = self.process.pid, len(self._roots)
        left = iter(range(turns))

        async def person() -> None:
            for _ in left:
                await self.turn()

        gc.collect()
        cpu, tree, standins, began = cpu_of(pid), cpu_of_tree(pid), time.process_time(), time.monotonic()
        try:
            async with asyncio.timeout(ROUND_SECONDS + 3 * self._latency * (turns / threads + 1)):
                await asyncio.gather(*(person() for _ in range(threads)))
                seconds = time.monotonic() - began
                sent = self.slack.envelopes
                await self.slack.until(lambda: all(one.acked_at for one in sent), ROUND_SECONDS)
                await asyncio.sleep(QUIET_SECONDS)
        except TimeoutError:
            done = sum(future.done() for future in self._answered[begin:])
            raise BenchError(f"{WORDS[self.name]}: {done} of {turns} turns ended\n{self.log()}") from None
        cpu, tree, standins = cpu_of(pid) - cpu, cpu_of_tree(pid) - tree, time.process_time() - standins
        first = [self._first[number] * 1000 for number in range(begin, begin + turns)]
        self.check()
        self.model.requests.clear()
        self.slack.calls.clear()
        self.slack.envelopes.clear()
        return Figures(
            cpu_ms=cpu / turns * 1000,
            tree_ms=tree / turns * 1000,
            rate=turns / seconds,
            first_ms=statistics.median(first),
            first_p95_ms=sorted(first)[min(len(first) - 1, int(len(first) * 0.95))],
            standins_ms=standins / turns * 1000,
        )

    def check(self) -> None:
        """Raise BenchError unless every turn so far was answered once and no request was refused."""
        wrong = [
            f"turn {number} was answered {len(messages)} times"
            for number, messages in enumerate(self._answers)
            if len(messages) != 1
        ]
        wrong += [f"Slack refused {refused.method}: {refused.response}" for refused in self.slack.rejected]
        wrong += self.model.violations
        if wrong:
            raise BenchError(f"{WORDS[self.name]}: {'; '.join(wrong[:5])}\n{self.log()}")

    async def turn(self, root: str = "") -> str:
        """Ask in a new thread or in `root`, and wait for the answer. Returns the thread's timestamp."""
        number = len(self._roots)
        path, _ = self._notes[number % len(self._notes)]
        self._answered.append(asyncio.get_running_loop().create_future())
        self._answers.append(set())
        self._said_at.append(time.monotonic())
        self._roots.append(root)
        words = f"<@BOT> turn {number}: what is the secret in {path}"
        ts = await self.slack.say(self.channel, self.person, words, thread_ts=root or None)
        self._roots[number] = root or ts
        await self._answered[number]
        return self._roots[number]

    def _requested(self, request: ChatRequest) -> None:
        asked = ASKED.search(request.said)
        if asked is not None:
            self._first.setdefault(int(asked[1]), request.at - self._said_at[int(asked[1])])

    def _posted(self, posted: ApiCall) -> None:
        ts = str(posted.response.get("ts"))
        shown = self.channel.messages.get(ts) if posted.response.get("ok") else None
        said = SAID.search(shown.plain) if shown is not None else None
        if shown is None or said is None:
            return
        number = int(said[1])
        _, secret = self._notes[number % len(self._notes)]
        if said[2] == secret and shown.thread_ts == self._roots[number]:
            self._answers[number].add(ts)
            if not self._answered[number].done():
                self._answered[number].set_result(None)


def cpu_of(pid: int) -> float:
    """Return the user and system time of a process in seconds; 0 if it no longer exists."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def cpu_of_tree(pid: int) -> float:
    """Return the CPU time of a process and its running descendants, in seconds."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(cpu_of(member) for member in family)
