"""Finds the tools that a provider refuses when its error names neither a position nor a name. Pure.

llama.cpp's "failed to parse grammar" is such an error, and it may be about the size of all definitions together: each
of them alone is accepted. So tools are added to those that were accepted, instead of being tried by themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

MAX_TRIES: Final = 24
"""Requests. One refused tool among 128 takes 15."""


async def accepted_of(
    tools: Sequence[T], accepts: Callable[[Sequence[T]], Awaitable[bool]], most: int = MAX_TRIES
) -> list[T]:
    """Return the tools that are accepted together, in their order. All of them together are known to be refused.

    accepts: asks the provider. most: how often it is asked; what is unknown then counts as refused.
    """
    accepted: list[T] = []
    parts = [tools[len(tools) // 2 :], tools[: len(tools) // 2]]
    while parts:
        part = parts.pop()
        if not part:
            continue
        if most <= 0:
            break
        if len(accepted) + len(part) < len(tools):
            most -= 1
            if await accepts([*accepted, *part]):
                accepted += part
                continue
        half = len(part) // 2
        if half:
            parts += [part[half:], part[:half]]
    return accepted
