"""Compares the cost of a turn in a thread far longer than the model's context with one in a thread that fills it.

    python bench/long.py                              5,000 messages, a context of 32,000 tokens, five rounds
    python bench/long.py --length 20000 --rounds 9 --json figures.json

One bot (`python -m bot`) has as many threads of each length as a round has turns. They are started by talking to the
bot and extended in its database while it is stopped (`longer.py`). The first turn in a long thread, in which the model
summarises, is reported separately; after it, rounds of both kinds alternate. The relevant figure is the ratio within a
round.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from common import measurable, parser_of
from growth import SETTLE_SECONDS, say, spent, thread_of
from longer import grow
from side import FILLER, ROUND_SECONDS, BenchError, Replies, Side

from slack_sandbox.openrouter import Answer, ChatRequest, ModelSandbox, text
from slack_sandbox.slack import SlackSandbox


@dataclass
class Found:
    """All figures; CPU time of a turn in milliseconds."""

    lengths: tuple[int, int] = (0, 0)
    first: tuple[float, float] = (0.0, 0.0)
    """The first turn after the threads were extended."""
    rounds: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    bytes_sent: tuple[int, int] = (0, 0)
    """By a turn, at the end."""
    summaries: int = 0
    """Requests for summaries, for all long threads together."""

    @property
    def ratio(self) -> float:
        """The median of long/full within a round."""
        return statistics.median(long / max(full, 1e-9) for full, long in self.rounds)


def summarises(request: ChatRequest) -> bool:
    """Return whether a request is one for a summary."""
    return not request.tools


def decide(request: ChatRequest) -> Answer:
    """Summarise when asked to, and otherwise answer as in the other benchmarks."""
    return text(FILLER * 20) if summarises(request) else Replies(0.0, 20).decide(request)


async def turns(side: Side, roots: Sequence[str]) -> float:
    """Run a turn in each of these threads. Returns the CPU time of a turn."""
    assert side.process is not None

    async def work() -> None:
        for root in roots:
            side.slack.calls.clear()
            await side.turn(root)
        await asyncio.sleep(SETTLE_SECONDS)

    side.model.requests.clear()
    cpu = await spent(side.process.pid, work)
    side.check()
    return cpu / len(roots)


async def measure(lengths: tuple[int, int], window: int, rounds: int, number: int) -> Found:
    """Measure everything. Raises BenchError."""
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))).resolve()
        workspace = home / "workspace"
        workspace.mkdir()
        note = workspace / "note.txt"
        note.write_text(f"{FILLER * 10}\nsecret: abc123\n{FILLER * 10}\n")
        (home / "bot.toml").write_text(f"[models]\ncontext = {window}\n[tools]\nsearch = false\n")
        slack, model = await stack.enter_async_context(SlackSandbox(ack_timeout=ROUND_SECONDS)), ModelSandbox()
        model.respond = decide
        await stack.enter_async_context(model)
        side = Side("ours", slack, model, home, {note: "abc123"}, 0.0)
        stack.push_async_callback(side.stop)
        await side.start(workspace)
        roots = [await side.turn() for _ in range(2 * number)]
        await side.stop()
        full, long = roots[:number], roots[number:]
        found, have = Found(), list[int]()
        for some, length in zip((full, long), lengths, strict=True):
            have += [grow(home / "bot.db", thread_of(home / "bot.db", root), length) for root in some][-1:]
        found.lengths = have[0], have[1]
        await side.start(workspace)
        await side.turn()  # excludes what is loaded with the first turn
        first = await turns(side, full), await turns(side, long)
        found.first, found.summaries = first, sum(map(summarises, model.requests))
        for count in range(rounds):
            one = await turns(side, full)
            sent = sum(len(request.body) for request in model.requests) // number
            other = await turns(side, long)
            found.bytes_sent = sent, sum(len(request.body) for request in model.requests) // number
            found.rounds.append((one, other))
            say(f"round {count + 1} of {rounds}", end="\r")
        return found


def table(found: Found) -> str:
    """Format the medians."""
    full, long = (statistics.median(one[side] for one in found.rounds) for side in (0, 1))
    lines = [
        f"{f'medians of {len(found.rounds)} rounds':44}{f'{found.lengths[0]} messages':>16}"
        f"{f'{found.lengths[1]} messages':>16}",
        f"{'bytes sent a turn':44}{found.bytes_sent[0]:16,}{found.bytes_sent[1]:16,}",
        f"{'CPU a turn (ms)':44}{full:16.1f}{long:16.1f}",
        f"{'CPU of the first turn (ms)':44}{found.first[0]:16.1f}{found.first[1]:16.1f}",
        "",
        f"long/full: {found.ratio:.2f}",
        f"requests for summaries: {found.summaries}",
    ]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser = parser_of("long", __doc__)
    parser.add_argument("--full", type=int, default=200, metavar="N", help="messages that fill the context (200)")
    parser.add_argument("--length", type=int, default=5000, metavar="N", help="messages in a long thread (5000)")
    parser.add_argument("--window", type=int, default=32_000, metavar="N", help="tokens of the context (32000)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="measured rounds (5)")
    parser.add_argument("--turns", type=int, default=10, metavar="N", help="threads of each length (10)")
    options = parser.parse_args(arguments)
    if not measurable():
        return 2
    try:
        lengths = options.full, options.length
        found = asyncio.run(measure(lengths, options.window, options.rounds, options.turns))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(table(found))
    if options.json is not None:
        options.json.write_text(json.dumps({**asdict(found), "ratio": found.ratio}, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
