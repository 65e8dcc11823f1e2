"""The tool calls of one step: judged, asked about, run, answered. Every call id gets exactly one tool message."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot import failpoints
from bot.agent import prompt
from bot.core import guard
from bot.core.calls import Certainty, JsonObject, Outcome, Tool, canonical, sha256
from bot.core.limits import Limits
from bot.core.policy import Ruling, repeatable
from bot.core.ports import Change, Reply, Store, Surface, Toolset
from bot.core.thread import Approval, Call, CallOutcome, CallState, Draft, Question, ThreadState

ATTEMPTS = 3
"""How often a call that does no harm twice is handed to its server, restarts included."""

Ask = tuple[Approval, Sequence[Draft]]


@dataclass(frozen=True, slots=True)
class Steps:
    """Works on the calls of the last assistant message."""

    store: Store
    toolset: Toolset
    surface: Surface
    limits: Limits
    rule: Callable[[Tool], Ruling]
    problem: Callable[[Tool, JsonObject], str | None]
    """What is wrong with arguments, for a tool's schema."""

    async def take(self, state: ThreadState, reply: Reply, change: Change) -> bool:
        """Write down the calls that the model makes, then run what may run and ask about the rest. What it says
        beside them is posted before the cards: who decides may need it."""
        raw_calls: list[JsonObject] = reply.message["tool_calls"]
        seq = len(state.messages)
        calls = [self._judge(raw, seq, position, reply) for position, raw in enumerate(raw_calls)]
        runnable = [call for call in calls if call.state is CallState.READY]
        for call in runnable:
            _start(call)
        change.name = "take the calls"
        change.messages = [prompt.assistant(reply.message)]
        change.new_calls = calls
        change.asks = [
            self._ask(state, call, Question.MAY_IT_RUN) for call in calls if call.state is CallState.AWAITING
        ]
        said = str(reply.message.get("content") or "").strip()
        if said:
            change.drafts = [*change.drafts, *self.surface.answer(said)]
        await self.store.commit(state, change)
        if change.drafts or change.asks:
            self.surface.deliver(state.id)
        if runnable:
            await self._run(state, runnable)
        return await self._conclude(state)

    async def settle(self, state: ThreadState) -> bool:
        """Go on with calls that were written down before: after a decision, or after a restart."""
        await self.toolset.ready(self.limits.servers_seconds)
        cut_off = [call for call in state.step if call.state is CallState.STARTED]
        for call in cut_off:
            again = call.repeatable and call.attempts < ATTEMPTS
            call.state = CallState.READY if again else CallState.UNKNOWN
        asks = [self._ask(state, call, Question.DID_IT_RUN) for call in cut_off if call.state is CallState.UNKNOWN]
        runnable = [call for call in state.step if call.state is CallState.READY]
        for call in runnable:
            _start(call)
        if runnable or asks:
            await self.store.commit(state, Change("start the calls", calls=[*cut_off, *runnable], asks=asks))
        if asks:
            self.surface.deliver(state.id)
        if runnable:
            await self._run(state, runnable)
        return await self._conclude(state)

    def _judge(self, raw: JsonObject, seq: int, position: int, reply: Reply) -> Call:
        """Make a call of what the model wrote, and let the arguments' schema and then the policy speak on it."""
        call_id, name = str(raw["id"]), str(raw["function"]["name"])
        call = Call(
            id=0,
            seq=seq,
            position=position,
            call_id=call_id,
            tool=name,
            server="",
            remote_name=name,
            arguments=str(raw["function"]["arguments"]),
            tool_digest="",
            repeatable=False,
            state=CallState.FINISHED,
        )
        tool = self.toolset.find(name)
        broken = reply.invalid_arguments.get(call_id)
        if broken is not None:
            call.arguments = broken[:2000]
        if tool is None:
            call.outcome, call.result = CallOutcome.INVALID, prompt.unknown_tool(name, self.toolset.tools())
            return call
        call.server, call.remote_name, call.tool_digest = tool.server, tool.remote_name, tool.digest
        if broken is not None:
            call.outcome = CallOutcome.INVALID
            call.result = "the arguments are not a JSON object (cut off or malformed). Make the call again, whole."
            return call
        try:
            arguments = scrub(json.loads(call.arguments))
            call.arguments = canonical(arguments)
            problem = self.problem(tool, arguments)
        except (ValueError, RecursionError, OverflowError):
            call.arguments = call.arguments[:2000]
            problem = "the arguments hold a number that JSON has not, or are nested too deeply."
        if problem is not None:
            call.outcome, call.result = CallOutcome.INVALID, problem
            return call
        ruling = self.rule(tool)
        if ruling is Ruling.DENY:
            call.outcome, call.result = CallOutcome.REFUSED, "the policy of this workspace does not allow this tool."
            return call
        call.repeatable = repeatable(tool)
        call.state = CallState.READY if ruling is Ruling.ALLOW else CallState.AWAITING
        return call

    def _ask(self, state: ThreadState, call: Call, question: Question) -> Ask:
        """A request to the person who started the turn."""
        approval = Approval(
            id=secrets.token_urlsafe(18),
            question=question,
            digest=digest(call),
            requester=state.turn.requester if state.turn else "",
            call=call,
            channel=state.place.channel,
            expires_at=time.time() + self.limits.approval_hours * 3600,
        )
        return approval, self.surface.card(approval)

    async def _run(self, state: ThreadState, calls: Sequence[Call]) -> None:
        """Run calls side by side. Each is on the disk as started; each writes its own end."""
        names = ", ".join(dict.fromkeys(call.remote_name for call in calls))
        self.surface.progress(state.id, f"Using {names}")
        started = time.monotonic()
        if len(calls) == 1:
            await self._run_one(state, calls[0])
        else:
            # A group, so that no call goes on unseen when another one's end could not be written.
            async with asyncio.TaskGroup() as group:
                for call in calls:
                    group.create_task(self._run_one(state, call))
        if state.turn is not None:
            state.turn.seconds += time.monotonic() - started

    async def _run_one(self, state: ThreadState, call: Call) -> None:
        outcome = await self._hand_over(call)
        if outcome.certainty is Certainty.UNKNOWN and call.repeatable:
            outcome = await self._hand_over(call)
        call.seconds, call.result = outcome.seconds, outcome.text
        asks: list[Ask] = []
        if outcome.certainty is Certainty.UNKNOWN and not call.repeatable:
            call.state = CallState.UNKNOWN
            asks = [self._ask(state, call, Question.DID_IT_RUN)]
        else:
            call.state = CallState.FINISHED
            call.outcome = CallOutcome.OK if outcome.certainty is Certainty.OK else CallOutcome.ERROR
        # The last of a step is written together with the step's answers: one commit less.
        if asks or any(other.state is not CallState.FINISHED for other in state.step):
            await self.store.commit(state, Change("finish a call", calls=[call], asks=asks))
            if asks:
                self.surface.deliver(state.id)

    async def _hand_over(self, call: Call) -> Outcome:
        """Give the server exactly what was written down, if the tool is still what it was then."""
        tool = self.toolset.find(call.tool)
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
        drafts = self.surface.summary([call for call in told if call.outcome not in SHOWN_ON_CARD])
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
)
"""Ends that a person decided: the card is their record."""


def digest(call: Call) -> str:
    """What an approval is bound to: the server, the tool, its definition, and the arguments in full."""
    return sha256(call.server, call.remote_name, call.tool_digest, call.arguments)


def scrub(value: object) -> JsonObject:
    """Arguments without lone surrogates, which no server can be sent: what is shown is what is sent."""

    def clean(item: object) -> object:
        if isinstance(item, str):
            return item.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        if isinstance(item, list):
            return [clean(part) for part in item]
        if isinstance(item, dict):
            return {str(clean(key)): clean(part) for key, part in item.items()}
        return item

    cleaned = clean(value)
    return cleaned if isinstance(cleaned, dict) else {}


def _start(call: Call) -> None:
    call.state = CallState.STARTED
    call.attempts += 1
