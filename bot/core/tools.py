"""Tools, the results of calls, previews and undo snapshots. Pure data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bot.core.calls import Call
from bot.core.exchange import Exchange, InputRequest
from bot.core.identity import Identity
from bot.core.json_text import JsonObject
from bot.core.limits import MAX_TOOLS


@dataclass(frozen=True, slots=True)
class StepPosition:
    """The position of a call among the calls of its step, which run in this order if they concern the same files."""

    step: tuple[int, int]
    """The thread id, and the position of the step in its log."""
    position: int


def position_in_step(thread_id: int, step: Sequence[Call], call: Call) -> StepPosition | None:
    """Return a call's position in its step; None if the order does not matter because no call changes anything."""
    if len(step) < 2 or not any(each.may_change for each in step):
        return None
    return StepPosition((thread_id, call.seq), call.position)


@dataclass(frozen=True, slots=True)
class Audience:
    """Where, by whom and by which user groups a server may be used; an empty tuple does not limit."""

    channels: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    """A person may use it who is listed here or in one of the groups."""
    groups: tuple[str, ...] = ()

    def admits(self, channel: str, user: str, groups: frozenset[str] | None) -> bool:
        """Return whether a person may use the server in a channel. In: the person's groups among those that are asked
        about; None if they are unknown, which admits nobody."""
        if self.channels and channel not in self.channels:
            return False
        return not (self.users or self.groups) or user in self.users or not (groups or set()).isdisjoint(self.groups)

    def words(self) -> str:
        """Describe the limits: `in C01 for U02, S03`; empty without any."""
        places = f"in {', '.join(self.channels)}" if self.channels else ""
        people = f"for {', '.join((*self.users, *self.groups))}" if self.users or self.groups else ""
        return f"{places} {people}".strip()


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of one MCP server, as it is offered to the model and as the server knows it."""

    name: str
    """Offered to the model: `{server key}__{tool}`, `^[a-zA-Z0-9_-]{1,64}$` (the strictest provider's rule)."""
    server: str
    """The key of the server in the configuration."""
    remote_name: str
    """The server's own name of the tool, as sent in `tools/call`."""
    description: str
    schema: Mapping[str, Any]
    """The server's own JSON Schema of the arguments, unchanged: arguments are validated against it."""
    parameters: Mapping[str, Any]
    """The schema in a form that the strictest provider accepts; used only in requests to the model."""
    trusted: bool
    """Our configuration trusts the server, so its annotations count (MCP specification, tools: annotations)."""
    read_only: bool
    """The server's readOnlyHint; false when absent."""
    destructive: bool
    """The server's destructiveHint; true when absent (the specification's default)."""
    idempotent: bool
    """The server's idempotentHint; false when absent."""
    digest: str
    """sha256 of name, description, schema and annotations: changes with the tool's definition."""
    title: str = ""
    """The server's own title for people, one visible line; empty when it has none. It is not part of `digest`, since it
    says nothing about what the tool does."""
    safe_to_repeat: bool = False
    """Our configuration says that a call may be sent again when it is not known whether it has run."""
    audience: Audience = Audience()
    """Outside of it, the tool is not offered and calls of it are refused."""
    argument_names: Mapping[str, str] = field(default_factory=dict[str, str])
    """The server's own names of the arguments that are offered under other names, by the offered name."""
    identity: Identity = Identity.NONE
    """Whose account its calls use."""
    person: str = ""
    """The person whose account a call uses; set for the call alone."""

    def own_arguments(self, arguments: JsonObject) -> JsonObject:
        """Return arguments that a model wrote, under the server's own names. If both names of one are there, the other
        one is left for the validation to report."""
        if not self.argument_names:
            return arguments
        names = {name: own for name, own in self.argument_names.items() if own not in arguments}
        return {names.get(name, name): value for name, value in arguments.items()}

    def function(self) -> JsonObject:
        """Return the OpenAI function tool for a request. An empty description is left out: Bedrock refuses it."""
        described = {"description": self.description} if self.description.strip() else {}
        return {
            "type": "function",
            "function": {"name": self.name, **described, "parameters": dict(self.parameters)},
        }


def within_budget(tools: Sequence[Tool], most: int = MAX_TOOLS) -> Sequence[Tool]:
    """Return as many tools as fit into one request, in the same order: the first ones of each server, shared out evenly
    among the servers."""
    if len(tools) <= most:
        return tools
    names: dict[str, list[str]] = {}
    for tool in tools:
        names.setdefault(tool.server, []).append(tool.name)
    longest = max(map(len, names.values()))
    in_turn = [each[place] for place in range(longest) for each in names.values() if place < len(each)]
    kept = set(in_turn[:most])
    return [tool for tool in tools if tool.name in kept]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How a call's server reaches the person whose call it is."""

    exchange: Exchange | None = None
    """What it has asked for before, with the answers."""
    ask: Callable[[InputRequest], Awaitable[JsonObject]] | None = None
    """Asks while the call runs, and returns the answer (`action` and `content`); cancelled when the call ends. None if
    nobody can be asked."""


class DeliveryStatus(StrEnum):
    """What is known about the delivery of a call to its server."""

    OK = "ok"
    """It ran and returned a result."""
    ERROR = "error"
    """The server answered that it failed (MCP `isError` or a protocol error for this request)."""
    UNSENT = "unsent"
    """It was not sent, because the server was down or refused it beforehand. It certainly did not run."""
    ASKS = "asks"
    """The server needs something from a person before it goes on; it has answered so, and waits for nothing."""
    UNKNOWN = "unknown"
    """It was sent but not answered (timeout, dropped connection, killed server): it may or may not have run."""
    TASK = "task"
    """The server has taken it on and works on it: `CallResult.task` says how to ask about it."""


@dataclass(frozen=True, slots=True)
class Media:
    """An image or a sound in the result of a call, as the server sent it."""

    media: str
    """Its media type, according to the server."""
    base64: str


class ResultText(str):
    """The text of a call's result, with the images and sounds that came with it."""

    media: tuple[Media, ...]
    exchange: Exchange | None
    """What the server asks for instead of a result."""
    whole: str
    """The whole text, if it was cut; else empty."""
    denied: bool
    """See `CallResult.denied`."""

    def __new__(
        cls,
        text: str,
        media: Sequence[Media] = (),
        exchange: Exchange | None = None,
        whole: str = "",
        *,
        denied: bool = False,
    ) -> ResultText:
        """Create the text."""
        made = super().__new__(cls, text)
        made.media, made.exchange, made.whole, made.denied = tuple(media), exchange, whole, denied
        return made

    def outcome(self, certainty: DeliveryStatus, seconds: float) -> CallResult:
        """Return the result of the call."""
        return CallResult(
            certainty, self, seconds, self.media, exchange=self.exchange, whole=self.whole, denied=self.denied
        )


@dataclass(frozen=True, slots=True)
class CallResult:
    """The result of one call."""

    certainty: DeliveryStatus
    text: str
    """The text for the model: the result's content, truncated to the limit, or a description of what happened."""
    seconds: float
    media: Sequence[Media] = ()
    """Images and sounds in the result."""
    exchange: Exchange | None = None
    """What the server asks for."""
    whole: str = ""
    """The whole text, if `text` was cut; else empty."""
    task: str = ""
    """The task that the server made of the call (`bot.core.server_tasks.ServerTask.dumps`)."""
    denied: bool = False
    """The server refused the credentials of this very call, or of the connection that it needs, so that its person may
    have to allow more."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a call would do in the current state, determined without running it."""

    basis: str
    """A digest of the state that the call would change. A different digest when it runs means that the state has
    drifted. Empty when there is nothing to compare."""
    words: str
    """What has to be said beyond `heading` and `effect`, in plain sentences of our own."""
    diff: str = ""
    """A complete unified diff, without the lines that name the files; empty when there is none to show."""
    broken: str = ""
    """Why the call would fail in the current state, as a sentence; empty when no reason is known."""
    attempt: str = ""
    """What would fail, for a sentence that gives another reason: `write drafts/a.md`."""
    after: str = ""
    """The earlier call of the step after which the preview is correct, for a sentence: `creating the folder drafts`."""
    title: str = ""
    """What the tool does, in a few words without anything of its arguments: `Edit a file`."""
    caveat: str = ""
    """What `effect` would say more exactly, for places that show only the title: `an existing one is replaced`."""
    reversal: str = ""
    """What undoing the call would do, as a sentence."""
    heading: str = ""
    """What will happen to what, as a command: `Edit release.md`. Names in it come from tools and models, as in all of
    the following."""
    subject: str = ""
    """What it will happen to: `release.md`."""
    effect: str = ""
    """How much that is, in a few words: `1 line changed`."""
    counts: str = ""
    """The same for a place with no room for words: `+1 −1`."""
    verb: str = ""
    """What is approved, as a short word for a button: `edit`."""
    source: str = ""
    """What the tool server is called towards people; empty for its key."""
    against: str = ""
    """A diff from what the call would have left that was denied for this one; empty when there is none to show."""
    severe: bool = False
    """Most of something is lost by it."""
    shown: tuple[str, ...] = ()
    """The names of the arguments that the heading and the diff show in full."""
    order: tuple[str, ...] = ()
    """The names of the first arguments, in the order in which people should read them."""
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    """The paths among the arguments, and how each is shown: relative to its folder, never as a path of this machine."""

    identity: str = ""
    """Whose account the call uses (`bot.core.identity.Identity`)."""

    @property
    def summary(self) -> str:
        """What happens, as sentences: the heading, the effect and the words."""
        first = ": ".join(part for part in (self.heading, self.effect) if part)
        return " ".join(part for part in (f"{first}." if first else "", self.words) if part)


@dataclass(frozen=True, slots=True)
class UndoSnapshot:
    """The state that a call is about to change, sufficient to undo the call."""

    plan: str
    """Canonical JSON, for the guard that made it: what kind of change it is, what it concerns and how that was."""
    content: bytes = b""
    """The content that is replaced."""


@dataclass(frozen=True, slots=True)
class Undone:
    """The outcome of undoing a call."""

    done: bool
    words: str
    """What was done, or why nothing was: a sentence for people."""


class BusyError(Exception):
    """A call could not be started because other calls took too long. The text is for the model."""
