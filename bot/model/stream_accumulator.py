"""Assembles the chunks of a streamed chat completion into a message. Pure.

Providers split replies in different ways. Accepted here is what providers behind OpenRouter were seen to send: deltas
without index or id, ids and names repeated in every delta, complete calls in one delta that all have index 0, and
surrogate pairs split between chunks. Even the strictest provider accepts the resulting message back.
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
from bot.core.limits import MAX_CALLS
from bot.core.ports.model import Reply
from bot.core.transaction import Usage
from bot.core.untrusted import valid_unicode
from bot.model.reasoning import Reasoning, serializable, text_length

MAX_REPAIRED_CHARS: Final = 300_000
"""Invalid JSON arguments are repaired only up to this many characters."""

MAX_CHARACTERS: Final = 2_000_000
"""Characters of text, arguments and reasoning in one reply. No model writes a quarter of that; anything beyond is
dropped, and the reply counts as truncated at its length limit."""
MAX_EXAMINED_CHARS: Final = 2_000_000
"""Characters of arguments that are parsed to detect that a call is complete; beyond that, calls count as incomplete."""
MAX_ACCEPTED_CALLS: Final = 2 * MAX_CALLS
"""Calls that are accepted in one reply: more than are run, so that the model can be told which ones to make again. Any
further calls are dropped."""

_TOOL_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")
_ID: Final = re.compile(r"[!-~]{1,256}")
_FENCE: Final = "```"
_LANGUAGE: Final = string.ascii_letters + string.digits
_STRING_OR_COMMA: Final = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|,(?=\s*[}\]])', re.DOTALL)
"""An unterminated string extends to the end of the text, so that matching takes linear time."""
_NAME_LENGTH: Final = 200


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not valid JSON")


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)


def _text_of(arguments: object) -> str:
    """Serialize arguments that were sent as a JSON value instead of a string."""
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (RecursionError, ValueError):
        return "(nested too deeply)"


def is_object(text: str) -> bool:
    """Return whether the text is a JSON object according to RFC 8259, which excludes NaN and infinities."""
    try:
        return isinstance(_JSON.decode(text), dict)
    except (ValueError, RecursionError):
        return False


def repaired(text: str) -> str | None:
    """Return the arguments of a call as the text of a JSON object, or None if they are not one.

    Empty arguments become `{}`; a code fence around the object and trailing commas are removed. Nothing else is
    repaired: closing the braces of truncated arguments would run a call that the model never finished.
    """
    if is_object(text):
        return text
    if len(text) > MAX_REPAIRED_CHARS:
        return None
    bare = text.strip()
    if not bare:
        return "{}"
    if bare.startswith(_FENCE) and bare.endswith(_FENCE) and len(bare) >= 2 * len(_FENCE):
        bare = bare[len(_FENCE) : -len(_FENCE)].lstrip(_LANGUAGE).strip()
    bare = _STRING_OR_COMMA.sub(lambda found: "" if found[0] == "," else found[0], bare)
    return bare if is_object(bare) else None


class _Call:
    """A tool call that is being assembled."""

    __slots__ = ("arguments", "cut", "id", "index", "name", "size")

    def __init__(self, index: int | None) -> None:
        self.index = index
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.size = 0
        """Characters of the arguments."""
        self.cut = False
        """Whether some of the arguments were dropped."""

    def begins_another(self, id: str, name: str, arguments: str, ended: Callable[[_Call], bool]) -> bool:
        """Return whether a delta that refers to this call in fact starts another one.

        Only a delta with a name can: some servers send a new id with every delta, and others repeat the name. `ended`
        tells whether the arguments of a call are complete.
        """
        if not name or not self.name:
            return False
        if name != self.name or (id and self.id and id != self.id):
            return True
        closed = "".join(self.arguments[-1:]).rstrip().endswith("}")
        return closed and bool(arguments.strip()) and ended(self)


class Accumulator:
    """Collects the chunks of a reply in order; `reply` then returns the complete reply."""

    def __init__(self) -> None:
        self.error: JsonObject | None = None
        """OpenRouter's error object, if a chunk contained one."""
        self.finish_reason: str | None = None
        """None until the reply is complete. The value is unreliable: some providers send tool calls with `stop`."""
        self.native_finish_reason = ""
        self.id = ""
        """OpenRouter's generation id."""
        self.model = ""
        self.provider = ""
        self.reasoning: list[str] = []
        """The readable reasoning, in pieces. It is not sent back; reasoning_details are."""
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._details: list[Reasoning] = []
        self._usage: JsonObject = {}
        self._half = ""
        self._examined = 0
        self.size = 0
        """Approximate number of characters received."""
        self.left_out = False
        """Whether calls beyond MAX_ACCEPTED_CALLS were dropped."""

    @property
    def calls(self) -> bool:
        """Whether the reply has tool calls so far."""
        return bool(self._calls)

    def add(self, chunk: JsonObject) -> str | None:
        """Add a chunk of a stream, or a complete reply that is not streamed.

        Returns the visible text in it, "" if it advanced the reply in another way, or None if it added nothing.
        """
        if not self.id:
            self.id = untrusted.text(chunk.get("id"), _NAME_LENGTH)
        # Every chunk of a stream repeats them.
        if (model := chunk.get("model")) != self.model:
            self.model = untrusted.text(model, _NAME_LENGTH) or self.model
        if (provider := chunk.get("provider")) != self.provider:
            self.provider = untrusted.text(provider, _NAME_LENGTH) or self.provider
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
        added: str | None = None
        if isinstance(delta, dict):
            added = self._add_delta(delta, streamed)
        if finish := choice.get("finish_reason"):
            self.finish_reason = untrusted.text(finish, _NAME_LENGTH) or "stop"
            self.native_finish_reason = untrusted.text(choice.get("native_finish_reason")) or self.finish_reason
            added = added or ""
            if finish == "error" and self.error is None:
                error = choice.get("error")
                self.error = error if isinstance(error, dict) else {"message": "the provider ended with an error"}
        return added

    def _add_delta(self, delta: JsonObject, streamed: bool) -> str | None:
        added: str | None = None
        if isinstance(details := delta.get("reasoning_details"), list) and details:
            self._add_details(details, streamed)
            added = ""
        if isinstance(reasoning := delta.get("reasoning"), str) and reasoning:
            self.reasoning.append(self._limited(reasoning))
            added = ""
        if isinstance(tool_calls := delta.get("tool_calls"), list) and tool_calls:
            for position, entry in enumerate(tool_calls):
                if isinstance(entry, dict):
                    self._add_call(entry, None if streamed else position)
            added = ""
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self._refusal.append(self._limited(refusal))
            added = ""
        content = delta.get("content")
        if isinstance(content, str) and content:
            return self._add_text(content)
        return added

    def _limited(self, text: str) -> str:
        """Count a text towards MAX_CHARACTERS and return the part of it that is within the limit."""
        remaining = max(0, MAX_CHARACTERS - self.size)
        self.size += len(text)
        return text if len(text) <= remaining else text[:remaining]

    def _add_text(self, content: str) -> str:
        content = self._limited(content)
        if not content:
            return ""
        self._text.append(content)
        if self._half or not content.isascii():
            # A surrogate pair that is split between two chunks is returned with the second.
            content = self._half + content
            self._half = content[-1] if "\ud800" <= content[-1] <= "\udbff" else ""
            content = valid_unicode(content[:-1] if self._half else content)
        return content

    def _add_details(self, details: Iterable[Any], streamed: bool) -> None:
        for entry in details:
            if not isinstance(entry, dict):
                continue
            try:
                self.size += text_length(entry)
            except RecursionError:  # nested too deeply: no provider would accept it back
                continue
            if self.size > MAX_CHARACTERS:
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
        call.name = call.name or name
        kept = self._limited(arguments)
        call.arguments.append(kept)
        call.size += len(kept)
        call.cut = call.cut or len(kept) < len(arguments)

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

    def reply(self, is_taken: Callable[[str], bool] = lambda _: False) -> Reply:
        """Return the complete reply. A call whose id is missing, unusable or not unique gets a new one.

        Args:
            is_taken: tells whether the conversation already has a call with this id. Some providers number their
                calls from 0 in every reply, and others require ids that are unique in the whole conversation.
        """
        content = valid_unicode("".join(self._text)) or valid_unicode("".join(self._refusal))
        message: JsonObject = {"role": "assistant", "content": content}
        calls: list[JsonObject] = []
        ids: set[str] = set()
        invalid: dict[str, str] = {}
        for call in self._in_order():
            if not _ID.fullmatch(id := call.id) or id in ids or is_taken(id):
                id = f"call_{secrets.token_hex(12)}"
            ids.add(id)
            raw = valid_unicode("".join(call.arguments))
            # Truncated arguments may be empty, and `repaired` would return `{}`.
            arguments = None if call.cut else repaired(raw)
            if arguments is None:
                invalid[id] = raw
            function = {"name": _TOOL_NAME.sub("_", call.name[:64]) or "unnamed", "arguments": arguments or "{}"}
            calls.append({"id": id, "type": "function", "function": function})
        if calls:
            message["content"] = content if content.strip() else None
            message["tool_calls"] = calls
        if self._details:
            message["reasoning_details"] = serializable(detail.finished() for detail in self._details)
        finish = "length" if self.size > MAX_CHARACTERS else self.finish_reason or ""
        return Reply(message, finish, self.model, self.provider, _usage(self._usage), invalid, self.left_out)

    def _in_order(self) -> list[_Call]:
        """Return the calls by index if all have one, otherwise in the order in which they started."""
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
