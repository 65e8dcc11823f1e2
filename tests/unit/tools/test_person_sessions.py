"""A session of a person is in use as long as anything is done over it: it is neither closed as idle, nor for others."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.core.identity import Identity
from bot.tools.mcp import person_server
from bot.tools.mcp.person_server import PersonServer
from bot.tools.mcp.server_state import State
from bot.tools.server_config import HttpServer

pytestmark = pytest.mark.anyio


class Session:
    """A session over which everything can be done."""

    def __init__(self) -> None:
        self.calls, self.used, self.state, self.idle = 0, 0.0, State.UP, asyncio.Event()
        self.idle.set()
        self.names, self.tools, self.last_error = frozenset[str](), (), ""
        self.closed = False
        self.opens = True

    async def session_by(self, _: float) -> object | None:
        return self if self.opens else None

    async def close_when_idle(self, *, at_once: bool) -> None:
        self.closed = True


def served(*people: str) -> tuple[PersonServer, dict[str, Session]]:
    config = HttpServer("notes", "https://notes.example.com/mcp", account=Identity.PERSON)
    server = PersonServer(config, cast("Any", None), cast("Any", None), lambda: None)
    sessions = {each: Session() for each in people}
    server._sessions = cast("Any", sessions)  # pyright: ignore[reportPrivateUsage]

    async def header(*_: str) -> str:
        return "Bearer token"

    server.credentials = cast("Any", SimpleNamespace(header=header))
    return server, dict(sessions)


async def test_a_session_over_which_a_resource_is_read_is_not_closed_as_idle() -> None:
    server, sessions = served("UALICE")
    async with server.session_of("UALICE", 0.0) as found:
        assert found is cast("Any", sessions["UALICE"])
        sessions["UALICE"].used = -1e9
        server._tidy()  # pyright: ignore[reportPrivateUsage]
        assert not sessions["UALICE"].closed
        assert not sessions["UALICE"].idle.is_set()
    assert sessions["UALICE"].idle.is_set()
    sessions["UALICE"].used = -1e9
    server._tidy()  # pyright: ignore[reportPrivateUsage]
    await asyncio.sleep(0)
    assert sessions["UALICE"].closed
    await server.aclose()


async def test_a_session_over_which_a_resource_is_read_makes_no_room_for_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(person_server, "MAX_SESSIONS", 1)
    server, sessions = served("UALICE")
    async with server.session_of("UALICE", 0.0), server.session_of("UBOB", 0.0) as other:
        assert other is None
        assert not sessions["UALICE"].closed
    await server.aclose()


async def test_a_session_that_cannot_be_opened_is_not_waited_for_again() -> None:
    server, sessions = served("UALICE")
    sessions["UALICE"].opens = False
    async with server.session_of("UALICE", 0.0) as found:
        assert found is None
    await asyncio.sleep(0)
    assert sessions["UALICE"].closed
    await server.aclose()
