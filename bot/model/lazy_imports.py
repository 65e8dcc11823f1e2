"""Defers loading of subpackages until one of their attributes is first used.

openai imports the types of all its endpoints, hundreds of pydantic models, which takes three times as long as the rest
of the package. We only use its HTTP client and its errors.
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
def lazy_subpackages(name: str) -> Generator[None]:
    """Within this context, import the package `name` and its subpackages without running their `__init__`.

    `__init__` runs when a missing attribute is first looked up. Modules in these packages are loaded as usual.
    """
    finder = _Finder(name)
    # Replace the list instead of changing it: other threads may be iterating over it while they import.
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
        _set_class(module, _Package)


class _Package(ModuleType):
    """A package whose `__init__` has not run."""

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        if name.startswith("__") or spec is None or not isinstance(spec.loader, _Lazy):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        spec.loader, lazy = spec.loader.loader, spec.loader
        _set_class(self, ModuleType)
        lazy.loader.exec_module(self)
        return getattr(self, name)


def _set_class(module: ModuleType, kind: type[ModuleType]) -> None:
    """Change the class of a module, and with it how its attributes are looked up."""
    module.__class__ = kind
