"""The results of handling a button or a window. Pure."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping

NO_FIELD = "none"
MAX_ERROR_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Response:
    """What to do after a click was acknowledged."""

    words: str = ""
    """A message that only this person sees; empty for none."""
    work: Coroutine[Any, Any, object] | None = None
    """What can be done after the acknowledgement."""


@dataclass(frozen=True, slots=True)
class WindowResponse:
    """What to do with a window that was submitted. Without any field it is closed."""

    words: str = ""
    """Why nothing was done: shown instead of the fields, above what the person had entered."""
    errors: Mapping[str, str] = field(default_factory=dict[str, str])
    """Problems by block id: the window stays open and shows them beside the fields."""
    view: JsonObject | None = None
    """New content of the window, which stays open: nothing was decided."""


def beside_fields(view: JsonObject, problems: Mapping[str, str], block_of: Callable[[str], str]) -> dict[str, str]:
    """Return problems by block id. Those that belong to no field are shown beside the first one.

    Args:
        view: the submitted window.
        problems: sentences by field; under "" those about all fields together.
        block_of: returns the block id of a field.
    """
    blocks = map(mapping, items(view.get("blocks")))
    inputs = [str(block["block_id"]) for block in blocks if block.get("type") == "input"]
    errors: dict[str, str] = {}
    for name, words in problems.items():
        block = block_of(name) if name else ""
        place = block if block in inputs else inputs[0] if inputs else NO_FIELD
        errors[place] = f"{errors[place]} {words}" if place in errors else words
    return {place: words[:MAX_ERROR_CHARS] for place, words in errors.items()}
