"""Notices when a turn goes round in circles. Pure: it looks at the calls of the turn, nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.calls import Call, CallOutcome, CallState

WARN_AT = 2
STOP_AT = 5
LONGEST_CYCLE = 4
CYCLES = 3

_FAILED = (CallOutcome.ERROR, CallOutcome.INVALID, CallOutcome.REFUSED, CallOutcome.DENIED)


def _identity(call: Call) -> tuple[str, str]:
    return call.tool, call.arguments


def _same_end(one: Call, other: Call) -> bool:
    """Both failed, or both gave the same result: a poller whose results differ makes progress."""
    if one.outcome in _FAILED and other.outcome in _FAILED:
        return True
    return one.outcome == other.outcome and one.result == other.result


def repeats(calls: Sequence[Call], call: Call) -> int:
    """How often this very call ended the same way in this turn up to and including this one. Notes that were added to
    a result are no part of it: pass calls with their bare results."""
    mine = _identity(call)
    count = 0
    for other in calls:
        if other.state is CallState.FINISHED and _identity(other) == mine and _same_end(other, call):
            count += 1
        if other is call:
            break
    return count


def cycle(calls: Sequence[Call]) -> int:
    """The period (2 to 4) of the pattern of calls that the turn ends with, seen 3 times with the same ends; else 0."""
    finished = [call for call in calls if call.state is CallState.FINISHED]
    for period in range(2, LONGEST_CYCLE + 1):
        tail = finished[-period * CYCLES :]
        if len(tail) < period * CYCLES or len({_identity(call) for call in tail[:period]}) < 2:
            continue
        if all(
            _identity(tail[i]) == _identity(tail[i % period]) and _same_end(tail[i], tail[i % period])
            for i in range(period, len(tail))
        ):
            return period
    return 0


def going_round(calls: Sequence[Call]) -> bool:
    """Whether the turn should be made to answer now."""
    finished = [call for call in calls if call.state is CallState.FINISHED]
    return any(repeats(finished, call) >= STOP_AT for call in finished[-LONGEST_CYCLE:]) or cycle(finished) > 0


def note(calls: Sequence[Call], call: Call) -> str:
    """A word to the model under the result of a call that repeats itself; empty when it does not."""
    times = repeats(calls, call)
    if times < WARN_AT:
        return ""
    return (
        f"\n\n[Note: this is call number {times} with the same arguments and the same end. "
        "Repeating it will not change that: try something else, or answer with what you have.]"
    )
