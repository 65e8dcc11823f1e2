"""Threads in a store, brought to where a test wants them by what the bot itself would write."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from bot.core.calls import Call, CallState
from bot.core.inbox import Admission, Incoming
from bot.core.json_text import sha256
from bot.core.ports.store import Store
from bot.core.posts import Draft, PostState
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Approval, CallKind, Card, Decision
from bot.core.thread import ThreadState
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Change

TEAM, CHANNEL, ALICE, BOB = "T1", "C1", "UALICE", "UBOB"
DAY = 86_400.0
_numbers = itertools.count(1)


def draft(kind: str, key: str = "") -> Draft:
    """A message to post."""
    return Draft(key or f"draft-{next(_numbers)}", kind, "{}", final=kind != "progress")


class Life:
    """One thread."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.id = 0
        self.first_ts = ""
        """The timestamp of the first message."""
        self._ts = f"{time.time():.0f}.{next(_numbers):06d}"

    async def say(self, user: str = ALICE, *, addressed: bool = True, late: bool = False) -> Admission:
        """Somebody writes. Out: what became of it."""
        number = next(_numbers)
        place = ThreadRef(TEAM, CHANNEL, self._ts, "channel")
        incoming = Incoming(place, f"event-{number}", user, f"{time.time():.0f}.{number:06d}", "hi", [], addressed)
        admission, self.id = await self.store.admit(replace(incoming, missed=late, late=late))
        self.first_ts = self.first_ts or incoming.ts
        return admission

    async def state(self) -> ThreadState:
        return await self.store.load(self.id)

    async def commit(self, name: str, **change: Any) -> ThreadState:
        """Write a change of the thread as it stands."""
        state = await self.state()
        await self.store.commit(state, Change(name, **change))
        return state

    async def read(self) -> None:
        """What is unread goes into the log; a turn opens when none is open."""
        state = await self.state()
        messages = [("user", "{}") for _ in state.unread]
        read = [(place, message.id) for place, message in enumerate(state.unread)]
        requester = "" if state.turn else state.unread[0].user
        change = Change("read the inbox", requester=requester, messages=messages, read=read)
        change.speakers = frozenset(message.user for message in state.unread if message.addressed)
        await self.store.commit(state, change)

    async def call(self, *states: CallState, asked: bool = True, seconds: float = DAY) -> list[Approval]:
        """The model makes calls; of those that await a decision, or whose end is not known, people are asked."""
        state = await self.state()
        seq = state.next_position
        calls = [
            Call(0, seq, place, f"call-{place}", "files__write", "files", "write", "{}", "tool", False, each)
            for place, each in enumerate(states)
        ]
        waits = (CallState.AWAITING, CallState.UNKNOWN)
        cards = [self.card(call, seconds) for call in calls if call.state in waits] if asked else []
        change = Change("take the calls", messages=[("assistant", "{}")], new_calls=calls, cards=cards)
        await self.store.commit(state, change)
        await self.deliver()
        return [approval for card in cards for approval in card.questions if isinstance(approval, Approval)]

    def card(self, call: Call, seconds: float = DAY) -> Card:
        """A request about a call, which ends in so many seconds."""
        kind = CallKind.MAY_IT_RUN if call.state is CallState.AWAITING else CallKind.DID_IT_RUN
        number = next(_numbers)
        approval = Approval(
            id=f"approval-{number}",
            kind=kind,
            digest=sha256(str(number)),
            requester=ALICE,
            call=call,
            thread_id=self.id,
            channel=CHANNEL,
            grants=True,
            expires_at=time.time() + seconds,
        )
        return Card([approval], [draft("card", approval.id)])

    async def deliver(self) -> None:
        """Slack is in step."""
        for post in (await self.store.deliveries(self.id)).posts:
            if post.state is PostState.OWED:
                await self.store.posted(post.id, f"9.{post.id}", 0)
            if post.shown != post.revision:
                await self.store.shown(post.id, post.revision)

    async def click(self, approval: Approval, decision: str = Decision.APPROVED, user: str = BOB, **more: Any) -> Click:
        """Somebody's click on the card of a request, which is posted."""
        found = await self.store.find_question(approval.id)
        assert found is not None
        return Click(approval.id, approval.digest, decision, user, TEAM, CHANNEL, found.message_ts, True, **more)

    async def settle(self, approval: Approval, decision: Decision = Decision.APPROVED, **more: Any) -> None:
        """Somebody decides."""
        [settlement] = await self.store.answer([await self.click(approval, decision, **more)])
        assert settlement.verdict in (Verdict.SETTLED, Verdict.COUNTED)


async def waiting_for_a_person(store: Store, *states: CallState) -> tuple[Life, Sequence[Approval]]:
    """A thread whose turn waits for a decision, with nothing left to do."""
    life = Life(store)
    await life.say()
    await life.read()
    return life, await life.call(*(states or (CallState.AWAITING,)))
