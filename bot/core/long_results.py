"""Results of calls that are longer than what the model gets at once, and the tool by which it reads on. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.tools import Tool
from bot.core.untrusted import mapping, parsed

READ_MORE = "read_more"
"""The tool's name. Names of tools of servers begin with the server's key, so no server can offer this one."""
MAX_PART = 40_000
"""Characters of a part."""
MAX_FOUND = 20
"""Places that one search names."""
AROUND = 200
"""Characters shown on each side of a place."""
MAX_SEARCHED = 200
"""Characters of what is searched."""

NOT_KEPT = "the rest of that result is no longer kept. Make the call again if it only reads, or go on without it."
UNKNOWN = "there is no such result in this thread. Use the name that stands where a result was cut."
USAGE = (
    "give `result` as it stands where the result was cut, and either `from` (a position, such as 40000) or `search` "
    "(words to look for)."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the whole text of a result is kept."""

    digest: str
    """Of its bytes, by which they are found."""
    chars: int

    def dumps(self) -> str:
        """Return it as the store has it."""
        return canonical({"chars": self.chars, "digest": self.digest})


def loads(text: str) -> Kept | None:
    """Return what the store has; None if nothing is kept."""
    found = mapping(parsed(text)) if text else {}
    digest, chars = found.get("digest"), found.get("chars")
    return Kept(digest, chars) if isinstance(digest, str) and isinstance(chars, int) else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the model wants to read of a result."""

    call: int
    """The id of the call."""
    start: int = 0
    search: str = ""


def name_of(call: int) -> str:
    """Return what the model calls the result of a call."""
    return f"r{call}"


def notice(call: int, chars: int) -> str:
    """Return what the model reads below a result that was cut."""
    return f"[This result has {chars:,} characters. Read on with {READ_MORE}: result {name_of(call)}]"


def wanted(arguments: str) -> Wanted | None:
    """Return what the arguments of a call ask for; None if they do not say so."""
    found = mapping(parsed(arguments))
    named = re.fullmatch(r"r?(\d{1,15})", str(found.get("result", "")).strip())
    start, search = found.get("from"), found.get("search")
    if named is None or isinstance(start, bool):
        return None
    if isinstance(search, str) and search.strip():
        return Wanted(int(named[1]), search=search.strip()[:MAX_SEARCHED])
    if not isinstance(start, int | float) or start < 0 or start != start // 1:
        return None
    return Wanted(int(named[1]), int(start))


def part(text: str, start: int) -> str:
    """Return a part of a result, with where it is and where it goes on."""
    if start >= len(text):
        return f"[The result ends at {len(text)}.]"
    end = min(start + MAX_PART, len(text))
    more = f"; read on from {end}" if end < len(text) else "; this is its end"
    return f"[Characters {start} to {end} of {len(text)}{more}]\n{text[start:end]}"


def places(text: str, words: str) -> str:
    """Return where words are in a result, with what is around them. Capitals make no difference."""
    found = re.compile(re.escape(words), re.IGNORECASE).finditer(text)
    lines: list[str] = []
    upto, count = -1, 0
    for match in found:
        if match.start() < upto:  # it is shown already
            continue
        count += 1
        if count > MAX_FOUND:
            lines.append(f"[There are more after {match.start()}.]")
            break
        start, upto = max(match.start() - AROUND, 0), match.end() + AROUND
        lines.append(f"[at {match.start()}]\n{text[start:upto]}")
    return "\n\n".join(lines) or f"[Not found. The result has {len(text)} characters.]"


_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "result": {"type": "string", "description": "The name of the result, such as r12"},
        "from": {"type": "integer", "description": "The position of the first character to read"},
        "search": {"type": "string", "description": "Words to look for, in place of from"},
    },
    "required": ["result"],
}
_DESCRIPTION = (
    "Read on in a tool's result that was too long to be shown whole, or look for words in it. It does not run the tool "
    "again."
)
TOOL = Tool(
    name=READ_MORE,
    server="",
    remote_name=READ_MORE,
    description=_DESCRIPTION,
    schema=_SCHEMA,
    parameters=_SCHEMA,
    trusted=True,
    read_only=True,
    destructive=False,
    idempotent=True,
    digest=sha256(READ_MORE, _DESCRIPTION, json.dumps(_SCHEMA)),
)
"""Offered in threads in which a result was cut."""
