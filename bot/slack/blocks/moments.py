"""Shows the times in the bot's own sentences: in each reader's time zone where Slack can, otherwise in UTC. Pure.

A sentence is written once and read in many time zones. So it holds the time in ISO 8601, as `2026-11-28T14:05Z`
(`bot.errors`), which is replaced here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

_MOMENT: Final = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\dZ")
_WITH_DAY: Final = re.compile(rf"\bon ({_MOMENT.pattern})")


def localised(text: str) -> str:
    """Return an escaped text with its times as Slack's date tokens (docs.slack.dev/messaging/formatting-message-text),
    with the day where the sentence says "on"."""
    with_days = _replaced(_WITH_DAY, text, lambda at: f"on <!date^{int(at)}^{{date_short}} at {{time}}|{_day(at)}>")
    return _replaced(_MOMENT, with_days, lambda at: f"<!date^{int(at)}^{{time}}|{_time(at)}>")


def in_utc(text: str) -> str:
    """Return a text with its times written out, for notifications and other plain text."""
    return _replaced(_MOMENT, _replaced(_WITH_DAY, text, lambda at: f"on {_day(at)}"), _time)


def _replaced(pattern: re.Pattern[str], text: str, shown: Callable[[float], str]) -> str:
    def replace(match: re.Match[str]) -> str:
        try:
            return shown(_unix_time(match[match.lastindex or 0]))
        except ValueError:
            return match[0]

    return pattern.sub(replace, text)


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M} UTC"


def _day(at: float) -> str:
    when = datetime.fromtimestamp(at, UTC)
    return f"{when.day} {when:%B} at {when:%H:%M} UTC"


def _unix_time(text: str) -> float:
    return datetime.strptime(text, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC).timestamp()
