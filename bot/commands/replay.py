"""`python -m bot doctor --replay DAYS`: which calls recorded in the last days bot.toml, as it is now, would allow, ask
about or deny."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from bot.core.audit import AuditRecord
from bot.core.json_text import JsonObject
from bot.core.policy.conditions import Inside
from bot.core.policy.rules import Facts, Policy, Ruling
from bot.core.ports.toolset import Toolset
from bot.core.tools import Tool
from bot.core.untrusted import mapping, parsed
from bot.slack.text import visible

DAY = 86_400.0
AT_ONCE = 200
"""Calls that are judged together."""
EXAMPLES = 5
"""Calls that are named for each way in which a tool's calls differ."""
WORDS = 100
"""Characters of the arguments of an example."""
MAX_THREADS = 10_000
"""Threads whose last requester is kept in memory."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One decision about a call, as it was recorded."""

    tool: str
    was: Ruling
    at: float
    channel: str
    thread_ts: str
    user: str
    """Who had asked; empty if that is not recorded."""
    arguments: JsonObject | None
    """None if they were redacted, too long to be kept, or are missing."""
    by_grant: bool = False


@dataclass(slots=True)
class Replayed:
    """How the calls of one tool were decided then, and how they would be now."""

    was: Counter[Ruling] = field(default_factory=Counter[Ruling])
    now: Counter[Ruling] = field(default_factory=Counter[Ruling])
    by_grant: int = 0
    """How many of those in `was[ASK]` ran under a standing grant."""
    differing: Counter[tuple[Ruling, Ruling]] = field(default_factory=Counter[tuple[Ruling, Ruling]])
    """(then, now)."""
    examples: dict[tuple[Ruling, Ruling], list[str]] = field(default_factory=dict[tuple[Ruling, Ruling], list[str]])
    without_arguments: int = 0
    """Not judged, because their arguments were redacted or are missing."""
    gone: int = 0
    """Not judged, because the tool is not available now."""


def recorded(records: Iterable[AuditRecord]) -> Iterator[Recorded]:
    """Yield the decisions of the policy in the audit: for each call that ran without asking, was asked about, or was
    refused. Only the last requester in each of the latest threads is kept in memory."""
    people: dict[int, str] = {}
    for record in records:
        facts = mapping(parsed(record.facts))
        if record.kind in ("started", "finished") and record.actor:
            people.pop(record.thread_id, None)
            people[record.thread_id] = record.actor
            if len(people) > MAX_THREADS:
                del people[next(iter(people))]
        was = _ruling(record, facts)
        if was is not None:
            user = str(facts.get("requester") or record.actor or people.get(record.thread_id, ""))
            by_grant = str(facts.get("why") or "").startswith("grant ")
            yield Recorded(
                str(facts.get("tool") or "?"),
                was,
                float(record.at),
                record.channel,
                record.thread_ts,
                user,
                _arguments(facts.get("arguments")),
                by_grant,
            )


def _ruling(record: AuditRecord, facts: JsonObject) -> Ruling | None:
    """Return how the policy decided; None if the record is about something else."""
    if record.kind == "requested" and facts.get("question") == "may_it_run":
        return Ruling.ASK
    if record.kind == "started" and not record.approval and facts.get("attempt") == 1:
        return Ruling.ASK if str(facts.get("why") or "").startswith("grant ") else Ruling.ALLOW
    refused = record.kind == "finished" and not record.approval and facts.get("outcome") == "refused"
    return Ruling.DENY if refused and "arguments" in facts else None


def _arguments(kept: Any) -> JsonObject | None:
    """Return recorded arguments; None if they are not all there (`bot.store.sqlite.audit.redacted`)."""
    if not isinstance(kept, dict):
        return None
    if kept.keys() in ({"characters", "sha256"}, {"unreadable"}, {"text"}):
        return None
    left: list[Any] = [kept]
    while left:
        value = left.pop()
        if isinstance(value, dict):
            if value.keys() == {"redacted", "characters"} and value["redacted"] is True:
                return None
            left += value.values()
        elif isinstance(value, list):
            left += value
    return kept


async def replay(policy: Policy, toolset: Toolset, records: Iterable[AuditRecord]) -> dict[str, Replayed]:
    """Return by tool how a policy decides recorded calls, with the tools, folders and links as they are now.

    User groups are not looked up, so a rule for a group counts as unknown: it asks or denies, and never allows.
    """
    found: dict[str, Replayed] = {}
    calls = recorded(records)
    while batch := list(islice(calls, AT_ONCE)):
        by_tool: dict[str, list[Recorded]] = {}
        for call in batch:
            about = found.setdefault(call.tool, Replayed())
            tool = toolset.find(call.tool)
            if tool is None:
                about.gone += 1
            elif call.arguments is None:
                about.without_arguments += 1
            else:
                by_tool.setdefault(call.tool, []).append(call)
        for name, these in by_tool.items():
            tool = toolset.find(name)
            if tool is not None:
                for call, now in zip(these, await _judged(policy, toolset, tool, these), strict=True):
                    _count(found[name], call, now)
    return found


async def _judged(policy: Policy, toolset: Toolset, tool: Tool, calls: Sequence[Recorded]) -> list[Ruling]:
    def judge(inside: Inside) -> list[Ruling]:
        return [policy.judge(tool, call.arguments or {}, _facts(call), inside).ruling for call in calls]

    if policy.checks_paths(tool):
        return await toolset.guard(tool.server).looking(tool, judge)
    return judge(lambda *_: None)


def _facts(call: Recorded) -> Facts:
    # The audit records only the id of a channel, and `C…` may be public or private.
    kind = "im" if call.channel.startswith("D") else "unknown"
    return Facts(call.channel, kind, call.user, None)


def _count(about: Replayed, call: Recorded, now: Ruling) -> None:
    about.was[call.was] += 1
    about.now[now] += 1
    about.by_grant += call.by_grant
    if now is not call.was:
        pair = (call.was, now)
        about.differing[pair] += 1
        examples = about.examples.setdefault(pair, [])
        if len(examples) < EXAMPLES:
            examples.append(_example(call))


def _example(call: Recorded) -> str:
    clock = time.strftime("%Y-%m-%d %H:%M", time.gmtime(call.at))
    text = visible(json.dumps(call.arguments, ensure_ascii=False)).replace("\n", " ").replace("\t", " ")
    shown = text if len(text) <= WORDS else f"{text[: WORDS - 1]}…"
    return f"{clock}Z  {call.channel} {call.thread_ts}  {call.user or '?'}  {shown}"


_DONE = {Ruling.ALLOW: "allowed", Ruling.ASK: "asked", Ruling.DENY: "denied"}


def as_text(found: dict[str, Replayed], days: float) -> str:
    """Return the result for people."""
    span = f"the last {days:g} day{'' if days == 1 else 's'}"
    if not found:
        return f"There are no recorded calls of {span}.\n"
    judged = sum(sum(each.now.values()) for each in found.values())
    lines = [f"{judged:,} recorded calls of {span}, judged by bot.toml as it is now (in brackets: then):", ""]
    rows = [("tool", *_DONE.values())]
    for name, about in sorted(found.items()):
        rows.append((visible(name), *(f"{about.now[ruling]:,} ({about.was[ruling]:,})" for ruling in _DONE)))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [*_remarks(found), ""]
    differing = [(name, about) for name, about in sorted(found.items()) if about.differing]
    if not differing:
        lines.append("No decision would have been different.")
    for name, about in differing:
        for (was, now), count in sorted(about.differing.items()):
            lines.append(f"{visible(name)}: {count:,} {_DONE[was]} then, {_DONE[now]} now:")
            examples = about.examples[was, now]
            lines += [f"  {each}" for each in examples]
            if count > len(examples):
                lines.append(f"  and {count - len(examples):,} more")
    return "\n".join(lines) + "\n"


def _remarks(found: dict[str, Replayed]) -> list[str]:
    grants = sum(each.by_grant for each in found.values())
    kept = sum(each.without_arguments for each in found.values())
    gone = sum(each.gone for each in found.values())
    lines: list[str] = []
    if grants:
        lines.append(f"Those that were asked about then include {grants:,} that ran under a standing grant.")
    if kept:
        lines.append(f"Not judged: {kept:,} whose arguments were redacted or are missing.")
    if gone:
        lines.append(f"Not judged: {gone:,} of tools that are not available now.")
    return ["", *lines] if lines else []


def as_json(found: dict[str, Replayed], days: float) -> JsonObject:
    """Return the result for programs."""
    return {
        "days": days,
        "tools": {
            name: {
                "then": {_DONE[ruling]: about.was[ruling] for ruling in _DONE},
                "now": {_DONE[ruling]: about.now[ruling] for ruling in _DONE},
                "under_grants": about.by_grant,
                "without_arguments": about.without_arguments,
                "tool_gone": about.gone,
                "differing": [
                    {"then": _DONE[was], "now": _DONE[now], "count": count, "examples": about.examples[was, now]}
                    for (was, now), count in sorted(about.differing.items())
                ],
            }
            for name, about in sorted(found.items())
        },
    }
