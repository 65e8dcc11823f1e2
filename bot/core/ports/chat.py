"""What the agent needs of the place where people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.core.inbox import Earlier, Unread
from bot.core.outages import Gap, Missed, Recorded
from bot.core.policy.privacy import Privacy
from bot.core.ports.model import TextListener
from bot.core.posts import Draft
from bot.core.questions.audience import Whereabouts
from bot.core.questions.question import Approval, Card, Question
from bot.core.thread_ref import ThreadRef
from bot.core.turn_message import Step, TurnMessage


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says, as it is posted."""

    pieces: Sequence[str]
    """Markdown; the first piece fits into the room that there was, or each fits into a new part."""
    files: Sequence[Draft] = ()
    """The file with the whole text, if it is too long to be posted."""


class ChatGateway(Protocol):
    """Where people are: renders what the agent says, and posts it in its own time."""

    def say(self, text: str, room: int) -> Said:
        """What the model says (Markdown), for a part of a turn's message that has room for so many characters."""
        ...

    def notice(self, text: str, key: str = "") -> Sequence[Draft]:
        """A sentence of the bot's own. The same key is posted once."""
        ...

    def read(self, place: ThreadRef, messages: Sequence[Unread]) -> None:
        """These messages are read, or answered: nothing marks them as waiting any more."""
        ...

    def consents(self, message: Unread) -> bool:
        """Whether a message says nothing but that something may be done."""
        ...

    def only_buttons_count(self, key: str, *, approve: bool) -> Draft:
        """That nothing is approved in writing. approve: the request has a button that approves it. The same key is
        posted once."""
        ...

    def parked(self) -> Draft:
        """The word that a thread is parked, with a button that takes it up again."""
        ...

    def cards(self, approvals: Sequence[Approval]) -> Sequence[Card]:
        """The requests of one step, in as few messages as will do. The messages themselves are not among the drafts."""
        ...

    def copy(self, questions: Sequence[Question], person: str, place: ThreadRef) -> Draft:
        """The copy of a card for a person who does not see its thread: those of its questions that they may answer."""
        ...

    def asked_directly(self, people: Sequence[str], key: str) -> Sequence[Draft]:
        """That these people were asked by direct message."""
        ...

    async def whereabouts(self, place: ThreadRef, people: Sequence[str], requester: str, *, asks: bool) -> Whereabouts:
        """What is known of the people and groups that a question names, and of who is in its conversation. `asks`:
        the requester is asking just now."""
        ...

    def reminders(self, question: Question) -> tuple[Sequence[Draft], Sequence[tuple[str, Draft]]]:
        """The reminder of a question to those who may decide it: what is posted below it, and (person, message) for
        those who were asked by direct message."""
        ...

    async def privacy(self, place: ThreadRef) -> Privacy:
        """How much of arguments and results may be shown there."""
        ...

    async def kind(self, place: ThreadRef) -> str:
        """What kind of conversation it surely is: `channel`, `group`, `mpim` or `im`; empty when nobody can say."""
        ...

    async def groups(self, user: str) -> frozenset[str] | None:
        """Those user groups that the configuration names and this person is in; None when Slack does not tell."""
        ...

    async def member(self, user: str) -> bool:
        """Whether this is an active person of our own workspace; False also when Slack does not tell."""
        ...

    async def outsider(self, user: str) -> bool:
        """Whether this certainly is no active person of our own workspace; False when Slack does not tell."""
        ...

    async def name(self, user: str) -> str:
        """A person's display name."""
        ...

    async def quote(self, messages: Sequence[Unread], known: Sequence[str] = ()) -> Sequence[str]:
        """Return messages of a thread as the model reads them: with the speaker's name, without Slack's markup, and
        with everything that is not the speaker's own words marked as such. `known` are people of this thread, for whom
        nobody else is to be taken."""
        ...

    async def earlier(self, place: ThreadRef, first: Unread) -> Earlier:
        """Return what was said in the thread besides the first message that addressed the bot there: before it, or
        after it when it was delivered late. Of a long thread, it is the first message and the newest ones."""
        ...

    async def missed(self, place: ThreadRef, gap: Gap, known: Sequence[Recorded]) -> Missed:
        """Return what was said in the thread since the gap began, and what of the messages that are recorded was edited
        or deleted. What is already recorded may be among the messages."""
        ...

    def working(self, thread_id: int, message: TurnMessage, words: str, running: Sequence[Step] = ()) -> None:
        """Show what the turn is doing now, below what the newest part of its message has: the steps that run, or in
        words if there is nothing else to show."""
        ...

    def writing(self, thread_id: int) -> TextListener:
        """Return what shows the text that the model is writing in this thread, until the next `working`."""
        ...

    def resting(self, thread_id: int) -> None:
        """The turn has ended or waits: show its message as it is recorded."""
        ...

    def deliver(self, thread_id: int) -> None:
        """Bring Slack in step with the store, in the background."""
        ...
