"""Labels in place of the names of people, where the operator keeps names from the model's provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.core.inbox import AuthorKind, Unread
from bot.slack.reading import content, markup
from bot.slack.reading.content import Part, Section
from bot.slack.reading.speakers import Speakers
from bot.slack.text import referred

Labels = Callable[[str], str]
"""Returns what a person is called, by their id."""


def labelled(
    messages: Sequence[Unread], bodies: Sequence[Sequence[Part]], known: Sequence[str], labels: Labels
) -> tuple[Mapping[str, str], Speakers]:
    """Return the labels of everybody who has written these messages or is mentioned in them, by id, and the names under
    which participants speak."""
    texts = [text for parts in bodies for text in content.texts(parts)]
    users = {*known, *(each.user for each in messages if each.author is AuthorKind.PERSON and each.user)}
    users |= {who for text in texts for who in (*markup.mentions(text), *referred(text)) if who[0] in "UW"}
    by_id = {user: labels(user) for user in users}
    others = (each.label for each in messages if each.author is not AuthorKind.PERSON and each.label)
    return by_id, Speakers(by_id, others)


def without_authors(parts: Sequence[Part]) -> list[Part]:
    """Return parts of a message whose sections do not say who has written them."""
    return [
        replace(part, author="", parts=without_authors(part.parts)) if isinstance(part, Section) else part
        for part in parts
    ]
