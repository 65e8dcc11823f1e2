"""Renders a message for the model: the author's words unchanged, all other content in sections that cannot be forged.

A section begins and ends with a line in double brackets, and every line in it begins with `>`. In what people write,
these brackets and their look-alikes are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence

from bot.slack.reading.content import Kind, Part, Section, texts
from bot.slack.reading.speakers import OURS, name_key
from bot.slack.text import COLONS, readable, speaker

OPEN, CLOSE = "\N{MATHEMATICAL LEFT WHITE SQUARE BRACKET}", "\N{MATHEMATICAL RIGHT WHITE SQUARE BRACKET}"
SAME = f"{OPEN}same message{CLOSE} "
"""Marks a line that begins like the message of another participant."""

_ALIKE = str.maketrans(dict.fromkeys("⟦〚⦋⁅【〖⟬⦗", "[") | dict.fromkeys("⟧〛⦌⁆】〗⟭⦘", "]"))
_BREAKS = re.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_UNSEEN = re.compile("[\U000e0000-\U000e01ef]")
"""Tags and variation selectors: a text for the model that no person sees can be written with them."""
_COLON = re.compile(f"[{COLONS}]")
_BEGUN = re.compile(r"(?:[\s>*#]*\d{1,4}[.)]\s)?")
_MANNER = re.compile(r"[(\[{\uff08\uff3b\u207d]")
_MANNERS = tuple(
    map(name_key, ("to others in the thread", "while you were offline", "edited the message of", "who stopped you"))
) + tuple(map(name_key, ("who then stopped you", "app; not a", "workflow; not a", "a notice", "another post of")))
"""How what we say about a speaker begins."""
_LONGEST_HEAD = 150
"""Characters of a line in which the name of a speaker is looked for."""
_NAMES = {
    Kind.QUOTE: "quoted text",
    Kind.FORWARD: "forwarded message",
    Kind.LINKED: "linked message",
    Kind.PREVIEW: "link preview",
    Kind.ATTACHMENT: "attachment",
    Kind.FILE: "file",
    Kind.CONTENT: "file",
    Kind.PROMPT: "prompt",
    Kind.SUGGESTED: "written for you, not by you",
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
        if isinstance(part, Section) and part.kind is not Kind.ABOUT:
            lines += _section(part, names)
        else:
            for line in _plain(_text(part), names).strip("\n").split("\n"):
                # The first line follows the speaker's name.
                lines.append(_continued(line, speakers) if lines else line)
    return "\n".join(lines)


def note(words: str) -> str:
    """Return a note from the app to the model, in double brackets on one line."""
    return f"{OPEN}{_line(words)}{CLOSE}"


def on_one_line(text: str) -> str:
    """Return a text on one line, without the brackets of the app's notes."""
    return _line(text)


def _section(section: Section, names: Mapping[str, str]) -> list[str]:
    name = _NAMES[section.kind]
    if section.kind is Kind.FILE and section.parts:
        name = "file with a preview"
    inner: list[str] = []
    for part in section.parts:
        if isinstance(part, Section) and part.kind is not Kind.ABOUT:
            inner += _section(part, names)
        else:
            inner += _plain(_text(part), names).strip("\n").split("\n")
    shown = {field: _line(_plain(getattr(section, field), names)) for field in ("author", "source", "title", "note")}
    about = name + (f' "{_quoted(shown["title"])}"' if shown["title"] else "")
    if section.kind is Kind.QUOTE:
        about += ", whose author is not known"
    elif section.kind is Kind.FORWARD or (section.kind is Kind.LINKED and section.parts):
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


def _text(part: Part) -> str:
    """Return words, or a line about something, in markup."""
    if not isinstance(part, Section):
        return part.text
    said = ", ".join(texts(part.parts))
    return f"{part.title}: {said}" if part.title else said


def _plain(text: str, names: Mapping[str, str]) -> str:
    """Return markup as plain text, with look-alikes of the brackets and unusual line breaks replaced."""
    plain = _BREAKS.sub("\n", readable(text, names))
    return plain if plain.isascii() else _UNSEEN.sub("", plain).translate(_ALIKE)


def _line(text: str) -> str:
    return " ".join(text.translate(_ALIKE).split())


def _quoted(text: str) -> str:
    return text.replace('"', "'")


def _continued(line: str, speakers: Container[str]) -> str:
    """Return a line of a message, marked if it begins like another message."""
    colon = _COLON.search(line, 0, _LONGEST_HEAD)
    if colon is None:
        return line
    head = line[: colon.start()]
    head = head[_BEGUN.match(head).end() :]  # pyright: ignore[reportOptionalMemberAccess]  # it matches anything
    name, *manner = _MANNER.split(head, maxsplit=1)
    if not manner:
        name = head
    found = {name_key(each) for each in {name, head}}
    is_marked = any(each in OURS or each in speakers for each in found)
    is_marked = is_marked or (bool(manner) and name_key(manner[0]).startswith(_MANNERS))
    return f"{SAME}{line}" if is_marked else line
