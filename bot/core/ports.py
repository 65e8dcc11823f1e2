"""What the agent needs from the outside, as protocols. Adapters implement them; the agent knows nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from bot.core.calls import Before, InStep, JsonObject, Outcome, Preview, Tool, Undone
from bot.core.changes import Change, Deliveries, Taking, Usage
from bot.core.conditions import Inside
from bot.core.privacy import Privacy
from bot.core.requests import Approval, Card, Click, Grant, Retry, Settlement
from bot.core.thread import Admission, Call, Draft, Incoming, Place, ThreadState, Unread
from bot.core.transcript import Transcript

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request to the model. Texts are JSON and go over the wire byte for byte."""

    messages: Transcript
    """JSON objects in OpenAI roles, exactly as kept in the log."""
    tools: str
    """A JSON array of function tools in a fixed order; `[]` when there are none."""
    tool_choice: str
    """`auto` or `none`."""
    session_id: str
    """Pins the provider and so its prompt cache (OpenRouter `session_id`, at most 256 characters)."""
    user: str
    """A stable pseudonym of the person."""


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
    left_out: bool = False
    """There were even more calls than the message has."""


class Model(Protocol):
    """A model that answers a conversation."""

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """Answer, retrying what may be retried. on_text gets each piece of visible text as it arrives (after a retry
        the pieces start again). Raises a `bot.errors.ModelError` when there is no answer to be had."""
        ...


class Held(Protocol):
    """The right to make a call."""

    def release(self) -> None:
        """Give it back; doing it again does nothing."""
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

    async def call(self, tool: Tool, arguments: JsonObject, held: Held | None = None) -> Outcome:
        """Run one call, with the right to do so if it is held already; never raises for what a server does. The
        caller's cancellation cancels the call."""
        ...

    async def seize(self, tool: Tool, arguments: JsonObject, at: InStep | None = None) -> Held | None:
        """The right to make a call, if it need not wait for other calls."""
        ...

    async def hold(self, tool: Tool, arguments: JsonObject, at: InStep | None = None) -> Held:
        """The right to make a call, as soon as its server has room for it. It is held from the last look at what the
        call will change until it has ended: other calls that may change the same things wait, and so does the taking
        back of one. `at` puts it behind those before it in its step that are about the same things and may run, too.
        Raises BusyError when others take too long."""
        ...

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        """What a call would do, for tools of which we know it; None for others. Changes nothing, never raises, and
        takes seconds at most."""
        ...

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        """The digest of what the call would change as it is now: that of `preview`. Empty for other tools."""
        ...

    async def keep(self, tool: Tool, arguments: JsonObject) -> Before | None:
        """Take down what the call is about to change; None when it could not be taken back."""
        ...

    async def after(self, before: Before) -> str:
        """A digest of the same things now, right after the call has run; empty when they cannot be read."""
        ...

    async def undo(self, before: Before, after: str, *, again: bool = True) -> Undone:
        """Take a call back, if things still are as `after` says. With `again` an earlier attempt may have begun, so
        that things which are as before count as taken back. Doing it again does nothing more; never raises."""
        ...

    async def looking(self, tool: Tool, judge: Callable[[Inside], T]) -> T:
        """What `judge` says, which asks where path arguments of a call of this tool lie. What the disk does
        not tell in time nobody can say; and nobody else is kept waiting."""
        ...

    async def within(self, tool: Tool, arguments: JsonObject, folder: str) -> bool:
        """Whether all paths of a call are known and surely lie in a folder that is its own real path."""
        ...

    async def folders(self, tool: Tool, arguments: JsonObject) -> Sequence[str]:
        """The folders that a grant for such calls may be bound to, the narrowest first; empty when there are none, or
        when the disk does not tell in time."""
        ...


class Store(Protocol):
    """The durable state. Every method is one transaction, on the disk when it returns; raises StoreError."""

    async def admit(self, incoming: Incoming) -> tuple[Admission, int]:
        """Take a delivery down; out: what became of it and the thread's number."""
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

    async def retry(self, pressed: Retry) -> Settlement:
        """Somebody wants a parked thread taken up again."""
        ...

    async def uncount(self, thread_id: int) -> None:
        """The request to the model that was begun last was called off by ourselves: it does not count."""
        ...

    async def functions(self, digest: str) -> str:
        """A tool list that a request offered, as JSON text; empty when there is none."""
        ...

    async def settle(self, clicks: Sequence[Click]) -> Sequence[Settlement]:
        """Let clicks decide, if they may, all in one transaction; the first valid one wins."""
        ...

    async def edit(self, click: Click, arguments: str) -> Settlement:
        """Close a request as edited: its call gets these arguments (canonical JSON) and is asked about once more."""
        ...

    async def grant(self, click: Click, grant: Grant) -> Settlement:
        """Approve a request and, with it, what the grant covers from now on."""
        ...

    async def stop(self, click: Click) -> Settlement:
        """End the turn of a request that is open: its open requests are closed, its calls do not run."""
        ...

    async def take_back(self, click: Click) -> Settlement:
        """Somebody wants an approved call undone, if that is still offered."""
        ...

    async def takings(self, thread_id: int = 0) -> Sequence[tuple[int, Taking]]:
        """(thread, call to take back), of one thread or of all."""
        ...

    async def begin_taking(self, call: int) -> None:
        """A call is about to be taken back."""
        ...

    async def taken_back(self, thread_id: int, call: int, undone: Undone, note: str) -> None:
        """How it ended; the note is what the model is told at its next turn."""
        ...

    async def withdraw(self, approval: str) -> None:
        """Slack will not show the card of this request: its calls end without it, and it is not posted."""
        ...

    async def find_approval(self, approval: str) -> Approval | None:
        """A request by its id."""
        ...

    async def expire(self) -> Sequence[int]:
        """Close the requests, grants and offers whose time is over; out: the threads concerned."""
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

    async def drawn(self, post: int, revision: int) -> None:
        """The card shows this revision now."""
        ...


class Surface(Protocol):
    """Where people are: renders what the agent says, and posts it in its own time."""

    def answer(self, text: str, note: str = "") -> Sequence[Draft]:
        """The model's answer (Markdown), with a word of the bot's own under it."""
        ...

    def summary(self, calls: Sequence[Call], privacy: Privacy) -> Sequence[Draft]:
        """What finished calls did, one line a call."""
        ...

    def notice(self, text: str, key: str = "") -> Sequence[Draft]:
        """A sentence of the bot's own. The same key is posted once."""
        ...

    def parked(self) -> Draft:
        """The word that a thread is parked, with a button that takes it up again."""
        ...

    def cards(self, approvals: Sequence[Approval]) -> Sequence[Card]:
        """The requests of one step, in as few messages as will do."""
        ...

    def reminder(self, approval: Approval) -> Draft:
        """A word to those who may decide."""
        ...

    async def privacy(self, place: Place) -> Privacy:
        """How much of arguments and results may be shown there."""
        ...

    async def kind(self, place: Place) -> str:
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
