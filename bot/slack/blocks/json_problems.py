"""Parses JSON that a person has typed, and explains in words what is wrong with it and where. Pure."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from bot.slack.blocks.elements import one_line
from bot.slack.text import sendable

NEAR = 30
"""Characters that are quoted to show the place."""
TOO_DEEP = "This is nested too deeply."
_CLOSING = {"{": "}", "[": "]"}
_CALLED = {"}": "curly bracket", "]": "square bracket"}
_WRITTEN = {"True": "true", "False": "false", "None": "null", "undefined": "null", "nil": "null"}
_CURLY = "“”„‟«»″"
_BARE = re.compile(r"[^\s,:\[\]{}\"]+")


class _Said(Exception):
    """A problem that is already a sentence for people."""


def read(text: str) -> Any:
    """Return the value of a JSON text. Raises ValueError with a sentence for the person who typed it."""
    try:
        value = json.loads(text, parse_constant=_constant, parse_float=_float, object_pairs_hook=_pairs)
        # Serialized and parsed again, which replaces lone surrogates: neither the database nor a model takes them.
        return json.loads(sendable(json.dumps(value, ensure_ascii=False)))
    except _Said as said:
        raise ValueError(str(said)) from None
    except json.JSONDecodeError as error:
        raise ValueError(problem(text, error)) from None
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    except ValueError:
        raise ValueError("A number in this has too many digits.") from None


def _constant(name: str) -> Any:
    raise _Said(f"{name} is not a number that can be sent.")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise _Said(f"The number {one_line(text, NEAR)} is too large.")
    return number


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Said(f"The name {_quoted(json.dumps(name, ensure_ascii=False))} is there twice.")
        found[name] = value
    return found


def problem(text: str, error: json.JSONDecodeError) -> str:
    """Return what is wrong with an invalid JSON text, and where."""
    at, said = error.pos, error.msg
    words = f"There is something after the end in {_near(text, at)}."
    if curly := _curly(text, at):
        words = f'Use straight quotation marks (") instead of {curly} in line {_line(text, at)}.'
    elif said.startswith("Unterminated string"):
        words = _unquoted(text, at)
    elif said.startswith("Invalid control character"):
        words = f"Leave out the tab or the invisible character within quotation marks in {_near(text, at)}."
        if text[at : at + 1] in ("\n", "\r"):
            words = _unquoted(text, max(text.rfind('"', 0, at), 0))
    elif said.startswith("Invalid \\"):
        words = f"A backslash within quotation marks has to be written twice (\\\\) in {_near(text, at)}."
    elif not text[at:].strip():
        words = _unfinished(text)
    elif said != "Extra data":
        words = _expected(text, at, said)
    return words


def _expected(text: str, at: int, said: str) -> str:
    """Return what is missing, or superfluous, at a position of the text."""
    here, line = text[at], _line(text, at)
    before = text[:at].rstrip()
    rest = _quoted(text[at:].splitlines()[0])
    bare = _BARE.match(text, at)
    word = bare[0] if bare else ""
    if here == "'":
        words = f'Use quotation marks (") instead of apostrophes in {_near(text, at)}.'
    elif here in "}]" and before.endswith(","):
        words = f"There is a comma too many in line {_line(text, len(before) - 1)}, before {_quoted(here)}."
    elif here in "}]" and (wanted := _open(text[:at])[-1:]) and _CLOSING[wanted] != here:
        missing = _CLOSING[wanted]
        words = f"In line {line}, a {_CALLED[missing]} {_quoted(missing)} is missing before {_quoted(here)}."
    elif "delimiter" in said:
        words = _undivided(text, at, said, word)
    elif word in _WRITTEN:
        words = f"Write {_quoted(_WRITTEN[word])} instead of {_quoted(word)} in line {line}."
    elif word and text[at:].splitlines()[0].count('"') % 2 and text[at + len(word) :].lstrip(" ,\t")[:1] == '"':
        words = f"A quotation mark is missing in {_near(text, at)}."
    elif word:
        words = f"Quotation marks are missing around {_quoted(word)} in line {line}."
    else:
        words = f"A value is missing in line {line}, before {rest}."
    return words


def _undivided(text: str, at: int, said: str, word: str) -> str:
    """Return what is missing where a comma or a colon was expected."""
    before = text[:at].rstrip()
    if word and before.endswith('"') and "':'" in said and not word[0].isdigit():
        return _unquoted(text, max(before.rfind('"', 0, len(before) - 1), 0))
    # What follows a text without a comma is often the rest of that text, behind a quotation mark within it.
    if word and before.endswith('"') and "','" in said:
        return f'A comma is missing, or a quotation mark has to be written as \\", in {_near(text, at)}.'
    missing = "colon" if "':'" in said else "comma"
    return f"A {missing} is missing in line {_line(text, at)}, before {_quoted(text[at:].splitlines()[0])}."


def _unquoted(text: str, start: int) -> str:
    return f"A quotation mark is missing in {_near(text, start)}."


def _unfinished(text: str) -> str:
    """Return what is missing at the end of a text."""
    opened = _open(text)
    if not opened:
        where = f", in line {_line(text, len(text))}"
        return f"Something is missing at the end{where}." if text.strip() else "This is empty."
    end = text.rstrip()
    if end.endswith((",", ":")):
        return f"Something is missing at the end, after {_quoted(end.splitlines()[-1].strip()[-NEAR:])}."
    closing = _CLOSING[opened[-1]]
    return f"A {_CALLED[closing]} {_quoted(closing)} is missing at the end."


def _open(text: str) -> str:
    """Return the brackets that are open at the end of a text, in order."""
    opened: list[str] = []
    quoted = escaped = False
    for each in text:
        if quoted:
            quoted, escaped = escaped or each != '"', each == "\\" and not escaped
        elif each == '"':
            quoted = True
        elif each in _CLOSING:
            opened.append(each)
        elif each in "}]" and opened:
            opened.pop()
    return "".join(opened)


def _curly(text: str, at: int) -> str:
    found = text[at : at + 1]
    return found if found and found in _CURLY else ""


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _near(text: str, at: int) -> str:
    start = text[at : at + NEAR + 1].splitlines()
    near = start[0].rstrip(" ,") if start else ""
    line = f"line {_line(text, at)}"
    return f"{line}, near {_quoted(near)}" if near.strip() else line


def _quoted(text: str) -> str:
    shown = one_line(text.strip(), NEAR)
    return f"`{shown.replace('`', 'ˋ')}`"
