"""A turn: load the thread, do the next thing, write it down, repeat until there is nothing to do but wait.

Nothing is held while a person thinks: a turn that waits is a log that ends in calls without results, and `advance`
returns. It is called again whenever something has changed, and after a restart, and finds its place in the log.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot import failpoints
from bot.agent import prompt
from bot.agent.steps import Steps
from bot.core import guard
from bot.core.calls import Tool, sha256
from bot.core.limits import Limits
from bot.core.ports import Change, Model, ModelRequest, Reply, Store, Surface, Toolset
from bot.core.thread import ThreadState, Turn
from bot.errors import ContextTooLong, ModelError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Agent:
    """Advances threads; one instance for all of them. `advance` runs one at a time per thread."""

    store: Store
    model: Model
    toolset: Toolset
    surface: Surface
    steps: Steps
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
        finally:
            self.surface.rest(thread_id)
            self.surface.deliver(thread_id)

    async def _next(self, state: ThreadState) -> bool:
        """One step of the turn; false when there is nothing to do but wait."""
        if state.step:
            return await self.steps.settle(state)
        if any(message.addressed for message in state.unread) or (state.turn and state.unread):
            await self._read(state)
        if state.turn is None:
            return False
        self.surface.progress(state.id, "Thinking")
        if not state.turn.closing and (reason := self._limit(state, state.turn)):
            state.turn.closing = reason
            closing = prompt.user(prompt.CLOSING[reason])
            await self.store.commit(state, Change("close the turn", messages=[closing]))
        return await self._ask(state, state.turn)

    async def _read(self, state: ThreadState) -> None:
        """Take what people have said since into the log, in order; the first to address us opens a turn."""
        unread = list(state.unread)
        messages = [prompt.user(await self.surface.quote(message)) for message in unread]
        first = 0
        if not state.messages:
            messages.insert(0, prompt.system(self.instructions()))
            first = 1
        requester = "" if state.turn else next(message.user for message in unread if message.addressed)
        read = [(first + index, message.id) for index, message in enumerate(unread)]
        await self.store.commit(state, Change("read the inbox", requester=requester, messages=messages, read=read))

    def _limit(self, state: ThreadState, turn: Turn) -> str:
        """Why the turn has to come to its end, if it has to."""
        if turn.steps >= self.limits.steps:
            return "steps"
        if turn.seconds >= self.limits.turn_seconds:
            return "time"
        return "repetition" if guard.going_round(state.calls) else ""

    async def _ask(self, state: ThreadState, turn: Turn) -> bool:
        """Ask the model, and write down what it says."""
        problems = await self.toolset.ready(self.limits.servers_seconds)
        tools = self.toolset.tools()
        request = ModelRequest(
            messages=state.messages,
            tools=functions(tools),
            tool_choice="none" if turn.closing else "auto",
            session_id=sha256(state.place.team, state.place.channel, state.place.thread_ts),
            user=sha256(state.place.team, turn.requester)[:32],
        )
        started = time.monotonic()
        try:
            with failpoints.around("model request"):
                reply = await self.model.complete(request)
        except ModelError as error:
            return await self._fail(state, error)
        finally:
            turn.seconds += time.monotonic() - started
        turn.steps += 1
        if reply.message.get("tool_calls") and not turn.closing:
            return await self.steps.take(state, reply, problems)
        return await self._answer(state, turn, reply, problems)

    async def _answer(self, state: ThreadState, turn: Turn, reply: Reply, problems: Sequence[str]) -> bool:
        """The model has answered in words, or with nothing."""
        # A model may call tools even when told not to. Its reasoning belongs to those calls and goes with them.
        dropped = ("tool_calls", "reasoning", "reasoning_details") if reply.message.get("tool_calls") else ()
        message = {key: value for key, value in reply.message.items() if key not in dropped}
        text = str(message.get("content") or "").strip()
        if text:
            notes = [prompt.CLOSED[turn.closing].format(steps=turn.steps)] if turn.closing else []
            drafts = self.surface.answer(text, " ".join([*notes, *problems]))
            answered = Change("answer", messages=[prompt.assistant(message)], drafts=drafts, usage=reply.usage)
            answered.outcome = "answered"
            await self.store.commit(state, answered)
        elif not turn.nudged:
            turn.nudged = True
            nudge = prompt.user(prompt.EMPTY)
            await self.store.commit(state, Change("ask again", messages=[nudge], usage=reply.usage))
        else:
            words = (
                "The model gave an empty answer twice. Your message is kept: write “try again” and I ask it once more."
            )
            drafts = self.surface.notice(" ".join([words, *problems]))
            await self.store.commit(state, Change("give up", drafts=drafts, usage=reply.usage, outcome="failed"))
        return True

    async def _fail(self, state: ThreadState, error: ModelError) -> bool:
        """No answer is to be had: say so. What was said and done stays in the log, so the next message goes on."""
        log.error("thread %s: %s: %s", state.id, type(error).__name__, error.detail)
        mend = (
            "What was said here is kept, but to go on, start a new thread."
            if isinstance(error, ContextTooLong)
            else "Everything in this thread is kept: write “try again” and I carry on from here."
        )
        drafts = self.surface.notice(f"{error.sentence} {mend}")
        await self.store.commit(state, Change("give up", drafts=drafts, outcome="failed"))
        return True


_functions: tuple[tuple[str, ...], str] = ((), "[]")


def functions(tools: Sequence[Tool]) -> str:
    """The tool list of a request as JSON text. Built again only when a definition changes."""
    global _functions  # noqa: PLW0603
    key = tuple(tool.digest for tool in tools)
    if key != _functions[0]:
        text = json.dumps([tool.function() for tool in tools], ensure_ascii=False, separators=(",", ":"))
        _functions = (key, text)
    return _functions[1]
