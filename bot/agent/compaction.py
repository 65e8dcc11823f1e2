"""Keeps a thread within what the model can read: shortens old tool results, and replaces the older part by a summary.

Each step is one commit, and the next request is made from what is recorded. Between two steps, requests begin with the
same bytes, so that the provider's prompt cache stays valid. The log itself is kept whole.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from bot import failpoints
from bot.agent import compaction_texts as texts
from bot.agent import prompt
from bot.agent.compaction_choice import SUMMARY_SHARE, TRIM_AT, Choice, Room, choose
from bot.agent.compaction_plan import BYTES_PER_TOKEN, entries, tokens_of
from bot.agent.compaction_windows import ContextWindows, limit_in
from bot.core.compaction import Compaction, CompactionBasis, CompactionKind
from bot.core.ports.chat import ChatGateway
from bot.core.ports.compactions import Compactions
from bot.core.ports.meter import Meter
from bot.core.ports.model import Model, ModelRequest
from bot.core.ports.store import Log
from bot.core.posts import Draft
from bot.core.thread import ThreadState, Turn
from bot.core.transaction import Change, Usage
from bot.core.transcript import Transcript
from bot.errors import ContextTooLong, ModelError, OutOfBudget
from bot.pace import offload

log = logging.getLogger(__name__)

MAX_REQUESTS: Final = 4
"""Requests for summaries before one request to the model. What they cannot read is replaced by excerpts."""
MAX_STEPS: Final = 12
PIECE_SHARE: Final = 0.5
"""The share of a model's window that a text to summarise may take."""
SUMMARY_CHARS: Final = (1_000, 12_000)
"""The least and the most that a summary may have, and the decisions beside it."""
MAX_RECORDED_CHARS: Final = 40_000
"""Of all decisions that are recorded with a compaction."""
MAX_DELETED_CHARS: Final = 500
_MAX_REMEMBERED: Final = 1_000


class CompactingStore(Log, Compactions, Protocol):
    """The part of the store that is used here."""


@dataclass(frozen=True, slots=True)
class _Step:
    """What is to be done next, and from what it follows."""

    basis: CompactionBasis
    choice: Choice
    room: Room
    models: tuple[str, ...] = ()
    """The models that answer the request that it precedes; those of the client if there are none."""
    meter: Meter | None = None
    """What counts the requests of the turn's step; what it has counted is recorded with the reply."""

    @property
    def earlier(self) -> str:
        """The last summary; empty if there is none."""
        return self.basis.last.summary if self.basis.last is not None else ""


@dataclass(frozen=True, slots=True)
class _Summary:
    """What came of a request for a summary."""

    text: str = ""
    usage: Usage = field(default_factory=Usage)
    """What no meter has counted."""
    model: str = ""
    too_long: bool = False
    """The model could not read that much."""


@dataclass(frozen=True, slots=True)
class Compactor:
    """Makes conversations shorter; one instance serves all threads."""

    store: CompactingStore
    model: Model
    gateway: ChatGateway
    windows: ContextWindows
    _settled: OrderedDict[int, int] = field(default_factory=OrderedDict[int, int])
    """By thread, the size at which nothing more could be gained."""

    def needed(self, state: ThreadState, request: ModelRequest) -> bool:
        """Return whether a request may be too long. Cheap, as it is asked before each request."""
        window = self.windows.of(self._answering(request))
        used = _size(state, request.messages, request.tools)
        settled = self._settled.get(state.id, 0)
        stale = state.stale and state.turn is not None and not state.turn.steps
        return stale or (used > TRIM_AT * window and not settled <= used < settled + 0.05 * window)

    async def fit(self, state: ThreadState, turn: Turn, request: ModelRequest) -> bool:
        """Make the conversation as short as a request needs it. Return whether it has changed.

        Takes requests to the model, each of which is committed before it is sent, and whose cost is that of the turn.
        Where there is no summary, excerpts take its place. Raises OutOfBudget if a summary may not be paid for: the
        conversation then waits as it is.
        """
        return await self._fit(state, turn, request, self.windows.of(self._answering(request)))

    async def shrink(
        self, state: ThreadState, turn: Turn, request: ModelRequest, error: ContextTooLong, tried: int
    ) -> bool:
        """Make a conversation shorter that the model has refused as too long. Return whether that was possible: the
        request may then be made again, and is counted already.

        tried: how often it was refused in a row.
        """
        used = _size(state, request.messages, request.tools)
        if limit := limit_in(error.detail):
            self.windows.learn(self._answering(request), limit)
        window = min(limit or used, used) * 0.7 ** (tried - 1)
        return await self._fit(state, turn, request, window, forced=True)

    def _answering(self, request: ModelRequest) -> str:
        """Return the model that is to answer a request."""
        return request.models[0] if request.models else self.windows.model

    async def _fit(
        self,
        state: ThreadState,
        turn: Turn,
        request: ModelRequest,
        window: float,
        *,
        forced: bool = False,
    ) -> bool:
        """Take steps until the conversation is short enough."""
        changed, ratio, requests, stale = False, 1.0, MAX_REQUESTS, state.stale and not turn.steps
        tools, beside = request.tools, tokens_of(request.tools)
        summarising = self.windows.summary or self._answering(request)
        for _ in range(MAX_STEPS):
            transcript = await self.store.transcript(state)
            basis = await self.store.compaction_basis(state.id)
            view = await offload(transcript.size, entries, transcript.after(-1))
            counted = beside + sum(entry.tokens for entry in view if entry.position <= state.measured.upto)
            used = _measured(state, transcript, tools)
            if used:
                ratio = min(2.0, max(0.3, state.measured.tokens / max(1, counted)))
            else:
                used = int(ratio * (beside + sum(entry.tokens for entry in view)))
            reads = self.windows.of(summarising)
            reads = min(window, reads) if forced else reads
            room = Room(window, used, ratio, beside, PIECE_SHARE * reads / ratio, requests, forced, stale)
            choice = await offload(transcript.size, choose, view, basis, room)
            if choice is None:
                self._remember(state.id, used)
                return changed
            if choice.kind is CompactionKind.SUMMARY:
                requests -= 1
            done = await self._take(state, turn, _Step(basis, choice, room, request.models, request.meter))
            changed, stale = changed or done, False
            if turn.stopped_by:
                break
        return changed

    def _remember(self, thread_id: int, used: int) -> None:
        self._settled[thread_id] = used
        self._settled.move_to_end(thread_id)
        if len(self._settled) > _MAX_REMEMBERED:
            self._settled.popitem(last=False)

    async def _take(self, state: ThreadState, turn: Turn, step: _Step) -> bool:
        """Take one step. Return whether the conversation has changed."""
        choice, change = step.choice, Change("compact")
        if choice.kind is CompactionKind.TRIM:
            change.compaction = Compaction(choice.kind, choice.upto, shortened=choice.shortened)
            await self._commit(state, turn, change)
            log.info("thread %s: %d old tool results are sent in a shorter form", state.id, len(choice.shortened))
            return True
        made = _Summary()
        if choice.kind is CompactionKind.SUMMARY:
            self.gateway.working(state.id, state.part, "Summarising the older part of this thread")
            made = await self._summarise(state, turn, step)
            change.usage += made.usage
            # A rewrite that fails is tried again with the next request; the last summary stands until then.
            if not made.text and (made.too_long or not choice.covered):
                await self._commit(state, turn, change)
                return False
        change.compaction = await self._compaction(state, step, made)
        words = texts.SUMMARISED if made.text else texts.SET_ASIDE
        change.drafts = self._notice(state, words) if choice.covered else ()
        await self._commit(state, turn, change)
        self.gateway.deliver(state.id)
        kind, upto = change.compaction.kind, change.compaction.upto
        log.info("thread %s: its log up to position %d is replaced (%s)", state.id, upto, kind)
        return True

    async def _commit(self, state: ThreadState, turn: Turn, change: Change) -> None:
        """Record a step, and count the request that follows it: a step brings the turn on, so it is the first again."""
        turn.attempts = 1 if change.compaction is not None else turn.attempts + 1
        await self.store.commit(state, change)
        turn.announced = True

    def _notice(self, state: ThreadState, words: str) -> Sequence[Draft]:
        """Say once a thread that not all of it is read any more."""
        return self.gateway.notice(words, key=f"compacted-{state.id}")

    async def _compaction(self, state: ThreadState, step: _Step, made: _Summary) -> Compaction:
        """Return the record of a step that replaces a part of the log."""
        choice, last, longest = step.choice, step.basis.last, _longest(step.room)
        summary = texts.cut(made.text, longest) or texts.excerpts(step.earlier, choice.covered, longest)
        before = last.upto if last is not None else -1
        lines = list(last.decisions if last is not None else ())
        names: dict[str, str] = {}
        for decided in await self.store.decided(state.id, before, choice.upto):
            if decided.by and decided.by not in names:
                names[decided.by] = await self.gateway.name_for_model(state.place, decided.by)
            lines.append(texts.decision(decided, names.get(decided.by, "")))
        decisions = texts.newest(lines, MAX_RECORDED_CHARS)
        said = texts.replacement(summary, decisions, excerpted=not made.text, longest=longest)
        return Compaction(
            CompactionKind.SUMMARY if made.text else CompactionKind.EXCERPTS,
            choice.upto,
            prompt.user(said)[1],
            choice.pinned,
            choice.shortened,
            summary,
            tuple(decisions),
            made.model,
        )

    async def _summarise(self, state: ThreadState, turn: Turn, step: _Step) -> _Summary:
        """Request a summary. What it cost is in the turn already, and in the result to be recorded."""
        if not turn.announced:
            turn.attempts += 1
            # Not synced: this guards against crashes of the process, and a power cut costs one more request at most.
            await self.store.commit(state, Change("try again", synced=False))
        turn.announced = False
        started, counted = time.monotonic(), _counted(step)
        request = await offload(sum(len(entry.body) for entry in step.choice.covered), self._request, step)
        try:
            if step.meter is not None:
                await step.meter.again()
            with failpoints.around("summary request"):
                reply = await self.model.complete(request)
        except OutOfBudget:
            raise
        except ModelError as error:
            log.warning("thread %s: there is no summary: %s", state.id, error.detail or error.sentence)
            too_long = isinstance(error, ContextTooLong)
            if too_long:
                asked = int(tokens_of("".join(request.messages)) * step.room.ratio)
                self.windows.learn(self.windows.summary or self._answering(request), limit_in(error.detail) or asked)
            return _Summary(usage=_uncounted(turn, step, counted, error.usage), too_long=too_long)
        finally:
            turn.seconds += time.monotonic() - started
        content: object = reply.message.get("content")
        text = content.strip() if isinstance(content, str) else ""
        if not text:
            log.warning("thread %s: the summary is empty (finish_reason %s)", state.id, reply.finish_reason)
        return _Summary(text, _uncounted(turn, step, counted, reply.usage), reply.model)

    def _request(self, step: _Step) -> ModelRequest:
        """Return the request for a summary."""
        deleted = [texts.cut(text, MAX_DELETED_CHARS) for text in step.basis.deleted.values() if text]
        longest = int(step.room.piece * BYTES_PER_TOKEN)
        said = texts.to_summarise(step.earlier, step.choice.covered, deleted, longest)
        instructions = texts.INSTRUCTIONS.format(words=_longest(step.room) // 7)
        messages = [prompt.system(instructions)[1], prompt.user(said)[1]]
        models = (self.windows.summary,) if self.windows.summary else step.models
        return ModelRequest(
            Transcript(enumerate(messages)), "[]", "none", session_id="", user="", models=models, meter=step.meter
        )


def _size(state: ThreadState, messages: Transcript, tools: str) -> int:
    """Return roughly the tokens of the next request; too many rather than too few."""
    return _measured(state, messages, tools) or (messages.size + len(tools)) // BYTES_PER_TOKEN


def _measured(state: ThreadState, messages: Transcript, tools: str) -> int:
    """Return the tokens of the next request, from those of the last one; 0 if they are not known."""
    tokens, upto = state.measured.tokens, state.measured.upto
    if not 0 < tokens <= messages.size + len(tools) + 10_000:  # no tokenizer has more tokens than bytes
        return 0
    return tokens + sum(tokens_of(body) for _, body in messages.after(upto))


def _longest(room: Room) -> int:
    """Return how many characters a summary may have, and the decisions beside it."""
    least, most = SUMMARY_CHARS
    return min(most, max(least, int(SUMMARY_SHARE / 2 * room.window * BYTES_PER_TOKEN)))


def _counted(step: _Step) -> int:
    """Return how many requests the meter of a step has counted."""
    return step.meter.requests if step.meter is not None else 0


def _uncounted(turn: Turn, step: _Step, before: int, usage: Usage) -> Usage:
    """Return what a request has cost that the model's client has not counted with the meter, and add it to the turn."""
    if _counted(step) > before:
        return Usage()
    turn.usage += usage
    return usage
