"""Finds the model that a person means by a name or a part of one. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.core.known_models import SAME_MODEL

MIN_LETTERS: Final = 3
"""A part of a name needs a word of at least this length, or a word of letters and digits such as `o3`."""
_GENERIC: Final = frozenset(
    (
        *("air", "alpha", "auto", "base", "beta", "chat", "code", "coder", "default", "exacto", "exp", "experimental"),
        *("fast", "floor", "free", "high", "instruct", "it", "large", "latest", "low", "max", "medium", "model"),
        *("next", "nitro", "online", "plus", "preview", "router", "small", "the", "thinking", "vision"),
    )
)
"""Words that are in names of models, but mean none by themselves: “use it”, “use the latest”."""
_WORDS: Final = re.compile(r"[^\W\d_]+|\d+")
_MIXED: Final = re.compile(r"(?=[a-z0-9]*[a-z])(?=[a-z0-9]*\d)[a-z0-9]+")
_VARIANTS: Final = ("", *SAME_MODEL, "beta", "extended", "free", "thinking")
_DATE: Final = re.compile(r"-20\d\d-?\d\d-?\d\d$")
_FAMILY: Final = re.compile(
    r"((gpt|chatgpt|claude|gemini|gemma|llama|mistral|mixtral|deepseek|qwen|qwq|grok|kimi|glm|phi|sonar)-?[a-z]?\d[\d.]*"
    r"|o\d|gpt-oss|claude-(opus|sonnet|haiku)|gemini-(pro|flash)|mistral-(large|medium|small|nemo)"
    r"|deepseek-(chat|coder|reasoner)|kimi-latest)[a-z]?([-.:][\w.:-]*)?"
)
"""Names that models of the large families have."""


def alike(one: str, other: str) -> bool:
    """Return whether two ids are spellings of the same model: with another variant or a date, or with the words of the
    name in another order, as in `claude-4.5-sonnet-20250929`."""
    return one == other or _spelling(one) == _spelling(other)


def matching(said: str, models: Sequence[str]) -> tuple[str, ...]:
    """Return the models that a name or a part of a name may mean: a single one if it is clear.

    A whole id counts before a whole name without the provider, and that before a part. A part consists of whole words
    that follow one another, and says something by itself: “it” means none, although names of models end so.
    """
    wanted = said.casefold()
    for name in (_id, _name, _base):
        if found := tuple(model for model in models if name(model) == wanted):
            return found
    parts = _words(said)
    if not _says_something(said, parts):
        return ()
    spoken = [model for model in models if _contains(_words(model.rpartition("/")[2]), parts)]
    if spoken or "/" not in said:
        return tuple(spoken)
    return tuple(model for model in models if _contains(_words(model), parts))


def is_model_id(said: str) -> bool:
    """Return whether a name is clearly the name of a model, whether or not it is known. A path, or the name of a
    repository, is none."""
    provider, slash, name = said.casefold().rpartition("/")
    if slash and not re.fullmatch(r"~?[a-z0-9][a-z0-9-]*(/[a-z0-9.-]+)?", provider):
        return False
    return _FAMILY.fullmatch(name) is not None


def _spelling(model: str) -> tuple[str, list[str]]:
    base, _, variant = model.casefold().partition(":")
    provider, _, name = (base if variant in _VARIANTS else model.casefold()).rpartition("/")
    return provider, sorted(_WORDS.findall(_DATE.sub("", name)))


def _id(model: str) -> str:
    return model.casefold()


def _name(model: str) -> str:
    return model.casefold().rpartition("/")[2]


def _base(model: str) -> str:
    return _name(model).partition(":")[0]


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold())


def _says_something(said: str, words: Sequence[str]) -> bool:
    letters = any(word.isalpha() and len(word) >= MIN_LETTERS and word not in _GENERIC for word in words)
    return letters or any(_MIXED.fullmatch(part) for part in re.split(r"[\s/:._-]+", said.casefold()))


def _contains(words: Sequence[str], part: Sequence[str]) -> bool:
    return any(list(words[start : start + len(part)]) == list(part) for start in range(len(words) - len(part) + 1))
