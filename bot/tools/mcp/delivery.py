"""How far each request got: it decides between "certainly did not run" and "outcome unknown". Of every transport."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakValueDictionary

from mcp.shared.dispatcher import coerce_request_id
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse, RequestId

from bot.core.json_text import JsonObject


@dataclass(eq=False)
class Delivery:
    """How far one request got. It is put into `current_delivery` by whoever makes the request."""

    stand_in: JsonObject
    """What the SDK gets for the `result`: it checks every part of one, several times over, and nobody uses that."""
    abandoned: bool = False
    """Nobody waits any more: if it is not written yet, it must not be."""
    written: bool = False
    """Its first byte may have reached the server."""
    reply: JsonObject | None = None
    """The `result` that the server answered, as it came."""
    size: int = 0
    """Bytes of the message that it came in."""
    refused: bool = False
    """The server answered with a protocol error."""


current_delivery: ContextVar[Delivery | None] = ContextVar("current_delivery", default=None)


class Deliveries:
    """The requests of one connection that wait for an answer."""

    def __init__(self) -> None:
        self._waiting: WeakValueDictionary[RequestId, Delivery] = WeakValueDictionary()

    def sending(self, message: JSONRPCMessage) -> Delivery | None:
        """A message is about to be sent by the task that calls this. Out: what is to be noted of it as it goes, None
        for what is no request of a `Session`."""
        delivery = current_delivery.get() if isinstance(message, JSONRPCRequest) else None
        if delivery is not None and isinstance(message, JSONRPCRequest):
            self._waiting[coerce_request_id(message.id)] = delivery
        return delivery

    def received(self, message: JSONRPCMessage, size: int) -> JSONRPCMessage:
        """A message of so many bytes has come. Out: what the SDK is to get in its place."""
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
