"""The offline model's replies: each is made from the request alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Final

from slack_sandbox.offline import conversation, phrasing, self_description
from slack_sandbox.offline.conversation import Turn
from slack_sandbox.offline.plan import Plan, PlanMismatch
from slack_sandbox.offline.tool_catalog import PlannedCall, ToolCatalog
from slack_sandbox.openrouter.request import ChatRequest
from slack_sandbox.openrouter.script import Call, Completion

MODEL: Final = "offline/plain-english"
"""Its id, for `ModelSandbox(models=…)` and the bot's settings."""
_PIECE: Final = 12
_MAX_PIECES: Final = 80


class OfflineModel:
    """`respond` is for `ModelSandbox.respond`. It keeps nothing: the conversation is all that it knows."""

    def __init__(self, pace: float = 0.015) -> None:
        """pace: seconds between the small pieces in which an answer is streamed; 0 sends it at once."""
        self.pace = pace

    def respond(self, request: ChatRequest) -> Completion:
        """The reply to a request: words, or calls of the tools that it offers. Never raises."""
        catalog = ToolCatalog(request.tools)
        turn = conversation.read(request.messages)
        plan = Plan(catalog, turn.said)
        try:
            wanted = plan.play(turn.rounds)
        except PlanMismatch:
            return self._streamed(Completion(text=_told(turn)))
        if wanted and request.tool_choice != "none":
            return self._streamed(_called(wanted, len(request.messages)))
        words = list(dict.fromkeys(plan.words))
        if wanted:
            words.append(f"I had to stop here. What is still open: {', '.join(plan.open)}.")
        if not words:
            words.append(self_description.answer("hello", catalog))
        if not turn.first:
            # It has been said in this conversation.
            words = [each.replace(f"{self_description.WHO} ", "") for each in words]
        elif self_description.WHO not in "".join(words):
            words.append(self_description.FOOTNOTE)
        return self._streamed(Completion(text="\n\n".join(words)))

    def _streamed(self, completion: Completion) -> Completion:
        if not self.pace:
            return completion
        length = len(completion.text) + sum(len(call.arguments) for call in completion.calls)
        pieces = max(1, min(_MAX_PIECES, length // _PIECE))
        return replace(completion, chunks=pieces, delay=self.pace, first_token=self.pace * 10)


def _called(wanted: list[PlannedCall], position: int) -> Completion:
    """Calls whose ids are unique in the conversation, and the same when the same is asked once more."""
    calls = tuple(
        Call(planned.tool, json.dumps(planned.arguments, ensure_ascii=False), f"call_offline_{position}_{number}")
        for number, planned in enumerate(wanted)
    )
    return Completion(calls=calls, finish_reason="tool_calls")


def _told(turn: Turn) -> str:
    """What came of calls that somebody else planned: nothing is done twice, so nothing more is done."""
    lines: list[str] = []
    for made in turn.rounds:
        for (tool, _), result in zip(made.calls, made.results, strict=True):
            ran = f"{phrasing.code(tool)} ran:\n{phrasing.block(result.text)}"
            lines.append(ran if result.ok else phrasing.trouble(result, f"call {phrasing.code(tool)}"))
    lines.append("These calls were planned by another model, so I do not go on by myself. Say what is to be done next.")
    if turn.first:
        lines.append(self_description.FOOTNOTE)
    return "\n\n".join(lines)
