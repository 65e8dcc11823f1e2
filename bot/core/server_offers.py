"""What tool servers offer beside tools: prompts, which people choose, and resources. Pure data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.core.json_text import JsonObject, sha256
from bot.core.tools import Media
from bot.core.untrusted import items, mapping, text

MAX_PROMPTS: Final = 100
"""Prompts of one server that are offered."""
MAX_ARGUMENTS: Final = 20
"""Arguments of a prompt; one with more of them is not offered."""
MAX_NAME: Final = 200
"""Characters of the name of a prompt or an argument. What has a longer one is not offered."""
MAX_VALUE: Final = 3_000
"""Characters of an argument."""
MAX_MESSAGES: Final = 50
"""Messages of one prompt that are read."""


class OfferError(Exception):
    """A prompt or a resource cannot be had. The text is a clause for people: `it did not answer in time`."""


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """One argument of a prompt."""

    name: str
    title: str = ""
    about: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class PromptOffer:
    """A prompt of a server, as it is offered to people."""

    server: str
    """The key of the server."""
    name: str
    """The server's own name of it."""
    title: str = ""
    about: str = ""
    arguments: tuple[PromptArgument, ...] = ()
    origin: str = ""
    """A digest of how its server is configured: what is entered for one server is not sent to another one."""

    @property
    def id(self) -> str:
        """A short text that stands for it in a menu."""
        return sha256(self.server, self.name)[:32]


@dataclass(frozen=True, slots=True)
class PromptsFound:
    """The prompts that somebody may use, and what could not be asked."""

    prompts: Sequence[PromptOffer] = ()
    problems: Sequence[str] = ()
    """Sentences for people."""


@dataclass(frozen=True, slots=True)
class PromptRef:
    """A prompt that somebody has chosen, with its arguments."""

    server: str
    name: str
    title: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    origin: str = ""
    """See `PromptOffer.origin`; empty if it is not known."""

    def packed(self) -> JsonObject:
        """Return it as a JSON object."""
        given = dict(self.arguments)
        return {
            "server": self.server,
            "name": self.name,
            "title": self.title,
            "arguments": given,
            "origin": self.origin,
        }


def unpacked(value: object) -> PromptRef | None:
    """Return what `packed` returned; None for anything else."""
    found = mapping(value)
    server, name = text(found.get("server")), text(found.get("name"))
    given = {text(key): text(each) for key, each in mapping(found.get("arguments")).items()}
    title, origin = text(found.get("title")), text(found.get("origin"))
    return PromptRef(server, name, title, given, origin) if server and name else None


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """A message of a prompt."""

    text: str
    of_assistant: bool = False
    """It is written as if the model had said it."""
    media: Sequence[Media] = ()


def arguments_of(value: object) -> tuple[PromptArgument, ...] | None:
    """Return the arguments of a prompt, as a server lists them; None if they cannot be entered in a window."""
    found: list[PromptArgument] = []
    for each in items(value):
        given = mapping(each)
        name = given.get("name")
        if not isinstance(name, str) or not name or len(name) > MAX_NAME or text(name) != name:
            return None
        required = given.get("required") is True
        found.append(PromptArgument(name, text(given.get("title")), text(given.get("description")), required))
    names = {each.name for each in found}
    return tuple(found) if len(found) <= MAX_ARGUMENTS and len(names) == len(found) else None
