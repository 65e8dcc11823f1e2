"""What every store says of changes: what a turn and a thread have changed, and what of it can be undone."""

from __future__ import annotations

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.ledger import TurnLedger, UndoTally
from bot.core.ports.store import Store
from bot.core.posts import Draft
from bot.core.questions.question import Approval, Decision
from bot.core.questions.undo import UNDO
from bot.core.tools import Undone, UndoSnapshot
from bot.core.turn_message import End, Text, TurnMessage
from tests.contract.backend import Backend
from tests.lives import ALICE, BOB, DAY, Life


class LedgersContract:
    async def change(self, life: Life, path: str, *, until: float = 9e9, deny: bool = False) -> Approval:
        """Make a call that changes something, and ask about it."""
        state = await life.state()
        made = Call(
            *(0, state.next_position, 0, "call", "files__write", "files", "write", f'{{"path":"{path}"}}', "tool"),
            repeatable=False,
            state=CallState.AWAITING,
            tier="write",
        )
        card = life.card(made)
        await life.commit("take the calls", messages=[("assistant", "{}")], new_calls=[made], cards=[card])
        await life.deliver()
        [asked] = card.questions
        assert isinstance(asked, Approval)
        await life.settle(asked, Decision.DENIED if deny else Decision.APPROVED)
        if not deny:
            call = (await life.state()).calls[-1]
            call.start()
            before = UndoSnapshot(path, b"old")
            await life.commit("start a call", calls=[call], befores=[(call, before)])
            call.state, call.outcome = CallState.FINISHED, CallOutcome.OK
            await life.commit("finish a call", calls=[call], afters=[(call, "after", until)])
        await life.commit("answer the calls", messages=[("tool", "{}")])
        return asked

    async def turn(self, store: Store) -> tuple[Life, int]:
        """A thread with a turn that is open."""
        life = Life(store)
        await life.say()
        await life.read()
        return life, await self.opened(life)

    async def opened(self, life: Life) -> int:
        turn = (await life.state()).turn
        assert turn is not None
        return turn.id

    async def answered(self, life: Life, turn: int) -> Draft:
        """End the turn with a ledger."""
        part = TurnMessage(turn, 1, ALICE, "T1", (Text("Done."),), "", End.ANSWERED, ledger=TurnLedger(2, files=2))
        await life.commit("answer", messages=[("assistant", "{}")], drafts=[part.draft()], outcome="answered")
        return part.draft()

    async def tally(self, life: Life, draft: Draft) -> UndoTally | None:
        """What is read of the turn's message, which is then shown."""
        posts = [post for post in (await life.store.deliveries(life.id)).posts if post.key == draft.key]
        assert posts, "it is to be drawn again"
        await life.deliver()
        return posts[0].undos

    async def test_what_a_turn_has_changed_is_in_the_order_of_the_log(self, store: Store) -> None:
        life, first = await self.turn(store)
        await self.change(life, "a")
        await self.change(life, "b", deny=True)
        await self.answered(life, first)
        await life.say(BOB)
        await life.read()
        second = await self.opened(life)
        asked = await self.change(life, "c")
        for turn, whole, expected in (
            (first, False, [(first, ALICE, "ok"), (first, ALICE, "denied")]),
            (second, False, [(second, BOB, "ok")]),
            (first, True, [(first, ALICE, "ok"), (first, ALICE, "denied"), (second, BOB, "ok")]),
        ):
            found = await store.ledger(turn, 9, whole_thread=whole)
            assert found is not None
            assert found.more == 0
            assert [(each.turn, each.requester, each.call.outcome) for each in found.entries] == expected
        newest = await store.ledger(second, 1, whole_thread=True)
        assert newest is not None
        [entry] = newest.entries
        assert (newest.more, entry.before) == (2, UndoSnapshot("c", b"old"))
        assert entry.approval is not None
        assert entry.approval.id == asked.id
        earliest = await store.ledger(first, 1)
        assert earliest is not None
        assert (earliest.more, [each.call.arguments for each in earliest.entries]) == (1, ['{"path":"a"}'])
        assert await store.ledger(second + 1, 9) is None

    async def test_a_call_under_a_grant_that_was_cut_off_is_shown_by_the_question_about_it(self, store: Store) -> None:
        life, turn = await self.turn(store)
        state = await life.state()
        made = Call(
            *(0, state.next_position, 0, "call", "files__write", "files", "write", '{"path":"a"}', "tool"),
            repeatable=False,
            state=CallState.READY,
            tier="write",
        )
        await life.commit("take the calls", messages=[("assistant", "{}")], new_calls=[made])
        call = (await life.state()).calls[-1]
        call.start()
        await life.commit("start a call", calls=[call], befores=[(call, UndoSnapshot("a", b"old"))])
        call.state = CallState.UNKNOWN
        card = life.card(call)
        await life.commit("ask", calls=[call], cards=[card])
        await life.deliver()
        [asked] = card.questions
        assert isinstance(asked, Approval)
        await life.settle(asked, Decision.IT_RAN)
        found = await store.ledger(turn, 9)
        assert found is not None
        [entry] = found.entries
        assert entry.call.outcome is CallOutcome.ASSUMED
        assert entry.approval is not None
        assert entry.approval.id == asked.id

    async def test_undos_are_taken_up_from_the_last_call_to_the_first(self, backend: Backend) -> None:
        async with backend.open() as store:
            life, turn = await self.turn(store)
            asked = [await self.change(life, path) for path in "abc"]
            assert list(await store.offered_undos(turn)) == [each.id for each in asked]
            await store.answer([await life.click(each, UNDO, kind=UNDO) for each in asked])
            assert list(await store.offered_undos(turn)) == []
        done: list[str] = []
        for _ in asked:
            async with backend.open() as store:
                job = await store.next_undo(life.id)
                assert job is not None
                await store.begin_undo(job.call.id)
                await store.end_undo(life.id, job.call.id, Undone(True, "It is back."), "undone")
                done.append(job.before.plan)
        assert done == ["c", "b", "a"]

    async def test_the_message_of_a_turn_is_drawn_again_with_what_becomes_of_undos(self, store: Store) -> None:
        life, turn = await self.turn(store)
        first, second = [await self.change(life, path) for path in "ab"]
        draft = await self.answered(life, turn)
        assert await self.tally(life, draft) == UndoTally(offered=2)
        await store.answer([await life.click(first, UNDO, kind=UNDO)])
        assert await self.tally(life, draft) == UndoTally(offered=1, undoing=1, by=(BOB,))
        job = await store.next_undo(life.id)
        assert job is not None
        await store.end_undo(life.id, job.call.id, Undone(False, "It has changed."), "")
        assert await self.tally(life, draft) == UndoTally(offered=1, refused=1, by=(BOB,), words=("It has changed.",))
        await store.answer([await life.click(second, UNDO, kind=UNDO)])
        job = await store.next_undo(life.id)
        assert job is not None
        await store.end_undo(life.id, job.call.id, Undone(True, "It is back."), "")
        assert await self.tally(life, draft) == UndoTally(undone=1, refused=1, by=(BOB,), words=("It has changed.",))

    async def test_it_is_drawn_again_once_the_time_for_it_is_over(self, store: Store) -> None:
        life, turn = await self.turn(store)
        for path in "ab":
            await self.change(life, path, until=DAY)
        draft = await self.answered(life, turn)
        await life.deliver()
        assert list(await store.expire()) == [life.id]
        assert await self.tally(life, draft) == UndoTally()

    async def test_a_part_without_a_ledger_is_not_drawn_again(self, store: Store) -> None:
        life, turn = await self.turn(store)
        asked = await self.change(life, "a")
        part = TurnMessage(turn, 1, ALICE, "T1", (Text("Done."),), "", End.ANSWERED)
        await life.commit("answer", messages=[("assistant", "{}")], drafts=[part.draft()], outcome="answered")
        await life.deliver()
        await store.answer([await life.click(asked, UNDO, kind=UNDO)])
        assert part.key not in [post.key for post in (await store.deliveries(life.id)).posts]
