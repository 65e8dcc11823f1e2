"""What each reply has cost, as `GET /generation?id=…` tells it: also of replies that the client has broken off."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from slack_sandbox.openrouter import wire
from slack_sandbox.openrouter.request import ChatRequest
from slack_sandbox.openrouter.script import Answer, Completion

JsonObject = dict[str, Any]
BEGIN = ("error_chunk", "truncated", "stalled", "garbage", "error_finish")
"""The failures that break off a reply that has begun."""


class Generations:
    """The replies that have begun, by id."""

    def __init__(self) -> None:
        self.by_id: dict[str, JsonObject] = {}

    @property
    def spent(self) -> float:
        """What all of them have cost, in US dollars."""
        return sum(each["total_cost"] for each in self.by_id.values())

    def named(self, answer: Answer) -> Answer:
        """The answer with an id of its own."""
        if isinstance(answer, Completion):
            return replace(answer, id=answer.id or wire.new_id())
        return replace(answer, before=replace(answer.before, id=answer.before.id or wire.new_id()))

    def add(self, answer: Answer, chat: ChatRequest, *, cancelled: bool) -> None:
        """Charge for an answer whose reply has begun."""
        if not isinstance(answer, Completion) and answer.kind not in BEGIN:
            return
        reply = answer if isinstance(answer, Completion) else answer.before
        used = wire.usage(reply, len(chat.body))
        self.by_id[str(reply.id)] = {
            "id": reply.id,
            "model": reply.model or chat.model,
            "provider_name": reply.provider,
            "streamed": chat.stream,
            "cancelled": cancelled,
            "total_cost": used.get("cost") or 0.0,
            "usage": used.get("cost") or 0.0,
            "tokens_prompt": used.get("prompt_tokens"),
            "tokens_completion": used.get("completion_tokens"),
            "native_tokens_prompt": used.get("prompt_tokens"),
            "native_tokens_completion": used.get("completion_tokens"),
            "native_tokens_cached": reply.cached,
        }
