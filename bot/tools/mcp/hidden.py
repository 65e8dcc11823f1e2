"""Leaves a token out of what its server says. Pure."""

from __future__ import annotations

from typing import Any

HIDDEN = "***"


def text_without(text: str, token: str) -> str:
    """Return a text without a token, should the server have repeated it."""
    return text.replace(token, HIDDEN) if token else text


def without(value: Any, token: str) -> Any:
    """Return a JSON value without a token in any of its texts. Raises RecursionError for one that is nested too
    deeply."""
    if not token:
        return value
    match value:
        case str():
            return text_without(value, token)
        case list():
            return [without(each, token) for each in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {without(key, token): without(each, token) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
