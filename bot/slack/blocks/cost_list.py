"""Draws what was spent, for the Home tab: in sentences, and for operators by person, channel, model and day. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.core.budget import about
from bot.core.cost_view import CostList
from bot.core.usage import By
from bot.slack.blocks.elements import Block, bold, header, one_line, person, plain, remark, rich, section

NAME = 80
"""Characters of the name of a model."""
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
    rows = [section(_name(shown.by, name), plain(f": {about(found)}")) for name, found in shown.rows]
    if shown.others is not None:
        rows.append(section(plain(f"all others: {about(shown.others)}")))
    bullets: Block = {"type": "rich_text_list", "style": "bullet", "elements": rows}
    return rich(section(bold(_TITLES[shown.by])), bullets)


def _name(by: By, name: str) -> Block:
    if by is By.PERSON:
        return person(name)
    if by is By.CHANNEL:
        # A reader who is not in a private channel reads only that it is one.
        return {"type": "channel", "channel_id": name} if _CHANNEL.fullmatch(name) else plain("a direct message")
    return plain(one_line(name, NAME) or "unknown")
