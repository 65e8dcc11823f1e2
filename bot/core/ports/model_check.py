"""The port to what is known about models, for whoever has to decide whether one can be used."""

from __future__ import annotations

from typing import Protocol

from bot.core.ports.catalogue import ModelCatalogue


class ModelCheck(ModelCatalogue, Protocol):
    """A list of models that also says which of them certainly cannot be used."""

    def problem(self, model: str) -> str:
        """Return why a model certainly cannot do the bot's work, in words that complete “It cannot be used: …”; empty
        if it can, or if nobody knows. Never waits, never raises."""
        ...
