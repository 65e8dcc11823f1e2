"""What is written about budgets in bot.toml is an amount and an id, or refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config.bot_toml import Configuration, load
from bot.core.budget import Budget
from bot.errors import SettingsError


def loaded(folder: Path, toml: str) -> Configuration:
    path = folder / "bot.toml"
    path.write_text(toml)
    return load(path)


@pytest.mark.parametrize("budget", Budget)
@pytest.mark.parametrize("value", ["-0.01", "nan", "-nan", "inf", "-inf", "1e300", '"5"', "true", "false", "[5]", "{}"])
def test_what_is_no_amount_is_refused(tmp_path: Path, budget: Budget, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, f"[budgets]\n{budget} = {value}\n")
    assert "must be an amount in US dollars" in str(refused.value)
    assert str(budget) in str(refused.value)


@pytest.mark.parametrize(("value", "cap"), [("0", 0.0), ("3", 3.0), ("0.25", 0.25)])
def test_an_amount_is_read(tmp_path: Path, value: str, cap: float) -> None:
    assert loaded(tmp_path, f"[budgets]\nday = {value}\n").budgets.of(Budget.DAY) == cap


@pytest.mark.parametrize("toml", ["budgets = 5", "[budgets]\nweek = 5", "[[budgets]]\nday = 5"])
def test_what_is_no_budget_is_refused(tmp_path: Path, toml: str) -> None:
    with pytest.raises(SettingsError):
        loaded(tmp_path, toml)


@pytest.mark.parametrize("value", ['["alice"]', '["C0GENERAL"]', '[""]', "[5]", '"alice"', "true", "{}", '["u0alice"]'])
def test_an_operator_that_is_no_id_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, f"[agent]\noperators = {value}\n")
    assert "operators" in str(refused.value)


def test_operators_are_people_and_groups_each_once(tmp_path: Path) -> None:
    found = loaded(tmp_path, '[agent]\noperators = ["U0ALICE", "S0GROUP", "U0ALICE"]\n')
    assert found.operators == ("U0ALICE", "S0GROUP")


def test_one_operator_needs_no_list(tmp_path: Path) -> None:
    assert loaded(tmp_path, '[agent]\noperators = "U0ALICE"\n').operators == ("U0ALICE",)
