"""The content of a message: its author's own words, and sections for quotes, forwards, previews and files. Pure data.

Texts are in Slack's markup (docs.slack.dev/messaging/formatting-message-text): `&`, `<` and `>` are escaped; people,
channels and links are entities, so that names can be filled in when the message is rendered for the model.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core import server_offers
from bot.core.inbox import AuthorKind
from bot.core.json_text import JsonObject
from bot.core.server_offers import PromptRef
from bot.core.untrusted import count, items, mapping, parsed, text


class Kind(StrEnum):
    """What a section holds."""

    QUOTE = "quote"
    """Text that the author marked as a quote. Its origin is unknown."""
    FORWARD = "forward"
    """A forwarded message, or one that Slack shows for a link to it."""
    LINKED = "linked"
    """A message that the author has linked to, read by the bot."""
    PREVIEW = "preview"
    """Slack's preview of a linked page."""
    ATTACHMENT = "attachment"
    FILE = "file"
    """A file, by what Slack says about it."""
    CONTENT = "content"
    """A file whose content was read."""
    PROMPT = "prompt"
    """A prompt of a tool server that the author has chosen."""
    SUGGESTED = "suggested"
    """What such a prompt has the model say."""
    ABOUT = "about"
    """A line that Slack shows about what it stands in: who has written an email to whom, a footer. `title` says what
    the parts are, of which each has one name."""
    CUT = "cut"
    """Marks where a message that was too long was truncated."""


@dataclass(frozen=True, slots=True)
class Words:
    """Text in Slack's markup."""

    text: str


@dataclass(frozen=True, slots=True)
class FileRef:
    """A file in Slack, by which its content can be read."""

    id: str
    name: str
    media: str
    """Its media type, as Slack has recognized it."""
    size: int
    """In bytes; 0 if Slack does not say."""
    url: str
    """Where its content is (`url_private_download`); empty if that has to be looked up."""
    about: str = ""
    """Its type and size in words."""
    direct: bool = True
    """Its message was posted with it. Otherwise the payload says only that it has to do with the message, and whoever
    has written that payload need not be able to see the file."""


@dataclass(frozen=True, slots=True)
class Section:
    """Content that is not the author's own words."""

    kind: Kind
    parts: Sequence[Part] = ()
    author: str = ""
    """Who wrote it, in Slack's markup; empty if the message does not say."""
    source: str = ""
    """Where it comes from: a channel or an address, in Slack's markup."""
    title: str = ""
    note: str = ""
    """Further facts in plain text, written by the bot: type, size, what is missing."""
    file: FileRef | None = field(default=None, compare=False)
    """The file whose content can be read."""
    prompt: PromptRef | None = field(default=None, compare=False)
    """The prompt whose messages its server gives."""


Part = Words | Section


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a message."""

    kind: AuthorKind
    id: str
    """A person's user id; the id of an app's bot, of the app, or of a workflow; empty if the message does not say."""
    label: str = ""
    """The name that the message gives to an app or a workflow."""
    aliases: frozenset[str] = frozenset()
    """All ids of an app or a workflow, any of which the configuration may name."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of one message."""

    author: Author
    parts: Sequence[Part]
    mentions: frozenset[str] = frozenset()
    """Ids of the people and user groups (S…), and the broadcasts (`!here`), that the author mentions outside of quotes,
    code and tables."""
    named: frozenset[str] = frozenset()
    """Ids of the people who are mentioned anywhere in the message."""

    @property
    def cut(self) -> bool:
        """Whether the message was truncated because it is too long or too deeply nested."""
        return any(isinstance(part, Section) and part.kind is Kind.CUT for part in self.parts)

    @property
    def own_words(self) -> str:
        """The author's own words as one text in Slack's markup."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Words))


def dumps(parts: Sequence[Part]) -> str:
    """Return parts as JSON text, for the store."""
    return json.dumps([_packed(part) for part in parts], ensure_ascii=False, separators=(",", ":"))


def loads(body: str) -> Sequence[Part]:
    """Return the parts in a JSON text from `dumps`. Malformed parts are left out."""
    return tuple(_unpacked(items(parsed(body)), MAX_NESTED))


MAX_NESTED = 20
"""Nesting depth of sections in a stored message, above what is ever read from Slack."""


def texts(parts: Sequence[Part]) -> Iterator[str]:
    """Yield every text in Slack's markup, with those of nested sections."""
    for part in parts:
        if isinstance(part, Words):
            yield part.text
        else:
            yield from (part.author, part.source, part.title)
            yield from texts(part.parts)


def _packed(part: Part) -> object:
    if isinstance(part, Words):
        return part.text
    named = {"author": part.author, "source": part.source, "title": part.title, "note": part.note}
    packed: dict[str, object] = {"kind": part.kind.value}
    packed.update((name, value) for name, value in named.items() if value)
    if part.file is not None:
        values = {name: getattr(part.file, name) for name in ("id", "name", "media", "size", "url", "about", "direct")}
        packed["file"] = {name: value for name, value in values.items() if value}
    if part.prompt is not None:
        packed["prompt"] = part.prompt.packed()
    if part.parts:
        packed["parts"] = [_packed(each) for each in part.parts]
    return packed


def _unpacked(packed: Sequence[object], depth: int) -> Iterator[Part]:
    for each in packed if depth else ():
        if isinstance(each, str):
            yield Words(text(each))
        section = mapping(each)
        if section.get("kind") in list(Kind):
            yield Section(
                Kind(section["kind"]),
                tuple(_unpacked(items(section.get("parts")), depth - 1)),
                *(text(section.get(name)) for name in ("author", "source", "title", "note")),
                file=_file(mapping(section.get("file"))),
                prompt=server_offers.unpacked(section.get("prompt")),
            )


def _file(packed: JsonObject) -> FileRef | None:
    id, name, media, url, about = (text(packed.get(key)) for key in ("id", "name", "media", "url", "about"))
    direct = packed.get("direct") is True
    return FileRef(id, name, media, count(packed.get("size")), url, about, direct) if id else None
