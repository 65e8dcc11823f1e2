"""Named points around every commit and every external effect, where a test can kill the process.

In production `reach` does nothing. The crash suite installs a hook from outside (tests/crash/sitecustomize.py), first
to record which points a turn passes, then to kill the process at each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

_hook: Callable[[str], None] | None = None


def install(hook: Callable[[str], None]) -> None:
    """Install a hook that is called with the name of each point, in the thread that reaches it."""
    global _hook  # noqa: PLW0603
    _hook = hook


def reach(name: str) -> None:
    """Report that the named point has been reached."""
    if _hook is not None:
        _hook(name)


@contextmanager
def around(effect: str) -> Generator[None]:
    """Mark one point before an external effect and one after it, if it succeeds."""
    reach(f"before {effect}")
    yield
    reach(f"after {effect}")
