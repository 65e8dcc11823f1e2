"""One request to the model: recorded before it is made, and its reply recorded after it."""

from __future__ import annotations

import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from bot import failpoints
from bot.agent import prompt, turn_ledger, turn_parts
from bot.agent.policy_facts import policy_facts
from bot.agent.stop_watch import Stop, StopWatch
from bot.agent.tool_list import NO_FUNCTIONS, offered_functions
from bot.agent.tool_step import ToolSteps
from bot.agent.turn_end import commit_and_log
from bot.core.json_text import sha256
from bot.core.ledger import TurnLedger
from bot.core.limits import TRIES, Limits
from bot.core.ports.chat import ChatGateway
from bot.core.ports.model import Model, ModelRequest, Reply
from bot.core.ports.store import Log
from bot.core.ports.toolset import Toolset
from bot.core.posts import Draft
from bot.core.thread import ThreadState, Turn
from bot.core.transaction import Change
from bot.errors import ModelError
from bot.pace import offload

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelStep:
    """Asks the model for the next step of a turn."""

    store: Log
    model: Model
    toolset: Toolset
    gateway: ChatGateway
    tool_steps: ToolSteps
    limits: Limits

    async def take(self, state: ThreadState, turn: Turn) -> bool:
        """Make a request and act on the reply. Returns False when there is nothing to do but wait.

        When the turn is stopped meanwhile, the request is aborted, or what comes of it is dropped.
        """
        if not turn.announced and not await self._announce(state, turn):
            return False
        stop = Stop()
        # One watch for both waits, so that a stop which is noticed between them is not lost.
        with StopWatch(self.store, self.tool_steps.watch, state, stop):
            if not self.toolset.tools():
                self.gateway.working(state.id, state.part, "Waiting for the tools to start")
            problems = await _unless_stopped(stop, self.toolset.ready(self.limits.servers_seconds))
            if problems is None:
                return True
            self.gateway.working(state.id, state.part, "Thinking")
            policy = self.tool_steps.authorizer.policy
            facts = await policy_facts(policy, self.gateway, self.toolset, state)
            functions = await offered_functions(self.store, self.toolset, policy, state, facts=facts, problems=problems)
            request = ModelRequest(
                messages=await self.store.transcript(state),
                tools=functions[1],
                tool_choice="none" if turn.closing else "auto",
                session_id=sha256(state.place.team, state.place.channel, state.place.thread_ts),
                user=sha256(state.place.team, turn.requester)[:32],
            )
            notice = self._server_notice(state, problems)
            change = Change("", drafts=notice, functions=functions, unless_stopped=True)
            try:
                reply = await self._complete(state, turn, request, stop)
            except ModelError as error:
                return await self._fail(state, turn, error, change)
        if reply is None:
            return True
        change.usage = reply.usage
        if reply.message.get("tool_calls") and not turn.closing and functions[1] != NO_FUNCTIONS:
            return await self.tool_steps.take(state, reply, facts, change)
        return await self._answer(state, turn, reply, change)

    async def _announce(self, state: ThreadState, turn: Turn) -> bool:
        """Record that a request is about to be made: it costs money even if the process dies before the reply.

        Returns False when too many requests in a row came to nothing; the thread is then parked.
        """
        if turn.attempts >= TRIES:
            log.error("thread %s: nothing came of %d requests to the model; it is parked", state.id, turn.attempts)
            await self.store.park(state.id, self.gateway.parked())
            return False
        turn.attempts += 1
        # Not synced: this guards against crashes of the process, and a power cut costs one more request at most.
        await self.store.commit(state, Change("try again", synced=False))
        turn.announced = True
        return True

    async def _complete(self, state: ThreadState, turn: Turn, request: ModelRequest, stop: Stop) -> Reply | None:
        """Make the request, and count its time and cost. Returns None if the turn is stopped meanwhile: the request is
        aborted. Raises ModelError."""
        started = time.monotonic()
        turn.announced = False
        try:
            with failpoints.around("model request"):
                reply = await _unless_stopped(stop, self.model.complete(request, self.gateway.writing(state.id)))
        except ModelError as error:
            turn.usage += error.usage
            raise
        finally:
            turn.seconds += time.monotonic() - started
        if reply is None:
            return None
        turn.steps += 1
        turn.usage += reply.usage
        turn.model = reply.model
        return reply

    def _server_notice(self, state: ThreadState, problems: Sequence[str]) -> Sequence[Draft]:
        """Report tool servers that cannot be used, once per thread and problem."""
        words = " ".join(problems)
        return self.gateway.notice(words, key=f"servers-{state.id}-{sha256(words)[:16]}") if words else ()

    async def _answer(self, state: ThreadState, turn: Turn, reply: Reply, change: Change) -> bool:
        """Record and post a reply in words. One without words, or with a call that cannot be read, is asked for again
        once; after that the turn fails."""
        # A model may call tools even when asked not to. Its reasoning belongs to those calls and is dropped with them.
        dropped = ("tool_calls", "reasoning", "reasoning_details") if reply.message.get("tool_calls") else ()
        message = {key: value for key, value in reply.message.items() if key not in dropped}
        said = str(message.get("content") or "").strip()
        blank = await offload(len(said), prompt.is_blank, said)
        closed = prompt.closed(turn.closing, self.limits.steps)
        again = not turn.reprompted and prompt.once_more(reply, blank=blank)
        if again:
            turn.reprompted = True
            self.gateway.writing(state.id).restart()
            change.name, change.messages = "ask again", [prompt.user(again)]
        elif not blank:
            change.name, change.outcome = "answer", "answered"
            change.messages = [prompt.assistant(message)]
            await turn_parts.say(state, change, self.gateway, said)
            turn_parts.answered(
                state, change, f"{closed} {prompt.incomplete(reply)}".strip(), await self._ledger(state)
            )
        else:
            change.name, change.outcome = "give up", "failed"
            words = closed or prompt.no_answer(reply)
            turn_parts.fail(state, turn, change, self.gateway, words, ledger=await self._ledger(state), retry=True)
        await commit_and_log(self.store, state, turn, change)
        return True

    async def _fail(self, state: ThreadState, turn: Turn, error: ModelError, change: Change) -> bool:
        """End the turn without an answer and say why. The log is kept: Retry, or the next message, continues there."""
        log.error("thread %s: %s: %s", state.id, type(error).__name__, error.detail)
        change.name, change.outcome, change.usage = "give up", "failed", error.usage
        words = f"{prompt.why_closed(turn.closing, self.limits.steps)} {error.sentence} {error.advice}".strip()
        turn_parts.fail(state, turn, change, self.gateway, words, ledger=await self._ledger(state), retry=error.retry)
        await commit_and_log(self.store, state, turn, change)
        return True

    async def _ledger(self, state: ThreadState) -> TurnLedger | None:
        """Return what the turn has changed, for the end of its message."""
        return await turn_ledger.of_turn(self.toolset, self.gateway, state)


async def _unless_stopped(stop: Stop, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what the work returns; None if the turn is stopped first, which cancels the work."""
    with stop.scope():
        return await work
    return None
