"""Assembles tool calls from the deltas of a stream, in which providers split them in different ways. Pure.

Accepted is what providers behind OpenRouter were seen to send: deltas without index or id, ids and names repeated in
every delta or sent in pieces, complete calls in one delta that all have index 0.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core.json_text import JsonObject
from bot.core.limits import MAX_CALLS
from bot.core.untrusted import valid_unicode
from bot.model.call_arguments import is_object, repaired, text_of
from bot.model.offered_tools import OfferedTools, sendable

MAX_EXAMINED_CHARS: Final = 2_000_000
"""Characters of arguments that are parsed to detect that a call is complete; beyond that, calls count as incomplete."""
MAX_ACCEPTED_CALLS: Final = 2 * MAX_CALLS
"""Calls that are accepted in one reply: more than are run, so that the model can be asked to make the others again. Any
further calls are dropped."""
MAX_NAME_PIECES: Final = 64
_ID: Final = re.compile(r"[!-~]{1,256}")
_ID_LENGTH: Final = 9
_ID_CHARACTERS: Final = string.ascii_letters + string.digits
_PARALLEL: Final = "multi_tool_use.parallel"
"""The tool that OpenAI's models call to make several calls, and that nobody offers."""


@dataclass(frozen=True, slots=True)
class AssembledCall:
    """A call as it goes into the message."""

    id: str
    name: str
    arguments: str
    """The text of a JSON object."""
    invalid: str | None
    """What the model wrote, if it is not a JSON object; `arguments` is `{}` then."""
    replaced: str
    """The model's own id, if it could not be kept."""

    @property
    def entry(self) -> JsonObject:
        """Return the entry of the message's `tool_calls`."""
        return {"id": self.id, "type": "function", "function": {"name": self.name, "arguments": self.arguments}}


def new_id() -> str:
    """Return an id for a call: nine letters or digits, since Mistral accepts nothing else."""
    return "".join(secrets.choice(_ID_CHARACTERS) for _ in range(_ID_LENGTH))


class _Call:
    """A tool call that is being assembled."""

    __slots__ = ("arguments", "cut", "id", "index", "names", "size")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id = ""
        self.names: list[str] = []
        """The pieces of the name."""
        self.arguments: list[str] = []
        self.size = 0
        """Characters of the arguments."""
        self.cut = False
        """Whether some of the arguments were dropped."""

    @property
    def name(self) -> str:
        return "".join(self.names)

    def begins_another(self, id: str, name: str, arguments: str, ended: Callable[[_Call], bool]) -> bool:
        """Return whether a delta that refers to this call in fact starts another one.

        Only a delta with a name can: some servers send a new id with every delta, and others repeat the name, or send
        it in pieces before the arguments. `ended` returns whether the arguments of a call are complete.
        """
        if not name or not self.names:
            return False
        if id and self.id and id != self.id:
            return True
        if name != self.name:
            return self.size > 0
        closed = "".join(self.arguments[-1:]).rstrip().endswith("}")
        return closed and bool(arguments.strip()) and ended(self)

    def add_name(self, name: str) -> None:
        """Add a piece of the name, unless the name is repeated."""
        if name and name not in (self.name, self.names[-1] if self.names else "") and len(self.names) < MAX_NAME_PIECES:
            self.names.append(name)


class CallAssembly:
    """Collects the deltas of the calls of one reply."""

    def __init__(self) -> None:
        self.left_out = False
        """Whether calls beyond MAX_ACCEPTED_CALLS were dropped."""
        self._calls: list[_Call] = []
        self._examined = 0

    def __bool__(self) -> bool:
        """Return whether there are calls so far."""
        return bool(self._calls)

    @property
    def complete(self) -> bool:
        """Whether the arguments of every call are a JSON object."""
        return all(not call.cut and call.name and is_object("".join(call.arguments)) for call in self._calls)

    def add(self, entry: JsonObject, position: int | None, limited: Callable[[str], str]) -> None:
        """Add an entry of `tool_calls`.

        position: its place, in a message that is not streamed. limited: returns the part of a text that is kept.
        """
        index, id = entry.get("index"), entry.get("id")
        index = position if position is not None else index if isinstance(index, int) else None
        id = id if isinstance(id, str) else ""
        function = entry.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = function.get("name"), function.get("arguments")
        name = name if isinstance(name, str) else ""
        if not isinstance(arguments, str):
            arguments = "" if arguments is None else text_of(arguments)
        call = self._find(index, id)
        if self.left_out:
            # It is unknown whether this delta continues an accepted call or a dropped one. A call that lost a part of
            # its arguments is recognized as invalid JSON, except one that has no arguments yet: `{}` would be assumed.
            if call is not None and not "".join(call.arguments).strip():
                call.cut = True
            return
        if call is None or call.begins_another(id, name, arguments, self._ended):
            if len(self._calls) >= MAX_ACCEPTED_CALLS:
                self.left_out = True
                return
            call = _Call(index)
            self._calls.append(call)
        call.id = call.id or id
        call.add_name(limited(name) if call.names and name != call.name else name)
        kept = limited(arguments)
        call.arguments.append(kept)
        call.size += len(kept)
        call.cut = call.cut or len(kept) < len(arguments)

    def cut_off(self) -> None:
        """Mark the last call as truncated if it has no arguments: the reply ended early, and `{}` would be assumed."""
        if self._calls and not "".join(self._calls[-1].arguments).strip():
            self._calls[-1].cut = True

    def _ended(self, call: _Call) -> bool:
        """Return whether its arguments are complete. As each delta may check all earlier ones, the work is limited."""
        self._examined += call.size
        return self._examined <= MAX_EXAMINED_CHARS and is_object("".join(call.arguments))

    def _find(self, index: int | None, id: str) -> _Call | None:
        """Return the call that a delta continues: by index, or else by id, or else the last call."""
        for call in reversed(self._calls):
            if (index is None or call.index == index) and (index is not None or not id or call.id in (id, "")):
                return call
        return None

    def finished(self, is_taken: Callable[[str], bool], tools: OfferedTools) -> list[AssembledCall]:
        """Return the calls. One whose id is missing, unusable or not unique gets a new one.

        Args:
            is_taken: returns whether the conversation already has a call with this id.
            tools: the tools by which an unusual name is recognised.
        """
        found: list[AssembledCall] = []
        ids: set[str] = set()
        for call in self._in_order():
            raw = valid_unicode("".join(call.arguments))
            for name, arguments, cut in _readings(call, raw, tools):
                if len(found) >= MAX_ACCEPTED_CALLS:
                    self.left_out = True
                    break
                id = call.id
                if not _ID.fullmatch(id) or id in ids or is_taken(id):
                    id = new_id()
                    while id in ids or is_taken(id):
                        id = new_id()
                ids.add(id)
                # Truncated arguments may be empty, and `repaired` would return `{}`.
                usable = None if cut else repaired(arguments, name)
                replaced = call.id if id != call.id else ""
                found.append(AssembledCall(id, name, usable or "{}", arguments if usable is None else None, replaced))
        return found

    def _in_order(self) -> Sequence[_Call]:
        """Return the calls by index if all have one, otherwise in the order in which they started."""
        calls = [call for call in self._calls if call.id or call.names or any(call.arguments)]
        if all(call.index is not None for call in calls):
            calls.sort(key=lambda call: call.index or 0)
        return calls


def _readings(call: _Call, raw: str, tools: OfferedTools) -> Iterable[tuple[str, str, bool]]:
    """Yield the calls that an assembled one stands for, each as (name, arguments, cut): nearly always one."""
    joined = call.name
    if _PARALLEL in joined and not call.cut and (inner := _parallel(raw, tools)):
        yield from inner
        return
    name = tools.resolve(joined)
    if name is None and len(call.names) > 1:
        # No name in pieces, then: the name so far, repeated with every piece, or several calls without arguments.
        named = [tools.resolve(piece) for piece in call.names]
        if all(named):
            yield from ((each or "", "", False) for each in named[:-1])
            name = named[-1]
        else:
            name = named[-1]
    yield name or sendable(joined), raw, call.cut


def _parallel(raw: str, tools: OfferedTools) -> list[tuple[str, str, bool]]:
    """Return the calls inside one of multi_tool_use.parallel; none if any of them cannot be read."""
    try:
        uses: Any = json.loads(repaired(raw) or "{}").get("tool_uses")
    except RecursionError:
        return []
    found: list[tuple[str, str, bool]] = []
    for use in uses if isinstance(uses, list) else []:
        named = use.get("recipient_name") if isinstance(use, dict) else None
        name = tools.resolve(named) if isinstance(named, str) else None
        if name is None:
            return []
        arguments = use.get("parameters")
        found.append((name, arguments if isinstance(arguments, str) else text_of(arguments), False))
    return found
