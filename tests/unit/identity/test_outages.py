"""What a sign-in service that is away, forgetful or oddly connected costs: a later attempt, and nobody's sign-in."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from bot.core.identity import RemoteServer, SignInNeed
from bot.errors import SignInError
from bot.identity.clients import Client
from bot.identity.http_client import Answer, HttpClient, UnreachableError
from bot.identity.provider import find_provider
from bot.identity.sign_ins import SignIns
from bot.identity.tokens import UNREADABLE, ClientRefusedError, RefusedError, TokenPlace, request_tokens
from bot.identity.user_tokens import UserTokens
from bot.identity.vault import Vault
from tests.extending.memory.store import MemoryStore
from tests.extending.memory.tables import Disk
from tests.remote import remote

pytestmark = pytest.mark.anyio
NOTES = RemoteServer("notes", "https://notes.example.com/mcp")
PAGE = b"<html>We are back soon.</html>"


@asynccontextmanager
async def opened() -> AsyncGenerator[HttpClient]:
    client = HttpClient()
    try:
        yield client
    finally:
        await client.aclose()


def answering(client: HttpClient, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    async def request(*_: Any, **__: Any) -> Answer:
        return answer

    monkeypatch.setattr(client, "request", request)


async def test_what_a_service_sets_for_one_persons_request_does_not_come_with_another_ones() -> None:
    seen: list[str] = []

    async def token(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Cookie", ""))
        response = web.json_response({})
        response.set_cookie("session", "of-alice")
        return response

    app = web.Application()
    app.router.add_post("/token", token)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
        async with opened() as client:
            for _ in range(2):
                await client.request("POST", url, beside=url)
    finally:
        await runner.cleanup()
    assert seen == ["", ""]


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_a_server_that_does_not_say_where_to_sign_in_now_is_not_taken_to_have_no_such_service(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened() as client:
        answering(client, monkeypatch, Answer(status, {}, b""))
        for known in ("", "https://i"):
            with pytest.raises(UnreachableError):
                await find_provider(client, NOTES, known=known)
        answering(client, monkeypatch, Answer(404, {}, b""))
        assert (await find_provider(client, NOTES)).issuer.rstrip("/") == "https://notes.example.com"


REFUSALS = [
    (Answer(400, {}, b'{"error": "invalid_grant"}'), RefusedError),
    (Answer(404, {}, b""), RefusedError),
    (Answer(401, {}, b'{"error": "invalid_client"}'), ClientRefusedError),
    (Answer(400, {}, b'{"error": "temporarily_unavailable"}'), UnreachableError),
    (Answer(408, {}, b""), UnreachableError),
    (Answer(403, {}, PAGE), UNREADABLE),
    (Answer(200, {}, PAGE), UNREADABLE),
]


@pytest.mark.parametrize(("answer", "expected"), REFUSALS)
async def test_only_a_refusal_is_a_reason_to_sign_in_again(
    answer: Answer, expected: type[SignInError] | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = TokenPlace(NOTES, Client("id"), "https://i/t", "", NOTES.url)
    async with opened() as client:
        answering(client, monkeypatch, answer)
        with pytest.raises(SignInError) as raised:
            await request_tokens(client, place, {"grant_type": "refresh_token"})
    assert expected in (type(raised.value), str(raised.value))


async def test_a_service_that_has_forgotten_the_bot_registers_it_again() -> None:
    async with remote() as server, opened() as client:
        vault = Vault(["a-key-that-is-long-enough-for-the-tests"])
        store, about = MemoryStore(Disk()), RemoteServer("notes", server.url)
        people = UserTokens([about], store, vault, client)
        sign_ins = SignIns(people, store, vault, client, redirect="http://127.0.0.1/oauth/callback")
        links = [(await sign_ins.prepare("notes", "UALICE", SignInNeed(""))).about.link for _ in range(2)]
        people.note(ClientRefusedError(), server.origin, "client-1")
        links += [(await sign_ins.prepare("notes", "UALICE", SignInNeed(""))).about.link for _ in range(2)]
    assert [each.partition("client_id=client-")[2][0] for each in links] == ["1", "1", "2", "2"]
    assert server.asked == ["register", "register"]
