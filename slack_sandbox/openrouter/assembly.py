"""Puts a streamed answer of OpenRouter together while it passes through, for people to read.

It only listens: what it cannot read it leaves out, and it never raises.
"""

from __future__ import annotations

import json
from typing import Any

JsonObject = dict[str, Any]

MAX_CHARS = 4_000_000
"""Characters of one answer that are read; what comes after is not."""


class Assembly:
    """Feed it the bytes of the body; `response` is what they say so far."""

    def __init__(self, *, stream: bool) -> None:
        """stream: the body is server-sent events; else it is one JSON text."""
        self.stream = stream
        self._rest = b""
        self._read = 0
        self._head: JsonObject = {}
        self._content: dict[str, list[str]] = {}
        self._calls: dict[int, JsonObject] = {}
        self._finish: Any = None
        self.events = 0
        """How many events with words or calls have come."""
        self.error = ""
        """What an error in the body says."""

    def feed(self, data: bytes) -> None:
        """The next bytes."""
        self._read += len(data)
        if self._read > MAX_CHARS:
            return
        if not self.stream:
            self._rest += data
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                self._event(_parsed(line[5:]))

    @property
    def response(self) -> Any:
        """The body as one JSON object in the shape of an answer that is not streamed; None when nothing came."""
        if not self.stream:
            whole = _parsed(self._rest)
            self._see_error(whole)
            return whole
        if not self._head and not self._content and not self._calls:
            return None
        message: JsonObject = {"role": "assistant", **{key: "".join(parts) for key, parts in self._content.items()}}
        message.setdefault("content", None)
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        return {**self._head, "object": "chat.completion", "choices": [choice]}

    def _event(self, event: JsonObject) -> None:
        self._see_error(event)
        self._head |= {key: value for key, value in event.items() if key not in ("choices", "object")}
        for choice in _objects(event.get("choices")):
            self._finish = choice.get("finish_reason") or self._finish
            delta = choice.get("delta")
            if not isinstance(delta, dict):
                continue
            for key in ("content", "reasoning", "refusal"):
                if isinstance(delta.get(key), str) and delta[key]:
                    self._content.setdefault(key, []).append(delta[key])
                    self.events += 1
            for call in _objects(delta.get("tool_calls")):
                self._add_call(call)
                self.events += 1

    def _add_call(self, delta: JsonObject) -> None:
        index = delta.get("index")
        if not isinstance(index, int):
            new = not self._calls or bool(delta.get("id"))
            index = max(self._calls, default=-1) + 1 if new else max(self._calls)
        empty = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        call = self._calls.setdefault(index, empty)
        call["id"] = delta.get("id") or call["id"]
        function = delta.get("function")
        if isinstance(function, dict):
            call["function"]["name"] = function.get("name") or call["function"]["name"]
            call["function"]["arguments"] += str(function.get("arguments") or "")

    def _see_error(self, value: JsonObject) -> None:
        error = value.get("error")
        if isinstance(error, dict):
            self.error = str(error.get("message") or error)
        elif error:
            self.error = str(error)


def _parsed(text: bytes) -> JsonObject:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
