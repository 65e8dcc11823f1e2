"""What every store knows of times without a connection, and of messages that are too old to be answered unasked."""

from __future__ import annotations

import time
from dataclasses import replace

from bot.core.inbox import Admission, AuthorKind
from bot.core.outages import Conversation, Gap
from bot.core.ports.store import Store
from bot.core.questions import missed
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Card
from tests.contract.backend import Backend, audited
from tests.contract.inbox import follow_up, mention
from tests.lives import ALICE, BOB, CHANNEL, TEAM, Life, draft

PLACE = Conversation(TEAM, CHANNEL, "channel")


async def offered(store: Store) -> str:
    """Ask about what is held. Out: the question; empty if nobody is to be asked."""
    for held in await store.held():
        asked = missed.question(held.thread_id, held.ts, [held.thread_id], held.people, time.time())
        await store.offer(Card([asked], [draft("card", asked.id)]), [held.thread_id])
        return asked.id
    return ""


async def pressed(store: Store, question: str, user: str) -> Verdict:
    asked = await store.find_question(question)
    assert asked is not None
    click = Click(question, asked.digest, missed.ANSWER, user, TEAM, asked.channel, asked.message_ts, True)
    [settlement] = await store.answer([click])
    return settlement.verdict


class OutagesContract:
    async def test_nothing_was_missed_before_there_was_a_connection(self, backend: Backend) -> None:
        async with backend.open() as store:
            assert await store.begin_outage() == 0
            life = Life(store)
            await life.say()
            assert await store.gap(life.id) is None
            assert await store.gaps([PLACE]) == [None]
        async with backend.open() as store:
            assert await store.begin_outage() == 1, "the process that ended was connected"
            assert await store.gap(life.id)

    async def test_an_outage_begins_when_a_connection_was_last_heard_of(self, backend: Backend) -> None:
        async with backend.open() as store:
            life = Life(store)
            await life.say()
            await store.heard(1_000.0)
            await store.heard(900.0)
        async with backend.open() as store:
            assert await store.begin_outage() == 1
            assert await store.gap(life.id) == Gap(1_000.0, 1)
            assert await store.begin_outage(2_000.0) == 2
            assert await store.gap(life.id) == Gap(1_000.0, 2), "the first is not made up for"
            await store.caught_up(life.id, 1)
            assert await store.gap(life.id) == Gap(2_000.0, 2)
            await store.caught_up(life.id, 2)
            await store.caught_up(life.id, 1)
            assert await store.gap(life.id) is None

    async def test_a_thread_begins_without_a_gap_unless_it_was_missed(self, store: Store) -> None:
        await store.heard(1_000.0)
        await store.begin_outage()
        _, live = await store.admit(mention())
        _, found = await store.admit(replace(mention(), missed=True))
        assert (await store.gap(live), await store.gap(found)) == (None, Gap(1_000.0, 1))

    async def test_a_conversation_that_is_new_was_missed_since_they_were_last_listed(self, store: Store) -> None:
        await store.heard(1_000.0)
        await store.begin_outage()
        assert await store.gaps([PLACE]) == [Gap(1_000.0, 1)]
        await store.begin_outage(2_000.0)
        other = replace(PLACE, channel="C2")
        assert await store.gaps([PLACE, other]) == [Gap(1_000.0, 2), Gap(2_000.0, 2)]
        await store.caught_up(PLACE, 2)
        assert await store.gaps([other, PLACE]) == [Gap(2_000.0, 2), None]

    async def test_the_newest_messages_come_first_and_all_of_them_once(self, store: Store) -> None:
        lives = [Life(store) for _ in range(130)]
        for life in lives:
            await life.say()
        found = list(await store.active())
        while part := await store.active(found[-1].number):
            found += part
        assert [each.thread_id for each in found] == [life.id for life in reversed(lives)]
        assert {each.place.channel for each in found} == {CHANNEL}

    async def test_threads_are_found_by_their_first_messages(self, store: Store) -> None:
        lives = [Life(store) for _ in range(3)]
        for life in lives:
            await life.say()
        await store.heard(1_000.0)
        await store.begin_outage()
        await store.caught_up(lives[0].id, 1)
        places = [(await life.state()).place for life in lives[:2]]
        roots = [place.thread_ts for place in places]
        found = {each.thread_id: each for each in await store.known(PLACE, ["1.5", *roots])}
        assert [found[life.id].place for life in lives[:2]] == places
        assert [found[life.id].gap for life in lives[:2]] == [None, Gap(1_000.0, 1)]
        assert len(found) == 2
        assert await store.known(replace(PLACE, channel="C2"), roots) == []

    async def test_threads_with_an_open_turn_are_found_from_the_newest_on(self, store: Store) -> None:
        lives = [Life(store) for _ in range(130)]
        for number, life in enumerate(lives):
            await life.say()
            if number % 13:
                await life.commit("read the inbox", requester=ALICE)
        found = list(await store.open_turns())
        assert len(found) < 120, "they come in batches"
        while part := await store.open_turns(found[-1].thread_id):
            found += part
        assert [each.thread_id for each in found] == [life.id for life in reversed(lives) if lives.index(life) % 13]
        assert found[0].place == (await lives[-1].state()).place

    async def test_recorded_messages_are_found_by_their_timestamps(self, store: Store) -> None:
        life = Life(store)
        for _ in range(5):
            await life.say()
        all_ = [each.ts for each in await store.recorded(life.id)]
        assert len(all_) == 5
        assert all_ == sorted(all_, reverse=True)
        between = await store.recorded(life.id, all_[3], all_[1])
        assert [each.ts for each in between] == all_[1:3]
        assert [each.ts for each in await store.recorded(life.id, all_[2])] == all_[:2]

    async def test_a_late_message_is_held_and_wakes_nobody(self, store: Store) -> None:
        life = Life(store)
        assert await life.say(late=True) is Admission.HELD
        assert await store.waiting() == []
        [unread] = (await life.state()).unread
        assert (unread.addressed, unread.held) == (False, True)
        [held] = await store.held()
        assert (held.thread_id, held.people, held.ts) == (life.id, (ALICE,), unread.ts)

    async def test_an_event_that_arrives_after_all_does_not_answer_what_is_held(self, store: Store) -> None:
        said = mention()
        assert (await store.admit(replace(said, missed=True, late=True)))[0] is Admission.HELD
        assert (await store.admit(replace(said, event_id="the event")))[0] is Admission.DUPLICATE
        assert await store.waiting() == []

    async def test_a_late_message_of_an_app_or_to_others_is_context(self, store: Store) -> None:
        said = mention()
        await store.admit(said)
        late = replace(follow_up(said, BOB, addressed=True), late=True, author=AuthorKind.APP)
        assert (await store.admit(late))[0] is Admission.CONTEXT
        assert (await store.admit(replace(follow_up(said, BOB), late=True)))[0] is Admission.CONTEXT
        assert await store.held() == []

    async def test_its_author_is_asked_once_and_answered_once(self, backend: Backend) -> None:
        async with backend.open() as store:
            life = Life(store)
            await life.say(late=True)
            await life.say(late=True)
            question = await offered(store)
            assert not await offered(store), "nothing is left to ask"
            assert await store.waiting() == [life.id], "the question is to be posted"
            await life.deliver()
            verdicts = [await pressed(store, question, user) for user in (BOB, ALICE, ALICE)]
            assert verdicts == [Verdict.NOT_YOURS, Verdict.SETTLED, Verdict.ALREADY]
            unread = (await life.state()).unread
            assert sorted(each.held for each in unread) == [False, True, True]
            [request] = [each for each in unread if each.addressed]
            assert (request.user, request.text) == (ALICE, missed.REQUEST)
            await life.deliver()
            assert await store.waiting() == [life.id]
        assert audited(backend) == []

    async def test_nobody_is_asked_who_has_written_again(self, store: Store) -> None:
        life = Life(store)
        await life.say(late=True)
        await life.say()
        assert not await offered(store)
        unread = (await life.state()).unread
        read = [(place, each.id) for place, each in enumerate(unread)]
        messages = [("user", "{}") for _ in unread]
        await life.commit("read the inbox", requester=ALICE, messages=messages, read=read, speakers=frozenset({ALICE}))
        assert not await offered(store)

    async def test_a_question_is_closed_once_its_author_has_written_again(self, store: Store) -> None:
        life = Life(store)
        await life.say(late=True)
        question = await offered(store)
        await life.deliver()
        await life.say(BOB)
        await life.read()
        asked = await store.find_question(question)
        assert asked is not None
        assert asked.decision == "awaiting"
        await life.say()
        await life.read()
        assert await pressed(store, question, ALICE) is Verdict.ALREADY
        [card] = (await store.deliveries(life.id)).posts
        assert [each.decision for each in card.about] == [missed.TAKEN_UP]

    async def test_what_is_held_while_its_author_is_being_asked_needs_no_other_question(self, store: Store) -> None:
        life = Life(store)
        await life.say(late=True)
        first = await offered(store)
        await life.say(late=True)
        await offered(store)
        await life.say(BOB, late=True)
        await offered(store)
        assert await store.held() == []
        assert [post.key for post in (await store.deliveries(life.id)).posts] == [first]
        assert [each.question.id for each in (await store.waiting_for(BOB, (), 5)).questions] == [first]
        await life.deliver()
        assert await pressed(store, first, BOB) is Verdict.SETTLED, "the question is for Bob too"

    async def test_a_question_is_extended_by_other_threads_of_the_same_conversation(self, store: Store) -> None:
        life, other = Life(store), Life(store)
        await life.say(late=True)
        first = await offered(store)
        await other.say(late=True)
        asked = missed.question(life.id, "1.0", [other.id], [ALICE], time.time())
        await store.offer(Card([asked], [draft("card", asked.id)]), [other.id])
        await life.deliver()
        assert await pressed(store, first, ALICE) is Verdict.SETTLED
        for each in (life, other):
            assert missed.REQUEST in [message.text for message in (await each.state()).unread if message.addressed]

    async def test_an_offer_expires_quietly(self, backend: Backend) -> None:
        async with backend.open() as store:
            life = Life(store)
            await life.say(late=True)
            [held] = await store.held()
            begun = time.time() - missed.OFFER_SECONDS - 1
            asked = missed.question(life.id, held.ts, [life.id], held.people, begun)
            await store.offer(Card([asked], [draft("card", asked.id)]), [life.id])
            await life.deliver()
            assert list(await store.expire()) == [life.id]
            assert await pressed(store, asked.id, ALICE) is Verdict.ALREADY
            await life.deliver()
            assert await store.waiting() == []
        assert audited(backend) == []
