"""Parses a server's output: lines with one JSON-RPC message each (specification: stdio)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator

from mcp_types import JSONRPCMessage, JSONRPCResponse, jsonrpc_message_adapter

from bot.core.untrusted import MAX_VALUES, count_values
from bot.tools.mcp import lenient_json

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Bytes of one message. Parsing it blocks the event loop (20 ms for this size), and the model gets at most 40 KB of
it."""

ID_WITHIN = 200
"""Bytes at the beginning and at the end of a message in which its id is looked for."""
_ID = re.compile(rb'^\s*\{"jsonrpc":\s*"2\.0",\s*"id":\s*"?(\d+)|"id":\s*"?(\d+)"?\s*\}\s*$')


class Lines:
    """Joins chunks of output into lines. Only new bytes are searched for the end of a line, so this is linear. Lines of
    more than MAX_LINE_BYTES are never kept whole."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the lines that end in this chunk. Consume each before feeding the next chunk."""
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            yield self._line(end)
        self._add(rest)

    def _line(self, end: bytes) -> bytes:
        self._add(end)
        raw = b"".join(self._parts)
        line = bounded(raw, self._size, self._key)
        self._parts, self._size = [], 0
        return line

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_LINE_BYTES:
            # Of a line that is too long, the beginning and the end are kept, as one of them contains the request's id.
            raw = b"".join(self._parts)
            self._parts = [raw[:ID_WITHIN], raw[-ID_WITHIN:]]


def bounded(raw: bytes, size: int, key: str, request: int | str | None = None) -> bytes:
    """Return a message; in place of one that is too big a reply that says so, since the call ran, so its caller must
    neither wait nor retry.

    In: the message, or its beginning and end if it was not kept whole, its size in bytes, the key of the server, and
    the request that it answers if that is known otherwise than from the message. Empty if no request is known.
    """
    if size <= MAX_LINE_BYTES and count_values(raw) <= MAX_VALUES:
        return raw
    log.warning("%s sent a message of %d bytes, which is too big", key, size)
    if request is None:
        found = _ID.search(raw[:ID_WITHIN] + raw[-ID_WITHIN:])
        if found is None:
            return b""
        request = int(found[1] or found[2])
    words = f"The tool ran, but its result of {size:,} bytes is too big to be taken in. Ask for less of it."
    result = {"content": [{"type": "text", "text": words}], "isError": True}
    return json.dumps({"jsonrpc": "2.0", "id": request, "result": result}).encode()


def parsed(raw: bytes) -> JSONRPCMessage | None:
    """Parse the message in one line of output; None if there is none.

    What the SDK's parser rejects is parsed leniently (`bot.tools.mcp.lenient_json`), since otherwise a reply would be
    lost and its caller would wait for nothing. Bytes that are not UTF-8 and lone surrogates (which JavaScript writes
    for half an emoji) become U+FFFD.
    """
    try:
        message = jsonrpc_message_adapter.validate_json(raw, by_name=False)
    except ValueError:
        found = lenient_json.message(raw.decode("utf-8", "replace"))
        if found is None:
            return None
        try:
            message = jsonrpc_message_adapter.validate_python(found, by_name=False)
        except (ValueError, RecursionError):
            return None
    if isinstance(message, JSONRPCResponse):
        message.result = lenient_json.handshake(message.result)
    return message
