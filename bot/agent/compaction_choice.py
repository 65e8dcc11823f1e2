"""Chooses the next step of making a conversation shorter. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.agent.compaction_plan import Entry, all_results, cut_for, old_results, overflow, piece, pinned, tokens_of
from bot.core.compaction import CompactionBasis, CompactionKind

TRIM_AT: Final = 0.6
"""The share of the window from which on old tool results are shortened."""
REPLACE_AT: Final = 0.75
"""The share from which on the older part is replaced. What is left is for the reply."""
TARGET: Final = 0.4
"""The share that is wanted after that, so that the beginning stays the same for many requests."""
WORTHWHILE: Final = 0.1
"""The share that shortening results has to save: it costs the provider's cache."""
LEAST: Final = 0.05
"""The same for replacing the older part."""
SUMMARY_SHARE: Final = 0.08
"""The share that a summary and the decisions may take together."""
PINNED_SHARE: Final = 0.2
TAIL_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Room:
    """How much there is and how much there may be, in tokens."""

    window: float
    """What the model can read."""
    used: float
    """What the next request would take."""
    ratio: float = 1.0
    """Real tokens for each estimated one, as last measured."""
    fixed: int = 0
    """The estimate of what is beside the messages: the tools."""
    piece: float = float("inf")
    """The estimate of what one request for a summary may read."""
    requests: int = 1
    """How many requests for summaries may still be made."""
    forced: bool = False
    """The model has refused the conversation as too long."""
    stale: bool = False
    """The last summary has to be written again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The next step."""

    kind: CompactionKind
    upto: int
    covered: Sequence[Entry] = ()
    """The messages that are replaced, besides what was replaced before."""
    pinned: tuple[int, ...] = ()
    shortened: dict[int, str] = field(default_factory=dict[int, str])


@dataclass(frozen=True, slots=True)
class _Parts:
    """The messages of the next request."""

    system: Sequence[Entry]
    kept: Sequence[Entry]
    """What the last compaction keeps as it is."""
    rest: Sequence[Entry]
    """What follows the last compaction."""
    asked: Sequence[Entry]
    """The requests of the open turn."""


def choose(view: Sequence[Entry], basis: CompactionBasis, room: Room) -> Choice | None:
    """Return the next step; None if the conversation is short enough, or cannot be made much shorter.

    view: the messages of the next request.
    """
    system = [entry for entry in view[:1] if entry.role == "system"]
    floor = basis.last.upto if basis.last is not None else system[0].position if system else -1
    kept = [entry for entry in view if entry.position < floor and entry not in system] if basis.last else []
    rest = [entry for entry in view if entry.position > floor]
    if room.stale and basis.last is not None and room.requests:
        stays = tuple(place for place in basis.last.pinned if place not in basis.deleted)
        return Choice(CompactionKind.SUMMARY, basis.last.upto, (), stays)
    asked = [entry for entry in (*kept, *rest) if entry.position in basis.asked]
    if room.used <= TRIM_AT * room.window:
        return None
    shorter = old_results(rest, [entry.position for entry in asked])
    if _saved(rest, shorter) * room.ratio >= (LEAST if room.forced else WORTHWHILE) * room.window:
        return Choice(CompactionKind.TRIM, max(shorter), shortened=shorter)
    if room.used <= REPLACE_AT * room.window:
        return None
    return _replace(_Parts(system, kept, rest, asked), basis, room)


def _replace(parts: _Parts, basis: CompactionBasis, room: Room) -> Choice | None:
    """Return the step that replaces the older part, or a piece of it."""
    system, kept, rest, asked = parts.system, parts.kept, parts.rest, parts.asked
    window = room.window / room.ratio
    beside = room.fixed + sum(entry.tokens for entry in system) + SUMMARY_SHARE * window
    stays = pinned(asked, PINNED_SHARE * window)
    first = sum(entry.tokens for entry in asked if entry.position in stays)
    budget = max(TAIL_SHARE * window, TARGET * window - beside - first)
    index = _before(rest, cut_for(rest, budget), stays)
    tail = rest[index:]
    shorter: dict[int, str] = {}
    size = sum(entry.tokens for entry in tail)
    if size > 1.25 * budget and (room.forced or beside + first + size > 0.9 * window):
        shorter = all_results(tail, budget)
    gain = sum(entry.tokens for entry in rest[:index])
    if index == 0 or (gain < LEAST * window and not room.forced):
        worth = _saved(tail, shorter) >= LEAST * window
        return Choice(CompactionKind.TRIM, max(shorter), shortened=shorter) if worth else None
    kind = CompactionKind.SUMMARY
    if skipped := overflow(rest, index, room.piece * room.requests if room.requests else 0):
        kind, end = CompactionKind.EXCERPTS, skipped
    else:
        end = piece(rest, index, room.piece)
    if (end := _before(rest, end, stays)) == 0:
        kind, end = CompactionKind.EXCERPTS, index
    upto = rest[end - 1].position
    places = [*(entry.position for entry in system), *(place for place in stays if place < upto)]
    covered = [entry for entry in (*kept, *rest[:end]) if entry.position not in places]
    covered = [entry for entry in covered if entry.position not in basis.deleted]
    return Choice(kind, upto, covered, tuple(places), shorter if end == index else {})


def _before(rest: Sequence[Entry], index: int, stays: Sequence[int]) -> int:
    """Return the cut, moved before kept messages that it would end with: those are kept behind it."""
    while index and rest[index - 1].position in stays:
        index -= 1
    return index


def _saved(conversation: Sequence[Entry], shorter: dict[int, str]) -> int:
    """Return how many tokens shorter forms save."""
    sizes = {entry.position: entry.tokens for entry in conversation}
    return sum(sizes[position] - tokens_of(body) for position, body in shorter.items())
