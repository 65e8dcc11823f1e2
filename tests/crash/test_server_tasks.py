"""A server makes a task of an approved call, and the process is killed at every boundary: once the handle is recorded,
nothing is made twice and nobody is asked whether the call ran. In process, over doubles of the outside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from bot.core.json_text import JsonObject
from bot.core.ports.server_tasks import ServerTasks
from bot.core.ports.toolset import Permit
from bot.core.server_tasks import ServerTask, TaskReport, TaskStatus
from bot.core.tools import CallResult, DeliveryStatus, Dialogue, Tool
from tests.crash.points import TASKS, names
from tests.crash.test_in_process import Scene, performed
from tests.property.outside import Files, World

QUESTIONS = 3
"""How often it is asked about before it has ended."""


@dataclass
class Tasks:
    """What a server says about its tasks; it outlives the processes that ask."""

    world: World
    asked: int = 0
    results: dict[str, CallResult] = field(default_factory=dict[str, CallResult])

    async def look(self, server: str, task: ServerTask) -> TaskReport:
        self.world.alive()
        self.asked += 1
        if self.asked < QUESTIONS:
            return TaskReport(TaskStatus.WORKING, "half of it", poll=0.0001)
        return TaskReport(TaskStatus.ENDED, result=self.results[task.id])

    async def cancel(self, server: str, task: ServerTask) -> None:
        self.world.faults.append("nobody wanted it cancelled")


@dataclass
class Tasking(Files):
    """It makes a task of each call that writes."""

    def __post_init__(self) -> None:
        self.known = Tasks(self.world)
        self.tasks: ServerTasks | None = self.known

    async def call(
        self, tool: Tool, arguments: JsonObject, held: Permit | None = None, dialogue: Dialogue | None = None
    ) -> CallResult:
        result = await super().call(tool, arguments, held)
        if tool.remote_name != "write" or result.certainty is not DeliveryStatus.OK:
            return result
        task = ServerTask(f"task-{len(self.known.results)}", time.time(), poll=0.0001)
        self.known.results[task.id] = replace(result, text="written")
        return CallResult(DeliveryStatus.TASK, "", 0.0, task=task.dumps())


class TaskScene(Scene):
    """A play over such a server."""

    files_of = Tasking
    unknown: Sequence[str] = ()

    def _check(self) -> None:
        super()._check()
        TaskScene.unknown = [
            row["kind"] for row in self.watch.rows("SELECT kind FROM questions WHERE kind = 'did_it_run'")
        ]


@pytest.mark.timeout(120)
def test_once_its_handle_is_recorded_a_task_is_never_unknown() -> None:
    boundaries = performed("risky", None, TaskScene)
    assert names(TASKS) <= set(boundaries)
    recorded = boundaries.index("after commit: keep the task")
    sent = boundaries.index("after commit: start a call")
    # What comes before is no different for tasks: test_in_process.py.
    for number, boundary in list(enumerate(boundaries))[sent:]:
        try:
            performed("risky", number, TaskScene)
            # Between the two nobody can know: the server was asked, and what it answered is lost.
            assert bool(TaskScene.unknown) == (number < recorded)
        except BaseException as error:
            raise AssertionError(f"killed at {boundary}, the {number + 1}th boundary") from error
