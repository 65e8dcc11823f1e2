"""The progress messages of running turns: each appears after a moment, and is deleted when its turn ends or waits."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post
from bot.slack.blocks import messages
from bot.slack.delivery.kinds import Kind
from bot.slack.delivery.rate import UpdateRate

PROGRESS = "progress"


@dataclass(slots=True)
class _Turn:
    words: str
    offered: bool = False
    """The message exists, or existed and somebody has deleted it."""


class Progress:
    """The progress of running turns, in memory only; `Outbox` shows it in Slack."""

    def __init__(self, after_seconds: float, rate: UpdateRate) -> None:
        """A turn that takes longer than `after_seconds` gets a progress message. `rate` is notified of each change."""
        self._after_seconds = after_seconds
        self._rate = rate
        self._turns: dict[int, _Turn] = {}
        self.kind = Kind(self._render, self._offer)

    def tell(self, thread_id: int, words: str) -> None:
        """Set what a turn is doing now."""
        turn = self._turns.get(thread_id)
        if turn is None:
            self._turns[thread_id] = _Turn(words)
            self._rate.hold(thread_id, PROGRESS, self._after_seconds)
        elif words == turn.words:
            return
        else:
            turn.words = words
        self._rate.changed(thread_id, PROGRESS)

    def end(self, thread_id: int) -> None:
        """Remove the progress message: the turn has ended or waits."""
        if self._turns.pop(thread_id, None) is not None:
            self._rate.release(thread_id, PROGRESS)

    def _offer(self, thread_id: int) -> Draft | None:
        turn = self._turns.get(thread_id)
        if turn is None or turn.offered:
            return None
        turn.offered = True
        return messages.progress(turn.words)

    def _render(self, post: Post) -> JsonObject | None:
        turn = self._turns.get(post.thread_id)
        if turn is None:
            return None
        turn.offered = True
        return json.loads(messages.progress(turn.words, post.key).payload)
