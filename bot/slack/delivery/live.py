"""What running turns show before it is recorded: the steps that run, and the text that the model is writing."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol

from bot.core.json_text import JsonObject
from bot.core.ports.chat import Said
from bot.core.posts import Draft, Post, PostState
from bot.core.turn_message import (
    GROWING,
    MIN_ROOM,
    TURN,
    End,
    Step,
    Text,
    TurnMessage,
    continued,
    fitting,
    loads,
    spoken,
)
from bot.slack.blocks import cards, turn_message
from bot.slack.blocks.markdown import code_blocks, enclosing
from bot.slack.blocks.outgoing import may_change
from bot.slack.delivery.kinds import Kind, turn_refused
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.stream_body import StreamBody

TOGETHER_SECONDS = 0.5
"""From the first word or step until the message is posted: what is complete by then is posted once."""
AGAIN = "Starting again"
"""Shown in place of what an earlier process had shown, until the turn continues."""
MAX_RESTED = 10_000
MARGIN = 1_000
"""Characters before a part is full. Within them, only text is shown whose rendering is final."""


class Preparing(Protocol):
    """Prepares what the model says, as when it is recorded."""

    def __call__(self, text: str, room: int, cuts: Sequence[int], *, ends: bool = False) -> Said:
        """See `bot.slack.blocks.messages.said`."""
        ...


@dataclass(slots=True)
class _Turn:
    thread: int
    message: TurnMessage
    """The newest part, as it is recorded."""
    words: str
    running: Sequence[Step] = ()
    pieces: list[str] = field(default_factory=list[str])
    cuts: Sequence[int] = ()
    """Where the text was divided in what people have seen."""
    ended: bool = False
    """The newest recorded part has ended with its stream: what follows is in the next one."""
    changed: bool = False
    """Something came since it was drawn."""
    begun: bool = False
    """There was something to show but words of ours."""
    offered: set[str] = field(default_factory=set[str])
    """The parts that exist, or existed and somebody has deleted them."""

    @property
    def text(self) -> str:
        """What the model has written so far."""
        return "".join(self.pieces)


class Live:
    """The running turns, in memory only; `Outbox` shows them in Slack."""

    def __init__(self, after_seconds: float, rate: UpdateRate) -> None:
        """A turn that takes longer than `after_seconds` says what it is doing. `rate` is notified of each change."""
        self._after_seconds = after_seconds
        self._rate = rate
        self._turns: dict[int, _Turn] = {}
        self._started = time.time()
        self._rested: set[int] = set()
        """Threads of which this process knows that their turns have ended or wait."""
        self.prepare: Preparing = lambda text, room, cuts, *, ends=False: Said([text])
        self.status_shows: Callable[[int], bool] = lambda thread_id: False
        """Whether people see elsewhere that a turn is being worked on. If not, its message says so."""
        self.kind = Kind(
            self._render,
            self._offer,
            must_change=lambda post: cards.awaits_change(post.about),
            refused=turn_refused,
            streamed=self._streamed,
            broken_off=self._broken_off,
        )

    def working(self, thread_id: int, message: TurnMessage, words: str, running: Sequence[Step] = ()) -> None:
        """Set what a turn is doing now, below what the newest part of its message has."""
        part = message if message.end in GROWING else message.following()
        turn = self._turns.get(thread_id)
        if turn is None:
            turn = self._turns[thread_id] = _Turn(thread_id, part, words)
            self._rate.hold(thread_id, TURN, self._after_seconds)
        turn.ended = turn.ended and part.key == turn.message.key
        noted = {(step.id, step.title): step for step in turn.running if step.note}
        steps = [noted.get((step.id, step.title), step) for step in running]
        turn.message, turn.words, turn.running = part, words, fitting(part, steps)
        turn.pieces, turn.cuts = [], ()
        self._change(thread_id, turn, begins=bool(running or part.parts))

    def progress(self, thread_id: int, step: Step) -> None:
        """Set how far a step is that runs. One that has a row elsewhere gets one here, once there is something to say
        of it."""
        turn = self._turns.get(thread_id)
        if turn is None:
            return
        there = any(each.id == step.id for each in turn.running)
        steps = [step if each.id == step.id else each for each in turn.running] + ([] if there else [step])
        if (running := fitting(turn.message, steps)) != turn.running:
            turn.running = running
            self._change(thread_id, turn, begins=True)

    def writing(self, thread_id: int) -> Listener:
        """Return what shows the text that the model is writing."""
        return Listener(self, thread_id)

    def resting(self, thread_id: int) -> None:
        """Show the message as it is recorded: the turn has ended or waits."""
        if self._turns.pop(thread_id, None) is not None:
            self._rate.release(thread_id, TURN)
        if thread_id not in self._rested and len(self._rested) < MAX_RESTED:
            self._rested.add(thread_id)
            self._rate.changed(thread_id, TURN)

    def add(self, thread_id: int, piece: str) -> None:
        """The text goes on."""
        turn = self._turns.get(thread_id)
        if turn is not None:
            turn.pieces.append(piece)
            if not (turn.changed and turn.begun):
                self._change(thread_id, turn, begins=True)

    def restart(self, thread_id: int) -> None:
        """Discard the text: the request is made again."""
        turn = self._turns.get(thread_id)
        if turn is not None and turn.pieces:
            turn.pieces, turn.cuts = [], ()
            self._change(thread_id, turn, begins=True)

    def cuts(self, thread_id: int) -> Sequence[int]:
        """Return where the text is divided that the model is writing, or has written last."""
        turn = self._turns.get(thread_id)
        return turn.cuts if turn is not None else ()

    def ended_early(self, thread_id: int, message: TurnMessage) -> bool:
        """Return whether this part has ended with its stream, and what follows is in the next one."""
        turn = self._turns.get(thread_id)
        return turn is not None and turn.ended and turn.message.key == message.key

    def _change(self, thread_id: int, turn: _Turn, *, begins: bool) -> None:
        turn.changed = True
        if begins and not turn.begun:
            turn.begun = True
            self._rate.hold(thread_id, TURN, min(TOGETHER_SECONDS, self._after_seconds))
        self._rate.changed(thread_id, TURN)

    def _offer(self, thread_id: int) -> Draft | None:
        turn = self._turns.get(thread_id)
        if turn is None:
            return None
        parts = self._parts(turn)
        for part in parts:
            if part.key not in turn.offered and self._shown(turn, part, part is parts[-1]) is not None:
                turn.offered.add(part.key)
                return replace(replace(part, parts=(), end=End.OPEN).draft(), offered=True)
        return None

    def _render(self, post: Post) -> JsonObject | None:
        message, turn = self._recorded(post)
        if turn is None:
            words = AGAIN if self._is_taken_up(post, message) else ""
            return turn_message.render(message, post.about, words, undos=post.undos)
        parts = self._parts(turn)
        turn.changed = False
        part = next((each for each in parts if each.key == post.key), message)
        return self._shown(turn, part, part is parts[-1], post)

    def _streamed(self, post: Post) -> StreamBody | None:
        message, turn = self._recorded(post)
        if message.records and not message.parts:
            # The records are posted at once with their buttons, which a stream has only at its end.
            return None
        if turn is None:
            return turn_message.streamed(message, post.about, undos=post.undos)
        parts = self._parts(turn, steady=True)
        turn.changed = False
        part = next((each for each in parts if each.key == post.key), message)
        if part is not parts[-1]:
            return turn_message.streamed(part, post.about)
        if not (part.parts or turn.running or self.status_shows(post.thread_id)):
            return None
        return turn_message.streamed(part, post.about, turn.running)

    def _broken_off(self, post: Post) -> None:
        """Put what follows into the next part, unless this one would be nearly empty."""
        _, turn = self._recorded(post)
        if turn is None:
            return
        *before, part = self._parts(turn, steady=True)
        if part.key != post.key:
            return
        if part.parts and isinstance(last := part.parts[-1], Text) and len(last.text) >= MIN_ROOM:
            room = turn.message.room if not turn.ended else 0
            turn.cuts = self.prepare(stable(turn.text).strip(), room, turn.cuts, ends=True).cuts
        elif turn.message.parts and not before:
            turn.ended = True
        self._change(post.thread_id, turn, begins=False)

    def _is_taken_up(self, post: Post, message: TurnMessage) -> bool:
        """Return whether an earlier process has shown this part, nothing of it is recorded, and its turn is about to
        continue: it continues in the same message."""
        here = post.thread_id in self._rested or post.thread_id in self._turns or post.created_at >= self._started
        return not here and post.state is PostState.POSTED and message.end is End.OPEN and not message.parts

    def _recorded(self, post: Post) -> tuple[TurnMessage, _Turn | None]:
        """Return a part as it is recorded, and the turn that shows something else of it, if one does."""
        message, turn = _loaded(post.payload), self._turns.get(post.thread_id)
        if turn is None or message.turn != turn.message.turn or message.number < turn.message.number:
            return message, None
        turn.offered.add(post.key)
        newest = message.key == turn.message.key
        if message.end not in GROWING or message.parts != (turn.message.parts if newest else ()):
            return message, None
        return message, turn

    def _parts(self, turn: _Turn, *, steady: bool = False) -> list[TurnMessage]:
        """Return the newest recorded part and those after it, with what the model has written so far. steady: without
        the end of the text if more text may change its rendering."""
        parts = continued(turn.message) if turn.ended else [turn.message]
        room, text = parts[-1].room, turn.text
        if steady or len(text) > room - MARGIN:
            text = stable(text)
        if text.strip():
            said = self.prepare(text.strip(), room, turn.cuts)
            turn.cuts = said.cuts
            parts[-1:] = spoken(parts[-1], said.pieces)
        return parts

    def _shown(self, turn: _Turn, part: TurnMessage, is_last: bool, post: Post | None = None) -> JsonObject | None:
        """Return what is to be shown of a part."""
        about = post.about if post else ()
        if not is_last:
            return turn_message.render(part, about)
        said = turn.running or (part.parts and isinstance(part.parts[-1], Text) and turn.pieces)
        is_there = post is not None and post.state is PostState.POSTED  # and is not deleted and posted again
        words = "" if said or (self.status_shows(turn.thread) and (part.parts or not is_there)) else turn.words
        return turn_message.render(part, about, words, turn.running)


# A part is looked at several times while it is drawn.
_loaded = lru_cache(64)(loads)


def stable(text: str) -> str:
    """Return as much of a growing text as does not come out differently when more follows (`outgoing`)."""
    within = enclosing(code_blocks(text), len(text) - 1) if "```" in text or "~~~" in text else None
    if within is not None:
        return text[: text.rfind("\n") + 1]
    start = text.rfind("\n\n") + 2 if "\n\n" in text else 0
    if may_change(text[start:]):
        return text[:start]
    return text[: max(text.rfind(" "), text.rfind("\n")) + 1]


class Listener:
    """Implements `bot.core.ports.model.TextListener` for one request."""

    def __init__(self, live: Live, thread_id: int) -> None:
        self._live = live
        self._thread_id = thread_id

    def add(self, piece: str) -> None:
        self._live.add(self._thread_id, piece)

    def restart(self) -> None:
        self._live.restart(self._thread_id)
