"""The port to the list of models."""

from __future__ import annotations

from typing import Protocol

from bot.core.model_info import ModelInfo


class ModelCatalogue(Protocol):
    """What is known about models at the moment. It is read in the background, so it may know nothing yet."""

    def find(self, model: str) -> ModelInfo | None:
        """Return what is known about a model by its id; None if nothing is. Never waits, never raises."""
        ...
