"""The tool calls of one step: recorded, asked about, run, answered. Every call id gets exactly one tool message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from bot.agent import prompt, step_order, step_results, turn_parts
from bot.agent.approval_requests import ApprovalRequester, PendingApproval
from bot.agent.attached_results import ModelFiles
from bot.agent.authorization import CallAuthorizer
from bot.agent.call_inputs import InputRequester
from bot.agent.call_review import CallReview
from bot.agent.call_runner import CallRunner, refresh
from bot.agent.cancellation import Stop, StopMonitor, Watch, unwatched
from bot.agent.granted_records import GrantedRecords
from bot.agent.legacy_elicitation import LiveInput, QuestionLog
from bot.agent.sign_in_requests import SignInRequests
from bot.agent.task_step import TaskSteps
from bot.agent.task_watch import TaskWatch
from bot.agent.tool_executor import ToolExecutor, mark_cancelled
from bot.core.calls import Call, CallState
from bot.core.identity import Identity
from bot.core.limits import Limits
from bot.core.policy.rules import Facts
from bot.core.ports.chat import ChatGateway
from bot.core.ports.model import Reply
from bot.core.ports.toolset import Permit, Toolset
from bot.core.questions import granted
from bot.core.questions.question import CallKind
from bot.core.thread import ThreadState
from bot.core.tools import StepPosition, position_in_step
from bot.core.transaction import Change

ATTEMPTS = 3
"""How often a repeatable call is sent to its server, restarts included."""


@dataclass(frozen=True, slots=True)
class ToolSteps:
    """Works on the calls of the last assistant message."""

    store: QuestionLog
    toolset: Toolset
    gateway: ChatGateway
    limits: Limits
    authorizer: CallAuthorizer
    approval_requester: ApprovalRequester
    watch: Watch = unwatched
    """Calls a function whenever something has changed in a thread that is being advanced."""
    files: ModelFiles = field(default_factory=ModelFiles)
    task_watch: TaskWatch = field(default_factory=TaskWatch)
    """Follows the tasks that servers made of calls."""
    sign_in_requests: SignInRequests | None = None
    """Asks people to sign in; None if no server needs that."""
    stopping: Callable[[], bool] = lambda: False
    """Whether the process is about to end."""

    async def take(self, state: ThreadState, reply: Reply, facts: Sequence[Facts], change: Change) -> bool:
        """Record the calls of a reply, run what may run, and ask about the rest. Returns False if the step waits."""
        calls, notes = await self.authorizer.evaluate(state, reply, facts)
        await self._record(change, state, reply, calls, notes)
        runnable = [call for call in calls if call.state is CallState.READY]
        if step_order.may_wait(calls, runnable):
            runnable = await step_order.proceeding(self.toolset, calls, runnable)
        with ExitStack() as rights:
            held = await self._start_free(state, runnable, calls, rights)
            await self.store.commit(state, change)
            if state.turn is not None and state.turn.stopped_by:
                return True
            if change.drafts or change.cards:
                self.gateway.deliver(state.id)
            if runnable:
                await self._run(state, runnable, held)
        return await self._conclude(state)

    async def settle(self, state: ThreadState) -> bool:
        """Continue with calls that were recorded before: after a decision, or after a restart."""
        if any(call.state is not CallState.FINISHED for call in state.step):
            await self._ready(state)
        if any(call.is_task for call in state.step):
            await self._tasks().settle(state)
        interrupted = [call for call in state.step if call.state is CallState.STARTED and not call.is_task]
        stopped = state.turn is not None and bool(state.turn.stopped_by)
        for call in interrupted:
            if stopped:
                mark_cancelled(call)
                continue
            if call.exchange and await self._live_input().cut_off(state, call):
                continue
            again = call.repeatable and call.attempts < ATTEMPTS
            call.state = CallState.READY if again else CallState.UNKNOWN
        unknown = [call for call in interrupted if call.state is CallState.UNKNOWN]
        runnable = await self._review().runnable(state, unknown)
        if runnable:
            await self._run(state, runnable, {})
        return await self._conclude(state)

    async def _conclude(self, state: ThreadState) -> bool:
        """Answer the step if it has ended; otherwise follow what goes on at the servers. Returns False if it waits."""
        parts = (self.store, self.watch, self.toolset, self.gateway)
        if await step_results.conclude(*parts, state, pollers=self.limits.pollers):
            return True
        if any(call.is_task for call in state.step):
            await self._tasks().follow(state)
        return False

    async def _ready(self, state: ThreadState) -> None:
        """Wait until the servers have started, for a limited time. Nobody waits for that who has stopped the turn."""
        stop = Stop()
        if state.turn is not None and state.turn.stopped_by:
            return
        watching = StopMonitor(self.store, self.watch, state, stop)
        with watching, stop.scope():
            await self.toolset.ready(self.limits.servers_seconds)
        if watching.woken:
            await refresh(self.store, state)

    async def _record(
        self, change: Change, state: ThreadState, reply: Reply, calls: Sequence[Call], notes: Mapping[int, str]
    ) -> None:
        """Fill in the change that records the reply, its calls and the cards about them.

        What the model says beside the calls is posted before the cards: whoever decides may need it.
        """
        wanted = [
            PendingApproval(call, CallKind.MAY_IT_RUN, notes[call.position])
            for call in calls
            if call.state is CallState.AWAITING and not call.wants_input
        ]
        change.name = "take the calls"
        change.messages = [prompt.assistant(reply.message)]
        change.new_calls = calls
        await turn_parts.say(state, change, self.gateway, str(reply.message.get("content") or "").strip())
        if wanted:
            change.cards = await self.approval_requester.cards(state, wanted, calls)
        inputs = [await self._inputs().card(state, call) for call in calls if call.wants_input]
        change.cards = [*change.cards, *(card for card in inputs if card is not None)]
        # If a power cut loses this commit, repeatable calls are simply made again, and nobody has seen any of it.
        change.synced = bool(change.drafts or change.cards) or not all(call.repeatable for call in calls)

    async def _start_free(
        self, state: ThreadState, runnable: Sequence[Call], calls: Sequence[Call], rights: ExitStack
    ) -> Mapping[int, Permit]:
        """Mark as started, in the same commit, the calls that need not wait for others; the rest start in their turn.

        Returns their rights to run, by position; `rights` releases them.
        """
        held: dict[int, Permit] = {}
        for call in runnable:
            at = position_in_step(state.id, calls, call)
            if (right := await self._try_acquire(call, at)) is not None:
                rights.callback(right.release)
                held[call.position] = right
                call.start()
            elif at is not None:
                break  # a later call about the same thing must not overtake it
        return held

    async def _try_acquire(self, call: Call, at: StepPosition | None) -> Permit | None:
        """Return the right to send the call at once; None if it has to wait for others, or until what it changes is
        kept, so that it can be undone."""
        tool = self.toolset.find(call.tool)
        if granted.grant_of(call)[0] or tool is None or tool.identity is Identity.PERSON:
            return None
        return await self.toolset.try_acquire(tool, json.loads(call.arguments), at)

    async def _run(self, state: ThreadState, calls: Sequence[Call], held: Mapping[int, Permit]) -> None:
        # Before anything is shown of the calls: for those that have to wait there is nothing to show.
        calls = [call for call in calls if call.position in held or await self._signed_in(state, call)]
        if not calls:
            return
        runner = CallRunner(self.store, self.toolset, self.gateway, self._executor(), self._review(), self.watch)
        await runner.run(state, calls, held)

    def _executor(self) -> ToolExecutor:
        records = GrantedRecords(self.toolset, self.gateway, self.approval_requester.approvals)
        asking, files = self.approval_requester, self.files.results
        return ToolExecutor(
            *(self.store, self.toolset, self.gateway, self.authorizer, asking, records, files, self._live_input()),
            sign_in_requests=self.sign_in_requests,
        )

    def _tasks(self) -> TaskSteps:
        return TaskSteps(self.toolset, self.gateway, self.task_watch, self._executor())

    async def _signed_in(self, state: ThreadState, call: Call) -> bool:
        """Return whether a call can use the account that it needs; if not, its person is asked to sign in."""
        tool = self.toolset.find(call.tool)
        requests = self.sign_in_requests
        if requests is None or tool is None or tool.identity is not Identity.PERSON:
            return True
        if (tool.server, tool.remote_name) != (call.server, call.remote_name):
            return True
        return await requests.ready(state, call, tool)

    def _review(self) -> CallReview:
        asking = (self.approval_requester, self._inputs())
        return CallReview(self.store, self.toolset, self.gateway, self.authorizer, *asking)

    def _inputs(self) -> InputRequester:
        return InputRequester(self.gateway, self.limits)

    def _live_input(self) -> LiveInput:
        return LiveInput(self.store, self._inputs(), self.stopping)
