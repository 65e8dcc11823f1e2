"""Tracks how far each request got, which decides between "certainly did not run" and "outcome unknown". Used by every
transport."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from mcp.shared.dispatcher import coerce_request_id
from mcp_types import (
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from bot.core.json_text import JsonObject
from bot.tools.mcp.hidden import Secrets
from bot.tools.mcp.jsonrpc import ID_WITHIN

UNREADABLE = "its answer cannot be read"
UNREADABLE_RESULT = (
    "The tool server answered this call, but its answer cannot be read, so its result is lost. The call has most "
    "likely run: look at what it has changed before you make it again."
)

ASKED_BY = "bot/call"
"""In the `_meta` of a server's request: the token of the call that it is about."""
_IDS = re.compile(rb'"id"\s*:\s*"?(\d{1,15})(?!\d)')


@dataclass(eq=False)
class Delivery:
    """How far one request got. The code that makes a request puts this into `current_delivery`."""

    stand_in: JsonObject
    """What the SDK gets as the `result`: it validates every part of a result several times, and nobody uses that."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """What a request over HTTP carries as headers, too."""
    abandoned: bool = False
    """The caller no longer waits: if the request has not been written, it must not be."""
    written: bool = False
    """Its first byte may have reached the server."""
    reply: JsonObject | None = None
    """The `result` from the server, as received."""
    size: int = 0
    """The size of the message with the reply, in bytes."""
    refused: bool = False
    """The server answered with a protocol error."""
    denied: bool = False
    """The server does not accept the credentials, and there are no others."""
    token: str = ""
    """Marks what the server asks for while it works on this call, until 2025-11-25; empty for other requests."""
    trouble: str = ""
    """What the transport knows about a request that was not answered, in words that complete the sentence "The tool
    server … .": `cannot be reached (connection refused)`."""


current_delivery: ContextVar[Delivery | None] = ContextVar("current_delivery", default=None)


class Deliveries:
    """The pending requests of one connection, and what all of its messages pass."""

    def __init__(self, secrets: Secrets) -> None:
        """In: what is left out of everything that the server says."""
        self._secrets = secrets
        self._waiting: WeakValueDictionary[RequestId, Delivery] = WeakValueDictionary()
        self._others: set[RequestId] = set()
        """Pending requests of the SDK itself."""

    def sending(self, message: JSONRPCMessage) -> Delivery | None:
        """Register a message that the current task is about to send. Out: the record of its delivery; None if it is not
        a request of a `Session`."""
        delivery = current_delivery.get() if isinstance(message, JSONRPCRequest) else None
        if delivery is not None and isinstance(message, JSONRPCRequest):
            self._waiting[coerce_request_id(message.id)] = delivery
        elif isinstance(message, JSONRPCRequest):
            self._others.add(coerce_request_id(message.id))
        return delivery

    def received(self, message: JSONRPCMessage, size: int, request: RequestId | None = None) -> JSONRPCMessage:
        """Register a received message of so many bytes. Out: what to pass on to the SDK instead.

        In: the request in whose response the message came, if a transport has a response for each.
        """
        message = self._secrets.without(message)
        if isinstance(message, JSONRPCRequest):
            return self._attributed(message, request)
        if not isinstance(message, JSONRPCResponse | JSONRPCError) or message.id is None:
            return message
        delivery = self._waiting.get(coerce_request_id(message.id))
        self._others.discard(coerce_request_id(message.id))
        if delivery is not None and isinstance(message, JSONRPCResponse):
            delivery.reply, delivery.size = message.result, size
            kind = {"resultType": "complete"} if "resultType" in message.result else {}
            return message.model_copy(update={"result": {**delivery.stand_in, **kind}})
        if delivery is not None:
            delivery.refused = True
        return message

    def _attributed(self, message: JSONRPCRequest, request: RequestId | None) -> JSONRPCRequest:
        """Mark what a server asks for with the call that it is about, as the SDK does not pass that on: the call in
        whose response it came, else the only one that is under way. Without such a call it has no mark."""
        params = dict(message.params or {})
        meta = params.get("_meta")
        kept = {key: value for key, value in meta.items() if key != ASKED_BY} if isinstance(meta, dict) else {}
        found = self._waiting.get(coerce_request_id(request)) if request is not None else None
        calls = [found] if found is not None else list(self._waiting.values())
        calls = [each for each in calls if each.token and not each.abandoned]
        marked = {ASKED_BY: calls[0].token} if len(calls) == 1 else {}
        return message.model_copy(update={"params": {**params, "_meta": {**kept, **marked}}})

    def unreadable(self, raw: bytes, request: RequestId | None = None) -> JSONRPCMessage | None:
        """Return what to pass on to the SDK for a message that cannot be read: a reply, if it answers a pending
        request.

        In: the message, and the request that it answers if that is known otherwise than from the message. A server
        that answers in a form that nobody can read has answered: the call has run, and waiting longer is pointless.
        """
        request = self._answered(raw) if request is None else coerce_request_id(request)
        if request is None:
            return None
        if request not in self._waiting:
            self._others.discard(request)
            return JSONRPCError(jsonrpc="2.0", id=request, error=ErrorData(code=PARSE_ERROR, message=UNREADABLE))
        result = {"content": [{"type": "text", "text": UNREADABLE_RESULT}], "isError": True}
        return self.received(JSONRPCResponse(jsonrpc="2.0", id=request, result=result), len(raw))

    def _answered(self, raw: bytes) -> RequestId | None:
        """Return the pending request whose id is in a message: at its beginning, at its end, or nowhere but once. (The
        results of other servers' tools may contain ids, too.)"""
        if b'"jsonrpc"' not in raw:
            return None
        for part in (raw[:ID_WITHIN], raw[-ID_WITHIN:], raw):
            ids = {int(found[1]) for found in _IDS.finditer(part)}
            pending = [each for each in ids if each in self._waiting or each in self._others]
            if len(pending) == 1:
                return pending[0]
        return None
