"""What every store's audit does: a command reads and verifies it, whether or not a bot runs on the store."""

from __future__ import annotations

import math
from dataclasses import astuple

from bot.core.audit import AuditRecord
from bot.core.ports.store import Store
from bot.core.questions.question import Decision
from bot.store import audit_chain
from tests.contract.backend import Backend, audited
from tests.lives import CHANNEL, TEAM, Life, waiting_for_a_person


def read(backend: Backend, since: float = 0.0, until: float = math.inf) -> list[AuditRecord]:
    with backend.audit() as log:
        return list(log.records(since, until))


async def threads(store: Store) -> list[Life]:
    """Two threads, whose questions are asked and decided in turn."""
    made = [await waiting_for_a_person(store) for _ in range(2)]
    for decision in (Decision.APPROVED, Decision.DENIED):
        life, [approval] = made.pop(0)
        await life.settle(approval, decision)
        made.append((life, [approval]))
    return [life for life, _ in made]


class AuditContract:
    async def test_the_audit_is_there_while_a_process_has_the_store_and_afterwards(self, backend: Backend) -> None:
        async with backend.open() as store:
            assert audited(backend) == []
            await threads(store)
            during = read(backend)
        assert [each.kind for each in during] == ["requested", "requested", "voted", "decided", "decided"]
        assert read(backend) == during
        async with backend.open():
            assert read(backend) == during

    async def test_it_is_a_chain_that_verifies(self, store: Store, backend: Backend) -> None:
        with backend.audit() as log:
            empty = log.verify()
            assert (list(empty.findings), empty.count) == ([], 0)
        await threads(store)
        records = read(backend)
        assert [each.seq for each in records] == list(range(1, len(records) + 1))
        assert [each.previous for each in records] == ["", *(each.hash for each in records[:-1])]
        rows, end = [astuple(each)[:10] for each in records], records[-1]
        assert not audit_chain.verify(rows, [(end.seq, end.hash)]).findings, "the hashes are those of every store"
        with backend.audit() as log:
            for noted in ("", records[0].hash, end.hash):
                check = log.verify(noted)
                assert (list(check.findings), check.count, check.head) == ([], len(records), end.hash)
                assert (check.first, check.last) == (records[0].at, end.at)
            [finding] = log.verify("0" * 64).findings
            assert "cut off or rewritten" in finding

    async def test_a_time_and_a_thread_choose_the_records(self, store: Store, backend: Backend) -> None:
        lives = await threads(store)
        records = read(backend)
        assert {(each.team, each.channel) for each in records} == {(TEAM, CHANNEL)}
        assert [each.at for each in records] == sorted(each.at for each in records)
        for at in [each.at for each in records]:
            assert read(backend, since=at) == [each for each in records if each.at >= at]
            assert read(backend, until=at) == [each for each in records if each.at < at]
            assert read(backend, since=at, until=at) == []
        with backend.audit() as log:
            for life in lives:
                mine = [each for each in records if each.thread_id == life.id]
                assert len(mine) in (2, 3)
                assert len({each.thread_ts for each in mine}) == 1
                assert list(log.records(thread_ts=mine[0].thread_ts)) == mine
                assert list(log.records(since=mine[-1].at, thread_ts=mine[0].thread_ts)) == [
                    each for each in mine if each.at >= mine[-1].at
                ]
            assert list(log.records(thread_ts="1.000001")) == []

    async def test_what_a_record_says_of_a_decision(self, store: Store, backend: Backend) -> None:
        life, [approval] = await waiting_for_a_person(store)
        await life.settle(approval, Decision.DENIED, reason="too late")
        *_, last = read(backend)
        assert (last.kind, last.approval, last.call, last.thread_id) == (
            "decided",
            approval.id,
            (await life.state()).calls[0].id,
            life.id,
        )
        for part in (approval.digest, "files__write", "denied", "too late"):
            assert part in last.facts

    async def test_whoever_reads_slowly_sees_each_record_once_while_others_are_written(
        self, store: Store, backend: Backend
    ) -> None:
        await threads(store)
        before = read(backend)
        with backend.audit() as log:
            reading = log.records(until=before[-1].at + 1e6)
            first = next(reading)
            await waiting_for_a_person(store)
            found = [first, *reading]
        assert found[: len(before)] == before
        assert [each.seq for each in found] == sorted({each.seq for each in found})
