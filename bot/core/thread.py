"""What is known of one Slack thread: its log, its open turn, that turn's calls, and what has not been read yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.core.calls import Call
from bot.core.inbox import Unread
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage
from bot.core.transcript import Transcript


@dataclass(slots=True)
class Turn:
    """From the message that starts it to the answer that ends it."""

    id: int
    requester: str
    steps: int = 0
    """Requests to the model that were answered."""
    seconds: float = 0.0
    """Time spent in the model and in tools; waiting for a person does not count."""
    nudged: bool = False
    """An empty answer was asked again."""
    closing: str = ""
    """Why the turn has to end now, when a limit was reached."""
    attempts: int = 0
    """Requests to the model that were begun since something last came of one; on the disk before they are sent."""
    announced: bool = False
    """The last of these is on the disk and was not sent yet: a commit that leads to a request counts it with it."""
    stopped_by: str = ""
    """Who has stopped it; the store finds out at each commit."""
    others: tuple[str, ...] = ()
    """Who besides the requester has addressed the bot in the course of it: they have had a say in what it does."""
    usage: Usage = field(default_factory=Usage)
    """What its requests to the model have cost."""
    model: str = ""
    """The model that answered last; empty when none has since the thread was loaded."""


@dataclass(slots=True)
class ThreadState:
    """A thread as `advance` works on it; kept in step with the store at each commit."""

    id: int
    place: ThreadRef
    last_position: int
    """The position of the last message of its log; -1 when it has none. Positions grow along the log and stay with
    their messages: they are no indexes."""
    last_role: str
    turn: Turn | None
    calls: list[Call] = field(default_factory=list[Call])
    """The calls of the open turn, in the order of the log."""
    unread: list[Unread] = field(default_factory=list[Unread])
    functions: str = ""
    """The digest of the tool list that the last request offered."""
    transcript: Transcript | None = None
    """The log itself, once a request to the model has needed it: `bot.core.ports.Store.transcript`."""
    parked: bool = False
    """It has failed too often in a row: only a person takes it up again."""

    @property
    def next_position(self) -> int:
        """The position that the next message gets."""
        return self.last_position + 1

    @property
    def begun(self) -> bool:
        """Whether its log has ever had a message."""
        return self.last_position >= 0

    @property
    def step(self) -> list[Call]:
        """The calls of the last assistant message that are not answered in the log yet."""
        if self.last_role != "assistant":
            return []
        return [call for call in self.calls if call.seq == self.last_position]
