"""The port to the chat: what the agent needs of the place where people write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.core.attachments import Attached, Quoted
from bot.core.budget import Standing
from bot.core.inbox import Earlier, Unread
from bot.core.outages import Gap, Missed, RecordedMessage
from bot.core.policy.privacy import Privacy
from bot.core.ports.model import TextListener
from bot.core.posts import Draft
from bot.core.questions.audience import Reachability
from bot.core.questions.question import Approval, Card, Question
from bot.core.server_offers import PromptRef
from bot.core.sessions import SessionStatus
from bot.core.surroundings import Surroundings
from bot.core.thread import ThreadState
from bot.core.thread_ref import ThreadRef
from bot.core.turn_message import Step, TurnMessage


@dataclass(frozen=True, slots=True)
class Said:
    """What the model says, as it is posted."""

    pieces: Sequence[str]
    """Markdown; the first piece fits into the room that there was, and each other one fills a part of its own."""
    files: Sequence[Draft] = ()
    """The file with the whole text, if it is too long to be posted."""
    cuts: Sequence[int] = ()
    """Where all pieces but the last end, as positions in the prepared text."""


class ChatGateway(Protocol):
    """Renders what the agent says, and posts it in the background."""

    def say(self, thread_id: int, text: str, room: int) -> Said:
        """Divide what the model says (Markdown) among the parts of a turn's message, the first of which has room for
        `room` characters.

        It is divided as it was while people saw it being written.
        """
        ...

    def ended_early(self, thread_id: int, message: TurnMessage) -> bool:
        """Return whether this part has ended before its turn, so that the next one continues it: Slack lets a streamed
        message grow for some minutes only."""
        ...

    def notice(self, text: str, key: str = "") -> Sequence[Draft]:
        """Return the post of a sentence by the bot itself; none if it is empty. Each key is posted once."""
        ...

    def read(self, place: ThreadRef, messages: Sequence[Unread]) -> None:
        """These messages are read, or answered: nothing marks them as waiting any more."""
        ...

    def consents(self, message: Unread) -> bool:
        """Whether a message says nothing but that something may be done."""
        ...

    def used_prompt(self, message: Unread) -> PromptRef | None:
        """Return the prompt of a tool server that a message uses; None if it says something itself."""
        ...

    def only_buttons_count(self, key: str, *, approve: bool) -> Draft:
        """That nothing is approved in writing. approve: the request has a button that approves it. The same key is
        posted once."""
        ...

    def parked(self) -> Draft:
        """Return the post that says that a thread is parked, with a button to resume it."""
        ...

    def cards(self, approvals: Sequence[Approval]) -> Sequence[Card]:
        """Return the cards of the requests of one step, in as few messages as possible. Their drafts do not include the
        messages themselves."""
        ...

    def budget_card(self, question: Question, standing: Standing) -> Card:
        """Return the message that asks operators whether more may be spent of a budget that is used up."""
        ...

    def input_card(self, question: Question) -> Card:
        """Return the message that asks a person for what a call waits for."""
        ...

    def sign_in_card(self, question: Question) -> Card:
        """Return the message that asks a person to sign in to a server; in a thread, it only says that they are asked
        by direct message."""
        ...

    def copy(self, questions: Sequence[Question], person: str, place: ThreadRef) -> Draft:
        """Return a copy of a card for a person who does not see its thread, with those questions that they may
        answer."""
        ...

    def asked_directly(self, people: Sequence[str], key: str) -> Sequence[Draft]:
        """Return the post that says that these people were asked by direct message."""
        ...

    async def reachability(
        self, place: ThreadRef, people: Sequence[str], requester: str, *, asks: bool
    ) -> Reachability:
        """Return what is known about the people and groups of a question, and about its conversation.

        asks: the requester is writing just now, and therefore is in the conversation.
        """
        ...

    def reminders(self, question: Question) -> tuple[Sequence[Draft], Sequence[tuple[str, Draft]]]:
        """Return the reminders of a question: posts for its thread, and (person, message) for those who were asked by
        direct message."""
        ...

    async def privacy(self, place: ThreadRef) -> Privacy:
        """Return how much of arguments and results may be shown in a thread."""
        ...

    async def kind(self, place: ThreadRef) -> str:
        """Return the kind of a conversation: `channel`, `group`, `mpim` or `im`; empty if it is not certain."""
        ...

    async def groups(self, user: str) -> frozenset[str] | None:
        """Return those user groups named in the configuration that a person is in; None if Slack does not answer."""
        ...

    async def member(self, user: str) -> bool:
        """Return whether a person is an active member of our workspace; False if Slack does not answer."""
        ...

    async def outsider(self, user: str) -> bool:
        """Return whether a person is certainly not an active member of our workspace; False if Slack does not
        answer."""
        ...

    async def name(self, user: str) -> str:
        """Return a person's display name."""
        ...

    async def name_for_model(self, place: ThreadRef, user: str) -> str:
        """Return what the model calls a person in a thread: a label in place of the name where that is private."""
        ...

    async def quote(self, place: ThreadRef, messages: Sequence[Unread], known: Sequence[str] = ()) -> Sequence[str]:
        """Return messages of a thread as text for the model.

        They begin with the author's name, and everything that is not the author's own words is marked. `known`: ids of
        further participants, whose names nobody else may use. Where the thread is private, people have labels in place
        of their names.
        """
        ...

    async def quote_with_files(
        self, place: ThreadRef, messages: Sequence[Unread], known: Sequence[str] = ()
    ) -> Sequence[Quoted]:
        """Return the same with the content of what is attached to the messages and of what they link to in the chat.

        The bytes of files that the model may read as they are were kept before this returns. Limited in time and size;
        what cannot be read is named with the reason.
        """
        ...

    def attached(self, messages: Sequence[Unread]) -> Sequence[str]:
        """Return the names of the files that `quote_with_files` will read, as people are shown them."""
        ...

    async def surroundings(self, place: ThreadRef, first: Unread) -> Surroundings:
        """Return where a thread is, and who began it and when, with this message."""
        ...

    async def sent(self, message: Unread) -> str:
        """Return a line that says when a message was sent, in the time zone of its author."""
        ...

    async def earlier(self, place: ThreadRef, first: Unread) -> Earlier:
        """Return what was written in the thread besides the first message that addressed the bot: before it, or after
        it if it was delivered late. In a long thread, these are the first message and the newest ones."""
        ...

    async def missed(self, place: ThreadRef, gap: Gap, known: Sequence[RecordedMessage]) -> Missed:
        """Return what was written, edited and deleted in the thread since a gap began. Messages may include recorded
        ones."""
        ...

    def working(self, thread_id: int, message: TurnMessage, words: str, running: Sequence[Step] = ()) -> None:
        """Show what the turn is doing now, below what the newest part of its message has: the steps that run, or in
        words if there is nothing else to show."""
        ...

    def media(self, attached: Attached, key: str) -> Draft:
        """Return an image or a sound from a tool's result as a post. Its bytes are kept."""
        ...

    def progress(self, thread_id: int, step: Step) -> None:
        """Show how far a step is that runs, while `working` shows the turn."""
        ...

    def writing(self, thread_id: int) -> TextListener:
        """Return what shows the text that the model is writing in this thread, until the next `working`."""
        ...

    def resting(self, thread_id: int) -> None:
        """Show the turn's message as it is recorded: the turn has ended, or waits."""
        ...

    def session(self, state: ThreadState, status: SessionStatus) -> None:
        """Set the status that the session of a thread shows. Nothing waits for it."""
        ...

    def deliver(self, thread_id: int) -> None:
        """Update Slack from the store, in the background."""
        ...
