"""A store in memory, of the ports alone: it passes the contract suite, and the bot runs on it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bot.core.amendments import WAKING, Amendment, AmendmentOutcome
from bot.core.budget import Sum, SumKey
from bot.core.calls import CallState
from bot.core.compaction import CompactionBasis, Decided
from bot.core.inbox import Admission, Incoming
from bot.core.limits import TRIES
from bot.core.model_options import ThreadModel
from bot.core.outages import ActiveThread, Conversation, Gap, HeldMessages, KnownThread, RecordedMessage
from bot.core.posts import Draft, PostState
from bot.core.questions import retry
from bot.core.questions.click import Click, Settlement
from bot.core.questions.grant import Grant
from bot.core.questions.question import Card, Decision, Question, UndoState
from bot.core.questions.transition import Transition
from bot.core.sessions import Stopped, StopVerdict
from bot.core.thread import ThreadState
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Change
from bot.core.transcript import Transcript
from bot.core.turn_record import CallCost, TurnRecord
from bot.core.waiting import Waiting
from tests.extending.memory import amending, asking, compacting, feedback, following, hearing, reaching, stopping
from tests.extending.memory.admitting import admit
from tests.extending.memory.budgets import waits
from tests.extending.memory.changing import apply, stands
from tests.extending.memory.costs import MemoryCosts
from tests.extending.memory.ledgers import MemoryLedgers
from tests.extending.memory.news import MemoryServerNews
from tests.extending.memory.posting import MemoryPosts, unsettled
from tests.extending.memory.signing import MemoryIdentities
from tests.extending.memory.tables import Disk, Tables, fresh, now


class MemoryStore(MemoryPosts, MemoryLedgers, MemoryCosts, MemoryServerNews, MemoryIdentities):
    """Implements `bot.core.ports.store.Store`."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(disk)
        self._follows = False

    def _apply(self, tables: Tables, question: Question, transition: Transition) -> None:
        asking.apply(tables, question, transition)

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        with self._disk.transaction() as tables:
            return admit(tables, incoming)

    async def amend(self, change: Amendment) -> tuple[AmendmentOutcome, int]:
        with self._disk.transaction() as tables:
            done, thread_id = amending.amend(tables, change)
            self._mark(tables, thread_id if done in WAKING else 0)
            return done, thread_id

    async def secret(self) -> bytes:
        return self._disk.secret

    async def waiting(self) -> Sequence[int]:
        tables = self._disk.tables
        found = {id_ for id_, row in tables.threads.items() if not row.parked and _has_work(tables, id_)}
        return sorted(found | {post.thread_id for post in tables.posts.values() if unsettled(post)})

    async def heard(self, at: float) -> None:
        with self._disk.transaction() as tables:
            tables.presence["heard"] = max(at, tables.presence.get("heard", 0.0))

    async def begin_outage(self, since: float = 0.0) -> int:
        with self._disk.transaction() as tables:
            return hearing.begin(tables, since)

    async def gap(self, thread_id: int) -> Gap | None:
        return hearing.gap(self._disk.tables, self._disk.tables.threads[thread_id].heard)

    async def recorded(self, thread_id: int, after: str = "", upto: str = "") -> Sequence[RecordedMessage]:
        return hearing.recorded(self._disk.tables, thread_id, after, upto)

    async def known(self, conversation: Conversation, roots: Sequence[str]) -> Sequence[KnownThread]:
        return hearing.known(self._disk.tables, conversation, roots)

    async def open_turns(self, before: int = 0) -> Sequence[KnownThread]:
        return hearing.open_turns(self._disk.tables, before)

    async def active(self, before: int = 0) -> Sequence[ActiveThread]:
        return hearing.active(self._disk.tables, before)

    async def gaps(self, conversations: Sequence[Conversation]) -> Sequence[Gap | None]:
        with self._disk.transaction() as tables:
            return hearing.gaps(tables, conversations)

    async def caught_up(self, what: int | Conversation, number: int) -> None:
        with self._disk.transaction() as tables:
            hearing.caught_up(tables, what, number)

    async def held(self) -> Sequence[HeldMessages]:
        return hearing.held(self._disk.tables)

    async def offer(self, card: Card, threads: Sequence[int]) -> None:
        with self._disk.transaction() as tables:
            hearing.offer(tables, card, threads)

    async def load(self, thread_id: int) -> ThreadState:
        return stands(self._disk.tables, thread_id)

    async def transcript(self, state: ThreadState) -> Transcript:
        kept = state.transcript = state.transcript or Transcript()
        kept.extend(list(compacting.bodies(self._disk.tables, state.id, kept.last, state.last_position)))
        return kept

    async def rest(self, thread_id: int, call: int) -> str:
        row = self._disk.tables.calls.get(call)
        return row.call.rest if row is not None and row.thread == thread_id else ""

    async def compaction_basis(self, thread_id: int) -> CompactionBasis:
        return compacting.basis(self._disk.tables, thread_id)

    async def decided(self, thread_id: int, after: int, upto: int) -> Sequence[Decided]:
        return list(compacting.decided(self._disk.tables, thread_id, after, upto))

    async def commit(self, state: ThreadState, change: Change) -> None:
        with self._disk.transaction() as tables:
            apply(tables, state, change)
            if change.outcome or change.cards or change.calls:
                self._mark(tables, state.id)
        found = stands(self._disk.tables, state.id)
        if change.unless_stopped and found.turn and found.turn.stopped_by and state.turn:
            state.turn.stopped_by, state.unread = found.turn.stopped_by, found.unread
            state.message = found.message
            return
        if change.compaction is not None:
            state.transcript = None
        kept, transcript = state.turn, state.transcript
        if kept is not None and found.turn is not None and kept.id == found.turn.id:
            kept.stopped_by, kept.attempts = found.turn.stopped_by, found.turn.attempts
            kept.announced = kept.announced or bool(change.messages and change.gets_on)
            found.turn = kept
        elif found.turn is not None:
            found.turn.announced = True
        if change.requester and found.turn is not None:
            state.message = found.message
        elif found.turn is None:
            state.message = None
        for name in ("last_position", "last_role", "turn", "unread", "functions", "measured", "stale"):
            setattr(state, name, getattr(found, name))
        state.calls = [] if change.requester or found.turn is None else [*state.calls, *change.new_calls]
        if transcript is not None:
            await self.transcript(state)

    def _mark(self, tables: Tables, thread_id: int) -> None:
        if self._follows and thread_id:
            tables.unshown[thread_id] = True

    async def follow_sessions(self, follow: bool) -> Sequence[int]:
        self._follows = follow
        with self._disk.transaction() as tables:
            if not follow:
                tables.unshown.clear()
            return sorted(tables.unshown)

    async def session_shown(self, thread_id: int) -> None:
        with self._disk.transaction() as tables:
            tables.unshown.pop(thread_id, None)

    async def stop_in(self, place: ThreadRef, user: str, at: str, *, may_stop: bool) -> Stopped:
        with self._disk.transaction() as tables:
            stopped = stopping.in_thread(tables, place, user, at, may_stop=may_stop)
            if stopped.verdict is StopVerdict.STOPPED:
                self._mark(tables, stopped.thread_id)
            return stopped

    async def stop(self, turn: int, user: str, *, others: bool = False) -> int:
        with self._disk.transaction() as tables:
            return stopping.by_button(tables, turn, user, others=others)

    async def rate(self, turn: int, channel: str, user: str, *, good: bool) -> bool:
        with self._disk.transaction() as tables:
            return feedback.rate(tables, turn, channel, user, good=good)

    async def explain(self, turn: int, user: str, words: str) -> bool:
        with self._disk.transaction() as tables:
            return feedback.explain(tables, turn, user, words)

    async def waiting_for(self, user: str, groups: Collection[str], most: int) -> Waiting:
        return stopping.waiting_for(self._disk.tables, user, groups, most)

    async def turn_record(self, turn: int, most: int) -> TurnRecord | None:
        row = self._disk.tables.turns.get(turn)
        if row is None:
            return None
        calls = [fresh(each) for each in self._disk.tables.calls.values() if each.turn == turn]
        place = self._disk.tables.threads[row.thread].place
        kept = row.turn
        shown, more = calls[:most], len(calls[most:])
        record = TurnRecord(row.thread, place, kept.requester, shown, more, kept.steps, kept.seconds, kept.usage)
        paid = self._disk.tables.costs
        requests = {id_: each.request for id_, each in self._disk.tables.calls.items() if each.turn == turn}
        found = {id_: paid[request].cost for id_, request in requests.items() if request in paid}
        costs = {id_: CallCost(each.request, each.usage.cost, each.basis) for id_, each in list(found.items())[:most]}
        estimated = self._disk.tables.sums.get(SumKey("turn", str(turn)), Sum()).estimated
        return replace(record, fallback=kept.fallback, estimated=estimated, costs=costs)

    async def thread_model(self, thread_id: int) -> ThreadModel:
        return self._disk.tables.threads[thread_id].model

    async def functions(self, digest: str) -> str:
        return self._disk.tables.functions.get(digest, "")

    async def failed(self, thread_id: int, sorry: Sequence[Draft], parked: Draft) -> bool:
        with self._disk.transaction() as tables:
            self._mark(tables, thread_id)
            row = tables.threads[thread_id]
            if row.parked:
                return True
            failures, turn = row.failures + 1, tables.turns.get(tables.open_turn(thread_id))
            tables.threads[thread_id] = replace(row, failures=failures)
            if failures >= TRIES or (turn and turn.turn.attempts >= TRIES):
                _park(tables, thread_id, parked)
                return True
            if failures == 1:
                asking.owe(tables, thread_id, sorry)
            return False

    async def park(self, thread_id: int, parked: Draft) -> None:
        with self._disk.transaction() as tables:
            self._mark(tables, thread_id)
            _park(tables, thread_id, parked)

    async def uncount(self, thread_id: int) -> None:
        with self._disk.transaction() as tables:
            if turn := tables.open_turn(thread_id):
                row = tables.turns[turn]
                tables.turns[turn] = replace(row, turn=replace(row.turn, attempts=max(0, row.turn.attempts - 1)))

    async def answer(self, clicks: Sequence[Click]) -> Sequence[Settlement]:
        with self._disk.transaction() as tables:
            found: list[Settlement] = []
            for click in clicks:
                found.append(asking.answer(tables, click))
                following.answered(tables, found[-1])
            return found

    async def unchecked(self, before: float, most: int) -> Sequence[Question]:
        return reaching.unchecked(self._disk.tables, before, most)

    async def checked(
        self,
        question: str,
        copies: Sequence[tuple[str, Draft]] = (),
        notes: Sequence[Draft] = (),
        closed: str = "",
    ) -> None:
        with self._disk.transaction() as tables:
            reaching.checked(tables, question, copies, notes, closed)

    async def deleted(self, channel: str, ts: str, notice: Draft) -> int:
        with self._disk.transaction() as tables:
            return reaching.deleted(tables, channel, ts, notice)

    async def find_question(self, question: str) -> Question | None:
        return asking.find(self._disk.tables, question)

    async def questions_of_message(self, question: str) -> Sequence[Question]:
        return asking.of_message(self._disk.tables, question)

    async def withdraw(self, question: str) -> None:
        with self._disk.transaction() as tables:
            if question not in tables.questions:
                return
            post = tables.questions[question].post
            for id_, row in list(tables.questions.items()):
                if row.post == post:
                    asking.end(tables, id_, Decision.WITHDRAWN)
            shown = tables.posts[post]
            if shown.state is PostState.OWED:
                tables.posts[post] = replace(shown, state=PostState.REFUSED, shown=shown.revision)

    async def expire(self) -> Sequence[int]:
        found: set[int] = set()
        with self._disk.transaction() as tables:
            for id_, asked in list(tables.questions.items()):
                if asked.question.expires_at <= now() and asking.end(tables, id_, Decision.EXPIRED):
                    found.add(asked.question.thread_id)
            for id_, row in list(tables.grants.items()):
                if not row.grant.ended and row.grant.expires_at <= now():
                    asking.end_grant(tables, id_, "expired", "")
            for call, undo in list(tables.undos.items()):
                over = undo.state is UndoState.OFFERED and undo.until <= now()
                unneeded = undo.state is UndoState.KEPT and tables.calls[call].call.state is CallState.FINISHED
                if over or unneeded:
                    tables.undos[call] = replace(undo, state=UndoState.CLOSED)
                if over:
                    asking.redraw(tables, [tables.questions[undo.approval].post])
                    asking.redraw_ledger(tables, call)
                    found.add(tables.calls[call].thread)
        return sorted(found)

    async def unreminded(self, seconds: Mapping[str, float]) -> Sequence[tuple[int, Question]]:
        tables = self._disk.tables
        rows = [asking.find(tables, id_) for id_, row in tables.questions.items() if not row.reminded]
        due = [each for each in rows if each and 0 < each.expires_at - now() <= seconds.get(each.kind, 0)]
        open_ones = [each for each in due if each.decision == Decision.AWAITING]
        return [(each.thread_id, each) for each in sorted(open_ones, key=lambda each: each.expires_at)]

    async def remind(
        self, thread_id: int, question: str, drafts: Sequence[Draft], direct: Sequence[tuple[str, Draft]] = ()
    ) -> None:
        with self._disk.transaction() as tables:
            first = tables.questions[question]
            if first.reminded or first.question.decision != Decision.AWAITING:
                return
            for id_, row in list(tables.questions.items()):
                if row.post == first.post and row.question.people == first.question.people:
                    tables.questions[id_] = replace(row, reminded=True)
            tables.record(thread_id, "reminded", approval=question)
            asking.owe(tables, thread_id, drafts)
            asking.owe_copies(tables, thread_id, 0, direct)

    async def grants(self, team: str, user: str) -> Sequence[Grant]:
        return [grant for grant in self._held(team) if grant.user == user]

    async def grants_for(self, team: str, tool: str, thread_id: int, user: str) -> Sequence[Grant]:
        held = [grant for grant in self._held(team) if grant.tool == tool]
        return [each for each in held if each.thread_id == thread_id or (not each.thread_id and each.user == user)]

    def _held(self, team: str) -> list[Grant]:
        rows = [row.grant for row in reversed(self._disk.tables.grants.values()) if row.team == team]
        return [grant for grant in rows if not grant.ended and grant.expires_at > now()]

    async def end_grant(self, grant: int, how: str, user: str = "") -> bool:
        with self._disk.transaction() as tables:
            return asking.end_grant(tables, grant, how, user)


def _has_work(tables: Tables, thread: int) -> bool:
    messages = [row for row in tables.inbox.values() if row.thread == thread and row.position is None]
    if any(row.unread.addressed and not row.unread.notified for row in messages):
        return True
    turn = tables.open_turn(thread)
    calls = stands(tables, thread).calls
    asked = any(call.asked for call in calls) or waits(tables, turn)
    untold = any(not call.asked if call.state is not CallState.FINISHED else not call.summarised for call in calls)
    return bool(turn) and (not asked or untold)


def _park(tables: Tables, thread: int, draft: Draft) -> None:
    row = tables.threads[thread]
    if not row.parked:
        tables.threads[thread] = replace(row, parked=draft.key)
        asking.insert(tables, retry.question(draft.key, thread), asking.owe(tables, thread, [draft]))
