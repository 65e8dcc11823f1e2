"""Works on the calls of a step of which their servers made tasks: follows them, records how they end, cancels them."""

from __future__ import annotations

from dataclasses import dataclass

from bot.agent import shown_progress, step_titles
from bot.agent.task_watch import TaskWatch
from bot.agent.tool_executor import ToolExecutor, mark_cancelled
from bot.core.calls import Call
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.server_tasks import TaskStatus
from bot.core.thread import ThreadState
from bot.pace import gathered


@dataclass(frozen=True, slots=True)
class TaskSteps:
    """Works on the tasks of one thread, while it runs."""

    toolset: Toolset
    gateway: ChatGateway
    watch: TaskWatch
    executor: ToolExecutor

    async def settle(self, state: ThreadState) -> None:
        """Record the ends of tasks, and cancel all if the turn was stopped. What became of a call whose task is gone is
        as unknown as that of any call that was cut off."""
        running = [call for call in state.step if call.is_task]
        if state.turn is not None and state.turn.stopped_by:
            await gathered(self._cancel(state, call) for call in running)
            return
        for call in running:
            report = self.watch.report(call)
            if report is None:
                continue
            if report.status is TaskStatus.ENDED and report.result is not None:
                await self.executor.end(state, call, report.result)
            else:
                call.task = ""
            self.watch.forget(call)

    async def follow(self, state: ThreadState) -> None:
        """Follow the tasks that run, and show that they do, also once the thread is at rest."""
        running = [call for call in state.step if call.is_task]
        if not running:
            return
        privacy = await self.gateway.privacy(state.place)
        steps = step_titles.running(self.toolset, running, privacy)
        self.gateway.working(state.id, state.part, "Working", steps)
        for call in running:
            self.watch.follow(state.id, call, shown_progress.of(self.toolset, self.gateway, state.id, call, privacy))

    async def _cancel(self, state: ThreadState, call: Call) -> None:
        result = await self.watch.cancel(call)
        if result is None:
            mark_cancelled(call)
        else:
            await self.executor.end(state, call, result)
