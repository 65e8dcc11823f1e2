"""What is known about the effects of one kind of tool server: what a call would change, and how to undo it.

Nothing is known about most servers. A guard for a server that is known (the filesystem server:
`bot.tools.filesystem.guard`) overrides the methods that it can answer. The configuration of a server determines its
guard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bot.core import tool_words
from bot.core.json_text import JsonObject
from bot.core.ledger import Changed, LedgerEntry
from bot.core.policy.conditions import Inside
from bot.core.questions.scope import Offers
from bot.core.tool_words import Form
from bot.core.tools import CallResult, Preview, Tool, Undone, UndoSnapshot

T = TypeVar("T")

Claim = frozenset[str]
"""Names of the things that a call reads or changes. They have the same meaning for all servers, since two servers may
work on the same files. A name with slashes includes everything below it."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a call reads or changes, which decides whether it may run beside others."""

    changes: bool
    """Whether it may change them. Calls that only read run beside any others, but in the order of their step."""
    find: Callable[[], Awaitable[Claim]]
    """Returns the names. Raises BusyError if they cannot be determined in time."""
    noun: str = "things"
    """What these things are called in messages to the model."""


class GuardedServer(Protocol):
    """The server of a guard, as far as the guard uses it."""

    def tool(self, remote_name: str) -> Tool | None:
        """Return the current definition of a tool, by the server's own name for it; None if there is none."""
        ...

    async def call(self, tool: Tool, arguments: JsonObject) -> CallResult:
        """Make a call for the guard itself, to look at something or to undo a call. Return exactly what the server
        answered.

        It does not count against the calls of the server, so it can be made while one waits. Raises only
        CancelledError.
        """
        ...

    def alone(self, claim: Claim) -> AbstractAsyncContextManager[None]:
        """Return a context manager in which no other call that claims any of this runs. It waits for running ones."""
        ...


class ChangeGuard:
    """What is known about the calls of one server. This base class knows nothing: calls have no preview and no undo,
    and run beside all others."""

    def footprint(self, tool: Tool, arguments: JsonObject, *, in_order: bool) -> Footprint | None:
        """Return what a call reads or changes, if calls about the same things have to wait for each other; otherwise
        None.

        in_order: the order of the call's step matters, so things that it only reads count too.
        """
        return None

    def step(self, tool: Tool, arguments: JsonObject, form: Form = Form.DONE) -> str:
        """Return a call as a step that a colleague would name, as plain text on one line: `Read release.md`. Without
        arguments it says only what the tool does, for places where they must not be shown."""
        return tool_words.step(tool, arguments, form)

    def outcome(self, tool: Tool, arguments: JsonObject, result: str, ok: bool) -> str:
        """Return what came of a call in a few plain words: `4 found`, `+1 −1`, `not found`. Empty when there is nothing
        worth saying.

        In: `result`, the text that the model gets, and whether the call succeeded.
        """
        return tool_words.outcome(result, ok)

    def result(self, tool: Tool, text: str, ok: bool) -> str:
        """Return the result of a call as the model gets it. Nothing of it that may be content of a file is changed. In:
        whether the call succeeded."""
        return text

    def changed_files(self, remote_name: str, arguments: JsonObject) -> Sequence[str] | None:
        """Return the name of the file that a call changes, as it is called afterwards, and the one that it had before
        if the call moves it. Empty if the call changes nothing; None if it changes something else, or if that is not
        known. Without disk access."""
        return None

    async def combined(self, entries: Sequence[LedgerEntry]) -> Sequence[Changed]:
        """Return the combined changes of calls of this server that have run, one entry for each thing, from what was
        recorded of the calls. `entries` are in the order of the log. Never raises, takes seconds at most."""
        return [_as_asked(at, entry) for at, entry in enumerate(entries)]

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        """Return what a call would do; None if that is unknown. Changes nothing, never raises, and takes seconds at
        most."""
        return None

    async def predicted(
        self, tool: Tool, arguments: JsonObject, before: Sequence[tuple[Tool, JsonObject]]
    ) -> Preview | None:
        """Return what a call would do once other calls of this server have run in this order; None if it does not
        depend on anything that they change, or if that is not known.

        Its `basis` is the expected one: `basis` returns the same if everything happens as predicted, and another one
        if not. Never raises, takes seconds at most.
        """
        return None

    async def dependencies(
        self, tool: Tool, arguments: JsonObject, others: Sequence[tuple[Tool, JsonObject]]
    ) -> Sequence[int]:
        """Return the indexes of those of the other calls of this server that change something which a call reads,
        changes or needs. Never raises, takes seconds at most."""
        return ()

    async def compared(self, before: tuple[Tool, JsonObject], after: tuple[Tool, JsonObject]) -> str:
        """Return the diff from what an earlier call would have left to what another one would leave of the same thing,
        without the lines that name it; empty when there is none, or none is known. Never raises, takes seconds at
        most."""
        return ""

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        """Return a digest of what the call would change as it is now: the one of `preview`. Empty if that is unknown.

        Never raises; what cannot be read has a digest of its own.
        """
        return ""

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        """Save what the call is about to change; None if it could not be undone."""
        return None

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        """Return a digest of the same things right after the call; empty if they cannot be read."""
        return ""

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        """Undo a call if its effect is unchanged, that is, if the digest is still `after`. Idempotent; never raises.

        again: an earlier attempt may have begun, so things that are in their previous state count as undone.
        """
        return Undone(False, "It could not be undone: its tool server is no longer configured.")

    async def looking(self, tool: Tool, judge: Callable[[Inside], T]) -> T:
        """Return the result of `judge`, which is given a function that says where the path arguments of a call lead.
        What is not known in time is unknown (None), and delays no other call."""
        return judge(lambda *_: None)

    async def within(self, tool: Tool, arguments: JsonObject, folder: str) -> bool:
        """Return whether all paths of a call are known to be inside a folder, which is given as its real path."""
        return False

    async def changes_only(self, tool: Tool, arguments: JsonObject, file: str) -> bool:
        """Return whether a call names no other file than `file`, a real path."""
        return False

    async def offers(self, tool: Tool, arguments: JsonObject) -> Offers:
        """Return what a grant for such calls can be limited to, the narrowest first; empty if there is nothing, or if
        that is not known in time."""
        return Offers()


def _as_asked(at: int, entry: LedgerEntry) -> Changed:
    """Return the change of a call in the words in which people were asked about it."""
    preview = entry.approval.preview if entry.approval is not None else None
    heading, effect = (preview.heading, preview.effect) if preview is not None else ("", "")
    return Changed(at, heading or tool_words.tool_title("", entry.call.remote_name), effect)
