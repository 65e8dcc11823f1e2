"""Measures the same turn in our bot and in a plain one.

    python bench/turn.py                                 five rounds with 1 and with 200 concurrent threads
    python bench/turn.py --latency 0.3                   a model that takes 0.3 s for each answer
    python bench/turn.py --rounds 9 --threads 50 --turns 400 --json figures.json

In a turn, somebody mentions the bot, which sends a request to the model, reads one file through the filesystem MCP
server (the real one, on Node), sends a second request, and posts the answer in the thread. Each bot runs in its own
process: `python -m bot`, which is durable (every step is committed before it takes effect), and `bench/plain_bot.py`,
about 40 lines of Bolt, openai and mcp with the history in a dict. Each has its own sandboxes for Slack and for the
model (`slack_sandbox`), all in this process, and receives the events that it subscribes to: the plain one mentions,
ours messages too.

The rounds alternate (ours, plain, ours, plain …) after a warm-up, so that other load on the machine affects both.
Absolute figures depend on the machine; compare the ratios, which are taken within a round.

    CPU a turn         user and system time of the bot's process, from /proc (Linux), until it is idle again
    with children      the same including the processes it started: the MCP server
    turns a second     until the last answer; with many threads the sandboxes share the cores and limit the rate
    to first request   from the moment the mention is sent until the model has the request

Every turn is checked: it must be answered once, in its thread, with words that only the file contains. A wrong answer
ends the run with exit code 1, and so does a round that takes a minute longer than the model.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from common import measurable, parser_of, prepared, rows
from side import QUIET_SECONDS, ROUND_SECONDS, TITLES, WORDS, BenchError, Figures, Replies, Side

from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.slack import SlackSandbox


@asynccontextmanager
async def sides(replies: Replies) -> AsyncGenerator[list[Side]]:
    """Start both bots on one folder with notes."""
    async with AsyncExitStack() as stack:
        home, workspace, notes = prepared(stack)
        both: list[Side] = []
        for name in WORDS:
            (home / name).mkdir()
            slack, model = await stack.enter_async_context(SlackSandbox(ack_timeout=ROUND_SECONDS)), ModelSandbox()
            model.respond = replies.decide
            await stack.enter_async_context(model)
            side = Side(name, slack, model, home / name, notes, replies.latency)
            stack.push_async_callback(side.stop)
            await side.start(workspace)
            both.append(side)
        yield both


async def measure(threads: Sequence[int], rounds: int, turns: int, replies: Replies) -> dict[int, list[list[Figures]]]:
    """Return the figures by number of concurrent threads, then by round: ours, plain."""
    found: dict[int, list[list[Figures]]] = {}
    async with sides(replies) as both:
        for many in threads:
            several = turns or max(50, 2 * many)
            for side in both:
                await side.round(many, min(several, max(20, many)))
            found[many] = []
            for number in range(rounds):
                found[many].append([await side.round(many, several) for side in both])
                say(f"{many} at once: round {number + 1} of {rounds}", end="\r")
        await asyncio.sleep(QUIET_SECONDS)
        for side in both:
            side.check()
    return found


def table(many: int, rounds: Sequence[Sequence[Figures]]) -> str:
    """Format minimum, median and maximum over the rounds, and the median of the ratios within a round."""
    lines = [f"{f'{many} at once, {len(rounds)} rounds':34}{'our bot':^26}{'plain bot':^26}  ours/plain"]
    return "\n".join([*lines, *rows(rounds, {name: ratio(name, rounds) for name in TITLES})])


def ratio(name: str, rounds: Sequence[Sequence[Figures]]) -> float:
    """Return the median over the rounds of the ratio ours/plain."""
    return statistics.median(getattr(ours, name) / max(getattr(plain, name), 1e-9) for ours, plain in rounds)


def say(words: str, end: str = "\n") -> None:
    """Print progress on an interactive terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(words + end)


def report(found: dict[int, list[list[Figures]]], options: argparse.Namespace) -> dict[str, object]:
    """Return all figures for JSON: the options, each round, the ratios."""
    return {
        "options": {key: str(value) if isinstance(value, Path) else value for key, value in vars(options).items()},
        "threads": {
            many: {
                "rounds": [dict(zip(WORDS, map(asdict, figures), strict=True)) for figures in rounds],
                "ratios": {name: ratio(name, rounds) for name in TITLES},
            }
            for many, rounds in found.items()
        },
    }


def positive(value: str) -> int:
    """Parse a positive integer, for argparse."""
    if (number := int(value)) < 1:
        raise ValueError(value)
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser = parser_of("turn", __doc__)
    parser.add_argument("--rounds", type=positive, default=5, metavar="N", help="rounds of each bot (5)")
    parser.add_argument(
        "--threads",
        type=lambda value: [positive(part) for part in value.split(",")],
        default=[1, 200],
        metavar="N,N",
        help="numbers of concurrent threads (1,200)",
    )
    parser.add_argument(
        "--turns", type=positive, default=0, metavar="N", help="turns in a round (50, or twice the threads)"
    )
    parser.add_argument("--latency", type=float, default=0.0, metavar="S", help="seconds the model takes (0)")
    parser.add_argument("--chunks", type=positive, default=20, metavar="N", help="pieces of a streamed answer (20)")
    options = parser.parse_args(arguments)
    if not measurable():
        return 2
    try:
        replies = Replies(options.latency, options.chunks)
        found = asyncio.run(measure(options.threads, options.rounds, options.turns, replies))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print("\n\n".join(table(many, rounds) for many, rounds in found.items()))
    if options.json is not None:
        options.json.write_text(json.dumps(report(found, options), indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
