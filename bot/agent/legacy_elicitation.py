"""Asks a person on behalf of a server that waits over an open connection while its call runs (MCP until 2025-11-25).

Such a question ends with the connection: a restart of the bot cancels it, and the call with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.agent.call_inputs import InputRequester
from bot.agent.cancellation import Stop
from bot.core import exchange
from bot.core.calls import UNANSWERED, Call, CallOutcome, CallState
from bot.core.exchange import ACCEPT, CANCEL, DECLINE, Exchange, InputRequest
from bot.core.json_text import JsonObject
from bot.core.ports.store import Log
from bot.core.questions.question import Decision, Question
from bot.core.sessions import SessionStatus
from bot.core.thread import ThreadState
from bot.core.transaction import Change

CANCELLED: JsonObject = {"action": CANCEL}
RESTARTED = "I was restarted, and the tool server no longer waits for this."
GONE = "The tool server no longer waits for this."
CUT_OFF = (
    f"{UNANSWERED}the app was restarted while the tool server waited for an answer, so the call was cancelled. What it "
    "had done before it asked stays done. Make the call again if it is still needed."
)


class QuestionLog(Log, Protocol):
    """The threads, and the questions in them."""

    async def find_question(self, question: str) -> Question | None:
        """Return a question; None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class LiveInput:
    """Asks while a call runs."""

    store: QuestionLog
    requester: InputRequester
    stopping: Callable[[], bool]
    """Whether the process is about to end."""

    async def ask(self, state: ThreadState, call: Call, stop: Stop, request: InputRequest) -> JsonObject:
        """Return the answer for the server. Cancelled when the call ends before there is one."""
        asked = await self.requester.question(state, call, request, live=True)
        card = await self.requester.placed(state, asked)
        if card is None:
            return CANCELLED
        call.exchange = Exchange((request,), live=asked.id).dumps()
        await self.store.commit(state, Change("ask for input", calls=[call], cards=[card]))
        gateway = self.requester.gateway
        gateway.resting(state.id)  # what runs waits; the question says for what
        gateway.deliver(state.id)
        gateway.session(state, SessionStatus.SUSPENDED)
        began = time.monotonic()
        try:
            with stop.watch() as woken:
                while (found := await self.store.find_question(asked.id)) is not None:
                    if found.decision != Decision.AWAITING:
                        break
                    if self.stopping():
                        return CANCELLED  # so that the server ends the call while there is time
                    await woken.wait()
                    woken.clear()
        finally:
            state.waited += time.monotonic() - began
        gateway.working(state.id, state.part, "Working")
        gateway.session(state, SessionStatus.PROCESSING)
        gateway.deliver(state.id)
        call.exchange = ""
        if found is None or found.decision not in (ACCEPT, DECLINE, CANCEL):
            return CANCELLED
        fresh = await self.store.load(state.id)
        kept = next((each.exchange for each in fresh.calls if each.id == call.id), "")
        return dict(exchange.loads(kept).answers.get(request.key, CANCELLED))

    async def cut_off(self, state: ThreadState, call: Call) -> bool:
        """End a call that was interrupted while its server waited for an answer; return whether it did."""
        asked = await self.question(call)
        if asked is None or asked.decision in (ACCEPT, DECLINE, CANCEL):
            return False
        call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.ERROR, CUT_OFF
        await self.store.commit(state, Change("finish a call", calls=[call], withdrawn=[(asked.id, RESTARTED)]))
        self.requester.gateway.deliver(state.id)
        return True

    async def too_late(self, call: Call) -> list[tuple[str, str]]:
        """Return the open question of a server that has stopped waiting for its answer, and why."""
        asked = await self.question(call)
        if asked is None or asked.decision != Decision.AWAITING:
            return []
        return [(asked.id, RESTARTED if self.stopping() else GONE)]

    async def question(self, call: Call) -> Question | None:
        """Return the newest question that was asked while the call ran; None if there was none."""
        live = exchange.loads(call.exchange).live
        return await self.store.find_question(live) if live else None
