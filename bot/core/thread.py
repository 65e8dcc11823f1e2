"""The state of one Slack thread: its log, its open turn with its calls, and its unread messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.core.calls import Call
from bot.core.compaction import Measure
from bot.core.inbox import Unread
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage
from bot.core.transcript import Transcript
from bot.core.turn_message import TurnMessage

QUESTION_DELETED = "question deleted"
"""In `Turn.stopped_by`: nobody has stopped the turn, but the message that asked for it was deleted."""


def person(stopped_by: str) -> str:
    """Return the person who stopped a turn; empty if none did."""
    return "" if stopped_by == QUESTION_DELETED else stopped_by


@dataclass(slots=True)
class Turn:
    """A turn, from the message that starts it to the answer that ends it."""

    id: int
    requester: str
    steps: int = 0
    """Requests to the model that were answered."""
    seconds: float = 0.0
    """Time spent in the model and in tools; waiting for a person does not count."""
    reprompted: bool = False
    """The model was asked again after an empty answer."""
    closing: str = ""
    """Why the turn has to end now, if a limit was reached."""
    attempts: int = 0
    """Requests to the model started since one last succeeded; each is committed before it is sent."""
    announced: bool = False
    """The last attempt is committed but not sent yet: the commit that leads to a request already counts it."""
    stopped_by: str = ""
    """Who stopped the turn, or QUESTION_DELETED; updated by the store at each commit."""
    others: tuple[str, ...] = ()
    """Ids of people other than the requester who have addressed the bot during the turn."""
    usage: Usage = field(default_factory=Usage)
    """What its requests to the model have cost."""
    model: str = ""
    """The model that answered last; empty while none has."""
    fallback: str = ""
    """The fallback that last answered in place of the model that was asked; empty if none has."""
    first: int = 0
    """The position in the log at which it begins."""


MAX_PEOPLE = 50


@dataclass(slots=True)
class ThreadState:
    """A thread as `advance` works on it; synchronized with the store at each commit."""

    id: int
    place: ThreadRef
    last_position: int
    """The position of the last message of its log (see `bot.core.transcript`); -1 if there is none."""
    last_role: str
    turn: Turn | None
    calls: list[Call] = field(default_factory=list[Call])
    """The calls of the open turn, in the order of the log."""
    unread: list[Unread] = field(default_factory=list[Unread])
    people: tuple[str, ...] = ()
    """People who have addressed the bot in it, at most `MAX_PEOPLE`."""
    functions: str = ""
    """The digest of the tool list in the last request."""
    transcript: Transcript | None = None
    """The log as the model reads it, loaded when a request first needs it: `bot.core.ports.store.Log.transcript`."""
    measured: Measure = field(default_factory=Measure)
    """How large the last request was."""
    stale: bool = False
    """A message was deleted whose content may be in what stands in for the older part of the log."""
    cut: bool = False
    """A result of a tool was cut for the model, and the whole of it was kept."""
    parked: bool = False
    """It has failed too often in a row: only a person can resume it."""
    waited: float = 0.0
    """Seconds for which calls that run have waited for a person since the last look at the time."""
    message: TurnMessage | None = None
    """The newest part of the open turn's message, as it is after the next commit; None if no turn is open."""

    @property
    def part(self) -> TurnMessage:
        """The newest part of the open turn's message."""
        assert self.message is not None, "a turn is open"
        return self.message

    @property
    def next_position(self) -> int:
        """The position of the next message."""
        return self.last_position + 1

    @property
    def begun(self) -> bool:
        """Whether its log has ever had a message."""
        return self.last_position >= 0

    @property
    def unbegun(self) -> bool:
        """Whether its turn is open and has nothing in the log: it was opened to read the files of a request."""
        return self.turn is not None and self.turn.first > self.last_position

    @property
    def step(self) -> list[Call]:
        """The calls of the last assistant message whose results are not in the log yet."""
        if self.last_role != "assistant":
            return []
        return [call for call in self.calls if call.seq == self.last_position]
