"""Follows the work of a bot inside this process from module to module: the walks that docs/architecture.md draws.

A *stage* is a module of `bot` with coroutine functions: a place where the work may wait. A walk consists of *legs*: a
call from another package (through a port, or by the scheduler) begins one, and so does each round of the turn's loop;
it ends when that call has returned.

A stage is entered by a call from another stage of its package. Coming back from a call is no entry. Neither is a plain
function that leads to no other stage: it only reads something. A *return* is the entry of a stage that was entered
before, once the work had gone on to another one.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import sys
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

BOT = Path(__file__).parents[2] / "bot"
ROUND = "Agent._next"
"""One round of the turn's loop."""
_WAITS = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


@dataclass(eq=False)
class Call:
    """A call of a function of a stage."""

    stage: str
    """The module's path in `bot`."""
    function: str
    waits: bool
    caller: Call | None
    calls: list[Call] = field(default_factory=list["Call"])

    @property
    def begins_a_leg(self) -> bool:
        """Whether it comes from another package, or is a round of the turn's loop."""
        return self.caller is None or _package(self.caller) != _package(self) or self.function == ROUND

    @property
    def goes_on(self) -> bool:
        """Whether it leads to another stage."""
        return any(call.stage != self.stage or call.goes_on for call in self.calls)

    @property
    def enters(self) -> bool:
        """Whether the work has moved to this stage with it."""
        moved = self.caller is None or self.caller.stage != self.stage
        return self.begins_a_leg or (moved and (self.waits or self.goes_on))


@dataclass
class Leg:
    """What one package does between a call and its return."""

    entries: list[Call]

    @property
    def stages(self) -> list[str]:
        """The stages in the order in which they were entered."""
        return [entry.stage for entry in self.entries]

    @property
    def returns(self) -> list[str]:
        """The functions by which the work came back to a stage that it had left, each as `stage:function`."""
        seen: set[str] = set()
        again = [entry for entry in self.entries if entry.stage in seen or seen.add(entry.stage)]
        return [f"{entry.stage}:{entry.function}" for entry in again]


class Walk:
    """What a bot does while it is followed."""

    def __init__(self) -> None:
        self._calls: list[Call] = []
        """In the order in which they were made."""
        self._at: dict[FrameType, Call] = {}
        """The frames are kept, so that a coroutine that goes on is no new call."""
        self._began: dict[FrameType, FrameType] = {}
        """The frame that has begun a task, by the frame of the task's coroutine."""

    @property
    def legs(self) -> Sequence[Leg]:
        """The legs in the order in which they began."""
        found: dict[Call, list[Call]] = {}
        leg_of: dict[Call, list[Call]] = {}
        for call in self._calls:
            leg = found.setdefault(call, []) if call.begins_a_leg or call.caller is None else leg_of[call.caller]
            leg_of[call] = leg
            if call.enters and (not leg or leg[-1].stage != call.stage):
                leg.append(call)
        return [Leg(entries) for entries in found.values()]

    @property
    def returns(self) -> list[str]:
        """The returns of all legs."""
        return [each for leg in self.legs for each in leg.returns]

    def record(self, stage: str, function: str, caller: Call | None, *, waits: bool = True) -> Call:
        """Note a call; `waits` says whether it is one of a coroutine function."""
        call = Call(stage, function, waits, caller)
        self._calls.append(call)
        if caller is not None:
            caller.calls.append(call)
        return call

    def task(self, work: Coroutine[Any, Any, object], frame: FrameType) -> None:
        """A task begins; `frame` is what has begun it."""
        caller, began = self._stage(frame), getattr(work, "cr_frame", None)
        if began is not None and caller is not None:
            self._began[began] = caller

    def profile(self, frame: FrameType, event: str, _: object) -> None:
        """For `sys.setprofile`."""
        stage = _stages().get(frame.f_code.co_filename) if event == "call" else None
        if stage is None or frame in self._at:
            return
        nearest = self._stage(self._began.get(frame) or frame.f_back)
        caller = None if nearest is None else self._at[nearest]
        name = frame.f_code.co_qualname.replace("<locals>.", "")
        waits = bool(frame.f_code.co_flags & _WAITS)
        self._at[frame] = self.record(stage, name, caller, waits=waits)

    def _stage(self, frame: FrameType | None) -> FrameType | None:
        """The nearest frame that is in a stage."""
        while frame is not None and frame not in self._at:
            frame = self._began.get(frame) or frame.f_back
        return frame


@cache
def _stages() -> dict[str, str]:
    """The paths in `bot` of all stages, by the names of their files. A request to Slack is none."""
    return {
        str(path): path.relative_to(BOT).as_posix()
        for path in BOT.rglob("*.py")
        if path.name != "web_client.py"
        and any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(ast.parse(path.read_text("utf-8"))))
    }


def _package(call: Call) -> str:
    return call.stage.partition("/")[0]


@contextmanager
def followed() -> Generator[Walk]:
    """Follow what runs on the loop meanwhile."""
    walk, loop = Walk(), asyncio.get_running_loop()
    before: Callable[..., Any] = loop.get_task_factory() or _task

    def task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
        walk.task(work, sys._getframe(1))  # pyright: ignore[reportPrivateUsage]
        return before(loop, work, **options)

    _stages()
    loop.set_task_factory(task)
    sys.setprofile(walk.profile)
    try:
        yield walk
    finally:
        sys.setprofile(None)
        loop.set_task_factory(None if before is _task else before)


def _task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
    return asyncio.Task(work, loop=loop, **options)
