"""What every store of standing grants does: they hold where they were given, and calls under them have records."""

from __future__ import annotations

import time
from dataclasses import replace

from bot.core.calls import CallOutcome, CallState
from bot.core.ports.store import Store
from bot.core.posts import Draft
from bot.core.questions import granted, suggestion
from bot.core.questions.click import Verdict
from bot.core.questions.grant import Grant
from bot.core.questions.granted import GRANTED, REVOKE, GrantedCall
from bot.core.questions.question import Approval, Card, Decision, UndoState
from bot.core.questions.scope import FOLDER, Offer
from bot.core.questions.suggestion import SUGGESTION, CoveringGrants, Suggestion
from bot.core.questions.undo import UNDO
from bot.core.tools import UndoSnapshot
from tests.contract.backend import Backend, audited
from tests.contract.questions import found
from tests.lives import ALICE, BOB, CHANNEL, DAY, TEAM, Life, draft, waiting_for_a_person


class GrantsContract:
    async def given(self, store: Store, *, everywhere: bool = False, seconds: float = DAY) -> tuple[Life, Grant]:
        """A grant of Bob's."""
        life, [approval] = await waiting_for_a_person(store)
        until = approval.expires_at - DAY + seconds
        where = 0 if everywhere else life.id
        grant = Grant(0, BOB, where, CHANNEL, "", "", "", "", "any", "", 0.0, until)
        await life.settle(approval, grant=grant)
        return life, grant

    async def test_a_grant_holds_where_it_was_given_until_it_is_revoked(self, store: Store, backend: Backend) -> None:
        life, _ = await self.given(store)
        [kept] = await store.grants(TEAM, BOB)
        assert (kept.tool, kept.server, kept.tool_digest, kept.thread_id) == ("files__write", "files", "tool", life.id)
        assert list(await store.grants_for(TEAM, kept.tool, life.id, ALICE)) == [kept]
        assert list(await store.grants_for(TEAM, kept.tool, life.id + 1, BOB)) == []
        assert list(await store.grants_for("T2", kept.tool, life.id, BOB)) == []
        assert not await store.end_grant(kept.id, "revoked", ALICE)
        assert await store.end_grant(kept.id, "revoked", BOB)
        assert not await store.end_grant(kept.id, "revoked", BOB)
        assert list(await store.grants(TEAM, BOB)) == []
        assert [each for each in audited(backend) if each[0] in ("granted", "revoked")] == [
            ("granted", BOB),
            ("revoked", BOB),
        ]

    async def test_a_grant_for_everywhere_is_its_givers(self, store: Store) -> None:
        life, _ = await self.given(store, everywhere=True)
        assert len(await store.grants_for(TEAM, "files__write", life.id + 1, BOB)) == 1
        assert list(await store.grants_for(TEAM, "files__write", life.id, ALICE)) == []

    async def test_a_grant_whose_time_is_over_holds_no_longer(self, store: Store, backend: Backend) -> None:
        await self.given(store, seconds=-1)
        assert list(await store.grants(TEAM, BOB)) == []
        await store.expire()
        await store.expire()
        assert [kind for kind, _ in audited(backend)].count("expired") == 1

    async def test_a_grant_is_revoked_from_the_record_of_a_call_that_ran_under_it(self, store: Store) -> None:
        life, record = await self.ran_under(store)
        asked = await found(store, record)
        assert (asked.decision, asked.grant and asked.grant.user) == (Decision.APPROVED, BOB)
        [*_, call] = (await life.state()).calls
        assert (call.approval, call.asked) == ("", False), "nobody was asked about it"
        good = await life.click(record, REVOKE, kind=REVOKE)
        told = [(await store.answer([replace(good, user=each)]))[0].verdict for each in (ALICE, BOB, BOB)]
        assert told == [Verdict.NOT_YOURS, Verdict.SETTLED, Verdict.ALREADY]
        assert list(await store.grants(TEAM, BOB)) == []
        asked = await found(store, record)
        assert asked.grant is not None
        assert asked.grant.ended == "revoked"
        changed = {each.key for each in (await store.deliveries(life.id)).posts if each.shown != each.revision}
        assert len(changed) == 2, "the record, and the card with which the grant was given"

    async def test_a_call_that_ran_under_a_grant_is_undone_from_its_record(self, store: Store) -> None:
        life, record = await self.ran_under(store)
        undo = (await found(store, record)).undo
        assert undo is not None
        assert undo.state is UndoState.OFFERED
        await store.answer([await life.click(record, UNDO, kind=UNDO)])
        thread = (await life.state()).id
        assert list(await store.undo_threads()) == [thread]
        job = await store.next_undo(thread)
        assert job is not None
        assert job.before == UndoSnapshot("{}", b"old")

    async def test_nobody_decides_about_a_record(self, store: Store) -> None:
        life, record = await self.ran_under(store)
        for answer in (Decision.APPROVED, Decision.DENIED, Decision.STOPPED, GRANTED):
            [settlement] = await store.answer([await life.click(record, answer, kind=GRANTED, user=ALICE)])
            assert settlement.verdict is not Verdict.SETTLED
        assert (await life.state()).turn is not None

    async def ran_under(self, store: Store) -> tuple[Life, Approval]:
        """The record of a call that ran under a grant of Bob's, in the message that has grown meanwhile."""
        life, _ = await self.given(store)
        [kept] = await store.grants(TEAM, BOB)
        await life.call(CallState.READY)
        [*_, call] = (await life.state()).calls
        call.why = granted.why(kept)
        call.start()
        await life.commit("start a call", calls=[call], befores=[(call, UndoSnapshot("{}", b"old"))])
        call.state, call.outcome = CallState.FINISHED, CallOutcome.OK
        [record] = [each for each in life.card(call).questions if isinstance(each, Approval)]
        body = GrantedCall(kept.id, "Wrote a.txt").dumps()
        record = replace(record, kind=GRANTED, body=body, decision=Decision.APPROVED, decided_by=BOB)
        cards = [Card([record], [Draft("the part", "turn", "{}", final=False)])]
        await life.commit("finish a call", calls=[call], cards=cards, afters=[(call, "after", time.time() + DAY)])
        await life.commit("answer the calls", drafts=[Draft("the part", "turn", "{}")])
        await life.deliver()
        return life, record

    async def test_the_third_like_approval_suggests_a_grant_that_is_given_once(self, store: Store) -> None:
        asked = [await self.like(store) for _ in range(3)]
        denied = await self.like(store, folder="/w/private")
        await denied[0].settle(denied[1], Decision.DENIED, user=ALICE)
        for life, approval in asked:
            assert suggestion.loads((await found(store, approval)).body).made is None
            await life.settle(approval, user=ALICE)
        life, approval = asked[-1]
        made = suggestion.loads((await found(store, approval)).body).made
        assert made == Suggestion(Offer(FOLDER, "/w/notes", "files in notes/"), 3, 1)
        grant = Grant(0, "", 0, "", "", "", "", "", FOLDER, "/w/notes", 0.0, time.time() + DAY)
        good = await life.click(approval, SUGGESTION, kind=SUGGESTION, user=ALICE, grant=grant)
        forged = [
            replace(good, user=BOB),
            replace(good, entitled=False),
            replace(good, grant=None),
            replace(good, grant=replace(grant, value="/w")),
            replace(good, grant=replace(grant, scope="any", value="")),
            replace(good, grant=replace(grant, thread_id=life.id)),
        ]
        for each in forged:
            [settlement] = await store.answer([each])
            assert settlement.verdict in (Verdict.NOT_YOURS, Verdict.UNKNOWN)
        assert list(await store.grants(TEAM, ALICE)) == []
        assert [each.verdict for each in await store.answer([good, good])] == [Verdict.SETTLED, Verdict.ALREADY]
        [kept] = await store.grants(TEAM, ALICE)
        assert (kept.tool, kept.tool_digest, kept.scope, kept.value) == ("files__write", "tool", FOLDER, "/w/notes")
        assert (await found(store, approval)).grant == kept

    async def test_a_denial_that_it_would_have_covered_keeps_a_suggestion_away(self, store: Store) -> None:
        asked = [await self.like(store) for _ in range(4)]
        await asked[0][0].settle(asked[0][1], Decision.DENIED)
        for life, approval in asked[1:]:
            await life.settle(approval, user=ALICE)
            assert suggestion.loads((await found(store, approval)).body).made is None

    async def test_a_suggestion_is_withdrawn_by_a_later_denial_that_it_would_have_covered(self, store: Store) -> None:
        asked = [await self.like(store) for _ in range(3)]
        for life, approval in asked:
            await life.settle(approval, user=ALICE)
        life, approval = asked[-1]
        later, denied = await self.like(store)
        await later.settle(denied, Decision.DENIED, user=ALICE)
        grant = Grant(0, "", 0, "", "", "", "", "", FOLDER, "/w/notes", 0.0, time.time() + DAY)
        good = await life.click(approval, SUGGESTION, kind=SUGGESTION, user=ALICE, grant=grant)
        verdicts = [(await store.answer([click]))[0].verdict for click in (replace(good, user=BOB), good, good)]
        assert verdicts[:2] == [Verdict.NOT_YOURS, Verdict.ALREADY]
        assert verdicts[2] is not Verdict.SETTLED
        assert list(await store.grants(TEAM, ALICE)) == []
        assert suggestion.loads((await found(store, approval)).body).made is None

    async def test_what_somebody_else_has_approved_suggests_nothing(self, store: Store) -> None:
        asked = [await self.like(store) for _ in range(4)]
        for (life, approval), user in zip(asked, (ALICE, ALICE, BOB, BOB), strict=True):
            await life.settle(approval, user=user)
            assert suggestion.loads((await found(store, approval)).body).made is None

    async def like(self, store: Store, folder: str = "/w/notes") -> tuple[Life, Approval]:
        """A request of Alice's about a file in a folder."""
        life = Life(store)
        await life.say()
        await life.read()
        await life.call(CallState.AWAITING, asked=False)
        [call] = (await life.state()).calls
        [approval] = [each for each in life.card(call).questions if isinstance(each, Approval)]
        offer = Offer(FOLDER, folder, f"files in {folder[3:]}/")
        approval = replace(approval, body=CoveringGrants("edits to", "edits", [offer]).dumps())
        await life.commit("ask", cards=[Card([approval], [draft("card", approval.id)])])
        await life.deliver()
        return life, approval
