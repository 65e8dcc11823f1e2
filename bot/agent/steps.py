"""The tool calls of one step: asked about, run, answered. Every call id gets exactly one tool message."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot import failpoints
from bot.agent import prompt
from bot.agent.asking import AGAIN, Asking, Wish
from bot.agent.judging import Judge, refuse
from bot.core import guard
from bot.core.calls import Before, Certainty, Outcome, Tool
from bot.core.changes import Change
from bot.core.limits import Limits
from bot.core.policy import Ruling
from bot.core.ports import Reply, Store, Surface, Toolset
from bot.core.privacy import Privacy
from bot.core.requests import Question
from bot.core.thread import Call, CallOutcome, CallState, ThreadState

ATTEMPTS = 3
"""How often a call that does no harm twice is handed to its server, restarts included."""

NOW_ASKS = "This was allowed without a question a moment ago, and is so no longer."


@dataclass(frozen=True, slots=True)
class Steps:
    """Works on the calls of the last assistant message."""

    store: Store
    toolset: Toolset
    surface: Surface
    limits: Limits
    judge: Judge
    asking: Asking

    async def take(self, state: ThreadState, reply: Reply, change: Change) -> bool:
        """Write down the calls that the model makes, then run what may run and ask about the rest. What it says
        beside them is posted before the cards: who decides may need it."""
        calls, notes = await self.judge.take(state, reply)
        runnable = [call for call in calls if call.state is CallState.READY]
        for call in runnable:
            _start(call)
        wishes = [
            Wish(call, Question.MAY_IT_RUN, notes[call.position]) for call in calls if call.state is CallState.AWAITING
        ]
        change.name = "take the calls"
        change.messages = [prompt.assistant(reply.message)]
        change.new_calls = calls
        change.cards = await self.asking.cards(state, wishes)
        said = str(reply.message.get("content") or "").strip()
        if said:
            change.drafts = [*change.drafts, *self.surface.answer(said)]
        await self.store.commit(state, change)
        if change.drafts or change.cards:
            self.surface.deliver(state.id)
        if runnable:
            await self._run(state, runnable, {})
        return await self._conclude(state)

    async def settle(self, state: ThreadState) -> bool:
        """Go on with calls that were written down before: after a decision, or after a restart."""
        await self.toolset.ready(self.limits.servers_seconds)
        cut_off = [call for call in state.step if call.state is CallState.STARTED]
        for call in cut_off:
            again = call.repeatable and call.attempts < ATTEMPTS
            call.state = CallState.READY if again else CallState.UNKNOWN
        wishes = [Wish(call, Question.DID_IT_RUN) for call in cut_off if call.state is CallState.UNKNOWN]
        # Somebody has changed the arguments of these.
        waiting = [call for call in state.step if call.state is CallState.AWAITING and not call.asked]
        for call in waiting:
            tool = self.toolset.find(call.tool)
            if tool is not None and await self.judge.now(state, call, tool) is Ruling.DENY:
                refuse(call)
            else:
                wishes.append(Wish(call, Question.MAY_IT_RUN))
        ready = [call for call in state.step if call.state is CallState.READY]
        befores = await self._prepare(state, ready)
        cards = await self.asking.cards(state, wishes)
        if ready or wishes or waiting:
            change = Change("start the calls", calls=[*cut_off, *waiting, *ready], cards=cards, befores=befores)
            await self.store.commit(state, change)
        for call in waiting:
            call.asked = True
        if cards:
            self.surface.deliver(state.id)
        runnable = [call for call in ready if call.state is CallState.STARTED]
        if runnable:
            await self._run(state, runnable, {call.id: before for call, before in befores})
        return await self._conclude(state)

    async def _prepare(self, state: ThreadState, calls: Sequence[Call]) -> list[tuple[Call, Before]]:
        """Start what still may run; out: what approved calls are about to change, so that they can be taken back."""
        befores: list[tuple[Call, Before]] = []
        for call in calls:
            tool = self.toolset.find(call.tool)
            if tool is not None and await self.judge.now(state, call, tool) is Ruling.DENY:
                refuse(call)
                continue
            _start(call)
            if call.approval and tool is not None and self.asking.approvals.undo_minutes:
                before = await self.toolset.keep(tool, json.loads(call.arguments))
                befores += [(call, before)] if before is not None else []
        return befores

    async def _run(self, state: ThreadState, calls: Sequence[Call], befores: Mapping[int, Before]) -> None:
        """Run calls side by side. Each is on the disk as started; each writes its own end."""
        names = ", ".join(dict.fromkeys(call.remote_name for call in calls))
        private = await self.surface.privacy(state.place) is Privacy.PRIVATE
        self.surface.progress(state.id, "Using tools" if private else f"Using {names}")
        started = time.monotonic()
        if len(calls) == 1:
            await self._run_one(state, calls[0], befores)
        else:
            # A group, so that no call goes on unseen when another one's end could not be written.
            async with asyncio.TaskGroup() as group:
                for call in calls:
                    group.create_task(self._run_one(state, call, befores))
        if state.turn is not None:
            state.turn.seconds += time.monotonic() - started

    async def _run_one(self, state: ThreadState, call: Call, befores: Mapping[int, Before]) -> None:
        tool = self.toolset.find(call.tool)
        # Another server's tool under the same name is not this one changed: such a call is not made at all.
        same = tool is not None and (tool.server, tool.remote_name) == (call.server, call.remote_name)
        if tool is not None and same and (why := await self._no_longer(state, call, tool)):
            await self._ask_afresh(state, call, tool, why)
            return
        outcome = await self._hand_over(call, tool)
        if outcome.certainty is Certainty.UNKNOWN and call.repeatable:
            outcome = await self._hand_over(call, tool)
        call.seconds, call.result = outcome.seconds, outcome.text
        change = Change("finish a call", calls=[call])
        if outcome.certainty is Certainty.UNKNOWN and not call.repeatable:
            call.state = CallState.UNKNOWN
            change.cards = await self.asking.cards(state, [Wish(call, Question.DID_IT_RUN)])
        else:
            call.state = CallState.FINISHED
            call.outcome = CallOutcome.OK if outcome.certainty is Certainty.OK else CallOutcome.ERROR
            before = befores.get(call.id)
            if before is not None:
                after = await self.toolset.after(before) if call.outcome is CallOutcome.OK else ""
                change.afters = [(call, after, time.time() + self.asking.approvals.undo_minutes * 60)]
        # The last of a step is written together with the step's answers: one commit less.
        unfinished = any(other.state is not CallState.FINISHED for other in state.step)
        if change.cards or change.afters or unfinished:
            await self.store.commit(state, change)
            if change.cards or call.approval:
                self.surface.deliver(state.id)

    async def _no_longer(self, state: ThreadState, call: Call, tool: Tool) -> str:
        """Why what let the call run a moment ago does so no longer: the last look before the server gets it."""
        if call.approval:
            return await self.asking.drift(call, tool)
        changed = tool.digest != call.tool_digest
        return "" if changed or await self.judge.now(state, call, tool) is Ruling.ALLOW else NOW_ASKS

    async def _ask_afresh(self, state: ThreadState, call: Call, tool: Tool, why: str) -> None:
        """What let it run is no longer true: nothing is run. People are asked, with things as they are."""
        call.attempts -= 1
        call.tool_digest = tool.digest
        before = call.attempts > 0 and not call.repeatable
        question = Question.DID_IT_RUN if before else Question.MAY_IT_RUN
        call.state = CallState.UNKNOWN if before else CallState.AWAITING
        problem = self.judge.problem(tool, json.loads(call.arguments))
        if problem is not None and question is Question.MAY_IT_RUN:
            call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.INVALID, problem
            cards = ()
        else:
            cards = await self.asking.cards(state, [Wish(call, question, AGAIN if call.approval else why)])
        more = "" if cards else " As things are now it would fail, so the model was told instead of asking again."
        call.asked = bool(cards)
        drifted = [(call.approval, f"{why}.{more}")] if call.approval else []
        change = Change("drift", calls=[call], cards=cards, drifted=drifted)
        await self.store.commit(state, change)
        call.approval = ""
        self.surface.deliver(state.id)

    async def _hand_over(self, call: Call, tool: Tool | None) -> Outcome:
        """Give the server exactly what was written down, if the tool is still what it was then."""
        if tool is None:
            return Outcome(Certainty.UNSENT, "the tool is not there any more, so the call was not made.", 0.0)
        if (tool.server, tool.remote_name, tool.digest) != (call.server, call.remote_name, call.tool_digest):
            gone = "the tool's definition has changed since, so the call was not made. Make it again if it is needed."
            return Outcome(Certainty.UNSENT, gone, 0.0)
        with failpoints.around(f"tool call {call.remote_name}"):
            return await self.toolset.call(tool, json.loads(call.arguments))

    async def _conclude(self, state: ThreadState) -> bool:
        """Answer the step if all its calls have ended, else show what has been done so far and wait for people."""
        calls = state.step
        told = [call for call in calls if call.state is CallState.FINISHED and not call.summarised]
        for call in told:
            call.summarised = True
        shown = [call for call in told if call.outcome not in SHOWN_ON_CARD]
        drafts = self.surface.summary(shown, await self.surface.privacy(state.place))
        if all(call.state is CallState.FINISHED for call in calls):
            done = [other for other in state.calls if other.seq < calls[0].seq]
            answers = [prompt.tool(call, guard.note([*done, *calls], call)) for call in calls]
            await self.store.commit(state, Change("answer the calls", messages=answers, calls=calls, drafts=drafts))
            self.surface.deliver(state.id)
            return True
        for user in dict.fromkeys(message.user for message in state.unread if message.addressed):
            words = "I will read this once the request above is decided."
            drafts = [*drafts, *self.surface.notice(words, key=f"busy-{calls[0].id}-{user}")]
        if drafts:
            await self.store.commit(state, Change("tell what was done", calls=told, drafts=drafts))
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


def _start(call: Call) -> None:
    call.state = CallState.STARTED
    call.attempts += 1
