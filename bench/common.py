"""Shared parts of the benchmarks: the working folder, the command line, and the table that compares two sides."""

from __future__ import annotations

import argparse
import secrets
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from side import FILES, FILLER, TITLES, Figures, Side

from slack_sandbox.openrouter import Answer, ChatRequest, ModelSandbox
from slack_sandbox.slack import SlackSandbox


def prepared(stack: AsyncExitStack) -> tuple[Path, Path, dict[Path, str]]:
    """Create a temporary folder. Returns it, the workspace in it, and the secret in each note of the workspace."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))).resolve()
    workspace = home / "workspace"
    workspace.mkdir()
    notes = {workspace / f"note-{number}.txt": secrets.token_hex(8) for number in range(FILES)}
    for path, secret in notes.items():
        path.write_text(f"{FILLER * 10}\nsecret: {secret}\n{FILLER * 10}\n")
    return home, workspace, notes


async def started(stack: AsyncExitStack, decide: Callable[[ChatRequest], Answer]) -> tuple[Side, Path]:
    """Start our bot, with its tools, in a temporary folder that has a folder `workspace`. Returns it and its folder.

    decide: what the model answers.
    """
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-"))).resolve()
    workspace = home / "workspace"
    workspace.mkdir()
    slack, model = await stack.enter_async_context(SlackSandbox(ack_timeout=60)), ModelSandbox()
    model.respond = decide
    await stack.enter_async_context(model)
    side = Side("ours", slack, model, home, {workspace / "note.txt": ""}, 0.0)
    stack.push_async_callback(side.stop)
    await side.start(workspace)
    await side.tools()
    return side, home


def parser_of(name: str, about: str | None) -> argparse.ArgumentParser:
    """Create the command line parser of a benchmark, with the options that all share."""
    parser = argparse.ArgumentParser(
        prog=f"python bench/{name}.py", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every figure to a file")
    return parser


def measurable() -> bool:
    """Return whether this system reports the CPU time of processes; print an error if it does not."""
    if Path("/proc/self/stat").exists():
        return True
    sys.stderr.write("CPU time is read from /proc, which this system does not have; run it on Linux.\n")
    return False


def rows(rounds: Sequence[Sequence[Figures]], ratios: dict[str, float]) -> list[str]:
    """Format a line for each figure: minimum, median and maximum of both sides, and the ratio."""
    lines: list[str] = []
    for name, title in TITLES.items():
        cells: list[str] = []
        for index in range(2):
            values = [float(getattr(figures[index], name)) for figures in rounds]
            cells.append(f"{min(values):8.1f}{statistics.median(values):8.1f}{max(values):8.1f}  ")
        lines.append(f"{title:34}{cells[0]}{cells[1]}{ratios[name]:12.2f}")
    return lines
