"""How much each model can read: what is known about it, what the operator allows, and what its refusals say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.core.compaction import CompactionSettings
from bot.core.ports.catalogue import ModelCatalogue

DEFAULT_WINDOW: Final = 128_000
"""Tokens that a model is believed to read about which nothing is known."""
MIN_WINDOW: Final = 1_000
MAX_LEARNED: Final = 100
_SAID: Final = (
    re.compile(r"(?:context (?:length|window|size)|maximum|limit)[^.\d]{0,40}?(\d[\d,]{2,})", re.IGNORECASE),
    re.compile(r"(\d[\d,]{2,})\s*(?:tokens?\s*)?(?:maximum|limit)", re.IGNORECASE),
)


class ContextWindows:
    """The context windows of models, in tokens."""

    def __init__(
        self,
        models: Sequence[str] = (),
        catalogue: ModelCatalogue | None = None,
        settings: CompactionSettings | None = None,
    ) -> None:
        """models: the model that answers, then its fallbacks. catalogue: what is known about them."""
        settings = settings or CompactionSettings()
        self.model = models[0] if models else ""
        self.summary = settings.summary
        """The model that writes summaries; empty if that is the one that answers."""
        self._catalogue, self._most = catalogue, settings.context
        self._learned: dict[str, int] = {}

    def of(self, model: str) -> int:
        """Return how many tokens a model can read, at most what the operator allows."""
        found = self._catalogue.find(model) if self._catalogue is not None else None
        known = (found.context_length if found is not None else None, self._most, self._learned.get(model))
        return max(MIN_WINDOW, min((each for each in known if each), default=DEFAULT_WINDOW))

    def learn(self, model: str, tokens: int) -> None:
        """Remember until the next start that a model reads no more than this."""
        if model not in self._learned and len(self._learned) >= MAX_LEARNED:
            self._learned.pop(next(iter(self._learned)))
        self._learned[model] = min(tokens, self._learned.get(model, tokens))


def limit_in(words: str) -> int:
    """Return the maximum number of tokens that a provider's refusal names; 0 if it names none."""
    found = (int(each.replace(",", "")) for pattern in _SAID for each in pattern.findall(words))
    return min((each for each in found if each >= MIN_WINDOW), default=0)
