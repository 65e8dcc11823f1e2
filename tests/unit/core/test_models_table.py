"""`[models]` of bot.toml is read, and whatever is wrong in it is reported with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config.bot_toml import load
from bot.config.models_table import ModelsTable
from bot.config.settings import load as load_settings
from bot.core.model_options import Choice
from bot.errors import SettingsError

WHOLE = """\
[models]
allowed = ["a/b", " c/d:free ", "a/b"]
effort = "low"

[models.channels]
C123 = {model = "e/f"}
G456 = {effort = "none"}

[models.provider]
order = ["anthropic", "openai"]
only = "anthropic"
allow_fallbacks = false
require_parameters = true
data_collection = "deny"
zdr = true
sort = "price"
max_price = {prompt = 1, completion = 2.5}
"""


def read(folder: Path, text: str) -> ModelsTable:
    path = folder / "bot.toml"
    path.write_text(text, "utf-8")
    return load(path).models


def test_every_key_is_read(tmp_path: Path) -> None:
    table = read(tmp_path, WHOLE)
    assert table.allowed == ("a/b", "c/d:free")
    assert table.effort == "low"
    assert table.channels == {"C123": Choice("e/f"), "G456": Choice("", "none")}
    assert table.provider == {
        "order": ["anthropic", "openai"],
        "only": ["anthropic"],
        "allow_fallbacks": False,
        "require_parameters": True,
        "data_collection": "deny",
        "zdr": True,
        "sort": "price",
        "max_price": {"prompt": 1.0, "completion": 2.5},
    }


def test_without_the_table_nothing_is_configured(tmp_path: Path) -> None:
    assert read(tmp_path, "") == ModelsTable()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('allow = ["a/b"]', "`models.allow` is an unknown key. Did you mean `allowed`?"),
        ("allowed = []", "must be a string or a list of strings"),
        ('allowed = ["a b"]', "contains 'a b', which is not the id of a model"),
        ('allowed = ["a/b,c/d"]', "which is not the id of a model"),
        ('effort = "max"', "must be one of none, minimal, low, medium, high"),
        ('channels.general = {model = "a/b"}', "`models.channels.general` is not the id of a channel"),
        ('channels.C1 = "a/b"', "must be a table"),
        ('channels.C1 = {modell = "a/b"}', "Did you mean `model`?"),
        ('channels.C1 = {model = "a b"}', "`models.channels.C1.model` is not the id of a model"),
        ('provider = "anthropic"', "must be a table"),
        ('provider = {sorted = "price"}', "Did you mean `sort`?"),
        ('provider = {sort = "cheap"}', "must be one of price, throughput, latency"),
        ('provider = {zdr = "yes"}', "must be true or false"),
        ("provider = {order = [1]}", "must be a string or a list of strings"),
        ("provider = {max_price = {prompt = -1}}", "must be a number from 0"),
        ("provider = {max_price = {prompt = nan}}", "must be a number from 0"),
        ("provider = {max_price = {tokens = 1}}", "is an unknown key"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        read(tmp_path, f"[models]\n{text}\n")
    assert "line 2: " in str(raised.value)
    assert words in str(raised.value)


def test_a_model_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    found = load_settings({"OPENROUTER_MODEL": "a/b, c/d,a/b ,"}, tmp_path, needed=False)
    assert found.models == ("a/b", "c/d")
    assert found.model_options.offered("C1") == ("a/b",)
