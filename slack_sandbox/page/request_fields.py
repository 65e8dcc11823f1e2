"""Reads the fields of a page's request: none is trusted, and a wrong one is named in a sentence."""

import math
from typing import Any

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Json


class RequestFields:
    """The fields of one request. Every read raises ImpossibleAction for a missing or wrong field, naming it."""

    def __init__(self, fields: Json) -> None:
        self._fields = fields

    def get(self, name: str) -> Any:
        """The field as it is; None when it is missing."""
        return self._fields.get(name)

    def text(self, name: str, *, empty: bool = False) -> str:
        """A text that must be there; it may be empty only with `empty`."""
        value = self._fields.get(name)
        if not isinstance(value, str) or not (value or empty):
            raise ImpossibleAction(f"The request lacks {name}.")
        return _encodable(value, name)

    def maybe(self, name: str) -> str:
        """A text, "" when it is missing or null."""
        value = self._fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise ImpossibleAction(f"{name} must be a text.")
        return _encodable(value, name)

    def texts(self, name: str) -> list[str]:
        """A list of texts, empty when it is missing."""
        value = self._fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise ImpossibleAction(f"{name} must be a list of texts.")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words."""
        value = self.text(name)
        if value not in allowed:
            raise ImpossibleAction(f"{name} must be one of {', '.join(allowed)}.")
        return value

    def flag(self, name: str) -> bool:
        """A yes or no; no when it is missing."""
        value = self._fields.get(name)
        if value is not None and not isinstance(value, bool):
            raise ImpossibleAction(f"{name} must be true or false.")
        return bool(value)

    def number(self, name: str) -> float | None:
        """A finite number; None when it is missing."""
        value = self._fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ImpossibleAction(f"{name} must be a number.")
        return value

    def count(self, name: str, default: int) -> int:
        """A whole number of at least 0."""
        value = self._fields.get(name)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ImpossibleAction(f"{name} must be a whole number.")
        return value

    def values(self, name: str) -> dict[str, dict[str, Any]]:
        """The values of a form: `{block_id: {action_id: value}}`."""
        value = self._fields.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not all(isinstance(actions, dict) for actions in value.values()):
            raise ImpossibleAction(f"{name} must hold the fields of each block.")
        return value


def _encodable(value: str, name: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ImpossibleAction(f"{name} holds half a character.") from None
    return value
