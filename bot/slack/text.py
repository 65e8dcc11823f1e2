"""Converts text from and to Slack's markup, and makes text by people, models and tools safe to show. Pure."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

# https://docs.slack.dev/messaging/formatting-message-text: <@U…>, <#C…>, <!special>, <!subteam^S…>, <url|label>
_ENTITY = re.compile(r"<([@#!]?)([^<>|]+)(?:\|([^<>]*))?>")
_USER = re.compile(r"<@([UW][A-Z0-9]+)(?:\|[^<>]*)?>")
_REFERENCE = re.compile(r"<(?:[@#]|!subteam\^)([UWCGS][A-Z0-9]+)(?:\|[^<>]*)?>")
_BROADCASTS = ("here", "channel", "everyone", "group")
_DATE = re.compile(r"date\^(\d{1,11})\^")
# What notifies people in a `text`, in mrkdwn and in a markdown block. Plain `@here` notifies nobody there: Slack links
# names only with `link_names` or `parse=full` (https://docs.slack.dev/reference/methods/chat.postMessage), never sent.
_PING = re.compile(
    r"<(?:@([UWB][A-Z0-9]+)(?:\|([^<>]*))?"
    r"|!(?i:(channel|here|everyone|group))(?:[|^][^<>]*)?"
    r"|!(?i:subteam)\^([A-Za-z0-9]+)(?:\|([^<>]*))?)>"
)
_OPENING = re.compile(r"<(?=@[UWB][A-Z0-9]+[|>]|!(?i:channel|here|everyone|group|subteam)(?![A-Za-z]))")
"""A mention that is not closed here may be closed by what comes to stand behind it."""
_ADDRESS = re.compile(r"&lt;(https?://[^\s<>|]{1,2000}?)&gt;")
_USUAL = re.compile(r"[\n\t -~]*")
"""What most texts consist of, and nothing to look at one by one."""
_BROADCAST = re.compile(r"@(?=(?:channel|here|everyone)\b)", re.I)
COLONS = ":\uff1a\ufe55\ufe13\ufe30\u2236\ua789\u02d0\u02f8\u05c3\u0589\u0703\u0704\u1804\ua4fd\u205a\u2982"
"""The colon, and what looks like it."""
_NOT_IN_NAMES = f"{COLONS}\n\r\t[]()⟦⟧〚〛⦋⦌⁅⁆【】〖〗⟬⟭⦗⦘"
"""What ends a name for the model, or what looks like it."""
_UNESCAPE = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def sendable(text: str) -> str:
    """Text without lone surrogates, which neither a database nor a model takes."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mentioned(text: str) -> set[str]:
    """Return the ids of the people whom a message mentions."""
    return set(_USER.findall(text))


def referred(text: str) -> list[str]:
    """Return the ids of the people (U, W), user groups (S) and channels (C, G) that a message refers to, each once."""
    return list(dict.fromkeys(_REFERENCE.findall(text)))


def readable(text: str, names: Mapping[str, str]) -> str:
    """Return a person's message without Slack's markup.

    text: as Slack delivers it, with `<…>` for references and links, and with &, < and > escaped.
    names: for ids of people, user groups and channels alike, without `@` and `#`. What is not in it is shown by the
    label that Slack sent along, else by its id.
    """
    parts: list[str] = []
    at = 0
    for match in _ENTITY.finditer(text):
        sigil, target, label = match.groups("")
        parts += (_unescaped(text[at : match.start()]), _written_out(sigil, target, label, names))
        at = match.end()
    return "".join((*parts, _unescaped(text[at:])))


def _written_out(sigil: str, target: str, label: str, names: Mapping[str, str]) -> str:
    """Return what is shown for `<target|label>`."""
    label = _unescaped(label)
    if sigil in ("@", "#"):
        return sigil + (_name(names, target) or label.removeprefix(sigil) or target)
    if sigil == "!":
        kind, _, rest = target.partition("^")
        if kind == "subteam":
            return f"@{_name(names, rest) or label.removeprefix('@') or rest}"
        if date := _DATE.match(target):
            return label or time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(int(date.group(1))))
        return f"@{kind}" if kind in _BROADCASTS else label or f"@{kind}"
    address = _unescaped(target)
    if address.lower().startswith(("mailto:", "tel:")):
        address = address.partition(":")[2]
    return address if not label or _bare(label) == _bare(address) else f"{label} ({address})"


def _name(names: Mapping[str, str], of: str) -> str:
    return speaker(names[of]) if names.get(of) else ""


def _bare(address: str) -> str:
    """An address without what Slack leaves out when it shows one."""
    return address.partition("://")[2].rstrip("/") if "://" in address else address.rstrip("/")


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def speaker(name: str) -> str:
    """Return a display name as one bounded line without colons, so that it cannot be mistaken for anything else."""
    return _speaker(name[:1000])


@lru_cache(1_000)
def _speaker(name: str) -> str:
    cleaned = "".join(" " if character in _NOT_IN_NAMES or is_hidden(character) else character for character in name)
    return " ".join(cleaned.split())[:60] or "somebody"


def harmless(text: str, names: Mapping[str, str] | None = None) -> str:
    """Return the text of a model or a tool with nothing in it that notifies anybody; everything else stays as it is.

    names: for ids of people and user groups, without `@`. Others are shown by their label, else by their id.
    """

    def defused(match: re.Match[str]) -> str:
        user, label, broadcast, group, handle = match.groups("")
        if broadcast:
            return f"@{broadcast.lower()}"
        name = _name(names or {}, user or group).translate(_NO_MARKUP)
        return f"@{name or (label or handle).removeprefix('@') or user or group}"

    return inert(_PING.sub(defused, text)) if "<" in text else text


_NO_MARKUP = dict.fromkeys(map(ord, "<>`*_~|\\"), " ")
"""What could change how the text around a person's name is read."""


def inert(text: str) -> str:
    """Return a text that looks the same and notifies nobody: for code, where it should be read as it was written."""
    return _OPENING.sub("<\u200b", text) if "<" in text else text


def escaped(text: str) -> str:
    """Escape text for `text` fields and mrkdwn, where Slack interprets &, < and > as markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def linked(text: str) -> str:
    """Return an escaped text in which addresses in angle brackets are links, as they were in Markdown."""
    return _ADDRESS.sub(r"<\1>", text)


def visible(text: str) -> str:
    """Return the text with every character visible: bidirectional controls, invisible and control characters are
    spelled out, and so is the bracket that marks them, so that no two texts look the same. Line breaks and tabs are
    kept."""
    return text if _USUAL.fullmatch(text) else text.translate(_SHOWN)


_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f⟨") | {chr(number) for number in range(0x180B, 0x1810)}
"""Characters that Unicode classifies as letters, marks or symbols and that show nothing; and the bracket that marks
spelled-out characters."""


def is_hidden(character: str) -> bool:
    """Return whether a character shows nothing, or changes how others are shown. Line breaks and tabs do not."""
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
        shown = self[number] = f"⟨U+{number:04X}⟩" if is_hidden(chr(number)) else number
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
