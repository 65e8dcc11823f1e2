"""What the agent and the Slack side need of the durable state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.inbox import Admission, Incoming
from bot.core.posts import Deliveries, Draft
from bot.core.questions.click import Click, Settlement
from bot.core.questions.grant import Grant
from bot.core.questions.question import Approval, Question
from bot.core.thread import ThreadState
from bot.core.tools import Undone
from bot.core.transaction import Change, UndoJob
from bot.core.transcript import Transcript


class Store(Protocol):
    """The durable state. Every method is one transaction, on the disk when it returns; raises StoreError."""

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        """Record a delivery; out: what became of it and the thread's number."""
        ...

    async def waiting(self) -> Sequence[int]:
        """The threads that have something left to do now; not those that only wait for the decision of a person."""
        ...

    async def load(self, thread_id: int) -> ThreadState:
        """A thread as it stands, with its open turn and what is unread, but without the texts of its log: what this
        reads does not grow with the thread."""
        ...

    async def transcript(self, state: ThreadState) -> Transcript:
        """The thread's log as a request to the model carries it. It is read once and stays with the state, which
        commits keep in step."""
        ...

    async def commit(self, state: ThreadState, change: Change) -> None:
        """Write the change and bring the state in step with it, also with what has become unread meanwhile. The
        turn's counters are written as they stand in the state."""
        ...

    async def failed(self, thread_id: int, sorry: Sequence[Draft], parked: Draft) -> bool:
        """Count a run that an error has ended: `sorry` is posted for the first, the third in a row parks the thread.
        Out: whether it is parked."""
        ...

    async def park(self, thread_id: int, parked: Draft) -> None:
        """Do nothing for this thread until a person takes it up again; the draft tells them so."""
        ...

    async def uncount(self, thread_id: int) -> None:
        """The request to the model that was begun last was called off by ourselves: it does not count."""
        ...

    async def functions(self, digest: str) -> str:
        """A tool list that a request offered, as JSON text; empty when there is none."""
        ...

    async def answer(self, clicks: Sequence[Click]) -> Sequence[Settlement]:
        """Let clicks decide questions, if they may (`bot.core.questions.decide`), and write all that follows: several
        clicks in one transaction. The first valid one wins."""
        ...

    async def undo_jobs(self, thread_id: int = 0) -> Sequence[tuple[int, UndoJob]]:
        """(thread, call to take back), of one thread or of all."""
        ...

    async def begin_undo(self, call: int) -> None:
        """A call is about to be taken back."""
        ...

    async def end_undo(self, thread_id: int, call: int, undone: Undone, note: str) -> None:
        """How it ended; the note is what the model is told at its next turn."""
        ...

    async def withdraw(self, question: str) -> None:
        """Slack will not show the message of this question: its calls end without it, and it is not posted."""
        ...

    async def find_question(self, question: str) -> Question | None:
        """A question by its id."""
        ...

    async def expire(self) -> Sequence[int]:
        """Close the questions, grants and offers whose time is over; out: the threads concerned."""
        ...

    async def unreminded(self, seconds: float) -> Sequence[tuple[int, Approval]]:
        """(thread, request) for open requests that end within so many seconds and of which nobody was reminded."""
        ...

    async def remind(self, thread_id: int, approval: str, drafts: Sequence[Draft]) -> None:
        """Remind people of a request, once."""
        ...

    async def grants(self, team: str, user: str) -> Sequence[Grant]:
        """The grants of a person that hold now."""
        ...

    async def grants_for(self, team: str, tool: str, thread_id: int, user: str) -> Sequence[Grant]:
        """The grants that may let a tool run now: those for this thread, and this person's for everywhere."""
        ...

    async def end_grant(self, grant: int, how: str, user: str = "") -> bool:
        """End a grant: `revoked` by the person who gave it, or `void`. False when it has ended or is not theirs."""
        ...

    async def deliveries(self, thread_id: int) -> Deliveries:
        """The messages that Slack does not show as they are wanted, or that may change at any time."""
        ...

    async def last_post(self) -> int:
        """The number of the newest post."""
        ...

    async def owe(self, thread_id: int, drafts: Sequence[Draft]) -> None:
        """Record messages to post, or other bodies for messages that are not final."""
        ...

    async def posted(self, post: int, ts: str, revision: int, *, soon: bool = False) -> None:
        """The message is in Slack as this revision has it, with this timestamp. `soon` waits a moment for a commit to
        share."""
        ...

    async def shown(self, post: int, revision: int) -> None:
        """Slack shows this revision of the message now."""
        ...

    async def post_closed(self, post: int, state: str) -> None:
        """The message was `refused` for good, or `removed`."""
        ...
