"""Runs one call: checks again that it may run, takes a snapshot, sends it to the server once, and records its end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from bot import failpoints
from bot.agent import prompt, shown_progress, turn_parts
from bot.agent.approval_requests import AGAIN, ApprovalRequester, PendingApproval
from bot.agent.attached_results import FilesInResults
from bot.agent.authorization import CallAuthorizer, refuse
from bot.agent.cancellation import Stop
from bot.agent.granted_records import GrantedRecords
from bot.agent.legacy_elicitation import LiveInput
from bot.agent.sign_in_requests import SignInRequests
from bot.core import call_progress, exchange
from bot.core.attachments import unpacked
from bot.core.calls import WOULD_FAIL, Call, CallOutcome, CallState
from bot.core.identity import Identity
from bot.core.json_text import sha256
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Ruling
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Log
from bot.core.ports.toolset import Permit, Toolset, bound
from bot.core.posts import Draft
from bot.core.questions import granted
from bot.core.questions.question import Approval, CallKind
from bot.core.resource_tools import RESOURCES_SERVER
from bot.core.thread import ThreadState
from bot.core.tools import BusyError, CallResult, DeliveryStatus, Dialogue, Tool, UndoSnapshot, position_in_step
from bot.core.transaction import Change

T = TypeVar("T")

NOT_READ = "[the images and sounds of this result were not read: reading them was broken off]"
LET_GO_SECONDS = 0.3
"""How long a call that was cancelled may take to end, such as for the notification to its server. It then ends on its
own, without anybody waiting for it."""
NOW_ASKS = "This was allowed without asking a moment ago, but no longer is."


@dataclass(frozen=True, slots=True)
class ToolExecutor:
    """Runs calls that may run."""

    store: Log
    toolset: Toolset
    gateway: ChatGateway
    authorizer: CallAuthorizer
    approval_requester: ApprovalRequester
    granted_records: GrantedRecords
    files: FilesInResults
    live_input: LiveInput
    sign_in_requests: SignInRequests | None = None

    async def run(self, state: ThreadState, call: Call, held: Permit | None = None, stop: Stop | None = None) -> None:
        """Run a call to its end, or ask about it if what allowed it to run is no longer true.

        held: the right to run at once, for a call that is already recorded as started. Without it the call is recorded
        as started only when it is its turn, so that a call that is interrupted while it waits is known not to have run.
        stop: set when the turn is stopped. The call is then cancelled, also at its server. One that was sent and is
        not safe to repeat ends as `unresolved`: nobody knows whether it ran.
        """
        found = tool = bound(self.toolset, call.tool, call.arguments)
        # Another server's tool of the same name is a different tool, not a changed one: the call is not made.
        if tool is not None and (tool.server, tool.remote_name) != (call.server, call.remote_name):
            tool = None
        stop = stop or Stop()
        # Calls that change the same things wait from our last check until the state after this call is recorded.
        try:
            if tool is None:
                await self._finish(state, call, await self._hand_over(call, found), None)
                return
            if not await self._signed_in(state, call, tool):
                return
            if held is None:
                at = position_in_step(state.id, state.step, call)
                with stop.scope():
                    held = await self.toolset.acquire(tool, json.loads(call.arguments), at)
            if held is None:
                await self._cancel(state, call)
            else:
                await self._run(state, call, tool, held, stop)
        except BusyError as busy:
            await self._finish(state, call, CallResult(DeliveryStatus.UNSENT, str(busy), 0.0), None)
        finally:
            if held is not None:
                held.release()

    async def end(self, state: ThreadState, call: Call, outcome: CallResult) -> None:
        """Record how a call ended of which its server had made a task."""
        tool = self.toolset.find(call.tool)
        under_grant = tool is not None and granted.grant_of(call)[0] > 0
        record = await self.granted_records.begin(state, call, tool) if under_grant and tool else None
        await self._finish(state, call, outcome, None, record)

    async def _run(self, state: ThreadState, call: Call, tool: Tool, held: Permit, stop: Stop) -> None:
        """Record the start, check once more, send the call and record how it ended."""
        before = await self._keep(call, tool)
        if call.state is not CallState.STARTED and not await self._start(state, call, before):
            return
        if not await self._may(state, call, tool):
            return
        if stop.is_set:
            call.attempts -= 1  # this one was not made
            await self._cancel(state, call)
            return
        under_grant = granted.grant_of(call)[0] > 0
        record = await self.granted_records.begin(state, call, tool) if under_grant else None
        if tool.identity is Identity.PERSON or tool.server == RESOURCES_SERVER:
            tool = replace(tool, person=state.turn.requester if state.turn else "")
        if (outcome := await _unless(stop, self._send(state, call, tool, held, stop))) is None:
            await self._cancel(state, call)
        elif outcome.certainty is DeliveryStatus.UNSENT and not await self._signed_in(state, call, tool, outcome):
            return
        else:
            await self._finish(state, call, outcome, before, record, stop=stop)

    async def _signed_in(self, state: ThreadState, call: Call, tool: Tool, unsent: CallResult | None = None) -> bool:
        """Return whether a call can use the account that it needs. If not, it waits, or has ended. unsent: why it was
        not sent, if it was about to be. Only one that was denied waits for what its person has to allow besides."""
        if tool.identity is not Identity.PERSON or self.sign_in_requests is None:
            return True
        made = unsent is not None
        call.attempts -= made
        ready = await self.sign_in_requests.ready(state, call, tool, refused=made and unsent.denied)
        call.attempts += made and ready
        return ready

    async def _send(self, state: ThreadState, call: Call, tool: Tool, held: Permit, stop: Stop) -> CallResult:
        """Send the call; once more, if that is safe and nobody knows whether the first time was enough. Runs as a task
        of its own."""
        privacy = await self.gateway.privacy(state.place)
        call_progress.current.set(shown_progress.of(self.toolset, self.gateway, state.id, call, privacy))
        asked = exchange.loads(call.exchange) if call.exchange else None
        dialogue = Dialogue(asked, partial(self.live_input.ask, state, call, stop))
        outcome = await self._hand_over(call, tool, held, dialogue)
        if outcome.certainty is DeliveryStatus.UNKNOWN and call.repeatable:
            outcome = await self._hand_over(call, tool, held, dialogue)
        return outcome

    async def _cancel(self, state: ThreadState, call: Call) -> None:
        """Record that the call was broken off, since the turn was stopped."""
        mark_cancelled(call)
        await self.store.commit(state, Change("finish a call", calls=[call]))

    async def _start(self, state: ThreadState, call: Call, before: UndoSnapshot | None) -> bool:
        """Record that the call is about to be sent. Returns False if somebody stopped the turn while it waited."""
        call.start()
        befores = [(call, before)] if before is not None else []
        await self.store.commit(state, Change("start a call", calls=[call], befores=befores))
        return call.state is CallState.STARTED

    async def _finish(
        self,
        state: ThreadState,
        call: Call,
        outcome: CallResult,
        before: UndoSnapshot | None,
        record: Approval | None = None,
        *,
        stop: Stop | None = None,
    ) -> None:
        """Record how a call ended, or that it waits for people, or that its server made a task of it. record: what
        people are shown of one that ran under a grant. stop: nobody who stops the turn waits for its images, which are
        read once it is recorded."""
        if outcome.exchange is not None:
            await self._ask(state, call, outcome)
            return
        if outcome.certainty is DeliveryStatus.TASK:
            # From here on, no death makes it unknown what became of the call.
            call.task = outcome.task
            await self.store.commit(state, Change("keep the task", calls=[call]))
            return
        ran = outcome.certainty is DeliveryStatus.OK
        after = await self.toolset.guard(call.server).post_state_digest(before) if before is not None and ran else ""
        call.seconds, call.result, call.task = outcome.seconds, outcome.text, ""
        if outcome.media:
            call.result = f"{outcome.text}\n{NOT_READ}"
        if outcome.whole:
            await self.authorizer.read_more.keep(call, outcome)
            state.cut = state.cut or bool(call.rest)
        change = Change(
            "finish a call",
            calls=[call],
            withdrawn=await self.live_input.too_late(call),
        )
        if outcome.certainty is DeliveryStatus.UNKNOWN and not call.repeatable:
            call.state = CallState.UNKNOWN
            change.cards = await self.approval_requester.cards(state, [PendingApproval(call, CallKind.DID_IT_RUN)])
        else:
            call.state = CallState.FINISHED
            call.outcome = CallOutcome.OK if ran else CallOutcome.ERROR
            if before is not None:
                change.afters = [(call, after, time.time() + self.approval_requester.approvals.undo_minutes * 60)]
            if record is not None and ran:
                turn_parts.record(state, change, record)
        # The last call of a step is committed together with the step's answers, which saves a commit.
        unfinished = any(other.state is not CallState.FINISHED for other in state.step)
        if change.cards or change.afters or change.withdrawn or outcome.media or unfinished:
            await self.store.commit(state, change)
            if change.cards or change.withdrawn or change.drafts or call.approval:
                self.gateway.deliver(state.id)
        if outcome.media:
            # After the commit: reading takes long, and a death meanwhile must not make the outcome unknown.
            await self._read_media(state, call, outcome, stop or Stop())

    async def _read_media(self, state: ThreadState, call: Call, outcome: CallResult, stop: Stop) -> None:
        """Add the images and sounds of a result that is recorded without them."""
        if (kept := await _unless(stop, self.files.kept(outcome))) is None:
            return
        more = call.result.removeprefix(f"{outcome.text}\n{NOT_READ}")
        call.attached, call.result = kept[0], f"{kept[1]}{more}"
        drafts = await self._media(state, call)
        if drafts or any(other.state is not CallState.FINISHED for other in state.step):
            await self.store.commit(state, Change("finish a call", calls=[call], drafts=drafts))
            self.gateway.deliver(state.id)

    async def _ask(self, state: ThreadState, call: Call, outcome: CallResult) -> None:
        """Record what the server of a call asks for, and have people asked. The call is made again with the answers."""
        assert outcome.exchange is not None
        call.seconds, call.exchange = outcome.seconds, outcome.exchange.dumps()
        call.state, call.attempts = CallState.AWAITING, 0  # its server has answered: nothing is left in doubt
        card = await self.live_input.requester.card(state, call)
        cards = [card] if card is not None else []
        call.asked = bool(cards)
        await self.store.commit(state, Change("ask for input", calls=[call], cards=cards))
        self.gateway.deliver(state.id)

    async def _media(self, state: ThreadState, call: Call) -> Sequence[Draft]:
        """Return the images and sounds of a result as posts for the thread, if it may know results."""
        if not call.attached or await self.gateway.privacy(state.place) is not Privacy.FULL:
            return ()
        found = enumerate(unpacked(call.attached))
        return [self.gateway.media(each, sha256("media", str(call.id), str(number))) for number, each in found]

    async def _keep(self, call: Call, tool: Tool) -> UndoSnapshot | None:
        """Take a snapshot of what a call is about to change that a person has approved, now or by a grant, so that it
        can be undone."""
        if not (call.approval or granted.grant_of(call)[0]) or not self.approval_requester.approvals.undo_minutes:
            return None
        return await self.toolset.guard(tool.server).snapshot(tool, json.loads(call.arguments))

    async def _may(self, state: ThreadState, call: Call, tool: Tool) -> bool:
        """Check for the last time whether the call may run. If not, people are asked about it or it ends."""
        if call.approval:
            why = await self.approval_requester.drift(call, tool)
        elif tool.digest != call.tool_digest:
            return True  # `_hand_over` does not send it, and the model gets the reason
        else:
            ruling = await self.authorizer.reevaluate(state, call, tool)
            if ruling is Ruling.DENY:
                call.attempts -= 1  # this one was not made
                refuse(call)
                await self.store.commit(state, Change("finish a call", calls=[call]))
                return False
            why = "" if ruling is Ruling.ALLOW else NOW_ASKS
        if why and (because := await self.approval_requester.why_blocked(state.step, call)):
            call.attempts -= 1  # this one was not made
            call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.INVALID, f"{WOULD_FAIL}{because}"
            await self.store.commit(state, Change("finish a call", calls=[call]))
            self.gateway.deliver(state.id)
        elif why:
            await self._ask_afresh(state, call, tool, why)
        return not why

    async def _ask_afresh(self, state: ThreadState, call: Call, tool: Tool, why: str) -> None:
        """Ask again about a call that may no longer run, showing the state as it is now. Nothing is run."""
        call.attempts -= 1
        call.exchange = ""  # what was answered was about a call that is not made like this
        self.authorizer.renew(call, tool)
        before = call.attempts > 0 and not call.repeatable
        question = CallKind.DID_IT_RUN if before else CallKind.MAY_IT_RUN
        call.state = CallState.UNKNOWN if before else CallState.AWAITING
        problem = self.authorizer.problem(tool, json.loads(call.arguments))
        if problem is not None and question is CallKind.MAY_IT_RUN:
            call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.INVALID, problem
            cards = ()
        else:
            cards = await self.approval_requester.cards(
                state, [PendingApproval(call, question, AGAIN if call.approval else why)]
            )
        more = "" if cards else " It would fail now, so the model got the reason, and nobody was asked again."
        call.asked = bool(cards)
        drifted = [(call.approval, f"{why}.{more}")] if call.approval else []
        await self.store.commit(state, Change("drift", calls=[call], cards=cards, drifted=drifted))
        call.approval = ""
        self.gateway.deliver(state.id)

    async def _hand_over(
        self, call: Call, tool: Tool | None, held: Permit | None = None, dialogue: Dialogue | None = None
    ) -> CallResult:
        """Send the server exactly the recorded call, if the tool is still as it was then."""
        if tool is None:
            return CallResult(DeliveryStatus.UNSENT, "the tool is not there any more, so the call was not made.", 0.0)
        if (tool.server, tool.remote_name, tool.digest) != (call.server, call.remote_name, call.tool_digest):
            gone = "the tool's definition has changed since, so the call was not made. Make it again if it is needed."
            return CallResult(DeliveryStatus.UNSENT, gone, 0.0)
        with failpoints.around(f"tool call {call.remote_name}"):
            return await self.toolset.call(tool, json.loads(call.arguments), held, dialogue)


def mark_cancelled(call: Call) -> None:
    """End a call since the turn was stopped. What was sent and is not safe to repeat may have run."""
    call.state, call.outcome = CallState.FINISHED, CallOutcome.STOPPED
    if call.attempts > 0 and not call.repeatable:
        call.outcome, call.result = CallOutcome.UNRESOLVED, prompt.BROKEN_OFF


async def _unless(stop: Stop, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result; None if the turn was stopped before there is one, which cancels the work."""
    # A task of its own, as it need not have ended when the rest goes on.
    doing = asyncio.ensure_future(work)
    try:
        with stop.scope():
            await asyncio.wait({doing})
        return await doing if doing.done() else None
    finally:
        if not doing.done():
            doing.cancel()
            await asyncio.wait({doing}, timeout=LET_GO_SECONDS)
