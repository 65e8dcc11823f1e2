"""What requests have cost that were cut off is asked about while there are any, and not looked for when there are
none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from bot.core.budget import CutRequest
from bot.core.ports.costs import Costs
from bot.core.transaction import Usage
from bot.cut_requests import CutRequests
from bot.model.generations import Generation

pytestmark = pytest.mark.anyio


class Ledger:
    """The requests that were cut off."""

    def __init__(self) -> None:
        self.cut: list[CutRequest] = []
        self.looks = 0

    async def cut_requests(self, now: float, most: int) -> Sequence[CutRequest]:
        self.looks += 1
        return self.cut[:most]

    async def settle_request(self, id: int, model: str, usage: Usage | None, again_at: float) -> None:
        self.cut = [each for each in self.cut if each.id != id]


async def test_a_process_without_cut_requests_looks_for_none_until_one_is_noticed() -> None:
    ledger, asked = Ledger(), list[str]()

    async def look_up(generation: str) -> Generation | None:
        asked.append(generation)
        return Generation("model", Usage()) if len(asked) > 1 else None

    cut = CutRequests(cast(Costs, ledger), look_up, idle_seconds=0.0)
    running = asyncio.ensure_future(cut.run())
    await cut.ready()
    for _ in range(100):
        await asyncio.sleep(0)
    assert ledger.looks == 2
    ledger.cut.append(CutRequest(1, "gen-1", 0))
    cut.notice()
    async with asyncio.timeout(5):
        while ledger.cut:
            await asyncio.sleep(0)
    assert asked[0] == "gen-1"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
