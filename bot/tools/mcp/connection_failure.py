"""Describes for people why a connection to a server ended: from its transport, or else from the error above it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.tools.mcp.transports.transport import Connection, Ending
from bot.tools.text import line

CONNECTION_CLOSED = -32000
"""The SDK's code for a connection that ended during a request (mcp_types.jsonrpc)."""


@dataclass(slots=True)
class ConnectionReport:
    """What is known about a connection after it has ended."""

    was_up: bool = False
    ending: Ending = field(default_factory=Ending)
    may_be_the_question: bool = True
    """It may have failed because of the probe for 2026-07-28, so the older handshake is worth a try."""

    def conclude(self, connection: Connection, problem: BaseException | None) -> None:
        """Record how a connection ended. In: the closed connection, and the exception that was raised, if any."""
        self.ending = connection.ending
        while isinstance(problem, BaseExceptionGroup) and problem.exceptions:
            problem = problem.exceptions[0]
        if problem is None:
            return
        refusal = connection.refusal(problem)
        if refusal is not None:
            self.may_be_the_question = False
            self._blame(refusal)
        elif isinstance(problem, TimeoutError):
            self._blame("it did not answer")
        elif getattr(problem, "code", None) != CONNECTION_CLOSED:
            self._blame(f"it cannot be used ({line(str(problem)) or type(problem).__name__})")

    def _blame(self, reason: str) -> None:
        self.ending = Ending(reason, self.ending.last_words)
