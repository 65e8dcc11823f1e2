"""Measures the cost of thousands of open requests that wait for people: at a restart, while idle, and at a click.

    python bench/waiting.py                           0, 1,000 and 10,000 open requests
    python bench/waiting.py --open 0,500 --json figures.json
    python bench/waiting.py --gap                     after an hour offline, with 10,000 open requests (bench/gap.py)

For each number, a process `python -m bot` (with sandboxes for Slack and for the model in this process) is asked for
calls that need approval, and stopped. One of the waiting threads is copied in its database until the number is reached,
the process is started again, and somebody clicks Approve on a real card as soon as the socket is open.

    socket       from the start of the process until its socket is open
    start, CPU   user and system time until the socket is open; and until the process is idle after the click
    click        from the click until the card shows the decision
    idle, CPU    share of one core in the seconds after that
    memory       resident memory of the bot's process alone
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from common import measurable, parser_of, started
from gap import measure_gap, report
from multiply import counts, multiply
from side import BenchError, cpu_of
from turn import positive

from slack_sandbox.model import Message
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text

SETTLING = 0.3
"""The fraction of the idle seconds to wait after the click, until the process is idle and its first sweep is over."""
ANSWER_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one restart with `open` open requests."""

    open: int
    socket_s: float
    socket_cpu_s: float
    start_cpu_s: float
    click_s: float
    idle_percent: float
    memory_mb: float


TITLES = {
    "socket_s": "socket open after (s)",
    "socket_cpu_s": "CPU until then (s)",
    "start_cpu_s": "CPU until quiet, with the click (s)",
    "click_s": "click answered after (s)",
    "idle_percent": "CPU while idle (% of a core)",
    "memory_mb": "memory (MB)",
}


def decide(request: ChatRequest) -> Answer:
    """Call the tool that writes the requested file, then answer."""
    if request.results:
        return text("It is written.")
    path = re.search(r"write (/\S+\.txt)", request.said)
    if path is None:
        raise BenchError(f"the model was not asked what was said: {request.said!r}")
    names = [tool["function"]["name"] for tool in request.tools]
    name = next(name for name in names if name.endswith("write_file"))
    return calls(call(name, {"path": path[1], "content": "hello"}))


async def measure(several: int, seconds: float) -> Figures:
    """Create `several` open requests, restart the bot and click."""
    async with AsyncExitStack() as stack:
        side, home = await started(stack, decide)
        slack, model, workspace = side.slack, side.model, home / "workspace"
        person, channel = side.person, side.channel

        def card(ts: str) -> Message | None:
            cards = (message for message in slack.thread(channel, ts) if "Deny" in message.buttons)
            return next(cards, None)

        roots: list[str] = []
        for number in range(2 if several else 1):
            roots.append(await slack.say(channel, person, f"<@BOT> write {workspace}/new-{number}.txt"))
            await slack.until(lambda: card(roots[-1]) is not None, ANSWER_SECONDS, "a card")
        await asyncio.sleep(1)
        await side.stop()
        if several > 1:
            multiply(home / "bot.db", several - 1, f"thread_ts = '{roots[1]}'")
        there = counts(home / "bot.db")["questions"]
        if there != several + 1:
            raise BenchError(f"{there} requests instead of {several + 1}")

        began = time.monotonic()
        await side.start(workspace)
        opened, pid = time.monotonic(), side.pid
        cpu_open = cpu_of(pid)
        to_click = card(roots[0])
        assert to_click is not None
        clicked = time.monotonic()
        clicking = asyncio.create_task(slack.click(to_click, "approval.approved", by=person))
        await slack.until(lambda: card(roots[0]) is None, ANSWER_SECONDS, "the decision on the card")
        answered = time.monotonic()
        await clicking
        await slack.until(lambda: Path(workspace, "new-0.txt").exists(), ANSWER_SECONDS, "the file", poll=0.05)
        await side.tools()
        await asyncio.sleep(SETTLING * seconds)
        cpu_start = cpu_of(pid)
        await asyncio.sleep(seconds)
        idle = cpu_of(pid) - cpu_start
        if slack.rejected or model.violations:
            raise BenchError(f"refused: {slack.rejected} {model.violations}")
        return Figures(
            open=several,
            socket_s=opened - began,
            socket_cpu_s=cpu_open,
            start_cpu_s=cpu_start,
            click_s=answered - clicked,
            idle_percent=100 * idle / seconds,
            memory_mb=memory_of(pid),
        )


def memory_of(pid: int) -> float:
    """Return the resident memory of a process in megabytes."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def table(measured: Sequence[Figures]) -> str:
    """Format the figures side by side, in brackets compared to the first."""
    lines = [f"{'open requests':38}" + "".join(f"{f'{figures.open:,}':>20}" for figures in measured)]
    for name, title in TITLES.items():
        first = float(getattr(measured[0], name))
        cells: list[str] = []
        for figures in measured:
            value = float(getattr(figures, name))
            compared = f"+{value - first:.1f}" if name == "memory_mb" else f"{value / first:.2f}" if first else "-"
            cells.append(f"{value:10.2f} {f'({compared})':>9}")
        lines.append(f"{title:38}" + "".join(cells))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser = parser_of("waiting", __doc__)
    parser.add_argument(
        "--open",
        type=lambda value: [0 if part == "0" else positive(part) for part in value.split(",")],
        default=[0, 1_000, 10_000],
        metavar="N,N",
        help="numbers of open requests (0,1000,10000), in addition to the one that is clicked",
    )
    parser.add_argument(
        "--idle", type=float, default=10.0, metavar="S", help="how long to measure the idle process (10 seconds)"
    )
    parser.add_argument(
        "--gap", action="store_true", help="measure the start after an outage, with the last of these numbers"
    )
    options = parser.parse_args(arguments)
    if not measurable():
        return 2
    try:
        if options.gap:
            found = asyncio.run(measure_gap(options.open[-1], decide, memory_of))
            print(report(found))
            _write(options.json, [asdict(found)])
            return 0
        measured = [asyncio.run(measure(several, options.idle)) for several in options.open]
    except (BenchError, AssertionError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(table(measured))
    _write(options.json, [asdict(figures) for figures in measured])
    return 0


def _write(path: Path | None, figures: Sequence[dict[str, object]]) -> None:
    if path is not None:
        path.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
