"""Looks up whether the author of a stop word may stop the turns of others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.core.inbox import Incoming

MayStop = Callable[[str], Awaitable[bool]]
"""Returns whether a person may stop the turns of others."""


async def nobody(user: str) -> bool:
    """Return False: nobody may."""
    return False


async def with_rights(message: Incoming, may_stop: MayStop) -> Incoming:
    """Return a message with `may_stop` set, which is looked up for stop words only."""
    if not message.stop or message.to_others:
        return message
    return replace(message, may_stop=await may_stop(message.user))
