"""What every store does about a stop while the request of a turn is still unread: it was opened to read files, or is
not open yet."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.core.amendments import AmendmentOutcome
from bot.core.inbox import WITHDRAWN, Admission, AuthorKind, Incoming
from bot.core.ports.store import Store
from bot.core.sessions import StopVerdict
from bot.core.transaction import Change
from tests.contract.amendments import PLACE, QUESTION, edit, stopped_by, unread
from tests.lives import ALICE, BOB

APP = "B0APP"
OF_APP = replace(QUESTION, event_id="of app", user=APP, author=AuthorKind.APP, label="CI")
OF_WORKFLOW = replace(OF_APP, author=AuthorKind.WORKFLOW)
REQUESTS = (QUESTION, OF_APP, OF_WORKFLOW)
LATER = "9999999999.000001"


async def unbegun(store: Store, request: Incoming) -> tuple[int, int]:
    """A turn is opened to read the files of a request. Out: thread and turn."""
    _, thread = await store.admit(request)
    state = await store.load(thread)
    await store.commit(state, Change("open the turn", requester=request.user))
    assert state.unbegun
    assert state.turn is not None
    return thread, state.turn.id


async def requests(store: Store, thread: int) -> Sequence[str]:
    """The timestamps of what would open the next turn."""
    return [each.ts for each in await unread(store, thread) if each.addressed]


def word(ts: str, user: str = ALICE, *, may_stop: bool = False) -> Incoming:
    return Incoming(PLACE, f"stop {ts}", user, ts, "stop", (), addressed=True, stop=True, may_stop=may_stop)


class StoppingContract:
    """The suite for stopping what is unread."""

    @pytest.mark.parametrize("how", ["menu", "slack", "word"])
    @pytest.mark.parametrize("request_", REQUESTS, ids=["person", "app", "workflow"])
    async def test_a_stop_while_files_are_read_withdraws_the_request_whoever_wrote_it(
        self, store: Store, request_: Incoming, how: str
    ) -> None:
        thread, turn = await unbegun(store, request_)
        if how == "menu":
            assert await store.stop(turn, BOB, others=True) == thread
        elif how == "slack":
            stopped = await store.stop_in(PLACE, BOB, LATER, may_stop=True)
            assert (stopped.verdict, stopped.turn) == (StopVerdict.STOPPED, turn)
        else:
            assert (await store.admit(word(LATER, BOB, may_stop=True)))[0] is Admission.STOPS
        assert (await stopped_by(store, thread), await requests(store, thread)) == (BOB, [])

    @pytest.mark.parametrize("by_word", [False, True])
    async def test_what_an_app_has_asked_for_is_stopped_before_its_turn_opens(
        self, store: Store, *, by_word: bool
    ) -> None:
        _, thread = await store.admit(OF_APP)
        if by_word:
            assert (await store.admit(word(LATER, BOB, may_stop=True)))[0] is Admission.STOPS
        else:
            assert (await store.stop_in(PLACE, BOB, LATER, may_stop=False)).verdict is StopVerdict.NOT_THEIRS
            assert (await store.stop_in(PLACE, BOB, LATER, may_stop=True)).verdict is StopVerdict.STOPPED
        state = await store.load(thread)
        assert state.turn is not None
        assert (state.turn.requester, state.turn.stopped_by, await requests(store, thread)) == (APP, BOB, [])

    async def test_what_was_stopped_of_an_app_keeps_its_name_and_is_no_request_when_it_comes_again_or_is_edited(
        self, store: Store
    ) -> None:
        thread, turn = await unbegun(store, OF_APP)
        await store.stop(turn, BOB, others=True)
        assert (await store.admit(replace(OF_APP, event_id="twin")))[0] is Admission.DUPLICATE
        for change in (edit(OF_APP, "@Bob look", 10, addressed=False, to_others=True), edit(OF_APP, "do it", 20)):
            assert (await store.amend(change))[0] is AmendmentOutcome.UPDATED
        [left] = [each for each in await unread(store, thread) if each.user]
        assert (left.addressed, left.label, left.text) == (False, "CI", "do it")

    async def test_a_stop_does_not_depend_on_the_clocks_of_slack_and_the_host_being_the_same(
        self, store: Store
    ) -> None:
        thread, turn = await unbegun(store, replace(QUESTION, ts=f"{time.time() + 60:.6f}"))
        await store.stop(turn, ALICE)
        assert (await stopped_by(store, thread), await requests(store, thread)) == (ALICE, [])

    async def test_the_model_reads_of_a_stop_before_what_was_written_after_it(self, store: Store) -> None:
        _, thread = await store.admit(QUESTION)
        state = await store.load(thread)
        read = [(0, each.id) for each in state.unread]
        await store.commit(state, Change("read", requester=ALICE, messages=[("user", "{}")], read=read))
        at = "1500000000.000100"
        assert (await store.stop_in(PLACE, ALICE, at, may_stop=True)).verdict is StopVerdict.STOPPED
        await store.admit(replace(QUESTION, event_id="next", ts="1500000001.000100", text="now do this"))
        assert [each.user for each in await unread(store, thread)] == ["", ALICE], "whatever our clock says"

    async def test_a_stop_while_files_are_read_leaves_what_others_have_asked_for(self, store: Store) -> None:
        other = replace(QUESTION, event_id="other", ts="1010.000001", user=BOB)
        thread, turn = await unbegun(store, QUESTION)
        await store.admit(other)
        await store.stop(turn, ALICE)
        assert await requests(store, thread) == [other.ts]

    @pytest.mark.parametrize("by_word", [False, True])
    async def test_a_stop_that_is_older_than_the_request_whose_files_are_read_stops_nothing(
        self, store: Store, *, by_word: bool
    ) -> None:
        request = replace(QUESTION, ts="2000.000001")
        thread, _ = await unbegun(store, request)
        if by_word:
            assert (await store.admit(word("1999.000001")))[0] is not Admission.STOPS
        else:
            assert (await store.stop_in(PLACE, ALICE, "1999.000001", may_stop=True)).verdict is StopVerdict.NOTHING
        assert await stopped_by(store, thread) == ""
        assert request.ts in await requests(store, thread)

    async def test_a_stop_that_comes_late_stops_what_was_asked_before_and_no_more(self, store: Store) -> None:
        first, second = replace(QUESTION, ts="1998.000001"), replace(QUESTION, event_id="second", ts="2000.000001")
        thread, _ = await unbegun(store, first)
        await store.admit(second)
        assert (await store.admit(word("1999.000001")))[0] is Admission.STOPS
        assert await stopped_by(store, thread) == ALICE
        left = {each.ts: (each.addressed, each.label) for each in await unread(store, thread)}
        assert (left[first.ts], left[second.ts]) == ((False, WITHDRAWN), (True, ""))
