"""Sign-ins of people: a call waits for one question, which is answered once, and tokens are replaced only as read."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace

from bot.core.calls import CallOutcome, CallState
from bot.core.identity import OpenSignIn
from bot.core.ports.store import Store
from bot.core.posts import Draft
from bot.core.questions import sign_in
from bot.core.questions.click import Click, Verdict
from bot.core.questions.question import Card
from bot.core.sign_in_wait import SignInWait
from bot.core.transaction import Change
from tests.contract.backend import Backend
from tests.lives import ALICE, BOB, CHANNEL, TEAM, Life

ASKED = sign_in.Asked("notes", "sign.example", "https://sign.example/a", "state-1", paste=True)


async def waiting(store: Store, state: str = "state-1") -> tuple[Life, str]:
    """A thread with a call that waits for a sign-in of Alice. Out: the thread and the question."""
    life = Life(store)
    await life.say()
    await life.read()
    return life, await wait(life, state)


async def wait(life: Life, mark: str = "state-1") -> str:
    """Have another call of a thread wait. Out: the question that it would ask."""
    await life.call(CallState.READY)
    stands = await life.state()
    call = stands.calls[-1]
    number = f"sign-in-{uuid.uuid4().hex}"
    about = replace(ASKED, state=mark)
    asked = sign_in.question(number, about, (life.id, CHANNEL), ALICE, time.time() + 60)
    card = Card([asked], [Draft(number, "card", "{}")])
    call.state = CallState.AWAITING
    change = Change("wait", calls=[call])
    change.sign_in = SignInWait(
        call, ALICE, "notes", card, mark, b"sealed", [Draft(f"joined-{number}", "notice", "{}")]
    )
    await life.store.commit(stands, change)
    return number


async def sign_in_of(store: Store, question: str) -> OpenSignIn:
    found = await store.sign_in_of(question)
    assert found is not None
    return found


async def click(store: Store, question: str, user: str) -> Verdict:
    found = await store.find_question(question)
    assert found is not None
    made_by = Click(question, found.digest, sign_in.DECLINED, user, TEAM, CHANNEL, found.message_ts, True)
    [settlement] = await store.answer([made_by])
    return settlement.verdict


class IdentitiesContract:
    """Part of the contract suite."""

    async def test_a_call_waits_for_a_sign_in_and_may_run_after_it(self, store: Store) -> None:
        life, question = await waiting(store)
        [call] = (await life.state()).calls
        assert (call.state, call.asked) == (CallState.AWAITING, True)
        asked = await sign_in_of(store, question)
        assert await store.sign_in_by_state("state-1") == asked
        assert await store.open_sign_in(ALICE, "notes") == asked
        assert await store.open_sign_in(BOB, "notes") is None
        assert await store.finish_sign_in(asked, "issuer", b"tokens") == [life.id]
        [call] = (await life.state()).calls
        assert (call.state, call.asked) == (CallState.READY, False)
        kept = await store.signed_in(ALICE, "notes")
        assert kept is not None
        assert (kept.issuer, kept.sealed, kept.version) == ("issuer", b"tokens", 0)
        assert await store.signed_in(BOB, "notes") is None
        assert await store.open_sign_in(ALICE, "notes") is None
        assert await store.finish_sign_in(asked, "issuer", b"others") is None
        assert life.id in await store.waiting()

    async def test_a_thread_that_waits_for_a_sign_in_has_nothing_to_do(self, store: Store) -> None:
        life, _ = await waiting(store)
        await life.deliver()
        assert life.id not in await store.waiting()

    async def test_calls_of_one_person_share_a_question(self, store: Store) -> None:
        first, question = await waiting(store)
        second, other = await waiting(store)
        assert await store.find_question(other) is None
        asked = await sign_in_of(store, question)
        woken = await store.finish_sign_in(asked, "issuer", b"tokens")
        assert sorted(woken or ()) == sorted([first.id, second.id])
        states = [call.state for life in (first, second) for call in (await life.state()).calls]
        assert states == [CallState.READY] * 2

    async def test_a_code_is_taken_once_and_only_for_the_link_that_it_is_for(self, store: Store) -> None:
        _, question = await waiting(store)
        asked = await sign_in_of(store, question)
        assert not await store.receive_code(replace(asked, state="another"), b"code")
        assert await store.receive_code(asked, b"code")
        assert not await store.receive_code(asked, b"another code")
        assert [each.code for each in await store.received_codes()] == [b"code"]
        again = replace(ASKED, state="state-2", problem="Once more.")
        assert await store.renew_sign_in(asked, again, b"sealed again")
        assert not await store.renew_sign_in(asked, again, b"sealed again")
        assert await store.received_codes() == []
        assert await store.finish_sign_in(asked, "issuer", b"tokens") is None
        renewed = await sign_in_of(store, question)
        assert (renewed.state, renewed.sealed, renewed.code) == ("state-2", b"sealed again", b"")
        found = await store.find_question(question)
        assert found is not None
        assert sign_in.asked(found).problem == "Once more."

    async def test_declining_ends_the_call(self, store: Store) -> None:
        life, question = await waiting(store)
        asked = await sign_in_of(store, question)
        assert await click(store, question, BOB) is Verdict.NOT_YOURS
        assert await click(store, question, ALICE) is Verdict.SETTLED
        [call] = (await life.state()).calls
        assert (call.state, call.outcome) == (CallState.FINISHED, CallOutcome.REFUSED)
        assert "chose not to sign in" in call.result
        assert not await store.receive_code(asked, b"code")
        assert await store.finish_sign_in(asked, "issuer", b"tokens") is None
        assert await store.signed_in(ALICE, "notes") is None

    async def test_a_stop_ends_the_question_with_the_last_call_that_waits(self, store: Store) -> None:
        first, question = await waiting(store)
        second, _ = await waiting(store)
        for life, decision in ((first, "awaiting"), (second, "stopped")):
            turn = (await life.state()).turn
            assert turn is not None
            assert await store.stop(turn.id, ALICE) == life.id
            found = await store.find_question(question)
            assert found is not None
            assert found.decision == decision
            assert [call.outcome for call in (await life.state()).calls] == [CallOutcome.STOPPED]
        assert await store.open_sign_in(ALICE, "notes") is None

    async def test_how_often_a_call_has_waited_is_known(self, store: Store) -> None:
        life, question = await waiting(store)
        [call] = (await life.state()).calls
        assert await store.times_asked(call.id) == 1
        await store.finish_sign_in(await sign_in_of(store, question), "issuer", b"tokens")
        assert await store.times_asked(call.id) == 1

    async def test_tokens_are_replaced_only_as_they_were_read(self, store: Store) -> None:
        _, question = await waiting(store)
        await store.finish_sign_in(await sign_in_of(store, question), "issuer", b"tokens")
        kept = await store.signed_in(ALICE, "notes")
        assert kept is not None
        fresh = await store.refreshed(kept, b"fresh")
        assert fresh is not None
        assert (fresh.sealed, fresh.version) == (b"fresh", 1)
        assert await store.refreshed(kept, b"late") is None
        assert await store.sign_ins_of(ALICE) == [fresh]
        assert await store.end_sign_in(kept) == replace(fresh, ended=True), "with the tokens that it has now"
        assert await store.end_sign_in(fresh) is None
        assert await store.refreshed(fresh, b"too late") is None
        assert await store.sign_ins_of(ALICE) == []
        assert [each.id for each in await store.ended_sign_ins()] == [kept.id]
        await store.forget_sign_in(kept.id)
        assert await store.ended_sign_ins() == []

    async def test_a_sign_in_takes_the_place_of_another_and_only_another_issuer_is_told(self, store: Store) -> None:
        life, question = await waiting(store)
        await store.finish_sign_in(await sign_in_of(store, question), "issuer", b"tokens")
        first = await store.signed_in(ALICE, "notes")
        assert first is not None
        for number, issuer in enumerate(("issuer", "other"), 2):
            question = await wait(life, f"state-{number}")
            assert await store.finish_sign_in(await sign_in_of(store, question), issuer, b"more") is not None
        kept = await store.signed_in(ALICE, "notes")
        assert kept is not None
        assert (kept.issuer, kept.sealed) == ("other", b"more")
        assert kept.id > first.id, "no id stands for two sign-ins"
        assert [(each.issuer, each.sealed) for each in await store.ended_sign_ins()] == [("issuer", b"more")]

    async def test_what_is_late_about_a_sign_in_that_was_forgotten_concerns_no_later_one(self, store: Store) -> None:
        life, question = await waiting(store)
        await store.finish_sign_in(await sign_in_of(store, question), "issuer", b"tokens")
        first = await store.signed_in(ALICE, "notes")
        assert first is not None
        assert await store.end_sign_in(first)
        await store.forget_sign_in(first.id)
        again = await wait(life, "state-2")
        await store.finish_sign_in(await sign_in_of(store, again), "issuer", b"of another account")
        second = await store.signed_in(ALICE, "notes")
        assert second is not None
        assert second.id > first.id
        assert await store.refreshed(first, b"late") is None
        assert not await store.end_sign_in(first)
        assert await store.signed_in(ALICE, "notes") == second

    async def test_clients_and_tools_are_kept(self, backend: Backend) -> None:
        async with backend.open() as store:
            await store.keep_oauth_client("issuer", "redirect", b"client")
            await store.keep_tools("notes", "here", "[1]")
        async with backend.open() as store:
            assert await store.oauth_client("issuer", "redirect") == b"client"
            assert await store.oauth_client("issuer", "elsewhere") == b""
            assert await store.listed_tools("notes", "here") == "[1]"
            await store.keep_tools("notes", "there", "[2]")
            assert await store.listed_tools("notes", "here") == ""
