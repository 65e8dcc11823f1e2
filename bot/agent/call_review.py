"""Decides which recorded calls may run now, and asks about those that people have to decide about."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bot.agent import step_order
from bot.agent.approval_requests import ApprovalRequester, PendingApproval
from bot.agent.authorization import CallAuthorizer, refuse
from bot.agent.call_inputs import InputRequester
from bot.core.calls import Call, CallState
from bot.core.policy.rules import Ruling
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Log
from bot.core.ports.toolset import Toolset
from bot.core.questions.question import CallKind
from bot.core.resource_tools import RESOURCES_SERVER
from bot.core.thread import ThreadState
from bot.core.transaction import Change
from bot.pace import Pace


@dataclass(frozen=True, slots=True)
class CallReview:
    """Looks again at the calls of a step, with the policy as it is now."""

    store: Log
    toolset: Toolset
    gateway: ChatGateway
    authorizer: CallAuthorizer
    approval_requester: ApprovalRequester
    input_requester: InputRequester

    async def runnable(
        self, state: ThreadState, unknown: Sequence[Call] = (), busy: Collection[int] = ()
    ) -> list[Call]:
        """Return the calls that may run, without those that depend on an earlier call which is not decided yet.
        Each of them is started only when it is its turn.

        unknown: calls of which nobody knows whether they ran; people are asked.
        busy: ids of calls that are running; they are left alone.
        """
        wanted = [PendingApproval(call, CallKind.DID_IT_RUN) for call in unknown]
        free = [call for call in state.step if call.id not in busy]
        unasked = [call for call in free if call.state is CallState.AWAITING and not call.asked]
        edited = [call for call in unasked if not call.wants_input]
        await self._ask_for_more(state, [call for call in unasked if call.wants_input])
        ready = [call for call in free if call.state is CallState.READY]
        refused: list[Call] = []
        pace = Pace()
        for call in (*edited, *ready):
            await pace.checkpoint()
            tool = self.toolset.find(call.tool)
            if tool is not None and tool.server == RESOURCES_SERVER and call.state is CallState.AWAITING:
                self.authorizer.renew(call, tool)  # the changed arguments may name another server
            if tool is not None and await self.authorizer.reevaluate(state, call, tool) is Ruling.DENY:
                refuse(call)
                refused.append(call)
            elif call.state is CallState.AWAITING:
                wanted.append(PendingApproval(call, CallKind.MAY_IT_RUN))
        cards = await self.approval_requester.cards(state, wanted) if wanted else ()
        if wanted or edited or refused:
            also = [call for call in refused if call not in edited]
            await self.store.commit(state, Change("ask", calls=[*unknown, *edited, *also], cards=cards))
        for call in edited:
            call.asked = True
        if cards:
            self.gateway.deliver(state.id)
        left = [call for call in ready if call.state is CallState.READY]
        if not step_order.may_wait(state.step, left):
            return left
        return await step_order.proceeding(self.toolset, state.step, left)

    async def _ask_for_more(self, state: ThreadState, calls: Sequence[Call]) -> None:
        """Ask for what calls still wait for: their servers want several things, of which some are answered."""
        for call in calls:
            card = await self.input_requester.card(state, call)
            call.asked = card is not None
            cards = [card] if card is not None else []
            await self.store.commit(state, Change("ask for input", calls=[call], cards=cards))
            self.gateway.deliver(state.id)
