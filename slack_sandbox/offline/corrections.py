"""Applies what people say about something that was asked for before: “no, make it 2.6”. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from slack_sandbox.offline.grammar import Operation

_LEAD: Final = r"(?:(?:no|nope|wait|sorry|actually|oh|hm+|please|rather|better|but)[,.!]? )*"
_SAID: Final = tuple(
    re.compile(rf"{_LEAD}{pattern}", re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?:make|set|change|turn|correct) (?:it|that|this)(?: to| into| say| read| be)? (?P<text>.+)",
        r"(?:use|take|write|say|put|do) (?P<text>.+?) instead",
        r"(?:i|we) (?:mean|meant|want|wanted) (?P<text>.+)",
        r"(?:it|that|this) (?:should|must|has to|ought to) (?:be|say|read) (?P<text>.+)",
        r"(?P<text>\S+) instead",
    )
)
_END: Final = re.compile(r"(?:,? (?:please|now|instead|then))+$", re.IGNORECASE)
_VAGUE: Final = re.compile(
    r"(?:it|that|this|to|in|no|not|nothing|more|less|much|a (?:bit|little)|(?:un)?done)\b.*"
    r"|the (?:other|old|same|previous|first|last)\b.*"
    r"|back|off|on|so|happen|work|stop|help|undo|please|yes|differently|(?:a )?(?:mistake|list|table)"
    r"|wrong|right|correct|good|ok(?:ay)?|fine|safe|better|worse|nicer|simpler|clearer|shorter|longer|bigger|smaller"
    r"|larger|easier|faster|safer|friendlier|formal|(?:one|two|three|\d+) (?:lines?|words?|sentences?|parts?)",
    re.IGNORECASE,
)
"""What is no text to write but a wish about one, which only a real model could fulfil: “make it shorter”."""
_TEXTS: Final = {
    "replace": 1,
    "replace_in": 2,
    "write": 0,
    "create": 1,
    "append": 0,
    "append_to": 1,
    "move": 1,
    "rename": 1,
    "mkdir": 0,
}
"""Which word of an operation a correction is about: what is written, or where it goes."""
_FILES: Final = {
    **dict.fromkeys(("read", "info", "create", "replace_in", "append_to"), 0),
    **dict.fromkeys(("write", "append", "move", "rename", "copy"), 1),
    "replace": 2,
}
"""Which word of an operation another file takes the place of. Another file is deleted only if a new request says so."""
_FILE: Final = re.compile(r"[\w./-]*[A-Za-z_][\w./-]*\.[A-Za-z]{1,5}")
_NUMBER: Final = re.compile(r"v?\d[\d.,:/-]*")


def corrected_text(said: str) -> str:
    """Return the words that are to take the place of others; empty if this is no correction."""
    line = " ".join(said.split()).strip(" .!")
    found = next((match for pattern in _SAID if (match := pattern.fullmatch(line))), None)
    if found is None:
        return ""
    text = _END.sub("", found["text"])
    return "" if _VAGUE.fullmatch(text) else text.strip(" \"'“”‘’`")


def corrected(said: str, before: Sequence[tuple[Operation, bool]]) -> Operation | None:
    """Return the operation that a correction asks for; None if it is none, or about nothing that was asked for.

    before: what was asked for, each with whether it was done.
    """
    text = corrected_text(said)
    if _FILE.fullmatch(text):
        files = [op for op, _ in before if op.verb in _FILES and len(op.words) > _FILES[op.verb]]
        return _with_word(files[-1], _FILES[files[-1].verb], text) if files else None
    candidates = [(op, done) for op, done in before if op.verb in _TEXTS and len(op.words) > _TEXTS[op.verb]]
    if not text or not candidates:
        return None
    # “Make it 2.6” is about the number, if there is one.
    alike = [(op, done) for op, done in candidates if _is_number(_text(op)) == _is_number(text)]
    op, done = (alike or candidates)[-1]
    return _after(op, text) if done else _with_text(op, text)


def _after(op: Operation, text: str) -> Operation:
    """Return what corrects an operation that was done."""
    if op.verb in ("write", "create"):
        return _with_text(op, text)
    if op.verb in ("move", "rename", "mkdir"):
        return Operation("move", (_text(op), text))
    file = op.words[0] if op.verb in ("replace_in", "append_to") else op.words[-1]
    return Operation("replace", (_text(op), text, file))


def _with_text(op: Operation, text: str) -> Operation:
    return _with_word(op, _TEXTS[op.verb], text)


def _with_word(op: Operation, at: int, text: str) -> Operation:
    return Operation(op.verb, (*op.words[:at], text, *op.words[at + 1 :]))


def _text(op: Operation) -> str:
    return str(op.words[_TEXTS[op.verb]])


def _is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None
