"""Reads the messages and files that a person links to, if that person certainly can see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.untrusted import items, mapping
from bot.slack.attached.access import Access
from bot.slack.attached.download import Downloads, FileProblem
from bot.slack.attached.links import FileLink, Link, MessageLink
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.reading import message
from bot.slack.reading.bounds import Bounds
from bot.slack.reading.content import Content, Kind, Section
from bot.slack.reading.files import read
from bot.slack.reading.message import Ourselves

_UNSEEN = "I can't tell whether the person who linked it can see it"
_NO_ACCESS = {
    "not_in_channel": "I'm not in that channel",
    "channel_not_found": "I'm not in that channel",
    "missing_scope": "Slack does not let me read that channel",
}


@dataclass(frozen=True, slots=True)
class LinkReader:
    """Reads links."""

    client: AsyncWebClient
    access: Access
    downloads: Downloads
    ourselves: Ourselves

    async def read(self, link: Link, user: str) -> Section:
        """Return what a link leads to, as a section. Raises FileProblem with the reason if it cannot be read.

        user: who has written the link.
        """
        return await (self._message(link, user) if isinstance(link, MessageLink) else self._file(link, user))

    async def _file(self, link: FileLink, user: str) -> Section:
        info = await self.downloads.info(link.id)
        if not await self.access.sees_file(user, info):
            raise FileProblem(_UNSEEN)
        section = read(info, Bounds(), direct=True)
        if section is None:
            raise FileProblem("it was deleted in Slack")
        return section

    async def _message(self, link: MessageLink, user: str) -> Section:
        if not await self.access.sees_channel(user, link.channel):
            raise FileProblem(_UNSEEN)
        window: dict[str, Any] = {"oldest": link.ts, "latest": link.ts, "inclusive": True, "limit": 2}
        try:
            response: Any
            if link.thread_ts:
                response = await self.client.conversations_replies(channel=link.channel, ts=link.thread_ts, **window)
            else:
                response = await self.client.conversations_history(channel=link.channel, **window)
        except SlackApiError as error:
            raise FileProblem(_NO_ACCESS.get(code_of(error), "it is not there")) from error
        except SLACK_ERRORS as error:
            raise FileProblem("Slack did not answer") from error
        found = next((each for each in items(response.get("messages")) if mapping(each).get("ts") == link.ts), None)
        if found is None or mapping(found).get("subtype") == "tombstone":
            raise FileProblem("it is not there any more")
        said = message.read(mapping(found), self.ourselves)
        return Section(Kind.LINKED, tuple(said.parts), author=_author(said), source=f"<#{link.channel}>")


def _author(said: Content) -> str:
    who = said.author
    return f"<@{who.id}>" if who.id[:1] in ("U", "W") else who.label or "an app"
