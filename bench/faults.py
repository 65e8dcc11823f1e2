"""Measures what the calls of two healthy tool servers take while another server misbehaves.

    python bench/faults.py                             every fault, three rounds of two seconds each
    python bench/faults.py --only killed,reset --rounds 9 --seconds 5 --json figures.json

All servers are processes of their own: two healthy ones, one over stdio and one over HTTP; one over stdio that fails
in a different way in each phase; and one over HTTP behind a proxy that breaks on command (breaking_proxy.py). The
phases alternate: undisturbed, with a fault, undisturbed …; in an undisturbed one the same number of calls to the same
servers succeed. Compare the ratio, which is taken between neighbouring phases: p99 with the fault to p99 without.

A call to a healthy server that fails or has another answer than expected ends the run with exit code 1.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from breaking_proxy import KINDS, BreakingProxy, Kind
from common import parser_of

from bot.core.tools import CallResult, DeliveryStatus
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import HttpServer, StdioServer
from bot.tools.toolset import make_toolset

HERE = Path(__file__).parent
ODD = HERE.parent / "tests" / "unit" / "tools" / "servers" / "odd.py"
WORKERS, PAUSE = 4, 0.005
"""Calls to the healthy servers at a time, and seconds between two of a worker."""
EVERY = 0.1
"""Seconds between two calls to a server that misbehaves."""
CALL_SECONDS = 0.5
READY_SECONDS = 60.0
ANSWERS = ("junk", "not_utf8", "latin1", "half_emoji", "malformed", "mismatch", "wrong_block")
STDIO = ("killed", "dies", "hangs", *ANSWERS, "big")
ROWS = (*STDIO, *KINDS)

Disturb = Callable[[], Awaitable[object]]


class FaultError(Exception):
    """A healthy server was hurt."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault in one round."""

    fault: str
    calls: int
    median_ms: float
    p99_ms: float
    undisturbed_median_ms: float
    undisturbed_p99_ms: float


class Servers:
    """The toolset with all servers."""

    def __init__(self, toolset: McpToolset, proxy: BreakingProxy, folder: Path) -> None:
        self.toolset, self.proxy = toolset, proxy
        self._folder = folder
        self._numbers = itertools.count()

    async def call(self, name: str, **arguments: object) -> CallResult:
        """Call a tool."""
        tool = self.toolset.find(name)
        if tool is None:
            raise FaultError(f"{name} is not offered")
        return await self.toolset.call(tool, arguments)

    async def healthy(self, until: float) -> list[float]:
        """Call the healthy servers until then. Returns the seconds of each call."""
        found: list[float] = []

        async def worker(name: str) -> None:
            while time.monotonic() < until:
                words = f"call {next(self._numbers)}"
                began = time.perf_counter()
                result = await self.call(name, words=words)
                found.append(time.perf_counter() - began)
                if (result.certainty, result.text) != (DeliveryStatus.OK, words):
                    raise FaultError(f"{name}: {result.certainty}, {result.text}")
                await asyncio.sleep(PAUSE)

        names = ("near__echo", "far__look")
        await asyncio.gather(*(worker(name) for _ in range(WORKERS // len(names)) for name in names))
        return found

    async def phase(self, seconds: float, disturb: Disturb) -> list[float]:
        """Call the healthy servers while the others are called as `disturb` does it."""

        async def disturbing() -> None:
            under_way: set[asyncio.Future[object]] = set()
            try:
                while True:
                    task = asyncio.ensure_future(disturb())
                    under_way.add(task)
                    task.add_done_callback(under_way.discard)
                    await asyncio.sleep(EVERY)
            finally:
                for task in under_way:
                    task.cancel()

        beside = asyncio.create_task(disturbing())
        try:
            return await self.healthy(time.monotonic() + seconds)
        finally:
            beside.cancel()
            await asyncio.wait([beside])

    async def fine(self) -> None:
        """What an undisturbed phase does."""
        await asyncio.gather(self.call("odd__echo", words="fine"), self.call("remote__look", words="fine"))

    async def broken(self, fault: str) -> None:
        """What a phase with a fault does."""
        if fault in KINDS:
            await asyncio.gather(self.call("odd__echo", words="fine"), self.call("remote__look", words="broken"))
            return
        beside = asyncio.ensure_future(self.call("remote__look", words="fine"))
        match fault:
            case "killed":
                pid = await self.call("odd__pid")
                hanging = asyncio.ensure_future(self.call("odd__hang", words="hung"))
                await asyncio.sleep(EVERY / 4)
                if pid.certainty is DeliveryStatus.OK:
                    os.kill(int(pid.text), signal.SIGKILL)
                await hanging
            case "dies":
                await self.call("odd__die", words="dead")
            case "hangs":
                await self.call("odd__hang", words="hung")
            case "big":
                await self.call("odd__big", megabytes=8)
            case _:
                await self.call(f"odd__{fault}")
        await beside

    async def round(self, fault: str, seconds: float) -> Row:
        """Measure one fault, with an undisturbed phase before and after it."""
        kind: Kind | None = next((kind for kind in KINDS if kind == fault), None)
        before = await self.phase(seconds / 2, self.fine)
        await self.proxy.break_with(kind, only=b'"broken"')
        try:
            hurt = await self.phase(seconds, lambda: self.broken(fault))
        finally:
            await self.proxy.break_with(None)
        await self.recovered()
        calm = before + await self.phase(seconds / 2, self.fine)
        return Row(fault, len(hurt), *figures(hurt), *figures(calm))

    async def recovered(self) -> None:
        """Wait until every server is up again."""
        async with asyncio.timeout(READY_SECONDS):
            while any(each.state != "up" for each in self.toolset.states()):
                await asyncio.sleep(0.05)


def figures(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in milliseconds."""
    ordered = sorted(seconds)
    return statistics.median(ordered) * 1000, ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * 1000


@asynccontextmanager
async def http_server(journal: Path) -> AsyncGenerator[int]:
    """A healthy server over HTTP. Its port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "http_tools.py"), str(journal), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


def local(key: str, folder: Path) -> StdioServer:
    """A server over stdio, which does odd things when it is asked to."""
    return StdioServer(key, sys.executable, (str(ODD), str(folder / key)), trusted=True, legacy=True)


@asynccontextmanager
async def servers() -> AsyncGenerator[Servers]:
    """All servers, which are up."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        far = await stack.enter_async_context(http_server(folder / "far"))
        behind = await stack.enter_async_context(http_server(folder / "remote"))
        proxy = await stack.enter_async_context(BreakingProxy(behind))
        healthy = (local("near", folder), HttpServer("far", f"http://127.0.0.1:{far}/mcp", trusted=True, legacy=True))
        remote = HttpServer("remote", f"http://127.0.0.1:{proxy.port}/mcp", trusted=True, legacy=True)
        failing = (local("odd", folder), remote)
        toolset = make_toolset([*healthy, *(replace(each, call_seconds=CALL_SECONDS) for each in failing)])
        await toolset.start()
        stack.push_async_callback(toolset.aclose)
        if troubles := await toolset.ready(READY_SECONDS):
            raise FaultError(" ".join(troubles))
        yield Servers(toolset, proxy, folder)


async def measure(faults: Sequence[str], rounds: int, seconds: float) -> list[list[Row]]:
    """Return the rounds of each fault, after a phase to warm up."""
    async with servers() as these:
        await these.phase(seconds, these.fine)
        found: list[list[Row]] = [[] for _ in faults]
        for _ in range(rounds):
            for number, fault in enumerate(faults):
                found[number].append(await these.round(fault, seconds))
                sys.stderr.write(f"\r{fault:12}")
        sys.stderr.write("\r")
        return found


def ratio(rounds: Sequence[Row]) -> float:
    """Return the median over the rounds of the ratio of the p99 with the fault to that without."""
    return statistics.median(each.p99_ms / each.undisturbed_p99_ms for each in rounds)


def table(found: Sequence[Sequence[Row]]) -> str:
    """Format the medians of each fault, and the ratio."""
    lines = [f"{'calls of healthy servers, ms':30}{'undisturbed':>18}{'with the fault':>18}", ""]
    lines[1] = f"{'':30}{'median':>9}{'p99':>9}{'median':>9}{'p99':>9}  ratio of p99"
    for rounds in found:
        cells = [
            statistics.median(float(getattr(each, name)) for each in rounds)
            for name in ("undisturbed_median_ms", "undisturbed_p99_ms", "median_ms", "p99_ms")
        ]
        lines.append(f"{rounds[0].fault:30}{''.join(f'{cell:9.2f}' for cell in cells)}{ratio(rounds):14.2f}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser = parser_of("faults", __doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of each fault (3)")
    parser.add_argument("--seconds", type=float, default=2.0, metavar="S", help="length of a phase (2)")
    parser.add_argument("--only", default=",".join(ROWS), metavar="FAULT,FAULT", help="faults (all)")
    options = parser.parse_args(arguments)
    faults = options.only.split(",")
    if unknown := sorted(set(faults) - set(ROWS)):
        parser.error(f"unknown faults: {', '.join(unknown)}; there are {', '.join(ROWS)}")
    try:
        found = asyncio.run(measure(faults, options.rounds, options.seconds))
    except FaultError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    print(table(found))
    if options.json is not None:
        ratios = {rounds[0].fault: ratio(rounds) for rounds in found}
        figures_ = {rounds[0].fault: [asdict(each) for each in rounds] for rounds in found}
        options.json.write_text(json.dumps({"ratios": ratios, "rounds": figures_}, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
