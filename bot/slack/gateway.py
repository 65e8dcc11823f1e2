"""The agent's view of Slack: renders messages, reads threads and requests delivery. Implements `ChatGateway`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.calls import Call
from bot.core.inbox import Incoming, Unread
from bot.core.json_text import JsonObject
from bot.core.limits import Limits
from bot.core.policy.privacy import Privacy
from bot.core.posts import Draft
from bot.core.questions.question import Approval, Card, Question
from bot.core.thread_ref import ThreadRef
from bot.slack.authorization import Authorizer
from bot.slack.blocks import cards, messages, question_blocks, retry_notice
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.delivery.progress import Progress
from bot.slack.delivery.sender import PAGE
from bot.slack.intake.messages import incoming
from bot.slack.text import readable, speaker

log = logging.getLogger(__name__)

LATE_SECONDS = 10.0
"""A first message older than this was redelivered, so later messages may have arrived before it."""
MAX_EARLIER = 100


class SlackGateway:
    """Implements `bot.core.ports.chat.ChatGateway`; one instance serves all threads."""

    def __init__(
        self,
        limits: Limits,
        client: AsyncWebClient,
        progress: Progress,
        deliver: Callable[[int], None],
        *,
        bot_user: str,
        authorizer: Authorizer,
        privacy: Privacy,
    ) -> None:
        self._limits = limits
        self._client = client
        self._authorizer = authorizer
        self._directory = authorizer.directory
        self._privacy = privacy
        self._progress = progress
        self._deliver = deliver
        self._bot_user = bot_user

    def answer(self, text: str, note: str = "") -> Sequence[Draft]:
        return messages.answer(text, note, self._limits.answer_parts, self._directory.known(text))

    def summary(self, calls: Sequence[Call], privacy: Privacy) -> Sequence[Draft]:
        return messages.summary(calls, privacy)

    def notice(self, text: str, key: str = "") -> Sequence[Draft]:
        return messages.notice(text, key)

    def parked(self) -> Draft:
        return retry_notice.parked()

    def cards(self, approvals: Sequence[Approval]) -> Sequence[Card]:
        return cards.cards(approvals)

    def reminder(self, question: Question) -> Draft:
        return question_blocks.reminder(question)

    async def privacy(self, place: ThreadRef) -> Privacy:
        if self._privacy is Privacy.FULL or place.kind == "im":
            return Privacy.FULL
        return self._privacy if await self._directory.is_open(place.channel) else Privacy.FULL

    async def kind(self, place: ThreadRef) -> str:
        # Neither a mention nor the id says what kind of conversation it is: ids of private channels begin with C or G
        # (docs.slack.dev/reference/objects/conversation-object).
        return place.kind if place.kind in ("im", "mpim") else await self._directory.kind(place.channel)

    async def groups(self, user: str) -> frozenset[str] | None:
        return await self._authorizer.groups(user)

    async def member(self, user: str) -> bool:
        return await self._authorizer.member(user) is True

    async def outsider(self, user: str) -> bool:
        return await self._authorizer.member(user) is False

    async def name(self, user: str) -> str:
        return speaker(await self._directory.name(user))

    async def quote(self, message: Unread) -> str:
        if not message.user:  # a note by the app itself
            return message.text
        names, name = await asyncio.gather(
            self._directory.names(message.text, {self._bot_user: "you"}), self._directory.name(message.user)
        )
        text = message.text.strip().removeprefix(f"<@{self._bot_user}>")
        said = readable(text, names).strip()
        if message.files:
            listed = ", ".join(message.files)
            said = f"{said}\n(attached, and not readable to you: {listed})".strip()
        manner = "" if message.addressed else " (to others in the thread, not to you)"
        return f"{speaker(name)}{manner}: {said or '(no text)'}"

    async def earlier(self, place: ThreadRef, first: Unread) -> Sequence[Incoming]:
        late = time.time() - float(first.ts) > LATE_SECONDS
        if first.ts == place.thread_ts and not late:
            return ()
        said: list[JsonObject] = []
        cursor = ""
        try:
            while len(said) < MAX_EARLIER:
                page = await self._client.conversations_replies(
                    channel=place.channel,
                    ts=place.thread_ts,
                    limit=PAGE,
                    include_all_metadata=False,
                    cursor=cursor or None,
                )
                said += page.get("messages") or []
                cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
                if not cursor:
                    break
        except SLACK_ERRORS as error:
            log.warning("what was said before in %s cannot be read (%s)", place.channel, code_of(error))
            return ()
        found = [
            incoming({"team_id": place.team, "event": {**message, "channel": place.channel}}, self._bot_user)
            for message in said[:MAX_EARLIER]
        ]
        return [
            message if message.ts > first.ts else replace(message, addressed=False, earlier=True)
            for message in found
            if message is not None and message.ts != first.ts
        ]

    def progress(self, thread_id: int, words: str) -> None:
        self._progress.tell(thread_id, words)

    def end_progress(self, thread_id: int) -> None:
        self._progress.end(thread_id)

    def deliver(self, thread_id: int) -> None:
        self._deliver(thread_id)
