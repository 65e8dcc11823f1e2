"""When messages that change all the time may change next: as often as Slack allows, and never sooner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class _Hold:
    timer: asyncio.TimerHandle
    changed: bool = False


class UpdateRate:
    """One entry for each thread and kind of message that is held back."""

    def __init__(self, seconds: float, wake: Callable[[int], None]) -> None:
        """`seconds` pass between two changes of a message; `wake` asks for a thread to be brought in step."""
        self.seconds = seconds
        self._wake = wake
        self._holds: dict[tuple[int, str], _Hold] = {}

    def changed(self, thread_id: int, kind: str) -> None:
        """Another body is wanted: the thread is woken now, or as soon as messages of this kind may change again."""
        hold = self._holds.get((thread_id, kind))
        if hold is None:
            self._wake(thread_id)
        else:
            hold.changed = True

    def held(self, thread_id: int, kind: str) -> bool:
        """Whether it is too early for another change."""
        return (thread_id, kind) in self._holds

    def hold(self, thread_id: int, kind: str, seconds: float | None = None) -> None:
        """No more changes for so long. What was held back before is with what changes from now on."""
        self.release(thread_id, kind)
        timer = asyncio.get_running_loop().call_later(
            self.seconds if seconds is None else seconds, self._end, thread_id, kind
        )
        self._holds[thread_id, kind] = _Hold(timer)

    def release(self, thread_id: int, kind: str) -> None:
        """Forget that it is held back."""
        hold = self._holds.pop((thread_id, kind), None)
        if hold is not None:
            hold.timer.cancel()

    def _end(self, thread_id: int, kind: str) -> None:
        if self._holds.pop((thread_id, kind)).changed:
            self._wake(thread_id)
