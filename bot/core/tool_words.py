"""Says in a few plain words what a call of any tool does, from the tool's title and its main argument. Pure.

Titles, names, arguments and results come from servers and models, so each is one bounded line without markup and
hidden characters. What is returned is plain text: escape it where a markup is read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum, auto
from typing import Any

from bot.core.tools import Preview, Tool

MAX_TITLE = 80
"""Characters of a tool's title."""
MAX_VALUE = 60
"""Characters of an argument in a sentence."""
MAX_ORDERED = 50
"""Arguments whose order is kept."""
MAX_LOOKED_AT = 2_000
"""Characters of a result that are searched for a known failure."""
SOMETHING = "Use a tool"
"""The title of a tool whose name has no letter or digit."""

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_USUAL = re.compile(r"[ -;=?-~]*")
_BRACKETS = str.maketrans("<>", "‹›")
_WORD = re.compile(r"[^\W_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_FUNCTION = re.compile(r"[A-Za-z0-9]+(?:_+[A-Za-z0-9]+)+")
_ABSOLUTE = re.compile(r"(?:file://|~?/|[A-Za-z]:[\\/]|\\\\)")
_OPAQUE = re.compile(r"[A-Z0-9]{8,}|[0-9a-fA-F-]{16,}")
_SECRET = re.compile(r"passw|secret|token|credential|api_?key|authoriz|^auth$", re.I)
_PLACES = (
    *("repo", "repository", "project", "channel", "database", "table", "board", "bucket", "collection", "space"),
    *("calendar", "folder"),
)
_OWNERS = ("owner", "org", "organization", "team")
_INFORMATIVE = (
    *("title", "name", "subject", "summary", "query", "q", "question", "search", "pattern", "key", "url", "path"),
    *("file", "filename", "id", "number", "text", "message", "body", "content"),
)
_FAILURES = (
    (re.compile(r"enoent|no such file|not found|does ?n[o']t exist|404"), "not found"),
    (re.compile(r"eacces|eperm|permission denied|forbidden|unauthori[sz]ed|\b40[13]\b"), "not permitted"),
    (re.compile(r"eexist|already exists"), "already there"),
    (re.compile(r"timed? ?out|did not answer"), "no answer in time"),
    (re.compile(r"not running|went away|no longer (?:offers|configured)|was not sent"), "unavailable"),
    (re.compile(r"rate limit|too many requests|429"), "too many requests"),
)


class Form(Enum):
    """How a step speaks of its call."""

    DONE = auto()
    """`Edited release.md`"""
    RUNNING = auto()
    """`Editing release.md`"""
    NOT_DONE = auto()
    """`Didn't edit release.md`: it never ran."""
    FAILED = auto()
    """`Couldn't edit release.md`: it ran and ended in an error."""
    WANTED = auto()
    """`Edit release.md`: it is not known whether it ran, or not said."""


def one_line(text: str, limit: int = MAX_VALUE) -> str:
    """Return a text as one visible line of at most `limit` characters, cut at the end. It contains no angle brackets,
    so it cannot be read as a mention or a link."""
    kept = text[: limit * 4]
    if not _USUAL.fullmatch(kept):
        kept = "".join(
            " " if character in "\n\t\r" else character
            for character in kept
            if character in "\n\t\r" or unicodedata.category(character) not in _HIDDEN
        ).translate(_BRACKETS)
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit and len(text) <= limit * 4 else f"{kept[: limit - 1].rstrip()}…"


def tool_title(title: str, name: str) -> str:
    """Return what a tool is called towards people: its title, else its name made readable (`create_issue` becomes
    `Create issue`). Never a name with underscores."""
    said = one_line(title, MAX_TITLE)
    if " " in said:
        said = _FUNCTION.sub(lambda found: found[0].replace("_", " "), said)
        return said[:1].upper() + said[1:]
    words = [part for word in _WORD.findall(one_line(said or name, MAX_TITLE)) for part in _CAMEL.split(word)]
    plain = " ".join(word if word.isupper() and len(word) <= 5 else word.lower() for word in words)
    return plain[:1].upper() + plain[1:] or SOMETHING


def place_of(arguments: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
    """Return where a call does something (`acme/site`) and the names of the arguments that say so; empty if none
    does."""
    found = ((name, arguments.get(name)) for name in _PLACES)
    key = next((name for name, said in found if isinstance(said, str) and said.strip() and _is_readable(said)), "")
    if not key:
        return "", ()
    owner = next((name for name in _OWNERS if _said(arguments.get(name))), "")
    if owner and key in ("repo", "repository", "project") and "/" not in arguments[key]:
        return f"{_named(arguments[owner])}/{_named(arguments[key])}", (owner, key)
    return _named(arguments[key]), (key,)


def key_argument(schema: Mapping[str, Any], arguments: Mapping[str, Any], without: tuple[str, ...] = ()) -> str:
    """Return the name of the argument that says most about a call; empty if none does. In: names to leave out."""
    properties = schema.get("properties")
    required = schema.get("required")
    ordered = [
        *(name for name in _INFORMATIVE if name in arguments),
        *(name for name in (required if isinstance(required, list) else ()) if isinstance(name, str)),
        *(properties if isinstance(properties, dict) else ()),
        *arguments,
    ]
    for name in ordered:
        if name not in without and not _SECRET.search(name) and _said(arguments.get(name)):
            return name
    return ""


def is_shown_in_short(name: str, value: str) -> bool:
    """Return whether an argument may be shown where nobody asked for it: it has a value that people can read, and its
    name does not say that it is secret."""
    return bool(value.strip()) and not _SECRET.search(name) and _is_readable(value.strip())


def not_done(words: str) -> str:
    """Return the words for a step that was not done, from words without verb forms, such as a tool's title."""
    return f"Not done: {words}"


def step(tool: Tool, arguments: Mapping[str, Any], form: Form = Form.DONE) -> str:
    """Return a call as a step that a colleague would name: `Create issue in acme/site: Installer fails`. Without
    arguments it says no more than what the tool does. A title has one form, so only what was not done differs."""
    said = tool_title(tool.title, tool.remote_name)
    place, names = place_of(arguments)
    if place:
        said += f" in {place}"
    key = key_argument(tool.schema, arguments, names)
    words = f"{said}: {_named(arguments[key])}" if key else said
    return not_done(words) if form is Form.NOT_DONE else words


def described(tool: Tool, arguments: Mapping[str, Any], preview: Preview | None) -> Preview:
    """Return the preview of a call with a heading and an order of its arguments, also if its server's guard knows
    nothing of it: then from its title and its schema."""
    known = replace(preview or Preview("", ""), identity=tool.identity)
    title = tool_title(tool.title, tool.remote_name)
    place, names = place_of(arguments)
    if known.heading:
        return known if known.order else replace(known, order=_ordered(tool.schema, arguments, ()))
    heading = known.title or title
    exact = bool(names) and not known.title and place == "/".join(str(arguments[name]) for name in names)
    if exact and all("/" not in str(arguments[name]) for name in names[:-1]):
        heading = f"{heading} in {place}"
    else:
        names = ()
    order = _ordered(tool.schema, arguments, names)
    return replace(known, heading=heading, title=known.title or title, shown=(*known.shown, *names), order=order)


def _ordered(schema: Mapping[str, Any], arguments: Mapping[str, Any], without: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the first arguments: the most informative one, then those of the schema in its order."""
    properties = schema.get("properties")
    first = key_argument(schema, arguments, without)
    names = [first, *(properties if isinstance(properties, dict) else ())]
    return tuple(dict.fromkeys(name for name in names if name and name in arguments))[:MAX_ORDERED]


def outcome(result: str, ok: bool) -> str:
    """Return what came of a call in a few words; empty if there is nothing worth saying."""
    if ok:
        return ""
    text = result[:MAX_LOOKED_AT].lower()
    return next((words for pattern, words in _FAILURES if pattern.search(text)), "failed")


def _said(value: object) -> bool:
    return (isinstance(value, str) and bool(value.strip())) or (
        isinstance(value, int | float) and not isinstance(value, bool)
    )


def _is_readable(said: str) -> bool:
    """Whether a value means something to people, other than an id."""
    return not _OPAQUE.fullmatch(said[: MAX_VALUE * 4])


def _named(value: object) -> str:
    """Return an argument for a sentence; of an absolute path only its last part."""
    text = str(value)[: MAX_VALUE * 4].strip() if isinstance(value, str) else str(value)
    if _ABSOLUTE.match(text):
        text = re.split(r"[/\\]", str(value).strip().rstrip("/\\")[-MAX_VALUE * 4 :])[-1]
    return one_line(text)
