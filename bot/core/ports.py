"""What the agent needs from the outside, as protocols. Adapters implement them; the agent knows nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.calls import JsonObject, Outcome, Tool
from bot.core.thread import (
    Admission,
    Approval,
    Call,
    Click,
    Decision,
    Draft,
    Incoming,
    Place,
    Settlement,
    ThreadState,
    Unread,
)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request to the model. Texts are JSON and go over the wire byte for byte."""

    messages: Sequence[str]
    """Each a JSON object in OpenAI roles, exactly as kept in the log."""
    tools: str
    """A JSON array of function tools in a fixed order; `[]` when there are none."""
    tool_choice: str
    """`auto` or `none`."""
    session_id: str
    """Pins the provider and so its prompt cache (OpenRouter `session_id`, at most 256 characters)."""
    user: str
    """A stable pseudonym of the person."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a request cost: tokens, and US dollars as the provider reports them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply of the model."""

    message: JsonObject
    """The assistant message to append to the log and to send back unchanged: role, content (string or null),
    tool_calls (every call has a unique non-empty id, type and function{name, arguments text}), reasoning_details."""
    finish_reason: str
    model: str
    provider: str
    usage: Usage
    invalid_arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    """By call id, the arguments that are no JSON object, as the model wrote them. The message has `{}` in their place,
    because providers reject every later request whose history has such arguments: such a call must not be run."""


class Model(Protocol):
    """A model that answers a conversation."""

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """Answer, retrying what may be retried. on_text gets each piece of visible text as it arrives (after a retry
        the pieces start again). Raises a `bot.errors.ModelError` when there is no answer to be had."""
        ...


class Toolset(Protocol):
    """The tools of every configured MCP server, over shared sessions."""

    async def ready(self, seconds: float) -> Sequence[str]:
        """Wait until every server has started or failed, at most so long. Returns one sentence for each server
        that is not usable now."""
        ...

    def tools(self) -> Sequence[Tool]:
        """All tools that are known, in an order that does not change while the servers' definitions do not."""
        ...

    def find(self, name: str) -> Tool | None:
        """The tool offered under this name."""
        ...

    async def call(self, tool: Tool, arguments: JsonObject) -> Outcome:
        """Run one call; never raises for what a server does. The caller's cancellation cancels the call."""
        ...


@dataclass(slots=True)
class Change:
    """One transaction on a thread: all of it is on the disk, or none."""

    name: str
    """What happens, in a few words; names the commit in failpoints and logs."""
    requester: str = ""
    """Opens a turn of this person."""
    messages: Sequence[tuple[str, str]] = ()
    """(role, JSON text) pairs to append to the log."""
    read: Sequence[tuple[int, int]] = ()
    """(index into messages, inbox id) of the unread messages that are now in the log."""
    new_calls: Sequence[Call] = ()
    calls: Sequence[Call] = ()
    """Calls whose state changed."""
    asks: Sequence[tuple[Approval, Sequence[Draft]]] = ()
    """Requests to people; the last draft of each is its card."""
    drafts: Sequence[Draft] = ()
    """Messages to post. A key that is already there is not recorded again."""
    functions: tuple[str, str] = ("", "")
    """Digest and JSON text of the tool list that the request offered."""
    usage: Usage = field(default_factory=Usage)
    outcome: str = ""
    """Ends the turn: `answered`, `failed`."""
    synced: bool = True
    """It must outlive a power cut. What would only be done again, and does no harm twice, need not."""


@dataclass(frozen=True, slots=True)
class Owed:
    """A message that is to be posted, or whose posting was cut off before its timestamp was recorded."""

    id: int
    draft: Draft
    created_at: float


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What Slack is to be brought in step with, for one thread."""

    place: Place
    owed: Sequence[Owed]
    undrawn: Sequence[tuple[Approval, str]]
    """Decided requests whose card still shows buttons, with the card's timestamp."""
    progress: Sequence[tuple[int, str]]
    """(number, timestamp) of the progress messages that stand in the thread."""


class Store(Protocol):
    """The durable state. Every method is one transaction, on the disk when it returns; raises StoreError."""

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        """Take a delivery down; out: what became of it and the thread's number."""
        ...

    async def waiting(self, *, for_people: bool = True) -> Sequence[int]:
        """The threads that have something left to do: after a restart also those whose turn waits for a person."""
        ...

    async def load(self, thread_id: int) -> ThreadState:
        """A thread with its log, its open turn and what is unread."""
        ...

    async def commit(self, state: ThreadState, change: Change) -> None:
        """Write the change and bring the state in step with it, also with what has become unread meanwhile. The
        turn's counters are written as they stand in the state."""
        ...

    async def functions(self, digest: str) -> str:
        """A tool list that a request offered, as JSON text; empty when there is none."""
        ...

    async def settle(self, click: Click) -> Settlement:
        """Let a click decide, if it may; the first valid one wins."""
        ...

    async def withdraw(self, approval: str) -> None:
        """Slack will not show this request: the call ends without it, and its card is not posted."""
        ...

    async def find_approval(self, approval: str) -> Approval | None:
        """A request by its id."""
        ...

    async def expire(self) -> Sequence[int]:
        """Close the requests whose time is over; out: the threads concerned."""
        ...

    async def deliveries(self, thread_id: int) -> Deliveries:
        """What is not in Slack yet."""
        ...

    async def last_post(self) -> int:
        """The number of the newest post."""
        ...

    async def owe(self, thread_id: int, drafts: Sequence[Draft]) -> None:
        """Record messages to post."""
        ...

    async def posted(self, post: int, ts: str, *, soon: bool = False) -> None:
        """The message is in Slack, with this timestamp. `soon` waits a moment for a commit to share."""
        ...

    async def post_closed(self, post: int, state: str) -> None:
        """The message was `refused` for good, or `removed`."""
        ...

    async def drawn(self, approval: str, decision: Decision) -> None:
        """The card shows this decision now."""
        ...


class Surface(Protocol):
    """Where people are: renders what the agent says, and posts it in its own time."""

    def answer(self, text: str, note: str = "") -> Sequence[Draft]:
        """The model's answer (Markdown), with a word of the bot's own under it."""
        ...

    def summary(self, calls: Sequence[Call]) -> Sequence[Draft]:
        """What finished calls did, one line a call."""
        ...

    def notice(self, text: str, key: str = "") -> Sequence[Draft]:
        """A sentence of the bot's own. The same key is posted once."""
        ...

    def card(self, approval: Approval) -> Sequence[Draft]:
        """The request to a person; the last draft is the message with the buttons."""
        ...

    async def quote(self, message: Unread) -> str:
        """A person's message as the model reads it: with the speaker's name, without Slack's markup."""
        ...

    async def earlier(self, place: Place, first: Unread) -> Sequence[Incoming]:
        """What was said in the thread besides the first message that addressed the bot there: before it, or after it
        when it was delivered late. Empty when nothing can have been."""
        ...

    def progress(self, thread_id: int, words: str) -> None:
        """What the turn is doing now."""
        ...

    def rest(self, thread_id: int) -> None:
        """The turn has ended or waits for a person."""
        ...

    def deliver(self, thread_id: int) -> None:
        """Bring Slack in step with the store, in the background."""
        ...
