"""How long each kind of test took: a few lines before pytest's closing line."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
IN_FRONT = (
    ("browser",),
    ("test_wheel.py", "test_bench.py", "test_survival.py"),
    ("test_page_build.py", "test_settling.py", "test_trial_faults.py", "test_folders.py"),
    ("test_storm.py", "test_lag_servers.py", "test_trail.py", "test_lagging.py"),
    ("test_lag_slack.py", "test_hardening.py", "test_try.py", "test_documented_commands.py"),
)
"""Files and folders that a worker each begins with. Some tests in them take as long as many others: whoever gets such a
one must not get it last. Those of the browser stay with one worker, as each that has some starts a browser and a trial:
others take over only what a worker has not begun with."""
PROCESSES = "processes"
TIERS: dict[str, tuple[str, ...]] = {
    "in process": (
        *("attacks", "contract", "extending", "inprocess", "property", "sandbox", "structure"),
        *(f"unit/{name}" for name in ("agent", "core", "model", "patterns", "scheduler", "slack", "store")),
    ),
    PROCESSES: ("bench", "crash", "process", "unit/tools"),
    "browser": ("browser",),
}
INSIDE = "bot in process"
"""The bot's parts all together beside the test (`tests/inprocess`): by mark, as such files have cases of both kinds."""
BUILDS = "builds"
BUILDING = (
    "test_building_the_page_again_gives_the_same_bytes",
    "test_a_wheel_works_in_an_empty_environment_outside_the_checkout",
)
"""Tests that fetch and build."""
OTHER = "other"


@dataclass
class Tier:
    """What was run of one kind."""

    tests: set[str] = field(default_factory=set[str])
    seconds: float = 0.0
    """Of all its tests together, beside one another or not."""
    began: float = float("inf")
    ended: float = 0.0


def is_inside(marks: Container[str]) -> bool:
    """Whether a test has the bot in its own process."""
    return "inside" in marks and "across" not in marks


def tier_of(nodeid: str, marks: Container[str]) -> str:
    """The kind of a test, by its marks and by where it is."""
    file = nodeid.partition("::")[0]
    if nodeid.endswith(BUILDING):
        return BUILDS
    if is_inside(marks):
        return INSIDE
    if "across" in marks:
        return PROCESSES
    folders = ["/".join(file.split("/")[1:depth]) for depth in (2, 3)]
    return next((name for name, known in TIERS.items() if any(folder in known for folder in folders)), OTHER)


def in_order(items: list[pytest.Item], workers: int) -> None:
    """Long tests first, so that at the end no worker is left alone with one; those of a file that share a bot process
    side by side, so that fewer workers start one. In: among how many workers the tests are shared out."""
    files = {path: number for number, path in enumerate(dict.fromkeys(item.path for item in items))}
    first: list[list[pytest.Item]] = [[] for _ in range(workers)]
    rest: list[pytest.Item] = []
    for item in sorted(items, key=lambda item: (files[item.path], is_inside(item.keywords))):
        names = {item.path.name, item.path.parent.name}
        place = next((number for number, front in enumerate(IN_FRONT) if not names.isdisjoint(front)), None)
        (rest if place is None else first[place % workers]).append(item)
    items[:] = []
    remaining, left = iter(rest), len(rest) + sum(map(len, first))
    for number, begun in enumerate(first):
        share = left // (workers - number)
        # pytest-xdist shares out the whole list like this before the first test.
        part = [*begun, *islice(remaining, max(0, share - len(begun)))]
        items += part
        left -= len(part)
    items += remaining


def lines(reports: Iterable[pytest.TestReport]) -> Sequence[str]:
    """A line for each kind that was run."""
    found: dict[str, Tier] = {}
    for report in reports:
        tier = found.setdefault(tier_of(report.nodeid, report.keywords), Tier())
        tier.tests.add(report.nodeid)
        tier.seconds += report.duration
        tier.began, tier.ended = min(tier.began, report.start), max(tier.ended, report.stop)
    return [
        f"{name:<14}  {len(tier.tests):>5} tests  {tier.seconds:>7.1f} s within {tier.ended - tier.began:>6.1f} s"
        for name, tier in sorted(found.items(), key=lambda each: -each[1].seconds)
    ]
