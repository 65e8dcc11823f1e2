"""How a server is reached, as protocols: the session and the server above them know neither a process nor a URL.

A `Transport` is there for the whole life of the bot, a `Connection` for one connection of it. What a connection does
with a request decides what people read about a call, so each has to keep to this (`bot.tools.mcp.delivery`):

- `Deliveries.sending` in its write stream, `Deliveries.received` in its read stream. The latter leaves out the secrets
  with which `Deliveries` is made: those of the configuration, and what the transport sends as credentials.
- `Delivery.written` is true from the moment at which the first byte of a request may have reached the server: after
  that the outcome of a call is unknown until an answer comes. It may be set back only when it is certain that the
  server has not taken the request: nothing was connected, or the server has refused it unread (in HTTP: 401, or 404 for
  a session that is gone, after which the connection has ended). Such a call certainly did not run.
- A request whose `Delivery.abandoned` is set before it is written must not be written.
- `ended` is true as soon as the server will not be heard again: then the read stream ends, so that no call waits in
  vain. A connection that is cut off and can go on where it was (a resumed event stream) has not ended.

A call that certainly did not run and whose connection has ended is made over the next connection.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from bot.tools.server_config import ServerConfig

if TYPE_CHECKING:
    from mcp.client._transport import TransportStreams


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ended by itself."""

    reason: str = "it ended by itself"
    """Completes the sentence `The tool server is not running: ….` for people; contains nothing from the server."""
    last_words: str = ""
    """What the server wrote last, without secrets, for the log; empty if nothing."""


class Connection(Protocol):
    """One connection. Entering opens it and returns the two streams for the SDK's `Client`; exiting closes it within
    seconds, even if the task was cancelled. Enter and exit in the same task."""

    @property
    def ended(self) -> bool:
        """Whether the connection has ended: nothing more will be received."""
        ...

    def refusal(self, problem: BaseException) -> str | None:
        """Return why the connection could not be opened, as words that complete the sentence of `Ending.reason`. None
        for exceptions that this transport did not raise itself or cannot explain."""
        ...

    @property
    def ending(self) -> Ending:
        """Return how the connection ended. Called once it is closed."""
        ...

    async def __aenter__(self) -> TransportStreams: ...

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None: ...


class Transport(Protocol):
    """How one server is reached."""

    def load(self) -> None:
        """Import what a connection needs. Called in a thread before the first connection."""
        ...

    async def launch(self) -> None:
        """Begin with slow preparations that do not need the MCP SDK, which is imported meanwhile. Never raises: the
        first connection reports what is wrong."""
        ...

    def connection(self, on_end: Callable[[], None]) -> Connection:
        """Return a new connection, not opened yet. `on_end` is called once, as soon as it has `ended`."""
        ...

    async def abandon(self) -> None:
        """End what `launch` has started, unless a connection has taken it."""
        ...

    async def aclose(self) -> None:
        """Release what is shared with other servers, after all of them have ended."""
        ...


Transports = Mapping[type[ServerConfig], Callable[[Any], Transport]]
"""By type of configuration: a function that makes the transport of such a server."""
