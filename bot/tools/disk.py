"""Runs blocking file operations off the event loop: in a few threads per disk, each operation with a time limit.

A disk that is gone (a network share, a removed card) blocks a system call for minutes or forever, and nothing can end
such a thread. So each disk has a few threads of its own, for which the exit of the process does not wait: an operation
that hangs blocks neither other disks nor anything else. While all threads of a disk hang, no new operation is started
on it.
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
"""Threads per disk."""
SECONDS = 8.0
"""The time limit of one operation."""
IDLE_SECONDS = 30.0
"""An idle thread ends after this time."""


class DiskTimeoutError(Exception):
    """The disk did not answer in time. An operation that was started may still take effect."""


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
        """Threads that are still busy with an operation that timed out."""

    async def run(self, work: Callable[..., T], *arguments: object, seconds: float | None = None) -> T:
        """Call a function in a thread. Raises what it raises, and DiskTimeoutError if it takes too long or if all
        threads of this disk already hang."""
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
                # If the caller was cancelled before the time limit, that says nothing about the disk; the thread still
                # counts as hung until it returns.
                if job.running:
                    self._hung += 1

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            self._do(job)

    def _next(self) -> _Job | None:
        """Return the next job that has a waiting caller; None after a period without jobs, which ends the thread."""
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
            return  # the loop has ended, and with it all callers


def before_the_loop(works: Iterable[Callable[[], object]], seconds: float) -> bool:
    """Call functions concurrently and wait for them for a limited time. Return whether all have returned; the others
    continue. For the startup, before there is an event loop."""
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
