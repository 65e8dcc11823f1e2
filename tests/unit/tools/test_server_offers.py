"""What people and the model are told of prompts and resources of a server that has people sign in."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from mcp import MCPError

from bot.core import resource_tools
from bot.core.server_offers import OfferError, PromptRef
from bot.core.tools import DeliveryStatus
from bot.errors import NotSignedInError, SignInError
from bot.tools.mcp.concurrency_limit import ConcurrencyLimit
from bot.tools.mcp.offers import Offers
from bot.tools.mcp.person_server import PersonServer
from bot.tools.mcp.reference_count import ReferenceCount
from bot.tools.mcp.server import Server
from bot.tools.mcp.server_offers import ServerOffers

pytestmark = pytest.mark.anyio
TOKEN = "xoxp-a-token-of-alice-1234567890"
READ = replace(resource_tools.TOOLS[1], person="U1")


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
        self.config = cast("Any", SimpleNamespace(audience=SimpleNamespace(admits=lambda *_: True), call_seconds=0.01))

    async def session_of(self, person: str, deadline: float) -> Any:
        if self.trouble_of is not None:
            raise self.trouble_of
        self.during()
        return self.connection, TOKEN


def offers(server: Server) -> ServerOffers:
    return ServerOffers({"notes": server})


async def read(offered: ServerOffers) -> str:
    result = await offered.call(READ, {"server": "notes", "uri": "note://a"})
    return result.text + result.whole


@pytest.mark.parametrize("before", ["rejected: Bearer ", "x" * 490])
async def test_a_token_that_a_server_repeats_in_an_error_is_left_out(before: str) -> None:
    offered = offers(Signed(MCPError(-32000, f"{before}{TOKEN} lacks rights")))
    with pytest.raises(OfferError) as refused:
        await offered.messages(PromptRef("notes", "p"), "U1")
    found = await offered.prompts("C1", "U1", frozenset())
    for said in (str(refused.value), await read(offered), str(found)):
        assert "it refused" in said
        assert TOKEN[:8] not in said, "nor is half of it said where it is cut"


async def test_a_token_that_a_server_repeats_in_what_it_offers_is_left_out() -> None:
    argument = {"name": "a", "title": TOKEN, "description": TOKEN}
    said = {"name": "p", "title": "x" * 90 + TOKEN, "description": TOKEN, "arguments": [argument]}
    offered = offers(Signed({"prompts": [said]}))
    found = await offered.prompts("C1", "U1", frozenset())
    assert [each.name for each in found.prompts] == ["p"]
    assert TOKEN[:8] not in str(found)
    offered = offers(Signed({"messages": [{"role": "user", "content": {"type": "text", "text": TOKEN}}]}))
    assert TOKEN[:8] not in str(await offered.messages(PromptRef("notes", "p"), "U1"))
    offered = offers(Signed({"contents": [{"uri": "note://a", "text": "y" * 39_990 + TOKEN + "z" * 9_000}]}))
    assert TOKEN[:8] not in await read(offered)
    listed = {"resources": [{"uri": "note://a", "name": "n", "description": "x" * 290 + TOKEN}]}
    result = await offers(Signed(listed)).call(replace(READ, remote_name=resource_tools.LIST), {"server": "notes"})
    assert "note://a" in result.text
    assert TOKEN[:8] not in result.text


async def test_only_somebody_who_is_not_signed_in_is_told_to_connect() -> None:
    assert "connect to it with your account first" in await read(offers(Signed({}, NotSignedInError())))
    said = await read(offers(Signed({}, SignInError("Its sign-in service is not the one of the configuration."))))
    assert "connect to it" not in said
    assert "your account there cannot be used now (Its sign-in service is not the one of the configuration)" in said


async def test_a_server_that_is_configured_anew_meanwhile_still_answers_and_ends_only_afterwards() -> None:
    server, other = Signed({"contents": [{"uri": "note://a", "text": "words"}]}), Signed({})
    offered = ServerOffers(servers := cast("dict[str, Server]", {"notes": server}))
    counted: list[str] = []

    @contextmanager
    def counting(name: str) -> Any:
        counted.append(name)
        yield
        counted.append(f"{name} ended")

    for name, each in (("old", server), ("new", other)):
        each.uses = cast("Any", SimpleNamespace(one=lambda name=name: counting(name)))
    server.during = servers.clear
    result = await offered.call(READ, {"server": "notes", "uri": "note://a"})
    assert result.certainty is DeliveryStatus.OK
    servers["notes"] = server
    server.during = lambda: servers.update(notes=other)
    await offered.call(READ, {"server": "notes", "uri": "note://a"})
    assert counted == ["old", "old ended"] * 2


async def test_reading_over_a_session_of_a_person_takes_one_of_its_places() -> None:
    server = Signed({"contents": [{"uri": "note://a", "text": "words"}]})
    async with server.concurrency.place(1):
        result = await offers(server).call(READ, {"server": "notes", "uri": "note://a"}, entered=True)
        assert "it was busy for 0.01 s" in result.text
    assert "words" in await read(offers(server)), "and gives it back"
    assert "words" in await read(offers(server))
