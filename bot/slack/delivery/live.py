"""What running turns show before it is recorded: the steps that run, and the text that the model is writing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from bot.core.json_text import JsonObject
from bot.core.ports.chat import Said
from bot.core.posts import Draft, Post
from bot.core.turn_message import GROWING, TURN, Step, Text, TurnMessage, fitting, grown, loads
from bot.slack.blocks import cards, turn_message
from bot.slack.blocks.markdown import code_blocks, enclosing
from bot.slack.blocks.outgoing import may_change
from bot.slack.delivery.kinds import Kind, turn_refused
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.stream_body import StreamBody

TOGETHER_SECONDS = 0.5
"""From the first word or step until the message is posted: what is complete by then is posted once."""


@dataclass(slots=True)
class _Turn:
    thread: int
    message: TurnMessage
    """The newest part, as it is recorded."""
    words: str
    running: Sequence[Step] = ()
    pieces: list[str] = field(default_factory=list[str])
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
        self.say: Callable[[str, int], Said] = lambda text, room: Said([text])
        """Prepares what the model says, as when it is recorded."""
        self.status_shows: Callable[[int], bool] = lambda thread_id: False
        """Whether people see elsewhere that a turn is being worked on. If not, its message says so."""
        self.kind = Kind(
            self._render,
            self._offer,
            must_change=lambda post: cards.awaits_change(post.about),
            refused=turn_refused,
            streamed=self._streamed,
        )

    def working(self, thread_id: int, message: TurnMessage, words: str, running: Sequence[Step] = ()) -> None:
        """Set what a turn is doing now, below what the newest part of its message has."""
        part = message if message.end in GROWING else message.following()
        turn = self._turns.get(thread_id)
        if turn is None:
            turn = self._turns[thread_id] = _Turn(thread_id, part, words)
            self._rate.hold(thread_id, TURN, self._after_seconds)
        turn.message, turn.words, turn.running, turn.pieces = part, words, fitting(part, running), []
        self._change(thread_id, turn, begins=bool(running or part.parts))

    def writing(self, thread_id: int) -> Listener:
        """Return what shows the text that the model is writing."""
        return Listener(self, thread_id)

    def resting(self, thread_id: int) -> None:
        """Show the message as it is recorded: the turn has ended or waits."""
        if self._turns.pop(thread_id, None) is not None:
            self._rate.release(thread_id, TURN)

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
            turn.pieces = []
            self._change(thread_id, turn, begins=True)

    def _change(self, thread_id: int, turn: _Turn, *, begins: bool) -> None:
        turn.changed = True
        if begins and not turn.begun:
            turn.begun = True
            self._rate.hold(thread_id, TURN, min(TOGETHER_SECONDS, self._after_seconds))
        self._rate.changed(thread_id, TURN)

    def _offer(self, thread_id: int) -> Draft | None:
        turn = self._turns.get(thread_id)
        if turn is None or turn.message.key in turn.offered or self._shown(turn) is None:
            return None
        turn.offered.add(turn.message.key)
        return replace(TurnMessage(turn.message.turn, turn.message.number).draft(), offered=True)

    def _render(self, post: Post) -> JsonObject | None:
        message, turn = self._current(post)
        if turn is None:
            return turn_message.render(message, post.about, undos=post.undos)
        turn.changed = False
        return self._shown(turn, post)

    def _streamed(self, post: Post) -> StreamBody | None:
        message, turn = self._current(post)
        if turn is None:
            return turn_message.streamed(message, post.about, undos=post.undos)
        turn.changed = False
        message = self._with(turn, stable(turn.text))
        if not (message.parts or turn.running or self.status_shows(post.thread_id)):
            return None
        return turn_message.streamed(message, post.about, turn.running)

    def _current(self, post: Post) -> tuple[TurnMessage, _Turn | None]:
        """Return a part as it is recorded, and what is to be shown besides, if anything is."""
        message, turn = loads(post.payload), self._turns.get(post.thread_id)
        if turn is None or message.key != turn.message.key:
            return message, None
        turn.offered.add(message.key)
        if message.end not in GROWING or message.parts != turn.message.parts:
            return message, None
        return message, turn

    def _shown(self, turn: _Turn, post: Post | None = None) -> JsonObject | None:
        """Return what is to be shown of the newest part."""
        message = self._with(turn, turn.text)
        said = message is not turn.message or turn.running
        words = "" if said or self.status_shows(turn.thread) else turn.words
        return turn_message.render(message, post.about if post else (), words, turn.running)

    def _with(self, turn: _Turn, text: str) -> TurnMessage:
        """Return the newest part with what of a text it can hold."""
        if not text.strip():
            return turn.message
        said = self.say(text.strip(), turn.message.room)
        return grown(turn.message, [Text(piece) for piece in said.pieces[:1]])[0]


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
