"""The port to the standing grants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.questions.grant import Grant


class Grants(Protocol):
    """Standing permissions, given with an approval (`Questions.answer`)."""

    async def grants(self, team: str, user: str) -> Sequence[Grant]:
        """Return the grants of a person that hold now, the newest first."""
        ...

    async def grants_for(self, team: str, tool: str, thread_id: int, user: str) -> Sequence[Grant]:
        """Return the grants that may let a tool run now, the newest first: those of anybody for this thread, and those
        of this person for all threads."""
        ...

    async def end_grant(self, grant: int, how: str, user: str = "") -> bool:
        """End a grant: `revoked` by the person who gave it, or `void`. Return False, and write nothing, if it has ended
        or is not theirs."""
        ...
