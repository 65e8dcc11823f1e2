"""Decides which calls a standing grant can cover and lists the choices for a call, the narrowest first. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.core.json_text import canonical

ANY, SAME, TARGET, FILE, FOLDER = "any", "same", "part", "file", "folder"
"""Any arguments; exactly these; the same target (see `target_arguments`); one file; everything in a folder."""
SCOPES = frozenset((ANY, SAME, TARGET, FILE, FOLDER))

_PLACES = (
    *("owner", "org", "organization", "workspace", "team"),
    *("repo", "repository", "project", "channel", "channel_id", "database", "table", "board", "bucket", "collection"),
    *("space", "calendar", "list", "folder"),
)
_PEOPLE = ("to", "recipient", "email")
_TARGETS = (*_PLACES, "path", "file", "url", "host", "environment", "service", *_PEOPLE)
"""The names of arguments that say where a call does something, or to whom."""
MAX_TARGETS = 3
MAX_CHARS = 120
"""Characters of one target argument. People cannot compare a longer one at a glance."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One choice of the calls that a grant may cover."""

    scope: str
    value: str = ""
    """The real path of a file or folder, or arguments as canonical JSON."""
    words: str = ""
    """Its name for people, never with a path of the machine: `files in notes/`."""


@dataclass(frozen=True, slots=True)
class Offers:
    """The choices for a call, the narrowest first."""

    action: str = ""
    """What is allowed, as the beginning of a sentence: `edits to`."""
    items: Sequence[Offer] = ()
    every: str = ""
    """What the widest choice is called: `every file`."""
    several: str = ""
    """What several such calls are called: `edits`; empty if they have no name."""
    comparable: bool = True
    """Whether a grant may be bound to the text of some arguments. Not if they are paths: a file has many of them."""
    exact: bool = False
    """Whether a grant may cover nothing but the same call, unchanged."""


def offered(known: Offers, arguments: Mapping[str, Any]) -> Sequence[Offer]:
    """Return the choices for a call with these arguments. `known`: those that its server's guard knows."""
    if known.items:
        return [*known.items, Offer(ANY, words=known.every or "everything")]
    kept = target_arguments(arguments) if known.comparable and not known.exact else []
    if kept:
        narrow = Offer(TARGET, canonical(dict(kept)), f"only {_place(kept)}")
    else:
        narrow = Offer(SAME, canonical(arguments), "exactly this, unchanged")
    return [narrow] if known.exact else [narrow, Offer(ANY, words="with anything")]


def action(known: Offers, title: str) -> str:
    """Return what a grant allows, as the beginning of a sentence: `edits to`, or the title of a tool in quotation
    marks."""
    return known.action or f"“{title}”"


def target_arguments(arguments: Mapping[str, Any]) -> list[tuple[str, str | int | bool]]:
    """Return the target arguments: those that say where a call does something, or to whom; none if they are long."""
    found = [(name, arguments[name]) for name in _TARGETS if name in arguments]
    sound = [
        (name, value)
        for name, value in found
        if (isinstance(value, str) and value.strip() and len(value) <= MAX_CHARS) or isinstance(value, int)
    ]
    return sound if len(sound) == len(found) <= MAX_TARGETS else []


def _place(kept: Sequence[tuple[str, str | int | bool]]) -> str:
    """Return the target arguments in words: `in acme/site`, `to board@example.com`."""
    places = [_shown(value) for name, value in kept if name in _PLACES]
    people = [_shown(value) for name, value in kept if name in _PEOPLE]
    if any("/" in each for each in places[:-1]):
        return "with " + ", ".join(f"{name} {_shown(value)}" for name, value in kept)
    others = [f"{name} {_shown(value)}" for name, value in kept if name not in (*_PLACES, *_PEOPLE)]
    said = [f"in {'/'.join(places)}" if places else "", f"to {', '.join(people)}" if people else ""]
    said.append(f"with {', '.join(others)}" if others else "")
    return ", ".join(filter(None, said))


def _shown(value: str | int | bool) -> str:
    """Return a value for people; of an absolute path only its last part."""
    text = value if isinstance(value, str) else canonical(value)
    return f"…/{text.rstrip('/').rpartition('/')[2]}" if text.startswith(("/", "~")) else text


def has_target(value: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether the target arguments of a call are exactly these. value: canonical JSON."""
    part = json.loads(value)
    if not isinstance(part, dict) or not part:
        return False
    return {name for name in _TARGETS if name in arguments} == part.keys() and all(
        canonical(arguments[name]) == canonical(wanted) for name, wanted in part.items()
    )
