"""Work on a disk, off the event loop: in a few threads of its own, each with a time limit.

A disk that is gone (a network share, a card that was pulled out) answers no system call, for minutes or for ever, and
nothing ends such a thread. So each disk has threads of its own, no more than a few, of which the end of the process
does not wait: what hangs keeps neither other disks' work nor anything else from being done. When all of them hang,
nothing more is begun until one comes back.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

THREADS = 4
"""Of one disk."""
SECONDS = 8.0
"""What a look at a disk may take."""
IDLE_SECONDS = 30.0
"""A thread with nothing to do ends after this."""


class DiskTimeoutError(Exception):
    """The disk did not answer in time. What was begun may still happen."""


@dataclass(slots=True, eq=False)
class _Job:
    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    given_up: bool = False
    running: bool = False


class Disk:
    """The threads of one disk."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._put = threading.Condition(self._lock)
        self._jobs: deque[_Job] = deque()
        self._threads = 0
        self._idle = 0
        self._hung = 0
        """Threads that are still at something that nobody waits for any longer."""

    async def run(self, work: Callable[..., T], *arguments: object, seconds: float | None = None) -> T:
        """Call a function in a thread. Raises what it raises, and DiskTimeoutError when it takes too long or when this
        disk's threads all hang already."""
        seconds = SECONDS if seconds is None else seconds
        loop = asyncio.get_running_loop()
        job = _Job(lambda: work(*arguments), loop, loop.create_future())
        with self._lock:
            if self._hung >= THREADS:
                raise DiskTimeoutError(f"the disk of {self._name} does not answer")
            self._jobs.append(job)
            self._put.notify()
            if self._idle < len(self._jobs) and self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._serve, name=f"disk of {self._name}", daemon=True).start()
        try:
            async with asyncio.timeout(seconds):
                return await job.future
        except TimeoutError:
            raise DiskTimeoutError(f"the disk of {self._name} did not answer within {seconds:g} s") from None
        finally:
            with self._lock:
                job.given_up = True
                # Whoever was cancelled before its time no longer waits either, but says nothing of the disk; the
                # thread counts as hung until it comes back all the same.
                if job.running:
                    self._hung += 1

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            self._do(job)

    def _next(self) -> _Job | None:
        """The next job that somebody waits for; None when there has been none for long, which ends the thread."""
        with self._lock:
            self._idle += 1
            while self._put.wait_for(lambda: self._jobs, IDLE_SECONDS):
                job = self._jobs.popleft()
                if not job.given_up:
                    self._idle -= 1
                    job.running = True
                    return job
            self._idle -= 1
            self._threads -= 1
            return None

    def _do(self, job: _Job) -> None:
        result: Any = None
        problem: BaseException | None = None
        try:
            result = job.work()
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            problem = error
        with self._lock:
            job.running = False
            if job.given_up:
                self._hung -= 1
                return
        try:
            job.loop.call_soon_threadsafe(_tell, job.future, result, problem)
        except RuntimeError:
            return  # the loop has ended, and with it all who waited


def before_the_loop(works: Iterable[Callable[[], object]], seconds: float) -> bool:
    """Call functions side by side and wait for them, no longer than so. Whether all have ended; what has not goes on.
    For the start, when nobody is kept waiting yet."""
    threads = [threading.Thread(target=work, name="a disk, at the start", daemon=True) for work in works]
    for thread in threads:
        thread.start()
    until = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return not any(thread.is_alive() for thread in threads)


def _tell(future: asyncio.Future[Any], result: object, problem: BaseException | None) -> None:
    if future.done():
        return
    if problem is not None:
        future.set_exception(problem)
    else:
        future.set_result(result)
