"""What every log does: a change is written whole or not at all, in positions that only grow."""

from __future__ import annotations

import pytest

from bot.core.calls import CallOutcome, CallState
from bot.core.ports.store import Store
from bot.core.questions.question import Decision
from bot.core.transaction import Change, Usage
from bot.errors import StoreError
from tests.contract.backend import Backend, audited
from tests.lives import ALICE, BOB, Life, draft, waiting_for_a_person


async def begun(store: Store) -> Life:
    """A thread whose turn is open."""
    life = Life(store)
    await life.say()
    await life.read()
    return life


class LogContract:
    async def test_what_was_committed_is_there_byte_for_byte_in_the_next_process(self, backend: Backend) -> None:
        bodies = ['{"role":"assistant","content":"Grüße 🙂"}', '{"a" :  1}']
        async with backend.open() as store:
            life = await begun(store)
            state = await life.state()
            await store.transcript(state)
            await store.commit(state, Change("say", messages=[("assistant", body) for body in bodies]))
            assert (state.last_position, state.last_role) == (2, "assistant")
            kept = list(await store.transcript(state))
        async with backend.open() as store:
            state = await store.load(life.id)
            transcript = await store.transcript(state)
            assert (list(transcript), list(transcript.positions)) == (kept, [0, 1, 2])
            assert list(transcript)[1:] == bodies
            assert state.turn is not None
            assert (state.turn.requester, state.last_position, state.last_role) == (ALICE, 2, "assistant")

    async def test_a_change_based_on_an_older_state_is_refused_whole(self, store: Store) -> None:
        life = await begun(store)
        old = await life.state()
        await life.commit("say", messages=[("assistant", "{}")])
        before = await life.state()
        with pytest.raises(StoreError):
            await store.commit(old, Change("say", messages=[("user", "[]")], drafts=[draft("notice")]))
        assert await life.state() == before
        assert (await store.deliveries(life.id)).posts == []
        assert list(await store.transcript(await life.state())) == ["{}", "{}"]

    async def test_a_thread_has_one_open_turn(self, store: Store) -> None:
        life = await begun(store)
        before = await life.state()
        with pytest.raises(StoreError):
            await life.commit("open another", requester=BOB, messages=[("user", "[]")], drafts=[draft("notice")])
        assert await life.state() == before
        await life.commit("answer", messages=[("assistant", "{}")], outcome="answered")
        assert (await life.state()).turn is None
        await life.commit("open another", requester=BOB, messages=[("user", "[]")])
        turn = (await life.state()).turn
        assert turn is not None
        assert (turn.requester, turn.attempts) == (BOB, 1)

    async def test_a_change_that_is_refused_at_its_end_leaves_nothing(self, store: Store, backend: Backend) -> None:
        life, [approval] = await waiting_for_a_person(store)
        before, recorded = await life.state(), audited(backend)
        call = before.calls[0]
        second = life.card(call)
        unread = Life(store)
        await unread.say()
        with pytest.raises(StoreError):
            await life.commit(
                "ask twice", messages=[("user", "[]")], drafts=[draft("notice")], cards=[second], functions=("d", "[]")
            )
        assert await life.state() == before
        assert await store.functions("d") == ""
        assert (await store.deliveries(life.id)).posts == []
        assert await store.find_question(second.questions[0].id) is None
        assert audited(backend) == recorded
        assert (await store.find_question(approval.id)) is not None

    async def test_what_is_read_is_in_the_log_and_no_longer_unread(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.say(BOB)
        await life.read()
        await life.say(BOB)
        state = await life.state()
        assert state.turn is not None
        assert (state.turn.requester, state.turn.others, len(state.unread)) == (ALICE, (BOB,), 1)

    async def test_a_commit_tells_what_has_come_meanwhile(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        state = await life.state()
        await life.say(BOB)
        await life.settle(approval, Decision.STOPPED)
        await store.commit(state, Change("look"))
        assert state.turn is not None
        assert ([each.user for each in state.unread], state.turn.stopped_by) == ([BOB], BOB)

    async def test_counters_are_written_as_they_stand_and_usage_is_added(self, store: Store) -> None:
        life = await begun(store)
        for _ in range(2):
            state = await life.state()
            assert state.turn is not None
            state.turn.steps += 1
            state.turn.reprompted, state.turn.closing = True, "steps"
            await store.commit(state, Change("count", usage=Usage(10, 5, 2, 0.5)))
        turn = (await life.state()).turn
        assert turn is not None
        assert (turn.steps, turn.reprompted, turn.closing, turn.usage) == (2, True, "steps", Usage(20, 10, 4, 1.0))

    async def test_a_call_keeps_the_result_that_it_has(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        late = await life.state()
        await life.settle(approval, Decision.DENIED, reason="no")
        call = late.calls[0]
        call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.OK, "done"
        await store.commit(late, Change("finish a call", calls=[call]))
        [kept] = (await life.state()).calls
        assert (kept.outcome, kept.result) == (call.outcome, call.result) == (CallOutcome.DENIED, "no")

    async def test_nobody_is_asked_in_a_turn_that_was_stopped(self, store: Store) -> None:
        life, [first] = await waiting_for_a_person(store)
        await life.settle(first, Decision.STOPPED)
        [second] = await life.call(CallState.AWAITING)
        found = await store.find_question(second.id)
        assert found is not None
        assert (found.decision, found.decided_by) == (Decision.STOPPED, BOB)
        assert (await life.state()).calls[-1].outcome is CallOutcome.STOPPED

    async def test_the_tool_list_of_a_request_is_kept_by_its_digest(self, store: Store) -> None:
        life = await begun(store)
        await life.commit("ask", functions=("digest", '[{"a": 1}]'))
        assert (await life.state()).functions == "digest"
        assert await store.functions("digest") == '[{"a": 1}]'
        assert await store.functions("other") == ""

    async def test_the_third_failure_in_a_row_parks_and_a_person_resumes(self, store: Store) -> None:
        life = await begun(store)
        told = [await store.failed(life.id, [draft("notice")], draft("parked")) for _ in range(2)]
        assert told == [False, False]
        assert [post.kind for post in (await store.deliveries(life.id)).posts] == ["notice"]
        assert await store.failed(life.id, [draft("notice")], draft("parked", "parked-a"))
        assert await store.failed(life.id, [draft("notice")], draft("parked", "parked-b"))
        await life.deliver()
        assert (await life.state()).parked
        assert await store.waiting() == []
        found = await store.find_question("parked-a")
        assert found is not None
        assert found.participants == {ALICE}
        await life.say()
        state = await life.state()
        assert state.turn is not None
        assert (state.parked, state.turn.attempts, await store.waiting()) == (False, 0, [life.id])
        found = await store.find_question("parked-a")
        assert found is not None
        assert found.decision == "retried"

    async def test_failures_count_only_in_a_row(self, store: Store) -> None:
        life = await begun(store)
        for _ in range(4):
            assert not await store.failed(life.id, [], draft("parked"))
            await life.commit("get on", messages=[("user", "{}")])
        for _ in range(2):
            await life.commit("hear others", messages=[("user", "{}")], gets_on=False)
            assert not await store.failed(life.id, [], draft("parked"))
        assert await store.failed(life.id, [], draft("parked"))

    async def test_an_attempt_that_was_called_off_does_not_count(self, store: Store) -> None:
        life = await begun(store)
        for _ in range(3):
            await store.uncount(life.id)
        turn = (await life.state()).turn
        assert turn is not None
        assert turn.attempts == 0
