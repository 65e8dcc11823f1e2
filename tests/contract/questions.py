"""What every store of questions does: an answer decides once, with all that follows."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from bot.core.calls import CallOutcome, CallState
from bot.core.inbox import STOPPED_WITH, Admission, Incoming
from bot.core.ports.store import Store
from bot.core.posts import Draft, PostState
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Approval, CallKind, Card, Copy, Decision, Question, UndoState
from bot.core.questions.retry import PASSED, RETRIED, turn_question
from bot.core.questions.undo import UNDO
from bot.core.thread_ref import ThreadRef
from bot.core.tools import Undone, UndoSnapshot
from bot.core.transaction import Change
from bot.errors import ChangedError
from tests.contract.backend import Backend, audited
from tests.lives import ALICE, BOB, CHANNEL, DAY, TEAM, Life, draft, waiting_for_a_person

CAROL = "UCAROL"


async def found(store: Store, approval: Approval) -> Approval:
    question = await store.find_question(approval.id)
    assert isinstance(question, Approval)
    return question


class QuestionsContract:
    async def test_an_approval_lets_the_call_run_and_is_there_in_the_next_process(self, backend: Backend) -> None:
        async with backend.open() as store:
            life, [approval] = await waiting_for_a_person(store)
            [call] = (await life.state()).calls
            assert (call.asked, call.approval) == (True, "")
            await life.settle(approval)
        async with backend.open() as store:
            assert [(each.decision, each.decided_by) for each in [await found(store, approval)]] == [("approved", BOB)]
            [call] = (await store.load(life.id)).calls
            assert (call.state, call.asked) == (CallState.READY, False)
            assert (call.approval, call.approved_digest) == (approval.id, approval.digest)
            assert audited(backend) == [("requested", ""), ("voted", BOB), ("decided", BOB)]

    async def test_of_two_clicks_at_once_the_first_decides(self, store: Store, backend: Backend) -> None:
        life, [approval] = await waiting_for_a_person(store)
        yes, no = await life.click(approval), await life.click(approval, Decision.DENIED, ALICE)
        told = await asyncio.gather(store.answer([yes]), store.answer([no]), store.answer([yes]))
        assert [each.verdict for [each] in told] == [Verdict.SETTLED, Verdict.ALREADY, Verdict.ALREADY]
        assert (await found(store, approval)).decision == Decision.APPROVED
        assert [kind for kind, _ in audited(backend)].count("decided") == 1

    async def test_the_questions_of_a_message_are_found_by_any_of_them(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        await life.call(CallState.AWAITING, CallState.AWAITING, asked=False)
        made = [life.card(call) for call in (await life.state()).calls]
        questions = [each.questions[0] for each in made]
        await life.commit("ask", cards=[Card(questions, [draft("card", "both")])])
        for each in questions:
            assert [other.id for other in await store.questions_of_message(each.id)] == [
                other.id for other in questions
            ]
        assert await store.questions_of_message("nothing") == []

    async def test_a_click_that_does_not_count_changes_nothing(self, store: Store, backend: Backend) -> None:
        life, [approval] = await waiting_for_a_person(store)
        good = await life.click(approval)
        state, question, recorded = await life.state(), await found(store, approval), audited(backend)
        forged: list[dict[str, Any]] = [
            {"digest": "0"},
            {"question": "other"},
            {"team": "T2"},
            {"channel": "C2"},
            {"message_ts": "1.1"},
            {"entitled": False},
            {"entitled": None},
            {"answer": Decision.IT_RAN},
        ]
        told = await store.answer([replace(good, **each) for each in forged])
        assert {each.verdict for each in told} == {Verdict.UNKNOWN, Verdict.NOT_YOURS, Verdict.UNVERIFIED}
        assert (await life.state(), await found(store, approval)) == (state, question)
        assert audited(backend) == recorded

    async def test_votes_count_once_a_person_and_lapse(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)

        async def vote(user: str, **more: Any) -> Verdict:
            [settlement] = await store.answer([await life.click(approval, user=user, needed=2, **more)])
            return settlement.verdict

        assert [await vote(BOB), await vote(BOB)] == [Verdict.COUNTED, Verdict.ALREADY]
        assert (await found(store, approval)).votes == (BOB,)
        assert await vote(ALICE, lapsed=frozenset({BOB})) is Verdict.COUNTED
        assert (await found(store, approval)).votes == (ALICE,)
        assert await vote(CAROL) is Verdict.SETTLED

    async def test_changed_arguments_close_the_question_and_the_call_waits_for_another(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        changed = '{"path":"b"}'
        await life.settle(approval, Decision.EDITED, arguments=changed)
        [call] = (await life.state()).calls
        assert (call.arguments, call.original, call.editors) == (changed, "{}", (BOB,))
        assert (call.state, call.asked) == (CallState.AWAITING, False)
        assert (await found(store, approval)).call.arguments == "{}", "what was asked stays as it was shown"
        await life.commit("ask", cards=[life.card(call)])
        assert [each.asked for each in (await life.state()).calls] == [True]

    async def test_a_question_about_an_edited_call_takes_the_place_of_the_one_before(self, store: Store) -> None:
        life, [first] = await waiting_for_a_person(store)
        await life.settle(first, Decision.EDITED, arguments='{"path":"b"}')
        [old] = (await store.deliveries(life.id)).posts
        await life.deliver()
        [call] = (await life.state()).calls
        card = life.card(call)
        await life.commit("ask", cards=[card])
        [post] = (await store.deliveries(life.id)).posts
        assert (post.id, post.key, post.revision > post.shown) == (old.id, old.key, True), "the same message changes"
        assert [each.decision for each in post.about] == [Decision.EDITED, Decision.AWAITING]
        await life.deliver()
        [second] = [each for each in card.questions if isinstance(each, Approval)]
        assert (await found(store, second)).message_ts == (await found(store, first)).message_ts
        [late] = await store.answer([await life.click(first)])
        assert late.verdict is Verdict.ALREADY, "a button of the first version decides nothing"
        await life.settle(second)
        assert [each.approved_digest for each in (await life.state()).calls] == [second.digest]

    async def test_where_the_message_is_gone_an_edited_call_is_asked_about_in_another(self, store: Store) -> None:
        life, [first] = await waiting_for_a_person(store)
        await life.settle(first, Decision.EDITED, arguments='{"path":"b"}')
        [old] = (await store.deliveries(life.id)).posts
        await store.post_closed(old.id, PostState.REMOVED)
        [call] = (await life.state()).calls
        await life.commit("ask", cards=[life.card(call)])
        [post] = (await store.deliveries(life.id)).posts
        assert (post.id != old.id, post.state) == (True, PostState.OWED)

    async def test_stopping_closes_every_question_of_the_thread(self, store: Store) -> None:
        life, asked = await waiting_for_a_person(store, CallState.AWAITING, CallState.UNKNOWN)
        await life.settle(asked[0], Decision.STOPPED)
        assert [(await found(store, each)).decision for each in asked] == [Decision.STOPPED] * 2
        outcomes = [call.outcome for call in (await life.state()).calls]
        assert outcomes == [CallOutcome.STOPPED, CallOutcome.UNRESOLVED]

    async def test_a_decided_question_is_drawn_again(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        assert (await store.deliveries(life.id)).posts == []
        await life.settle(approval)
        [post] = (await store.deliveries(life.id)).posts
        assert (post.key, post.revision > post.shown, list(post.about)) == (
            approval.id,
            True,
            [await found(store, approval)],
        )

    async def test_a_question_whose_time_is_over_ends_once(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        [over] = await life.call(CallState.AWAITING, seconds=-1)
        _, [open_one] = await waiting_for_a_person(store)
        assert list(await store.expire()) == [life.id]
        assert list(await store.expire()) == []
        assert (await found(store, over)).decision == Decision.EXPIRED
        assert (await found(store, open_one)).decision == Decision.AWAITING
        assert (await life.state()).calls[0].outcome is CallOutcome.EXPIRED

    async def test_a_message_that_slack_refuses_withdraws_its_questions(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await store.withdraw("unknown")
        for _ in range(2):
            await store.withdraw(approval.id)
            assert (await found(store, approval)).decision == Decision.WITHDRAWN
        assert (await life.state()).calls[0].outcome is CallOutcome.UNSHOWN

    async def test_people_are_reminded_once_and_not_of_what_is_decided(self, store: Store) -> None:
        life, [first, second] = await waiting_for_a_person(store, CallState.AWAITING, CallState.AWAITING)
        assert list(await store.unreminded({CallKind.MAY_IT_RUN: DAY / 2})) == []
        due = await store.unreminded({CallKind.MAY_IT_RUN: 2 * DAY})
        assert {(thread, each.id) for thread, each in due} == {(life.id, first.id), (life.id, second.id)}
        await life.settle(second, Decision.DENIED)
        await life.deliver()
        for approval in (first, first, second):
            await store.remind(life.id, approval.id, [draft("notice")])
        assert len((await store.deliveries(life.id)).posts) == 1
        assert list(await store.unreminded({CallKind.MAY_IT_RUN: 2 * DAY})) == []

    async def test_each_kind_has_its_own_time_to_be_reminded_of_and_may_have_none(self, store: Store) -> None:
        life, asked = await waiting_for_a_person(store, CallState.AWAITING, CallState.UNKNOWN)
        ids = {each.kind: each.id for each in asked}
        assert set(ids) == set(CallKind)
        for soon, late in ((CallKind.MAY_IT_RUN, CallKind.DID_IT_RUN), (CallKind.DID_IT_RUN, CallKind.MAY_IT_RUN)):
            times: dict[str, float] = {late: 2 * DAY}
            for seconds in (times, {**times, soon: DAY / 2}, {**times, soon: 0.0}):
                assert [each.id for _, each in await store.unreminded(seconds)] == [ids[late]]
        for each in asked:
            await store.remind(life.id, each.id, [draft("notice", f"remind-{each.id}")])
        assert list(await store.unreminded(dict.fromkeys(CallKind, 2 * DAY))) == []

    async def test_who_took_part_answers_a_parked_thread_and_it_goes_on(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        await store.park(life.id, draft("parked", "parked-c"))
        await store.park(life.id, draft("parked", "parked-d"))
        await life.deliver()
        question = await store.find_question("parked-c")
        assert question is not None
        by_bob, by_alice = (
            Click("parked-c", "", RETRIED, user, TEAM, CHANNEL, question.message_ts, True) for user in (BOB, ALICE)
        )
        [refused] = await store.answer([by_bob])
        assert refused.verdict is Verdict.NOT_YOURS
        assert [each.verdict for each in await store.answer([by_alice, by_alice])] == [Verdict.SETTLED, Verdict.ALREADY]
        assert not (await life.state()).parked
        assert await store.find_question("parked-d") is None

    async def test_a_turn_is_stopped_by_who_has_asked_for_it_and_once(self, store: Store, backend: Backend) -> None:
        life, [approval] = await waiting_for_a_person(store)
        turn = (await life.state()).turn
        assert turn is not None
        assert [await store.stop(turn.id, BOB), await store.stop(turn.id + 1, ALICE)] == [0, 0]
        assert (await found(store, approval)).decision == Decision.AWAITING
        assert await store.stop(turn.id, ALICE) == life.id
        assert (await found(store, approval)).decision == Decision.STOPPED
        assert life.id in await store.waiting()
        await life.commit("stop the turn", outcome="stopped")
        assert await store.stop(turn.id, ALICE) == 0
        assert ("stopped", ALICE) in audited(backend)

    async def test_a_turn_is_stopped_by_somebody_else_only_if_they_may(self, store: Store, backend: Backend) -> None:
        life, [approval] = await waiting_for_a_person(store)
        turn = (await life.state()).turn
        assert turn is not None
        assert await store.stop(turn.id, "", others=True) == 0
        assert await store.stop(turn.id, BOB, others=True) == life.id
        assert (await found(store, approval)).decided_by == BOB
        await life.commit("stop the turn", outcome="stopped")
        assert await store.stop(turn.id, BOB, others=True) == 0
        assert ("stopped", BOB) in audited(backend)

    async def test_a_failed_turn_goes_on_once_and_not_after_another_has_begun(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        turn = (await life.state()).turn
        assert turn is not None

        async def fail(key: str) -> Question:
            asked = turn_question(key, life.id, turn.id, [ALICE, BOB], time.time())
            await life.commit("give up", outcome="failed", cards=[Card([asked], [draft("turn", key)])])
            await life.deliver()
            known = await store.find_question(asked.id)
            assert known is not None
            return known

        def press(asked: Question, user: str) -> Click:
            return Click(asked.id, "", RETRIED, user, TEAM, CHANNEL, asked.message_ts, True)

        asked = await fail("turn-part-1")
        assert (await life.state()).turn is None
        presses = [press(asked, user) for user in ("UCAROL", BOB, ALICE)]
        verdicts = [each.verdict for each in await store.answer(presses)]
        assert verdicts == [Verdict.NOT_YOURS, Verdict.SETTLED, Verdict.ALREADY]
        again = (await life.state()).turn
        assert again is not None
        assert (again.id, again.requester, again.attempts) == (turn.id, ALICE, 0)
        assert life.id in await store.waiting()
        passed = await fail("turn-part-2")
        await life.say()
        await life.read()
        [late] = await store.answer([press(passed, ALICE)])
        assert late.verdict is Verdict.ALREADY
        assert late.question is not None
        assert late.question.decision == PASSED
        assert (await life.state()).turn != again

    async def test_each_person_has_one_opinion_of_an_answer_which_may_change(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        turn = (await life.state()).turn
        assert turn is not None
        assert not await store.rate(turn.id, CHANNEL, ALICE, good=True), "it is not answered yet"
        await life.commit("answer", outcome="answered")
        assert not await store.rate(turn.id, "C2", ALICE, good=True)
        assert not await store.rate(turn.id + 1, CHANNEL, ALICE, good=True)
        assert not await store.explain(turn.id, ALICE, "It is wrong.")
        assert await store.rate(turn.id, CHANNEL, ALICE, good=False)
        assert await store.explain(turn.id, ALICE, "It is wrong.")
        assert await store.rate(turn.id, CHANNEL, BOB, good=False)
        assert await store.rate(turn.id, CHANNEL, ALICE, good=True)
        assert not await store.explain(turn.id, ALICE, "It is wrong.")
        assert await store.explain(turn.id, BOB, "It is wrong.")

    @pytest.mark.parametrize(("user", "named", "stops"), [(ALICE, False, True), (BOB, True, True), (BOB, False, False)])
    async def test_a_stop_word_stops_the_turn_of_those_who_may(
        self, store: Store, user: str, named: bool, stops: bool
    ) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await life.say("UCAROL")
        place = (await life.state()).place
        word = Incoming(place, "stop", user, f"{time.time() + 9:.6f}", "stop", (), True, stop=True, may_stop=named)
        admitted = [await store.admit(word), await store.admit(word), await store.admit(replace(word, event_id="twin"))]
        assert [kind is Admission.STOPS for kind, _ in admitted] == [stops, False, False]
        assert (await found(store, approval)).decision == (Decision.STOPPED if stops else Decision.AWAITING)
        await life.commit("stop the turn", outcome="stopped")
        unread = {message.user: message for message in (await life.state()).unread}
        assert (unread[user].addressed, unread[user].label) == (not stops, STOPPED_WITH if stops else "")
        assert unread["UCAROL"].addressed, "what others have written starts another turn"

    @pytest.mark.parametrize(("user", "named", "stops"), [(ALICE, False, True), (BOB, True, True), (BOB, False, False)])
    async def test_a_stop_word_ends_what_is_unread_before_its_turn_begins(
        self, store: Store, user: str, named: bool, stops: bool
    ) -> None:
        life = Life(store)
        await life.say()
        await life.say(CAROL)
        stale = await life.state()
        word = Incoming(stale.place, "stop", user, f"{time.time() + 9:.6f}", "stop", (), True, stop=True)
        word = replace(word, may_stop=named)
        admitted = [await store.admit(word), await store.admit(word), await store.admit(replace(word, event_id="twin"))]
        assert [kind is Admission.STOPS for kind, _ in admitted] == [stops, False, False]
        if not stops:
            assert all(message.addressed for message in (await life.state()).unread)
            return
        assert life.id in await store.waiting()
        read = [(place, message.id) for place, message in enumerate(stale.unread)]
        opening = Change("read", requester=ALICE, messages=[("user", "{}")] * 2, read=read)
        with pytest.raises(ChangedError):
            await store.commit(stale, opening)
        state = await life.state()
        assert state.turn is not None
        assert (state.turn.requester, state.turn.stopped_by) == (ALICE, user)
        unread = {message.user: message for message in state.unread}
        assert (unread[ALICE].addressed, unread[CAROL].addressed) == (False, True)
        await store.commit(state, Change("stop the turn", outcome="stopped"))
        await life.read()
        assert (await life.state()).turn is not None, "what Carol has asked for is answered"

    async def test_a_stop_word_withdraws_the_requests_of_its_author_from_the_turn_of_somebody_else(
        self, store: Store
    ) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await life.say(CAROL)
        place = (await life.state()).place
        word = Incoming(place, "stop", CAROL, f"{time.time() + 9:.6f}", "stop", (), True, stop=True)
        assert (await store.admit(word))[0] is Admission.STOPS
        assert (await found(store, approval)).decision == Decision.AWAITING
        assert not any(message.addressed for message in (await life.state()).unread)

    async def test_a_stop_word_takes_back_what_was_held(self, store: Store) -> None:
        life = Life(store)
        await life.say(late=True)
        place = (await life.state()).place
        word = Incoming(place, "stop", ALICE, f"{time.time() + 9:.6f}", "stop", (), True, stop=True, late=True)
        assert (await store.admit(word))[0] is Admission.STOPS
        assert await store.held() == []
        assert (await life.state()).turn is None

    async def test_outside_of_threads_a_stop_word_ends_what_its_author_has_not_been_answered_yet(
        self, store: Store
    ) -> None:
        lives = [Life(store) for _ in range(3)]
        for life, user in zip(lives, (ALICE, ALICE, BOB), strict=True):
            await life.say(user)
        ts = f"{time.time() + 9:.6f}"
        word = Incoming(ThreadRef("T2", CHANNEL, ts, "im"), "stop", ALICE, ts, "stop", (), True, stop=True)
        assert (await store.admit(word))[0] is Admission.STOPS
        turns = [(await life.state()).turn for life in lives]
        assert [turn and turn.stopped_by for turn in turns] == [ALICE, ALICE, None]

    async def test_a_stop_word_that_is_older_than_the_turn_stops_nothing(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        word = Incoming((await life.state()).place, "stop", ALICE, "1.000001", "stop", (), True, stop=True)
        assert (await store.admit(word))[0] is not Admission.STOPS
        assert (await found(store, approval)).decision == Decision.AWAITING

    async def test_outside_of_threads_a_stop_word_stops_what_its_author_has_asked_for_there(self, store: Store) -> None:
        lives = [await waiting_for_a_person(store) for _ in range(2)]
        ts = f"{time.time() + 9:.6f}"
        place = ThreadRef(TEAM, CHANNEL, ts, "im")
        word = Incoming(place, "stop", BOB, ts, "stop", (), True, stop=True, may_stop=True)
        assert (await store.admit(word))[0] is Admission.STARTS, "none of them is Bob's"
        later = f"{time.time() + 10:.6f}"
        word = replace(word, user=ALICE, event_id="own", ts=later, place=replace(place, thread_ts=later))
        assert (await store.admit(word))[0] is Admission.STOPS
        for _, [approval] in lives:
            assert (await found(store, approval)).decision == Decision.STOPPED

    async def test_what_comes_of_a_stopped_turn_is_dropped(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        state = await life.state()
        assert state.turn is not None
        await store.stop(state.turn.id, ALICE)
        change = Change("answer", messages=[("assistant", "{}")], drafts=[draft("answer")], outcome="answered")
        change.unless_stopped = True
        await store.commit(state, change)
        assert (state.turn.stopped_by, state.last_role) == (ALICE, "user")
        now = await life.state()
        assert (now.last_role, now.turn is not None) == ("user", True)
        assert (await store.deliveries(life.id)).posts == []

    async def test_what_waits_for_a_person_is_listed_until_it_is_decided(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        other, [second] = await waiting_for_a_person(store)
        waiting = await store.waiting_for(ALICE, (), 5)
        assert [each.question.id for each in waiting.questions] == [approval.id, second.id]
        assert [each.place for each in waiting.turns] == [(await each.state()).place for each in (other, life)]
        assert (await store.waiting_for(ALICE, (), 1)).more_questions
        assert (await store.waiting_for(ALICE, (), 1)).more_turns
        assert not (await store.waiting_for(BOB, ["S1"], 5)).questions
        await life.settle(approval)
        assert [each.question.id for each in (await store.waiting_for(ALICE, (), 5)).questions] == [second.id]

    async def test_a_deleted_message_is_owed_once_more_and_then_its_questions_end(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        notices = [draft("notice", f"gone-{number}") for number in range(4)]
        first = (await found(store, approval)).message_ts
        assert [await store.deleted("C2", first, notices[0]), await store.deleted(CHANNEL, "", notices[0])] == [0, 0]
        assert await store.deleted(CHANNEL, first, notices[0]) == life.id
        assert await store.deleted(CHANNEL, first, notices[1]) == 0, "delivered twice, it is one deletion"
        [post] = (await store.deliveries(life.id)).posts
        assert (post.state, post.key, [each.id for each in post.about]) == ("owed", approval.id, [approval.id])
        await store.posted(post.id, "9.99", post.revision)
        assert (await found(store, approval)).message_ts == "9.99"
        assert await store.deleted(CHANNEL, "9.99", notices[2]) == life.id
        closed = await found(store, approval)
        assert (closed.decision, bool(closed.reason)) == (Decision.WITHDRAWN, True)
        assert (await life.state()).calls[0].outcome is CallOutcome.UNSHOWN
        assert [each.key for each in (await store.deliveries(life.id)).posts] == ["gone-2"]
        assert await store.deleted(CHANNEL, "9.99", notices[3]) == 0

    async def test_a_deleted_record_of_a_decided_question_is_not_posted_again(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await life.settle(approval)
        await life.deliver()
        assert await store.deleted(CHANNEL, (await found(store, approval)).message_ts, draft("notice")) == 0

    async def test_a_copy_shows_the_same_question_and_is_drawn_again_with_it(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        assert [each.id for each in await store.unchecked(time.time(), 5)] == [approval.id]
        copy = Draft("copy-1", "copy", "{}")
        await store.checked(approval.id, [(CAROL, copy)], [draft("notice", "asked")])
        await store.checked(approval.id, [(CAROL, copy)])
        assert list(await store.unchecked(time.time() - 60, 5)) == []
        owed = {each.key: each for each in (await store.deliveries(life.id)).posts}
        assert set(owed) == {"copy-1", "asked"}
        assert (owed["copy-1"].person, [each.id for each in owed["copy-1"].about]) == (CAROL, [approval.id])
        await store.posted(owed["copy-1"].id, "7.7", 0, channel="D7")
        await store.posted(owed["asked"].id, "7.8", 0)
        asked = await found(store, approval)
        assert asked.copies == (Copy(CAROL, "D7", "7.7"),)
        good = await life.click(approval, user=CAROL)
        forged = [
            replace(good, channel="D8"),
            replace(good, user=BOB, channel="D7"),
            replace(good, digest="0", channel="D7"),
        ]
        assert {each.verdict for each in await store.answer(forged)} == {Verdict.UNKNOWN}
        clicks = [replace(good, channel="D7", message_ts="7.7"), good]
        assert [each.verdict for each in await store.answer(clicks)] == [Verdict.SETTLED, Verdict.ALREADY]
        assert {each.key for each in (await store.deliveries(life.id)).posts} == {approval.id, "copy-1"}

    async def test_a_copy_that_is_deleted_twice_ends_alone(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await store.checked(approval.id, [(CAROL, Draft("copy-1", "copy", "{}"))])
        for ts in ("7.7", "7.8"):
            [post] = (await store.deliveries(life.id)).posts
            await store.posted(post.id, ts, post.revision, channel="D7")
            assert await store.deleted("D7", ts, draft("notice")) == life.id
        asked = await found(store, approval)
        assert (asked.decision, [each.refused for each in asked.copies]) == (Decision.AWAITING, [True])
        assert [each.id for each in await store.unchecked(time.time() - 60, 5)] == [approval.id]

    async def test_a_question_that_nobody_can_answer_any_more_ends_with_a_reason(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        for _ in range(2):
            await store.checked(approval.id, notes=[draft("notice", "nobody")], closed="nobody is there.")
        assert (await found(store, approval)).decision == Decision.WITHDRAWN
        assert (await life.state()).calls[0].result == "nobody is there."
        assert {each.key for each in (await store.deliveries(life.id)).posts} == {approval.id, "nobody"}


class UndosContract:
    async def ran(self, store: Store, seconds: float = DAY) -> tuple[Life, Approval]:
        """An approved call that ran well and may be undone."""
        life, [approval] = await waiting_for_a_person(store)
        await life.settle(approval)
        [call] = (await life.state()).calls
        call.start()
        await life.commit("start a call", calls=[call], befores=[(call, UndoSnapshot("{}", b"old"))])
        call.state, call.outcome, call.result = CallState.FINISHED, CallOutcome.OK, "done"
        await life.commit("finish a call", calls=[call], afters=[(call, "after", approval.expires_at - DAY + seconds)])
        await life.deliver()
        return life, approval

    async def test_what_a_person_has_undone_is_a_job_until_it_has_ended(self, backend: Backend) -> None:
        async with backend.open() as store:
            life, approval = await self.ran(store)
            assert list(await store.undo_threads()) == []
            await store.answer([await life.click(approval, UNDO, kind=UNDO)])
            assert list(await store.undo_threads()) == [life.id]
            job = await store.next_undo(life.id)
            assert job is not None
            assert (job.before, job.after, job.begun) == (UndoSnapshot("{}", b"old"), "after", False)
            assert await store.next_undo(life.id + 1) is None
            await store.begin_undo(job.call.id)
        async with backend.open() as store:
            job = await store.next_undo(life.id)
            assert job is not None
            assert job.begun
            for _ in range(2):
                await store.end_undo(life.id, job.call.id, Undone(True, "It is back."), "undone")
            assert list(await store.undo_threads()) == []
            assert await store.next_undo(life.id) is None
            assert [(each.user, each.text) for each in (await store.load(life.id)).unread] == [("", "undone")]
            undo = (await found(store, approval)).undo
            assert undo is not None
            assert (undo.state, undo.by, undo.words) == (UndoState.UNDONE, BOB, "It is back.")
            assert [each for each in audited(backend) if each[0] == "undone"] == [("undone", BOB)]

    async def test_an_offer_whose_time_is_over_is_withdrawn_once(self, store: Store) -> None:
        life, approval = await self.ran(store, seconds=-1)
        assert list(await store.expire()) == [life.id]
        assert list(await store.expire()) == []
        undo = (await found(store, approval)).undo
        assert undo is not None
        assert undo.state is UndoState.CLOSED
