"""What every store does with questions whose answer a call waits for."""

from __future__ import annotations

import asyncio
import json
import time

from bot.core import exchange
from bot.core.calls import OWN_SERVER, Call, CallOutcome, CallState
from bot.core.exchange import Exchange, InputRequest
from bot.core.ports.store import Store
from bot.core.questions import ask_person, elicitation
from bot.core.questions.ask_person import ASK_PERSON, WRITTEN
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Card, Question
from bot.core.transaction import Written
from tests.contract.backend import Backend, audited
from tests.lives import ALICE, CHANNEL, DAY, TEAM, Life, draft

FORM = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def call(server: str, arguments: object, state: CallState = CallState.AWAITING) -> Call:
    return Call(0, 0, 0, "c", ASK_PERSON, server, ASK_PERSON, json.dumps(arguments), "d", True, state)


async def begun(store: Store, made: Call) -> Life:
    """A thread of Alice's in which a call was made."""
    life = Life(store)
    await life.say()
    await life.read()
    made.seq = (await life.state()).next_position
    return life


async def asking(store: Store, *, after: int = 0, seconds: float = DAY) -> tuple[Life, Question]:
    """The model asks Alice. after: the newest message that was there."""
    made = call(OWN_SERVER, {"question": "Which?", "options": ["a", "b"]})
    life = await begun(store, made)
    asked = ask_person.question(f"ask-{life.id}", made, (life.id, CHANNEL), ALICE, time.time() + seconds, after=after)
    cards = [Card([asked], [draft("card", asked.id)])]
    await life.commit("take the calls", messages=[("assistant", "{}")], new_calls=[made], cards=cards)
    await life.deliver()
    return life, asked


async def eliciting(store: Store, *keys: str) -> tuple[Life, Question]:
    """A server asks Alice for several things, first for the first."""
    made = call("notes", {}, CallState.READY)
    life = await begun(store, made)
    await life.commit("take the calls", messages=[("assistant", "{}")], new_calls=[made])
    made.state = CallState.AWAITING
    made.exchange = Exchange([InputRequest(key, "n?", schema=FORM) for key in keys], "state").dumps()
    return life, await ask_next(life, made)


async def ask_next(life: Life, made: Call) -> Question:
    request = exchange.loads(made.exchange).open
    assert request is not None
    asked = elicitation.question(
        f"ask-{life.id}-{request.key}", made, request, (life.id, CHANNEL), requester=ALICE, expires_at=time.time() + DAY
    )
    await life.commit("ask for input", calls=[made], cards=[Card([asked], [draft("card", asked.id)])])
    await life.deliver()
    return asked


async def press(life: Life, asked: Question, answer: str, **values: str) -> Verdict:
    found = await life.store.find_question(asked.id)
    assert found is not None
    where = (ALICE, TEAM, CHANNEL, found.message_ts, True)
    [settlement] = await life.store.answer([Click(asked.id, asked.digest, answer, *where, values=values)])
    return settlement.verdict


class CallInputsContract:
    async def test_an_answer_is_the_result_of_the_call_and_no_approval(self, backend: Backend) -> None:
        async with backend.open() as store:
            life, asked = await asking(store)
            [made] = (await life.state()).calls
            assert (made.asked, made.approval, made.wants_input) == (True, "", True)
            assert life.id not in await store.waiting()
        async with backend.open() as store:
            life.store = store
            told = await asyncio.gather(*(press(life, asked, each) for each in ("first", "second")))
            assert sorted(told) == [Verdict.ALREADY, Verdict.SETTLED]
            [made] = (await life.state()).calls
            assert (made.state, made.outcome, made.approval) == (CallState.FINISHED, CallOutcome.OK, "")
            assert made.result in ("a", "b")
            assert await store.waiting() == [life.id]
            assert audited(backend) == [("asked", ""), ("answered", ALICE)]

    async def test_what_was_entered_is_kept_until_the_call_has_ended_and_no_longer(self, store: Store) -> None:
        life, asked = await eliciting(store, "a", "b")
        assert await press(life, asked, "accept", f0="x") is Verdict.INVALID
        assert await press(life, asked, "accept", f0="1") is Verdict.SETTLED
        [made] = (await life.state()).calls
        assert (made.state, made.asked) == (CallState.AWAITING, False)
        assert await store.waiting() == [life.id], "the other one is to be asked for"
        assert await press(life, await ask_next(life, made), "decline") is Verdict.SETTLED
        [made] = (await life.state()).calls
        assert made.state is CallState.READY
        answers = {"a": {"action": "accept", "content": {"n": 1}}, "b": {"action": "decline"}}
        assert exchange.loads(made.exchange).answers == answers
        made.start()
        await life.commit("start a call", calls=[made])
        assert exchange.loads((await life.state()).calls[0].exchange).answers == answers
        made.state, made.outcome = CallState.FINISHED, CallOutcome.OK
        await life.commit("finish a call", calls=[made])
        assert (await life.state()).calls[0].exchange == ""
        found = await store.find_question(asked.id)
        assert found is not None
        assert found.reason == ""

    async def test_without_an_answer_the_call_ends(self, store: Store) -> None:
        life, asked = await eliciting(store, "a")
        state = await life.state()
        await store.stop(state.turn.id if state.turn else 0, ALICE)
        [made] = (await life.state()).calls
        assert (made.state, made.outcome, made.exchange) == (CallState.FINISHED, CallOutcome.STOPPED, "")
        life, asked = await asking(store, seconds=-1)
        assert life.id in await store.expire()
        [made] = (await life.state()).calls
        assert (made.outcome, made.result) == (CallOutcome.EXPIRED, "Not answered: nobody answered in time.")
        assert await press(life, asked, "first") is Verdict.ALREADY

    async def test_in_a_stopped_turn_nobody_is_asked(self, store: Store) -> None:
        made = call("notes", {}, CallState.READY)
        life = await begun(store, made)
        await life.commit("take the calls", messages=[("assistant", "{}")], new_calls=[made])
        made.start()
        await life.commit("start a call", calls=[made])
        state = await life.state()
        await store.stop(state.turn.id if state.turn else 0, ALICE)
        made.state, made.exchange = CallState.AWAITING, Exchange([InputRequest("a", "n?")]).dumps()
        await ask_next(life, made)
        assert (await life.state()).calls[0].outcome is CallOutcome.STOPPED

    async def test_a_server_that_waits_over_a_connection_is_answered_while_its_call_runs(self, store: Store) -> None:
        made = call("notes", {}, CallState.READY)
        life = await begun(store, made)
        await life.commit("take the calls", messages=[("assistant", "{}")], new_calls=[made])
        made.start()
        request = InputRequest("form", "n?", schema=FORM)
        asked = [
            elicitation.question(
                f"live-{number}",
                made,
                request,
                (life.id, CHANNEL),
                requester=ALICE,
                expires_at=time.time() + DAY,
                live=True,
            )
            for number in range(2)
        ]
        made.exchange = Exchange([request], live=asked[0].id).dumps()
        cards = [Card([each], [draft("card", each.id)]) for each in asked]
        await life.commit("ask for input", calls=[made], cards=cards)
        await life.deliver()
        assert await store.waiting() == [life.id], "after a crash it is looked at, although a person is asked"
        assert await press(life, asked[0], "accept", f0="4") is Verdict.SETTLED
        [found] = (await life.state()).calls
        assert (found.state, found.asked) == (CallState.STARTED, False)
        assert exchange.loads(found.exchange).answers == {"form": {"action": "accept", "content": {"n": 4}}}
        await life.commit("finish a call", withdrawn=[(each.id, "too late") for each in asked])
        closed = [await store.find_question(each.id) for each in asked]
        assert [(each.decision, each.reason) for each in closed if each] == [("accept", ""), ("withdrawn", "too late")]

    async def test_a_message_answers_what_was_asked_before_it(self, store: Store) -> None:
        life, asked = await asking(store)
        await life.say()
        state = await life.state()
        [message] = state.unread
        for newest in (0, message.id):
            await life.commit("answer in writing", written=Written(ALICE, newest, [state.calls[0].id]))
            found = await store.find_question(asked.id)
            assert found is not None
            assert found.decision == (WRITTEN if newest else "awaiting")
        state = await life.state()
        assert [each.id for each in state.unread] == [message.id], "it is read as any other"
        assert "read their message" in state.calls[0].result
        assert await press(life, asked, "first") is Verdict.ALREADY
