"""What the model was asked and what it answered, for the page's inspector. Nothing of the headers is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from slack_sandbox.page.controls import Json, ModelCall

MAX_CALLS = 300
MAX_BYTES = 64_000_000
"""Of all request bodies together: each request of a long conversation carries all of it."""


class ModelJournal:
    """The last requests to a model, whether to the sandbox's own or through the relay."""

    def __init__(self, max_calls: int = MAX_CALLS, max_bytes: int = MAX_BYTES) -> None:
        self._max_calls = max_calls
        self._max_bytes = max_bytes
        self._calls: dict[int, ModelCall] = {}
        self._sizes: dict[int, int] = {}
        self._begun: dict[int, float] = {}
        self._number = 0
        self._listeners: list[Callable[[], None]] = []

    @property
    def calls(self) -> Sequence[ModelCall]:
        """The requests in the order they came in; one that is still open has the status 0."""
        return tuple(self._calls.values())

    def on_change(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever a request came or was answered."""
        self._listeners.append(changed)

    def clear(self) -> None:
        """Forget all of them; what is open is not heard of again."""
        self._calls.clear()
        self._sizes.clear()
        self._begun.clear()
        self._tell()

    def begin(self, request: Json, size: int = 0) -> int:
        """A request came.

        request: its body, parsed. size: of the body in bytes. Out: the number to pass to `end`.
        """
        self._number += 1
        messages, tools = request.get("messages"), request.get("tools")
        self._calls[self._number] = ModelCall(
            at=time.time(),
            model=str(request.get("model") or next(iter(_list(request.get("models"))), "")),
            messages=len(_list(messages)),
            tools=len(_list(tools)),
            request=request,
        )
        self._sizes[self._number] = size
        self._begun[self._number] = time.monotonic()
        self._shorten()
        self._tell()
        return self._number

    def end(self, number: int, *, status: int, response: Any = None, error: str = "", fault: str = "") -> None:
        """It was answered, or broke off; a request that is no longer kept is ignored."""
        call = self._calls.get(number)
        if call is None:
            return
        seconds = time.monotonic() - self._begun.pop(number, time.monotonic())
        changed = replace(call, status=status, response=response, error=error, fault=fault, seconds=seconds)
        self._calls[number] = changed
        self._tell()

    def _shorten(self) -> None:
        while len(self._calls) > 1 and (
            len(self._calls) > self._max_calls or sum(self._sizes.values()) > self._max_bytes
        ):
            oldest = next(iter(self._calls))
            del self._calls[oldest], self._sizes[oldest]
            self._begun.pop(oldest, None)

    def _tell(self) -> None:
        for changed in self._listeners:
            changed()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
