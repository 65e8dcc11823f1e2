"""Shows people how far a running call is, beside its title in the turn's message."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

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
    # Made only once there is something to show: the arguments may be long.
    title = cache(partial(step_titles.title, toolset, call, privacy, Form.RUNNING))
    return partial(_show, gateway, thread_id, call.id, title)


def _show(gateway: ChatGateway, thread_id: int, call: int, title: Callable[[], str], words: str) -> None:
    step = Step(str(call), title(), StepState.RUNNING)
    gateway.progress(thread_id, step_titles.noted(step, words))
