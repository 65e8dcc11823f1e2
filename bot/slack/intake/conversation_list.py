"""Lists the conversations that the bot is in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.outages import Conversation
from bot.core.untrusted import items, mapping
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.reading.message import identifier

PAGES = 10
"""Pages of the list of conversations."""
LISTED = 200
TYPES = ("public_channel,private_channel,mpim", "im")
"""Requested separately: apps that were installed before the scope im:read was required may list only the first."""


class ConversationList:
    """Lists conversations; one instance per process."""

    def __init__(
        self,
        client: AsyncWebClient,
        team: str,
        workspaces: Callable[[], Awaitable[Sequence[str | None]]],
        wait: Callable[[], Awaitable[None]],
        report: Callable[[str, str], None],
    ) -> None:
        """Create the list.

        Args:
            client: Slack's client.
            team: the installation, to which the conversations belong.
            workspaces: returns the workspaces whose conversations are listed; None stands for the token's own.
            wait: is awaited before each request.
            report: logs a problem; it gets what the problem is about, and the problem in words.
        """
        self._client = client
        self._team = team
        self._workspaces = workspaces
        self._wait = wait
        self._report = report
        self._unlisted = set[str]()
        """Types of conversations that Slack does not list because a scope is missing."""

    async def read(self) -> list[Conversation]:
        """Return the conversations that the bot is in, as far as Slack lists them."""
        found: list[Conversation] = []
        for types in TYPES:
            if types in self._unlisted:
                continue
            try:
                found += await self._list(types)
            except (*SLACK_ERRORS, LookupError) as error:
                code = code_of(error)
                if code == "missing_scope":
                    self._unlisted.add(types)
                else:
                    self._report(types, f"cannot list the conversations that the bot is in ({code})")
        return found

    async def _list(self, types: str) -> list[Conversation]:
        found: dict[str, Conversation] = {}
        workspaces = list(await self._workspaces())
        cursor: str | None = None
        for _ in range(max(PAGES, len(workspaces))):
            await self._wait()
            # An organisation's token has to name the workspace (docs.slack.dev/reference/methods/users.conversations).
            answer: Any = await self._client.users_conversations(
                types=types, exclude_archived=True, limit=LISTED, cursor=cursor, team_id=workspaces[0]
            )
            for item in items(answer.get("channels")):
                each = mapping(item)
                if channel := identifier(each.get("id")):
                    found[channel] = Conversation(self._team, channel, _kind(each))
            cursor = str(mapping(answer.get("response_metadata")).get("next_cursor") or "") or None
            if cursor is None:
                del workspaces[0]
            if not workspaces:
                break
        return list(found.values())


def _kind(conversation: dict[str, Any]) -> str:
    kinds = {"is_im": "im", "is_mpim": "mpim", "is_private": "group"}
    return next((kind for name, kind in kinds.items() if conversation.get(name) is True), "channel")
