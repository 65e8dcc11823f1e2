"""Measures the same turn in a young database and in one as large as after a busy team's year.

    python bench/aged.py                              seven rounds; 200,000 posts and 400,000 messages
    python bench/aged.py --rounds 3 --posts 20000 --messages 40000

Two processes `python -m bot`, each with its own sandbox, run the turn of `bench/turn.py`. Both databases contain some
earlier turns; in the aged one, all rows of those turns are copied until it has the requested number of posts and
messages. The rounds alternate (young, aged, young, aged …) after a warm-up round. The relevant figure is the ratio
within a round, in the last column: 1.00 if a turn costs the same at any age.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict

from common import measurable, parser_of, prepared
from common import rows as rows_of
from multiply import counts, multiply
from side import TITLES, BenchError, Figures, Replies, Side
from turn import positive, ratio, say

from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.slack import SlackSandbox

AGES = ("young", "aged")


async def measure(options: argparse.Namespace) -> tuple[list[list[Figures]], dict[str, dict[str, int]]]:
    """Return the figures of each round (young, aged), and the number of rows by table of both databases."""
    replies = Replies(0.0, 20)
    async with AsyncExitStack() as stack:
        home, workspace, notes = prepared(stack)
        both: list[Side] = []
        rows: dict[str, dict[str, int]] = {}
        for age in AGES:
            (home / age).mkdir()
            slack, model = await stack.enter_async_context(SlackSandbox(ack_timeout=60)), ModelSandbox()
            model.respond = replies.decide
            await stack.enter_async_context(model)
            side = Side("ours", slack, model, home / age, notes, 0.0)
            stack.push_async_callback(side.stop)
            await side.start(workspace)
            await side.tools()
            await side.round(1, options.seeds)
            await side.stop()
            database = home / age / "bot.db"
            if age == "aged":
                there = counts(database)
                copies = max(-(-options.posts // there["posts"]), -(-options.messages // there["messages"])) - 1
                multiply(database, copies)
            rows[age] = counts(database)
            await side.start(workspace)
            await side.tools()
            both.append(side)
        for side in both:
            await side.round(1, options.seeds)
        rounds: list[list[Figures]] = []
        for number in range(options.rounds):
            rounds.append([await side.round(1, options.turns) for side in both])
            say(f"round {number + 1} of {options.rounds}", end="\r")
    return rounds, rows


def table(rounds: Sequence[Sequence[Figures]], rows: dict[str, dict[str, int]]) -> str:
    """Format minimum, median and maximum over the rounds, and the median of the ratios within a round."""
    sizes = [f"{age}: {rows[age]['posts']:,} posts, {rows[age]['messages']:,} messages" for age in AGES]
    lines = ["; ".join(sizes), f"{f'{len(rounds)} rounds':34}{AGES[0]:^26}{AGES[1]:^26}  aged/young"]
    return "\n".join([*lines, *rows_of(rounds, {name: of_the_aged(name, rounds) for name in TITLES})])


def of_the_aged(name: str, rounds: Sequence[Sequence[Figures]]) -> float:
    """Return the median over the rounds of the ratio aged/young."""
    return ratio(name, [(aged, young) for young, aged in rounds])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser = parser_of("aged", __doc__)
    parser.add_argument("--rounds", type=positive, default=7, metavar="N", help="of each database (7)")
    parser.add_argument("--turns", type=positive, default=50, metavar="N", help="turns in a round (50)")
    parser.add_argument("--posts", type=positive, default=200_000, metavar="N", help="posts in the aged one, at least")
    parser.add_argument("--messages", type=positive, default=400_000, metavar="N", help="messages in it, at least")
    parser.add_argument(
        "--seeds", type=positive, default=20, metavar="N", help="real turns that are copied for the aged one (20)"
    )
    options = parser.parse_args(arguments)
    if not measurable():
        return 2
    try:
        rounds, rows = asyncio.run(measure(options))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(table(rounds, rows))
    if options.json is not None:
        figures = [dict(zip(AGES, map(asdict, both), strict=True)) for both in rounds]
        ratios = {name: of_the_aged(name, rounds) for name in TITLES}
        options.json.write_text(
            json.dumps({"rows": rows, "rounds": figures, "ratios": ratios}, indent=2) + "\n", "utf-8"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
