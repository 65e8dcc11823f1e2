"""Finds out which calls of a step depend on earlier ones: a file on its folder, an edit on the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import JsonObject
from bot.core.ports.toolset import Toolset
from bot.core.tools import Preview, Tool
from bot.pace import Pace

WAITING = (CallState.AWAITING, CallState.UNKNOWN)
"""The states of calls about which people have to decide first."""
ENDINGS = {
    CallOutcome.DENIED: "was denied",
    CallOutcome.EXPIRED: "was not decided in time",
    CallOutcome.STOPPED: "was stopped",
    CallOutcome.ERROR: "failed",
}
"""Why a call was not done, within a sentence."""
NOT_DONE = "was not done"


def unfinished(step: Sequence[Call], call: Call) -> list[Call]:
    """Return the earlier calls of a step that may change something for a call, and have not ended."""
    return [each for each in _changing(step, call) if each.state is not CallState.FINISHED]


async def predicted(toolset: Toolset, earlier: Sequence[Call], call: Call, tool: Tool) -> Preview | None:
    """Return what a call would do once these earlier calls have run; None if it does not depend on them, or if that is
    not known."""
    before = [found for each in earlier if (found := _made(toolset, each)) is not None]
    if not before:
        return None
    return await toolset.guard(tool.server).predicted(tool, json.loads(call.arguments), before)


async def why_blocked(toolset: Toolset, step: Sequence[Call], call: Call, tool: Tool) -> str:
    """Return why a call cannot run, as a sentence, if the reason is that an earlier call of its step was not done;
    else an empty text."""
    missed = [
        each
        for each in _changing(step, call)
        if each.state is CallState.FINISHED and each.outcome is not CallOutcome.OK
    ]
    made = [(each, found) for each in missed if (found := _made(toolset, each)) is not None]
    if not made:
        return ""
    arguments: JsonObject = json.loads(call.arguments)
    guard, before = toolset.guard(tool.server), [found for _, found in made]
    then = await guard.predicted(tool, arguments, before)
    now = await guard.preview(tool, arguments) if then is not None and not then.broken else None
    if then is None or now is None or not now.broken or not now.attempt:
        return ""
    last = max(await guard.dependencies(tool, arguments, before), default=len(made) - 1)
    outcome = made[last][0].outcome
    return f"Can't {now.attempt}: {then.after} {ENDINGS.get(outcome, NOT_DONE) if outcome else NOT_DONE}."


def may_wait(step: Sequence[Call], ready: Sequence[Call]) -> bool:
    """Whether a call may have to wait until people have decided about an earlier one."""
    asked = [each.position for each in step if each.state in WAITING]
    return bool(asked) and any(each.position > min(asked) for each in ready)


async def proceeding(toolset: Toolset, step: Sequence[Call], ready: Sequence[Call]) -> list[Call]:
    """Return those calls that need not wait until people have decided about earlier calls of their step."""
    held: list[Call] = []
    pace = Pace()
    for call in sorted(ready, key=lambda each: each.position):
        earlier = [each for each in _changing(step, call) if each.state in WAITING or each in held]
        before = [found for each in earlier if (found := _made(toolset, each)) is not None]
        tool = toolset.find(call.tool) if before else None
        if tool is not None and await toolset.guard(call.server).dependencies(tool, json.loads(call.arguments), before):
            held.append(call)
        await pace.checkpoint()
    return [call for call in ready if call not in held]


def _changing(step: Sequence[Call], call: Call) -> list[Call]:
    """Return the earlier calls of the same server that may change something."""
    same = [each for each in step if each.server == call.server and each.server]
    return [each for each in same if each.position < call.position and each.may_change]


def _made(toolset: Toolset, call: Call) -> tuple[Tool, JsonObject] | None:
    """Return the tool and the arguments of a call; None if the tool is gone or the arguments are not an object."""
    tool = toolset.find(call.tool)
    try:
        arguments: Any = json.loads(call.arguments)
    except (ValueError, RecursionError):
        return None
    return (tool, arguments) if tool is not None and isinstance(arguments, dict) else None
