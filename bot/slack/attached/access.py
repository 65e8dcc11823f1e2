"""Whether a person can see a conversation or a file in Slack: certainly, or else not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.core.untrusted import items, mapping, reference
from bot.slack.authorization import Authorizer

MAX_PLACES = 10
"""Conversations of a file that are looked at."""


@dataclass(frozen=True, slots=True)
class Access:
    """Asks Slack who sees what."""

    authorizer: Authorizer
    org_wide: bool = False
    """The app is installed in an organisation, where people see only the public channels of their workspaces."""

    async def sees_channel(self, user: str, channel: str) -> bool:
        """Return whether a person is in a conversation, or it is public and they are a full member."""
        directory = self.authorizer.directory
        inside = await directory.inside(channel)
        if inside is not None and user in inside:
            return True
        if self.org_wide or await directory.kind(channel) != "channel":
            return False
        person = await directory.person(user)
        return person is not None and self.authorizer.is_member(person) is True and not person.guest

    async def sees_file(self, user: str, file: Mapping[str, Any]) -> bool:
        """Return whether a file is a person's own, or shared in a conversation that they see. file: Slack's object."""
        if file.get("user") == user:
            return True
        places = [*items(file.get("channels")), *items(file.get("groups")), *items(file.get("ims"))]
        for shared in mapping(file.get("shares")).values():
            places += mapping(shared)
        for place in dict.fromkeys(filter(None, map(reference, places[:MAX_PLACES]))):
            if await self.sees_channel(user, place):
                return True
        return False
