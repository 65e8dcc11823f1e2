"""Names the steps of a turn as people see them: what a call does and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.core import indirect_calls
from bot.core.calls import WOULD_FAIL, Call, CallOutcome, CallState
from bot.core.json_text import JsonObject
from bot.core.limits import MAX_CALLS
from bot.core.policy.privacy import Privacy
from bot.core.ports.toolset import Toolset
from bot.core.questions import granted
from bot.core.questions.unanswerable import why_not_asked
from bot.core.tool_words import Form, not_done, tool_title
from bot.core.turn_message import Step, StepState
from bot.core.untrusted import mapping, parsed

MAX_TITLE = 120
MAX_NOTE = 120
GRANTED = "under a standing grant"
_NOT_ENDED: dict[CallOutcome | None, str] = {
    CallOutcome.INVALID: "not possible this way",
    CallOutcome.REFUSED: "not allowed here",
    CallOutcome.UNSHOWN: "Slack did not let me ask",
    CallOutcome.DENIED: "denied",
    CallOutcome.EXPIRED: "nobody decided in time",
    CallOutcome.ASSUMED: "cut off; a person says that it ran",
    CallOutcome.SKIPPED: "cut off; it may or may not have run",
    CallOutcome.UNRESOLVED: "cut off; it may or may not have run",
}
"""The notes beside the titles of calls that did not run to their end."""
_FORMS: dict[CallOutcome | None, Form] = {
    CallOutcome.OK: Form.DONE,
    CallOutcome.ERROR: Form.FAILED,
    CallOutcome.ASSUMED: Form.WANTED,
    CallOutcome.SKIPPED: Form.WANTED,
    CallOutcome.UNRESOLVED: Form.WANTED,
}
"""The form of the title of an ended call; `NOT_DONE` for all other outcomes."""


def title(toolset: Toolset, call: Call, privacy: Privacy, form: Form = Form.DONE) -> str:
    """Return what a call does, as far as the conversation may know; empty if it may not."""
    if privacy is Privacy.PRIVATE:
        return ""
    tool = toolset.find(call.tool)
    if tool is None and call.tool == indirect_calls.SEARCH and call.outcome is CallOutcome.OK:
        query = _arguments(call).get("query") if privacy is Privacy.FULL else ""
        return _short(indirect_calls.step_title(query if isinstance(query, str) else ""), MAX_TITLE)
    if tool is None:
        words = tool_title("", call.remote_name)
        return _short(not_done(words) if form is Form.NOT_DONE else words, MAX_TITLE)
    arguments = _arguments(call) if privacy is Privacy.FULL else {}
    return _short(toolset.guard(tool.server).step(tool, arguments, form), MAX_TITLE)


def running(toolset: Toolset, calls: Sequence[Call], privacy: Privacy) -> list[Step]:
    """Return the steps of calls that run. What people have approved, now or by a grant, has a row of its own."""
    shown = [call for call in calls if not call.approval and not granted.grant_of(call)[0]]
    return [Step(str(call.id), title(toolset, call, privacy, Form.RUNNING), StepState.RUNNING) for call in shown]


def noted(step: Step, words: str) -> Step:
    """Return a step with how far it is."""
    return replace(step, note=_short(words, MAX_NOTE))


def finished(toolset: Toolset, calls: Sequence[Call], privacy: Privacy) -> list[Step]:
    """Return the steps of calls that have ended."""
    surplus = [call for call in calls if call.outcome is CallOutcome.SURPLUS]
    steps = [_step(toolset, call, privacy) for call in calls if call.outcome is not CallOutcome.SURPLUS]
    if surplus:
        words = f"{len(surplus)} more" if privacy is not Privacy.PRIVATE else ""
        note = f"not done: at most {MAX_CALLS} at once" if words else ""
        steps.append(Step(str(surplus[0].id), words, StepState.FAILED, note))
    return steps


def _step(toolset: Toolset, call: Call, privacy: Privacy) -> Step:
    state = StepState.DONE if call.outcome is CallOutcome.OK else StepState.FAILED
    note = "" if privacy is Privacy.PRIVATE else _note(toolset, call, privacy)
    if privacy is Privacy.FULL and granted.grant_of(call)[0]:
        note = f"{note} · {GRANTED}" if note else GRANTED
    return Step(str(call.id), title(toolset, call, privacy, _FORMS.get(call.outcome, Form.NOT_DONE)), state, note)


def _note(toolset: Toolset, call: Call, privacy: Privacy) -> str:
    ran = call.outcome is CallOutcome.OK
    tool = toolset.find(call.tool)
    if call.state is CallState.FINISHED and call.outcome in (CallOutcome.OK, CallOutcome.ERROR):
        if privacy is Privacy.FULL and tool is not None:
            return _short(toolset.guard(tool.server).outcome(tool, _arguments(call), call.result, ran), MAX_NOTE)
        return "" if ran else "failed"
    if call.outcome in (CallOutcome.REFUSED, CallOutcome.UNSHOWN) and (why := why_not_asked(call.result)):
        return _short(why, MAX_NOTE)
    if call.outcome is CallOutcome.INVALID and privacy is Privacy.FULL and call.result.startswith(WOULD_FAIL):
        return _short(_reason(call.result.removeprefix(WOULD_FAIL)), MAX_NOTE)
    if call.outcome is CallOutcome.INVALID and not call.server:
        return "there is no such tool"
    return _NOT_ENDED.get(call.outcome, "")


def _reason(said: str) -> str:
    """Return why a call cannot be made, without the beginning that repeats the title: `Can't write a.md yet: …`, `The
    path a.md cannot be used: …`."""
    _, found, why = said.partition(": ") if said.startswith(("Can't ", "The path ")) else ("", "", "")
    return (why if found else said).strip().rstrip(".")


def _arguments(call: Call) -> JsonObject:
    try:
        return mapping(parsed(call.arguments))
    except (ValueError, RecursionError):
        return {}


def _short(text: str, limit: int) -> str:
    line = " ".join(text[: limit * 4].split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
