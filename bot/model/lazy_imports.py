"""Loads the packages below a name not when they are imported but when something in them is first used.

openai imports the types of every one of its endpoints, hundreds of pydantic models, which take three times as long as
all the rest of it. We use its HTTP client, its errors and nothing of that.
"""

from __future__ import annotations

import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


@contextmanager
def lazily(name: str) -> Generator[None]:
    """While this is entered, a package of this name and the packages in it are imported without running their
    `__init__`. It runs when a missing name is first looked up; the modules in them are loaded as usual."""
    finder = _Finder(name)
    # Other threads are importing, and may be going through the list as it is.
    sys.meta_path = [finder, *sys.meta_path]
    try:
        yield
    finally:
        sys.meta_path = [each for each in sys.meta_path if each is not finder]


class _Finder(MetaPathFinder):
    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name and not fullname.startswith(f"{self._name}."):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None and spec.submodule_search_locations is not None:
            spec.loader = _Lazy(spec.loader)
        return spec


class _Lazy(Loader):
    def __init__(self, loader: Loader) -> None:
        self.loader = loader

    def exec_module(self, module: ModuleType) -> None:
        _turn(module, _Package)


class _Package(ModuleType):
    """A package whose `__init__` has not run."""

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        if name.startswith("__") or spec is None or not isinstance(spec.loader, _Lazy):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        spec.loader, lazy = spec.loader.loader, spec.loader
        _turn(self, ModuleType)
        lazy.loader.exec_module(self)
        return getattr(self, name)


def _turn(module: ModuleType, kind: type[ModuleType]) -> None:
    """Have the attributes of a module looked up as those of this kind."""
    module.__class__ = kind
