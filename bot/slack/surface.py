"""Slack as the agent sees it: renders, reads, and asks for delivery. Implements `bot.core.ports.Surface`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.limits import Limits
from bot.core.thread import Approval, Call, Draft, Unread
from bot.slack.blocks import cards, messages
from bot.slack.directory import Directory
from bot.slack.progress import Progress
from bot.slack.text import mentioned, readable, speaker


class SlackSurface:
    """One for all threads."""

    def __init__(
        self, limits: Limits, directory: Directory, progress: Progress, deliver: Callable[[int], None], bot_user: str
    ) -> None:
        self._limits = limits
        self._directory = directory
        self._progress = progress
        self._deliver = deliver
        self._bot_user = bot_user

    def answer(self, text: str, note: str = "") -> Sequence[Draft]:
        return messages.answer(text, note, self._limits.answer_parts)

    def summary(self, calls: Sequence[Call]) -> Sequence[Draft]:
        return messages.summary(calls)

    def notice(self, text: str, key: str = "") -> Sequence[Draft]:
        return messages.notice(text, key)

    def card(self, approval: Approval) -> Sequence[Draft]:
        return cards.card(approval)

    async def quote(self, message: Unread) -> str:
        names = {user: await self._directory.name(user) for user in mentioned(message.text) - {self._bot_user}}
        names[self._bot_user] = "you"
        text = message.text.strip().removeprefix(f"<@{self._bot_user}>")
        said = readable(text, names).strip()
        if message.files:
            listed = ", ".join(message.files)
            said = f"{said}\n(attached, and not readable to you: {listed})".strip()
        name = speaker(await self._directory.name(message.user))
        manner = "" if message.addressed else " (to others in the thread, not to you)"
        return f"{name}{manner}: {said or '(no text)'}"

    def progress(self, thread_id: int, words: str) -> None:
        self._progress.tell(thread_id, words)

    def rest(self, thread_id: int) -> None:
        self._progress.rest(thread_id)

    def deliver(self, thread_id: int) -> None:
        self._deliver(thread_id)
