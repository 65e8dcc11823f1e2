"""Days and months, in UTC. Pure."""

from __future__ import annotations

import re

DAY_SECONDS = 86_400
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day(at: float) -> str:
    """Return the day of a time (Unix time in seconds): `2026-11-28`."""
    return "{:04d}-{:02d}-{:02d}".format(*_date(int(at // DAY_SECONDS)))


def moment(at: int) -> str:
    """Return a time (Unix time in seconds) as `2026-11-28T09:05:00Z`."""
    hours, rest = divmod(at % DAY_SECONDS, 3_600)
    return f"{day(at)}T{hours:02d}:{rest // 60:02d}:{rest % 60:02d}Z"


def is_day(text: str) -> bool:
    """Return whether a text is a day of the calendar, such as `2026-11-28`."""
    if not _DAY.fullmatch(text):
        return False
    year, month, number = map(int, text.split("-"))
    return 1 <= month <= 12 and year > 0 and day(_number(year, month, number) * DAY_SECONDS) == text


def month(at: float) -> str:
    """Return the month of a time (Unix time in seconds): `2026-11`."""
    return day(at)[:7]


def end(period: str) -> float:
    """Return when a day or a month ends, as Unix time in seconds."""
    return float(_first_after(period) * DAY_SECONDS)


def next_day(period: str) -> str:
    """Return the day after a day or a month, for people: `1 December`."""
    _, month, day = _date(_first_after(period))
    return f"{day} {_MONTHS[month - 1]}"


def _first_after(period: str) -> int:
    year, month, *days = map(int, period.split("-"))
    return _number(year, month, days[0]) + 1 if days else _number(year + month // 12, month % 12 + 1, 1)


# Years are counted from March, so that a leap day is the last of its year; 146,097 days are 400 years.


def _number(year: int, month: int, day: int) -> int:
    """Return the number of days since 1 January 1970 of a date of the Gregorian calendar."""
    year -= month <= 2
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - 719_468


def _date(number: int) -> tuple[int, int, int]:
    """Return the date (year, month, day) of a number of days since 1 January 1970."""
    era, rest = divmod(number + 719_468, 146_097)
    year = (rest - rest // 1_460 + rest // 36_524 - rest // 146_096) // 365
    of_year = rest - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    day = of_year - (153 * month + 2) // 5 + 1
    return year + 400 * era + (month >= 10), (month + 2) % 12 + 1, day
