"""What every inbox does: a message is recorded once, and a thread with something to do is found."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import pytest

from bot.core.calls import CallOutcome, CallState
from bot.core.inbox import Admission, AuthorKind, Incoming
from bot.core.ports.store import Store
from bot.core.questions.question import Approval, Decision
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Change
from tests.contract.backend import Backend
from tests.lives import ALICE, BOB, Life, draft, waiting_for_a_person

NUMBERS = itertools.count(1)
AWAITING = CallState.AWAITING
WAITS = [[AWAITING], [CallState.UNKNOWN], [AWAITING, AWAITING], [AWAITING, CallState.UNKNOWN]]
Act = Callable[[Life, Sequence[Approval]], Awaitable[object]]


def mention(user: str = ALICE, *, addressed: bool = True) -> Incoming:
    number = next(NUMBERS)
    place = ThreadRef("T1", "C9", f"100.{number:06d}", "channel")
    return Incoming(place, f"mention-{number}", user, place.thread_ts, "hello", ("a.txt",), addressed)


def follow_up(first: Incoming, user: str, *, addressed: bool = False, earlier: bool = False) -> Incoming:
    number = next(NUMBERS)
    return replace(
        first, event_id=f"more-{number}", ts=f"200.{number:06d}", user=user, addressed=addressed, earlier=earlier
    )


async def drift(life: Life, approvals: Sequence[Approval]) -> None:
    await life.settle(approvals[0])
    call = (await life.state()).calls[0]
    call.state = AWAITING
    await life.commit("drift", calls=[call], drifted=[(approvals[0].id, "It has changed.")])


async def finish(life: Life, _: Sequence[Approval]) -> None:
    call = (await life.state()).calls[-1]
    call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.OK, "done"
    await life.commit("finish a call", calls=[call])


async def out_of_time(life: Life, _: Sequence[Approval]) -> None:
    await life.call(AWAITING, seconds=-1)
    assert list(await life.store.expire()) == [life.id]


async def stale(life: Life, approvals: Sequence[Approval]) -> None:
    await life.settle(approvals[0], needed=2)


async def progress(life: Life, _: Sequence[Approval]) -> None:
    await life.store.owe(life.id, [draft("progress")])
    [owed] = (await life.store.deliveries(life.id)).posts
    await life.store.posted(owed.id, "1.1", owed.revision)


TO_DO: dict[str, tuple[list[CallState], Act]] = {
    "a message was not read": ([AWAITING], lambda life, _: life.say()),
    "a message of somebody else": ([AWAITING], lambda life, _: life.say(BOB)),
    "approved": ([AWAITING], lambda life, asked: life.settle(asked[0])),
    "denied": ([AWAITING], lambda life, asked: life.settle(asked[0], Decision.DENIED)),
    "one of two approved": ([AWAITING, AWAITING], lambda life, asked: life.settle(asked[0])),
    "one of two denied": ([AWAITING, AWAITING], lambda life, asked: life.settle(asked[0], Decision.DENIED)),
    "it ran": ([CallState.UNKNOWN], lambda life, asked: life.settle(asked[0], Decision.IT_RAN)),
    "to run again": ([CallState.UNKNOWN], lambda life, asked: life.settle(asked[0], Decision.RUN_AGAIN)),
    "edited": ([AWAITING], lambda life, asked: edit(life, asked[0])),
    "one of two edited": ([AWAITING, AWAITING], lambda life, asked: edit(life, asked[1])),
    "drifted": ([AWAITING], drift),
    "stopped": ([AWAITING, AWAITING], lambda life, asked: stop(life, asked[0])),
    "out of time": ([AWAITING], out_of_time),
    "withdrawn": ([AWAITING], lambda life, asked: life.store.withdraw(asked[0].id)),
    "a call beside it was cut off": ([AWAITING, CallState.STARTED], lambda life, _: life.deliver()),
    "a call beside it may run": ([AWAITING, CallState.READY], lambda life, _: life.deliver()),
    "a call beside it has ended": ([AWAITING, CallState.STARTED], finish),
    "one of two votes, the card is to be drawn": ([AWAITING], stale),
    "a message is owed": ([AWAITING], lambda life, _: life.store.owe(life.id, [draft("notice")])),
    "a progress message stands": ([AWAITING], progress),
}


async def edit(life: Life, approval: Approval) -> None:
    await life.store.answer([await life.click(approval, Decision.EDITED, arguments='{"path":"b"}')])


async def stop(life: Life, approval: Approval) -> None:
    await life.store.answer([await life.click(approval, Decision.STOPPED)])


class InboxContract:
    async def test_a_mention_starts_a_thread_and_is_there_in_the_next_process(self, backend: Backend) -> None:
        said = mention()
        async with backend.open() as store:
            kind, thread = await store.admit(said)
            assert (kind, thread > 0) == (Admission.STARTS, True)
        async with backend.open() as store:
            assert await store.waiting() == [thread]
            state = await store.load(thread)
            [unread] = state.unread
            assert (unread.user, unread.ts, unread.text, tuple(unread.files)) == (ALICE, said.ts, "hello", ("a.txt",))
            assert (state.place, state.turn, state.begun, unread.addressed) == (said.place, None, False, True)

    async def test_a_message_is_recorded_once_however_often_it_is_delivered(self, store: Store) -> None:
        said = mention()
        _, thread = await store.admit(said)
        for again in (said, replace(said, event_id="another"), replace(said, ts="999.1")):
            assert await store.admit(again) == (Admission.DUPLICATE, thread)
        assert len((await store.load(thread)).unread) == 1

    async def test_what_was_context_becomes_a_mention_when_it_comes_as_one(self, store: Store) -> None:
        first = mention()
        _, thread = await store.admit(first)
        other = follow_up(first, BOB)
        assert await store.admit(other) == (Admission.CONTEXT, thread)
        raised = replace(other, event_id="its-mention", addressed=True)
        assert await store.admit(raised) == (Admission.STARTS, thread)
        assert [each.addressed for each in (await store.load(thread)).unread] == [True, True]
        assert await store.admit(raised) == (Admission.DUPLICATE, thread)

    async def test_what_does_not_concern_the_bot_is_ignored(self, store: Store) -> None:
        assert await store.admit(mention(addressed=False)) == (Admission.IGNORED, 0)
        assert await store.waiting() == []

    async def test_who_has_addressed_the_bot_in_a_thread_needs_no_mention_there(self, store: Store) -> None:
        first = mention()
        _, thread = await store.admit(first)
        assert await store.admit(follow_up(first, ALICE)) == (Admission.STARTS, thread)
        assert await store.admit(follow_up(first, ALICE, earlier=True)) == (Admission.CONTEXT, thread)
        assert await store.admit(follow_up(first, BOB)) == (Admission.CONTEXT, thread)
        assert await store.admit(follow_up(first, BOB, addressed=True)) == (Admission.STARTS, thread)
        assert await store.admit(follow_up(first, BOB)) == (Admission.STARTS, thread)
        assert await store.admit(replace(mention(BOB, addressed=False))) == (Admission.IGNORED, 0)

    async def test_a_message_to_others_is_context_even_of_somebody_who_has_addressed_the_bot(
        self, store: Store
    ) -> None:
        first = mention()
        _, thread = await store.admit(first)
        assert await store.admit(replace(follow_up(first, ALICE), to_others=True)) == (Admission.CONTEXT, thread)
        assert await store.admit(follow_up(first, ALICE)) == (Admission.STARTS, thread)

    async def test_an_app_addresses_the_bot_only_when_it_says_so(self, store: Store) -> None:
        first = replace(mention("B1"), author=AuthorKind.APP, label="Pager", body="[]")
        _, thread = await store.admit(first)
        again = replace(follow_up(first, "B1"), author=AuthorKind.APP)
        assert await store.admit(again) == (Admission.CONTEXT, thread)
        [said, _] = (await store.load(thread)).unread
        assert (said.user, said.author, said.label, said.body) == ("B1", AuthorKind.APP, "Pager", "[]")

    async def test_what_the_bot_has_posted_is_not_taken_for_something_that_was_said(self, store: Store) -> None:
        first = mention()
        _, thread = await store.admit(first)
        await store.owe(thread, [draft("notice", key="known")])
        own = replace(follow_up(first, "UBOT"), author=AuthorKind.OWN)
        assert await store.admit(replace(own, post="known")) == (Admission.DUPLICATE, thread)
        assert await store.admit(replace(own, post="kno*")) == (Admission.DUPLICATE, thread)
        assert await store.admit(replace(own, post="unknown")) == (Admission.CONTEXT, thread)

    async def test_a_post_is_known_by_its_timestamp_too(self, store: Store) -> None:
        first = mention()
        _, thread = await store.admit(first)
        await store.owe(thread, [draft("notice", key="known")])
        [post] = (await store.deliveries(thread)).posts
        own = replace(follow_up(first, "UBOT"), author=AuthorKind.OWN)
        await store.posted(post.id, own.ts, 0, streaming=True)
        assert await store.admit(own) == (Admission.DUPLICATE, thread)
        assert await store.admit(replace(own, author=AuthorKind.APP)) == (Admission.CONTEXT, thread)

    @pytest.mark.parametrize("states", WAITS)
    async def test_a_thread_that_only_waits_for_people_is_left_alone(
        self, store: Store, states: list[CallState]
    ) -> None:
        life, _ = await waiting_for_a_person(store, *states)
        await life.say("USTRANGER", addressed=False)
        assert await store.waiting() == []

    @pytest.mark.parametrize("what", TO_DO)
    async def test_a_thread_with_something_to_do_is_taken_up(self, store: Store, what: str) -> None:
        states, act = TO_DO[what]
        life, asked = await waiting_for_a_person(store, *states)
        await act(life, asked)
        if not what.endswith(("drawn", "owed")):
            # What is left is not that of Slack alone.
            await life.deliver()
        assert list(await store.waiting()) == [life.id]

    async def test_what_had_to_wait_is_read_when_the_turn_was_stopped(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await life.say()
        await life.commit("tell", notified=[message.id for message in (await life.state()).unread])
        await life.settle(approval, Decision.STOPPED)
        state = await life.state()
        for call in state.calls:
            call.summarised = True
        await store.commit(state, Change("answer the calls", messages=[("tool", "{}")], calls=state.calls))
        await store.commit(state, Change("stop the turn", outcome="stopped"))
        await life.deliver()
        assert list(await store.waiting()) == [life.id]
        await life.read()
        assert list(await store.waiting()) == [life.id], "a turn is open that asks nobody"

    async def test_a_message_waits_for_a_decision_once_its_sender_was_told(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await life.say()
        assert await store.waiting() == [life.id]
        await life.commit("tell", notified=[each.id for each in (await life.state()).unread])
        assert await store.waiting() == []
        await life.say()
        assert [each.notified for each in (await life.state()).unread] == [True, False]
        assert list(await store.waiting()) == [life.id], "another message is another one to be told of"
        await life.settle(approval, Decision.DENIED)
        assert await store.waiting() == [life.id]

    @pytest.mark.parametrize("state", [AWAITING, CallState.UNKNOWN, CallState.STARTED, CallState.READY])
    async def test_a_call_that_nobody_is_asked_about_is_taken_up(self, store: Store, state: CallState) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        await life.call(state, asked=False)
        assert await store.waiting() == [life.id]

    async def test_a_thread_is_done_when_its_turn_has_ended_and_slack_is_in_step(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        assert await store.waiting() == [life.id]
        await life.commit("answer", messages=[("assistant", "{}")], outcome="answered", drafts=[draft("answer")])
        assert await store.waiting() == [life.id]
        await life.deliver()
        assert await store.waiting() == []
