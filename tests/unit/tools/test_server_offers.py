"""What people and the model are told of prompts and resources of a server that has people sign in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.core import resource_tools
from bot.core.tools import DeliveryStatus, Tool
from bot.errors import NotSignedInError, SignInError
from bot.tools.mcp.concurrency_limit import ConcurrencyLimit
from bot.tools.mcp.offers import Offers
from bot.tools.mcp.person_server import PersonServer
from bot.tools.mcp.reference_count import ReferenceCount
from bot.tools.mcp.server import Server
from bot.tools.mcp.server_offers import ServerOffers
from bot.tools.server_config import HttpServer

pytestmark = pytest.mark.anyio
READ = replace(resource_tools.TOOLS[1], person="U1")
ABOUT = {"server": "notes", "uri": "note://a"}


class Answers:
    """A connection that answers each request alike."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def send_request(self, *_: object, **__: object) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Signed(PersonServer):
    """A server to which everybody has signed in, or nobody can."""

    def __init__(self, answer: Any, trouble: SignInError | None = None) -> None:
        self.uses = ReferenceCount()
        self.concurrency = ConcurrencyLimit(1)
        self._sessions = {}
        self.trouble_of = trouble
        self.during: Any = lambda: None
        capabilities = SimpleNamespace(prompts=SimpleNamespace(list_changed=False), resources=SimpleNamespace())
        client = SimpleNamespace(
            server_capabilities=capabilities, session=Answers(answer), protocol_version="2025-11-25"
        )
        self.connection = SimpleNamespace(offers=Offers(cast("Any", client), "notes"))
        self.config = HttpServer("notes", "https://notes.example.com/mcp", call_seconds=0.01)

    @asynccontextmanager
    async def session_of(self, person: str, deadline: float) -> AsyncGenerator[Any]:
        if self.trouble_of is not None:
            raise self.trouble_of
        self.during()
        yield self.connection


def offers(server: Server) -> ServerOffers:
    return ServerOffers({"notes": server})


async def read(offered: ServerOffers) -> str:
    result = await offered.call(bound(offered), ABOUT)
    return result.text + result.whole


def bound(offered: ServerOffers) -> Tool:
    return replace(READ, digest=offered.meant(READ, ABOUT).digest)


async def test_only_somebody_who_is_not_signed_in_is_told_to_connect() -> None:
    assert "connect to it with your account first" in await read(offers(Signed({}, NotSignedInError())))
    said = await read(offers(Signed({}, SignInError("Its sign-in service is not the one of the configuration."))))
    assert "connect to it" not in said
    assert "your account there cannot be used now (Its sign-in service is not the one of the configuration)" in said


async def test_a_server_that_is_configured_anew_meanwhile_still_answers_and_ends_only_afterwards() -> None:
    server, other = Signed({"contents": [{"uri": "note://a", "text": "words"}]}), Signed({})
    offered = ServerOffers(servers := cast("dict[str, Server]", {"notes": server}))
    tool = bound(offered)
    counted: list[str] = []

    @contextmanager
    def counting(name: str) -> Any:
        counted.append(name)
        yield
        counted.append(f"{name} ended")

    for name, each in (("old", server), ("new", other)):
        each.uses = cast("Any", SimpleNamespace(one=lambda name=name: counting(name)))
    server.during = servers.clear
    result = await offered.call(tool, ABOUT)
    assert result.certainty is DeliveryStatus.OK
    servers["notes"] = server
    server.during = lambda: servers.update(notes=other)
    await offered.call(tool, ABOUT)
    assert counted == ["old", "old ended"] * 2


async def test_reading_over_a_session_of_a_person_takes_one_of_its_places() -> None:
    server = Signed({"contents": [{"uri": "note://a", "text": "words"}]})
    async with server.concurrency.place(1):
        result = await offers(server).call(bound(offers(server)), ABOUT, entered=True)
        assert "it was busy for 0.01 s" in result.text
    assert "words" in await read(offers(server)), "and gives it back"
    assert "words" in await read(offers(server))
