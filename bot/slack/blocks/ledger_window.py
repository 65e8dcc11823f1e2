"""Builds the window with what a turn or a thread has changed: a diff for each file, on pages, or as a file. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.core.calls import CallOutcome
from bot.core.json_text import JsonObject
from bot.core.ledger import DOUBTFUL, Changed, LedgerEntry
from bot.core.questions.question import UndoState
from bot.core.tool_words import tool_title
from bot.slack.blocks import buttons, ledger, paging
from bot.slack.blocks.arguments import DIFF
from bot.slack.blocks.call_text import heading, subject
from bot.slack.blocks.elements import (
    CHUNK,
    Block,
    actions,
    bold,
    modal,
    one_line,
    pieces,
    plain,
    preformatted,
    remark,
    rich,
    section,
    spelled,
)

TITLE = "What has changed"
NOTHING = "Nothing has changed here."
GONE = "I no longer have a record of what was changed here."
PRIVATE = "Only the people who asked for these changes and those who may approve them can see them."
OUT_OF_DATE = "More has changed since this was opened. Please open it again."
IN_THE_THREAD = "I posted everything as a file in the thread."
TOO_LONG = "The rest is too long to show here."
FILE_NAME = "changes.diff"
MAX_SHOWN = 400_000
"""Characters of diffs that a window shows, on its pages."""
MAX_FILE = 5_000_000
"""Characters of the file."""
MAX_NAMED = 20
"""Things that are listed in one line."""
NAME = 200
NEWLINE = "\n"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a window is about."""

    turn: int
    whole_thread: bool
    digest: str
    """Of the ledger (`bot.core.ledger.Ledger.digest`)."""
    changed: Sequence[Changed]
    others: Sequence[LedgerEntry] = ()
    """Calls that changed nothing in the end: denied, undone, or cut off."""
    more: int = 0
    """How many calls are left out."""
    may_post: bool = False
    """Whether everybody in the thread may see it, so that it may be posted there as a file."""

    @property
    def size(self) -> int:
        """Roughly how many characters there are to show."""
        return sum(each.size for each in self.changed)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a button of a window is about."""

    turn: int
    whole_thread: bool
    digest: str
    page: int


def window(contents: Contents, page: int = 0, *, posted: bool = False) -> JsonObject:
    """Return the window at a page, counted from 0. posted: whether the file was posted in the thread."""

    def turn(to: int, label: str) -> Block:
        return actions(f"page-{to}", [buttons.button(ledger.PAGE, label, _value(contents, to))])

    return modal(TITLE, paging.shown(_blocks(contents, posted=posted), page, turn))


def message(words: str) -> JsonObject:
    """Return a window with a message only: why there is nothing to show."""
    return modal(TITLE, [remark(words)])


def opened(value: object) -> Opened:
    """Return what a button of a window is about. Raises ValueError if it is not one of ours."""
    match buttons.parsed(str(value)):
        case {"turn": int(turn), "all": bool(whole), "d": str(digest), "n": int(page), **rest} if (
            not rest and 0 < turn < 2**63 and page >= 0 and bool not in (type(turn), type(page))
        ):
            return Opened(turn, whole, digest, page)
        case _:
            raise ValueError("not a value of ours")


def in_a_file(contents: Contents) -> str:
    """Return all diffs as one text, in the format of `diff -u`."""
    parts: list[str] = []
    left = MAX_FILE
    for each in contents.changed:
        heading = f"--- {one_line(each.was or each.title, NAME)}\n+++ {one_line(each.title, NAME)}\n"
        for diff in each.diffs:
            left -= len(heading) + len(diff)
            if left < 0:
                return "".join([*parts, "(The rest is too long and was left out.)\n"])
            parts.append(f"{heading}{spelled(diff)}{'' if diff.endswith(NEWLINE) else NEWLINE}")
    return "".join(parts)


def _value(contents: Contents, page: int) -> str:
    return json.dumps({"turn": contents.turn, "all": contents.whole_thread, "d": contents.digest, "n": page})


def _blocks(contents: Contents, *, posted: bool) -> Iterator[Block]:
    if posted:
        yield remark(IN_THE_THREAD)
    if not contents.changed and not contents.others:
        yield remark(NOTHING)
    left = MAX_SHOWN
    for number, each in enumerate(contents.changed):
        if left < each.size and number:
            yield from _rest(contents, posted=posted)
            break
        left -= each.size
        yield from _thing(each)
        if left < 0:
            yield from _rest(contents, posted=posted)
            break
    yield from _others(contents.others)
    if contents.more:
        many = f"{contents.more:,} {'earlier' if contents.whole_thread else 'later'}"
        yield remark(f"{many} change is not shown." if contents.more == 1 else f"{many} changes are not shown.")


def _rest(contents: Contents, *, posted: bool) -> Iterator[Block]:
    yield remark(TOO_LONG)
    if contents.may_post and not posted:
        button = buttons.button(ledger.FILE, "Post everything as a file in the thread", _value(contents, 0))
        yield actions("file", [button])


def _thing(each: Changed) -> Iterator[Block]:
    effect = f" · {one_line(each.effect, NAME)}" if each.effect else ""
    yield rich(section(bold(one_line(each.title, NAME)), *([plain(effect)] if effect else [])))
    left = MAX_SHOWN
    for diff in each.diffs:
        yield from (rich(preformatted(piece.removesuffix("\n"), DIFF)) for piece in pieces(diff[:left]))
        left -= len(diff)
        if left < 0:
            return
    if each.words:
        yield remark(each.words)


def _others(entries: Sequence[LedgerEntry]) -> Iterator[Block]:
    for words, chosen in (
        ("Undone since", [each for each in entries if each.undo is UndoState.UNDONE]),
        ("Denied", [each for each in entries if each.call.outcome is CallOutcome.DENIED]),
        ("Cut off; it may or may not have run", [each for each in entries if each.call.outcome in DOUBTFUL]),
    ):
        names = list(dict.fromkeys(_named(each) for each in chosen))
        if names:
            more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
            yield remark(f"{words}: {', '.join(names[:MAX_NAMED])}{more}"[:CHUNK])


def _named(entry: LedgerEntry) -> str:
    if entry.approval is None:
        return one_line(tool_title("", entry.call.remote_name), NAME)
    undone = entry.undo is UndoState.UNDONE
    return one_line(subject(entry.approval) if undone else heading(entry.approval), NAME)
