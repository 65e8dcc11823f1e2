"""Named points around every commit and every outside effect, where a test can kill the process.

In production `reach` does nothing. The crash suite installs a hook from outside (tests/crash/sitecustomize.py), first
to learn which points one turn passes, then to kill the process at each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

_hook: Callable[[str], None] | None = None


def install(hook: Callable[[str], None]) -> None:
    """Call the hook with the name of each point that is reached, in the thread that reaches it."""
    global _hook  # noqa: PLW0603
    _hook = hook


def reach(name: str) -> None:
    """Say that this point is reached."""
    if _hook is not None:
        _hook(name)


@contextmanager
def around(effect: str) -> Generator[None]:
    """Two points, before and after an outside effect that succeeds."""
    reach(f"before {effect}")
    yield
    reach(f"after {effect}")
