"""Measures how long each callback holds an event loop, from inside the process whose loop it is.

The measure is the CPU time of the loop's own thread: what others on the machine do does not count. Whatever takes more
than 50 ms is noted with its stack; so is the longest callback so far, so that a process that is killed has told it too.
Nothing of pytest is needed here: bots load this that are started as `python -m bot` (`tests/measured`).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Coroutine, Generator
from contextlib import ExitStack, contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from tests.lag import MAX_SECONDS
from tests.machine import allowed

T = TypeVar("T")
NOTED = "LAG_OF_THE_BOT"
"""The variable that names the file to note callbacks in, a JSON object a line."""
A_BOT = "a bot"
MIN_SECONDS = 0.0001
"""Shorter callbacks are not worth a line."""
UNREAD_SECONDS = 0.001
"""So long the CPU's clock need not be read again."""
GROWTH = 1.5
"""A callback is a new longest one when it took so many times what the last one did that was noted."""

_a_bots: ContextVar[bool] = ContextVar("_a_bots", default=False)


async def as_a_bot(work: Coroutine[Any, Any, T]) -> T:
    """Do this, and whatever it begins, as a bot inside this process, which is measured as one."""
    context = copy_context()
    context.run(_a_bots.set, True)
    return await asyncio.get_running_loop().create_task(work, context=context)


def outside() -> Context:
    """A context like this one for what lies outside of the bot: what runs in it is not measured as the bot's."""
    context = copy_context()
    context.run(_a_bots.set, False)
    return context


@dataclass(frozen=True)
class Note:
    """One callback."""

    seconds: float
    whose: str
    what: str
    """The callback."""
    doing: str = ""
    """The stack in the midst of it, when it took long."""
    pid: int = 0

    @property
    def is_too_long(self) -> bool:
        return self.seconds > MAX_SECONDS and self.seconds > allowed(MAX_SECONDS)

    def words(self) -> str:
        """For people."""
        return f"{self.seconds * 1000:.0f} ms, {self.whose}: {self.what}\n{self.doing}"


class Notes:
    """What has been noted in a file, read as it grows."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._read = 0

    def more(self) -> list[Note]:
        """What has come since the last look."""
        if not self._path.exists() or self._path.stat().st_size == self._read:
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            # Somebody may be writing the last line.
            whole = file.read().rpartition(b"\n")[0]
        self._read += len(whole) + bool(whole)
        return [Note(**json.loads(line)) for line in whole.splitlines()]


class Watch:
    """Notes the callbacks of the loops of this process."""

    def __init__(self, path: str, about: str) -> None:
        self.path = path
        self.about = about
        """What runs meanwhile; empty: nothing that is to be measured but bots inside this process."""
        self.before: Callable[[], None] | None = None
        """Called before each callback."""
        self.elsewhere = 0.0
        """CPU time of this thread that is none of the bot's."""
        self._longest = 0.0
        self._least = MIN_SECONDS
        """The seconds from which on a callback is noted."""
        self._began = 0.0
        self._callback: tuple[int, float] = (0, 0.0)
        """The number of the callback that runs now, and the CPU time at its beginning: infinite when nobody asks."""
        self._cpu, self._read_at, self._elsewhere_then = 0.0, -inf, 0.0
        """CPU time of this thread when it was read last, when that was, and `elsewhere` then."""
        self._seen: tuple[int, str] = (0, "")
        """The number of one that was seen to run for long, and what it was doing."""
        self._looking = False
        os.register_at_fork(after_in_child=self._forked)

    def _forked(self) -> None:
        # A fork has one thread, whichever its parent had.
        self._looking, self._longest, self._least, self._read_at = False, 0.0, MIN_SECONDS, -inf

    @property
    def callbacks(self) -> int:
        """How many have begun."""
        return self._callback[0]

    def begin(self, about: str) -> None:
        """From here on the longest callback is one of these."""
        self.about, self._longest, self._least = about, 0.0, MIN_SECONDS

    def collected(self, phase: str, _: dict[str, int]) -> None:
        """The collector of the tests goes through everything that they have loaded: it is none of the bot's."""
        if phase == "start":
            self._began = time.thread_time()
        else:
            self.elsewhere += time.thread_time() - self._began

    @contextmanager
    def apart(self) -> Generator[None]:
        """What is done meanwhile, without a pause, is none of the bot's."""
        began = time.thread_time()
        try:
            yield
        finally:
            self.elsewhere += time.thread_time() - began

    def install(self) -> None:
        """From here on each callback of each loop of this process, and of those forked from it, is measured."""
        original = asyncio.events.Handle._run  # pyright: ignore[reportPrivateUsage]

        def run(handle: Any) -> None:
            if self.before is not None:
                self.before()
            about = self.about or (A_BOT if handle._context.get(_a_bots) else "")
            number = self._callback[0] + 1
            if not about:
                self._callback = (number, inf)
                original(handle)
                return
            # Reading the clock of the wall costs a tenth of reading that of the CPU, and it is never behind: of short
            # callbacks, nearly all, it is enough. What is left out between two readings of the other is a millisecond
            # at most, and counts as part of the next callback.
            wall = time.perf_counter()
            if wall - self._read_at > UNREAD_SECONDS:
                self._cpu, self._read_at, self._elsewhere_then = time.thread_time(), wall, self.elsewhere
            self._callback = (number, self._cpu)
            if not self._looking:
                self._look()
            original(handle)
            if time.perf_counter() - wall > self._least:
                began, before = self._cpu, self._elsewhere_then
                self._cpu, self._read_at, self._elsewhere_then = time.thread_time(), time.perf_counter(), self.elsewhere
                self.take(self._cpu - began - (self.elsewhere - before), about, handle, number)

        asyncio.events.Handle._run = run  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]

    def take(self, taken: float, about: str, what: Any, number: int = -1) -> None:
        """Note what has taken so many seconds, if it is too long or the longest so far."""
        if taken > self._least:
            self._longest = max(self._longest, taken)
            self._least = max(MIN_SECONDS, min(MAX_SECONDS, self._longest * GROWTH))
            doing = self._seen[1] if self._seen[0] == number else ""
            self.note(Note(taken, about, where(what), doing, os.getpid()))

    def _look(self) -> None:
        """Look from a thread what takes long while it does: afterwards nobody can tell."""
        self._looking = True
        loops, clock = threading.get_ident(), time.pthread_getcpuclockid(threading.get_ident())

        def look() -> None:
            while True:
                time.sleep(MAX_SECONDS / 2)
                number, began = self._callback
                if number != self._seen[0] and time.clock_gettime(clock) - began > MAX_SECONDS / 2:
                    stack = traceback.extract_stack(sys._current_frames().get(loops))  # pyright: ignore[reportPrivateUsage]
                    self._seen = (number, "".join(traceback.format_list(stack[-6:])))

        threading.Thread(target=look, name="looks at the loop", daemon=True).start()

    def note(self, note: Note) -> None:
        """Write it down where the test run looks for it."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(asdict(note))}\n")


def where(handle: Any) -> str:
    """What a callback was: of a task its coroutine, with the line at which it waits now."""
    callback: Any = getattr(handle, "_callback", None)
    owner = getattr(callback, "__self__", None)
    return f"{owner if isinstance(owner, asyncio.Task) else handle!r:.600}"


_watches: list[Watch] = []


def record(path: str) -> None:
    """Measure the bots that are forked from this process, from their first callback on."""
    use(Watch(path, A_BOT))


def use(watch: Watch) -> None:
    """Measure this process."""
    watch.install()
    _watches.append(watch)


@contextmanager
def apart() -> Generator[None]:
    """What is done meanwhile, without a pause, is none of the bot's: a test looks at what it has made."""
    with ExitStack() as stack:
        for watch in _watches:
            stack.enter_context(watch.apart())
        yield


def leave_out() -> None:
    """This process is no bot."""
    for watch in _watches:
        watch.about = ""


def record_once_open(path: str) -> None:
    """Measure this process, a bot, from when its socket is open on. Until then it loads most of its modules on the
    loop, half a second of CPU, and nobody can wait for it: nothing that Slack sends has come in."""
    watch = Watch(path, "")
    watch.before = lambda: _await_open(watch)
    watch.install()


def _await_open(watch: Watch) -> None:
    """Once the module of the socket is loaded, have the socket tell when it is open."""
    socket: Any = getattr(sys.modules.get("bot.slack.socket"), "Socket", None)
    if socket is None:
        return
    watch.before = None
    original = socket.open

    async def open_(this: Any, url: str) -> None:
        await original(this, url)
        watch.begin(A_BOT)

    socket.open = open_
