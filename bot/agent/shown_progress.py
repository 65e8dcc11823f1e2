"""Shows people how far a running call is, beside its title in the turn's message."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot.agent import step_titles
from bot.core.calls import Call
from bot.core.policy.privacy import Privacy
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.tool_words import Form
from bot.core.turn_message import Step, StepState


def of(toolset: Toolset, gateway: ChatGateway, thread_id: int, call: Call, privacy: Privacy) -> Callable[[str], None]:
    """Return what shows how far a call is, in words of its server, as far as the conversation may know."""
    if privacy is not Privacy.FULL:
        return lambda words: None
    title = step_titles.title(toolset, call, privacy, Form.RUNNING)
    return partial(_show, gateway, thread_id, Step(str(call.id), title, StepState.RUNNING))


def _show(gateway: ChatGateway, thread_id: int, step: Step, words: str) -> None:
    gateway.progress(thread_id, step_titles.noted(step, words))
