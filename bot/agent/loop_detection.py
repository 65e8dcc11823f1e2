"""Detects when a turn repeats itself. Pure: all of it follows from the calls of the turn, so a restart changes nothing.

Two calls are the same if they name the same tool and their arguments have the same meaning: the order of keys, white
space between values, the spelling of a number (`1`, `1.0`, `1e0`) and the Unicode form of a text (NFC) make no
difference. Pollers, which the operator names in `[limits] pollers`, are exempt.

One look at a turn takes time proportional to the number of its calls; the arguments of each call are parsed once.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import canonical, sha256
from bot.core.policy.conditions import fits
from bot.core.policy.rules import Tier

WARN_AT = 2
STOP_AT = 5
MAX_CYCLE_LENGTH = 4
CYCLES = 3

_FAILED = (CallOutcome.ERROR, CallOutcome.INVALID, CallOutcome.REFUSED, CallOutcome.DENIED)
_CHANGED = (CallOutcome.OK, CallOutcome.ASSUMED)


class Loop(StrEnum):
    """How a turn repeats itself; a key of `bot.agent.prompt.CLOSING`."""

    NONE = ""
    FAILING = "repetition"
    """The same call keeps failing."""
    NO_PROGRESS = "no progress"
    """The same call keeps returning the same result."""
    CYCLE = "cycle"
    """The same calls keep following one another, with the same results."""


def loop(calls: Sequence[Call], pollers: Sequence[str] = ()) -> Loop:
    """Return how the turn repeats itself at its end, if it does: the model should then answer.

    pollers: globs over the names of tools that may be called again and again.
    """
    counted = [repeat for repeat in _repeats(calls, pollers) if repeat.times]
    # The last step may consist of many calls: whatever was reached in it counts.
    last = counted[-1].call.seq if counted else 0
    for repeat in reversed(counted):
        if repeat.call.seq != last:
            break
        if repeat.times >= STOP_AT:
            return Loop.FAILING if repeat.call.outcome in _FAILED else Loop.NO_PROGRESS
    return Loop.CYCLE if _period([repeat.key for repeat in counted]) else Loop.NONE


def size(calls: Sequence[Call]) -> int:
    """Return the characters of arguments that the next look at these calls has to parse."""
    return sum(len(written) for call in calls if call.identity[0] is not (written := call.original or call.arguments))


def notes(calls: Sequence[Call], pollers: Sequence[str] = ()) -> list[str]:
    """Return for each call the note to the model that follows its result; empty if it repeats nothing.

    calls: the calls of the turn with their results alone, without such notes.
    """
    return [_note(repeat.times) if repeat.times >= WARN_AT else "" for repeat in _repeats(calls, pollers)]


def _note(times: int) -> str:
    return (
        f"\n\n[Note: this is call number {times} with the same arguments and the same end. "
        "Repeating it will not change that: try something else, or answer with what you have.]"
    )


@dataclass(frozen=True, slots=True)
class _Repeat:
    call: Call
    times: int
    """How often the same call has ended the same way, with this one; 0 for one that does not count."""
    key: tuple[str, str]
    """What it was and how it ended."""


@dataclass(slots=True)
class _Ends:
    """How one call has ended before, and how often."""

    times: dict[str, int] = field(default_factory=dict[str, int])
    failure: str = ""
    """The text of its last failure."""
    others: int = 0
    """How many changes other calls had made when it ran last."""
    changes: int = 0
    """How many changes it has made itself."""


def _repeats(calls: Sequence[Call], pollers: Sequence[str]) -> Iterator[_Repeat]:
    """Count how often each call ended the same way before.

    After another call has changed something new, a result that is the same again is no repetition (the tests still pass
    after the next edit), and neither is another failure than before.
    """
    seen: dict[str, _Ends] = {}
    exempt: dict[str, bool] = {}
    changes = 0
    for call in calls:
        if call.tool not in exempt:
            exempt[call.tool] = any(fits(glob, call.tool) for glob in pollers)
        if call.state is not CallState.FINISHED or exempt[call.tool]:
            yield _Repeat(call, 0, ("", ""))
            continue
        identity = identity_of(call)
        ends = seen.setdefault(identity, _Ends())
        failed = call.outcome in _FAILED
        end = "" if failed else f"{call.outcome} {call.result}"
        if (others := changes - ends.changes) != ends.others:
            kept = {"": ends.times[""]} if failed and "" in ends.times and ends.failure == call.result else {}
            ends.times, ends.others = kept, others
        if call.tier != Tier.READ and call.outcome in _CHANGED and end not in ends.times:
            changes += 1
            ends.changes += 1
        ends.times[end] = ends.times.get(end, 0) + 1
        ends.failure = call.result if failed else ends.failure
        yield _Repeat(call, ends.times[end], (identity, end))


def _period(keys: Sequence[tuple[str, str]]) -> int:
    """Return the period (2 to 4) of a pattern that the last calls repeat three times; 0 if there is none."""
    for period in range(2, MAX_CYCLE_LENGTH + 1):
        tail = keys[-period * CYCLES :]
        if len(tail) < period * CYCLES or len({identity for identity, _ in tail[:period]}) < 2:
            continue
        if all(tail[at] == tail[at % period] for at in range(period, len(tail))):
            return period
    return 0


def identity_of(call: Call) -> str:
    """Return a digest of the tool and of the arguments as the model meant them; people may have changed them since."""
    written = call.original or call.arguments
    known, digest = call.identity
    if not digest or known is not written:
        digest = sha256(call.tool, _meaning(written))
        call.identity = (written, digest)
    return digest


def _meaning(arguments: str) -> str:
    """Return arguments in the one form that all texts with the same meaning have; as they are if they are no JSON."""
    try:
        return canonical(_plain(json.loads(arguments, parse_float=_number, parse_int=_number)))
    except (ValueError, RecursionError, OverflowError):
        return " ".join(unicodedata.normalize("NFC", arguments).split())


def _number(text: str) -> int | float | str:
    """Return a number in one spelling. One with more digits than a float has stays as it is written."""
    if len(text.lstrip("-")) > 15:
        return f"number {text}"
    value = float(text)
    return int(value) if value.is_integer() else value


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {unicodedata.normalize("NFC", str(key)): _plain(item) for key, item in value.items()}
    return value
