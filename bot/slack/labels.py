"""Labels in place of the names of people, channels and files, where the operator keeps names from the model's
provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot.core.inbox import AuthorKind, Unread
from bot.slack.reading import content, files, markup
from bot.slack.reading.content import Kind, Part, Section, Words
from bot.slack.reading.speakers import Speakers
from bot.slack.text import referred

Labels = Callable[[str], str]
"""Returns what a person, a channel or a user group is called, by its id."""
_ELSEWHERE = (Kind.QUOTE, Kind.FORWARD, Kind.LINKED)
"""Sections whose source is a conversation."""
_FILES = (Kind.FILE, Kind.CONTENT)
_TYPES = (
    "pdf rtf txt text md markdown rst tex log epub odt ods odp odg pages numbers key doc docx docm dot dotx xls xlsx"
    " xlsm xlsb ppt pptx pptm pps ppsx vsd vsdx msg eml ics vcf csv tsv json jsonl ndjson xml yaml yml toml ini cfg"
    " conf env properties html htm mhtml css scss less js mjs cjs jsx ts tsx vue svelte py pyi ipynb rb php pl pm java"
    " kt kts scala groovy gradle c h cc cpp cxx hpp cs fs go rs swift m mm dart lua r jl hs erl ex exs clj lisp sh"
    " bash zsh ps1 bat cmd sql graphql proto tf diff patch png jpg jpeg gif bmp tif tiff webp heic heif avif svg ico"
    " psd ai eps indd sketch fig drawio mp3 m4a wav ogg oga opus flac aac aif aiff wma mp4 m4v mov mkv avi webm mpg"
    " mpeg wmv ogv zip gz tgz bz2 xz zst 7z rar tar jar war apk dmg iso exe msi deb rpm whl parquet db sqlite pem crt"
    " p12 bin dat"
)
_OF_PEOPLE = ("file.eml", "file.vcf", "file.ics")
"""Files that begin with names of people."""
_ADDRESS = re.compile(r"[^\s<>&;,]+@[^\s<>&;,]+")
_ID = re.compile(r"@([UW][A-Z0-9]{7,20})\b")
"""A person who is mentioned in a canvas."""
_LINK = re.compile(
    r"<(?:https://[a-z0-9.-]+\.slack(?:-gov)?\.com/|slack://)"
    r"(archives|files|team|client|docs|lists|huddle|messages|user|channel|file)\b[/?]?([^/?|<>]*)([^|<>]*)(?:\|[^<>]*)?>"
)
"""A link to something in Slack: its address has ids, and names of files. What follows the bar may be a name."""
_ENDINGS = frozenset(_TYPES.split())
"""Ends of the names of files that say their type. What people write after a period need not: `Dr.Smith`."""


def labelled(
    messages: Sequence[Unread], bodies: Sequence[Sequence[Part]], known: Sequence[str], labels: Labels
) -> tuple[Mapping[str, str], Speakers]:
    """Return the labels of everybody who has written these messages and of everything that is mentioned in them, by id,
    and the names under which participants speak."""
    texts = [text for parts in bodies for text in content.texts(parts)]
    users = {*known, *(each.user for each in messages if each.author is AuthorKind.PERSON and each.user)}
    users |= {who for text in texts for who in (*markup.mentions(text), *referred(text)) if who}
    # An app may post under the name of a person.
    users |= {each.user for each in messages if each.author in (AuthorKind.APP, AuthorKind.WORKFLOW) and each.user}
    by_id = {user: labels(user) for user in users}
    others = (each.label for each in messages if each.author is not AuthorKind.PERSON and each.label)
    return by_id, Speakers(by_id, others)


def without_names(parts: Sequence[Part], labels: Labels) -> list[Part]:
    """Return parts of a message whose sections do not say who has written them and where, or how a file is called, and
    whose links into Slack do not say whom or what they lead to."""
    shown = [_unnamed(part, labels) if isinstance(part, Section) else Words(_unlinked(part.text)) for part in parts]
    return [each for each in shown if each is not None]


def _unnamed(section: Section, labels: Labels) -> Section | None:
    if section.kind is Kind.ABOUT:
        return _about(section, labels)
    parts = without_names(section.parts, labels)
    if section.kind is Kind.FILE and file_label(section.title) in _OF_PEOPLE and not _is_email(section):
        # What Slack shows of its beginning are the fields that name people.
        parts = [each for each in parts if not _is_preview(each)]
    if section.kind in _FILES:
        parts = [
            Words(_ID.sub(lambda id: f"@{labels(id[1])}", each.text)) if isinstance(each, Words) else each
            for each in parts
        ]
    return replace(
        section,
        author="",
        source="" if section.kind in _ELSEWHERE else _unlinked(section.source),
        title=file_label(section.title) if section.kind in _FILES else _unlinked(section.title),
        parts=parts,
    )


def _is_email(section: Section) -> bool:
    """Return whether Slack has parsed a file as an email, and shows its text without the header."""
    return any(isinstance(each, Section) and each.kind is Kind.ABOUT for each in section.parts)


def _is_preview(part: Part) -> bool:
    return isinstance(part, Words) and part.text.startswith("```")


def _about(section: Section, labels: Labels) -> Section | None:
    """Return a line about an email with labels; None for another line, such as a footer."""
    names = list(content.texts(section.parts))
    if section.title in (files.FROM, files.TO, files.CC):
        shown = [labels(_address(each)) for each in names]
    elif section.title == files.ATTACHED:
        shown = [file_label(each) for each in names]
    else:
        return None
    return replace(section, parts=tuple(map(Words, shown)))


def _address(name: str) -> str:
    """Return the email address in a name, or the name itself if it has none, in small letters."""
    found = _ADDRESS.search(name)
    return (found[0] if found else name).strip().lower()


def _unlinked(text: str) -> str:
    """Return markup in which links to messages, files and people of Slack do not say which."""
    return _LINK.sub(_instead, text) if "slack" in text else text


def _instead(link: re.Match[str]) -> str:
    where, id, rest = link[1], link[2], link[3].partition("?")[0]
    if where == "team":
        return f"<@{id}>"
    if where == "archives":
        return f"(a link to a message in <#{id}>)" if rest else f"<#{id}>"
    return f"(a link to a {file_label(rest)})" if where == "files" else "(a link into Slack)"


def file_label(name: str) -> str:
    """Return what a file is called in place of its name, or of its title and, in parentheses, its name: its type, if
    the name ends as files of a known type do."""
    ending = name.removesuffix(")").rpartition(".")[2].lower() if "." in name else ""
    return f"file.{ending}" if ending in _ENDINGS else "file"
