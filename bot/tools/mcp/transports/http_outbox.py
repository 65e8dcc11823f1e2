"""The stream to which the SDK writes the messages of a connection over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

from mcp.shared.message import SessionMessage


class Outbox:
    """The stream to which the SDK writes."""

    def __init__(self, send: Callable[[SessionMessage], Awaitable[None]]) -> None:
        """In: what sends a message, without waiting for the server."""
        self._send = send

    async def send(self, item: SessionMessage, /) -> None:
        """Begin to send a message."""
        await self._send(item)

    async def aclose(self) -> None:
        """Do nothing: the connection is closed as a whole."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        pass
