"""What `python -m bot try` offers to the page: the bot's process, the model, the faults, the scenario."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from slack_sandbox.trial import sample_workspace
from slack_sandbox.trial.child import Child
from slack_sandbox.trial.child_log import ChildLog

# The page's server is loaded while the bot loads, not before it is started.
if TYPE_CHECKING:
    from slack_sandbox.page.controls import BotCommand, FaultSource, Json, ModelCall


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model answers."""

    kind: Literal["offline", "real"]
    name: str


class TryControls:
    """Implements Controls. Whoever is a part of it says with `changed` that there is something new."""

    def __init__(self, model: ModelName, workspace: Path) -> None:
        self.child: Child | None = None
        self.log: ChildLog | None = None
        self.sources: Sequence[FaultSource] = ()
        self.journal: Callable[[], Sequence[ModelCall]] = tuple
        self.progress: Callable[[], Json | None] = lambda: None
        """What the scenario says of itself."""
        self._model, self.workspace = model, workspace
        self._listeners: list[Callable[[], None]] = []

    def bot(self) -> Json | None:
        """`BotFacts`."""
        if self.child is None or self.log is None:
            return None
        return {
            "state": self.child.state,
            "ready_seconds": self.child.ready_seconds,
            "pid": self.child.pid,
            "model": {"kind": self._model.kind, "name": self._model.name},
            "folder": str(self.workspace),
            "log": self.log.lines,
            "examples": list(sample_workspace.EXAMPLES),
        }

    def scenario(self) -> Json | None:
        """`ScenarioFacts`."""
        return self.progress()

    def model_calls(self) -> Sequence[ModelCall]:
        """Every request to the model, in order."""
        return self.journal()

    async def control_bot(self, what: BotCommand) -> None:
        """Start, stop, restart or kill the bot. Raises ImpossibleAction with the reason."""
        child = self.child
        if child is None:
            return
        match what:
            case "start":
                await child.start()
            case "stop":
                await child.stop()
            case "restart":
                await child.restart()
            case "kill":
                await child.kill()

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever something is different."""
        self._listeners.append(changed)

    def changed(self) -> None:
        """Something is different."""
        for listener in self._listeners:
            listener()
