"""A turn: load the thread, do the next thing, write it down, repeat until there is nothing to do but wait.

Nothing is held while a person thinks: a turn that waits is a log that ends in calls without results, and `advance`
returns. It is called again whenever something has changed, and after a restart, and finds its place in the log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bot import failpoints, log_events
from bot.agent import loop_detection, prompt
from bot.agent.tool_step import ToolSteps
from bot.core import untrusted
from bot.core.json_text import JsonObject, sha256
from bot.core.limits import TRIES, Limits
from bot.core.ports.chat import ChatGateway
from bot.core.ports.model import Model, ModelRequest, Reply
from bot.core.ports.store import Store
from bot.core.ports.toolset import Toolset
from bot.core.posts import Draft
from bot.core.thread import ThreadState, Turn
from bot.core.tools import Tool
from bot.core.transaction import Change
from bot.core.untrusted import items, mapping, parsed, text
from bot.errors import ModelError
from bot.pace import Pace, offload

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agent:
    """Advances threads; one instance for all of them. `advance` runs one at a time per thread."""

    store: Store
    model: Model
    toolset: Toolset
    gateway: ChatGateway
    tool_steps: ToolSteps
    limits: Limits
    instructions: Callable[[], str]
    """The first message of a new thread's log."""
    stopping: Callable[[], bool]
    """The process is about to end: finish the step, leave the rest to the next start."""

    async def advance(self, thread_id: int) -> None:
        """Do all that can be done for this thread now."""
        state = await self.store.load(thread_id)
        try:
            while not self.stopping() and await self._next(state):
                pass
            if self.stopping() and state.turn is not None and state.turn.announced:
                await self.store.uncount(thread_id)
        except asyncio.CancelledError:
            # A deploy is no failure: a request that the stop has cut off is made once more, however often that happens.
            if self.stopping() and state.turn is not None:
                await self.store.uncount(thread_id)
            raise
        finally:
            self.gateway.end_progress(thread_id)
            self.gateway.deliver(thread_id)

    async def failed(self, thread_id: int) -> None:
        """A run was ended by an error of ours: the first is told people, the third in a row parks the thread."""
        if await self.store.failed(thread_id, self.gateway.notice(prompt.SORRY), self.gateway.parked()):
            log.error("thread %s: it failed too often in a row and is parked until a person takes it up", thread_id)
        self.gateway.deliver(thread_id)

    async def _next(self, state: ThreadState) -> bool:
        """One step of the turn; false when there is nothing to do but wait."""
        if state.parked:
            return False
        if state.step:
            return await self.tool_steps.settle(state)
        if state.turn is not None and state.turn.stopped_by:
            return await self._stop(state, state.turn)
        if any(message.addressed for message in state.unread) or (state.turn and state.unread):
            await self._read(state)
        if state.turn is None:
            return False
        if not state.turn.closing and (reason := self._limit(state, state.turn)):
            state.turn.closing = reason
            closing = prompt.user(prompt.CLOSING[reason])
            await self.store.commit(state, Change("close the turn", messages=[closing]))
        return await self._ask(state, state.turn)

    async def _read(self, state: ThreadState) -> None:
        """Take what people have said since into the log, in order; the first to address us opens a turn."""
        if not state.begun:
            earlier = await self.gateway.earlier(state.place, state.unread[0])
            for incoming in earlier:
                await self.store.admit(incoming)
            if earlier:
                state.unread = (await self.store.load(state.id)).unread
        unread = list(state.unread)
        messages: list[tuple[str, str]] = []
        pace = Pace()
        for message in unread:
            messages.append(prompt.user(await self.gateway.quote(message)))
            await pace.checkpoint()
        first = 0
        if not state.begun:
            messages.insert(0, prompt.system(self.instructions()))
            first = 1
        requester = "" if state.turn else next(message.user for message in unread if message.addressed)
        read = [(first + index, message.id) for index, message in enumerate(unread)]
        # Lost in a power cut, the messages are unread again, and no more has happened than a request to the model.
        change = Change("read the inbox", requester=requester, messages=messages, read=read, synced=False)
        change.gets_on = any(message.addressed for message in unread)
        await self.store.commit(state, change)
        if state.turn is not None:
            said = [message.user for message in unread if message.addressed and message.user]
            others = (user for user in (*state.turn.others, *said) if user != state.turn.requester)
            state.turn.others = tuple(dict.fromkeys(others))
            if requester:
                log_events.turn_began(state.turn, state)

    def _limit(self, state: ThreadState, turn: Turn) -> str:
        """Why the turn has to come to its end, if it has to."""
        if turn.steps >= self.limits.steps:
            return "steps"
        if turn.seconds >= self.limits.turn_seconds:
            return "time"
        return "repetition" if loop_detection.going_round(state.calls) else ""

    async def _ask(self, state: ThreadState, turn: Turn) -> bool:
        """Ask the model, and write down what it says."""
        if not turn.announced and not await self._announce(state, turn):
            return False
        if not self.toolset.tools():
            self.gateway.progress(state.id, "Waiting for the tools to start")
        problems = await self.toolset.ready(self.limits.servers_seconds)
        self.gateway.progress(state.id, "Thinking")
        offered = await self._offered(state, problems)
        request = ModelRequest(
            messages=await self.store.transcript(state),
            tools=offered[1],
            tool_choice="none" if turn.closing else "auto",
            session_id=sha256(state.place.team, state.place.channel, state.place.thread_ts),
            user=sha256(state.place.team, turn.requester)[:32],
        )
        change = Change("", drafts=self._told(state, problems), functions=offered)
        started = time.monotonic()
        turn.announced = False
        try:
            with failpoints.around("model request"):
                reply = await self.model.complete(request)
        except ModelError as error:
            return await self._fail(state, turn, error, change)
        finally:
            turn.seconds += time.monotonic() - started
        turn.steps += 1
        change.usage = reply.usage
        turn.usage += reply.usage
        turn.model = reply.model
        if reply.message.get("tool_calls") and not turn.closing and offered[1] != NO_FUNCTIONS:
            return await self.tool_steps.take(state, reply, change)
        return await self._answer(state, turn, reply, change)

    async def _announce(self, state: ThreadState, turn: Turn) -> bool:
        """Have it on the disk that one more request is begun although nothing came of the last: it costs money whatever
        happens to us afterwards. False when there were too many, and the thread is parked."""
        if turn.attempts >= TRIES:
            log.error("thread %s: nothing came of %d requests to the model; it is parked", state.id, turn.attempts)
            await self.store.park(state.id, self.gateway.parked())
            return False
        turn.attempts += 1
        # The process may die, the machine should not: a request too many is all that a power cut can cost.
        await self.store.commit(state, Change("try again", synced=False))
        turn.announced = True
        return True

    async def _offered(self, state: ThreadState, problems: Sequence[str]) -> tuple[str, str]:
        """The tool list, by digest and as JSON text. While a server is away a thread keeps its last one: the calls in
        its history need their tools, and the provider's cache the same bytes."""
        known = {tool.name for tool in self.toolset.tools()}
        tools = await self.tool_steps.authorizer.offered(await self.tool_steps.authorizer.facts(state))
        live = await functions(tools)
        if (problems or not known) and state.functions and state.functions != live[0]:
            allowed = {tool.name for tool in tools}
            last = await self.store.functions(state.functions)
            return await offload(len(last), _kept, last, known, allowed) or live
        return live

    def _told(self, state: ThreadState, problems: Sequence[str]) -> Sequence[Draft]:
        """A word on servers that cannot be used, once a thread and problem."""
        words = " ".join(problems)
        return self.gateway.notice(words, key=f"servers-{state.id}-{sha256(words)[:16]}") if words else ()

    async def _answer(self, state: ThreadState, turn: Turn, reply: Reply, change: Change) -> bool:
        """The model has answered in words, or with nothing."""
        # A model may call tools even when told not to. Its reasoning belongs to those calls and goes with them.
        dropped = ("tool_calls", "reasoning", "reasoning_details") if reply.message.get("tool_calls") else ()
        message = {key: value for key, value in reply.message.items() if key not in dropped}
        said = str(message.get("content") or "").strip()
        if not await offload(len(said), prompt.is_blank, said):
            note = prompt.closed(turn.closing, self.limits.steps)
            if reply.finish_reason == "length":
                note = f"{note} {prompt.CUT_OFF}".strip()
            change.name, change.outcome = "answer", "answered"
            change.messages = [prompt.assistant(message)]
            change.drafts = [*change.drafts, *await offload(len(said), self.gateway.answer, said, note)]
        elif not turn.nudged:
            turn.nudged = True
            change.name, change.messages = "ask again", [prompt.user(prompt.EMPTY)]
        else:
            words = prompt.closed(turn.closing, self.limits.steps) or prompt.EMPTY_TWICE
            change.name, change.outcome = "give up", "failed"
            change.drafts = [*change.drafts, *self.gateway.notice(words)]
        await self._commit(state, turn, change)
        return True

    async def _stop(self, state: ThreadState, turn: Turn) -> bool:
        """A person has stopped the turn: it ends here. What was done stays done and in the log."""
        name = await self.gateway.name(turn.stopped_by)
        words = f"Stopped by {name}. What was already done stays done; write here to go on."
        drafts = self.gateway.notice(words, key=f"stopped-{turn.id}")
        await self._commit(state, turn, Change("stop the turn", drafts=drafts, outcome="stopped"))
        return True

    async def _fail(self, state: ThreadState, turn: Turn, error: ModelError, change: Change) -> bool:
        """No answer is to be had: say so. What was said and done stays in the log, so the next message goes on."""
        log.error("thread %s: %s: %s", state.id, type(error).__name__, error.detail)
        change.name, change.outcome = "give up", "failed"
        words = f"{prompt.why_closed(turn.closing, self.limits.steps)} {error.sentence} {error.fix}".strip()
        change.drafts = [*change.drafts, *self.gateway.notice(words)]
        await self._commit(state, turn, change)
        return True

    async def _commit(self, state: ThreadState, turn: Turn, change: Change) -> None:
        """Write what may be the end of the turn; the log has a line once it is on the disk."""
        calls = len(state.calls)
        await self.store.commit(state, change)
        if change.outcome:
            log_events.turn_ended(turn, state, calls, change.outcome)


NO_FUNCTIONS = "[]"


_functions: dict[tuple[str, ...], tuple[str, str]] = {}
MOST_LISTS = 100
"""Tool lists kept in memory: the policy may offer others in other places."""


async def functions(tools: Sequence[Tool]) -> tuple[str, str]:
    """The tool list of a request: its digest, and its JSON text. Built again only when a definition changes."""
    key = tuple(tool.digest for tool in tools)
    found = _functions.get(key)
    if found is None:
        # A schema may have a thousand parts.
        found = await offload(len(tools) * 500, _listed, tools)
        if len(_functions) >= MOST_LISTS:
            _functions.clear()
        _functions[key] = found
    return found


def _listed(tools: Sequence[Tool]) -> tuple[str, str]:
    body = dumps([tool.function() for tool in tools])
    return sha256(body), body


def _kept(last: str, known: Collection[str], allowed: Collection[str]) -> tuple[str, str] | None:
    """Of the tools that a thread was offered last, those that are away now or may be called; None when none is away."""
    kept = [each for each in items(parsed(last)) if name_of(each)]
    if all(name_of(function) in known for function in kept):
        return None
    body = dumps([each for each in kept if name_of(each) not in known or name_of(each) in allowed])
    return sha256(body), body


def dumps(functions: Sequence[JsonObject]) -> str:
    """Function tools as a request carries them."""
    return untrusted.dumps(list(functions))


def name_of(function: JsonObject) -> str:
    """The name of a function tool; empty when it is none."""
    return text(mapping(mapping(function).get("function")).get("name"))
