"""Tracks how far each request got, which decides between "certainly did not run" and "outcome unknown". Used by every
transport."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakValueDictionary

from mcp.shared.dispatcher import coerce_request_id
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse, RequestId

from bot.core.json_text import JsonObject


@dataclass(eq=False)
class Delivery:
    """How far one request got. The code that makes a request puts this into `current_delivery`."""

    stand_in: JsonObject
    """What the SDK gets as the `result`: it validates every part of a result several times, and nobody uses that."""
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


current_delivery: ContextVar[Delivery | None] = ContextVar("current_delivery", default=None)


class Deliveries:
    """The pending requests of one connection."""

    def __init__(self) -> None:
        self._waiting: WeakValueDictionary[RequestId, Delivery] = WeakValueDictionary()

    def sending(self, message: JSONRPCMessage) -> Delivery | None:
        """Register a message that the current task is about to send. Out: the record of its delivery; None if it is not
        a request of a `Session`."""
        delivery = current_delivery.get() if isinstance(message, JSONRPCRequest) else None
        if delivery is not None and isinstance(message, JSONRPCRequest):
            self._waiting[coerce_request_id(message.id)] = delivery
        return delivery

    def received(self, message: JSONRPCMessage, size: int) -> JSONRPCMessage:
        """Register a received message of so many bytes. Out: what to pass on to the SDK instead."""
        if not isinstance(message, JSONRPCResponse | JSONRPCError) or message.id is None:
            return message
        delivery = self._waiting.get(coerce_request_id(message.id))
        if delivery is not None and isinstance(message, JSONRPCResponse):
            delivery.reply, delivery.size = message.result, size
            kind = {"resultType": "complete"} if "resultType" in message.result else {}
            return message.model_copy(update={"result": {**delivery.stand_in, **kind}})
        if delivery is not None:
            delivery.refused = True
        return message
