"""How often a server's tools are listed, whatever it says."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest

from bot.tools.mcp import session_monitor
from bot.tools.mcp.session_monitor import Upkeep

pytestmark = pytest.mark.anyio


class Flapping:
    """A session whose server says at each list that its tools have changed."""

    refresh_seconds: float | None = None
    unanswered = 0

    def __init__(self, most: int) -> None:
        self.lists, self._most, self.ended = 0, most, False
        self.upkeep = Upkeep("flapping", self.adopt)
        self.at: list[float] = []

    async def adopt(self, _: Sequence[Any]) -> bool:
        return True

    async def definitions(self) -> list[Any]:
        self.lists += 1
        self.at.append(asyncio.get_running_loop().time())
        self.ended = self.lists == self._most
        for _ in range(100):
            self.upkeep.note_change()
        return []


async def test_a_server_whose_tools_change_all_the_time_is_listed_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_monitor, "RELIST_PAUSE", 0.002)
    flapping = Flapping(7)
    flapping.upkeep = Upkeep("flapping", flapping.adopt)
    flapping.upkeep.note_change()
    async with asyncio.timeout(5):
        await flapping.upkeep.stay(cast("Any", flapping))
    pauses = [after - before for before, after in zip(flapping.at, flapping.at[1:], strict=False)]
    assert pauses[-1] > 0.06, "a pause doubles each time"


async def test_the_end_of_a_session_is_noticed_while_a_list_is_put_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_monitor, "RELIST_PAUSE", 0.001)
    flapping = Flapping(100)
    flapping.upkeep.note_change()
    flapping.upkeep._next = asyncio.get_running_loop().time() + 3600  # pyright: ignore[reportPrivateUsage]
    staying = asyncio.create_task(flapping.upkeep.stay(cast("Any", flapping)))
    await asyncio.sleep(0)
    flapping.ended = True
    flapping.upkeep.attention.set()
    async with asyncio.timeout(5):
        await staying
    assert flapping.lists == 0
