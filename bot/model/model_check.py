"""Checks the configured models when the list of models is known: at the start, and whenever it is read again."""

from __future__ import annotations

import logging
import time

from bot.core.model_findings import findings, unusable
from bot.core.model_options import ModelOptions
from bot.errors import SettingsError
from bot.model.catalogue import Catalogue, UnreachableError

log = logging.getLogger(__name__)


async def require_usable(catalogue: Catalogue, options: ModelOptions, seconds: float) -> None:
    """Load the list that was kept, and raise SettingsError if no model of OPENROUTER_MODEL can be used according to it.
    Whatever else is wrong is logged, now and whenever the list was read again.

    A list may be out of date, so the endpoint is asked first; if it does not answer, the bot starts. Of a first start,
    nothing is known.
    """
    await catalogue.load()
    if unusable(options, catalogue):
        try:
            await catalogue.refresh(seconds)
        except UnreachableError as error:
            log.warning("the list of models could not be read again (%s); the one that is kept may be old", error)
        else:
            if problem := unusable(options, catalogue):
                raise SettingsError("OPENROUTER_MODEL", f"{problem}. Name another model.")
    catalogue.changed = ModelReports(catalogue, options).report
    catalogue.changed()


class ModelReports:
    """Logs what is wrong with the configured models, each problem once."""

    def __init__(self, catalogue: Catalogue, options: ModelOptions) -> None:
        self._catalogue = catalogue
        self._options = options
        self._reported: frozenset[tuple[str, str]] = frozenset()

    def report(self) -> None:
        """Log what is new since the last time."""
        found = findings(self._options, self._catalogue, time.time())
        for each in found:
            if (each.model, each.level) not in self._reported:
                log.log(logging.ERROR if each.level == "error" else logging.WARNING, "%s %s", each.model, each.problem)
        self._reported = frozenset((each.model, each.level) for each in found)
