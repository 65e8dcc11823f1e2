"""The records of the audit, and what is found when they are verified. Pure data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One record as it is stored. If somebody has changed the store, a value may be of any type."""

    seq: int
    at: float
    """Unix time in seconds."""
    kind: str
    thread_id: int
    call: int
    approval: str
    actor: str
    """The id of the person who did it; empty when the program did."""
    facts: str
    """Canonical JSON."""
    previous: str
    """The hash of the record before it; empty in the first."""
    hash: str
    team: str = ""
    channel: str = ""
    thread_ts: str = ""


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What is found when all records are verified."""

    findings: Sequence[str]
    """What is wrong, a sentence each; empty when the records are those that were written."""
    count: int = 0
    """How many records there are. What follows holds only if nothing is wrong."""
    first: float = 0.0
    """When the first record was written, in Unix time."""
    last: float = 0.0
    head: str = ""
    """The hash of the last record."""
