"""What the bot needs of its durable state, as seven ports: inbox, outages, log, questions, posts, grants, undos. An
eighth, the audit log, is for commands.

This holds for every method, and the contract suite (`tests/contract`) tries it on every backend:

- It is one transaction: when it returns, all of it outlives the process; when it raises, none of it was written.
- It raises StoreError when the backend refuses: it is away or full, or the state is not what the caller supposes.
- It may be called from many tasks of one process at once.
- Times are seconds since 1970. Threads, calls, posts and grants have numbers, each above those before it.
- What people decide and what is run is recorded in the audit, in the transaction that writes it.

A consumer asks for the ports that it uses; a backend implements `Store`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from bot.core.amendments import Amended, Amendment
from bot.core.audit import AuditCheck, AuditRecord
from bot.core.inbox import Admission, Incoming
from bot.core.ports.outages import Outages
from bot.core.ports.posts import Posts
from bot.core.posts import Draft
from bot.core.questions.click import Click, Settlement
from bot.core.questions.grant import Grant
from bot.core.questions.question import Question
from bot.core.thread import ThreadState
from bot.core.tools import Undone
from bot.core.transaction import Change, UndoJob
from bot.core.transcript import Transcript
from bot.core.turn_record import TurnRecord
from bot.core.usage import By, Remark, UsageRow
from bot.core.waiting import Waiting


class Inbox(Protocol):
    """Messages of people, recorded before Slack is told that they have arrived."""

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        """Record a delivered message. Out: what became of it, and the thread's number (0: none of the bot's).

        A thread begins with the first message that is addressed to the bot; what others write before is ignored. In
        the bot's threads all is recorded: a message of a person who has addressed the bot there before is addressed
        too, unless it is `to_others`; any other is context. Apps have to address the bot each time. An addressed
        message resumes a parked thread; one of a person that is `late` is held: it is unread context, and wakes nobody.
        A message of our own app whose `post` is recorded is a duplicate. One that is `unclear` is never recorded.

        A stop word ends the open turn of its thread if its author has asked for that turn or `may_stop`; outside of
        threads it ends all turns that its author has asked for in this conversation, whichever began before it. What is
        unread of its author, or held, asks for nothing any more; a turn that they may stop and that has not begun is
        opened as a stopped one. The word is then context; if there was nothing to stop, it is a message like any other.

        Idempotent, by event and by timestamp: a second delivery is a duplicate and changes nothing, except that an
        unread message that came as context becomes addressed when it comes again as a mention.
        """
        ...

    async def amend(self, change: Amendment) -> tuple[Amended, int]:
        """Record that a message was edited or deleted. Out: what follows from it, and the thread's number (0: none).

        A message that is unread is changed or removed. Of one that was read, the change is reported: as an unread
        message with the same author, one for each message, which says what the latest change was. If a deletion leaves
        the open turn without a request, the turn is stopped. What was changed before it is delivered is remembered,
        and admitted as it was changed. What has stopped a turn, or was withdrawn by that, never becomes a request.

        A held message stays held when it is edited, and so does a message that becomes a request by an edit that is
        `late`. If nothing is left of what a question offers to answer (`Outages.offer`), the question is closed as
        `taken_back`; else it is for the authors of what is left.

        Idempotent, and independent of the order of delivery: a change that is older than the newest known one changes
        nothing, and nothing follows a deletion.
        """
        ...

    async def waiting(self) -> Sequence[int]:
        """The threads that have something left to do now, each once, in ascending order: to advance a turn, or to
        bring Slack in step. A thread that only waits for people is not among them, and a parked one only when Slack
        is not in step. What it costs does not grow with threads that have nothing to do."""
        ...


class Log(Protocol):
    """What the model has seen and done in each thread: messages, turns, calls."""

    async def load(self, thread_id: int) -> ThreadState:
        """A thread as it stands, with its open turn and what is unread, but without the texts of its log: what this
        reads does not grow with the thread. Of the people who have addressed the bot there it has some
        (`bot.core.thread.MAX_PEOPLE`). Of each unfinished call it says whether people are being asked, or which
        question allows it."""
        ...

    async def transcript(self, state: ThreadState) -> Transcript:
        """The log of the thread, byte for byte as it was committed, up to the state's last position. It is read once
        and stays with the state, which commits keep in step. Raises StoreError when a message within it is missing."""
        ...

    async def commit(self, state: ThreadState, change: Change) -> None:
        """Write the change and bring the state in step with it, also with what has become unread meanwhile and with
        who has stopped the turn.

        Raises ChangedError if a message that it reads was changed or withdrawn since the state was loaded, and if it
        opens a turn while one is open. Messages get the positions that follow the state's last one. Raises when such a
        position is taken, when it asks about a call of which people are being asked already, or when a question has an
        id that is taken; the state is to be loaded again then.

        With `Change.unless_stopped`, nothing but the turn's counters is written when somebody has stopped the turn.

        The turn's counters are written as they stand in the state; usage is added. A call that has a result keeps it:
        one that a person has ended meanwhile is given back as it is. Questions of a stopped turn are closed as soon as
        they are asked. What is kept to undo a call is written only for a call that is being started.
        """
        ...

    async def functions(self, digest: str) -> str:
        """A tool list that a committed request offered, as JSON text; empty when there is none with this digest."""
        ...

    async def failed(self, thread_id: int, sorry: Sequence[Draft], parked: Draft) -> bool:
        """Count a run that an error has ended. Out: whether the thread is parked. The first in a row has `sorry`
        posted, the third parks it, as does the third begun request to the model. The row ends when a change brings the
        turn on (`Change.gets_on`), ends it, or finishes a call."""
        ...

    async def park(self, thread_id: int, parked: Draft) -> None:
        """Do nothing for this thread until a person resumes it: by an addressed message, or by answering the `retry`
        question that goes with the draft and has its key. Nothing happens to a thread that is parked already."""
        ...

    async def uncount(self, thread_id: int) -> None:
        """Take back the last of the open turn's attempts: we called off the request ourselves. Never below 0."""
        ...


class Questions(Protocol):
    """Questions to people: asked by `Log.commit`, kept with their votes, decided once."""

    async def answer(self, clicks: Sequence[Click]) -> Sequence[Settlement]:
        """Let clicks decide questions and write all that follows, in one transaction. Out: a verdict for each.

        Whether a click counts and what follows is for `bot.core.questions.decide` to say, given the question as it
        stands inside the transaction, so that of two that come at once the first wins. The store adds only facts: where
        the message is, who takes part in the turn, who has voted. A click that changes nothing writes nothing.
        """
        ...

    async def stop(self, turn: int, user: str, *, others: bool = False) -> int:
        """Stop an open turn that this person has asked for, and resume its thread if it is parked. Out: its thread; 0,
        and nothing is written, when it is not theirs or has ended. `others`: they may stop it whoever has asked."""
        ...

    async def waiting_for(self, user: str, groups: Collection[str], most: int) -> Waiting:
        """What waits for a person in these user groups, and the open turns that they have asked for; so many of each at
        most. What it costs does not grow with what waits for others."""
        ...

    async def unchecked(self, before: float, most: int) -> Sequence[Question]:
        """Open questions that were not `checked` since this time, those not for the longest first; so many at most."""
        ...

    async def checked(
        self,
        question: str,
        copies: Sequence[tuple[str, Draft]] = (),
        notes: Sequence[Draft] = (),
        closed: str = "",
    ) -> None:
        """Record that it was looked at who can answer a question. If it is open, record copies of its message, each for
        a person, and messages to post, and, with a reason, which the model reads, close it as `withdrawn`."""
        ...

    async def deleted(self, channel: str, ts: str, notice: Draft) -> int:
        """A message of ours is no longer in Slack, and not because we have deleted it. Out: its thread; 0, and nothing
        is written, if it asks nothing that is open or is known to be gone. It is owed once more, as it stands now. The
        second time its open questions end as `withdrawn`, and the notice is posted; of a copy, only the copy ends, and
        its questions are `unchecked`."""
        ...

    async def find_question(self, question: str) -> Question | None:
        """A question as it stands, with the arguments that it was asked about; None when there is none."""
        ...

    async def withdraw(self, question: str) -> None:
        """Slack will not show the message of this question: all its open questions end as `withdrawn`, with their
        calls, and the message is not posted any more. Nothing happens when it is unknown or decided."""
        ...

    async def unreminded(self, seconds: Mapping[str, float]) -> Sequence[tuple[int, Question]]:
        """(thread, question) for open questions of these kinds that end within so many seconds, by kind, and of which
        nobody was reminded, those that end first at the front. It may give a part; the rest comes once those were
        reminded of."""
        ...

    async def remind(
        self, thread_id: int, question: str, drafts: Sequence[Draft], direct: Sequence[tuple[str, Draft]] = ()
    ) -> None:
        """Post a reminder of a question and of those in its message that the same people decide: once, and only while
        it is open. `direct`: (person, message) for those who see it in a direct message."""
        ...


class Turns(Protocol):
    """What is recorded of turns, for people who ask for details, and what people think of their answers."""

    async def turn_record(self, turn: int, most: int) -> TurnRecord | None:
        """A turn with its first calls, so many at most; None if there is no such turn."""
        ...

    async def rate(self, turn: int, channel: str, user: str, *, good: bool) -> bool:
        """Keep what a person thinks of the answer of a turn: one opinion a person and turn, the latest. What they have
        written with another one goes. False, and nothing is written, if no such turn of this channel was answered."""
        ...

    async def explain(self, turn: int, user: str, words: str) -> bool:
        """Keep why a person calls the answer of a turn bad. False, and nothing is written, if they do not."""
        ...


class Grants(Protocol):
    """Standing permissions, given with an approval (`Questions.answer`)."""

    async def grants(self, team: str, user: str) -> Sequence[Grant]:
        """The grants of a person that hold now, the newest first."""
        ...

    async def grants_for(self, team: str, tool: str, thread_id: int, user: str) -> Sequence[Grant]:
        """The grants that may let a tool run now, the newest first: anybody's for this thread, and this person's for
        everywhere."""
        ...

    async def end_grant(self, grant: int, how: str, user: str = "") -> bool:
        """End a grant: `revoked` by the person who gave it, or `void`. False, and nothing is written, when it has ended
        or is not theirs."""
        ...


class Undos(Protocol):
    """What approved calls have changed, kept by `Log.commit` for as long as it may be undone."""

    async def undo_jobs(self, thread_id: int = 0) -> Sequence[tuple[int, UndoJob]]:
        """(thread, call to undo) of what somebody wants undone, of one thread or of all."""
        ...

    async def begin_undo(self, call: int) -> None:
        """A call is about to be undone: found again after a crash, it may have been."""
        ...

    async def end_undo(self, thread_id: int, call: int, undone: Undone, note: str) -> None:
        """How it ended, once. If it was undone, the model reads the note at its next turn, as an unread message of
        nobody's."""
        ...


class Store(Inbox, Outages, Log, Turns, Questions, Posts, Grants, Undos, Protocol):
    """The durable state: all ports over one set of transactions."""

    async def expire(self) -> Sequence[int]:
        """Close all questions, grants and offers to undo whose time is over, in as many transactions as it takes. Out:
        the threads whose questions or offers were closed. A second time finds nothing."""
        ...


class AuditLog(Protocol):
    """The records that the other ports have made, to read and to verify, never to write: also while a bot runs on the
    store, and after it was killed.

    It is for commands, which have a process of their own and no event loop. Raises StoreError when the store cannot be
    read. `bot.store.audit_chain` has the hashes that bind the records.
    """

    def records(self, since: float = 0.0, until: float = float("inf"), thread_ts: str = "") -> Iterator[AuditRecord]:
        """The records of a time (from `since`, before `until`) and of the threads with this timestamp, in order.

        Read are those and few others, however many there are, and never many at once: a reader that is slow, or waits
        for a person, holds nothing that a running bot needs.
        """
        ...

    def verify(self, head: str = "") -> AuditCheck:
        """Whether the records are those that were written; with a hash that was noted earlier also whether it is still
        among them. Looks at all of them, a few at a time."""
        ...


class UsageLog(Protocol):
    """What turns have cost and what people think of their answers, to read: also while a bot runs on the store. Like
    `AuditLog`, it is for commands, and raises StoreError when the store cannot be read."""

    def usage(self, by: By, since: float = 0.0) -> Iterator[UsageRow]:
        """The turns that began since this time, added up; days in their order, everything else by cost, the dearest
        first. What it takes in memory does not grow with the turns."""
        ...

    def remarks(self, since: float = 0.0) -> Iterator[Remark]:
        """What people have written about bad answers since this time, the newest first."""
        ...
