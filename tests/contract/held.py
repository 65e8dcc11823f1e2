"""What every store does with a held message while what came after it is edited, deleted, answered or stopped."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field, replace

import pytest

from bot.core.amendments import Amendment, AmendmentOutcome
from bot.core.inbox import Admission, Incoming
from bot.core.outages import HeldMessages, group_offers
from bot.core.ports.store import Store
from bot.core.posts import PostState
from bot.core.questions import missed
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Card, Question
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Change
from tests.contract.amendments import PLACE, QUESTION, delete, edit, stopped_by
from tests.contract.outages import offered
from tests.contract.taken_back import LATE, MORE, decision
from tests.lives import ALICE, BOB, draft

AGAIN = replace(QUESTION, event_id="again", ts="1100.000001", text="and now?")
OF_BOB = replace(QUESTION, event_id="of bob", ts="1050.000001", user=BOB)
LATE_OF_BOB = replace(LATE, event_id="late of bob", ts="1040.000001", user=BOB)
SEQUENCES, STEPS = range(25, 55), 18


async def read(store: Store, thread: int) -> None:
    """What is unread goes into the log, as the agent does it."""
    state = await store.load(thread)
    asked = [each.user for each in state.unread if each.addressed]
    if state.turn is None and not asked:
        return
    change = Change(
        "read the inbox",
        requester="" if state.turn else asked[0],
        messages=[("user", "{}") for _ in state.unread],
        read=[(place, each.id) for place, each in enumerate(state.unread)],
        speakers=frozenset(asked),
    )
    await store.commit(state, change)


async def answer(store: Store, thread: int, *, post: bool = True) -> None:
    """The open turn ends."""
    state = await store.load(thread)
    assert state.turn is not None
    drafts = [] if state.turn.stopped_by else [draft("answer")]
    await store.commit(state, Change("answer", messages=[("assistant", "{}")], drafts=drafts, outcome="answered"))
    if post:
        await deliver(store, thread)


async def deliver(store: Store, thread: int) -> None:
    for each in (await store.deliveries(thread)).posts:
        if each.state is PostState.OWED:
            await store.posted(each.id, f"9.{each.id:06}", each.revision)
        elif each.shown != each.revision:
            await store.shown(each.id, each.revision)


async def asked(store: Store) -> list[tuple[int, tuple[str, ...]]]:
    """Whom the store wants to be asked about what."""
    return [(each.thread_id, each.people) for each in await store.held()]


class HeldContract:
    async def test_what_is_held_is_offered_once_the_message_after_it_was_deleted_unread(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(AGAIN)
        assert await asked(store) == [], "what she wrote again is read first"
        assert (await store.amend(delete(AGAIN)))[0] is AmendmentOutcome.REMOVED
        assert await asked(store) == [(thread, (ALICE,))]

    async def test_what_is_held_is_offered_once_the_message_after_it_is_no_longer_a_request(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(AGAIN)
        await store.amend(edit(AGAIN, "@Bob look", addressed=False, to_others=True))
        assert await asked(store) == [(thread, (ALICE,))]

    async def test_a_question_outlives_a_later_message_that_is_deleted_unread(self, store: Store) -> None:
        await store.admit(LATE)
        await store.admit(MORE)
        question = await offered(store)
        await store.admit(AGAIN)
        await store.amend(delete(MORE))
        await store.amend(delete(AGAIN))
        assert await decision(store, question) == "awaiting"
        await store.amend(delete(LATE))
        assert await decision(store, question) == missed.TAKEN_BACK

    @pytest.mark.parametrize(("word", "stops"), [("1500000099.000100", False), ("1500000101.000100", True)])
    async def test_what_a_click_asks_for_is_stopped_by_what_was_written_later_whatever_our_clock_says(
        self, store: Store, *, word: str, stops: bool
    ) -> None:
        _, thread = await store.admit(LATE)
        question = await store.find_question(await offered(store))
        assert question is not None
        click = Click(
            question.id, question.digest, missed.ANSWER, ALICE, "T1", question.channel, question.message_ts, True
        )
        await store.answer([replace(click, at="1500000100.000200")])
        stop = replace(QUESTION, event_id="stop", ts=word, stop=True)
        assert ((await store.admit(stop))[0] is Admission.STOPS) is stops
        left = {each.text: each.addressed for each in (await store.load(thread)).unread}
        assert left[missed.REQUEST] is not stops

    async def test_an_offer_to_one_leaves_what_is_held_of_another_who_has_written_again(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(LATE_OF_BOB)
        await store.admit(OF_BOB)
        question = await offered(store)
        found = await store.find_question(question)
        assert found is not None
        assert found.people == (ALICE,)
        await store.amend(delete(OF_BOB))
        assert await asked(store) == [(thread, (BOB,))]

    async def test_what_is_recorded_while_an_offer_is_made_gets_its_own(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        [found] = await store.held()
        await store.admit(LATE_OF_BOB)
        question = missed.question(thread, found.ts, [thread], found.people, time.time())
        await store.offer(Card([question], [draft("card", question.id)]), [thread])
        assert await asked(store) == [(thread, (BOB,))]

    async def test_what_is_recorded_while_a_later_message_is_read_is_offered(self, store: Store) -> None:
        _, thread = await store.admit(AGAIN)
        await store.admit(LATE)
        state = await store.load(thread)
        await store.admit(MORE)
        unread = [(place, each.id) for place, each in enumerate(state.unread)]
        messages = [("user", "{}") for _ in unread]
        change = Change("read", requester=ALICE, messages=messages, read=unread, speakers=frozenset({ALICE}))
        await store.commit(state, change)
        [held] = await store.held()
        assert (held.people, held.ts) == ((ALICE,), MORE.ts)

    async def test_what_is_held_is_offered_once_the_turn_that_would_answer_it_is_stopped_by_a_deletion(
        self, store: Store
    ) -> None:
        _, thread = await store.admit(LATE)
        first = await offered(store)
        await store.admit(AGAIN)
        await read(store, thread)
        assert (await decision(store, first), await asked(store)) == (missed.TAKEN_UP, [])
        assert (await store.amend(delete(AGAIN)))[0] is AmendmentOutcome.STOPPED
        assert await asked(store) == [(thread, (ALICE,))]
        second = await offered(store)
        assert second not in ("", first)

    async def test_what_is_held_is_offered_once_the_answer_to_it_is_withdrawn(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(AGAIN)
        await read(store, thread)
        await answer(store, thread, post=False)
        assert await asked(store) == []
        await store.amend(delete(AGAIN))
        assert await asked(store) == [(thread, (ALICE,))]

    async def test_what_was_answered_is_not_offered_when_the_message_after_it_goes(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(AGAIN)
        await read(store, thread)
        await answer(store, thread)
        await store.amend(delete(AGAIN))
        more = replace(AGAIN, event_id="more", ts="1200.000001")
        await store.admit(more)
        await read(store, thread)
        await store.amend(delete(more))
        assert await stopped_by(store, thread)
        assert await asked(store) == []

    @pytest.mark.parametrize("how", ["deleted", "stopped", "stopped unread"])
    async def test_what_was_answered_is_not_offered_when_all_that_came_after_it_goes(
        self, store: Store, how: str
    ) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(AGAIN)
        await read(store, thread)
        await answer(store, thread)
        more = replace(AGAIN, event_id="more", ts="1200.000001")
        await store.admit(more)
        if how == "stopped unread":
            word = replace(AGAIN, event_id="stop", ts="1300.000001", text="stop", stop=True)
            assert (await store.admit(word))[0] is Admission.STOPS
        else:
            await read(store, thread)
        if how == "stopped":
            turn = (await store.load(thread)).turn
            await store.stop(turn.id if turn else 0, ALICE)
        await store.amend(delete(AGAIN))
        await store.amend(delete(more))
        assert await asked(store) == []

    async def test_what_a_failed_turn_took_up_is_offered_when_all_that_came_after_it_goes(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(AGAIN)
        await read(store, thread)
        await store.commit(await store.load(thread), Change("give up", outcome="failed"))
        more = replace(AGAIN, event_id="more", ts="1200.000001")
        await store.admit(more)
        await read(store, thread)
        await store.amend(delete(AGAIN))
        await store.amend(delete(more))
        assert await asked(store) == [(thread, (ALICE,))]

    async def test_a_question_about_several_threads_stays_for_those_whose_author_did_not_write_again(
        self, store: Store
    ) -> None:
        other = replace(LATE, event_id="other", ts="1300.000001", place=replace(PLACE, thread_ts="1300.000001"))
        [(_, first), (_, second)] = [await store.admit(each) for each in (LATE, other)]
        question = missed.question(second, other.ts, [first, second], [ALICE], time.time())
        await store.offer(Card([question], [draft("card", question.id)]), [first, second])
        await store.admit(replace(other, event_id="other again", ts="1400.000001", missed=False, late=False))
        await read(store, second)
        assert await decision(store, question.id) == "awaiting"
        await store.admit(AGAIN)
        await read(store, first)
        assert await decision(store, question.id) == missed.TAKEN_UP

    async def test_nobody_is_asked_about_what_was_deleted_after_others_had_it_read(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(OF_BOB)
        await read(store, thread)
        await store.amend(delete(LATE))
        assert await asked(store) == []

    async def test_nobody_is_asked_about_a_thread_that_is_gone(self, store: Store) -> None:
        _, thread = await store.admit(LATE)
        await store.admit(OF_BOB)
        await read(store, thread)
        await store.close_thread(thread, "9000000000.000001")
        assert await asked(store) == []

    async def test_however_messages_come_and_go_each_is_answered_or_offered(self, store: Store) -> None:
        for seed in SEQUENCES:
            story = Story(store, random.Random(seed), seed)
            for _ in range(STEPS):
                await story.step()
            await story.end()


@dataclass(eq=False)
class Said:
    """A message to the bot, and what became of it."""

    incoming: Incoming
    thread: int
    held: bool
    is_read: bool = False
    over: str = ""
    """Why it needs no answer any more; empty while it does."""
    stopped: bool = False


@dataclass
class Talk:
    """A turn: whose requests it answers."""

    requests: list[Said] = field(default_factory=list[Said])
    clickers: set[str] = field(default_factory=set[str])
    covers: list[Said] = field(default_factory=list[Said])
    """What was held, and read with one of its requests or before it."""
    answers: list[Said] = field(default_factory=list[Said])
    is_open: bool = True

    def speakers(self) -> set[str]:
        left = {each.incoming.user for each in self.requests if each.over not in ("deleted", "edited")}
        return left | self.clickers


class Story:
    """Two people write in two threads of one conversation, in a random order, and the bot reads and answers."""

    def __init__(self, store: Store, chance: random.Random, number: int) -> None:
        self._store, self._chance, self._number = store, chance, number
        kind = "im" if number % 3 == 0 else "channel"
        roots = [f"{2000 + 10 * number + each}.000001" for each in range(2)]
        self._places = [ThreadRef("T1", f"C{number}", root, kind) for root in roots]
        self._said: list[Said] = []
        self._turns: dict[int, Talk] = {}
        self._count = 0
        self._log: list[str] = []

    async def step(self) -> None:
        does = {self._say: 5, self._read: 4, self._answer: 2, self._delete: 4, self._edit: 2, self._stop: 1}
        does |= {self._offer: 4, self._press: 1}
        [what] = self._chance.choices([*does], [*does.values()])
        self._log.append(what.__name__)
        await what()

    async def end(self) -> None:
        """Everybody waits until the bot has done what it does, and wants every offer."""
        for _ in range(8):
            for thread in self._threads():
                await self._read(thread)
                await self._answer(thread, post=True)
            await self._offer()
            while await self._press():
                pass
        lost = [each.incoming for each in self._said if not each.over]
        assert not lost, (self._number, self._log, lost)

    def _threads(self) -> list[int]:
        return sorted({each.thread for each in self._said})

    def _any(self) -> int:
        return self._chance.choice(self._threads() or [0])

    async def _say(self) -> None:
        self._count += 1
        place = self._chance.choice(self._places)
        late = self._chance.random() < 0.5
        ts = f"{float(place.thread_ts) + self._chance.randrange(9000):.0f}.{self._count:06}"
        user = self._chance.choice((ALICE, BOB))
        said = Incoming(place, f"{self._number}-{self._count}", user, ts, "hi", (), addressed=True)
        admission, thread = await self._store.admit(replace(said, missed=late, late=late))
        assert admission is (Admission.HELD if late else Admission.STARTS)
        self._said.append(Said(said, thread, late))

    async def _read(self, thread: int = 0) -> None:
        thread = thread or self._any()
        if not thread:
            return
        state = await self._store.load(thread)
        if state.turn is None and not any(each.addressed for each in state.unread):
            return
        if state.turn is None:
            self._turns[thread] = Talk()
        if state.turn is not None and state.turn.stopped_by:
            return
        for each in state.unread:
            found = [said for said in self._said if (said.thread, said.incoming.ts) == (thread, each.ts)]
            for said in found:
                said.is_read = True
                self._turns[thread].requests += [said] if each.addressed else []
            if each.addressed and not found:
                self._turns[thread].clickers.add(each.user)
        speakers = {each.user for each in state.unread if each.addressed}
        known = [each for each in self._said if each.thread == thread and each.held and each.is_read and not each.over]
        self._turns[thread].covers += [each for each in known if each.incoming.user in speakers]
        await read(self._store, thread)

    async def _answer(self, thread: int = 0, *, post: bool | None = None) -> None:
        thread = thread or self._any()
        state = await self._store.load(thread) if thread else None
        if state is None or state.turn is None:
            if thread and post:
                await self._posted(thread)
            return
        talk = self._turns.setdefault(thread, Talk())  # a stop word opens a turn that is stopped
        if not state.turn.stopped_by:
            speakers, read_ = talk.speakers(), [*talk.requests, *talk.covers]
            talk.answers = [each for each in read_ if not each.over and each.incoming.user in speakers]
            for each in talk.answers:
                each.over = "answered"
        talk.is_open = False
        await answer(self._store, thread, post=False)
        if post or (post is None and self._chance.random() < 0.7):
            await self._posted(thread)

    async def _posted(self, thread: int) -> None:
        await deliver(self._store, thread)
        if thread in self._turns and not self._turns[thread].is_open:
            self._turns[thread].answers = []

    async def _delete(self) -> None:
        there = [each for each in self._said if each.over != "deleted"]
        if not there:
            return
        said = self._chance.choice(there)
        at = f"{float(said.incoming.ts) + 20000:.6f}"
        await self._store.amend(Amendment(said.incoming.place, said.incoming.ts, at, None))
        said.over = "deleted"
        talk = self._turns.get(said.thread)
        if talk is not None and not talk.is_open and said in talk.requests and not talk.speakers():
            for each in talk.answers:  # not posted yet, and now never
                each.over = "" if each.over == "answered" else each.over
            talk.answers = []

    async def _edit(self) -> None:
        there = [each for each in self._said if not each.over and not each.is_read]
        if not there:
            return
        said = self._chance.choice(there)
        at = f"{float(said.incoming.ts) + 10000:.6f}"
        now = replace(said.incoming, event_id="", text="look", addressed=False, to_others=True, version=f"{at} {at}")
        await self._store.amend(Amendment(said.incoming.place, said.incoming.ts, at, now))
        said.over = "edited"

    async def _stop(self) -> None:
        place, user = self._chance.choice(self._places), self._chance.choice((ALICE, BOB))
        self._count += 1
        ts = f"{float(place.thread_ts) + 9500:.0f}.{self._count:06}"
        word = Incoming(place, f"stop-{self._number}-{self._count}", user, ts, "stop", (), addressed=True, stop=True)
        admission, thread = await self._store.admit(word)
        if admission is not Admission.STOPS:
            self._said.append(Said(word, thread, held=False))
            return
        for each in self._said:
            # What others wrote is stopped with a turn that both take part in.
            talk = self._turns.get(thread)
            together = talk is not None and talk.is_open and each.is_read
            if each.thread == thread and (each.incoming.user == user or together):
                each.over, each.stopped = each.over or "stopped", True

    async def _offer(self) -> None:
        for held, threads in group_offers([each for each in await self._store.held() if self._is_here(each)]):
            for who in held.people:
                about = [
                    each
                    for each in self._said
                    if each.thread in threads
                    and each.incoming.user == who
                    and each.held
                    and (not each.over or each.stopped)
                ]
                assert about, (self._number, self._log, "asked about what is over")
            question = missed.question(held.thread_id, held.ts, threads, held.people, time.time())
            await self._store.offer(Card([question], [draft("card", question.id)]), threads)
            await deliver(self._store, held.thread_id)

    def _is_here(self, held: HeldMessages) -> bool:
        return held.place.channel == f"C{self._number}"

    async def _press(self) -> bool:
        """Somebody answers a question. Out: whether there was one."""
        for user in self._chance.sample((ALICE, BOB), 2):
            for each in (await self._store.waiting_for(user, (), 50)).questions:
                question = each.question
                if question.kind == missed.MISSED and question.channel == f"C{self._number}":
                    await self._pressed(question, user)
                    return True
        return False

    async def _pressed(self, question: Question, user: str) -> None:
        await deliver(self._store, question.thread_id)
        found = await self._store.find_question(question.id)
        assert found is not None
        click = Click(found.id, found.digest, missed.ANSWER, user, "T1", found.channel, found.message_ts, True)
        [settlement] = await self._store.answer([click])
        assert settlement.verdict is Verdict.SETTLED
        threads = missed.AnswerMissed().threads(found)
        for each in self._said:
            if each.held and each.thread in threads and each.incoming.user in found.people:
                each.over = each.over or "wanted"
