"""Describes tool calls in words: their arguments and their outcome. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Any

from bot.core.calls import WOULD_FAIL, Call, CallOutcome
from bot.core.json_text import JsonObject
from bot.core.limits import MAX_CALLS
from bot.core.questions.question import Approval
from bot.core.questions.unanswerable import why_not_asked
from bot.core.tool_words import tool_title
from bot.slack.blocks.elements import sentence

_WORD = re.compile(r"[\w-]+", re.ASCII)
_LITERAL = re.compile(r"|true|false|null|[-+\d.eE]+|\[\]|\{\}")
_FIRST = ("path", "source", "destination")
"""Arguments that are shown first, in this order; the others follow in alphabetical order, `old…` before `new…`."""
_PAIRED = re.compile(r"(old|new)(?![a-z])")


def arguments_of(call: Call) -> JsonObject:
    """Return the arguments of a call; invalid JSON as the value of one name. The result is shared: do not modify it."""
    return _parsed(call.arguments)


@lru_cache(maxsize=1)
def _parsed(text: str) -> JsonObject:
    """Parse arguments, with a cache of one: a request asks for the same ones several times in a row, and they may be
    megabytes."""
    try:
        value: Any = json.loads(text)
    except ValueError:
        return {"arguments": text}
    return value if isinstance(value, dict) else {"arguments": value}


def plain(value: object) -> str:
    """Format a single value. A text that could be mistaken for another type of value is quoted."""
    if isinstance(value, str) and not _LITERAL.fullmatch(value.strip()) and not value.startswith('"'):
        return value
    return json.dumps(value, ensure_ascii=False)


def is_single(value: object) -> bool:
    """Whether a value is shown as a whole rather than part by part."""
    return not isinstance(value, dict | list) or not value


def ordered(names: Collection[str]) -> list[str]:
    """Return names of arguments in the order in which they are shown."""

    def place(name: str) -> tuple[str, int, str]:
        pair = _PAIRED.match(name)
        return ("new", pair[1] == "new", name) if pair else (name, 0, "")

    return [*(name for name in _FIRST if name in names), *sorted((n for n in names if n not in _FIRST), key=place)]


def fields(value: object, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield each single value of nested arguments in the order of display, with its full name: `edits[1].oldText`.

    Names that are not plain words are quoted, so that none can be mistaken for a position in the structure. Values are
    yielded lazily: a caller that needs the first few does not pay for the rest.
    """
    if is_single(value):
        yield name, plain(value)
    elif isinstance(value, list):
        for number, item in enumerate(value, start=1):
            yield from fields(item, f"{name}[{number}]")
    elif isinstance(value, dict):
        # The sort is stable: single values come before nested ones.
        for key in sorted(ordered(value), key=lambda each: not is_single(value[each])):
            step = key if _WORD.fullmatch(key) else json.dumps(key, ensure_ascii=False)
            yield from fields(value[key], f"{name}.{step}" if name else step)


def heading(approval: Approval) -> str:
    """Return what a call does to what: `Edit release.md`. It may hold names by tools and models."""
    preview = approval.preview
    known = (preview.heading or preview.title) if preview else ""
    return known or tool_title("", approval.call.remote_name)


def generic(approval: Approval) -> str:
    """Return what a call does without anything of its arguments, for places that must not show them."""
    preview = approval.preview
    if preview is None or not preview.title:
        return tool_title("", approval.call.remote_name)
    return f"{preview.title}; {preview.caveat}" if preview.caveat else preview.title


def subject(approval: Approval) -> str:
    """Return what a call is about, as short as it can be said: `release.md`."""
    return (approval.preview.subject if approval.preview else "") or heading(approval)


def source(approval: Approval) -> str:
    """Return what the tool server of a call is called."""
    return (approval.preview.source if approval.preview else "") or approval.call.server or "?"


REASON = 160
"""Characters of the reason why a call did not run."""

_NOT_RUN: dict[CallOutcome | None, str] = {
    CallOutcome.REFUSED: "it is not allowed here",
    CallOutcome.DENIED: "it was denied",
    CallOutcome.EXPIRED: "nobody decided in time",
    CallOutcome.UNSHOWN: "Slack did not let me ask",
    CallOutcome.STOPPED: "it was stopped",
    CallOutcome.SURPLUS: f"at most {MAX_CALLS} run at once",
}
_DOUBTFUL: dict[CallOutcome | None, str] = {
    CallOutcome.ASSUMED: "cut off; a person says that it ran",
    CallOutcome.SKIPPED: "cut off; it may or may not have run, and a person went on without it",
    CallOutcome.UNRESOLVED: "cut off; it may or may not have run",
}


def why_not(call: Call, limit: int = REASON) -> str:
    """Return why a call did not run, for people: the reason itself, on one line. The model gets the full result, so
    what is returned may hold words of a tool or a model."""
    if call.outcome in (CallOutcome.REFUSED, CallOutcome.UNSHOWN) and (why := why_not_asked(call.result)):
        return sentence(why, limit)
    if call.outcome in _NOT_RUN:
        return _NOT_RUN[call.outcome]
    if not call.server:
        return "there is no such tool"
    return sentence(call.result.removeprefix(WOULD_FAIL), limit).rstrip(".") or "what it was given does not fit"


def ending(call: Call, *, why: bool = False) -> str:
    """Return how a finished call ended, without its result or its error. With `why` also why it did not run, which may
    hold something of its arguments."""
    if call.outcome is CallOutcome.OK:
        return "done"
    if call.outcome is CallOutcome.ERROR:
        return "failed"
    if call.outcome in _DOUBTFUL:
        return _DOUBTFUL[call.outcome]
    known = why or call.outcome in _NOT_RUN or not call.server
    return f"not run: {why_not(call) if known else 'what it was given does not fit'}"


def duration(seconds: float) -> str:
    """Return a duration in words, without fractions of a second."""
    if seconds < 1:
        return "less than a second"
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
