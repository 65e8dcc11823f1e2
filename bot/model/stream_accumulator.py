"""The chunks of a streamed chat completion put together into the message that they are the pieces of. Pure.

Providers differ in how they cut a reply up; what is accepted here was seen from one or the other of those behind
OpenRouter: deltas without index or id, ids and names repeated in every delta, whole calls in one delta that all say
index 0, a surrogate pair cut in two. The message that comes out can be sent back to the strictest of them.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from collections.abc import Callable, Iterable
from typing import Any, Final

from bot.core import untrusted
from bot.core.json_text import JsonObject
from bot.core.limits import MOST_CALLS
from bot.core.ports.model import Reply
from bot.core.transaction import Usage
from bot.core.untrusted import whole
from bot.model.reasoning import Reasoning, sound, weight

MOST_REPAIRED: Final = 300_000
"""Characters of arguments that are not JSON and are looked at more closely."""

MOST_CHARACTERS: Final = 2_000_000
"""Of texts, arguments and reasoning in one reply. No model writes a quarter of it; the rest is left out, as of a reply
that has reached its limit of length."""
MOST_EXAMINED: Final = 2_000_000
"""Characters of arguments that are parsed to find out whether a call has ended; after that none is taken to have."""
MOST_TAKEN: Final = 2 * MOST_CALLS
"""Calls in one reply: some more than are run, so that the model is told of each that it is to be made again. Those
after them are left out."""

_TOOL_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")
_ID: Final = re.compile(r"[!-~]{1,256}")
_FENCE: Final = "```"
_LANGUAGE: Final = string.ascii_letters + string.digits
_STRING_OR_COMMA: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|,(?=\s*[}\]])', re.DOTALL)
"""A string without an end goes to the end of all, so that no later quote is tried in vain."""
_NAME_LENGTH: Final = 200


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)


def _text_of(arguments: object) -> str:
    """Arguments that came as JSON and not as its text."""
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (RecursionError, ValueError):
        return "(nested too deeply)"


def is_object(text: str) -> bool:
    """Whether the text is a JSON object by the letter of RFC 8259, so without NaN and infinities."""
    try:
        return isinstance(_JSON.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def repaired(text: str) -> str | None:
    """The arguments of a call as the text of a JSON object, or None when they are none.

    Nothing becomes `{}`; a code fence around the object and commas before a closing brace or bracket are taken away.
    Nothing else is: closing the braces of arguments that were cut off would run a call that the model never finished.
    """
    if is_object(text):
        return text
    if len(text) > MOST_REPAIRED:
        return None
    bare = text.strip()
    if not bare:
        return "{}"
    if bare.startswith(_FENCE) and bare.endswith(_FENCE) and len(bare) >= 2 * len(_FENCE):
        bare = bare[len(_FENCE) : -len(_FENCE)].lstrip(_LANGUAGE).strip()
    bare = _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], bare)
    return bare if is_object(bare) else None


class _Call:
    """One tool call on its way."""

    __slots__ = ("arguments", "cut", "id", "index", "name", "size")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.size = 0
        """Characters of the arguments."""
        self.cut = False
        """Some of the arguments were left out."""

    def begins_another(self, id: str, name: str, arguments: str, ended: Callable[[_Call], bool]) -> bool:
        """Whether a delta that points here is really the beginning of another call. Only one with a name can be:
        there are servers that make up a new id for every delta, and servers that repeat the name. `ended` says whether
        the arguments are whole."""
        if not name or not self.name:
            return False
        if name != self.name or (id and self.id and id != self.id):
            return True
        closed = "".join(self.arguments[-1:]).rstrip().endswith("}")
        return closed and bool(arguments.strip()) and ended(self)


class Accumulator:
    """Takes the chunks in their order; then `reply` gives what they amount to."""

    def __init__(self) -> None:
        self.error: JsonObject | None = None
        """OpenRouter's error object, when a chunk brought one."""
        self.finish_reason: str | None = None
        """None until the reply is complete. What it says is not to be trusted: calls come with `stop`, too."""
        self.native_finish_reason = ""
        self.id = ""
        """OpenRouter's generation id."""
        self.model = ""
        self.provider = ""
        self.reasoning: list[str] = []
        """The readable reasoning, in pieces. Not sent back: reasoning_details are."""
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._details: list[Reasoning] = []
        self._usage: JsonObject = {}
        self._half = ""
        self._examined = 0
        self.size = 0
        """Characters of all that was taken, about."""
        self.left_out = False
        """There were more calls than are taken."""

    @property
    def calls(self) -> bool:
        """Whether there are tool calls in it so far."""
        return bool(self._calls)

    def add(self, chunk: JsonObject) -> str | None:
        """Take a chunk, of a stream or of a reply that is not streamed.

        Returns the visible text in it, "" when it brought the reply on in another way, None when it brought nothing.
        """
        if not self.id:
            self.id = untrusted.text(chunk.get("id"), _NAME_LENGTH)
        self.model = untrusted.text(chunk.get("model"), _NAME_LENGTH) or self.model
        self.provider = untrusted.text(chunk.get("provider"), _NAME_LENGTH) or self.provider
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = usage
        if error := chunk.get("error"):
            self.error = error if isinstance(error, dict) else {"message": _text_of(error)}
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        return self._add_choice(choice) if isinstance(choice, dict) else None

    def _add_choice(self, choice: JsonObject) -> str | None:
        delta = choice.get("delta")
        streamed = isinstance(delta, dict)
        if not streamed:
            delta = choice.get("message")
        news: str | None = None
        if isinstance(delta, dict):
            news = self._add_delta(delta, streamed)
        if finish := choice.get("finish_reason"):
            self.finish_reason = untrusted.text(finish, _NAME_LENGTH) or "stop"
            self.native_finish_reason = untrusted.text(choice.get("native_finish_reason")) or self.finish_reason
            news = news or ""
            if finish == "error" and self.error is None:
                error = choice.get("error")
                self.error = error if isinstance(error, dict) else {"message": "the provider ended with an error"}
        return news

    def _add_delta(self, delta: JsonObject, streamed: bool) -> str | None:
        news: str | None = None
        if isinstance(details := delta.get("reasoning_details"), list) and details:
            self._add_details(details, streamed)
            news = ""
        if isinstance(reasoning := delta.get("reasoning"), str) and reasoning:
            self.reasoning.append(self._room_for(reasoning))
            news = ""
        if isinstance(tool_calls := delta.get("tool_calls"), list) and tool_calls:
            for position, entry in enumerate(tool_calls):
                if isinstance(entry, dict):
                    self._add_call(entry, None if streamed else position)
            news = ""
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self._refusal.append(self._room_for(refusal))
            news = ""
        content = delta.get("content")
        if isinstance(content, str) and content:
            return self._add_text(content)
        return news

    def _room_for(self, text: str) -> str:
        """As much of a text as there is room for."""
        room = max(0, MOST_CHARACTERS - self.size)
        self.size += len(text)
        return text if len(text) <= room else text[:room]

    def _add_text(self, content: str) -> str:
        content = self._room_for(content)
        if not content:
            return ""
        self._text.append(content)
        if self._half or not content.isascii():
            # A pair that is cut between two chunks is shown with the second.
            content = self._half + content
            self._half = content[-1] if "\ud800" <= content[-1] <= "\udbff" else ""
            content = whole(content[:-1] if self._half else content)
        return content

    def _add_details(self, details: Iterable[Any], streamed: bool) -> None:
        for entry in details:
            if not isinstance(entry, dict):
                continue
            try:
                self.size += weight(entry)
            except RecursionError:  # nested absurdly deep: no provider would take it back
                continue
            if self.size > MOST_CHARACTERS:
                continue
            last = self._details[-1] if self._details else None
            if streamed and last is not None and last.continued_by(entry):
                last.add(entry)
            else:
                self._details.append(Reasoning(entry))

    def _add_call(self, entry: JsonObject, position: int | None) -> None:
        index, id = entry.get("index"), entry.get("id")
        index = position if position is not None else index if isinstance(index, int) else None
        id = id if isinstance(id, str) else ""
        function = entry.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = function.get("name"), function.get("arguments")
        name = name if isinstance(name, str) else ""
        if not isinstance(arguments, str):
            arguments = "" if arguments is None else _text_of(arguments)
        call = self._find(index, id)
        if self.left_out:
            # Whether it goes on with a call that was taken or with one that was not, nobody can say any more. What was
            # cut off is no JSON; only where nothing had come yet nothing would show it.
            if call is not None and not "".join(call.arguments).strip():
                call.cut = True
            return
        if call is None or call.begins_another(id, name, arguments, self._ended):
            if len(self._calls) >= MOST_TAKEN:
                self.left_out = True
                return
            call = _Call(index)
            self._calls.append(call)
        call.id = call.id or id
        call.name = call.name or name
        taken = self._room_for(arguments)
        call.arguments.append(taken)
        call.size += len(taken)
        call.cut = call.cut or len(taken) < len(arguments)

    def _ended(self, call: _Call) -> bool:
        """Whether its arguments are a whole object. Every delta may ask that, of all that came before."""
        self._examined += call.size
        return self._examined <= MOST_EXAMINED and is_object("".join(call.arguments))

    def _find(self, index: int | None, id: str) -> _Call | None:
        """The call that a delta continues: by its index, without one by its id, without both the last one."""
        for call in reversed(self._calls):
            if (index is None or call.index == index) and (index is not None or not id or call.id in (id, "")):
                return call
        return None

    def reply(self, is_taken: Callable[[str], bool] = lambda _: False) -> Reply:
        """The complete reply. A call without a usable id, or with one that another call has, gets a new one.

        is_taken: says whether the conversation has a call with this id already; there are providers that count
        their ids from 0 in every reply, and others that want them unique in the whole conversation.
        """
        content = whole("".join(self._text)) or whole("".join(self._refusal))
        message: JsonObject = {"role": "assistant", "content": content}
        calls: list[JsonObject] = []
        ids: set[str] = set()
        invalid: dict[str, str] = {}
        for call in self._in_order():
            if not _ID.fullmatch(id := call.id) or id in ids or is_taken(id):
                id = f"call_{secrets.token_hex(12)}"
            ids.add(id)
            raw = whole("".join(call.arguments))
            # Nothing would stand for no arguments at all.
            arguments = None if call.cut else repaired(raw)
            if arguments is None:
                invalid[id] = raw
            function = {"name": _TOOL_NAME.sub("_", call.name[:64]) or "unnamed", "arguments": arguments or "{}"}
            calls.append({"id": id, "type": "function", "function": function})
        if calls:
            message["content"] = content if content.strip() else None
            message["tool_calls"] = calls
        if self._details:
            message["reasoning_details"] = sound(detail.finished() for detail in self._details)
        finish = "length" if self.size > MOST_CHARACTERS else self.finish_reason or ""
        return Reply(message, finish, self.model, self.provider, _usage(self._usage), invalid, self.left_out)

    def _in_order(self) -> list[_Call]:
        """The calls by index, when all have one; otherwise as they began."""
        calls = [call for call in self._calls if call.id or call.name or any(call.arguments)]
        if all(call.index is not None for call in calls):
            calls.sort(key=lambda call: call.index or 0)
        return calls


def _usage(usage: JsonObject) -> Usage:
    return Usage(
        prompt_tokens=untrusted.count(usage.get("prompt_tokens")),
        completion_tokens=untrusted.count(usage.get("completion_tokens")),
        cached_tokens=untrusted.count(untrusted.mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        cost=untrusted.amount(usage.get("cost")),
    )
