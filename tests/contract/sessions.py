"""What every store does about agent sessions and Slack's own Stop."""

from __future__ import annotations

import pytest

from bot.core.amendments import Amendment
from bot.core.calls import CallState
from bot.core.inbox import WITHDRAWN, Admission, Incoming
from bot.core.ports.store import Store
from bot.core.sessions import StopVerdict, is_at_work
from bot.core.transaction import Change
from bot.errors import ChangedError
from tests.contract.backend import Backend, audited
from tests.lives import ALICE, BOB, Life, waiting_for_a_person

LATER = "9999999999.000001"
CAROL = "UCAROL"


async def stop(life: Life, user: str, *, may_stop: bool = False, at: str = LATER) -> StopVerdict:
    """Somebody presses Slack's own Stop."""
    place = (await life.state()).place
    return (await life.store.stop_in(place, user, at, may_stop=may_stop)).verdict


class SessionContract:
    """The suite for `SessionStore`."""

    async def test_what_ends_or_suspends_the_work_is_noted_until_slack_shows_it(self, backend: Backend) -> None:
        async with backend.open() as store:
            assert list(await store.follow_sessions(True)) == []
            asking, _ = await waiting_for_a_person(store)
            ended = Life(store)
            await ended.say()
            await ended.read()
            await ended.commit("answer", outcome="answered")
            working = Life(store)
            await working.say()
            await working.read()
        async with backend.open() as store:
            assert list(await store.follow_sessions(True)) == [asking.id, ended.id]
            await store.session_shown(asking.id)
            await store.session_shown(asking.id)
        async with backend.open() as store:
            assert list(await store.follow_sessions(True)) == [ended.id]

    async def test_without_sessions_nothing_is_noted_and_what_was_is_forgotten(self, backend: Backend) -> None:
        async with backend.open() as store:
            await store.follow_sessions(True)
            await waiting_for_a_person(store)
            assert list(await store.follow_sessions(False)) == []
            await waiting_for_a_person(store)
        async with backend.open() as store:
            assert list(await store.follow_sessions(True)) == []

    async def test_a_note_is_no_message_and_nothing_to_do(self, store: Store) -> None:
        await store.follow_sessions(True)
        life, _ = await waiting_for_a_person(store)
        assert list((await store.deliveries(life.id)).posts) == []
        assert list(await store.waiting()) == []

    async def test_the_requester_stops_the_open_turn_once(self, store: Store, backend: Backend) -> None:
        life, [approval] = await waiting_for_a_person(store)
        assert await stop(life, ALICE) is StopVerdict.STOPPED
        state = await life.state()
        assert state.turn is not None
        assert state.turn.stopped_by == ALICE
        found = await store.find_question(approval.id)
        assert found is not None
        assert found.decision == "stopped"
        assert await stop(life, ALICE) is StopVerdict.NOTHING
        assert [kind for kind, _ in audited(backend)].count("stopped") == 1

    async def test_others_stop_it_only_if_they_may(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        assert await stop(life, BOB) is StopVerdict.NOT_THEIRS
        turn = (await life.state()).turn
        assert turn is not None
        assert turn.stopped_by == ""
        assert await stop(life, BOB, may_stop=True) is StopVerdict.STOPPED

    async def test_what_began_after_it_was_pressed_or_has_ended_is_not_stopped(self, store: Store) -> None:
        life, _ = await waiting_for_a_person(store)
        assert await stop(life, ALICE, at="1.000001") is StopVerdict.NOTHING
        ended = Life(store)
        await ended.say()
        await ended.read()
        await ended.commit("answer", outcome="answered")
        assert await stop(ended, ALICE) is StopVerdict.NOTHING
        assert await stop(ended, BOB) is StopVerdict.NOTHING

    async def test_before_the_turn_has_opened_it_is_opened_as_a_stopped_one(
        self, store: Store, backend: Backend
    ) -> None:
        life = Life(store)
        await life.say()
        assert is_at_work(await life.state())
        assert await stop(life, BOB) is StopVerdict.NOT_THEIRS
        assert await stop(life, ALICE) is StopVerdict.STOPPED
        state = await life.state()
        [message] = state.unread
        assert (message.addressed, message.label) == (False, WITHDRAWN)
        assert state.turn is not None
        assert (state.turn.requester, state.turn.stopped_by) == (ALICE, ALICE)
        assert await stop(life, ALICE) is StopVerdict.NOTHING
        assert [kind for kind, _ in audited(backend)] == ["stopped"]
        await life.commit("stop the turn", outcome="stopped")
        assert not is_at_work(await life.state())
        assert await stop(life, ALICE) is StopVerdict.NOTHING

    @pytest.mark.parametrize("is_open", [False, True])
    @pytest.mark.parametrize("by_word", [False, True])
    async def test_what_an_approver_stops_withdraws_what_its_requester_had_written(
        self, store: Store, *, by_word: bool, is_open: bool
    ) -> None:
        life = (await waiting_for_a_person(store))[0] if is_open else Life(store)
        await life.say()
        await life.say(CAROL)
        place = (await life.state()).place
        if by_word:
            word = Incoming(place, "stop", BOB, LATER, "stop", (), True, stop=True, may_stop=True)
            assert (await store.admit(word))[0] is Admission.STOPS
        else:
            assert await stop(life, BOB, may_stop=True) is StopVerdict.STOPPED
        state = await life.state()
        assert state.turn is not None
        assert (state.turn.requester, state.turn.stopped_by) == (ALICE, BOB)
        unread = {(message.user, message.addressed): message.label for message in state.unread if message.user != BOB}
        assert unread.items() >= {(ALICE, False): WITHDRAWN, (CAROL, True): ""}.items()

    async def test_what_was_withdrawn_while_it_was_being_read_opens_no_turn(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.say()
        state = await life.state()
        assert await stop(life, ALICE) is StopVerdict.STOPPED
        read = [(place, message.id) for place, message in enumerate(state.unread)]
        with pytest.raises(ChangedError):
            await store.commit(
                state, Change("read the inbox", requester=ALICE, messages=[("user", "{}")] * len(read), read=read)
            )
        turn = (await life.state()).turn
        assert turn is not None
        assert turn.stopped_by == ALICE

    async def test_a_deleted_request_is_noted_too(self, backend: Backend) -> None:
        async with backend.open() as store:
            await store.follow_sessions(True)
            life, _ = await waiting_for_a_person(store, CallState.AWAITING)
            await store.session_shown(life.id)
            place = (await life.state()).place
            await store.amend(Amendment(place, life.first_ts, LATER, None))
        async with backend.open() as store:
            assert list(await store.follow_sessions(True)) == [life.id]
