"""`python -m bot audit`: prints the audit records for people or for programs, and verifies that they are complete."""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from bot.config import settings
from bot.core.audit import AuditCheck, AuditRecord
from bot.core.json_text import JsonObject
from bot.errors import SettingsError, StoreError
from bot.slack.text import visible
from bot.store import audit_chain
from bot.store.registry import open_audit

MAX_CHARS = 80
"""Characters of a value in the text output."""
MAX_VALUES = 12
"""Facts of a record in the text output."""

_SPAN = re.compile(r"(\d{1,6})([mhdw])")
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_HASH = re.compile(r"[0-9a-f]{64}")
_BARE = re.compile(r"[\w./+@#*<>-]+")
_EPILOG = """\
Times are UTC. A date means its beginning, 00:00 UTC; a span such as 30m, 24h, 7d or 2w counts back from now.

Each record's hash is the SHA-256, in hex, over these texts in this order, each preceded by its length in bytes of
UTF-8, in decimal, and a colon: previous, seq, at, kind, thread, call, approval, actor, facts. They stand so in the
output of --json; facts is hashed as the text that Python makes of it with
json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).
previous is the hash of the record before, empty in the first; seq counts from 1. team, channel and thread_ts are
looked up by thread and not hashed.

Whoever can write to the database can rewrite all records. So note the head, the last hash, elsewhere from time to
time: verify --head HASH finds out whether it still is among them.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to a parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.description = "Show who asked for, decided and ran what; or, with verify, whether all is as written."
    parser.epilog = _EPILOG
    parser.add_argument("task", nargs="?", choices=["verify"], help="look for changed, missing and re-ordered records")
    parser.add_argument("--since", type=time_given, metavar="TIME", help="from this moment: date, date-time or span")
    parser.add_argument("--until", type=time_given, metavar="TIME", help="before this moment")
    parser.add_argument("--thread", metavar="TS", help="only of the thread with this timestamp (thread_ts)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with everything")
    parser.add_argument("--head", type=_noted, metavar="HASH", help="with verify: a hash that must be among them")


def run(args: argparse.Namespace) -> int:
    """Run the command on the database that DATABASE_URL names, which is only read; the bot may be running.

    Out: the exit code: 0; 1 if `verify` has found a problem; 2 after one sentence if there is nothing to read.
    """
    return printed(lambda: _run(args))


def printed(command: Callable[[], int]) -> int:
    """Run a command that prints records. Out: its exit code; 2 after one sentence if it raises SettingsError or cannot
    print."""
    if sys.stdout is None:
        return _refused("There is no output to write the records to.")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = command()
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed the pipe. Without this, Python would report that once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SettingsError as error:
        return _refused(str(error))
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _refused(f"The records cannot be written out: {error.strerror}")
    return code


def _run(args: argparse.Namespace) -> int:
    exporting = args.since is not None or args.until is not None or args.thread is not None or args.json
    if args.task == "verify" and exporting:
        return _refused("verify looks at all records; of the options it takes --head only")
    if args.task is None and args.head is not None:
        return _refused("--head goes with verify: python -m bot audit verify --head HASH")
    since = 0.0 if args.since is None else args.since
    until = math.inf if args.until is None else args.until
    if until <= since:
        return _refused("--until must be later than --since")
    try:
        with open_audit(settings.load(needed=False).database_url) as log:
            if args.task == "verify":
                return _verify(log.verify(args.head or ""))
            written = _write(log.records(since, until, args.thread or ""), args.json)
    except StoreError as error:
        raise SettingsError("DATABASE_URL", error.detail) from error
    if not written:
        sys.stderr.write("No records.\n")
    return 0


def _refused(sentence: str) -> int:
    sys.stderr.write(f"{line(sentence)}\n")
    return 2


def _verify(check: AuditCheck) -> int:
    if check.findings:
        sys.stdout.writelines(f"{finding}\n" for finding in check.findings)
        return 1
    if not check.count:
        sys.stdout.write("There are no records.\n")
        return 0
    count = "1 record" if check.count == 1 else f"{check.count:,} records"
    span = f"from {clock(check.first)} to {clock(check.last)}"
    sys.stdout.write(f"{count} {span}, head {check.head}: nothing was changed, removed or re-ordered.\n")
    return 0


def _write(found: Iterator[AuditRecord], as_json: bool) -> int:
    """Write records out. Out: how many."""
    count = 0
    for count, record in enumerate(found, start=1):  # noqa: B007
        sys.stdout.write(f"{_json(record) if as_json else _text(record)}\n")
    return count


def _json(record: AuditRecord) -> str:
    """A record with everything, in ASCII without control characters."""
    values: JsonObject = {
        "seq": record.seq,
        "at": at(record.at),
        "kind": record.kind,
        "team": record.team,
        "channel": record.channel,
        "thread_ts": record.thread_ts,
        "thread": record.thread_id,
        "call": record.call,
        "approval": record.approval,
        "actor": record.actor,
        "facts": _parsed(record.facts),
        "previous": record.previous,
        "hash": record.hash,
    }
    try:
        return json.dumps(values, default=ascii, allow_nan=False)
    except (ValueError, RecursionError):
        # Somebody has modified the file: show its content as it is.
        values["facts"] = record.facts
        return json.dumps({name: str(value) for name, value in values.items()})


def _text(record: AuditRecord) -> str:
    """A record on one line."""
    facts = _parsed(record.facts)
    tool = ""
    if isinstance(facts, dict):
        tool = _word(facts.pop("tool", ""))
    approval = _word(str(record.approval)[:8])
    columns = f"{_word(record.kind):<9}  {_word(record.actor):<11}  {tool:<28}  {approval:<8}"
    try:
        words = [f"{name}: {value}" if name else value for name, value in _flat(facts, "")]
    except RecursionError:
        words = [_word(str(record.facts))]
    more = [f"and {len(words) - MAX_VALUES} more"] if len(words) > MAX_VALUES else []
    return f"{clock(record.at)}  {columns}  {', '.join([*words[:MAX_VALUES], *more])}".rstrip()


def _parsed(facts: object) -> Any:
    """Parse the facts as JSON; return them unchanged if they are invalid."""
    try:
        return json.loads(facts) if isinstance(facts, str) else facts
    except (ValueError, RecursionError):
        return facts


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield each single value with its full name, as text."""
    if isinstance(value, dict) and set(value) == {"redacted", "characters"} and isinstance(value["characters"], int):
        yield name, f"({value['characters']:,} characters, redacted)"
    elif isinstance(value, dict) and (value or not name):
        for inner, item in value.items():
            yield from _flat(item, f"{name}.{_word(inner)}" if name else _word(inner))
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from _flat(item, f"{name}[{place}]")
    else:
        yield name, _word(value) or '""'


def _word(value: object) -> str:
    """Return a value that cannot be mistaken for anything else: one bounded line, quoted unless it is a plain word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ({}, []):
        return "none"
    if not isinstance(value, str):
        return line(str(value))[:MAX_CHARS]
    if not value or (len(value) <= MAX_CHARS and _BARE.fullmatch(value)):
        return line(value)
    quoted = line(json.dumps(value[:MAX_CHARS], ensure_ascii=False))
    return quoted if len(value) <= MAX_CHARS else f"{quoted}… ({len(value):,} characters)"


def line(text: str) -> str:
    """Return text on one line, with every character visible, so that a terminal interprets none of it."""
    return visible(text).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")


def clock(moment: float) -> str:
    """Return a time to the second."""
    return at(moment).partition(".")[0].replace("T", " ") + "Z"


def at(moment: float) -> str:
    """Return a time in ISO 8601."""
    try:
        return audit_chain.moment(moment)
    except ValueError:
        return ascii(moment)[:MAX_CHARS]


def time_given(text: str) -> float:
    """Parse a time given by an operator. Out: Unix time in seconds."""
    span = _SPAN.fullmatch(text.strip())
    if span:
        return time.time() - int(span[1]) * _SECONDS[span[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        fix = "write a date (2026-11-01), a date-time (2026-11-01T09:30) or a span (24h, 7d)"
        raise argparse.ArgumentTypeError(f"{_word(text)} is no time; {fix}") from None


def _noted(text: str) -> str:
    """Parse a hash given by an operator."""
    if not _HASH.fullmatch(text.strip().lower()):
        raise argparse.ArgumentTypeError(f"{_word(text)} is no hash: those have 64 hexadecimal digits")
    return text.strip().lower()
