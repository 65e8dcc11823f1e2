"""Asks people to sign in when a call needs their account: the call waits until they have, and then goes on."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.identity import Identity, SignInNeed
from bot.core.policy.approvers import is_user
from bot.core.ports.chat import ChatGateway
from bot.core.ports.identities import IdentityStore, SignIns
from bot.core.ports.store import Log
from bot.core.posts import Draft
from bot.core.questions import sign_in
from bot.core.questions.question import Card
from bot.core.sign_in_wait import SignInWait
from bot.core.thread import ThreadState
from bot.core.tools import Tool
from bot.core.transaction import Change
from bot.errors import SignInError

NOBODY = "it is made with the account of the person who asks, and no member of this workspace has asked."
NOT_USED = "it needs the account of the person who asks, and people cannot sign in here."
NOT_ACCEPTED = "the person who asked has signed in to `{server}`, which does not accept that. Say so."


@dataclass(frozen=True, slots=True)
class SignInRequests:
    """Checks whether calls can use the accounts of their people."""

    store: Log
    identities: IdentityStore
    gateway: ChatGateway
    sign_ins: SignIns | None
    """None if no server has people sign in."""
    hours: float
    """For how long a question is open."""

    async def ready(self, state: ThreadState, call: Call, tool: Tool, *, refused: bool = False) -> bool:
        """Return whether the account that a call needs can be used. If not, its person is asked to sign in, and the
        call waits; or it ends, if nobody can sign in. refused: see `SignIns.needed`."""
        if tool.identity is not Identity.PERSON:
            return True
        person = state.turn.requester if state.turn else ""
        if self.sign_ins is None:
            await self._end(state, call, CallOutcome.REFUSED, NOT_USED)
            return False
        if not is_user(person) or await self.gateway.outsider(person):
            await self._end(state, call, CallOutcome.REFUSED, NOBODY)
            return False
        while (need := await self.sign_ins.needed(tool.server, person, refused=refused)) is not None:
            if await self._ask(state, call, tool.server, need):
                return False
        return True

    async def _ask(self, state: ThreadState, call: Call, server: str, need: SignInNeed) -> bool:
        """Have a call wait for a sign-in. Return False if it only has to look again."""
        person = state.turn.requester if state.turn else ""
        if sign_ins := self.sign_ins if await self.identities.times_asked(call.id) < sign_in.TIMES else None:
            card: Card | None = None
            mark, sealed = "", b""
            if await self.identities.open_sign_in(person, server) is None:
                try:
                    prepared = await sign_ins.prepare(server, person, need)
                except SignInError as problem:
                    words = f"nobody can sign in to `{server}` at the moment. {problem} Say so."
                    await self._end(state, call, CallOutcome.ERROR, words)
                    return True
                card, mark, sealed = self._card(state, prepared.about, person), prepared.about.state, prepared.sealed
            change = Change("ask to sign in", calls=[call])
            change.sign_in = SignInWait(call, person, server, card, mark, sealed, self._notice(state, call, server))
            call.state = CallState.AWAITING
            await self.store.commit(state, change)
            call.asked = _is_in(call, CallState.AWAITING)
            self.gateway.deliver(state.id)
            return not _is_in(call, CallState.READY)
        await self._end(state, call, CallOutcome.ERROR, NOT_ACCEPTED.format(server=server))
        return True

    def _card(self, state: ThreadState, about: sign_in.Asked, person: str) -> Card:
        id_, place = f"{sign_in.SIGN_IN}-{secrets.token_urlsafe(18)}", state.place
        until = time.time() + self.hours * 3600
        question = sign_in.question(id_, about, (state.id, place.channel), person, until)
        card = self.gateway.sign_in_card(question)
        alone = place.kind == "im" or place.channel.startswith("D")
        copies = [] if alone else [(person, self.gateway.copy([question], person, place))]
        return replace(card, copies=copies)

    def _notice(self, state: ThreadState, call: Call, server: str) -> Sequence[Draft]:
        person = state.turn.requester if state.turn else ""
        words = f"I go on once <@{person}> has signed in to {server}: I have asked already."
        return self.gateway.notice(words, key=f"sign-in-{state.id}-{call.seq}-{server}")

    async def _end(self, state: ThreadState, call: Call, outcome: CallOutcome, words: str) -> None:
        call.state, call.outcome, call.result = CallState.FINISHED, outcome, words
        await self.store.commit(state, Change("finish a call", calls=[call]))


def _is_in(call: Call, state: CallState) -> bool:
    """Return whether a call is in a state; a commit may have changed it."""
    return call.state is state
