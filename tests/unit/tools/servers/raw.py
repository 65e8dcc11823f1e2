"""A stdio MCP server of 2025-11-25 in a few lines, so that it can misbehave in ways no SDK allows. Starts in 50 ms."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
OBJECT: Json = {"type": "object", "properties": {}}


class Refused(Exception):
    """Becomes a JSON-RPC error of this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class RawServer:
    """Tools by name, each a definition and a function from arguments to a result."""

    def __init__(self) -> None:
        self.tools: dict[str, tuple[Json, Callable[[Json], Json | None]]] = {}
        self.deaf = threading.Event()
        self._output = threading.Lock()
        self._current = threading.local()

    @property
    def request_id(self) -> int:
        """Of the request that is being answered."""
        return self._current.request_id

    def tool(self, run: Callable[[Json], Json | None], *, name: str = "", **definition: Any) -> None:
        """Offer a function as a tool. When it returns None, nothing is answered."""
        name = name or run.__name__
        self.tools[name] = ({"name": name, "description": run.__doc__, "inputSchema": OBJECT, **definition}, run)

    def write(self, raw: bytes) -> None:
        """Write to stdout as it is."""
        with self._output:
            sys.stdout.buffer.write(raw)
            sys.stdout.buffer.flush()

    def send(self, **message: Any) -> None:
        """Send a message."""
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def serve(self) -> None:
        """Answer until stdin ends."""
        for text in sys.stdin.buffer:
            if self.deaf.is_set():
                threading.Event().wait()
            message = json.loads(text)
            if "id" in message and "method" in message:
                threading.Thread(target=self._answer, args=(message,), daemon=True).start()
            elif "method" in message:
                self.notified(message["method"], message.get("params", {}))
            elif "id" in message:
                self.replied(message)

    def notified(self, method: str, params: Json) -> None:
        """Take note of a notification."""

    def replied(self, message: Json) -> None:
        """Take note of an answer to a request of this server's."""

    def answer(self, method: str, params: Json) -> Json | None:
        """The result of a request."""
        if method == "initialize":
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {"listChanged": True}},
                "serverInfo": {"name": "raw", "version": "1"},
            }
        if method == "tools/list":
            return {"tools": [definition for definition, _ in self.tools.values()]}
        if method == "tools/call" and params["name"] in self.tools:
            return self.tools[params["name"]][1](params.get("arguments", {}))
        raise Refused(-32601, f"no {method}")

    def _answer(self, message: Json) -> None:
        self._current.request_id = message["id"]
        try:
            result = self.answer(message["method"], message.get("params", {}))
        except Refused as refused:
            self.send(id=message["id"], error={"code": refused.code, "message": str(refused)})
        else:
            if result is not None:
                self.send(id=message["id"], result=result)


def text(words: str, **more: Any) -> Json:
    """A result of one text."""
    return {"content": [{"type": "text", "text": words}], **more}
