"""The tool calls of one step: asked about, run, answered. Every call id gets exactly one tool message."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from bot.agent import loop_detection, prompt
from bot.agent.approval_requests import ApprovalRequester, PendingApproval
from bot.agent.authorization import CallAuthorizer, refuse
from bot.agent.tool_executor import ToolExecutor, in_step
from bot.core.calls import Call, CallOutcome, CallState
from bot.core.limits import Limits
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Ruling
from bot.core.ports.chat import ChatGateway
from bot.core.ports.model import Reply
from bot.core.ports.store import Store
from bot.core.ports.toolset import Held, Toolset
from bot.core.questions.question import CallKind
from bot.core.thread import ThreadState
from bot.core.tools import StepPosition
from bot.core.transaction import Change
from bot.pace import Pace, offload

ATTEMPTS = 3
"""How often a call that does no harm twice is handed to its server, restarts included."""
WAITING = (CallState.READY, CallState.AWAITING, CallState.UNKNOWN)
"""Where a call is in other hands than the run's."""


async def never(thread_id: int) -> None:
    """Nobody says that something has changed."""
    await asyncio.get_running_loop().create_future()


@dataclass(frozen=True, slots=True)
class ToolSteps:
    """Works on the calls of the last assistant message."""

    store: Store
    toolset: Toolset
    gateway: ChatGateway
    limits: Limits
    authorizer: CallAuthorizer
    approval_requester: ApprovalRequester
    woken: Callable[[int], Awaitable[None]] = never
    """Returns when something has changed in a thread that is being advanced."""

    async def take(self, state: ThreadState, reply: Reply, change: Change) -> bool:
        """Write down the calls that the model makes, then run what may run and ask about the rest. What it says
        beside them is posted before the cards: who decides may need it."""
        calls, notes = await self.authorizer.evaluate(state, reply)
        runnable = [call for call in calls if call.state is CallState.READY]
        wanted = [
            PendingApproval(call, CallKind.MAY_IT_RUN, notes[call.position])
            for call in calls
            if call.state is CallState.AWAITING
        ]
        change.name = "take the calls"
        change.messages = [prompt.assistant(reply.message)]
        change.new_calls = calls
        change.cards = await self.approval_requester.cards(state, wanted)
        said = str(reply.message.get("content") or "").strip()
        if said:
            change.drafts = [*change.drafts, *await offload(len(said), self.gateway.answer, said)]
        # Lost in a power cut, calls that do no harm twice are made once more; nobody has seen anything of them.
        change.synced = bool(change.drafts or change.cards) or not all(call.repeatable for call in calls)
        held: dict[int, Held] = {}
        try:
            # What need not wait for others is started in the same commit; the rest when it is its turn.
            for call in runnable:
                at = in_step(state.id, calls, call)
                if (right := await self._seize(call, at)) is not None:
                    held[call.position] = right
                    call.start()
                elif at is not None:
                    break  # none of those after it may be about the same and come first
            await self.store.commit(state, change)
            if change.drafts or change.cards:
                self.gateway.deliver(state.id)
            if runnable:
                await self._run(state, runnable, held)
        finally:
            for right in held.values():
                right.release()
        return await self._conclude(state)

    async def _seize(self, call: Call, at: StepPosition | None) -> Held | None:
        """The right to hand the call over at once, if it need not wait for that."""
        tool = self.toolset.find(call.tool)
        return await self.toolset.seize(tool, json.loads(call.arguments), at) if tool is not None else None

    async def settle(self, state: ThreadState) -> bool:
        """Go on with calls that were written down before: after a decision, or after a restart."""
        await self.toolset.ready(self.limits.servers_seconds)
        cut_off = [call for call in state.step if call.state is CallState.STARTED]
        for call in cut_off:
            again = call.repeatable and call.attempts < ATTEMPTS
            call.state = CallState.READY if again else CallState.UNKNOWN
        runnable = await self._begin(state, [call for call in cut_off if call.state is CallState.UNKNOWN])
        if runnable:
            await self._run(state, runnable)
        return await self._conclude(state)

    async def _begin(self, state: ThreadState, cut_off: Sequence[Call] = (), busy: Collection[int] = ()) -> list[Call]:
        """Find out what may run now, and ask about what has to be asked about; `busy` are calls that a run has in hand.
        Out: the calls that may run. Each is started when it is its turn."""
        wanted = [PendingApproval(call, CallKind.DID_IT_RUN) for call in cut_off]
        free = [call for call in state.step if call.id not in busy]
        # Somebody has changed the arguments of these.
        waiting = [call for call in free if call.state is CallState.AWAITING and not call.asked]
        ready = [call for call in free if call.state is CallState.READY]
        refused: list[Call] = []
        pace = Pace()
        for call in (*waiting, *ready):
            await pace.checkpoint()
            tool = self.toolset.find(call.tool)
            if tool is not None and await self.authorizer.reevaluate(state, call, tool) is Ruling.DENY:
                refuse(call)
                refused.append(call)
            elif call.state is CallState.AWAITING:
                wanted.append(PendingApproval(call, CallKind.MAY_IT_RUN))
        cards = await self.approval_requester.cards(state, wanted)
        if wanted or waiting or refused:
            also = [call for call in refused if call not in waiting]
            await self.store.commit(state, Change("ask", calls=[*cut_off, *waiting, *also], cards=cards))
        for call in waiting:
            call.asked = True
        if cards:
            self.gateway.deliver(state.id)
        return [call for call in ready if call.state is CallState.READY]

    async def _run(self, state: ThreadState, calls: Sequence[Call], held: Mapping[int, Held] | None = None) -> None:
        """Run calls side by side. Each writes its own beginning and end; `held` has, by position, the rights of those
        that are on the disk as started. What is decided meanwhile is begun beside them."""
        rights = held or {}
        names = ", ".join(dict.fromkeys(call.remote_name for call in calls))
        private = await self.gateway.privacy(state.place) is Privacy.PRIVATE
        self.gateway.progress(state.id, "Using tools" if private else f"Using {names}")
        started = time.monotonic()
        executor = ToolExecutor(self.store, self.toolset, self.gateway, self.authorizer, self.approval_requester)
        if all(call in calls or call.state is CallState.FINISHED for call in state.step) and len(calls) == 1:
            # Nothing can be decided meanwhile that would begin another one.
            await executor.run(state, calls[0], rights.get(calls[0].position))
        else:
            await self._run_together(state, calls, rights, executor)
        if state.turn is not None:
            state.turn.seconds += time.monotonic() - started

    async def _run_together(
        self, state: ThreadState, calls: Sequence[Call], rights: Mapping[int, Held], executor: ToolExecutor
    ) -> None:
        # A group, so that no call goes on unseen when another one's end could not be written.
        async with asyncio.TaskGroup() as group:
            running = {
                group.create_task(executor.run(state, call, rights.get(call.position))): call.id for call in calls
            }
            while running:
                woken = asyncio.ensure_future(self.woken(state.id))
                try:
                    await asyncio.wait({*running, woken}, return_when=asyncio.FIRST_COMPLETED)
                    changed = woken.done()
                finally:
                    woken.cancel()
                running = {task: call for task, call in running.items() if not task.done()}
                if changed and running:
                    await self._look_again(state, running.values())
                    begun = await self._begin(state, busy=running.values())
                    running |= {group.create_task(executor.run(state, call)): call.id for call in begun}

    async def _look_again(self, state: ThreadState, busy: Collection[int]) -> None:
        """Bring the calls that are in people's hands in step with the store, while others run."""
        fresh = await self.store.load(state.id)
        calls = {call.id: call for call in fresh.calls}
        for call in state.step:
            if call.state in WAITING and call.id in calls and call.id not in busy:
                call.refresh(calls[call.id])
        state.unread = fresh.unread
        if state.turn is not None and fresh.turn is not None:
            state.turn.stopped_by = fresh.turn.stopped_by

    async def _conclude(self, state: ThreadState) -> bool:
        """Answer the step if all its calls have ended, else show what has been done so far and wait for people."""
        calls = state.step
        told = [call for call in calls if call.state is CallState.FINISHED and not call.summarised]
        for call in told:
            call.summarised = True
        shown = [call for call in told if call.outcome not in SHOWN_ON_CARD]
        size = sum(len(call.arguments) for call in shown)
        drafts = await offload(size, self.gateway.summary, shown, await self.gateway.privacy(state.place))
        if all(call.state is CallState.FINISHED for call in calls):
            done = [other for other in state.calls if other.seq < calls[0].seq]
            answers: list[tuple[str, str]] = []
            pace = Pace()
            for call in calls:
                answers.append(prompt.tool(call, loop_detection.note([*done, *calls], call)))
                await pace.checkpoint()
            await self.store.commit(state, Change("answer the calls", messages=answers, calls=calls, drafts=drafts))
            self.gateway.deliver(state.id)
            return True
        new = [message for message in state.unread if message.addressed and not message.told]
        for user in dict.fromkeys(message.user for message in new):
            words = "I will read this once the request above is decided."
            drafts = [*drafts, *self.gateway.notice(words, key=f"busy-{calls[0].id}-{user}")]
        if told or new:
            # Also when there is nothing to say: from here on there is nothing to do for this thread but wait.
            change = Change("tell what was done", calls=told, drafts=drafts, told=[message.id for message in new])
            await self.store.commit(state, change)
        return False


SHOWN_ON_CARD = (
    CallOutcome.DENIED,
    CallOutcome.EXPIRED,
    CallOutcome.ASSUMED,
    CallOutcome.SKIPPED,
    CallOutcome.UNRESOLVED,
    CallOutcome.STOPPED,
)
"""Ends that a person decided: the card is their record."""
