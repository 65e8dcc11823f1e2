"""What every store does when people edit or delete messages that it holds, and asks about."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from bot.core.amendments import Amendment, AmendmentOutcome
from bot.core.inbox import Admission, AuthorKind, Incoming
from bot.core.outages import RecordedMessage
from bot.core.ports.store import Store
from bot.core.questions import missed
from bot.core.questions.click import Verdict
from bot.core.questions.question import Card
from tests.contract.amendments import PLACE, QUESTION, REPLY, delete, edit, read, unread
from tests.contract.outages import offered, pressed
from tests.lives import ALICE, BOB, draft

LATE = replace(QUESTION, missed=True, late=True)
MORE = replace(LATE, event_id="more", ts="1010.000001", text="more")
OF_BOB = replace(MORE, event_id="of bob", ts="1020.000001", user=BOB)


async def decision(store: Store, question: str) -> str:
    found = await store.find_question(question)
    assert found is not None
    return found.decision


async def waits(store: Store, question: str, user: str) -> bool:
    return question in [each.question.id for each in (await store.waiting_for(user, (), 5)).questions]


class TakenBackContract:
    async def test_nobody_is_asked_about_what_was_deleted(self, store: Store) -> None:
        assert (await store.admit(LATE))[0] is Admission.HELD
        assert (await store.amend(delete(LATE)))[0] is AmendmentOutcome.REMOVED
        assert await store.held() == []

    @pytest.mark.parametrize("first_gone", [LATE, MORE], ids=["the earlier one", "the later one"])
    @pytest.mark.parametrize("is_read", [False, True])
    async def test_a_question_is_closed_with_the_last_message_that_it_is_about(
        self, store: Store, first_gone: Incoming, *, is_read: bool
    ) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(MORE)
        question = await offered(store)
        if is_read:
            await store.admit(replace(OF_BOB, missed=False, late=False))
            await read(store, thread)
        first = await store.amend(delete(first_gone))
        assert first[0] is (AmendmentOutcome.REPORTED if is_read else AmendmentOutcome.REMOVED)
        assert await decision(store, question) == "awaiting"
        left = MORE if first_gone is LATE else LATE
        assert await store.amend(delete(left)) == (AmendmentOutcome.TAKEN_BACK, thread)
        assert await decision(store, question) == missed.TAKEN_BACK
        assert not await waits(store, question, ALICE)
        assert thread in await store.waiting(), "the card is to be updated"
        assert await pressed(store, question, ALICE) is Verdict.ALREADY

    async def test_a_question_is_for_those_whose_messages_are_left(self, store: Store) -> None:
        await store.admit(LATE)
        await store.admit(OF_BOB)
        question = await offered(store)
        await store.amend(delete(LATE))
        assert await decision(store, question) == "awaiting"
        assert [await waits(store, question, user) for user in (ALICE, BOB)] == [False, True]
        assert await pressed(store, question, ALICE) is Verdict.NOT_YOURS
        assert (await store.amend(delete(OF_BOB)))[0] is AmendmentOutcome.TAKEN_BACK

    async def test_a_question_about_several_threads_is_about_those_that_are_left(self, store: Store) -> None:
        other = replace(LATE, event_id="other", ts="1100.000001", place=replace(PLACE, thread_ts="1100.000001"))
        [(_, first), (_, second)] = [await store.admit(each) for each in (LATE, other)]
        asked = missed.question(second, other.ts, [first, second], [ALICE], time.time())
        await store.offer(Card([asked], [draft("card", asked.id)]), [first, second])
        assert (await store.amend(delete(LATE, ends_thread=True)))[0] is AmendmentOutcome.CLOSED
        assert await decision(store, asked.id) == "awaiting"
        assert await pressed(store, asked.id, ALICE) is Verdict.SETTLED
        assert missed.REQUEST not in [each.text for each in await unread(store, first)]
        assert missed.REQUEST in [each.text for each in await unread(store, second)]

    async def test_a_question_whose_own_thread_is_gone_is_asked_again_in_another(self, store: Store) -> None:
        other = replace(LATE, event_id="other", ts="1100.000001", place=replace(PLACE, thread_ts="1100.000001"))
        [(_, first), (_, second)] = [await store.admit(each) for each in (LATE, other)]
        asked = missed.question(second, other.ts, [first, second], [ALICE], time.time())
        await store.offer(Card([asked], [draft("card", asked.id)]), [first, second])
        assert (await store.amend(delete(other, ends_thread=True)))[0] is AmendmentOutcome.CLOSED
        assert await decision(store, asked.id) == missed.TAKEN_BACK
        [held] = await store.held()
        assert (held.thread_id, held.people) == (first, (ALICE,))

    async def test_an_edit_changes_what_would_be_answered_and_answers_nothing(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(MORE)
        question = await offered(store)
        for said in (LATE, MORE):
            assert await store.amend(edit(said, "other words")) == (AmendmentOutcome.UPDATED, thread)
        assert [(each.text, each.addressed, each.held) for each in await unread(store, thread)] == [
            ("other words", False, True),
            ("other words", False, True),
        ]
        assert await decision(store, question) == "awaiting"
        assert await store.waiting() == [thread], "to post the question"

    async def test_a_mention_that_is_taken_back_takes_the_question_back(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        question = await offered(store)
        assert await store.amend(edit(LATE, "never mind", addressed=False)) == (AmendmentOutcome.TAKEN_BACK, thread)
        assert await decision(store, question) == missed.TAKEN_BACK
        follow = replace(REPLY, event_id="follow", ts="1500.000001")
        assert await store.admit(follow) == (Admission.CONTEXT, thread), "she takes no part in the conversation"

    @pytest.mark.parametrize("is_read", [False, True])
    async def test_a_request_that_an_edit_has_made_too_long_ago_is_held(self, store: Store, *, is_read: bool) -> None:
        _, thread = await store.admit(QUESTION)
        context = replace(REPLY, user=BOB)
        await store.admit(context)
        if is_read:
            await read(store, thread)
        change = edit(context, "do it", addressed=True, late=True)
        assert await store.amend(change) == (AmendmentOutcome.REPORTED if is_read else AmendmentOutcome.UPDATED, thread)
        assert [each.people for each in await store.held()] == [(BOB,)]

    async def test_what_is_recorded_is_compared_with_the_chat_without_what_the_bot_has_noted(
        self, store: Store
    ) -> None:
        _, thread = await store.admit(QUESTION)
        await store.admit(replace(REPLY, user=BOB))
        gone = replace(REPLY, event_id="gone", ts="1020.000001", user=BOB)
        await store.admit(gone)
        await read(store, thread)
        await store.amend(delete(gone))
        await store.amend(edit(QUESTION, "other", after=1.0))
        note = Amendment(PLACE, "1030.000001", "1031.000000", None)
        await store.amend(note)
        found = await store.recorded(thread)
        assert list(found) == [RecordedMessage(REPLY.ts, is_open=False), RecordedMessage(QUESTION.ts, is_open=True)]

    async def test_a_click_is_no_message_of_the_chat(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        question = await offered(store)
        [card] = (await store.deliveries(thread)).posts
        await store.posted(card.id, "1900.000001", card.revision)
        assert await pressed(store, question, ALICE) is Verdict.SETTLED
        assert [each.ts for each in await store.recorded(thread)] == [LATE.ts]

    async def test_a_post_of_our_app_is_looked_up_and_changes_of_it_matter_only_if_it_is_recorded(
        self, store: Store
    ) -> None:
        post = replace(REPLY, user="UBOT", author=AuthorKind.OWN, unclear=True)
        assert await store.admit(post) == (Admission.IGNORED, 0)
        _, thread = await store.admit(QUESTION)
        assert await store.admit(post) == (Admission.UNCLEAR, thread)
        own = [replace(delete(post), is_own=True), replace(edit(post, "other"), is_own=True)]
        assert [await store.amend(each) for each in own] == [(AmendmentOutcome.IGNORED, thread)] * 2
        assert [each.ts for each in await unread(store, thread)] == [QUESTION.ts]
        assert await store.admit(replace(post, unclear=False)) == (Admission.CONTEXT, thread)
        assert await store.admit(post) == (Admission.DUPLICATE, thread)
        assert await store.amend(replace(edit(post, "other"), is_own=True)) == (AmendmentOutcome.UPDATED, thread)
        await store.owe(thread, [draft("answer")])
        [answer] = (await store.deliveries(thread)).posts
        await store.posted(answer.id, "1500.000001", answer.revision)
        assert (await store.admit(replace(post, ts="1500.000001", event_id="other")))[0] is Admission.DUPLICATE
