"""Reads `[models]` of bot.toml: which models people may choose, defaults of channels, and OpenRouter's `provider`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.config import compaction_table
from bot.config.toml_file import KeyPath, Table, TomlFile
from bot.core.model_options import EFFORTS, Choice

KEYS: Final = ("allowed", "effort", "channels", "provider", *compaction_table.KEYS)
_ID: Final = re.compile(r"[!-+\--~]{1,200}")
"""An id of a model: no space, and no comma, which separates models in OPENROUTER_MODEL."""
_CHANNEL: Final = re.compile(r"[CGD][A-Z0-9]+")
_LISTS: Final = ("order", "only", "ignore", "quantizations")
_FLAGS: Final = ("allow_fallbacks", "require_parameters", "zdr")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "data_collection": ("allow", "deny"),
    "sort": ("price", "throughput", "latency"),
}
_PRICES: Final = ("prompt", "completion", "request", "image")


@dataclass(frozen=True, slots=True)
class ModelsTable:
    """The content of `[models]`."""

    allowed: tuple[str, ...] = ()
    effort: str = ""
    channels: Mapping[str, Choice] = field(default_factory=dict[str, Choice])
    provider: Mapping[str, object] = field(default_factory=dict[str, object])
    """OpenRouter's `provider` object (https://openrouter.ai/docs/guides/routing/provider-selection), as it is sent;
    empty if it is not to be sent."""


def load(file: TomlFile) -> ModelsTable:
    """Read the table. Raises SettingsError for the first invalid value."""
    table = file.table(file.document, ("models",))
    file.known(table, ("models",), KEYS)
    return ModelsTable(
        allowed=tuple(dict.fromkeys(_models(file, table))),
        effort=_effort(file, table, ("models", "effort")),
        channels=_channels(file, file.table(table, ("models", "channels"))),
        provider=_provider(file, file.table(table, ("models", "provider"))),
    )


def _models(file: TomlFile, table: Table) -> tuple[str, ...]:
    place = ("models", "allowed")
    models = tuple(model.strip() for model in file.texts(table, place))
    for model in models:
        if not _ID.fullmatch(model):
            raise file.wrong(place, f"contains {model!r}, which is not the id of a model")
    return models


def _effort(file: TomlFile, table: Table, place: KeyPath) -> str:
    return file.choice(table, place, EFFORTS, "") if str(place[-1]) in table else ""


def _channels(file: TomlFile, table: Table) -> Mapping[str, Choice]:
    found: dict[str, Choice] = {}
    for channel in table:
        place = ("models", "channels", channel)
        if not _CHANNEL.fullmatch(channel):
            raise file.wrong(place, "is not the id of a channel (C…)")
        own = file.table(table, place)
        file.known(own, place, ("model", "effort"))
        model = file.text(own, (*place, "model"))
        if model and not _ID.fullmatch(model):
            raise file.wrong((*place, "model"), "is not the id of a model")
        found[channel] = Choice(model, _effort(file, own, (*place, "effort")))
    return found


def _provider(file: TomlFile, table: Table) -> Mapping[str, object]:
    at: KeyPath = ("models", "provider")
    file.known(table, at, (*_LISTS, *_FLAGS, *_CHOICES, "max_price"))
    found: dict[str, object] = {}
    for key in table:
        place = (*at, key)
        if key in _LISTS:
            found[key] = list(file.texts(table, place))
        elif key in _FLAGS:
            found[key] = file.flag(table, place, default=False)
        elif key in _CHOICES:
            found[key] = file.choice(table, place, _CHOICES[key], "")
        else:
            prices = file.table(table, place)
            file.known(prices, place, _PRICES)
            found[key] = {name: file.number(prices, (*place, name), 0.0, zero=True) for name in prices}
    return found
