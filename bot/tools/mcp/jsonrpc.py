"""Parses a server's output: lines with one JSON-RPC message each (specification: stdio)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress

from mcp_types import JSONRPCMessage, jsonrpc_message_adapter

from bot.core.untrusted import MAX_VALUES, count_values
from bot.tools.text import sendable

log = logging.getLogger(__name__)

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Bytes of one message. Parsing it blocks the event loop (20 ms for this size), and the model gets at most 40 KB of
it."""

_ID_WITHIN = 200
_ID = re.compile(rb'^\s*\{"jsonrpc":\s*"2\.0",\s*"id":\s*(\d+)|"id":\s*(\d+)\s*\}\s*$')


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
        too_big = self._size > MAX_LINE_BYTES or count_values(raw) > MAX_VALUES
        line = _too_big(raw, self._size, self._key) if too_big else raw
        self._parts, self._size = [], 0
        return line

    def _add(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_LINE_BYTES:
            # Of a line that is too long, the beginning and the end are kept, as one of them contains the request's id.
            raw = b"".join(self._parts)
            self._parts = [raw[:_ID_WITHIN], raw[-_ID_WITHIN:]]


def _too_big(raw: bytes, size: int, key: str) -> bytes:
    """Return the reply in place of one that is too long: the call ran, so its caller must neither wait nor retry."""
    log.warning("%s sent a message of %d bytes, which is too long", key, size)
    found = _ID.search(raw[:_ID_WITHIN] + raw[-_ID_WITHIN:])
    if found is None:
        return b""
    words = f"The tool ran, but its result of {size:,} bytes is too big to be taken in. Ask for less of it."
    result = {"content": [{"type": "text", "text": words}], "isError": True}
    return json.dumps({"jsonrpc": "2.0", "id": int(found[1] or found[2]), "result": result}).encode()


def parsed(raw: bytes) -> JSONRPCMessage | None:
    """Parse the message in one line of output; None if there is none.

    What the SDK's parser rejects is parsed more leniently, since otherwise a reply would be lost and its caller would
    wait for nothing: bytes that are not UTF-8 and lone surrogates (which JavaScript writes for half an emoji) become
    U+FFFD, and a progress indicator printed without a line break is skipped.
    """
    with suppress(ValueError):
        return jsonrpc_message_adapter.validate_json(raw, by_name=False)
    text = raw.decode("utf-8", "replace")
    begin = text.find("{")
    if begin < 0:
        return None
    try:
        return jsonrpc_message_adapter.validate_python(sendable(json.loads(text[begin:])), by_name=False)
    except (ValueError, RecursionError):
        return None
