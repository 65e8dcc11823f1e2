"""Puts results into words: exactly what they say, and all of it escaped."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from slack_sandbox.offline.results import Result

MAX_SHOWN: Final = 3000
"""Characters of a file or another output that an answer repeats."""
MAX_LISTED: Final = 60
_WOULD_FAIL: Final = "as things are now this would fail: "
"""The beginning of the reason of a call that the bot did not ask about, because it would fail."""
_SAYS_ALL: Final = "Can't "
"""The beginning of a reason that also says what was not done."""
_ERROR: Final = re.compile(r"(?:Error: )?(E[A-Z]{3,12}): ([^,\n]+)")
_ERRORS: Final = {
    "ENOENT": "there is no such file or folder",
    "EEXIST": "there is something of that name already",
    "EISDIR": "that is a folder",
    "ENOTDIR": "that is not a folder",
    "EACCES": "permission denied",
    "EPERM": "permission denied",
    "ENOSPC": "the disk is full",
    "ENOTEMPTY": "the folder is not empty",
}
"""What the error codes of Node's files mean (nodejs.org/api/errors.html, common system errors)."""
_LEADING: Final = re.compile(r"\[(FILE|DIR)\] (.*?)(?:\s{2,}(.*))?$")


def code(text: str) -> str:
    """A name or another short text as inline code, on one line."""
    line = " ".join(text.split())[:300] or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if "`" in line else ""
    return f"{fence}{pad}{line}{pad}{fence}"


def block(text: str) -> str:
    """A longer text in a code block, cut when it is very long."""
    shown = text[:MAX_SHOWN].rstrip("\n")
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    more = f"\n({len(text) - MAX_SHOWN:,} more characters are not shown.)" if len(text) > MAX_SHOWN else ""
    return f"{fence}\n{shown}\n{fence}{more}"


def listing(text: str, where: str) -> str:
    """A directory's entries as a list. In: what `list_directory` gives."""
    entries = [found for line in text.splitlines() if (found := _LEADING.match(line.strip()))]
    if not entries:
        return f"{where} is empty." if not text.strip() else f"{where}:\n{block(text)}"
    folders = sorted(found[2] for found in entries if found[1] == "DIR")
    files = sorted(found[2] for found in entries if found[1] == "FILE")
    counted = " and ".join(
        part for part in (count(len(folders), "folder"), count(len(files), "file")) if not part.startswith("no ")
    )
    names = [f"- {code(name.rstrip('/') + '/')}" for name in folders] + [f"- {code(name)}" for name in files]
    return f"{where}: {counted}.\n{shortened(names)}"


def folders(text: str) -> list[str]:
    """The folders among a directory's entries. In: what `list_directory` gives."""
    found = (_LEADING.match(line.strip()) for line in text.splitlines())
    return [entry[2].rstrip("/") for entry in found if entry and entry[1] == "DIR"]


def shortened(lines: list[str]) -> str:
    """The first lines, and how many there are more."""
    more = [f"- and {len(lines) - MAX_LISTED} more"] if len(lines) > MAX_LISTED else []
    return "\n".join([*lines[:MAX_LISTED], *more])


def tree(text: str) -> str:
    """What `directory_tree` gives, drawn with indentation."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return block(text)
    lines: list[str] = []
    _draw(value, 0, lines)
    return block("\n".join(lines)) if lines else "Nothing is in it."


def _draw(entries: Any, depth: int, lines: list[str]) -> None:
    for entry in entries if isinstance(entries, list) and depth < 40 else ():
        if isinstance(entry, dict):
            folder = entry.get("type") == "directory"
            lines.append(f"{'  ' * depth}{entry.get('name')}{'/' if folder else ''}")
            _draw(entry.get("children"), depth + 1, lines)


def count(number: int, noun: str) -> str:
    """`1 file`, `3 files`, `no files`."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def changed(result: Result) -> str:
    """A word on arguments that a person has changed; empty when they are as they were."""
    if result.changed is None:
        return ""
    parts = [
        f"{key} {code(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))}"
        for key, value in result.changed.items()
    ]
    return f" A person changed the call before it was approved; it was for: {', '.join(parts)}."


def trouble(result: Result, what: str) -> str:
    """Why something was not done, or is not known to be. what: as in `write a.md`."""
    words = {
        "stopped": f"I did not {what}: it was stopped before it ran.",
        "replaced": f"I did not {what}: you want something else instead.",
        "expired": f"I did not {what}: nobody decided in time, so it counts as denied.",
        "unshown": f"I did not {what}: the request could not be shown in Slack, so nobody was asked.",
        "assumed": f"The call to {what} was interrupted. A person says that it did run; I have not seen its output.",
        "skipped": f"The call to {what} was interrupted and may or may not have run. It was decided to go on without.",
        "unresolved": f"The call to {what} was interrupted and may or may not have run; nobody said which. I do not "
        "make it again by myself: look at the files, and ask me again if it is needed.",
    }
    if result.ending in words:
        return words[result.ending] + changed(result)
    if result.ending == "denied":
        why = f" The reason given: {quoted(result.text)}" if result.text else " No reason was given."
        return f"I did not {what}: the request was denied.{why}"
    if result.ending in ("refused", "invalid"):
        why = sentence(result.text.removeprefix(_WOULD_FAIL))
        return f"{why if why.startswith(_SAYS_ALL) else f'I did not {what}: {why}'}{changed(result)}"
    return f"I tried to {what}, and it failed: {sentence(_in_words(result))}{changed(result)}"


def _in_words(result: Result) -> str:
    """What went wrong. The usual file errors are put into words, since their text is meant for programs."""
    found = _ERROR.match(result.text.strip())
    return _ERRORS.get(found[1], found[2].strip()) if found else result.text


def quoted(text: str) -> str:
    """Somebody's words on one line, between quotation marks."""
    return f"“{' '.join(text.split())[:500]}”"


def sentence(text: str) -> str:
    """A tool's words as the end of a sentence; in a block when they have lines."""
    plain = text.strip() or "no reason was given"
    if "\n" in plain or len(plain) > 300:
        return f"\n{block(plain)}"
    return plain if plain.endswith((".", "!", "?")) else f"{plain}."
