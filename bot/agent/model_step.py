"""One request to the model: recorded before it is made, and its reply recorded after it."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from bot import failpoints
from bot.agent import needed_servers, prompt, turn_ledger, turn_parts
from bot.agent.budgets import Budgets
from bot.agent.cancellation import Stop, StopMonitor
from bot.agent.compaction import Compactor
from bot.agent.policy_facts import policy_facts
from bot.agent.request_meter import RequestMeter
from bot.agent.tool_list import NO_FUNCTIONS, ToolOffer, offered_functions
from bot.agent.tool_step import ToolSteps
from bot.agent.turn_end import commit_and_log
from bot.core import pseudonyms
from bot.core.attachments import MARK
from bot.core.budget import Standing
from bot.core.compaction import Measure
from bot.core.json_text import sha256
from bot.core.ledger import TurnLedger
from bot.core.limits import TRIES, Limits
from bot.core.model_options import AskedModel, ModelOptions, Selection, ThreadModel
from bot.core.own_tools import is_own
from bot.core.ports.chat import ChatGateway
from bot.core.ports.model import Model, ModelRequest, Reply
from bot.core.ports.model_check import ModelCheck
from bot.core.ports.secrets import Secrets
from bot.core.ports.store import Log
from bot.core.ports.thread_models import ThreadModels
from bot.core.ports.toolset import Toolset
from bot.core.posts import Draft
from bot.core.thread import ThreadState, Turn
from bot.core.transaction import Change, Usage
from bot.errors import ContextTooLong, ModelError, OutOfBudget
from bot.pace import offload

log = logging.getLogger(__name__)

T = TypeVar("T")


class StepStore(Log, ThreadModels, Secrets, Protocol):
    """The part of the store that is used here."""


@dataclass(frozen=True, slots=True)
class Spending:
    """The budgets before the requests of a step, and what counts these."""

    standings: Sequence[Standing]
    meter: RequestMeter


@dataclass(frozen=True, slots=True)
class ModelStep:
    """Asks the model for the next step of a turn."""

    store: StepStore
    model: Model
    toolset: Toolset
    gateway: ChatGateway
    tool_steps: ToolSteps
    limits: Limits
    budgets: Budgets
    options: ModelOptions
    catalogue: ModelCheck
    compactor: Compactor | None = None
    """Keeps the conversation within what the model can read; without it, whatever there is is sent."""
    offer: ToolOffer = field(default_factory=ToolOffer)

    async def take(self, state: ThreadState, turn: Turn) -> bool:
        """Make a request unless a budget is used up, and act on the reply. Returns False when there is nothing to do
        but wait."""
        standings = await self.budgets.check(state, turn) if self.budgets.caps.any else ()
        if any(each.reached for each in standings):
            return await self.budgets.halt(state, turn, standings, partial(self._ledger, state))
        if not turn.announced and not await self._announce(state, turn):
            return False
        spending = Spending(standings, self.budgets.meter(state, turn))
        return await self._request(state, turn, spending)

    async def _request(self, state: ThreadState, turn: Turn, spending: Spending) -> bool:
        """Make the request. When the turn is stopped meanwhile, it is aborted, or what comes of it is dropped."""
        stop = Stop()
        # One watch for both waits, so that a stop which is noticed between them is not lost.
        with StopMonitor(self.store, self.tool_steps.watch, state, stop):
            if all(is_own(tool) for tool in self.toolset.tools()):
                self.gateway.working(state.id, state.part, "Waiting for the tools to start")
            problems = await _unless_stopped(stop, self.toolset.ready(self.limits.servers_seconds))
            if problems is None:
                return True
            self.gateway.working(state.id, state.part, "Thinking")
            policy = self.tool_steps.authorizer.policy
            facts = await policy_facts(policy, self.gateway, self.toolset, state)
            chosen = await self.store.thread_model(state.id)
            selection = self.options.select(state.place.channel, chosen.choice, self.catalogue)
            asked = _asked(state, chosen, selection)
            functions = await offered_functions(
                *(self.store, self.toolset, policy, state),
                facts=facts,
                problems=problems,
                offer=self.offer,
                models=(chosen.asked, asked.model),
            )
            secret = await self.store.secret()
            request = ModelRequest(
                messages=await self.store.transcript(state),
                tools=functions[1],
                tool_choice="none" if turn.closing else "auto",
                session_id=pseudonyms.of_thread(secret, state.place),
                user=pseudonyms.of_person(secret, state.place.team, turn.requester),
                models=selection.models,
                effort=selection.effort,
                others_until=asked.since,
                meter=spending.meter,
                cache_marks=_marks_cache(selection.models, self.catalogue),
            )
            notices = self._model_notice(state, selection)
            change = Change("", drafts=notices, functions=functions, asked=asked, unless_stopped=True)
            change.unavailable = needed_servers.notices(self.toolset, self.gateway, state, facts)
            try:
                reply = await self._ask(state, turn, request, stop)
            except ModelError as error:
                await self._spend(state, turn, spending, error.usage, change)
                if await self._without_files(state, request, error):
                    # The next request is made without the files in this one.
                    change.name = "leave out refused files"
                    return await self._go_on(state, change)
                return await self._fail(state, turn, error, change)
        if reply is None:
            return await self._cut(state, spending)
        change.measured = _measured(state, reply)
        if fallback := self.options.fallback(selection.models, reply.model, self.catalogue):
            log.warning("thread %s: %s answered in place of %s", state.id, fallback, selection.models[0])
            turn.fallback, change.asked = fallback, replace(asked, fallback=fallback)
        await self._spend(state, turn, spending, reply.usage, change)
        if reply.message.get("tool_calls") and not turn.closing and functions[1] != NO_FUNCTIONS:
            return await self.tool_steps.take(state, reply, facts, change)
        if turn.fallback and change.asked is not None:
            # Behind calls, its reasoning has to go back as it came; but the next turn begins with the first model.
            change.asked = replace(change.asked, since=state.next_position)
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

    async def _fit(self, state: ThreadState, turn: Turn, request: ModelRequest, stop: Stop) -> bool | None:
        """Make the conversation as short as it has to be. Return whether it has changed; None if the turn is stopped
        meanwhile."""
        if self.compactor is None or not self.compactor.needed(state, request):
            return False
        changed = await _unless_stopped(stop, self.compactor.fit(state, turn, request))
        self.gateway.working(state.id, state.part, "Thinking")
        return changed

    async def _ask(self, state: ThreadState, turn: Turn, request: ModelRequest, stop: Stop) -> Reply | None:
        """Make the request with a conversation that is short enough, and again with a shorter one if the model refuses
        it as too long. Like `_complete`."""
        if await self._fit(state, turn, request, stop) is None:
            return None
        for tried in itertools.count(1):
            request = replace(request, messages=await self.store.transcript(state))
            if request.meter is not None and request.meter.requests:
                await request.meter.again()
            try:
                return await self._complete(state, turn, await self._filled(state, request), stop)
            except ContextTooLong as error:
                if self.compactor is None or tried >= TRIES:
                    raise
                log.warning("thread %s: the conversation is too long for the model: %s", state.id, error.detail)
                shrinking = self.compactor.shrink(state, turn, request, error, tried)
                shorter = await _unless_stopped(stop, shrinking)
                if shorter is None:
                    return None
                if not shorter:
                    raise
            self.gateway.working(state.id, state.part, "Thinking")
        raise AssertionError("it counts forever")

    async def _filled(self, state: ThreadState, request: ModelRequest) -> ModelRequest:
        """Return the request with the files that people attached and tools returned."""
        if not request.messages.has(MARK):
            return request
        files = self.tool_steps.files.requests
        return replace(request, messages=await files.filled(state.id, request.messages, request.models))

    async def _without_files(self, state: ThreadState, request: ModelRequest, error: ModelError) -> bool:
        """Return whether a refused request may succeed without its files, which are left out from now on."""
        filled = await self._filled(state, request)
        return self.tool_steps.files.requests.refused(
            state.id, request.messages, filled.messages, error, request.models
        )

    async def _complete(self, state: ThreadState, turn: Turn, request: ModelRequest, stop: Stop) -> Reply | None:
        """Make the request, and count its time and cost. Returns None if the turn is stopped meanwhile: the request is
        aborted. Raises ModelError."""
        started = time.monotonic()
        turn.announced = False
        try:
            with failpoints.around("model request"):
                reply = await _unless_stopped(stop, self.model.complete(request, self.gateway.writing(state.id)))
        finally:
            turn.seconds += time.monotonic() - started
        if reply is None:
            return None
        turn.steps += 1
        turn.model = reply.model
        return reply

    async def _go_on(self, state: ThreadState, change: Change) -> bool:
        """Record what a failed request has cost; another one follows."""
        await self.store.commit(state, change)
        return True

    async def _cut(self, state: ThreadState, spending: Spending) -> bool:
        """Record that a request was aborted: what it has cost is found out later."""
        if spending.meter.costs():
            await self.store.commit(state, Change("count what was cut off", costs=spending.meter.costs()))
        return True

    async def _spend(self, state: ThreadState, turn: Turn, spending: Spending, reported: Usage, change: Change) -> None:
        """Add to a change what the requests of a step have cost. `reported`: what the model's client says, which counts
        if it has used no meter."""
        change.costs, change.request = spending.meter.costs(), spending.meter.last
        change.usage = spending.meter.usage if change.costs else reported
        turn.usage += change.usage
        if near := [each for each in spending.standings if each.near_with(change.usage.cost)]:
            await self.budgets.inform(state, turn, near, change)

    def _model_notice(self, state: ThreadState, selection: Selection) -> Sequence[Draft]:
        """Report a chosen model that cannot be used any more, once per thread and model."""
        if not selection.dropped:
            return ()
        words = prompt.model_dropped(selection.dropped, next(iter(selection.models), ""))
        return self.gateway.notice(words, key=f"model-{state.id}-{sha256(selection.dropped)[:16]}")

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
            # The reply is not in the log, so the last measure still holds.
            change.name, change.messages, change.measured = "ask again", [prompt.user(again)], None
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
        """End the turn without an answer and say why. The log is kept: Retry, or the next message, continues there. If
        only the budget was in the way, the turn goes on, and what follows is decided there."""
        log.error("thread %s: %s: %s", state.id, type(error).__name__, error.detail)
        if isinstance(error, OutOfBudget):
            change.name = "count what has failed"
            return await self._go_on(state, change)
        change.name, change.outcome = "give up", "failed"
        words = f"{prompt.why_closed(turn.closing, self.limits.steps)} {error.sentence} {error.advice}".strip()
        turn_parts.fail(state, turn, change, self.gateway, words, ledger=await self._ledger(state), retry=error.retry)
        await commit_and_log(self.store, state, turn, change)
        return True

    async def _ledger(self, state: ThreadState) -> TurnLedger | None:
        """Return what the turn has changed, for the end of its message."""
        return await turn_ledger.of_turn(self.toolset, self.gateway, state)


def _marks_cache(models: Sequence[str], catalogue: ModelCheck) -> bool:
    """Return whether the provider of the first model caches only what a request marks."""
    info = catalogue.find(models[0]) if models else None
    return info is not None and info.caches_what_is_marked


def _asked(state: ThreadState, chosen: ThreadModel, selection: Selection) -> AskedModel:
    """Return the model of the next request, with the last position of the log that was written before it was asked.

    Models do not accept the reasoning of others. As the model may have been changed while it wrote, what counts is not
    when somebody chose another, but what the requests of the thread were made to.
    """
    model = next(iter(selection.models), "")
    if chosen.asked in (model, ""):
        return AskedModel(model, chosen.since)
    return AskedModel(model, state.last_position)


def _measured(state: ThreadState, reply: Reply) -> Measure | None:
    """Return how large the request and its reply are, which is the next message of the log."""
    return Measure(reply.context_tokens, state.next_position) if reply.context_tokens > 0 else None


async def _unless_stopped(stop: Stop, work: Coroutine[Any, Any, T]) -> T | None:
    """Return what the work returns; None if the turn is stopped first, which cancels the work."""
    with stop.scope():
        return await work
    return None
