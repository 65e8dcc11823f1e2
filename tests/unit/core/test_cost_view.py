"""What operators see of the costs of the team."""

from __future__ import annotations

from bot.core.budget import Sum
from bot.core.cost_view import DAYS, LISTED, MOST, cost_lists, team_keys
from bot.core.usage import By

AT = 1_795_000_000.0
KEYS = team_keys(AT)
NOTHING = [Sum()] * (DAYS + 1)


def test_the_last_days_are_listed_the_newest_first() -> None:
    assert [each.period for each in KEYS[:3]] == ["2026-11", "2026-11-18", "2026-11-17"]
    sums = [Sum(4.0), Sum(1.0), Sum(), Sum(3.0), *NOTHING[4:]]
    [shown] = cost_lists(KEYS, sums, {})
    assert (shown.by, shown.rows) == (By.DAY, [("2026-11-18", Sum(1.0)), ("2026-11-16", Sum(3.0))])


def test_those_that_are_not_named_are_added_up() -> None:
    rows = [(f"model-{number}", Sum(1.0, estimated=1)) for number in range(MOST + 1)]
    sums = [Sum(MOST + 2.5, estimated=MOST + 3), *NOTHING[1:]]
    [shown] = cost_lists(KEYS, sums, {By.MODEL: rows})
    assert (shown.rows, shown.others) == (rows[:MOST], Sum(2.5, estimated=3))
    [all_named] = cost_lists(KEYS, sums, {By.MODEL: rows[:MOST]})
    assert all_named.others is None


def test_what_has_cost_nothing_is_not_listed() -> None:
    rest = 0.1 + 0.2 - 0.3
    assert cost_lists(KEYS, NOTHING, {by: [("", Sum()), ("moved", Sum(rest))] for by in LISTED}) == []
    [shown] = cost_lists(KEYS, NOTHING, {By.MODEL: [("unpriced", Sum(0.0, estimated=2)), ("", Sum())]})
    assert shown.rows == [("unpriced", Sum(0.0, estimated=2))]
