"""What every inbox does with messages that are edited and deleted, and with threads that are gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.amendments import DELETED, EDITED, Amendment, AmendmentOutcome
from bot.core.calls import CallState
from bot.core.inbox import WITHDRAWN, Admission, AuthorKind, Incoming, Unread
from bot.core.ports.store import Store
from bot.core.posts import PostState
from bot.core.questions.question import Decision
from bot.core.thread import QUESTION_DELETED
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Change
from bot.errors import ChangedError
from tests.lives import ALICE, BOB, Life, draft, waiting_for_a_person

PLACE = ThreadRef("T1", "C7", "1000.000001", "channel")
QUESTION = Incoming(PLACE, "question", ALICE, PLACE.thread_ts, "hello", (), addressed=True)
REPLY = replace(QUESTION, event_id="reply", ts="1010.000001", text="and more", addressed=False)


def edit(said: Incoming, text: str, after: float = 60, **more: Any) -> Amendment:
    """The author of a message changes it so many seconds later."""
    at = f"{float(said.ts) + after:.6f}"
    return Amendment(said.place, said.ts, at, replace(said, event_id="", text=text, version=f"{at} {at}", **more))


def delete(said: Incoming, after: float = 120, *, ends_thread: bool = False) -> Amendment:
    return Amendment(said.place, said.ts, f"{float(said.ts) + after:.6f}", None, ends_thread=ends_thread)


async def unread(store: Store, thread: int) -> list[Unread]:
    return (await store.load(thread)).unread


async def read(store: Store, thread: int) -> None:
    """What is unread goes into the log."""
    state = await store.load(thread)
    messages = [("user", "{}") for _ in state.unread]
    seen = [(place, message.id) for place, message in enumerate(state.unread)]
    requester = "" if state.turn else next((each.user for each in state.unread if each.addressed), "")
    await store.commit(state, Change("read the inbox", requester=requester, messages=messages, read=seen))


async def stopped_by(store: Store, thread: int) -> str:
    turn = (await store.load(thread)).turn
    return turn.stopped_by if turn else "no turn"


class AmendmentsContract:
    async def test_an_unread_message_is_read_as_it_was_edited_last(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        assert await store.amend(edit(QUESTION, "second", 20)) == (AmendmentOutcome.STARTS, thread)
        assert await store.amend(edit(QUESTION, "first", 10)) == (AmendmentOutcome.IGNORED, thread)
        assert await store.amend(edit(QUESTION, "second", 20)) == (AmendmentOutcome.IGNORED, thread)
        assert [each.text for each in await unread(store, thread)] == ["second"]

    async def test_an_edit_that_comes_before_its_message_counts(self, store: Store) -> None:
        kind, thread = await store.amend(edit(QUESTION, "second"))
        assert (kind, thread > 0) == (AmendmentOutcome.STARTS, True)
        assert await store.admit(QUESTION) == (Admission.DUPLICATE, thread)
        assert [each.text for each in await unread(store, thread)] == ["second"]

    async def test_a_mention_that_is_taken_back_before_the_message_comes_starts_nothing(self, store: Store) -> None:
        assert await store.amend(edit(QUESTION, "never mind", addressed=False)) == (AmendmentOutcome.REMEMBERED, 0)
        assert await store.admit(QUESTION) == (Admission.IGNORED, 0)

    async def test_a_late_edit_that_comes_before_its_message_counts_for_the_wording(self, store: Store) -> None:
        assert await store.amend(edit(QUESTION, "second", 700)) == (AmendmentOutcome.REMEMBERED, 0)
        kind, thread = await store.admit(QUESTION)
        assert kind is Admission.STARTS
        assert [each.text for each in await unread(store, thread)] == ["second"]

    async def test_a_deleted_message_does_not_come_back(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await store.admit(REPLY)
        assert await store.amend(delete(REPLY)) == (AmendmentOutcome.REMOVED, thread)
        for again in (REPLY, replace(REPLY, event_id="again")):
            assert (await store.admit(again))[0] is Admission.IGNORED
        assert (await store.amend(edit(REPLY, "more", 300)))[0] is AmendmentOutcome.IGNORED
        assert await store.amend(delete(REPLY)) == (AmendmentOutcome.IGNORED, thread)
        assert [each.ts for each in await unread(store, thread)] == [QUESTION.ts]

    async def test_a_message_that_was_deleted_before_it_came_is_not_read(self, store: Store) -> None:
        assert await store.amend(delete(QUESTION)) == (AmendmentOutcome.REMEMBERED, 0)
        assert await store.admit(QUESTION) == (Admission.IGNORED, 0)

    async def test_what_concerns_nobody_is_not_remembered(self, store: Store) -> None:
        bots = replace(delete(QUESTION), may_ask=False)
        assert await store.amend(bots) == (AmendmentOutcome.IGNORED, 0)
        quiet = replace(edit(QUESTION, "x", addressed=False), was_addressed=False)
        assert await store.amend(quiet) == (AmendmentOutcome.IGNORED, 0)

    async def test_who_takes_a_mention_back_takes_no_part(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        asked = replace(REPLY, user=BOB, addressed=True)
        assert await store.admit(asked) == (Admission.STARTS, thread)
        assert await store.amend(edit(asked, "no", addressed=False)) == (AmendmentOutcome.UPDATED, thread)
        later = replace(REPLY, event_id="later", user=BOB, ts="1020.000001")
        assert await store.admit(later) == (Admission.CONTEXT, thread)

    async def test_an_edit_to_others_makes_a_follow_up_context(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await store.admit(REPLY)
        assert await store.amend(edit(REPLY, "@Bob look", to_others=True)) == (AmendmentOutcome.UPDATED, thread)
        assert await store.amend(edit(REPLY, "look", 90)) == (AmendmentOutcome.STARTS, thread)

    @pytest.mark.parametrize(("after", "counts"), [(599, True), (601, False)])
    async def test_a_mention_that_an_edit_adds_counts_for_ten_minutes(
        self, store: Store, after: float, *, counts: bool
    ) -> None:
        _, thread = await store.admit(QUESTION)
        said = replace(REPLY, user=BOB)
        assert await store.admit(said) == (Admission.CONTEXT, thread)
        follows = AmendmentOutcome.STARTS if counts else AmendmentOutcome.UPDATED
        assert await store.amend(edit(said, "<@U1> more", after, addressed=True)) == (follows, thread)
        assert [each.addressed for each in await unread(store, thread)] == [True, counts]

    async def test_changes_of_a_read_message_are_reported_as_one(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await read(store, thread)
        for number in range(3):
            assert await store.amend(edit(QUESTION, f"edit {number}", 10 + number)) == (
                AmendmentOutcome.REPORTED,
                thread,
            )
        assert await store.amend(edit(QUESTION, "older", 5)) == (AmendmentOutcome.IGNORED, thread)
        [report] = await unread(store, thread)
        assert (report.user, report.text, report.change, report.addressed) == (ALICE, "edit 2", EDITED, False)
        assert report.changed_ts == QUESTION.ts
        await read(store, thread)
        assert await store.amend(edit(QUESTION, "edit 4", 20)) == (AmendmentOutcome.REPORTED, thread)
        assert [each.text for each in await unread(store, thread)] == ["edit 4"]

    async def test_an_edit_that_changes_no_word_is_not_reported(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await read(store, thread)
        assert await store.amend(edit(QUESTION, QUESTION.text)) == (AmendmentOutcome.IGNORED, thread)
        assert await unread(store, thread) == []

    async def test_a_mention_that_is_added_to_a_read_message_counts_once(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        said = replace(REPLY, user=BOB)
        await store.admit(said)
        await read(store, thread)
        assert await store.amend(edit(said, "<@U1> one", 10, addressed=True)) == (AmendmentOutcome.STARTS, thread)
        assert await store.amend(edit(said, "<@U1> two", 700, addressed=True)) == (AmendmentOutcome.STARTS, thread)
        assert await store.amend(edit(said, "three", 710)) == (AmendmentOutcome.REPORTED, thread)
        assert await store.amend(edit(said, "<@U1> four", 720, addressed=True)) == (AmendmentOutcome.REPORTED, thread)
        [report] = await unread(store, thread)
        assert (report.text, report.addressed) == ("<@U1> four", False)

    async def test_an_app_that_edits_its_post_starts_nothing(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        post = replace(REPLY, user="B1", author=AuthorKind.APP, label="Deploys")
        await store.admit(post)
        await read(store, thread)
        assert await store.amend(edit(post, "100 %")) == (AmendmentOutcome.REPORTED, thread)
        [report] = await unread(store, thread)
        assert (report.author, report.label, report.addressed) == (AuthorKind.APP, "Deploys", False)

    async def test_deleting_the_last_question_of_a_turn_stops_it(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await store.admit(REPLY)
        await read(store, thread)
        assert await store.amend(delete(QUESTION)) == (AmendmentOutcome.REPORTED, thread)
        assert await stopped_by(store, thread) == ""
        assert await store.amend(delete(REPLY)) == (AmendmentOutcome.STOPPED, thread)
        assert await stopped_by(store, thread) == QUESTION_DELETED
        assert [each.change for each in await unread(store, thread)] == [DELETED, DELETED]
        assert await store.waiting() == [thread]

    async def test_an_answer_that_is_not_posted_yet_goes_with_the_last_question_of_its_turn(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await store.admit(REPLY)
        await read(store, thread)
        state = await store.load(thread)
        drafts = [draft("answer", "answer"), draft("notice", "notice")]
        await store.commit(state, Change("answer", messages=[("assistant", "{}")], drafts=drafts, outcome="answered"))
        await store.amend(delete(QUESTION))
        assert [post.key for post in (await store.deliveries(thread)).posts] == ["answer", "notice"]
        assert await store.amend(delete(REPLY)) == (AmendmentOutcome.REPORTED, thread)
        assert [post.key for post in (await store.deliveries(thread)).posts] == ["notice"]

    async def test_deleting_a_message_whose_edit_asked_for_the_turn_stops_it(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        said = replace(REPLY, user=BOB)
        await store.admit(said)
        await read(store, thread)
        state = await store.load(thread)
        await store.commit(state, Change("answer", messages=[("assistant", "{}")], outcome="answered"))
        await store.amend(edit(said, "<@U1> do", addressed=True))
        await read(store, thread)
        assert await store.amend(delete(said)) == (AmendmentOutcome.STOPPED, thread)

    async def test_what_was_read_in_an_earlier_turn_stops_nothing(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await read(store, thread)
        state = await store.load(thread)
        await store.commit(state, Change("answer", messages=[("assistant", "{}")], outcome="answered"))
        await store.admit(REPLY)
        await read(store, thread)
        assert await store.amend(delete(QUESTION)) == (AmendmentOutcome.REPORTED, thread)

    async def test_a_message_that_was_edited_before_it_comes_is_no_stop_word(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await read(store, thread)
        word = replace(REPLY, text="stop", stop=True)
        await store.amend(edit(word, "stop by at noon", 700, stop=False))
        assert (await store.admit(word))[0] is Admission.STARTS
        assert await stopped_by(store, thread) == ""

    @pytest.mark.parametrize("is_read", [False, True])
    async def test_what_stopped_a_turn_and_what_it_withdrew_is_no_request_when_it_is_edited(
        self, store: Store, is_read: bool
    ) -> None:
        _, thread = await store.admit(QUESTION)
        await read(store, thread)
        word = replace(REPLY, event_id="stop", ts="1020.000001", text="stop", addressed=True, stop=True)
        await store.admit(REPLY)
        assert await store.admit(word) == (Admission.STOPS, thread)
        if is_read:
            await read(store, thread)
        for said in (REPLY, word):
            change = edit(said, "do it", addressed=True, stop=False)
            assert await store.amend(change) == (
                AmendmentOutcome.REPORTED if is_read else AmendmentOutcome.UPDATED,
                thread,
            )
        assert not any(each.addressed for each in await unread(store, thread))

    async def test_a_stop_closes_what_is_asked(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store, CallState.AWAITING)
        question = await asked(life)
        assert (await store.amend(delete(question)))[0] is AmendmentOutcome.STOPPED
        found = await store.find_question(approval.id)
        assert found is not None
        assert (found.decision, found.decided_by) == (Decision.STOPPED, "")
        assert [call.state for call in (await life.state()).calls] == [CallState.FINISHED]

    async def test_calls_that_a_stopped_turn_makes_do_not_begin(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        assert (await store.amend(delete(await asked(life))))[0] is AmendmentOutcome.STOPPED
        await life.call(CallState.READY, CallState.STARTED, CallState.AWAITING)
        assert {call.state for call in (await life.state()).calls} == {CallState.FINISHED}

    async def test_what_changes_while_it_is_being_read_is_not_written(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        for change in (edit(QUESTION, "other"), delete(QUESTION)):
            state = await store.load(thread)
            seen = [(0, state.unread[0].id)]
            await store.amend(change)
            with pytest.raises(ChangedError):
                await store.commit(state, Change("read", requester=ALICE, messages=[("user", "{}")], read=seen))
            assert not (await store.load(thread)).begun

    async def test_a_turn_may_open_before_its_request_is_read_and_a_stop_ends_both(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        state = await store.load(thread)
        await store.commit(state, Change("open the turn", requester=ALICE))
        assert state.unbegun
        fresh = await store.load(thread)
        assert fresh.unbegun
        assert fresh.turn is not None
        assert await store.waiting() == [thread]
        assert await store.stop(fresh.turn.id, ALICE) == thread
        left = [each for each in await unread(store, thread) if each.user]
        assert [(each.addressed, each.label) for each in left] == [(False, WITHDRAWN)]

    async def test_a_turn_that_has_read_its_request_has_begun(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        await store.commit(await store.load(thread), Change("open the turn", requester=ALICE))
        await read(store, thread)
        assert not (await store.load(thread)).unbegun
        assert (await store.amend(delete(QUESTION)))[0] is AmendmentOutcome.STOPPED

    async def test_nothing_is_posted_in_a_thread_that_is_gone(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store, CallState.AWAITING)
        await life.say()
        await store.owe(life.id, [draft("notice", "before")])
        await store.close_thread(life.id, "9000000000.000001")
        await store.owe(life.id, [draft("notice", "after")])
        left = await store.deliveries(life.id)
        assert left.gone
        assert {post.key for post in left.posts} == {"before", approval.id}, "it may be in Slack, and is to be deleted"
        assert await stopped_by(store, life.id) == QUESTION_DELETED
        found = await store.find_question(approval.id)
        assert found is not None
        assert found.decision == Decision.STOPPED
        assert await unread(store, life.id) == []

    async def test_what_was_posted_outside_of_a_thread_that_is_gone_is_left_to_delete(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store, CallState.AWAITING)
        await store.owe(life.id, [draft("notice"), draft("answer")])
        [_, answer] = (await store.deliveries(life.id)).posts
        await store.close_thread(life.id, "9000000000.000001", answer.id)
        left = await store.deliveries(life.id)
        assert left.gone
        [found] = [post for post in left.posts if post.id == answer.id]
        assert (found.state, found.ts) == (PostState.POSTED, "9000000000.000001")
        for post in left.posts:
            await store.post_closed(post.id, PostState.REMOVED)
        assert (await store.deliveries(life.id)).posts == []

    async def test_a_thread_is_gone_with_its_first_message_until_somebody_writes_there(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        gone = delete(QUESTION, ends_thread=True)
        assert await store.amend(gone) == (AmendmentOutcome.CLOSED, thread)
        assert await store.amend(gone) == (AmendmentOutcome.IGNORED, thread)
        assert await store.admit(REPLY) == (Admission.IGNORED, 0)
        later = replace(REPLY, event_id="later", ts="2000.000001", addressed=True)
        assert await store.admit(later) == (Admission.STARTS, thread)
        await store.owe(thread, [draft("notice")])
        assert len((await store.deliveries(thread)).posts) == 1


async def asked(life: Life) -> Incoming:
    """The message that a life's turn began with."""
    state = await life.state()
    return replace(QUESTION, place=state.place, ts=life.first_ts)
