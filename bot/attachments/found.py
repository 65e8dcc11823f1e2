"""What the reading process finds in a file, and of which kind a file is. Standard library only."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

MAX_UNZIPPED = 200_000_000
"""Bytes of all files in an office document."""
MAX_ENTRIES = 5_000
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"BM", b"II*\0", b"MM\0*")
_AUDIO = ((b"ID3", "audio/mp3"), (b"OggS", "audio/ogg"), (b"fLaC", "audio/flac"), (b"FORM", "audio/aiff"))
_OFFICE = (("word/document.xml", "docx"), ("ppt/presentation.xml", "pptx"), ("xl/workbook.xml", "xlsx"))


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a file (`bot.core.attachments.ReadFile`)."""

    text: str = ""
    note: str = ""
    problem: str = ""
    kind: str = ""
    media: str = ""
    content: bytes = b""
    own: bool = False
    """The bytes to send are those of the file itself."""


class Unreadable(Exception):
    """A file cannot be read. The text is a clause for people: `it is protected with a password`."""


def kind_of(content: bytes, name: str) -> str:
    """Return the kind of a file by its first bytes: `image`, `pdf`, `docx`, `pptx`, `xlsx`, `text`, or the media type
    of an audio file. Raises Unreadable for everything else."""
    head = content[:1024]
    if not content:
        raise Unreadable("it is empty")
    if head.startswith(_IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "image"
    if b"%PDF-" in head:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return _office(content)
    if audio := _audio(head):
        return audio
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("it is in an old or protected format of Office; save it as .docx, .xlsx or .pptx, or as PDF")
    if head[4:8] == b"ftyp":
        is_photo = head[8:12] in (b"heic", b"heix", b"mif1", b"avif")
        raise Unreadable("it is a HEIC or AVIF photo; save it as JPEG or PNG" if is_photo else "I cannot watch videos")
    return "text"


def _audio(head: bytes) -> str:
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head[4:11] == b"ftypM4A":
        return "audio/m4a"
    if head[:2] in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"):
        return "audio/mp3"
    return next((media for mark, media in _AUDIO if head.startswith(mark)), "")


def _office(content: bytes) -> str:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise Unreadable("it is damaged") from error
    names = {entry.filename for entry in entries}
    kind = next((kind for mark, kind in _OFFICE if mark in names), "")
    if not kind:
        raise Unreadable("it is an archive, and I do not unpack those")
    if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNZIPPED:
        raise Unreadable("it unpacks to more than I read")
    return kind
