"""Draws the ledger at the end of a turn's message: how much has changed, what was undone of it, its buttons. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from bot.core.ledger import TurnLedger, UndoTally
from bot.core.policy.privacy import Privacy
from bot.slack.blocks import buttons
from bot.slack.blocks.elements import Block, confirmation, emoji, person, plain, rich, section, sentence

PREFIX = "ledger."
SHOW, UNDO, PAGE, FILE = (f"{PREFIX}{name}" for name in ("show", "undo", "page", "file"))
REASON = 120
"""Characters of the reason why something was not undone."""
MAX_PEOPLE = 3


def line(ledger: TurnLedger, undos: UndoTally) -> Block:
    """Return the line `4 files changed, 1 denied`, with what was undone of it."""
    parts = [[plain(summary(ledger))], *_undone(ledger, undos)]
    elements: list[Block] = []
    for part in parts:
        elements += [plain(" · "), *part] if elements else part
    return rich(section(*elements))


def summary(ledger: TurnLedger) -> str:
    """Return how much has changed, in a few words."""
    if ledger.privacy == Privacy.PRIVATE or not ledger.files:
        changed = [f"{_counted(ledger.changes, 'change')} made"]
    else:
        changed = [f"{_counted(ledger.files, 'file')} changed"]
        if ledger.others:
            changed.append(_counted(ledger.others, "other change"))
    if ledger.denied:
        changed.append(f"{ledger.denied} denied")
    if ledger.doubtful:
        changed.append(f"{ledger.doubtful} may have run")
    return ", ".join(changed)


def deciding(turn: int, ledger: TurnLedger, undos: UndoTally) -> list[Block]:
    """Return the buttons of a turn."""
    diff = ledger.files and ledger.privacy != Privacy.PRIVATE
    carried = json.dumps({"turn": turn})
    found = [buttons.button(SHOW, "Show combined diff" if diff else "Show changes", carried)]
    if undos.offered:
        asked = confirmation("Undo all of this?", _consequence(ledger, undos), "Undo all")
        found.append(buttons.button(UNDO, "Undo all", carried, confirm=asked))
    return found


def opened(value: object) -> int:
    """Return the turn of a button. Raises ValueError if it is not one of ours."""
    match buttons.parsed(str(value)):
        case {"turn": int() as turn, **rest} if not rest and not isinstance(turn, bool) and 0 < turn < 2**63:
            return turn
        case _:
            raise ValueError("not a value of ours")


def _consequence(ledger: TurnLedger, undos: UndoTally) -> str:
    """Return what Undo all does, for the question before it."""
    left = _never(ledger, undos)
    what = "Everything is put back as it was"
    if undos.offered < ledger.changes:
        what = f"{undos.offered} of {_counted(ledger.changes, 'change')} {_be(undos.offered)} put back"
    rest = f" {left} can't be undone." if left else ""
    return f"{what}, the last change first.{rest} What was changed again since stays as it is."


def _never(ledger: TurnLedger, undos: UndoTally) -> int:
    """Return how many changes cannot be undone at all."""
    return max(0, ledger.changes - undos.offered - undos.undoing - undos.undone - undos.refused)


def _undone(ledger: TurnLedger, undos: UndoTally) -> Iterator[list[Block]]:
    if not undos.undoing + undos.undone + undos.refused:
        return
    people: list[Block] = []
    for user in undos.by[:MAX_PEOPLE]:
        people += [plain(", " if people else " "), person(user)]
    if undos.undoing:
        yield [emoji("hourglass_flowing_sand"), *people, plain(f" {_be(len(undos.by))} undoing this")]
        return
    if undos.undone:
        all_of_it = undos.undone == ledger.changes
        words = " all undone by" if all_of_it else f" {undos.undone} undone by"
        yield [emoji("leftwards_arrow_with_hook"), plain(words), *people]
    if undos.refused:
        why = " ".join(sentence(words, REASON) for words in undos.words) if ledger.privacy == Privacy.FULL else ""
        yield [emoji("warning"), plain(f" {undos.refused} not undone{f': {why}' if why else ''}")]
    left = _never(ledger, undos)
    if left and not undos.offered:
        yield [plain(f"{left} can't be undone")]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _be(number: int) -> str:
    return "is" if number == 1 else "are"
