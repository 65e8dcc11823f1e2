"""Measures the startup of our bot and of a plain one: until the socket is open and until the first mention is answered.

    python bench/start.py                                seven starts of each bot
    python bench/start.py --starts 15 --json figures.json

Each start is a new process with a new database and folder, and with the filesystem MCP server (the real one, on Node).
The mention is sent as soon as the socket is open. Its turn is that of `bench/turn.py`: a request to the model, one file
read through the server, a second request, and the answer. Starts alternate (ours, plain, ours, plain …) after one
warm-up start of each, so that other load on the machine affects both; compare the ratios. The files of Python and Node
are in the system's cache.

    socket open        from the start of the process until Slack has its connection
    first answer       from the start of the process until the answer is in the thread
    CPU                user and system time of the process and its children until then (Linux)
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from common import parser_of, prepared
from side import WORDS, BenchError, Replies, Side, cpu_of_tree

from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.slack import SlackSandbox

TITLES = {"socket": "socket open (s)", "answer": "first answer (s)", "cpu": "CPU, with children (s)"}
ANSWER_SECONDS = 30.0

Figures = dict[str, float]


async def start(name: str) -> Figures:
    """Start a bot once and wait for its first answer. Raises BenchError."""
    async with AsyncExitStack() as stack:
        home, workspace, notes = prepared(stack)
        slack = await stack.enter_async_context(SlackSandbox())
        model = ModelSandbox()
        model.respond = Replies(0.0, 20).decide
        await stack.enter_async_context(model)
        side = Side(name, slack, model, home, notes, 0.0)
        stack.push_async_callback(side.stop)
        began = time.monotonic()
        await side.start(workspace)
        socket = time.monotonic() - began
        try:
            await asyncio.wait_for(side.turn(), ANSWER_SECONDS)
        except TimeoutError:
            raise BenchError(f"{WORDS[name]} has not answered\n{side.log()}") from None
        answer = time.monotonic() - began
        assert side.process is not None
        cpu = cpu_of_tree(side.process.pid)
        side.check()
        return {"socket": socket, "answer": answer, "cpu": cpu}


async def measure(starts: int) -> list[dict[str, Figures]]:
    """Return the figures of all starts except the warm-up."""
    rounds = [{name: await start(name) for name in WORDS} for _ in range(starts + 1)]
    return rounds[1:]


def table(rounds: Sequence[dict[str, Figures]]) -> str:
    """Format minimum, median and maximum, and the median of the ratios within a round."""
    lines = [f"{f'{len(rounds)} starts':26}{'our bot':^26}{'plain bot':^26}  ours/plain"]
    for key, title in TITLES.items():
        cells: list[str] = []
        for name in WORDS:
            values = [figures[name][key] for figures in rounds]
            cells.append(f"{min(values):8.2f}{statistics.median(values):8.2f}{max(values):8.2f}  ")
        ratio = statistics.median(figures["ours"][key] / max(figures["plain"][key], 1e-9) for figures in rounds)
        lines.append(f"{title:26}{cells[0]}{cells[1]}{ratio:12.2f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser = parser_of("start", __doc__)
    parser.add_argument("--starts", type=int, default=7, metavar="N", help="starts of each bot (7)")
    options = parser.parse_args(arguments)
    try:
        rounds = asyncio.run(measure(max(1, options.starts)))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(table(rounds))
    if options.json is not None:
        options.json.write_text(json.dumps(rounds, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
