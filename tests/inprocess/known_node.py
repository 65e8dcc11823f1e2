"""Spares the tests a process for each start of a bot."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache

from bot.tools.filesystem import default_server

_new_enough = cache(default_server._is_new_enough)  # pyright: ignore[reportPrivateUsage]


@contextmanager
def known_node() -> Generator[None]:
    """Ask each program only once for its version, not at each start of a bot, which is another process otherwise."""
    before = default_server._is_new_enough  # pyright: ignore[reportPrivateUsage]
    default_server._is_new_enough = _new_enough  # pyright: ignore[reportPrivateUsage]
    try:
        yield
    finally:
        default_server._is_new_enough = before  # pyright: ignore[reportPrivateUsage]
