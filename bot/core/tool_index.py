"""Finds tools by words: a small index over their names, titles, descriptions and arguments, ranked by BM25. Pure."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core.tools import Tool

MAX_QUERY_WORDS: Final = 32
MAX_WORDS: Final = 600
"""Words of a description, and of its arguments, that are read."""
MAX_ARGUMENTS: Final = 60
MAX_CHARS: Final = 8_000
"""Characters of one text that are read."""
_NAME, _TITLE, _ARGUMENT = 4, 3, 2
"""How often a word of these counts; one of a description counts once."""
_K, _B = 1.2, 0.6
"""The usual constants of BM25: how soon repetitions stop counting, and how much the length of a text does."""
_PREFIX: Final = 0.4
"""What a word counts that only begins like one of the query."""
_WORD: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_ENDINGS: Final = ("ations", "ation", "ingly", "ing", "ies", "ied", "es", "ed", "s")
_EMPTY: Final = frozenset(
    {
        *("a", "an", "and", "as", "at", "be", "by", "can", "for", "from", "have", "how", "i", "in"),
        *("into", "is", "it", "my", "of", "on", "or", "our", "that", "the", "this", "to"),
    }
)


def words_of(text: str) -> list[str]:
    """Return the words of a text in one form each, by which others like it are found."""
    plain = unicodedata.normalize("NFKC", text[:MAX_CHARS])
    parts = (part for word in _WORD.findall(plain) for part in _CAMEL.split(word))
    return [_stem(part.casefold()) for part in parts]


def _stem(word: str) -> str:
    """Return a word without its usual English ending: `searches`, `searching` and `searched` become `search`."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(ending)
            return f"{word}y" if ending in ("ies", "ied") else word.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


@dataclass(frozen=True, slots=True)
class _Entry:
    tool: Tool
    counts: Mapping[str, int]
    length: int


class ToolIndex:
    """The words of some tools. Building it takes about a millisecond for ten tools."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._entries = [_entry(tool) for tool in tools]
        self._average = sum(entry.length for entry in self._entries) / max(1, len(self._entries)) or 1.0
        self._holders = Counter(word for entry in self._entries for word in entry.counts)

    def search(self, query: str, among: Collection[str]) -> list[Tool]:
        """Return the tools that fit a query, the best first. among: the names of the tools that may be found."""
        asked = dict.fromkeys(words_of(query)[: MAX_QUERY_WORDS * 2])
        telling = [word for word in asked if word not in _EMPTY][:MAX_QUERY_WORDS] or list(asked)
        weights = [(word, self._alike(word)) for word in telling]
        plain = query.strip().casefold()
        found: list[tuple[float, Tool]] = []
        for entry in self._entries:
            if entry.tool.name not in among:
                continue
            score = sum(self._score(entry, word, alike) for word, alike in weights)
            if plain in (entry.tool.name.casefold(), entry.tool.remote_name.casefold()):
                score += 1_000.0
            if score > 0:
                found.append((score, entry.tool))
        found.sort(key=lambda each: -each[0])  # stable: equal ones stay in the order of the configuration
        return [tool for _, tool in found]

    def _alike(self, word: str) -> Sequence[str]:
        """Return other known words that begin like this one, or with which it begins."""
        if len(word) < 4:
            return ()
        return [
            each
            for each in self._holders
            if each != word and len(each) >= 4 and (each.startswith(word) or word.startswith(each))
        ]

    def _score(self, entry: _Entry, word: str, alike: Iterable[str]) -> float:
        exact = self._of(entry, word)
        return exact or _PREFIX * max((self._of(entry, each) for each in alike), default=0.0)

    def _of(self, entry: _Entry, word: str) -> float:
        many = entry.counts.get(word, 0)
        if not many:
            return 0.0
        holders = self._holders[word]
        rarity = math.log(1.0 + (len(self._entries) - holders + 0.5) / (holders + 0.5))
        return rarity * many * (_K + 1) / (many + _K * (1 - _B + _B * entry.length / self._average))


def _entry(tool: Tool) -> _Entry:
    counts: Counter[str] = Counter()
    for weight, text in ((_NAME, f"{tool.server} {tool.remote_name}"), (_TITLE, tool.title), (1, tool.description)):
        for word in words_of(text)[:MAX_WORDS]:
            counts[word] += weight
    properties: Any = tool.parameters.get("properties") or tool.schema.get("properties")
    for name, schema in list(properties.items() if isinstance(properties, Mapping) else ())[:MAX_ARGUMENTS]:
        for word in words_of(str(name)):
            counts[word] += _ARGUMENT
        said = schema.get("description") if isinstance(schema, Mapping) else None
        counts.update(words_of(said)[: MAX_WORDS // 10] if isinstance(said, str) else ())
    return _Entry(tool, counts, sum(counts.values()))
