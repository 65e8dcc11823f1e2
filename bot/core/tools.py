"""Tools, calls of them, and what came of a call. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.core.json_text import JsonObject


@dataclass(frozen=True, slots=True)
class InStep:
    """Where a call stands among those of its step, which are to run in this order where they are about the same."""

    step: tuple[int, int]
    """The thread, and the place in its log."""
    position: int


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool of one MCP server, as it is offered to the model and as the server knows it."""

    name: str
    """Offered to the model: `{server key}__{tool}`, `^[a-zA-Z0-9_-]{1,64}$` (the strictest provider's rule)."""
    server: str
    """The key of the server in the configuration."""
    remote_name: str
    """The server's own name of the tool; what `tools/call` is sent."""
    description: str
    schema: Mapping[str, Any]
    """The server's own JSON Schema of the arguments, unchanged: arguments are validated against it."""
    parameters: Mapping[str, Any]
    """The schema converted so that the strictest provider accepts it; only the model sees it."""
    trusted: bool
    """Our configuration trusts the server, so its annotations count (MCP specification, tools: annotations)."""
    read_only: bool
    """The server's readOnlyHint; false when absent."""
    destructive: bool
    """The server's destructiveHint; true when absent (the specification's default)."""
    idempotent: bool
    """The server's idempotentHint; false when absent."""
    digest: str
    """sha256 of name, description, schema and annotations: changes when the tool's definition does."""

    def function(self) -> JsonObject:
        """The OpenAI function tool that a request carries."""
        return {
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description,
                "parameters": dict(self.parameters),
            },
        }


class DeliveryStatus(StrEnum):
    """What is known of a call that was handed to a server."""

    OK = "ok"
    """It ran and gave a result."""
    ERROR = "error"
    """The server answered that it failed (MCP `isError` or a protocol error for this request)."""
    UNSENT = "unsent"
    """It never left: the server was down, or refused before the call was written. It certainly did not run."""
    UNKNOWN = "unknown"
    """It was sent and no answer came (timeout, dropped connection, killed server): it may or may not have run."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What a server made of one call."""

    certainty: DeliveryStatus
    text: str
    """For the model: the result's content as text, already cut to the limit; for the others, what happened in words."""
    seconds: float


@dataclass(frozen=True, slots=True)
class Preview:
    """What a call would do to things as they are now, found out without doing it."""

    basis: str
    """A digest of the state of what the call would change; another one at the run means that it has drifted. Empty when
    there is nothing to compare."""
    words: str
    """What will happen, in plain sentences of ours; what they name may be data of a tool or a model."""
    diff: str = ""
    """A unified diff, complete, with `---` and `+++` lines; empty when there is none to show."""
    broken: str = ""
    """Why the call would fail as things are, in words; empty when nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class UndoSnapshot:
    """What a call is about to change, as it was: enough to take the call back."""

    plan: str
    """Canonical JSON: what kind of change it is, which paths it concerns and what they were."""
    content: bytes = b""
    """The content that is replaced."""


@dataclass(frozen=True, slots=True)
class Undone:
    """How taking a call back has ended."""

    done: bool
    words: str
    """What was done, or why nothing was: a sentence for people."""


class BusyError(Exception):
    """A call could not be handed over: others took too long. The text is for the model."""
