"""What budgets say and how costs are estimated."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import periods
from bot.core.budget import Basis, Budget, Caps, Standing, Sum, SumKey, ended, money, nearly, priced
from bot.core.model_info import Prices
from bot.core.transaction import Usage


@given(st.floats(0, 253_370_764_800, allow_nan=False))
def test_days_and_months_are_those_of_the_calendar_in_utc(at: float) -> None:
    then = datetime.fromtimestamp(int(at), UTC)
    assert periods.day(at) == f"{then:%Y-%m-%d}"
    assert periods.month(at) == f"{then:%Y-%m}"
    midnight = then.replace(hour=0, minute=0, second=0) + timedelta(days=1)
    assert periods.end(periods.day(at)) == midnight.timestamp()
    first = (then.replace(day=1, hour=0, minute=0, second=0) + timedelta(days=32)).replace(day=1)
    assert periods.end(periods.month(at)) == first.timestamp()
    assert periods.next_day(periods.month(at)) == f"1 {first:%B}"


@pytest.mark.parametrize(
    ("usage", "prices", "expected"),
    [
        (Usage(100, 10, 0, 0.5), Prices(1.0, 1.0), (0.5, Basis.REPORTED)),
        (Usage(100, 10, 0, 0.0, reported=True), Prices(1.0, 1.0), (0.0, Basis.REPORTED)),
        (Usage(100, 10, 0), Prices(0.25, 2.0), (45.0, Basis.ESTIMATED)),
        (Usage(100, 10, 40), Prices(0.25, 2.0), (45.0, Basis.ESTIMATED)),
        (Usage(100, 10, 40), Prices(0.25, 2.0, 0.125), (40.0, Basis.ESTIMATED)),
        (Usage(100, 10, 400), Prices(0.25, 2.0, 0.125), (32.5, Basis.ESTIMATED)),
        (Usage(100, 10, 0), Prices(0.25), (0.0, Basis.UNKNOWN)),
        (Usage(100, 10, 0), Prices(-1.0, -1.0), (0.0, Basis.UNKNOWN)),
        (Usage(100, 10, 0), None, (0.0, Basis.UNKNOWN)),
    ],
)
def test_a_cost_that_is_not_reported_is_estimated_from_prices(
    usage: Usage, prices: Prices | None, expected: tuple[float, Basis]
) -> None:
    found, basis = priced(usage, prices)
    assert (found.cost, basis) == expected
    assert (found.prompt_tokens, found.completion_tokens) == (100, 10)


@pytest.mark.parametrize(
    ("cap", "spent", "allowed", "reached"),
    [
        (1.0, 0.999, 0.0, False),
        (1.0, 1.0, 0.0, True),
        (1.0, sum([0.1] * 10), 0.0, True),  # a little less than 1 in floating point
        (1.0, 1.5, 1.0, False),
        (0.0, 0.0, 0.0, True),
        (0.0, 0.5, 1.0, False),
    ],
)
def test_a_budget_is_reached_once_nothing_of_it_is_left(
    cap: float, spent: float, allowed: float, reached: bool
) -> None:
    assert Standing(Budget.DAY, SumKey("all", "", "2026-11-28"), cap, Sum(spent, allowed=allowed)).reached == reached


def test_what_was_estimated_is_marked_for_people() -> None:
    standing = Standing(Budget.THREAD, SumKey("thread", "1"), 1.0, Sum(0.5, estimated=1))
    assert nearly(standing, 0.25) == "The budget for this thread is nearly used up: about $0.75 of $1.00."
    assert [money(each) for each in (0, 0.0042, 0.01, 1234.5)] == ["$0.00", "$0.0042", "$0.01", "$1,234.50"]


def test_a_budget_of_a_month_says_when_it_starts_again() -> None:
    standing = Standing(Budget.MONTH, SumKey("all", "", "2026-12"), 20.0, Sum(20.0))
    assert ended(standing, "") == (
        "The team's budget for this month ($20.00) is used up. Everything so far is kept. It starts again on 1 January"
        " at 00:00 UTC: press Retry then, or once it is raised."
    )


def test_there_are_caps_only_where_they_are_set() -> None:
    assert not Caps().any
    assert Caps(day=0.0).any
