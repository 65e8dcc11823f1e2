"""Draws what was spent, for the Home tab: in sentences, and for operators by person, channel, model and day. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.budget import Sum, about
from bot.core.cost_view import CostList
from bot.core.usage import By
from bot.slack.blocks.elements import Block, bold, header, one_line, person, plain, remark, rich, section

NAME = 80
"""Characters of the name of a model."""
_PERSON = re.compile(r"[UW][A-Z0-9]+")
_CHANNEL = re.compile(r"[CG][A-Z0-9]+")
_TITLES = {
    By.PERSON: "By person, this month",
    By.CHANNEL: "By channel, this month",
    By.MODEL: "By model, this month",
    By.DAY: "By day, in UTC",
}


def costs(lines: Sequence[str], lists: Sequence[CostList]) -> list[Block]:
    """Return the blocks about costs; none if nothing was spent."""
    return [header("Cost"), *map(remark, lines), *map(_list, lists)] if lines or lists else []


def _list(shown: CostList) -> Block:
    listed = _without_direct_messages(shown.rows) if shown.by is By.CHANNEL else shown.rows
    rows = [section(_name(shown.by, name), plain(f": {about(found)}")) for name, found in listed]
    if shown.others is not None:
        rows.append(section(plain(f"all others: {about(shown.others)}")))
    bullets: Block = {"type": "rich_text_list", "style": "bullet", "elements": rows}
    return rich(section(bold(_TITLES[shown.by])), bullets)


def _without_direct_messages(rows: Sequence[tuple[str, Sum]]) -> Sequence[tuple[str, Sum]]:
    """Return the sums of channels, and one of all direct messages: which one is which, nobody is told."""
    found: dict[str, Sum] = {}
    for name, each in rows:
        key = name if _CHANNEL.fullmatch(name) else ""
        before = found.get(key, Sum())
        found[key] = Sum(before.cost + each.cost, before.estimated + each.estimated)
    return sorted(found.items(), key=lambda row: -row[1].cost)


def _name(by: By, name: str) -> Block:
    if by is By.PERSON:
        return person(name) if not name or _PERSON.fullmatch(name) else plain(f"the app {one_line(name, NAME)}")
    if by is By.CHANNEL:
        # A reader who is not in a private channel reads only that it is one.
        return {"type": "channel", "channel_id": name} if _CHANNEL.fullmatch(name) else plain("direct messages")
    return plain(one_line(name, NAME) or "unknown")
