"""What people think of answers, in memory."""

from __future__ import annotations

from dataclasses import replace

from tests.extending.memory.tables import Opinion, Tables, now


def rate(tables: Tables, turn: int, channel: str, user: str, *, good: bool) -> bool:
    """Keep an opinion of an answered turn in this channel. Out: whether there is one."""
    row = tables.turns.get(turn)
    if row is None or row.ended != "answered" or tables.threads[row.thread].place.channel != channel:
        return False
    before = tables.feedback.get((turn, user))
    words = before.words if before and before.good == good else ""
    tables.feedback[turn, user] = Opinion(good, words, now())
    return True


def explain(tables: Tables, turn: int, user: str, words: str) -> bool:
    """Keep why somebody calls an answer bad. Out: whether they do."""
    before = tables.feedback.get((turn, user))
    if before is None or before.good:
        return False
    tables.feedback[turn, user] = replace(before, words=words, at=now())
    return True
