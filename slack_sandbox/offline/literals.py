"""Takes the quoted texts, code blocks and JSON out of what a person wrote, so that only a short sentence is parsed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

OPEN, CLOSE = "\ue000", "\ue001"
"""Stand around the number of a literal in the sentence; characters of Unicode's private area, which mean nothing."""

_BLOCK: Final = re.compile(r"```[^\n`]*\n(.*?\n?)[ \t]*```|```(.+?)```", re.DOTALL)
_QUOTES: Final = (("“", "”"), ("„", "“"), ("«", "»"), ('"', '"'), ("`", "`"), ("‘", "’"), ("'", "'"))
_LINK: Final = re.compile(r"<(?:https?://|mailto:)[^|>\s]*\|([^>]*)>")
_MENTION: Final = re.compile(r"(?:<@[A-Z0-9]+(?:\|[^>]*)?>|(?<!\S)@you(?!\w))[,:]?")
_COLON: Final = re.compile(r":(?:[ \t]*\n|[ \t]+|$)")
_WRITES: Final = re.compile(r"\b(?:write|save|put|create|make|add|append)\b", re.IGNORECASE)
_decoder = json.JSONDecoder()


@dataclass(slots=True)
class Sentence:
    """What a person wrote, with a mark in place of each literal."""

    text: str = ""
    literals: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    """Their texts; and the object, for JSON."""

    def mark(self, text: str, value: Any = None) -> str:
        """Keep a literal; out: what stands for it."""
        self.literals.append((text, value))
        return f" {OPEN}{len(self.literals) - 1}{CLOSE} "

    def value(self, mark: str, *, json: bool = False) -> Any:
        """The literal that a mark stands for: its text, or with `json` its object, if it is one."""
        text, value = self.literals[int(mark.strip(OPEN + CLOSE))]
        return value if json and value is not None else text


def extract(said: str) -> Sentence:
    """The sentence and its literals. What follows the colon of a request to write something is one, up to the end."""
    sentence = Sentence()
    plain = said.replace(OPEN, "").replace(CLOSE, "").replace("\r\n", "\n")
    plain = re.sub(r"\A\s*@[\w.-]+[,:]?\s", "", plain)
    plain = _MENTION.sub(" ", _LINK.sub(r"\1", plain)).strip()
    position = 0
    while position < len(plain):
        taken = _literal(plain, position)
        colon = _COLON.match(plain, position)
        if taken is not None:
            value, position, source = taken
            sentence.text += sentence.mark(source, value)
        elif colon is not None:
            rest = plain[colon.end() :]
            if _WRITES.search(sentence.text) and rest.strip() and _literal(f" {rest.lstrip()}", 1) is None:
                written = rest.strip("\n")
                sentence.text += sentence.mark(f"{written}\n" if "\n" in colon[0] + written else written)
                break
            sentence.text += " "
            position = colon.end()
        else:
            sentence.text += plain[position]
            position += 1
    return sentence


def _literal(text: str, start: int) -> tuple[Any, int, str] | None:
    """The literal that begins here: its object when it is JSON, where it ends, and its text."""
    if text[start] == "{":
        try:
            value, end = _decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return None
        return value, end, text[start:end]
    if text.startswith("```", start):
        block = _BLOCK.match(text, start)
        if block is not None:
            return None, block.end(), block[1] if block[1] is not None else block[2]
    if start and not text[start - 1].isspace() and text[start - 1] not in "([:,":
        return None
    for opening, closing in _QUOTES:
        if text[start] != opening:
            continue
        end = text.find(closing, start + 1)
        while closing in "'’" and end != -1 and text[end + 1 : end + 2].isalnum():
            end = text.find(closing, end + 1)
        if end > start + 1 or (end > start and opening in '"“'):
            return None, end + 1, text[start + 1 : end]
    return None
