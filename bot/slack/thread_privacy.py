"""How much of calls a conversation may show."""

from __future__ import annotations

from bot.core.policy.privacy import Privacy
from bot.core.thread_ref import ThreadRef
from bot.slack.directory import Directory


class ThreadPrivacy:
    """Applies `[agent] privacy`, whose default depends on the conversation."""

    def __init__(self, directory: Directory, setting: Privacy | None) -> None:
        self._directory = directory
        self.setting = setting

    async def of(self, place: ThreadRef) -> Privacy:
        """Return how much of arguments and results may be shown in a thread."""
        if self.setting is Privacy.FULL or place.kind == "im":
            return Privacy.FULL
        if self.setting is None:
            return Privacy.SUMMARY if await self._directory.is_external(place.channel) else Privacy.FULL
        return self.setting if await self._directory.is_open(place.channel) else Privacy.FULL
