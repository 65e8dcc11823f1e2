"""Asks the requester for what a call waits for: the bot's own question, or what the call's server needs."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from bot.agent import audience_check
from bot.agent.audience_check import audience_of
from bot.core import exchange
from bot.core.calls import UNANSWERED, Call, CallOutcome, CallState
from bot.core.exchange import InputRequest
from bot.core.limits import Limits
from bot.core.policy.approvers import is_user
from bot.core.policy.privacy import Privacy
from bot.core.ports.chat import ChatGateway
from bot.core.questions import ask_person, elicitation
from bot.core.questions.question import Card, Question
from bot.core.thread import ThreadState

NOBODY = f"{UNANSWERED}nobody can be asked, because no member of this workspace asked for this."


@dataclass(frozen=True, slots=True)
class InputRequester:
    """Builds the messages that ask for input. Only the person whose request it is may answer."""

    gateway: ChatGateway
    limits: Limits

    async def card(self, state: ThreadState, call: Call) -> Card | None:
        """Return the message about what a call waits for next. None if nobody can be asked: the call then ends."""
        if ask_person.asks(call):
            requester, expires_at = self._who_and_until(state)
            after = max((message.id for message in state.unread), default=0)
            place = (state.id, state.place.channel)
            asked: Question = ask_person.question(_new_id(), call, place, requester, expires_at, after=after)
        elif (request := exchange.loads(call.exchange).open) is not None:
            asked = await self.question(state, call, request)
        else:
            return None
        found = await self.placed(state, asked)
        if found is None:
            call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.UNSHOWN, NOBODY
        return found

    async def question(self, state: ThreadState, call: Call, request: InputRequest, *, live: bool = False) -> Question:
        """Return the question for what a server asks for. live: over an open connection, while the call runs."""
        requester, expires_at = self._who_and_until(state)
        discreet = await self.gateway.privacy(state.place) is not Privacy.FULL
        place = (state.id, state.place.channel)
        return elicitation.question(
            *(_new_id(), call, request, place),
            requester=requester,
            expires_at=expires_at,
            live=live,
            discreet=discreet,
        )

    async def placed(self, state: ThreadState, asked: Question) -> Card | None:
        """Return the message of a question, with a copy if the requester does not see the thread; None if they cannot
        be asked."""
        if not is_user(asked.requester) or await self.gateway.outsider(asked.requester):
            return None
        found = await audience_of(self.gateway, state.place, asked, asks=True)
        if found.nobody:
            return None
        card = self.gateway.input_card(asked)
        return audience_check.with_copies(self.gateway, state.place, card, {asked.id: found.ask})

    def _who_and_until(self, state: ThreadState) -> tuple[str, float]:
        requester = state.turn.requester if state.turn else ""
        return requester, time.time() + self.limits.approval_hours * 3600


def _new_id() -> str:
    return secrets.token_urlsafe(18)
