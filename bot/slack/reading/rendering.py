"""Renders a message for the model: the author's words unchanged, all other content in sections that cannot be forged.

A section begins and ends with a line in double brackets, and every line in it begins with `>`. In what people write,
these brackets and their look-alikes are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from bot.slack.reading.content import Kind, Part, Section
from bot.slack.reading.speakers import name_key
from bot.slack.text import readable, speaker

OPEN, CLOSE = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}", "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
SAME = f"{OPEN}same message{CLOSE} "
"""Marks a line that begins like the message of another participant."""

OURS = ("from the app", "you", "slack")
"""How notes by the app itself begin."""

_ALIKE = str.maketrans(dict.fromkeys("⟦〚⦋⁅【〖⟬⦗", "[") | dict.fromkeys("⟧〛⦌⁆】〗⟭⦘", "]"))
_BREAKS = re.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_HEAD = re.compile(r"[\W_]*([^\n:\uff1a\ufe55\u2236\ua789]{1,100})[:\uff1a\ufe55\u2236\ua789]")
_COLON = re.compile("[:\uff1a\ufe55\u2236\ua789]")
_MANNER = re.compile(r"\([^()]*\)?\W*$")
_NAMES = {
    Kind.QUOTE: "quoted text",
    Kind.FORWARD: "forwarded message",
    Kind.PREVIEW: "link preview",
    Kind.ATTACHMENT: "attachment",
    Kind.FILE: "file",
    Kind.CUT: "the rest of this message is cut off",
}


def render(parts: Sequence[Part], names: Mapping[str, str], speakers: Container[str] = ()) -> str:
    """Return a message as text for the model.

    Args:
        parts: the content of the message.
        names: the display names of people, by their ids.
        speakers: names of participants, as `name_key` returns them. Lines after the first that begin with one are
            marked.
    """
    names = {user: speaker(name) for user, name in names.items()}
    lines: list[str] = []
    for part in parts:
        if isinstance(part, Section):
            lines += _section(part, names)
        else:
            for line in _plain(part.text, names).strip("\n").split("\n"):
                # The first line follows the speaker's name.
                lines.append(_continued(line, speakers) if lines else line)
    return "\n".join(lines)


def note(words: str) -> str:
    """Return a note from the app to the model, in double brackets on one line."""
    return f"{OPEN}{_line(words)}{CLOSE}"


def _section(section: Section, names: Mapping[str, str]) -> list[str]:
    name = _NAMES[section.kind]
    if section.kind is Kind.FILE and section.parts:
        name = "file with a preview"
    inner: list[str] = []
    for part in section.parts:
        if isinstance(part, Section):
            inner += _section(part, names)
        else:
            inner += _plain(part.text, names).strip("\n").split("\n")
    shown = {field: _line(_plain(getattr(section, field), names)) for field in ("author", "source", "title", "note")}
    about = name + (f' "{_quoted(shown["title"])}"' if shown["title"] else "")
    if section.kind is Kind.QUOTE:
        about += ", whose author is not known"
    elif section.kind is Kind.FORWARD:
        about += (
            f" by {speaker(shown['author'].removeprefix('@'))}" if shown["author"] else ", whose author is not known"
        )
        about += f" in {shown['source']}" if shown["source"] else ""
    else:
        about += f' by "{_quoted(shown["author"])}"' if shown["author"] else ""
        about += f" from {shown['source']}" if shown["source"] else ""
    about += f" ({shown['note']})" if shown["note"] else ""
    if not inner:
        return [f"{OPEN}{about}{CLOSE}"]
    return [f"{OPEN}{about}{CLOSE}", *(f"> {line}".rstrip() for line in inner), f"{OPEN}end of {name}{CLOSE}"]


def _plain(text: str, names: Mapping[str, str]) -> str:
    """Return markup as plain text, with look-alikes of the brackets and unusual line breaks replaced."""
    return _BREAKS.sub("\n", readable(text, names)).translate(_ALIKE)


def _line(text: str) -> str:
    return " ".join(text.translate(_ALIKE).split())


def _quoted(text: str) -> str:
    return text.replace('"', "'")


def _continued(line: str, speakers: Container[str]) -> str:
    if not _COLON.search(line):
        return line
    match = _HEAD.match(line[:300])
    if match is None:
        return line
    said = match[1]
    found = {name_key(_MANNER.sub("", said)), name_key(said.strip(" *_~`\"'"))}
    return f"{SAME}{line}" if any(name in OURS or name in speakers for name in found) else line
