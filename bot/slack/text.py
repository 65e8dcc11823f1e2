"""Converts text from and to Slack's markup, and makes text by people, models and tools safe to show. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# https://docs.slack.dev/messaging/formatting-message-text: <@U…>, <#C…>, <!special>, <!subteam^S…>, <url|label>
_ENTITY = re.compile(r"<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>")
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_PING = re.compile(
    r"<(?:@([UWB][A-Z0-9]+)(?:\|([^<>]*))?|!(channel|here|everyone)(?:\|[^<>]*)?|!subteam\^[A-Z0-9]+(?:\|([^<>]*))?)>",
    re.I,
)
_OPENING = re.compile(r"<(?=@[UWB][A-Z0-9]|!(?:channel|here|everyone|subteam))", re.I)
"""A mention that is not closed in this text may be closed by what follows it."""
_USUAL = re.compile(r"[\n\t -~]*")
"""Characters that need no closer look; most texts consist of nothing else."""
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone)\b)", re.I)
_UNESCAPE = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def sendable(text: str) -> str:
    """Return the text without lone surrogates, which neither the database nor a model accepts."""
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def mentioned(text: str) -> set[str]:
    """Return the ids of the people whom a message mentions."""
    return set(_USER.findall(text))


def readable(text: str, names: Mapping[str, str]) -> str:
    """A person's message without Slack's markup: names for ids, links written out, entities unescaped."""

    def entity(match: re.Match[str]) -> str:
        sigil, target, label = match.groups()
        if sigil == "@":
            return f"@{names.get(target, label or target)}"
        if sigil == "#":
            return f"#{label or target}"
        if sigil == "!":
            special = target.split("^")[0]
            return label or f"@{special}"
        return f"{label} ({target})" if label and label != target and not target.endswith(label) else target

    text = _ENTITY.sub(entity, text)
    for escaped, plain in _UNESCAPE:
        text = text.replace(escaped, plain)
    return text


def speaker(name: str) -> str:
    """Return a display name as one bounded line without colons, so that it cannot be mistaken for anything else."""
    cleaned = "".join(
        " " if character in ":\n\r\t[]()" or _hidden(character) else character for character in name[:1000]
    )
    return " ".join(cleaned.split())[:60] or "somebody"


def harmless(text: str) -> str:
    """Text of a model or a tool in which nothing can notify anybody; everything else, code too, is left as it is."""

    def defuse(match: re.Match[str]) -> str:
        user, label, broadcast, group = match.groups()
        if broadcast:
            return f"@\u200b{broadcast.lower()}"
        return f"@\u200b{label or group or user or 'group'}"

    return _BROADCAST.sub("@\u200b", _OPENING.sub("<\u200b", _PING.sub(defuse, text)))


def escaped(text: str) -> str:
    """Escape text for `text` fields and mrkdwn, where Slack interprets &, < and > as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def visible(text: str) -> str:
    """Return the text with every character visible: bidirectional controls, invisible and control characters are
    spelled out, and so is the bracket that marks them, so that no two texts look the same. Line breaks and tabs are
    kept."""
    return text if _USUAL.fullmatch(text) else text.translate(_SHOWN)


_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f⟨") | {chr(number) for number in range(0x180B, 0x1810)}
"""Characters that Unicode classifies as letters, marks or symbols and that show nothing; and the bracket that marks
spelled-out characters."""


def _hidden(character: str) -> bool:
    if character in "\n\t" or (character.isascii() and character.isprintable()):
        return False
    number = ord(character)
    if character in _BLANK or 0xFE00 <= number <= 0xFE0F or 0xE0100 <= number <= 0xE01EF:  # variation selectors
        return True
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


class _Shown(dict[int, str | int]):
    """A translation table that is filled on demand."""

    MAX_ENTRIES = 30_000
    """Cached characters: an untrusted text may have a million different ones."""

    def __missing__(self, number: int) -> str | int:
        if len(self) >= self.MAX_ENTRIES:
            self.clear()
        shown = self[number] = f"⟨U+{number:04X}⟩" if _hidden(chr(number)) else number
        return shown


_SHOWN = _Shown()


def code(text: str, limit: int = 120) -> str:
    """Return a short text as a Markdown code span on one line, shortened in the middle."""
    if len(text) > 2 * limit:
        text = text[:limit] + text[-limit:]  # all of it that can be shown
    line = visible(" ".join(text.split("\n"))).replace("`", "ˋ")
    if len(line) > limit:
        line = f"{line[: limit * 2 // 3]}…{line[-(limit // 3) :]}"
    return f"`{harmless(line)}`" if line.strip() else "` `"


def brief(text: str, limit: int = 300) -> str:
    """Return the start of a text on one line, for a notification."""
    line = " ".join(text.split())
    return line if len(line) <= limit else f"{line[:limit]}…"
