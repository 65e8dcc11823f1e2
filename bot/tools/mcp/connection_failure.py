"""Why a connection to a server ended, in words for people: what its transport says, else what went wrong above it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.tools.mcp.transports.transport import Connection, Ending
from bot.tools.text import line

CONNECTION_CLOSED = -32000
"""The SDK's code for a connection that ended under a request (mcp_types.jsonrpc)."""


@dataclass(slots=True)
class ConnectionReport:
    """What is known of one connection when it is over."""

    was_up: bool = False
    ending: Ending = field(default_factory=Ending)
    may_be_the_question: bool = True
    """It may have failed because of the question for 2026-07-28, so the older way is worth a try."""

    def conclude(self, connection: Connection, problem: BaseException | None) -> None:
        """Put into words how it ended. In: the connection, closed, and what was raised meanwhile."""
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
