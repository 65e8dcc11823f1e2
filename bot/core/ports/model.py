"""The port to the model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.json_text import JsonObject
from bot.core.ports.meter import Meter
from bot.core.transaction import Usage
from bot.core.transcript import Transcript


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One request to the model. Texts are JSON and go over the wire byte for byte."""

    messages: Transcript
    """JSON objects in OpenAI roles, exactly as kept in the log."""
    tools: str
    """A JSON array of function tools in a fixed order; `[]` if there are none."""
    tool_choice: str
    """`auto` or `none`."""
    session_id: str
    """Pins the provider, and with it its prompt cache (OpenRouter `session_id`, at most 256 characters)."""
    user: str
    """A stable pseudonym of the person."""
    models: tuple[str, ...] = ()
    """The model, then its fallbacks, at most three in all; empty for those that the client was created with."""
    effort: str = ""
    """The effort of reasoning (`bot.core.model_options.EFFORTS`); empty for the model's own."""
    others_until: int = -1
    """The last position of the log that other models have written: their reasoning is not sent."""
    meter: Meter | None = None
    """Counts what is sent."""
    cache_marks: bool = False
    """Whether the provider caches only what the request marks."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply of the model."""

    message: JsonObject
    """The assistant message to append to the log and to send back unchanged: role, content (string or null),
    tool_calls (every call has a unique non-empty id, type and function{name, arguments text}), reasoning_details,
    reasoning_content (on a message with calls, if the provider sent any)."""
    finish_reason: str
    """OpenAI's names: `stop`, `tool_calls`, `length`, `content_filter`; another one is unknown."""
    model: str
    provider: str
    usage: Usage
    invalid_arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    """By call id, arguments that are not a JSON object, as the model wrote them. The message has `{}` in their place,
    because providers reject later requests whose history has such arguments. These calls must not be run."""
    left_out: bool = False
    """Whether the reply had more calls than the message has."""
    unreadable_call: bool = False
    """Whether the reply had a call that was written as text and could not be read; the message is without it."""
    context_tokens: int = 0
    """The tokens of the request that was answered and of its reply, without those of failed attempts; 0 if the provider
    does not report them."""


class TextListener(Protocol):
    """Gets the visible text of a reply while it is being written. Neither method may take long or raise."""

    def add(self, piece: str) -> None:
        """The text goes on with this piece."""
        ...

    def restart(self) -> None:
        """Discard what was added so far: the request is made again, and its text starts from the beginning."""
        ...


class Model(Protocol):
    """A model that answers a conversation."""

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        """Return the model's reply, with retries where they may help.

        on_text gets each piece of visible text as it arrives. Raises a `bot.errors.ModelError` if there is no reply.
        """
        ...
