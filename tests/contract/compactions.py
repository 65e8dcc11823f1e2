"""What every store does with what stands in for the older part of a log."""

from __future__ import annotations

import json

from bot.core.amendments import Amendment
from bot.core.calls import CallOutcome, CallState
from bot.core.compaction import Compaction, CompactionKind, Decided, Measure
from bot.core.ports.store import Store
from bot.core.questions.question import Decision
from bot.core.transaction import Change
from bot.errors import StoreError
from tests.contract.backend import Backend
from tests.lives import BOB, Life, waiting_for_a_person


async def long_thread(store: Store) -> Life:
    """A thread whose turn is open, with the messages 0 (a request) to 5."""
    life = Life(store)
    await life.say()
    await life.read()
    await life.commit("say", messages=[("assistant", json.dumps({"n": number})) for number in range(1, 6)])
    return life


async def texts(store: Store, life: Life) -> list[tuple[int, str]]:
    """What the model reads."""
    transcript = await store.transcript(await life.state())
    return list(zip(transcript.positions, transcript, strict=True))


def replaced(upto: int, *pinned: int) -> Compaction:
    return Compaction(CompactionKind.SUMMARY, upto, '{"role":"user"}', pinned, {}, "ü", ("it was denied",), "small")


class CompactionsContract:
    async def test_what_is_replaced_is_read_as_its_summary_and_the_log_stays_whole(self, backend: Backend) -> None:
        async with backend.open() as store:
            life = await long_thread(store)
            state = await life.state()
            whole = list(await store.transcript(state))
            await store.commit(state, Change("compact", compaction=replaced(3, 0)))
            seen = list(await store.transcript(state))
            assert seen == [whole[0], '{"role":"user"}', *whole[4:]]
            await store.commit(state, Change("say", messages=[("user", "[]")]))
            assert (state.last_position, list(await store.transcript(state))) == (6, [*seen, "[]"])
        async with backend.open() as store:
            state = await store.load(life.id)
            transcript = await store.transcript(state)
            assert list(transcript) == [*seen, "[]"], "the same bytes after a restart"
            assert list(transcript.positions) == [0, 3, 4, 5, 6]
            basis = await store.compaction_basis(life.id)
            assert (basis.last, basis.asked) == (replaced(3, 0), (0,))

    async def test_the_newest_compaction_counts(self, store: Store) -> None:
        life = await long_thread(store)
        whole = await texts(store, life)
        await life.commit("compact", compaction=replaced(2))
        await life.commit("compact", compaction=replaced(4, 0, 1))
        assert await texts(store, life) == [*whole[:2], (4, '{"role":"user"}'), *whole[5:]]

    async def test_shortened_messages_are_read_shorter_also_behind_a_summary(self, store: Store) -> None:
        life = await long_thread(store)
        trim = Compaction(CompactionKind.TRIM, 4, shortened={1: '"1"', 4: '"4"'})
        await life.commit("compact", compaction=trim)
        assert [body for _, body in await texts(store, life)] == [
            "{}",
            '"1"',
            '{"n": 2}',
            '{"n": 3}',
            '"4"',
            '{"n": 5}',
        ]
        assert (await store.compaction_basis(life.id)).last is None
        await life.commit("compact", compaction=replaced(3))
        assert [body for _, body in await texts(store, life)] == ['{"role":"user"}', '"4"', '{"n": 5}']

    async def test_a_measure_is_kept_until_the_next_compaction(self, store: Store) -> None:
        life = await long_thread(store)
        state = await life.commit("measure", measured=Measure(900, 5))
        assert (state.measured, (await life.state()).measured) == (Measure(900, 5), Measure(900, 5))
        await life.commit("look")
        assert (await life.state()).measured == Measure(900, 5)
        state = await life.commit("compact", compaction=replaced(3))
        assert (state.measured, (await life.state()).measured) == (Measure(), Measure())

    async def test_a_compaction_that_is_refused_leaves_nothing(self, store: Store) -> None:
        life = await long_thread(store)
        old = await life.state()
        await life.commit("say", messages=[("user", "[]")])
        before = await texts(store, life)
        try:
            await store.commit(old, Change("compact", messages=[("user", "{}")], compaction=replaced(3)))
        except StoreError:
            pass
        else:
            raise AssertionError("its position is taken")
        assert await texts(store, life) == before
        assert (await store.compaction_basis(life.id)).last is None

    async def test_what_people_decided_is_found_in_the_order_of_the_log(self, store: Store) -> None:
        life, [first, second] = await waiting_for_a_person(store, CallState.AWAITING, CallState.AWAITING)
        await life.settle(first, Decision.DENIED, reason="Not on a Friday.")
        assert await store.decided(life.id, -1, 9) == [
            Decided("files__write", "{}", Decision.DENIED, BOB, "Not on a Friday.")
        ], "what is open decides nothing"
        await life.settle(second)
        state = await life.state()
        for call in state.calls:
            call.summarised = True
            if call.state is not CallState.FINISHED:
                call.state, call.outcome = CallState.FINISHED, CallOutcome.OK
        await store.commit(state, Change("answer the calls", calls=state.calls, messages=[("tool", "{}")] * 2))
        found = await store.decided(life.id, -1, 9)
        assert [each.decision for each in found] == [Decision.DENIED, Decision.APPROVED]
        [call] = {call.seq for call in state.calls}
        assert await store.decided(life.id, call, 9) == []
        assert await store.decided(life.id, -1, call - 1) == []

    async def test_a_deletion_of_what_is_summarised_has_the_summary_written_again(self, store: Store) -> None:
        life = await long_thread(store)
        await life.say(BOB)
        await life.read()
        place = (await life.state()).place
        deleted = Amendment(place, life.first_ts, "9000000000.0", None)
        await life.commit("compact", compaction=replaced(3))
        assert not (await life.state()).stale
        await store.amend(deleted)
        assert (await life.state()).stale
        assert (await store.compaction_basis(life.id)).deleted == {0: "hi"}
        trim = Compaction(CompactionKind.TRIM, 4, shortened={4: '"4"'})
        assert (await life.commit("compact", compaction=trim)).stale
        assert not (await life.commit("compact", compaction=replaced(3))).stale
        assert not (await life.state()).stale
