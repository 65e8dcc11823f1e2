"""Detects when a turn repeats itself. Pure: it looks only at the calls of the turn."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.calls import Call, CallOutcome, CallState

WARN_AT = 2
STOP_AT = 5
MAX_CYCLE_LENGTH = 4
CYCLES = 3

_FAILED = (CallOutcome.ERROR, CallOutcome.INVALID, CallOutcome.REFUSED, CallOutcome.DENIED)


def _identity(call: Call) -> tuple[str, str]:
    return call.tool, call.arguments


def _same_end(one: Call, other: Call) -> bool:
    """Return whether both failed or both gave the same result. Polling with different results counts as progress."""
    if one.outcome in _FAILED and other.outcome in _FAILED:
        return True
    return one.outcome == other.outcome and one.result == other.result


def repeats(calls: Sequence[Call], call: Call) -> int:
    """Count how often the same call ended the same way in this turn, up to and including this one.

    calls: the calls with their results alone, without the notes that are added for the model.
    """
    mine = _identity(call)
    count = 0
    for other in calls:
        if other.state is CallState.FINISHED and _identity(other) == mine and _same_end(other, call):
            count += 1
        if other is call:
            break
    return count


def cycle(calls: Sequence[Call]) -> int:
    """Return the period (2 to 4) of a pattern that the last calls repeat three times; 0 if there is none."""
    finished = [call for call in calls if call.state is CallState.FINISHED]
    for period in range(2, MAX_CYCLE_LENGTH + 1):
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
    """Return whether the model should be asked to answer now."""
    finished = [call for call in calls if call.state is CallState.FINISHED]
    return any(repeats(finished, call) >= STOP_AT for call in finished[-MAX_CYCLE_LENGTH:]) or cycle(finished) > 0


def note(calls: Sequence[Call], call: Call) -> str:
    """Return the note to the model that follows the result of a repeated call; empty if it is not repeated."""
    times = repeats(calls, call)
    if times < WARN_AT:
        return ""
    return (
        f"\n\n[Note: this is call number {times} with the same arguments and the same end. "
        "Repeating it will not change that: try something else, or answer with what you have.]"
    )
