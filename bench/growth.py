"""Compares the cost of a turn in a long thread with one in a short thread and with merely sending the bytes.

    python bench/growth.py                              threads of 40 and of 1,200 messages, five rounds
    python bench/growth.py --long 5000 --rounds 3 --json figures.json

One bot (`python -m bot`) has as many threads of each length as a round has turns. The threads are started by talking to
the bot; then the bot is stopped, further turns are written to its database (`longer.py`), and the bot is started again.
A round is one turn in each short thread and one in each long thread, in sequence. A process that does nothing else
(`sender.py`) then sends the same bytes again with the bot's HTTP client.

A model needs the whole log in each request, so the bytes grow with the thread whatever the bot does. The relevant
figure is the rest:

    beyond the bytes sent = (CPU of a long turn - (sending a long turn's bytes - sending a short turn's bytes))
                            / CPU of a short turn

The first round follows the start directly, when no log is in memory, and is reported separately. A click approves a
write in each thread; it is measured from the press to the acknowledgement.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from common import measurable, parser_of
from longer import grow
from side import FILLER, ROUND_SECONDS, BenchError, Replies, Side, cpu_of

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Answer, ChatRequest, ModelSandbox, call, calls, text
from slack_sandbox.slack import SlackSandbox

SETTLE_SECONDS = 0.4
"""Seconds to wait after a turn, while its last posts are recorded."""
WRITE = re.compile(r"please write (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Round:
    """CPU time of a turn, in milliseconds."""

    short: float
    long: float
    sending_short: float
    sending_long: float

    @property
    def beyond(self) -> float:
        """The ratio beyond the bytes sent (see above)."""
        return (self.long - (self.sending_long - self.sending_short)) / max(self.short, 1e-9)


@dataclass
class Found:
    """All figures."""

    lengths: tuple[int, int] = (0, 0)
    bytes_sent: tuple[int, int] = (0, 0)
    """Bytes sent by a turn, at the end."""
    first: Round | None = None
    rounds: list[Round] = field(default_factory=list[Round])
    clicks: tuple[list[float], list[float]] = ([], [])
    """Milliseconds, in short and in long threads."""


def decide(request: ChatRequest) -> Answer:
    """Call the tool that writes a file when asked to, and otherwise answer as in the other benchmark."""
    wanted = WRITE.search(request.said)
    if wanted is None:
        return Replies(0.0, 20).decide(request)
    if request.results:
        return text("Written.")
    return calls(call("filesystem__write_file", {"path": wanted[1], "content": "written"}))


class Bench:
    """The bot and the sender."""

    def __init__(self, home: Path, side: Side, sender: asyncio.subprocess.Process, turns: int) -> None:
        self._home, self._side, self._sender, self._turns = home, side, sender, turns
        self.bodies: dict[str, list[bytes]] = {}

    async def turns(self, roots: Sequence[str], name: str) -> float:
        """Run a turn in each of these threads. Returns the CPU time of a turn."""
        side = self._side
        assert side.process is not None
        pid = side.process.pid

        async def work() -> None:
            for root in roots:
                side.model.requests.clear()
                side.slack.calls.clear()
                await side.turn(root)
            await asyncio.sleep(SETTLE_SECONDS)

        cpu = await spent(pid, work)
        side.check()
        self.bodies[name] = [request.body for request in side.model.requests]
        return cpu / len(roots)

    async def sending(self, name: str) -> float:
        """Send the bytes of a turn again. Returns the CPU time."""
        files = [self._home / f"{name}-{number}" for number in range(len(self.bodies[name]))]
        for file, body in zip(files, self.bodies[name], strict=True):
            file.write_bytes(body)
        assert self._sender.stdin is not None
        assert self._sender.stdout is not None
        stdin, stdout = self._sender.stdin, self._sender.stdout

        async def work() -> None:
            stdin.write(f"{self._turns} {' '.join(map(str, files))}\n".encode())
            if await asyncio.wait_for(stdout.readline(), ROUND_SECONDS) != b"sent\n":
                raise BenchError("the sender has ended")

        return await spent(self._sender.pid, work) / self._turns

    async def round(self, short: Sequence[str], long: Sequence[str]) -> Round:
        """Measure one round."""
        figures = await self.turns(short, "short"), await self.turns(long, "long")
        return Round(*figures, await self.sending("short"), await self.sending("long"))

    async def click(self, root: str, path: Path) -> float:
        """Return the milliseconds from the press of a button to its acknowledgement."""
        side = self._side
        await side.slack.say(side.channel, side.person, f"<@BOT> please write {path}", thread_ts=root)

        def card() -> Message | None:
            last = side.slack.thread(side.channel, root)[-1]
            return last if "Approve" in json.dumps(last.blocks) else None

        await side.slack.until(card, ROUND_SECONDS, "a card")
        shown = card()
        assert shown is not None
        # Clean up after the requests before the measurement.
        side.model.requests.clear()
        await asyncio.sleep(SETTLE_SECONDS)
        gc.collect()
        began = time.perf_counter()
        await side.slack.click(shown, "approval.approved", by=side.person)
        took = time.perf_counter() - began
        await side.slack.until(lambda: side.slack.thread(side.channel, root)[-1].text == "Written.", ROUND_SECONDS)
        await asyncio.sleep(SETTLE_SECONDS)
        return took * 1000


async def spent(pid: int, work: Callable[[], Awaitable[None]]) -> float:
    """Return the CPU time, in milliseconds, that a process uses while `work` runs."""
    gc.collect()
    before = cpu_of(pid)
    await work()
    return (cpu_of(pid) - before) * 1000


async def measure(lengths: tuple[int, int], rounds: int, turns: int) -> Found:
    """Measure everything. Raises BenchError."""
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))).resolve()
        workspace = home / "workspace"
        workspace.mkdir()
        note = workspace / "note.txt"
        secret = secrets.token_hex(8)
        note.write_text(f"{FILLER * 10}\nsecret: {secret}\n{FILLER * 10}\n")
        slack = await stack.enter_async_context(SlackSandbox(ack_timeout=ROUND_SECONDS))
        model, other = ModelSandbox(), ModelSandbox()
        model.respond = other.respond = decide
        await stack.enter_async_context(model)
        await stack.enter_async_context(other)
        side = Side("ours", slack, model, home, {note: secret}, 0.0)
        stack.push_async_callback(side.stop)
        await side.start(workspace)
        roots = [await side.turn() for _ in range(2 * turns)]
        await side.stop()
        short, long = roots[:turns], roots[turns:]
        found = Found()
        have: list[int] = []
        for some, length in zip((short, long), lengths, strict=True):
            have += [grow(home / "bot.db", thread_of(home / "bot.db", root), length) for root in some][-1:]
        found.lengths = have[0], have[1]
        await side.start(workspace)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1]),
            "OPENROUTER_API_KEY": other.api_key,
            "OPENROUTER_BASE_URL": other.base_url,
        }
        sender = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name("sender.py")),
            env=environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert sender.stdin is not None
        stack.push_async_callback(sender.wait)
        stack.callback(sender.stdin.close)
        # Exclude what is loaded with the first turn.
        await side.turn()
        bench = Bench(home, side, sender, turns)
        for number in range(rounds + 1):
            other.requests.clear()
            one = await bench.round(short, long)
            if number:
                found.rounds.append(one)
            else:
                found.first = one
            say(f"round {number} of {rounds}", end="\r")
        found.bytes_sent = sum(map(len, bench.bodies["short"])), sum(map(len, bench.bodies["long"]))
        for index, root in enumerate(root for pair in zip(short, long, strict=True) for root in pair):
            found.clicks[index % 2].append(await bench.click(root, workspace / f"written-{index}"))
        side.check()
        return found


def thread_of(database: Path, root: str) -> int:
    """Return the id of a thread."""
    connection = sqlite3.connect(database)
    (number,) = connection.execute("SELECT id FROM threads WHERE thread_ts = ?", (root,)).fetchone()
    connection.close()
    return int(number)


def say(words: str, end: str = "\n") -> None:
    """Print progress on an interactive terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(words + end)


def table(found: Found) -> str:
    """Format the medians over the rounds, and of the ratios within a round."""
    assert found.first is not None

    def median(name: str) -> float:
        return statistics.median(float(getattr(one, name)) for one in found.rounds)

    short, long = found.lengths
    ratio = statistics.median(one.long / max(one.short, 1e-9) for one in found.rounds)
    lines = [
        f"{f'medians of {len(found.rounds)} rounds':44}{f'{short} messages':>16}{f'{long} messages':>16}",
        f"{'bytes sent a turn':44}{found.bytes_sent[0]:16,}{found.bytes_sent[1]:16,}",
        f"{'CPU a turn (ms)':44}{median('short'):16.1f}{median('long'):16.1f}",
        f"{'CPU of sending its bytes (ms)':44}{median('sending_short'):16.1f}{median('sending_long'):16.1f}",
        f"{'CPU of the first turn after the start (ms)':44}{found.first.short:16.1f}{found.first.long:16.1f}",
        f"{'a click until its ack (ms)':44}{statistics.median(found.clicks[0]):16.1f}"
        f"{statistics.median(found.clicks[1]):16.1f}",
        "",
        f"long/short in all:           {ratio:.2f}",
        f"long/short beyond the bytes: {median('beyond'):.2f}"
        f"  (the first turn after the start: {found.first.beyond:.2f})",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser = parser_of("growth", __doc__)
    parser.add_argument("--short", type=int, default=40, metavar="N", help="messages in a short thread (40)")
    parser.add_argument("--long", type=int, default=1200, metavar="N", help="messages in a long thread (1200)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="measured rounds (5)")
    parser.add_argument("--turns", type=int, default=20, metavar="N", help="threads of each length (20)")
    options = parser.parse_args(arguments)
    if not measurable():
        return 2
    try:
        found = asyncio.run(measure((options.short, options.long), options.rounds, options.turns))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(table(found))
    if options.json is not None:
        options.json.write_text(json.dumps(asdict(found), indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
