"""Windows that are updated from background work show what follows from the latest click."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.window_updates import MAX_WINDOWS, WindowUpdates
from tests.unit.slack.test_errors import refusal

pytestmark = pytest.mark.anyio


class Slow:
    """A client whose first request takes longer than those that follow."""

    def __init__(self, code: str = "") -> None:
        self.shown: list[str] = []
        self.first = asyncio.Event()
        self._asked = 0
        self._code = code

    async def views_update(self, *, view_id: str, view: dict[str, Any], **more: Any) -> None:
        self._asked += 1
        if self._asked == 1:
            await self.first.wait()
        if self._code:
            raise refusal(self._code)
        self.shown.append(f"{view_id} {view['n']}")


def client(slow: Slow) -> AsyncWebClient:
    return cast(AsyncWebClient, slow)


async def test_a_request_that_is_slow_does_not_overtake_the_one_of_the_next_click() -> None:
    slow, windows = Slow(), WindowUpdates()
    first = asyncio.create_task(windows.send(client(slow), "V1", {"n": 1}, "1.000001"))
    await asyncio.sleep(0)
    second = asyncio.create_task(windows.send(client(slow), "V1", {"n": 2}, "1.000002"))
    await windows.send(client(slow), "V2", {"n": 3}, "1.000001")
    assert slow.shown == ["V2 3"], "another window does not wait"
    slow.first.set()
    await asyncio.gather(first, second)
    assert slow.shown == ["V2 3", "V1 1", "V1 2"]
    assert windows.latest("V1") == "1.000002"


async def test_what_follows_from_an_earlier_click_is_dropped_when_it_comes_late() -> None:
    slow, windows = Slow(), WindowUpdates()
    slow.first.set()
    for number, at in enumerate(["1.000002", "1.000001", "1.000002", "", "1.000003"]):
        assert await windows.send(client(slow), "V1", {"n": number}, at) == ""
    assert slow.shown == ["V1 0", "V1 2", "V1 3", "V1 4"]


@pytest.mark.parametrize(("code", "said"), [("not_found", ""), ("hash_conflict", "hash_conflict")])
async def test_a_window_that_was_closed_is_no_error(code: str, said: str) -> None:
    slow = Slow(code)
    slow.first.set()
    assert await WindowUpdates().send(client(slow), "V1", {"n": 1}, "1.0") == said


async def test_windows_of_long_ago_are_forgotten() -> None:
    slow, windows = Slow(), WindowUpdates()
    slow.first.set()
    for number in range(MAX_WINDOWS + 1):
        await windows.send(client(slow), f"V{number}", {"n": 0}, "1.000001")
    assert (windows.latest("V0"), windows.latest("V1")) == ("", "1.000001")
