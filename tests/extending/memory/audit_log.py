"""The audit of the store in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from bot.core.audit import AuditCheck, AuditRecord
from bot.store import audit_chain
from tests.extending.memory.tables import Disk


class MemoryAuditLog:
    """Implements `bot.core.ports.store.AuditLog`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def records(self, since: float = 0.0, until: float = math.inf, thread_ts: str = "") -> Iterator[AuditRecord]:
        tables = self._disk.tables
        for record in tables.audit.values():
            place = tables.threads[record.thread_id].place if record.thread_id else None
            if since <= record.at < until and thread_ts in ("", place.thread_ts if place else None):
                found = (place.team, place.channel, place.thread_ts) if place else ("", "", "")
                yield replace(record, team=found[0], channel=found[1], thread_ts=found[2])

    def verify(self, head: str = "") -> AuditCheck:
        records = list(self._disk.tables.audit.values())
        rows = [[getattr(record, name) for name in audit_chain.COLUMNS] for record in records]
        return audit_chain.verify(rows, [(record.seq, record.hash) for record in records[-1:]], head)
