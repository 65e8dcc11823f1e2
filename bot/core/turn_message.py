"""The message in which a turn lives: what was done, what the model says, and the questions that it waits for. Pure.

A turn has one message in its thread, in one or more parts. A new part begins after a card, and when a part is full:
each part is one Slack message and can always be drawn again as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from bot.core.ledger import TurnLedger, dumped, loaded
from bot.core.posts import Draft
from bot.core.untrusted import items, mapping, one_of, parsed

TURN = "turn"
"""The kind of the posts that are parts of a turn's message."""
MAX_CHARS = 10_000
"""Characters of the texts of a part, so that it can be updated: Slack takes 12,000 characters of Markdown in a message
(docs.slack.dev/reference/block-kit/blocks/markdown-block) and counts some characters twice."""
MAX_SIZE = 11_000
"""The size of a part with its steps and cards, in characters."""
MAX_BLOCKS, BLOCKS_BEFORE_CARD = 40, 20
"""Blocks of a part, and of one that a card can still end. Slack takes 50 in a message; the rest is for how it ends."""
MAX_STEPS = 30
"""Steps of a part: more are not taken in at a glance."""
STEP_SIZE = 60
"""What a step takes besides its title."""
RECORD_SIZE = 500
"""Characters that are counted for the record of a call that ran under a grant."""
RECORD_STEPS = 2
"""The blocks of a record."""
MIN_ROOM = 400
"""A text is not begun in less room."""


class StepState(StrEnum):
    """The state of a step, as Slack's tasks have it (docs.slack.dev/reference/block-kit/blocks/task-card-block)."""

    RUNNING = "in_progress"
    DONE = "complete"
    FAILED = "error"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that the bot did or is doing, such as one tool call."""

    id: str
    title: str
    """Plain text for people; empty if the conversation may only know how many there were."""
    state: StepState
    note: str = ""
    """What came of it, in a few words."""

    @property
    def size(self) -> int:
        """What it takes of a part."""
        return len(self.title) + len(self.note) + STEP_SIZE


@dataclass(frozen=True, slots=True)
class Text:
    """Words of the model, as Markdown that is ready to be posted."""

    text: str

    @property
    def size(self) -> int:
        """What it takes of a part."""
        return len(self.text)


class End(StrEnum):
    """How a part ends."""

    OPEN = "open"
    """It may still grow."""
    ASKING = "asking"
    """It ends with questions, and calls beside them still run: their steps are added."""
    ASKS = "asks"
    """It ends with questions."""
    CONTINUED = "continued"
    """The next part goes on where it ends."""
    ANSWERED = "answered"
    STOPPED = "stopped"
    FAILED = "failed"


GROWING = (End.OPEN, End.ASKING)
ENDED = (End.ANSWERED, End.STOPPED, End.FAILED)
"""The turn has ended."""


@dataclass(frozen=True, slots=True)
class TurnMessage:
    """One part of the message of a turn."""

    turn: int
    number: int = 1
    person: str = ""
    """Who has asked."""
    team: str = ""
    """The workspace that the thread is in."""
    parts: tuple[Step | Text, ...] = ()
    note: str = ""
    """A sentence of the bot's own below everything else."""
    end: End = End.OPEN
    records: int = 0
    """How many records of calls that ran under a grant it ends with (`bot.core.questions.granted`)."""
    ledger: TurnLedger | None = None
    """How much the turn has changed, if it ended with this part and changed several things."""

    @property
    def key(self) -> str:
        """The key of its post. The keys of a turn are in the order of its parts."""
        return f"turn-{self.turn}-{self.number:04d}"

    @property
    def size(self) -> int:
        """The size of what it holds, in characters."""
        return sum(part.size for part in self.parts) + len(self.note) + self.records * RECORD_SIZE

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it yet."""
        return not self.parts and not self.records

    @property
    def blocks(self) -> int:
        """How many blocks its steps, texts and records take."""
        return len(self.parts) + self.records * RECORD_STEPS

    @property
    def room(self) -> int:
        """How many characters of text it can still take; 0 if a text is not to begin in it."""
        if self.end is not End.OPEN or self.blocks >= MAX_BLOCKS:
            return 0
        texts = sum(part.size for part in self.parts if isinstance(part, Text))
        left = min(MAX_CHARS - texts, MAX_SIZE - self.size)
        return left if left >= MIN_ROOM else 0

    @property
    def steps(self) -> list[Step]:
        """Its steps, in order."""
        return [part for part in self.parts if isinstance(part, Step)]

    def takes(self, part: Step | Text) -> bool:
        """Whether another step or text fits into it."""
        if isinstance(part, Text):
            return self.end is End.OPEN and (self.empty or part.size <= self.room)
        fits = len(self.steps) < MAX_STEPS and self._has_room(1, part.size)
        return self.end in GROWING and (self.empty or fits)

    def takes_record(self) -> bool:
        """Whether the record of another call fits into it."""
        return self.end in GROWING and (self.empty or self._has_room(RECORD_STEPS, RECORD_SIZE))

    def _has_room(self, blocks: int, size: int) -> bool:
        return self.blocks + blocks <= MAX_BLOCKS and self.size + size <= MAX_SIZE

    def following(self) -> TurnMessage:
        """Return the part after this one, empty."""
        return TurnMessage(self.turn, self.number + 1, self.person, self.team)

    def draft(self) -> Draft:
        """Return the post that shows it."""
        return Draft(self.key, TURN, dumps(self), final=self.end not in GROWING)


def first_key(turn: int) -> str:
    """Return a text before the keys of all parts of a turn."""
    return f"turn-{turn}-"


def last_key(turn: int) -> str:
    """Return a text behind the keys of all parts of a turn."""
    return f"turn-{turn}-:"


def grown(message: TurnMessage, parts: Sequence[Step | Text]) -> list[TurnMessage]:
    """Return a message with more steps and texts: the parts that change, the newest last."""
    changed: list[TurnMessage] = []
    for part in parts:
        if not message.takes(part):
            changed += _closed(message)
            message = message.following()
        message = replace(message, parts=(*message.parts, part))
    return [*changed, message]


def recorded(message: TurnMessage) -> list[TurnMessage]:
    """Return a message that ends with the record of one more call: the parts that change, the newest last."""
    changed: list[TurnMessage] = []
    if not message.takes_record():
        changed += _closed(message)
        message = message.following()
    return [*changed, replace(message, records=message.records + 1)]


def _closed(message: TurnMessage) -> list[TurnMessage]:
    """Return a part to which nothing is added any more; none if it is closed or has nothing."""
    if message.end is End.OPEN and not message.empty:
        return [replace(message, end=End.CONTINUED)]
    return [replace(message, end=End.ASKS)] if message.end is End.ASKING else []


def continued(message: TurnMessage) -> list[TurnMessage]:
    """Return a message whose newest part ends where it is: the parts that change, the newest last. One that holds
    nothing yet stays as it is."""
    if message.end is not End.OPEN or message.empty:
        return [message]
    return [replace(message, end=End.CONTINUED), message.following()]


def spoken(message: TurnMessage, pieces: Sequence[str]) -> list[TurnMessage]:
    """Return a message with more texts, each but the first in a part of its own: the parts that change, the newest
    last."""
    found = [message]
    for number, piece in enumerate(pieces):
        if number:
            found[-1:] = continued(found[-1])
        found[-1:] = grown(found[-1], [Text(piece)])
    return found


def fitting(message: TurnMessage, steps: Sequence[Step]) -> Sequence[Step]:
    """Return as many of these steps, from the first on, as fit into a part besides what it holds."""
    for number, step in enumerate(steps):
        if not message.takes(step):
            return steps[:number]
        message = replace(message, parts=(*message.parts, step))
    return steps


def asking(message: TurnMessage, size: int, *, final: bool) -> list[TurnMessage]:
    """Return a message that ends with questions which take so many characters: the parts that change, the newest last.

    final: whether nothing is added to it any more.
    """
    changed: list[TurnMessage] = []
    has_room = message.blocks <= BLOCKS_BEFORE_CARD and message.size + size <= MAX_SIZE
    fits = message.end is End.OPEN and (message.empty or has_room)
    if not fits:
        if message.end in GROWING:
            changed.append(replace(message, end=End.CONTINUED if message.end is End.OPEN else End.ASKS))
        message = message.following()
    return [*changed, replace(message, end=End.ASKS if final else End.ASKING)]


def ended(message: TurnMessage, end: End, note: str = "", ledger: TurnLedger | None = None) -> list[TurnMessage]:
    """Return a message that ends the turn: the parts that change, the newest last."""
    changed: list[TurnMessage] = []
    if message.end is End.ASKING:
        changed.append(replace(message, end=End.ASKS))
    if message.end is not End.OPEN:
        message = message.following()
    return [*changed, replace(message, end=end, note=note, ledger=ledger)]


def dumps(message: TurnMessage) -> str:
    """Return a part as JSON text."""
    kept: dict[str, object] = {
        "turn": message.turn,
        "number": message.number,
        "person": message.person,
        "team": message.team,
        "parts": [_dumped(part) for part in message.parts],
        "note": message.note,
        "end": message.end.value,
        **({"records": message.records} if message.records else {}),
    }
    if message.ledger is not None:
        kept["ledger"] = dumped(message.ledger)
    return json.dumps(kept, ensure_ascii=False)


def _dumped(part: Step | Text) -> object:
    if isinstance(part, Text):
        return part.text
    return [part.id, part.title, part.state.value, part.note]


def loads(payload: str) -> TurnMessage:
    """Return a part from JSON text; what another version has added is left out."""
    kept = mapping(parsed(payload))
    return TurnMessage(
        turn=int(str(kept.get("turn") or 0)),
        number=int(str(kept.get("number") or 1)),
        person=str(kept.get("person") or ""),
        team=str(kept.get("team") or ""),
        parts=tuple(part for each in items(kept.get("parts")) if (part := _loaded(each)) is not None),
        note=str(kept.get("note") or ""),
        end=one_of(End, kept.get("end"), End.ANSWERED),
        records=int(str(kept.get("records") or 0)),
        ledger=loaded(mapping(kept.get("ledger"))),
    )


def growing_part(turn: int, person: str, team: str, parts: Iterable[tuple[str, bool]]) -> TurnMessage:
    """Return the part of a turn's message that is to be continued: the first of its last parts that are not final.
    Those after it were only shown and not recorded.

    parts: payload and whether it is final, of all parts, the newest first.
    """
    found = ""
    for payload, final in parts:
        if final and found:
            break
        found = payload
        if final:
            break
    message = loads(found) if found else TurnMessage(turn)
    return replace(message, person=message.person or person, team=message.team or team)


def _loaded(kept: object) -> Step | Text | None:
    match kept:
        case str():
            return Text(kept)
        case [str() as id_, str() as title, str() as state, str() as note]:
            return Step(id_, title, one_of(StepState, state, StepState.DONE), note)
        case _:
            return None
