"""Leaves out whom emails, appointments and contact cards name, where names are kept from the model's provider. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bot.core.attachments import ReadFile

CONTACTS = "contact cards consist of names, which are kept from the model here"
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*):")
_KEPT = ("subject", "date", "mime-version", "content-type", "content-transfer-encoding", "content-disposition")
"""Fields of an email, and of its parts, that name nobody."""
_NAME = re.compile(r"""\b((?:file)?name\*?[0-9]*\*?)=("[^"\n]*"|[^\s;]+)""", re.IGNORECASE)
"""How an attachment is called."""
_PEOPLE = re.compile(r"(?:ORGANIZER|ATTENDEE|CONTACT)\b", re.IGNORECASE)
"""Lines of an appointment that name people."""
_FOLDED = (" ", "\t")
"""How a line begins that continues the one before."""


def without_people(read: ReadFile, name: str, media: str) -> ReadFile:
    """Return what was read of a file without the fields in which its format names people and other files."""
    ending, media = name.rpartition(".")[2].lower(), media.lower()
    if ending in ("vcf", "vcard") or "vcard" in media:
        return ReadFile(problem=read.problem or CONTACTS)
    if ending == "eml" or media == "message/rfc822":
        return replace(read, text="\n".join(_email(read.text.split("\n"))))
    if ending in ("ics", "ical", "ifb") or media == "text/calendar":
        return replace(read, text="\n".join(_appointment(read.text.split("\n"))))
    return read


def _email(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of an email: of each header, only the fields that name nobody."""
    in_header, kept = True, True
    for line in lines:
        if line.startswith("--"):  # before a part, which has a header of its own
            in_header, kept = True, True
        elif in_header and not line.startswith(_FOLDED):
            field = _HEADER.match(line)
            in_header = field is not None
            kept = field is None or field[1].lower() in _KEPT
        if kept:
            yield _NAME.sub(r"\1=…", line) if in_header else line


def _appointment(lines: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a calendar that name nobody."""
    kept = True
    for line in lines:
        kept = kept if line.startswith(_FOLDED) else not _PEOPLE.match(line)
        if kept:
            yield line
