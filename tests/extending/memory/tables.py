"""What a store in memory keeps. A transaction works on a copy, which takes the place of the original when it ends well:
rows are never changed, only replaced."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any

from bot.core.amendments import Amendment
from bot.core.audit import AuditRecord
from bot.core.budget import RequestCost, Sum, SumKey
from bot.core.calls import Call
from bot.core.compaction import Compaction, Measure
from bot.core.identity import OpenSignIn, SignedIn
from bot.core.inbox import Unread
from bot.core.model_options import ThreadModel
from bot.core.posts import Post
from bot.core.questions.grant import Grant
from bot.core.questions.question import Question, UndoState
from bot.core.server_news import SeenTools
from bot.core.thread import Turn
from bot.core.thread_ref import ThreadRef
from bot.core.tools import UndoSnapshot
from bot.store import audit_chain


@dataclass(frozen=True)
class Thread:
    place: ThreadRef
    people: frozenset[str] = frozenset()
    messages: tuple[tuple[str, str], ...] = ()
    functions: str = ""
    failures: int = 0
    parked: str = ""
    heard: int = 0
    gone: str = ""
    model: ThreadModel = field(default_factory=ThreadModel)
    chosen_at: str = ""
    compactions: tuple[Compaction, ...] = ()
    measured: Measure = Measure()  # noqa: RUF009 - frozen
    stale: bool = False


@dataclass(frozen=True)
class Message:
    thread: int
    event: str
    unread: Unread
    position: int | None = None
    held: int = 0
    at: float = 0.0
    gone: bool = False
    about: int = 0


@dataclass(frozen=True)
class TurnRow:
    thread: int
    first: int
    turn: Turn
    ended: str = ""


@dataclass(frozen=True)
class CallRow:
    thread: int
    turn: int
    call: Call
    request: str = ""


@dataclass(frozen=True)
class Asked:
    question: Question
    post: int
    reminded: bool = False
    checked_at: float = 0.0


@dataclass(frozen=True)
class GrantRow:
    team: str
    grant: Grant
    approval: str = ""


@dataclass(frozen=True)
class UndoRow:
    approval: str
    before: UndoSnapshot
    after: str = ""
    state: UndoState = UndoState.KEPT
    until: float = 0.0
    by: str = ""
    words: str = ""
    begun: bool = False


@dataclass(frozen=True)
class CostRow:
    id: int
    turn: int
    at: float
    cost: RequestCost
    state: str = "open"
    tries: int = 0
    due: float = 0.0


@dataclass(frozen=True)
class Opinion:
    good: bool
    words: str = ""
    at: float = 0.0


@dataclass
class Tables:
    threads: dict[int, Thread] = field(default_factory=dict[int, Thread])
    inbox: dict[int, Message] = field(default_factory=dict[int, Message])
    amended: dict[tuple[str, str], Amendment] = field(default_factory=dict[tuple[str, str], Amendment])
    turns: dict[int, TurnRow] = field(default_factory=dict[int, TurnRow])
    calls: dict[int, CallRow] = field(default_factory=dict[int, CallRow])
    posts: dict[int, Post] = field(default_factory=dict[int, Post])
    questions: dict[str, Asked] = field(default_factory=dict[str, Asked])
    copies: dict[int, int] = field(default_factory=dict[int, int])
    """By the number of a copy, that of its card."""
    deleted: dict[int, int] = field(default_factory=dict[int, int])
    """How often people have deleted a message."""
    grants: dict[int, GrantRow] = field(default_factory=dict[int, GrantRow])
    undos: dict[int, UndoRow] = field(default_factory=dict[int, UndoRow])
    functions: dict[str, str] = field(default_factory=dict[str, str])
    outages: dict[int, float] = field(default_factory=dict[int, float])
    presence: dict[str, float] = field(default_factory=dict[str, float])
    conversations: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    unshown: dict[int, bool] = field(default_factory=dict[int, bool])
    """Threads whose session may show another status than the true one."""
    feedback: dict[tuple[int, str], Opinion] = field(default_factory=dict[tuple[int, str], Opinion])
    """By turn and person."""
    costs: dict[str, CostRow] = field(default_factory=dict[str, CostRow])
    sums: dict[SumKey, Sum] = field(default_factory=dict[SumKey, Sum])
    waits: dict[int, str] = field(default_factory=dict[int, str])
    """The question that a turn waits for, or has waited for last."""
    seen_tools: dict[str, SeenTools] = field(default_factory=dict[str, SeenTools])
    server_waits: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    """The numbers of the waits of threads for tool servers."""
    identities: dict[int, SignedIn] = field(default_factory=dict[int, SignedIn])
    last_numbers: dict[str, int] = field(default_factory=dict[str, int])
    """By table, the last number that was used, where none is used again."""
    sign_ins: dict[str, OpenSignIn] = field(default_factory=dict[str, OpenSignIn])
    sign_in_waits: dict[int, tuple[str, int]] = field(default_factory=dict[int, tuple[str, int]])
    """By call: the question that it waits for, and how often it has waited."""
    oauth_clients: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    tool_lists: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    audit: dict[int, AuditRecord] = field(default_factory=dict[int, AuditRecord])

    def record(self, thread: int, kind: str, actor: str = "", **more: Any) -> None:
        """Append a record of the audit about a thread."""
        number = len(self.audit) + 1
        previous = self.audit[number - 1].hash if number > 1 else ""
        facts = more.pop("facts", {})
        self.audit[number] = audit_chain.sealed(
            number, previous, at=now(), kind=kind, thread_id=thread, actor=actor, facts=facts, **more
        )

    def open_turn(self, thread: int) -> int:
        """The number of a thread's open turn; 0 when there is none."""
        return next((id_ for id_, row in self.turns.items() if row.thread == thread and not row.ended), 0)


class Disk:
    """Outlives the process."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.secret = os.urandom(32)

    @contextmanager
    def transaction(self) -> Generator[Tables]:
        """All or nothing."""
        tables = Tables(**{each.name: dict(getattr(self.tables, each.name)) for each in fields(Tables)})
        yield tables
        self.tables = tables


def fresh(row: CallRow) -> Call:
    """A call to work on."""
    return copy.copy(row.call)


def now() -> float:
    return time.time()
