"""What every store does with the question whether to deny the open requests and do what their requester wrote since."""

from __future__ import annotations

from bot.core.calls import CallOutcome, CallState
from bot.core.ports.store import Store
from bot.core.posts import Post
from bot.core.questions.click import Click, Verdict
from bot.core.questions.follow_up import FOLLOW_UP, INSTEAD, OVER, WAIT, FollowUp, question_id, said
from bot.core.questions.question import Question
from bot.core.questions.transition import Said
from tests.lives import ALICE, CHANNEL, TEAM, Life, waiting_for_a_person


async def write(life: Life, *, shown: int | None = None) -> list[Said]:
    """Alice writes while a step waits, and the offer to do that is made. Return the unread messages that it shows."""
    await life.say()
    return await offer(life, shown)


async def offer(life: Life, shown: int | None = None) -> list[Said]:
    state = await life.state()
    unread = [Said(each.id, each.version, each.text, f"Alice: {each.text}") for each in state.unread][:shown]
    follow_up = FollowUp(state.step[0].seq, ALICE, unread)
    await life.commit("tell what was done", follow_up=follow_up, notified=[each.id for each in state.unread])
    return unread


async def asked(life: Life) -> Question | None:
    return await life.store.find_question(question_id(life.id, (await life.state()).step[0].seq))


async def notices(life: Life) -> list[Post]:
    posts = (await life.store.deliveries(life.id)).posts
    return [post for post in posts if post.kind == FOLLOW_UP]


async def press(life: Life, question: Question, answer: str) -> Verdict:
    click = Click(question.id, question.digest, answer, ALICE, TEAM, CHANNEL, question.message_ts, True)
    [settlement] = await life.store.answer([click])
    return settlement.verdict


class FollowUpsContract:
    async def test_it_is_asked_once_for_a_step_and_shows_all_that_is_unread(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        await write(life)
        [notice] = await notices(life)
        await life.deliver()
        unread = await write(life)
        question = await asked(life)
        assert question is not None
        assert (said(question), question.decision) == (tuple(unread), "awaiting")
        [again] = await notices(life)
        assert (again.id, len(unread)) == (notice.id, 2)
        assert again.revision > again.shown, "the notice shows it"
        await life.deliver()
        await offer(life)
        assert await notices(life) == [], "nothing has changed"

    async def test_without_anything_that_waits_or_was_written_nothing_is_asked(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await write(life, shown=0)
        assert (await asked(life), await notices(life)) == (None, [])
        await life.settle(approval)
        await write(life)
        assert (await asked(life), await notices(life)) == (None, [])

    async def test_it_is_closed_when_nothing_is_left_of_what_was_written(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        await write(life)
        await offer(life, 0)
        question = await asked(life)
        assert question is not None
        assert question.decision == OVER

    async def test_the_answer_denies_all_that_waits_and_the_first_call_is_answered_with_the_words(
        self, store: Store
    ) -> None:
        life, approvals = await waiting_for_a_person(store, CallState.AWAITING, CallState.AWAITING)
        await write(life)
        await life.deliver()
        question = await asked(life)
        assert question is not None
        assert await press(life, question, INSTEAD) is Verdict.SETTLED
        state = await life.state()
        assert [call.outcome for call in state.step] == [CallOutcome.DENIED, CallOutcome.DENIED]
        assert ["Alice: hi" in call.result for call in state.step] == [True, False]
        assert list(state.unread) == [], "the model reads it as the result"
        for approval in approvals:
            found = await store.find_question(approval.id)
            assert found is not None
            assert found.decision == "denied"

    async def test_whoever_keeps_waiting_is_asked_again_only_when_something_else_was_written(
        self, store: Store
    ) -> None:
        life, _ = await waiting_for_a_person(store)
        await write(life)
        await life.deliver()
        question = await asked(life)
        assert question is not None
        assert await press(life, question, WAIT) is Verdict.SETTLED
        assert [call.state for call in (await life.state()).step] == [CallState.AWAITING]
        await offer(life)
        question = await asked(life)
        assert question is not None
        assert question.decision == WAIT
        await write(life)
        question = await asked(life)
        assert question is not None
        assert question.decision == "awaiting"

    async def test_it_is_over_once_nothing_waits(self, store: Store) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await write(life)
        await life.deliver()
        await life.settle(approval)
        question = await asked(life)
        assert question is not None
        assert question.decision == OVER
        [notice] = await notices(life)
        assert notice.revision > notice.shown, "the notice goes"
        assert await press(life, question, INSTEAD) is not Verdict.SETTLED
        assert [call.state for call in (await life.state()).step] == [CallState.READY]

    async def test_in_a_turn_that_was_stopped_nothing_is_asked(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        state = await life.state()
        assert state.turn is not None
        await store.stop(state.turn.id, ALICE)
        await write(life)
        assert await notices(life) == []
