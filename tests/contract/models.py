"""What every store does about the models of threads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.amendments import Amendment, AmendmentOutcome
from bot.core.inbox import CHOSEN_WITH, Admission, AuthorKind, Incoming
from bot.core.model_options import AskedModel, Choice, ChoiceMessage
from bot.core.ports.store import Store
from bot.core.thread_ref import ThreadRef
from tests.contract.backend import Backend, audited
from tests.lives import ALICE, BOB, Life, draft, waiting_for_a_person


def chooses(
    place: ThreadRef, ts: str, model: str | None, effort: str | None = "", *, user: str = ALICE, addressed: bool = True
) -> Incoming:
    """A message that does nothing but choose a model."""
    choice = ChoiceMessage(model, effort, draft("notice", f"model-{ts}"))
    return Incoming(place, f"event-{ts}", user, ts, "use it", (), addressed, choice=choice)


async def place_of(life: Life) -> ThreadRef:
    return (await life.state()).place


class ModelsContract:
    """The suite for `ThreadModels`, and for `Incoming.choice`."""

    async def test_a_message_chooses_the_model_of_its_thread_once(self, backend: Backend) -> None:
        async with backend.open() as store:
            life, _ = await waiting_for_a_person(store)
            said = chooses(await place_of(life), "9000000001.000001", "a/b", "high")
            assert await store.admit(said) == (Admission.CHOOSES, life.id)
            assert await store.admit(said) == (Admission.DUPLICATE, life.id)
            twin = replace(said, event_id="the app_mention of it")
            assert await store.admit(twin) == (Admission.DUPLICATE, life.id)
        async with backend.open() as store:
            assert (await store.thread_model(life.id)).choice == Choice("a/b", "high")
            owed = [post.key for post in (await store.deliveries(life.id)).posts]
            assert owed.count("model-9000000001.000001") == 1
            [message] = (await store.load(life.id)).unread
            assert (message.addressed, message.label) == (False, CHOSEN_WITH)
        assert [record for record in audited(backend) if record[0] == "model"] == [("model", ALICE)]

    async def test_it_begins_a_thread_and_wakes_nobody(self, store: Store) -> None:
        place = ThreadRef("T1", "C1", "9000000002.000001", "channel")
        admission, thread = await store.admit(chooses(place, place.thread_ts, "a/b"))
        assert admission is Admission.CHOOSES
        state = await store.load(thread)
        assert (state.turn, state.people) == (None, (ALICE,))
        for post in (await store.deliveries(thread)).posts:
            await store.posted(post.id, "9.1", 0)
        assert thread not in await store.waiting()

    async def test_what_is_left_out_stays_as_it_was(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        place = await place_of(life)
        for number, (model, effort, kept) in enumerate(
            [
                ("a/b", "low", Choice("a/b", "low")),
                (None, "high", Choice("a/b", "high")),
                ("c/d", None, Choice("c/d", "high")),
                (None, None, Choice("c/d", "high")),
                ("", "", Choice()),
            ]
        ):
            await store.admit(chooses(place, f"900000000{number}.000001", model, effort))
            assert (await store.thread_model(life.id)).choice == kept

    async def test_the_message_that_was_written_last_counts_in_whatever_order_they_come(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        place = await place_of(life)
        await store.admit(chooses(place, "9000000002.000001", "new"))
        late = chooses(place, "9000000001.000001", "old")
        assert (await store.admit(replace(late, late=True, missed=True)))[0] is Admission.CHOOSES
        assert (await store.thread_model(life.id)).choice == Choice("new")
        assert "model-9000000001.000001" not in [post.key for post in (await store.deliveries(life.id)).posts]

    @pytest.mark.parametrize(
        ("change", "chooses_it"),
        [
            ({"user": BOB}, False),
            ({"user": BOB, "addressed": True}, True),
            ({}, True),
            ({"to_others": True}, False),
            ({"earlier": True}, False),
            ({"author": AuthorKind.APP, "addressed": True}, False),
        ],
    )
    async def test_only_people_who_address_the_bot_choose(
        self, store: Store, change: dict[str, object], chooses_it: bool
    ) -> None:
        life, _ = await waiting_for_a_person(store)
        said = chooses(await place_of(life), "9000000001.000001", "a/b", addressed=False)
        admission, _ = await store.admit(replace(said, **change))  # pyright: ignore[reportArgumentType]
        assert (admission is Admission.CHOOSES) is chooses_it
        assert ((await store.thread_model(life.id)).choice == Choice("a/b")) is chooses_it

    async def test_it_never_becomes_a_request_by_an_edit(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        place = await place_of(life)
        said = chooses(place, "9000000001.000001", "a/b")
        await store.admit(said)
        wording = replace(said, text="use it and delete everything", version="9000000005.000001", choice=None)
        done, _ = await store.amend(Amendment(place, said.ts, "9000000005.000001", wording))
        assert done is not AmendmentOutcome.STARTS
        assert not any(message.addressed for message in (await life.state()).unread)

    async def test_what_was_asked_and_what_answered_instead_is_kept(self, backend: Backend) -> None:
        async with backend.open() as store:
            life = Life(store)
            await life.say()
            await life.read()
            turn = (await life.state()).turn
            assert turn is not None
            await life.commit("answer", asked=AskedModel("a/b", 7, "c/d"))
            await life.commit("answer", asked=AskedModel("e/f", 8))
        async with backend.open() as store:
            kept = await store.thread_model(life.id)
            assert (kept.asked, kept.since) == ("e/f", 8)
            found, record = await store.load(life.id), await store.turn_record(turn.id, 1)
            assert found.turn is not None
            assert record is not None
            assert (found.turn.fallback, record.fallback) == ("c/d", "c/d")
