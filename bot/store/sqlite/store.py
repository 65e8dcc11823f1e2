"""The store on SQLite: each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncGenerator, Collection, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from bot.core.amendments import WAKING, Amendment, AmendmentOutcome
from bot.core.compaction import Measure
from bot.core.inbox import Admission, Incoming, Unread
from bot.core.outages import ActiveThread, Conversation, Gap, HeldMessages, KnownThread, RecordedMessage
from bot.core.posts import Draft
from bot.core.questions.click import Click, Settlement
from bot.core.questions.grant import Grant
from bot.core.questions.question import Card, Question
from bot.core.thread import ThreadState, Turn
from bot.core.transaction import Change
from bot.core.transcript import Transcript
from bot.core.turn_message import TurnMessage
from bot.core.turn_record import TurnRecord
from bot.core.waiting import Waiting
from bot.store.sqlite import (
    amendments,
    compactions,
    feedback,
    grants,
    held_messages,
    inbox,
    log,
    outages,
    parked_threads,
    posts,
    question_rows,
    questions,
    thread_models,
    transitions,
    turn_records,
    undos,
    waiting_lists,
)
from bot.store.sqlite.commit import apply
from bot.store.sqlite.compactions_store import CompactionsStore
from bot.store.sqlite.costs_store import CostsStore
from bot.store.sqlite.database import Database
from bot.store.sqlite.identities_store import IdentitiesStore
from bot.store.sqlite.ledgers_store import LedgersStore
from bot.store.sqlite.long_results_store import LongResultsStore
from bot.store.sqlite.posts_store import PostsStore, delivering
from bot.store.sqlite.secrets_store import SecretsStore
from bot.store.sqlite.server_news_store import ServerNewsTables
from bot.store.sqlite.session_store import SqliteSessions
from bot.store.sqlite.thread_models_store import ThreadModelsStore, choosing
from bot.store.sqlite.transcript_cache import Transcripts
from bot.store.sqlite.unreadable import OddRows

AT_ONCE = 100
"""Requests, grants and undo offers that are closed per transaction, and reminders that are sent per check."""


@asynccontextmanager
async def open_sqlite(url: str, redact: Sequence[str] = ()) -> AsyncGenerator[SqliteStore]:
    """Open and migrate the file that a URL names (`bot.store.sqlite.database.path_of`). Raises SettingsError."""
    async with Database(url) as database:
        yield SqliteStore(database, redact)


class SqliteStore(
    PostsStore,
    SqliteSessions,
    LedgersStore,
    LongResultsStore,
    ThreadModelsStore,
    CompactionsStore,
    CostsStore,
    SecretsStore,
    IdentitiesStore,
    ServerNewsTables,
):
    """Implements `bot.core.ports.store.Store` on SQLite."""

    def __init__(self, database: Database, redact: Sequence[str] = ()) -> None:
        """`redact`: patterns of the arguments that the audit must not record (`[audit] redact`)."""
        PostsStore.__init__(self, database)
        SqliteSessions.__init__(self, database)
        CompactionsStore.__init__(self, database)
        LedgersStore.__init__(self, database, OddRows())
        SecretsStore.__init__(self, database)
        CostsStore.__init__(self, database)
        IdentitiesStore.__init__(self, database)
        self._redact = tuple(redact)
        self._transcripts = Transcripts()

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        def admit(connection: sqlite3.Connection) -> tuple[Admission, int]:
            return inbox.admit(connection, incoming)

        def ahead(connection: sqlite3.Connection, admitted: tuple[Admission, int]) -> dict[Hashable, object]:
            kind, thread_id = admitted
            return {_loading(thread_id): log.load(connection, thread_id)} if kind is Admission.STARTS else {}

        return await self._database.write(admit, ahead=ahead)

    async def amend(self, change: Amendment) -> tuple[AmendmentOutcome, int]:
        def amend(connection: sqlite3.Connection) -> tuple[AmendmentOutcome, int]:
            done, thread_id = amendments.amend(connection, change)
            self._mark(connection, thread_id, when=done in WAKING)
            return done, thread_id

        return await self._database.write(amend)

    async def waiting(self) -> Sequence[int]:
        return await self._database.read(inbox.waiting)

    async def heard(self, at: float) -> None:
        def heard(connection: sqlite3.Connection) -> None:
            outages.heard(connection, at)

        await self._database.write(heard, synced=False)

    async def begin_outage(self, since: float = 0.0) -> int:
        def begin_outage(connection: sqlite3.Connection) -> int:
            return outages.begin(connection, since)

        return await self._database.write(begin_outage)

    async def gap(self, thread_id: int) -> Gap | None:
        return await self._database.read(partial(outages.gap, thread_id=thread_id))

    async def recorded(self, thread_id: int, after: str = "", upto: str = "") -> Sequence[RecordedMessage]:
        return await self._database.read(partial(outages.recorded, thread_id=thread_id, after=after, upto=upto))

    async def known(self, conversation: Conversation, roots: Sequence[str]) -> Sequence[KnownThread]:
        return await self._database.read(partial(outages.known, place=conversation, roots=roots))

    async def open_turns(self, before: int = 0) -> Sequence[KnownThread]:
        return await self._database.read(partial(outages.open_turns, before=before))

    async def active(self, before: int = 0) -> Sequence[ActiveThread]:
        return await self._database.read(partial(outages.active, before=before))

    async def gaps(self, conversations: Sequence[Conversation]) -> Sequence[Gap | None]:
        def list_conversations(connection: sqlite3.Connection) -> list[Gap | None]:
            return outages.of_conversations(connection, conversations)

        return await self._database.write(list_conversations)

    async def caught_up(self, what: int | Conversation, number: int) -> None:
        def caught_up(connection: sqlite3.Connection) -> None:
            outages.caught_up(connection, what, number)

        await self._database.write(caught_up, synced=False)

    async def held(self) -> Sequence[HeldMessages]:
        return await self._database.read(held_messages.held)

    async def offer(self, card: Card, threads: Sequence[int]) -> None:
        def offer(connection: sqlite3.Connection) -> None:
            held_messages.offer(connection, card, threads)

        await self._database.write(offer)

    async def load(self, thread_id: int) -> ThreadState:
        state = await self._database.read(partial(log.load, thread_id=thread_id), _loading(thread_id))
        if not state.begun:
            state.transcript = Transcript()
        return state

    async def transcript(self, state: ThreadState) -> Transcript:
        kept = state.transcript
        if kept is None:
            kept = self._transcripts.of(state.id, state.last_position)
        while (after := kept.last) < state.last_position:
            missing = partial(compactions.bodies, thread_id=state.id, after=after, last=state.last_position)
            bodies = await self._database.read(missing)
            if kept.last == after:  # nobody else has extended it meanwhile
                kept.extend(bodies)
        self._transcripts.keep(state.id, kept)
        state.transcript = kept
        return kept

    async def commit(self, state: ThreadState, change: Change) -> None:
        def work(connection: sqlite3.Connection) -> tuple[int, list[Unread], str, bool]:
            # With the results of a step in the log, the work goes on.
            rests = bool(change.outcome or change.cards or (change.calls and not change.messages))
            self._mark(connection, state.id, when=rests)
            return apply(connection, state, change, self._redact)

        work.__name__ = change.name
        if state.turn is not None and change.messages and change.gets_on:
            state.turn.attempts, state.turn.announced = 1, True

        def ahead(connection: sqlite3.Connection, _: object) -> dict[Hashable, object]:
            found: dict[Hashable, object] = {}
            if owes:
                found[delivering(state.id)] = posts.deliveries(connection, state.id)
            if asks:
                found[choosing(state.id)] = thread_models.find(connection, state.id)
            return found

        if change.compaction is not None:  # before it is written: the caller may be cancelled meanwhile
            self._transcripts.drop(state.id)
            state.transcript = None
        owes = bool(change.drafts or change.cards)
        asks = bool(change.messages) and not (change.new_calls or change.outcome)
        turn_id, unread, stopped_by, written = await self._database.write(
            work, synced=change.synced, ahead=ahead if owes or asks else None
        )
        if not written:
            state.unread = unread
            state.message = await self._database.read(lambda connection: log.current_part(connection, state))
            if state.turn is not None:
                state.turn.stopped_by = stopped_by
            return
        if state.transcript is not None:
            state.transcript.extend(
                (position, body) for position, (_, body) in enumerate(change.messages, start=state.next_position)
            )
            self._transcripts.keep(state.id, state.transcript)
        if change.compaction is not None:
            state.measured, state.stale = Measure(), state.stale and not change.compaction.body
        state.measured = change.measured or state.measured
        if change.messages:
            state.last_role = change.messages[-1][0]
        state.calls.extend(change.new_calls)
        state.unread = unread
        state.functions = change.functions[0] or state.functions
        if change.requester:
            state.turn = Turn(turn_id, change.requester, attempts=1, announced=True, first=state.next_position)
            state.calls = []
            state.message = TurnMessage(turn_id, 1, change.requester, state.place.team)
        state.last_position += len(change.messages)
        if change.outcome:
            state.turn, state.calls, state.message = None, [], None
        elif state.turn is not None:
            state.turn.stopped_by = stopped_by

    async def turn_record(self, turn: int, most: int) -> TurnRecord | None:
        return await self._database.read(lambda connection: turn_records.find(connection, turn, most))

    async def rate(self, turn: int, channel: str, user: str, *, good: bool) -> bool:
        def rate(connection: sqlite3.Connection) -> bool:
            return feedback.rate(connection, turn, channel, user, good=good)

        return await self._database.write(rate)

    async def explain(self, turn: int, user: str, words: str) -> bool:
        def explain(connection: sqlite3.Connection) -> bool:
            return feedback.explain(connection, turn, user, words)

        return await self._database.write(explain)

    async def uncount(self, thread_id: int) -> None:
        def uncount(connection: sqlite3.Connection) -> None:
            parked_threads.uncount(connection, thread_id)

        await self._database.write(uncount, synced=False)

    async def waiting_for(self, user: str, groups: Collection[str], most: int) -> Waiting:
        return await self._database.read(
            lambda connection: waiting_lists.waiting_for(connection, user, sorted(groups), most, self._odd)
        )

    async def functions(self, digest: str) -> str:
        return await self._database.read(lambda connection: log.functions(connection, digest))

    async def answer(self, clicks: Sequence[Click]) -> Sequence[Settlement]:
        def work(connection: sqlite3.Connection) -> list[Settlement]:
            return [transitions.answer(connection, click, self._redact) for click in clicks]

        work.__name__ = f"decide {'always' if clicks[0].grant else clicks[0].answer}"
        return await self._database.write(work)

    async def questions_of_message(self, question: str) -> Sequence[Question]:
        return await self._database.read(lambda connection: question_rows.of_message(connection, question))

    async def withdraw(self, question: str) -> None:
        def withdraw(connection: sqlite3.Connection) -> None:
            questions.withdraw(connection, question)

        await self._database.write(withdraw)

    async def unchecked(self, before: float, most: int) -> Sequence[Question]:
        return await self._database.read(lambda connection: questions.unchecked(connection, before, most, self._odd))

    async def checked(
        self, question: str, copies: Sequence[tuple[str, Draft]] = (), notes: Sequence[Draft] = (), closed: str = ""
    ) -> None:
        def checked(connection: sqlite3.Connection) -> None:
            questions.checked(connection, question, copies, notes, closed)

        await self._database.write(checked, synced=bool(copies or notes or closed))

    async def deleted(self, channel: str, ts: str, notice: Draft) -> int:
        def deleted(connection: sqlite3.Connection) -> int:
            return questions.deleted(connection, channel, ts, notice)

        # Most messages that are deleted ask nothing, such as our own progress.
        asks = await self._database.read(lambda connection: questions.asks(connection, channel, ts))
        return await self._database.write(deleted) if asks else 0

    async def find_question(self, question: str) -> Question | None:
        return await self._database.read(lambda connection: question_rows.find(connection, question))

    async def expire(self) -> Sequence[int]:
        found: set[int] = set()

        def expire(connection: sqlite3.Connection) -> bool:
            ended = grants.expire(connection, AT_ONCE)
            closed, withdrawn = questions.expire(connection, AT_ONCE, self._odd), undos.expire(connection, AT_ONCE)
            found.update([*closed, *withdrawn])
            return max(ended, len(closed), len(withdrawn)) >= AT_ONCE

        # In several transactions, so that others can write in between: thousands of requests may have expired while the
        # bot was stopped.
        while await self._database.write(expire):
            pass
        return sorted(found)

    async def unreminded(self, seconds: Mapping[str, float]) -> Sequence[tuple[int, Question]]:
        return await self._database.read(
            lambda connection: questions.unreminded(connection, seconds, AT_ONCE, self._odd)
        )

    async def remind(
        self, thread_id: int, question: str, drafts: Sequence[Draft], direct: Sequence[tuple[str, Draft]] = ()
    ) -> None:
        def remind(connection: sqlite3.Connection) -> None:
            if questions.reminded(connection, thread_id, question):
                posts.owe(connection, thread_id, drafts)
                posts.owe_copies(connection, thread_id, None, direct)

        await self._database.write(remind)

    async def grants(self, team: str, user: str) -> Sequence[Grant]:
        return await self._database.read(lambda connection: grants.held(connection, team, user))

    async def grants_for(self, team: str, tool: str, thread_id: int, user: str) -> Sequence[Grant]:
        return await self._database.read(lambda connection: grants.held_for(connection, team, tool, thread_id, user))

    async def end_grant(self, grant: int, how: str, user: str = "") -> bool:
        def end_grant(connection: sqlite3.Connection) -> bool:
            return grants.end(connection, grant, how, user)

        return await self._database.write(end_grant)


def _loading(thread_id: int) -> Hashable:
    return "load", thread_id
