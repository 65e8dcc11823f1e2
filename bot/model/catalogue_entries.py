"""Reads a list of models, as `GET /models` returns it, and the file in which it is kept. Pure.

OpenRouter's list (https://openrouter.ai/docs/api/api-reference/models/get-models) says of each model which parameters
it supports, what it costs and how long its context is. Other endpoints with OpenAI's API list only ids, some of them
with a context length under another name. Each value is checked here; one that makes no sense is left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from bot.core.json_text import JsonObject
from bot.core.known_models import KnownModels
from bot.core.model_info import ModelInfo, Prices
from bot.core.untrusted import items, mapping

MAX_BYTES: Final = 2_000_000
"""The longest list that is read. OpenRouter's has 500 kB; parsing this many bytes stops other threads for 20 ms."""
MAX_MODELS: Final = 5_000
MAX_PRICE: Final = 1.0
"""US dollars per token. A higher price is a mistake."""
MAX_TOKENS: Final = 100_000_000
_ID: Final = re.compile(r"[!-~]{1,200}")
_CONTEXT: Final = ("context_length", "max_model_len", "context_window", "max_context_length")
"""OpenRouter's name, and those of vLLM, Groq and LM Studio."""
_FORMAT: Final = 1
_PRICES: Final = tuple(each.name for each in fields(Prices))
"""As they are kept; later versions add some at the end."""
_EARLIEST: Final = datetime(2020, 1, 1, tzinfo=UTC).timestamp()
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def parse(body: bytes, now: Callable[[], float]) -> KnownModels | None:
    """Return the models of an answer; None if it is no list of models."""
    document = _document(body)
    listed = document if isinstance(document, list) else mapping(document).get("data")
    if not isinstance(listed, list):
        return None
    models: dict[str, ModelInfo] = {}
    aliases: dict[str, str] = {}
    for entry in listed[:MAX_MODELS]:
        info = model_info(mapping(entry))
        if info is None or info.id in models:
            continue
        models[info.id] = info
        alias = _id(mapping(entry).get("canonical_slug"))
        # Variants such as `:free` have the name of the model that they are a variant of.
        if alias and (alias not in aliases or ":" in aliases[alias]):
            aliases[alias] = info.id
    if listed and not models:
        return None
    described = sum(info.tools is not None for info in models.values())
    return KnownModels(
        models.values(),
        {alias: id for alias, id in aliases.items() if alias not in models},
        complete=0 < len(models) <= 2 * described and len(listed) <= MAX_MODELS,
        now=now,
    )


def model_info(entry: JsonObject) -> ModelInfo | None:
    """Return what an entry says; None if it has no id."""
    id_ = _id(entry.get("id"))
    if not id_:
        return None
    pricing = mapping(entry.get("pricing"))
    if any((_number(pricing.get(name)) or 0.0) < 0 for name in ("prompt", "completion")):
        # A router, such as `openrouter/auto`: which model answers, and so everything else, is not known before.
        return ModelInfo(id_)
    provider = mapping(entry.get("top_provider"))
    parameters = _texts(entry.get("supported_parameters"))
    return ModelInfo(
        id=id_,
        context_length=next((size for name in _CONTEXT if (size := _tokens(entry.get(name)))), None)
        or _tokens(provider.get("context_length")),
        max_completion=_tokens(provider.get("max_completion_tokens")),
        tools="tools" in parameters if parameters else None,
        reasoning=not parameters.isdisjoint({"reasoning", "reasoning_effort"}) if parameters else None,
        inputs=_inputs(mapping(entry.get("architecture"))),
        prices=Prices(
            _price(pricing.get("prompt")),
            _price(pricing.get("completion")),
            _price(pricing.get("input_cache_read")),
            _price(pricing.get("input_cache_write")),
        ),
        expires=_time(entry.get("expiration_date")),
    )


def dump(known: KnownModels, endpoint: str, at: float) -> str:
    """Return the content of the file that keeps a list. endpoint: whose list it is; at: when it was read."""
    models = [
        {
            "id": info.id,
            "context_length": info.context_length,
            "max_completion": info.max_completion,
            "tools": info.tools,
            "reasoning": info.reasoning,
            "inputs": None if info.inputs is None else sorted(info.inputs),
            "prices": [getattr(info.prices, name) for name in _PRICES],
            "expires": info.expires,
        }
        for info in known.models.values()
    ]
    kept = {"format": _FORMAT, "endpoint": endpoint, "at": at, "complete": known.complete}
    return json.dumps({**kept, "aliases": known.aliases, "models": models}, separators=(",", ":"))


def undump(body: bytes, endpoint: str, now: Callable[[], float]) -> tuple[KnownModels, float] | None:
    """Return a list that was kept, and when it was read; None if it is of another endpoint or cannot be read."""
    kept = mapping(_document(body)) if len(body) <= MAX_BYTES else {}
    at = _number(kept.get("at"))
    if kept.get("format") != _FORMAT or kept.get("endpoint") != endpoint or at is None:
        return None
    models = [info for entry in items(kept.get("models"))[:MAX_MODELS] if (info := _kept_info(mapping(entry)))]
    aliases = {alias: id for alias, id in mapping(kept.get("aliases")).items() if isinstance(id, str)}
    return KnownModels(models, aliases, complete=kept.get("complete") is True, now=now), at


def _kept_info(entry: JsonObject) -> ModelInfo | None:
    id_ = _id(entry.get("id"))
    prices = [*items(entry.get("prices")), *[None] * len(_PRICES)]
    inputs = entry.get("inputs")
    if not id_:
        return None
    return ModelInfo(
        id=id_,
        context_length=_tokens(entry.get("context_length")),
        max_completion=_tokens(entry.get("max_completion")),
        tools=_flag(entry.get("tools")),
        reasoning=_flag(entry.get("reasoning")),
        inputs=_texts(inputs) if isinstance(inputs, list) else None,
        prices=Prices(*map(_price, prices[: len(_PRICES)])),
        expires=_time(entry.get("expires")),
    )


def _document(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _id(value: object) -> str:
    return value if isinstance(value, str) and _ID.fullmatch(value) else ""


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _texts(value: object) -> frozenset[str]:
    return frozenset(item for item in items(value)[:100] if isinstance(item, str) and len(item) <= 50)


def _inputs(architecture: JsonObject) -> frozenset[str] | None:
    """Return what a model reads. Older lists have `text+image->text` instead."""
    found = _texts(architecture.get("input_modalities"))
    modality = architecture.get("modality")
    if not found and isinstance(modality, str) and "->" in modality:
        found = _texts(modality.partition("->")[0].split("+"))
    return frozenset(each.strip().lower() for each in found) or None


def _number(value: object) -> float | None:
    """Return a finite number, which may be written as a string."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value) if not isinstance(value, str) or len(value) <= 50 else math.nan
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _price(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= MAX_PRICE else None


def _tokens(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and 1 <= number <= MAX_TOKENS else None


def _time(value: object) -> float | None:
    """Return a time as Unix seconds. A date without a time includes its day, in UTC."""
    if isinstance(value, str) and not value.strip().isdigit():
        try:
            if len(value) == len("2026-01-01"):
                found = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC) + timedelta(days=1)
            else:
                found = datetime.fromisoformat(value)
            at = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    else:
        at = _number(value) or 0.0
    return at if _EARLIEST <= at <= _LATEST else None
