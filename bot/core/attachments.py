"""Files that the model reads: what is known about one, its reference in the log, and what a request has in its place.

The log never contains the bytes of a file. A message refers to them with a part of the type `attachment`, which a
request replaces by what the model's API calls it (https://openrouter.ai/docs/features/multimodal), or by words if the
model does not read such files or the bytes are no longer kept. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.core.json_text import JsonObject
from bot.core.untrusted import count, mapping, text

MARK = b'{"type":"attachment",'
"""How a reference begins in a message. Inside of texts the quotation marks are escaped."""
SENT_BYTES = 16_000_000
"""Bytes of all files in one request. Anthropic refuses requests above 32 MB, and base64 adds a third."""
SENT_FILES = 20
"""Files in one request. With more images than this, Anthropic's limit of their size in pixels is lower."""


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """What is read of files and how long it is kept, by the names in bot.toml."""

    max_mb: float = 20.0
    """Megabytes of one file."""
    keep_days: float = 7.0
    """How long the bytes are kept after a file was attached."""
    keep_mb: float = 1000.0
    """Megabytes of all bytes that are kept together."""
    inputs: tuple[str, ...] = ()
    """What a model reads besides text if its endpoint does not say: names of `FileKind`."""


class FileKind(StrEnum):
    """How a file is sent to the model. The values are the names of OpenRouter's input modalities."""

    IMAGE = "image"
    FILE = "file"
    AUDIO = "audio"


_PLURAL = {FileKind.IMAGE: "images", FileKind.FILE: "such files", FileKind.AUDIO: "audio"}


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What was read from a file."""

    text: str = ""
    """Its text, shortened; empty if it has none."""
    note: str = ""
    """Facts about it for the model: the number of pages, what was left out."""
    problem: str = ""
    """Why it could not be read, as a clause for people and the model: `it is protected with a password`."""
    kind: FileKind | None = None
    """How it can be sent to the model as it is; None if only as text."""
    media: str = ""
    """The media type of `content`."""
    content: bytes = b""
    """The bytes to send."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A reference to the bytes of a file."""

    kind: FileKind
    digest: str
    """SHA-256 of the bytes in hexadecimal, by which they are kept."""
    media: str
    name: str
    """On one line, without brackets of the app's notes."""
    size: int
    words: str = ""
    """What the model reads instead, if it is not sent the bytes: the file's text, marked as such."""

    def part(self) -> JsonObject:
        """Return the reference as a part of a message's content."""
        part: JsonObject = {"type": "attachment", "kind": self.kind.value, "id": self.digest, "media": self.media}
        part |= {"name": self.name, "size": self.size}
        return part | {"words": self.words} if self.words else part


@dataclass(frozen=True, slots=True)
class Quoted:
    """A message of the chat as the model reads it."""

    text: str
    attached: Sequence[Attached] = ()
    problems: Sequence[str] = ()
    """What could not be read of its files and links, in sentences for its author."""

    def content(self) -> str | list[JsonObject]:
        """Return the content of the message in the log."""
        return content(self.text, self.attached)


def content(text: str, attached: Sequence[Attached]) -> str | list[JsonObject]:
    """Return the content of a message with references to files."""
    if not attached:
        return text
    return [{"type": "text", "text": text or "(files)"}, *(each.part() for each in attached)]


def packed(attached: Sequence[Attached]) -> str:
    """Return references as JSON text, for the store; empty if there are none."""
    parts = [each.part() for each in attached]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":")) if parts else ""


def unpacked(stored: str) -> Sequence[Attached]:
    """Return the references in a JSON text from `packed`."""
    parts: list[object] = json.loads(stored) if stored else []
    return [found for part in parts if (found := reference(part)) is not None]


def reference(part: object) -> Attached | None:
    """Return the reference in a part of a message's content; None if it is another part."""
    fields = mapping(part)
    if fields.get("type") != "attachment" or fields.get("kind") not in list(FileKind):
        return None
    digest, media, name, words = (text(fields.get(key)) for key in ("id", "media", "name", "words"))
    return Attached(FileKind(fields["kind"]), digest, media, name, count(fields.get("size")), words)


def references(messages: Iterable[str]) -> list[Attached]:
    """Return all references in messages of a log, in order."""
    mark = MARK.decode()
    return [found for message in messages if mark in message for found in _parts(json.loads(message))]


def _parts(message: JsonObject) -> list[Attached]:
    parts: object = message.get("content")
    return [found for part in parts if (found := reference(part))] if isinstance(parts, list) else []


def first_sent(found: Sequence[Attached]) -> int:
    """Return the index of the first of a thread's references whose bytes are sent.

    The newest ones are sent. Once they exceed a limit, the older ones are left out down to half of it, so that the
    beginning of the requests, which the provider caches, changes rarely.
    """
    first, size = 0, 0
    for index, each in enumerate(found):
        size += each.size
        if size > SENT_BYTES or index + 1 - first > SENT_FILES:
            while first < index and (size > SENT_BYTES // 2 or index + 1 - first > SENT_FILES // 2):
                size -= found[first].size
                first += 1
    return first


def fill(message: str, encoded: Mapping[str, str], why_not: Callable[[Attached], str]) -> str:
    """Return a message of the log as it is sent.

    encoded: the bytes to send as base64, by their digest. why_not: why other ones are not sent, as a clause.
    """
    parsed: JsonObject = json.loads(message)
    parts: object = parsed.get("content")
    if not isinstance(parts, list):
        return message
    filled: list[JsonObject] = []
    for part in parts:
        found = reference(part)
        if found is None:
            filled.append(part)
        elif found.digest in encoded:
            filled.append(_sent(found, encoded[found.digest]))
        else:
            filled.append({"type": "text", "text": _instead(found, why_not(found))})
    if all(part.get("type") == "text" for part in filled):
        # Some endpoints accept a list only if it has more than text.
        parsed["content"] = "\n".join(str(part.get("text")) for part in filled)
    else:
        parsed["content"] = filled
    return json.dumps(parsed, ensure_ascii=False, separators=(",", ":"))


def _sent(found: Attached, encoded: str) -> JsonObject:
    address = f"data:{found.media};base64,{encoded}"
    match found.kind:
        case FileKind.IMAGE:
            return {"type": "image_url", "image_url": {"url": address}}
        case FileKind.AUDIO:
            return {"type": "input_audio", "input_audio": {"data": encoded, "format": found.media.partition("/")[2]}}
        case FileKind.FILE:
            return {"type": "file", "file": {"filename": found.name, "file_data": address}}


def _instead(found: Attached, why: str) -> str:
    """Return the words in place of a file that is not sent."""
    if found.words:
        return found.words
    return f'⟦"{found.name}" is not shown to you: {why}⟧'


def not_read(kind: FileKind) -> str:
    """Return that the model does not read files of a kind, as a clause."""
    return f"the model in use does not read {_PLURAL[kind]}"


NO_LONGER_KEPT = "it is no longer kept by the app"
LEFT_OUT = "newer files took its place"
REFUSED = "the model's provider refuses it"
