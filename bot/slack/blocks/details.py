"""Builds the full content of a request: a window with pages, or a text for a file. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice

from bot.core.calls import Call, CallState
from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval
from bot.core.questions.unanswerable import for_people
from bot.core.tools import Preview
from bot.slack.blocks import arguments, buttons, paging
from bot.slack.blocks.elements import (
    VIEW_BLOCKS,
    VIEW_LIMIT,
    Block,
    actions,
    header,
    modal,
    pieces,
    preformatted,
    remark,
    rich,
    section,
    shown_code,
    spelled,
)
from bot.slack.text import visible

PAGE = "details.page"
"""The action id of the buttons that turn pages."""
TITLE = "Everything in full"
CHANGES = "Changes"
MAX_NAMED = 1_000
"""Values that are listed one by one in a file."""
_ITEM = re.compile(r'(?:[^",]+|"[^"\\]*(?:\\.[^"\\]*)*")*+(?:,|\Z)')
"""JSON up to a comma outside of strings, or up to its end, without backtracking."""


def details(approval: Approval, page: int = 0) -> JsonObject:
    """Return the window at a page, counted from 0; a page that does not exist gives the nearest one."""
    blocks = paging.shown(_blocks(approval), page, partial(_turn, approval))
    return modal(TITLE, blocks, private_metadata=approval.id)


def pages(approval: Approval) -> int:
    """Return the number of pages."""
    return 1 + max(page for page, _ in paging.paged(_blocks(approval)))


def has_more_than(number: int, approval: Approval) -> bool:
    """Whether there are more pages than this number, without looking at those beyond it."""
    # Making a block takes much longer than counting what it shows, which is never shorter than the text itself.
    blocks = characters = 0
    for name, value in arguments.readable(approval.call, approval.preview):
        blocks, characters = blocks + 1, characters + len(name) + len(value)
        if blocks > number * VIEW_BLOCKS or characters > number * VIEW_LIMIT:
            return True
    return any(page >= number for page, _ in paging.paged(_blocks(approval)))


def opened_page(value: str) -> tuple[str, str, int]:
    """Return (request id, digest, page) from the value of a button that turns pages. Raises ValueError if it is not one
    of ours."""
    content = buttons.parsed(value)
    match content:
        case {"a": str(), "d": str(), "n": int(page)} if len(content) == 3 and not isinstance(page, bool) and page >= 0:
            return content["a"], content["d"], page
        case _:
            raise ValueError("not a value of ours")


def in_a_file(approval: Approval) -> str:
    """Return the whole content as a text. Data is indented, so that none of its lines can be mistaken for a heading."""
    return "\n\n".join(f"{title}\n{_indented(text)}" for title, text in _texts(approval)) + "\n"


def _turn(approval: Approval, page: int, label: str) -> Block:
    value = json.dumps({"a": approval.id, "d": approval.digest, "n": page})
    return actions(f"page-{page}-{approval.id}", [buttons.button(PAGE, label, value)])


def _blocks(approval: Approval) -> Iterator[Block]:
    call, preview = approval.call, approval.preview
    yield header("Tool")
    yield from _data(call.remote_name)
    yield header("Tool server")
    yield from _data(call.server or "?")
    if approval.note:
        yield header("Why it is asked once more")
        yield from _data(approval.note)
    yield header("Arguments")
    yield from _fields(call, preview, "No arguments.")
    if call.original not in ("", call.arguments):
        yield header("Arguments as the model wrote them")
        yield from _fields(_originally(call), preview, "No arguments.")
    for title, text in (
        ("What will happen", preview.summary if preview else ""),
        ("Why it would fail as things are", preview.broken if preview else ""),
        (CHANGES, preview.diff if preview else ""),
        *_afterwards(approval),
    ):
        if text:
            yield header(title)
            yield from _data(text, arguments.DIFF if title == CHANGES else "")


def _texts(approval: Approval) -> Iterator[tuple[str, str]]:
    call, preview = approval.call, approval.preview
    yield "Tool", f"{visible(call.remote_name)} of {visible(call.server or '?')}"
    yield "Arguments", _listed(call, preview)
    if call.original not in ("", call.arguments):
        yield "Arguments as the model wrote them", _listed(_originally(call), preview)
    if preview and preview.summary:
        yield "What will happen", spelled(preview.summary)
    if preview and preview.diff:
        yield CHANGES, spelled(preview.diff)


def _listed(call: Call, preview: Preview | None) -> str:
    """Return the arguments for the file. Nobody reads thousands of names, so that many are shown as their JSON."""
    values = list(islice(arguments.readable(call, preview), MAX_NAMED + 1))
    if len(values) > MAX_NAMED:
        given = call.arguments
        for path, shown in preview.paths.items() if preview else ():
            given = given.replace(_quoted(path), _quoted(shown))
        text = _indented(spelled("\n".join(found[0] for found in _ITEM.finditer(given) if found[0])))
        return f"More than {MAX_NAMED:,} values, as JSON:\n{text}"
    listed = [f"{spelled(name)}:\n{_indented(spelled(value))}" for name, value in values]
    return "\n\n".join(listed) or "No arguments."


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _indented(text: str) -> str:
    return "    " + text.replace("\n", "\n    ")


def _afterwards(approval: Approval) -> Iterator[tuple[str, str]]:
    """Yield what was said and done since the request was made."""
    call = approval.call
    yield "Reason", for_people(approval.reason)
    if approval.undo is not None:
        yield "Undo", approval.undo.words
    if call.state in (CallState.FINISHED, CallState.UNKNOWN):
        yield "What came of it", call.result


def _originally(call: Call) -> Call:
    return replace(call, arguments=call.original)


def _fields(call: Call, preview: Preview | None, none: str) -> Iterator[Block]:
    empty = True
    for name, value in arguments.readable(call, preview):
        empty = False
        *before, label = pieces(name)
        yield from (rich(section(shown_code(piece))) for piece in before)
        for index, piece in enumerate(pieces(value)):
            yield rich(*([section(shown_code(label))] if not index else []), preformatted(piece))
    if empty:
        yield remark(none)


def _data(text: str, language: str = "") -> Iterator[Block]:
    yield from (rich(preformatted(piece, language)) for piece in pieces(text))
