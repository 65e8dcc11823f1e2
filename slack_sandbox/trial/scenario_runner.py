"""Replays a scenario against the sandbox, step by step, and says where it went otherwise and what was there instead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.page.controls import Json
from slack_sandbox.trial import chat_steps, setup_steps
from slack_sandbox.trial.scenario import Scenario, Step
from slack_sandbox.trial.scenario_context import ScenarioContext, StepFailed

_VERBS: Mapping[str, Callable[[Step, ScenarioContext], Awaitable[None]]] = {
    "say": chat_steps.say,
    "model": setup_steps.model,
    "wait": chat_steps.wait,
    "absent": chat_steps.absent,
    "whisper": chat_steps.whisper,
    "click": chat_steps.click,
    "window": chat_steps.window,
    "submit": chat_steps.submit,
    "close": chat_steps.close,
    "home": chat_steps.home,
    "file": setup_steps.file,
    "write": setup_steps.write,
    "fault": setup_steps.fault,
    "clear": setup_steps.clear,
    "bot": setup_steps.bot,
}


@dataclass(slots=True)
class _Progress:
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    error: str = ""


class ScenarioRunner:
    """One replay. `pace` is the seconds between steps; at 0 nobody watches, and pauses are left out."""

    def __init__(
        self, scenario: Scenario, context: ScenarioContext, *, pace: float, changed: Callable[[], None]
    ) -> None:
        self._scenario, self._context, self._pace, self._changed = scenario, context, pace, changed
        self._progress = [_Progress() for _ in scenario.steps]

    def facts(self) -> Json:
        """`ScenarioFacts`."""
        steps = [
            {"title": step.title, "state": progress.state, "error": progress.error}
            for step, progress in zip(self._scenario.steps, self._progress, strict=True)
        ]
        return {"title": self._scenario.title, "steps": steps}

    async def play(self) -> str:
        """Play all steps. Out: empty when all went as it should, else the step and what was there instead."""
        for step, progress in zip(self._scenario.steps, self._progress, strict=True):
            progress.state = "running"
            self._changed()
            progress.error = await self._perform(step)
            progress.state = "failed" if progress.error else "done"
            self._changed()
            if progress.error:
                return f"{self._scenario.file}, step {step.number} ({step.title}): {progress.error}"
            await asyncio.sleep(self._pace)
        return ""

    async def _perform(self, step: Step) -> str:
        try:
            if step.verb == "pause":
                await asyncio.sleep(float(step.what) if self._pace else 0)
            else:
                await _VERBS[step.verb](step, self._context)
        except (StepFailed, ImpossibleAction) as error:
            return str(error)
        except TimeoutError:
            return "it took too long"
        except OSError as error:
            return f"{error.filename or step.what}: {error.strerror or error}"
        except (ValueError, TypeError, OverflowError) as error:
            return f"it cannot be done: {error}"
        return ""
