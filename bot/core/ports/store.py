"""The durable state, as ports; another is in `bot.core.ports.sessions`. The audit log is for commands.

For every method the following holds, and the contract suite (`tests/contract`) checks it on every backend:

- It is one transaction: when it returns, everything is durable; when it raises, nothing was written.
- It raises StoreError if the backend refuses: it is unavailable or full, or the state is not what the caller expects.
- It may be called from many tasks of one process at once.
- Times are seconds since 1970. Threads, calls, posts and grants have increasing numbers.
- What people decide and what is run is recorded in the audit, in the same transaction.

Consumers depend on the ports that they use; a backend implements `Store`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from bot.core.amendments import Amendment, AmendmentOutcome
from bot.core.audit import AuditCheck, AuditRecord
from bot.core.inbox import Admission, Incoming
from bot.core.ports.compactions import Compactions
from bot.core.ports.costs import Costs
from bot.core.ports.grants import Grants
from bot.core.ports.identities import IdentityStore
from bot.core.ports.ledgers import Ledgers
from bot.core.ports.long_results import LongResults
from bot.core.ports.outages import Outages
from bot.core.ports.posts import Posts
from bot.core.ports.secrets import Secrets
from bot.core.ports.server_news import ServerNewsStore
from bot.core.ports.sessions import SessionStore
from bot.core.ports.thread_models import ThreadModels
from bot.core.ports.undos import Undos
from bot.core.posts import Draft
from bot.core.questions.click import Click, Settlement
from bot.core.questions.question import Question
from bot.core.thread import ThreadState
from bot.core.transaction import Change
from bot.core.transcript import Transcript
from bot.core.turn_record import TurnRecord
from bot.core.usage import By, Remark, UsageRow
from bot.core.waiting import Waiting


class Inbox(Protocol):
    """Messages of people, recorded before their delivery is acknowledged to Slack."""

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        """Record a delivered message. Return what became of it, and the thread's id (0: not one of the bot's).

        A thread begins with the first message that is addressed to the bot; what others write before is ignored. After
        that everything is recorded: a message of a person who has addressed the bot in the thread before is addressed
        too, unless it is `to_others`; any other is context. Apps have to address the bot each time. An addressed
        message resumes a parked thread. A `late` one of a person is held: it is unread context and wakes nobody. A
        message of our own app whose `post` is recorded is a duplicate. An `unclear` one is never recorded.

        A stop word ends the open turn of its thread if its author has asked for that turn or `may_stop`. Outside of
        threads it ends all turns that its author has asked for in this conversation before. Unread and held messages of
        its author, and of those who have asked for what it ends, are withdrawn (`bot.core.inbox.WITHDRAWN`). A turn
        that the author may stop and that has not begun is opened as a stopped one. The word itself is then context. If
        there was nothing to stop, it is an ordinary message.

        A person's message with a `choice` that is addressed to the bot sets the model of its thread
        (`ThreadModels.thread_model`), unless one that was written later has done so already, and its reply is posted.
        It begins a thread if there is none. The message is then context, even if it is `late`.

        Idempotent, by event and by timestamp: a second delivery is a duplicate and changes nothing, except that unread
        context becomes addressed if it is delivered again as a mention.
        """
        ...

    async def ask(self, asked: Incoming, notice: Draft) -> int:
        """Record a request that somebody made in a window, once for each `event_id`, and a message about it to post.
        Return the id of the thread that has something to do.

        With a place that is no thread (`bot.core.begun_threads`), the message is posted to the person, and the request
        is recorded in the thread that begins with it, together with where it is (`Posts.posted`).
        """
        ...

    async def amend(self, change: Amendment) -> tuple[AmendmentOutcome, int]:
        """Record that a message was edited or deleted. Return what follows, and the thread's id (0: none).

        An unread message is changed or removed. A change of a message that was read is reported by an unread message
        with the same author: one for each message, with its latest change. If a deletion leaves the open turn without a
        request, the turn is stopped. A change that arrives before its message is kept and applied when the message is
        admitted. A message that has stopped a turn, or was withdrawn by a stop, never becomes a request.

        A held message stays held when it is edited; a message that becomes a request by a `late` edit is held. If
        nothing is left of what a question offers to answer (`Outages.offer`), the question is closed as `taken_back`;
        otherwise it stays open for the authors of what is left.

        Idempotent, and independent of the order of delivery: a change that is older than the newest known one changes
        nothing, and nothing follows a deletion.
        """
        ...

    async def waiting(self) -> Sequence[int]:
        """Return the ids of the threads that have something to do now, in ascending order: advance a turn, or update
        Slack.

        Threads that only wait for people are not included, and parked ones only if Slack has to be updated. The cost
        does not grow with threads that have nothing to do.
        """
        ...


class Log(Protocol):
    """What the model has read and done in each thread: messages, turns and calls."""

    async def load(self, thread_id: int) -> ThreadState:
        """Return the state of a thread: its open turn and unread messages, but not the texts of its log, so that the
        cost does not grow with the thread.

        Of the people who have addressed the bot, some are included (`bot.core.thread.MAX_PEOPLE`). For each unfinished
        call it says whether people are being asked, or which question allows it.
        """
        ...

    async def transcript(self, state: ThreadState) -> Transcript:
        """Return the log of the thread up to the state's last position as the model reads it, byte for byte as it was
        committed: what the newest compaction keeps and its own message, if there is one, and what follows it.

        It is read once and kept with the state, which commits keep up to date; what a compaction has replaced is not
        read. Raises StoreError if a message is missing.
        """
        ...

    async def commit(self, state: ThreadState, change: Change) -> None:
        """Write a change, and update the state with it, with new unread messages and with who has stopped the turn.

        Raises ChangedError if a message that it reads was changed or withdrawn since the state was loaded, and if it
        opens a turn while one is open. New messages get the positions after the state's last one. Raises StoreError if
        such a position is taken, if people are asked about one of its calls already, or if the id of a question is
        taken. The state has to be loaded again then.

        With `Change.unless_stopped`, only the turn's counters are written if somebody has stopped the turn.

        The turn's counters are written as they are in the state; usage is added. A call that has a result keeps it: one
        that a person has ended meanwhile is returned unchanged. Questions of a stopped turn are closed as soon as they
        are asked. An undo snapshot is written only for a call that is being started.
        """
        ...

    async def functions(self, digest: str) -> str:
        """Return a tool list that a committed request offered, as JSON text; empty if none has this digest."""
        ...

    async def failed(self, thread_id: int, sorry: Sequence[Draft], parked: Draft) -> bool:
        """Count a run that ended with an error. Return whether the thread is parked now.

        The first failure in a row posts `sorry`, and the third parks the thread, as does the third attempt of a request
        to the model. A row ends when a change makes progress (`Change.gets_on`), ends the turn, or finishes a call.
        """
        ...

    async def park(self, thread_id: int, parked: Draft) -> None:
        """Do nothing for this thread until a person resumes it, by an addressed message or by answering the `retry`
        question that belongs to the draft and has its key. Does nothing if the thread is parked already."""
        ...

    async def uncount(self, thread_id: int) -> None:
        """Undo the counting of the open turn's last attempt, because we cancelled the request ourselves. Never below
        0."""
        ...


class Questions(Protocol):
    """Questions to people: asked by `Log.commit`, kept with their votes, decided once."""

    async def answer(self, clicks: Sequence[Click]) -> Sequence[Settlement]:
        """Apply clicks to their questions, and write all that follows, in one transaction. Return a verdict for each.

        `bot.core.questions.decide` decides whether a click counts and what follows, given the question as it is inside
        the transaction, so that of two concurrent clicks the first wins. The store adds only facts: where the message
        is, who takes part in the turn, who has voted. A click that changes nothing writes nothing.
        """
        ...

    async def stop(self, turn: int, user: str, *, others: bool = False) -> int:
        """Stop an open turn of this person, or with `others` of anybody, and resume its thread if it is parked. If the
        turn has read nothing yet, what its requester has written is withdrawn. Return the thread's id; 0, with nothing
        written, if the turn is not theirs or has ended."""
        ...

    async def waiting_for(self, user: str, groups: Collection[str], most: int) -> Waiting:
        """Return what waits for a person in these user groups, and their open turns; at most `most` of each. The cost
        does not grow with what waits for others."""
        ...

    async def unchecked(self, before: float, most: int) -> Sequence[Question]:
        """Return open questions that were not `checked` since a time, the longest unchecked first; at most `most`."""
        ...

    async def checked(
        self,
        question: str,
        copies: Sequence[tuple[str, Draft]] = (),
        notes: Sequence[Draft] = (),
        closed: str = "",
    ) -> None:
        """Record that it was checked who can answer a question.

        If it is open, record copies of its message, each for a person, and messages to post. With a reason in `closed`,
        which the model reads, close it as `withdrawn`.
        """
        ...

    async def deleted(self, channel: str, ts: str, notice: Draft) -> int:
        """Record that somebody has deleted a message of ours in Slack. Return its thread's id.

        Returns 0, with nothing written, if the message asks nothing that is open, or is known to be gone. It is posted
        once more, in its current state. The second time, its open questions end as `withdrawn`, and the notice is
        posted. Of a copy, only the copy ends, and its questions become `unchecked`.
        """
        ...

    async def find_question(self, question: str) -> Question | None:
        """Return the current state of a question, with the arguments that it was asked about; None if there is none."""
        ...

    async def questions_of_message(self, question: str) -> Sequence[Question]:
        """Return all questions of the message that contains this one, in their order there; of those about one call,
        earlier versions come first. Empty if there is no such question."""
        ...

    async def withdraw(self, question: str) -> None:
        """Close all open questions of a question's message as `withdrawn`, with their calls, because Slack does not
        show it.

        The message is not posted any more. Does nothing if the question is unknown or decided.
        """
        ...

    async def unreminded(self, seconds: Mapping[str, float]) -> Sequence[tuple[int, Question]]:
        """Return (thread, question) for open questions that expire within a time, by kind in seconds, and whose people
        were not reminded, the earliest first. It may be a part; the rest follows once these were reminded."""
        ...

    async def remind(
        self, thread_id: int, question: str, drafts: Sequence[Draft], direct: Sequence[tuple[str, Draft]] = ()
    ) -> None:
        """Post a reminder of a question, and of those in its message that the same people decide: once, and only while
        it is open.

        direct: (person, message) for those who see it in a direct message.
        """
        ...


class Turns(Protocol):
    """What is recorded of turns, for people who ask for details, and what people think of their answers."""

    async def turn_record(self, turn: int, most: int) -> TurnRecord | None:
        """Return a turn with its first calls, at most `most`; None if there is no such turn."""
        ...

    async def rate(self, turn: int, channel: str, user: str, *, good: bool) -> bool:
        """Keep what a person thinks of the answer of a turn: one opinion a person and turn, the latest. What they have
        written with another one goes. False, and nothing is written, if no such turn of this channel was answered."""
        ...

    async def explain(self, turn: int, user: str, words: str) -> bool:
        """Keep why a person calls the answer of a turn bad. False, and nothing is written, if they do not."""
        ...


class Store(
    Inbox,
    Outages,
    Log,
    Turns,
    Questions,
    Posts,
    Grants,
    Undos,
    Ledgers,
    LongResults,
    Compactions,
    Costs,
    Secrets,
    SessionStore,
    IdentityStore,
    ThreadModels,
    ServerNewsStore,
    Protocol,
):
    """The durable state: all ports on one set of transactions."""

    async def expire(self) -> Sequence[int]:
        """Close all expired questions, grants and undo offers, in as many transactions as needed. Return the ids of the
        threads of the questions and offers."""
        ...


class AuditLog(Protocol):
    """The audit records, to read and verify, also while a bot runs on the store or after it was killed.

    For commands, which have a process of their own and no event loop. Raises StoreError if the store cannot be read.
    `bot.store.audit_chain` computes the hashes that link the records.
    """

    def records(self, since: float = 0.0, until: float = float("inf"), thread_ts: str = "") -> Iterator[AuditRecord]:
        """Yield in order the records from `since` until before `until`, of the threads with this timestamp if it is
        given.

        Only few others are read, and never many at once: a slow reader holds no lock that a running bot needs.
        """
        ...

    def verify(self, head: str = "") -> AuditCheck:
        """Return whether the records are unchanged, and whether a hash that was noted earlier is still among them.
        Reads all of them, a few at a time."""
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
