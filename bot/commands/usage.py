"""`python -m bot usage`: prints what turns have cost and what people think of their answers."""

from __future__ import annotations

import argparse
import json
import sys
import unicodedata
from collections.abc import Iterator
from itertools import islice

from bot.commands.audit import at, clock, line, printed, time_given
from bot.config import settings
from bot.core.json_text import JsonObject
from bot.core.transaction import Usage
from bot.core.usage import By, Remark, UsageRow
from bot.errors import SettingsError, StoreError
from bot.store.registry import open_usage

REMARKS = 20
"""Remarks in the text output."""
NAME = 40
"""Columns of a name in the text output."""
_COLUMNS = "turns  answered  failed  stopped  tokens read  of those cached  tokens written      cost USD  good  bad"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to a parser."""
    parser.description = "Show what turns have cost, and what people think of their answers."
    parser.epilog = "Times are UTC. The cost is what the provider reports; ~ marks sums of which a part is not."
    parser.add_argument("--since", type=time_given, metavar="TIME", help="from this moment: date, date-time or span")
    parser.add_argument("--by", choices=[each.value for each in By], default=By.DAY.value, help="(default: day)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with everything")


def run(args: argparse.Namespace) -> int:
    """Run the command on the database that DATABASE_URL names, which is only read; the bot may be running.

    Out: the exit code: 0; 2 after one sentence if there is nothing to read.
    """
    return printed(lambda: _run(By(args.by), args.since or 0.0, as_json=args.json))


def _run(by: By, since: float, *, as_json: bool) -> int:
    try:
        with open_usage(settings.load(needed=False).database_url) as log:
            rows, remarks = log.usage(by, since), log.remarks(since)
            written = _json(by, rows, remarks) if as_json else _text(by, rows, remarks)
            if not sum(1 for _ in written):
                sys.stderr.write("No turns.\n")
    except StoreError as error:
        raise SettingsError("DATABASE_URL", error.detail) from error
    return 0


def _json(by: By, rows: Iterator[UsageRow], remarks: Iterator[Remark]) -> Iterator[None]:
    """Write everything out, an object a line."""
    for row in rows:
        values: JsonObject = {
            by.value: row.name,
            "turns": row.turns,
            "answered": row.answered,
            "failed": row.failed,
            "stopped": row.stopped,
            "prompt_tokens": row.usage.prompt_tokens,
            "cached_tokens": row.usage.cached_tokens,
            "completion_tokens": row.usage.completion_tokens,
            "cost": row.usage.cost,
            "good": row.good,
            "bad": row.bad,
            "estimated_requests": row.estimated,
            "unknown_requests": row.unknown,
        }
        yield _write(json.dumps(values))
    for remark in remarks:
        said: JsonObject = {
            "remark": remark.words,
            "at": at(remark.at),
            "channel": remark.channel,
            "thread_ts": remark.thread_ts,
            "turn": remark.turn,
            "user": remark.user,
        }
        yield _write(json.dumps(said))


def _text(by: By, rows: Iterator[UsageRow], remarks: Iterator[Remark]) -> Iterator[None]:
    """Write a table, its sum, and the newest remarks."""
    total: UsageRow | None = None
    for row in rows:
        if total is None:
            _write(f"{by.value:<{NAME}}  {_COLUMNS}")
            total = UsageRow("total", 0, 0, 0, 0, Usage(), 0, 0)
        total = _sum(total, row)
        yield _write(_row(row))
    if total is not None:
        _write(_row(total))
        if total.estimated or total.unknown:
            _write(_not_reported(total))
    shown = list(islice(remarks, REMARKS + 1))
    if shown:
        _write("\nWhat people wrote, the newest first:")
    for remark in shown[:REMARKS]:
        where = f"{remark.channel} {remark.thread_ts}".strip()
        yield _write(line(f"{clock(remark.at)}  {where}  {remark.user}: {remark.words}"))
    if len(shown) > REMARKS:
        _write("There are older remarks; --json prints them all.")


def _not_reported(total: UsageRow) -> str:
    """Return what the sign before a sum means."""
    many = total.estimated + total.unknown
    ways = ((total.estimated, "is estimated", "are estimated"), (total.unknown, "counts as 0", "count as 0"))
    if many == 1:
        return f"~ The provider has not reported the cost of 1 request, which {ways[not total.estimated][1]}."
    parts = [f"{number:,} {one if number == 1 else more}" for number, one, more in ways if number]
    return f"~ The provider has not reported the cost of {many:,} requests: {' and '.join(parts)}."


def _name(name: str) -> str:
    """Return a name in its column. Of one that is too long, both ends are kept: names of models differ in the last."""
    shown = line(name) or "(none)"
    if _width(shown) > NAME:
        first, last = shown[: NAME // 2], shown[-(NAME // 2 - 1) :]
        while _width(first) > NAME // 2:
            first = first[:-1]
        while _width(last) > NAME // 2 - 1:
            last = last[1:]
        shown = f"{first}…{last}"
    return shown + " " * (NAME - _width(shown))


def _width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def _row(row: UsageRow) -> str:
    used = row.usage
    cost = f"{'~' if row.estimated or row.unknown else ''}{used.cost:,.4f}"
    return (
        f"{_name(row.name)}  {row.turns:>5}  {row.answered:>8}  {row.failed:>6}  {row.stopped:>7}"
        f"  {used.prompt_tokens:>11,}  {used.cached_tokens:>15,}  {used.completion_tokens:>14,}  {cost:>12}"
        f"  {row.good:>4}  {row.bad:>3}"
    )


def _sum(total: UsageRow, row: UsageRow) -> UsageRow:
    return UsageRow(
        total.name,
        total.turns + row.turns,
        total.answered + row.answered,
        total.failed + row.failed,
        total.stopped + row.stopped,
        total.usage + row.usage,
        total.good + row.good,
        total.bad + row.bad,
        total.estimated + row.estimated,
        total.unknown + row.unknown,
    )


def _write(words: str) -> None:
    sys.stdout.write(f"{words}\n")
