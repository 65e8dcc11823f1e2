"""A list of models as an endpoint has described it, and what follows from it. Pure, except that expiry depends on the
time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from bot.core.model_info import ModelInfo

SAME_MODEL: Final = ("nitro", "floor", "exacto", "online")
"""Suffixes of an id that change how OpenRouter chooses the provider, or add a search, but not the model
(https://openrouter.ai/docs/guides/routing/model-variants). Others, such as `:free`, are listed as models of their
own."""
_PLAIN: Final = re.compile(r"(?!openrouter/)[A-Za-z0-9][\w.-]*/[\w.-]+(:[\w-]+)*", re.ASCII)
"""Ids that an endpoint with a complete list must list. Presets (`@preset/…`), aliases (`~…`) and OpenRouter's own
routers need not be there."""


class KnownModels:
    """Implements `bot.core.ports.model_check.ModelCheck` for one list that was read.

    models: what was listed.
    aliases: other names of listed models, such as dated ones that replies carry, with the listed id.
    complete: whether a model that is not listed is certainly not offered.
    now: returns the time in Unix seconds.
    """

    def __init__(
        self,
        models: Iterable[ModelInfo] = (),
        aliases: Mapping[str, str] | None = None,
        *,
        complete: bool = False,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.models = {model.id: model for model in models}
        self.aliases = dict(aliases or {})
        self.complete = complete
        self._now = now

    def find(self, model: str) -> ModelInfo | None:
        while True:
            found = self.models.get(model) or self.models.get(self.aliases.get(model, ""))
            base, colon, variant = model.rpartition(":")
            if found is not None or not colon or variant not in SAME_MODEL:
                return found
            model = base

    def problem(self, model: str) -> str:
        info = self.find(model)
        if info is None:
            return "the endpoint does not list it" if self.complete and _PLAIN.fullmatch(model) else ""
        if info.tools is False:
            return "it cannot be given tools"
        if info.expires is not None and info.expires <= self._now():
            return "it is no longer offered"
        return ""

    def same(self, one: str, other: str) -> bool:
        """Return whether two ids certainly name the same model."""
        first, second = self.find(one), self.find(other)
        return one == other or (first is not None and second is not None and first.id == second.id)
