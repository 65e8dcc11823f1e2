"""The port through which the client of the model reports each request that it sends."""

from __future__ import annotations

from typing import Protocol

from bot.core.transaction import Usage


class Meter(Protocol):
    """Counts the requests of one `Model.complete`, which may send several."""

    @property
    def requests(self) -> int:
        """How many requests have ended."""
        ...

    async def sending(self) -> None:
        """A request is about to be sent."""
        ...

    def began(self, generation: str) -> None:
        """A reply has begun, and the endpoint knows it by this id. Neither waits nor raises."""
        ...

    def ended(self, generation: str, model: str, usage: Usage) -> None:
        """A request has ended, well or not, with this usage as far as it is known. Neither waits nor raises."""
        ...

    async def again(self) -> None:
        """Another request is about to be sent. Raises OutOfBudget if it must not."""
        ...
