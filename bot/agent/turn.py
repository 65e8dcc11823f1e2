"""Advances a thread: load it, do the next thing, record it, repeat until there is nothing to do but wait.

Nothing is held in memory while a person decides: a turn that waits is a log that ends in calls without results, and
`advance` returns. It is called again whenever something has changed, and after a restart, and finds its place in the
log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.agent import inbox_reader, loop_detection, prompt, step_titles, turn_ledger, turn_parts
from bot.agent.budgets import Budgets
from bot.agent.compaction import Compactor
from bot.agent.inbox_reader import InboxReader, ThreadStore
from bot.agent.model_step import ModelStep, StepStore
from bot.agent.tool_list import ToolOffer
from bot.agent.tool_step import ToolSteps
from bot.agent.turn_end import commit_and_log
from bot.core.calls import CallOutcome
from bot.core.inbox import Unread
from bot.core.known_models import KnownModels
from bot.core.limits import Limits
from bot.core.model_options import ModelOptions
from bot.core.policy.rules import Tier
from bot.core.ports.chat import ChatGateway
from bot.core.ports.model import Model
from bot.core.ports.model_check import ModelCheck
from bot.core.ports.toolset import Toolset
from bot.core.sessions import SessionStatus, is_at_work, resting_status
from bot.core.thread import QUESTION_DELETED, ThreadState, Turn
from bot.core.thread_ref import ThreadRef
from bot.core.tool_words import Form
from bot.core.transaction import Change
from bot.core.turn_message import End
from bot.pace import offload

log = logging.getLogger(__name__)

HAS_CHANGED = (CallOutcome.OK, CallOutcome.ASSUMED)
"""How calls have ended that have changed something."""
MAY_HAVE_CHANGED = (CallOutcome.ERROR, CallOutcome.SKIPPED, CallOutcome.UNRESOLVED)
"""How calls have ended that may have changed something."""


class AgentStore(ThreadStore, StepStore, Protocol):
    """The part of the store that is used here."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Advances threads; one instance serves all of them. Each thread must be advanced by one caller at a time."""

    store: AgentStore
    model: Model
    toolset: Toolset
    gateway: ChatGateway
    tool_steps: ToolSteps
    limits: Limits
    instructions: Callable[[ThreadRef, Unread], Awaitable[str]]
    """Returns the first message of a thread's log, for a thread that begins with a message."""
    stopping: Callable[[], bool]
    """Whether the process is about to end: the current step is finished, the rest is left to the next start."""
    budgets: Budgets
    options: ModelOptions = field(default_factory=ModelOptions)
    """Which models threads may use; those that the client was created with if none are configured."""
    catalogue: ModelCheck = field(default_factory=KnownModels)
    compactor: Compactor | None = None
    """Keeps conversations within what the model can read."""
    offer: ToolOffer = field(default_factory=ToolOffer)
    """How tools are offered to the model."""

    async def advance(self, thread_id: int) -> None:
        """Do everything that can be done for this thread now."""
        state = await self.store.load(thread_id)
        if is_at_work(state):
            self.gateway.session(state, SessionStatus.PROCESSING)
        goes_on = False
        """Whether a server works on something, which is shown although nothing runs here."""
        try:
            while not self.stopping() and await self._next(state):
                if state.turn is not None:
                    self.gateway.session(state, SessionStatus.PROCESSING)
            if not self.stopping():
                self.gateway.session(state, resting_status(state))
            goes_on = any(call.is_task for call in state.step)
            if self.stopping() and state.turn is not None and state.turn.announced:
                await self.store.uncount(thread_id)
        except asyncio.CancelledError:
            # A deploy is not a failure: a request that it interrupts is made again, however often that happens.
            if self.stopping() and state.turn is not None:
                await self.store.uncount(thread_id)
            raise
        finally:
            if not goes_on:
                self.gateway.resting(thread_id)
            self.gateway.deliver(thread_id)

    async def _next(self, state: ThreadState) -> bool:
        """Take one step of the turn. Returns False when there is nothing to do but wait."""
        if state.parked:
            return False
        if state.step:
            return await self.tool_steps.settle(state)
        if state.turn is not None and state.unbegun and inbox_reader.opens(state) is None:
            # It was opened to read files, and its request is gone.
            state.turn.stopped_by = state.turn.stopped_by or QUESTION_DELETED
        if state.turn is not None and state.turn.stopped_by:
            return await self._stop(state, state.turn)
        if any(message.addressed for message in state.unread) or (state.turn and state.unread):
            most, watch = self.limits.thread_messages, self.tool_steps.watch
            await InboxReader(self.store, self.gateway, self.instructions, most, watch).read(state)
        if state.turn is None:
            return False
        if state.turn.stopped_by or state.unbegun:  # by what was just read, or meanwhile
            return True
        if not state.turn.closing and (reason := await self._limit(state, state.turn)):
            await self._close(state, state.turn, reason)
        step = ModelStep(
            self.store,
            self.model,
            self.toolset,
            self.gateway,
            self.tool_steps,
            self.limits,
            self.budgets,
            self.options,
            self.catalogue,
            self.compactor,
            self.offer,
        )
        return await step.take(state, state.turn)

    async def _limit(self, state: ThreadState, turn: Turn) -> str:
        """Which limit the turn has reached, as a key of `prompt.CLOSING`; empty if none."""
        if turn.steps >= self.limits.steps:
            return "steps"
        if turn.seconds >= self.limits.turn_seconds:
            return "time"
        return await offload(loop_detection.size(state.calls), loop_detection.loop, state.calls, self.limits.pollers)

    async def _close(self, state: ThreadState, turn: Turn, reason: str) -> None:
        """Ask the model to answer now, without more tools."""
        turn.closing = reason
        closing = prompt.user(prompt.CLOSING[reason])
        await self.store.commit(state, Change("close the turn", messages=[closing]))

    async def _stop(self, state: ThreadState, turn: Turn) -> bool:
        """End a turn that was stopped. What was done stays done and in the log."""
        name = ""
        if turn.stopped_by not in (QUESTION_DELETED, turn.requester):
            name = await self.gateway.name(turn.stopped_by)
        done = await self._changed(state, HAS_CHANGED)
        doubtful = await self._changed(state, MAY_HAVE_CHANGED, Form.WANTED)
        change = Change("stop the turn", outcome="stopped")
        deleted = turn.stopped_by == QUESTION_DELETED
        note = prompt.stopped(name, done, doubtful, deleted=deleted)
        ledger = await turn_ledger.of_turn(self.toolset, self.gateway, state)
        turn_parts.end(state, change, self.gateway, End.STOPPED, note, ledger=ledger)
        await commit_and_log(self.store, state, turn, change)
        return True

    async def _changed(self, state: ThreadState, outcomes: Sequence[CallOutcome], form: Form = Form.DONE) -> list[str]:
        """Return the titles of the turn's calls that are no reads and have ended like this."""
        privacy = await self.gateway.privacy(state.place)
        changed = [call for call in state.calls if call.tier != Tier.READ and call.outcome in outcomes]
        return [step_titles.title(self.toolset, call, privacy, form) for call in changed]

    async def failed(self, thread_id: int) -> None:
        """Handle an error of ours in `advance`: people read about the first; the third in a row parks the thread."""
        if await self.store.failed(thread_id, self.gateway.notice(prompt.SORRY), self.gateway.parked()):
            log.error("thread %s: it failed too often in a row and is parked until a person takes it up", thread_id)
            self.gateway.session(await self.store.load(thread_id), SessionStatus.SUSPENDED)
        self.gateway.deliver(thread_id)
