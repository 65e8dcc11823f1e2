"""Which world a test gets: the one inside this process if its module is marked `inside`, else one with a bot process.

A case of such a module that is marked `across` has a bot process all the same. Each world of a module begins when a
test first needs it, and serves all the module's tests of its kind.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import pytest
from _pytest.mark.structures import ParameterSet

from tests import tiers
from tests.harness import World, world
from tests.inprocess.world import inside

T = TypeVar("T")
P = ParamSpec("P")


class Opens(Protocol):
    """`tests.harness.world`, or the same inside this process."""

    def __call__(
        self, home: Path, *, ready: bool = True, start: bool = True, real_files: bool = False, **environment: str
    ) -> AbstractAsyncContextManager[World]: ...


Stage = Callable[Concatenate[Opens, Path, P], AbstractAsyncContextManager[T]]


def some(values: Iterable[Any], *, across: Iterable[Any]) -> list[ParameterSet]:
    """The values of a parameter, of which those `across` are tried with a bot process."""
    chosen, found = list(across), list(values)
    assert all(each in found for each in chosen), "no such value"
    return [pytest.param(each, marks=[pytest.mark.across] if each in chosen else []) for each in found]


class Worlds:
    """The worlds of a module, as one test of it sees them."""

    def __init__(self, module: _Module, folders: pytest.TempPathFactory, *, within: bool) -> None:
        self._module, self._folders, self._within = module, folders, within

    @property
    def opens(self) -> Opens:
        """What opens a world of the test's kind."""
        return inside if self._within else world

    async def of(self, stage: Stage[P, T], *told: P.args, **options: P.kwargs) -> T:
        """What this stage gives, set in a world of the test's kind, once for all that it is told."""
        known = (self._within, stage, told)
        if known not in self._module.begun:
            opened = stage(self.opens, self._folders.mktemp("bot"), *told, **options)
            self._module.begun[known] = await self._module.stack.enter_async_context(opened)
        return self._module.begun[known]


class _Module:
    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self.begun: dict[tuple[object, ...], Any] = {}


@pytest.fixture(scope="module")
async def worlds_of_the_module() -> AsyncGenerator[_Module]:
    async with AsyncExitStack() as stack:
        yield _Module(stack)


@pytest.fixture
def worlds(
    request: pytest.FixtureRequest, worlds_of_the_module: _Module, tmp_path_factory: pytest.TempPathFactory
) -> Worlds:
    return Worlds(worlds_of_the_module, tmp_path_factory, within=tiers.is_inside(request.keywords))
