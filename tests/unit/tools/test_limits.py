"""How many calls a server gets at once, and how long one that keeps failing is left alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.core.tools import DeliveryStatus
from bot.tools.mcp import server
from tests.unit.tools.helpers import call, python_server, running, until

pytestmark = pytest.mark.anyio


async def test_each_server_has_its_own_limit_of_calls_at_once(tmp_path: Path) -> None:
    narrow = python_server("odd.py", tmp_path / "narrow", key="narrow", calls_at_once=2)
    wide = python_server("odd.py", tmp_path / "wide", key="wide", calls_at_once=5)
    go = str(tmp_path / "go")
    async with running(narrow, wide) as both:
        under_way = [asyncio.create_task(call(both, f"{key}__until", words=go)) for key in ("narrow", "wide") * 5]
        await until(lambda: (tmp_path / "wide").exists() and began(tmp_path / "wide") == 5)
        await until(lambda: began(tmp_path / "narrow") == 2)
        assert not [each for each in under_way if each.done()]
        Path(go).touch()
        assert {each.certainty for each in await asyncio.gather(*under_way)} == {DeliveryStatus.OK}
        assert began(tmp_path / "narrow") == 5


def began(journal: Path) -> int:
    """How many calls have begun."""
    return len(journal.read_text().splitlines()) if journal.exists() else 0


async def test_a_server_that_keeps_ending_is_left_alone_for_longer_and_longer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(server, "MAX_PAUSE", 0.04)
    async with running(
        python_server("start.py", "exits", key="it"), python_server("start.py", "well", key="other")
    ) as both:
        await until(lambda: len(pauses(caplog)) >= 4, 20, "four ends")
        for deaths, pause in enumerate(pauses(caplog), 1):
            longest = min(0.04, 0.01 * 2 ** (deaths - 1))
            assert longest / 2 <= pause <= longest
        assert (await call(both, "other__echo", words="fine")).text == "fine"
        assert [each.state for each in both.states()] == ["down", "up"]


async def test_a_server_that_ran_for_a_while_is_started_again_soon(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(server, "FIRST_PAUSE", 0.02)
    monkeypatch.setattr(server, "STABLE_SECONDS", 0.0)
    async with running(python_server("odd.py", tmp_path / "journal")) as odd:
        for number in range(3):
            assert (await call(odd, "odd__die", words=f"{number}")).certainty is DeliveryStatus.UNKNOWN
            assert (await call(odd, "odd__echo", words="back")).text == "back"
    assert max(pauses(caplog)) <= 0.02


def pauses(caplog: pytest.LogCaptureFixture) -> list[float]:
    """The seconds after which a server that has ended was to be started again."""
    return [
        float(str(record.args[-1]))
        for record in caplog.records
        if isinstance(record.args, tuple) and "Restarting in" in str(record.msg)
    ]
