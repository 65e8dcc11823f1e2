"""The journals of API calls and Socket Mode envelopes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True, eq=False)
class ApiCall:
    """One HTTP call of the app. `fault` names the injected fault that shaped it, if one did."""

    method: str
    args: Json
    token: str | None
    at: float
    response: Json = field(default_factory=dict[str, Any])
    status: int = 0
    fault: str | None = None

    @property
    def error(self) -> str | None:
        """The error code of a refused call."""
        return None if self.response.get("ok", True) else str(self.response.get("error"))


@dataclass(slots=True, eq=False)
class Envelope:
    """One Socket Mode envelope and what became of it.

    `created_at` is when its event happened, `sent_at` when it was last sent; both are `time.monotonic()`. `connection`
    is the number of the connection it was last sent on. `given_up` means that it will not be sent again.
    """

    envelope_id: str
    type: str
    payload: Json
    accepts_response_payload: bool = False
    attempts: int = 0
    retries: int = 0
    retry_reason: str = ""
    first_retry_attempt: int = 0
    created_at: float = field(default_factory=time.monotonic)
    sent_at: float | None = None
    acked_at: float | None = None
    ack_payload: Json | None = None
    connection: int | None = None
    given_up: bool = False
    on_settled: Callable[[], None] | None = None

    @property
    def lost(self) -> bool:
        """Whether it was never sent: no connection was open when it happened."""
        return self.given_up and self.attempts == 0

    @property
    def event_id(self) -> str | None:
        """The `Ev…` id of an event, None for interactions."""
        return self.payload.get("event_id")
