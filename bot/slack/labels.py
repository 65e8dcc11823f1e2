"""Labels in place of the names of people, channels and files, where the operator keeps names from the model's
provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.core.inbox import AuthorKind, Unread
from bot.slack.reading import content, markup
from bot.slack.reading.content import Kind, Part, Section
from bot.slack.reading.speakers import Speakers
from bot.slack.text import referred

Labels = Callable[[str], str]
"""Returns what a person, a channel or a user group is called, by its id."""
_ELSEWHERE = (Kind.QUOTE, Kind.FORWARD, Kind.LINKED)
"""Sections whose source is a conversation."""
_FILES = (Kind.FILE, Kind.CONTENT)
_MAX_ENDING = 10


def labelled(
    messages: Sequence[Unread], bodies: Sequence[Sequence[Part]], known: Sequence[str], labels: Labels
) -> tuple[Mapping[str, str], Speakers]:
    """Return the labels of everybody who has written these messages and of everything that is mentioned in them, by id,
    and the names under which participants speak."""
    texts = [text for parts in bodies for text in content.texts(parts)]
    users = {*known, *(each.user for each in messages if each.author is AuthorKind.PERSON and each.user)}
    users |= {who for text in texts for who in (*markup.mentions(text), *referred(text)) if who}
    by_id = {user: labels(user) for user in users}
    others = (each.label for each in messages if each.author is not AuthorKind.PERSON and each.label)
    return by_id, Speakers(by_id, others)


def without_names(parts: Sequence[Part]) -> list[Part]:
    """Return parts of a message whose sections do not say who has written them and where, or how a file is called."""
    return [_unnamed(part) if isinstance(part, Section) else part for part in parts]


def _unnamed(section: Section) -> Section:
    return replace(
        section,
        author="",
        source="" if section.kind in _ELSEWHERE else section.source,
        title=file_label(section.title) if section.kind in _FILES else section.title,
        parts=without_names(section.parts),
    )


def file_label(name: str) -> str:
    """Return what a file is called in place of its name: its type, as far as the name's ending says it."""
    ending = name.rpartition(".")[2] if "." in name else ""
    return f"file.{ending.lower()}" if ending.isascii() and ending.isalnum() and len(ending) <= _MAX_ENDING else "file"
