"""What people and the bot are asked to allow: what a server needs, and nothing that would be refused again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from bot.core.identity import OAuthSettings, RemoteServer, SignedIn, SignInNeed
from bot.identity.clients import Client
from bot.identity.http_client import HttpClient
from bot.identity.provider import find_provider
from bot.identity.service_account import ServiceAccount
from bot.identity.sign_in_link import PendingSignIn
from bot.identity.tokens import Tokens
from bot.identity.user_tokens import UserTokens
from bot.identity.vault import Vault
from tests.extending.memory.store import MemoryStore
from tests.extending.memory.tables import Disk
from tests.remote import remote

pytestmark = pytest.mark.anyio

NOTES = RemoteServer("notes", "https://notes.example.com/mcp")
VAULT = Vault(["a-key-that-is-long-enough-for-the-tests"])
MORE = 'Bearer error="insufficient_scope", scope="{}"'


@asynccontextmanager
async def opened() -> AsyncGenerator[HttpClient]:
    web = HttpClient()
    try:
        yield web
    finally:
        await web.aclose()


def tokens(scope: str, asked: str = "") -> Tokens:
    return Tokens("token", "", 0.0, scope, NOTES.url, "https://i/t", "", Client("id"), asked)


def signed_in(web: HttpClient, found: Tokens, scopes: tuple[str, ...] = ()) -> UserTokens:
    """The people of a server with one who has signed in."""
    disk = Disk()
    sealed = VAULT.seal(found.dumps(), "tokens", "UALICE", "notes", "https://i")
    with disk.transaction() as tables:
        tables.identities[1] = SignedIn(1, "UALICE", "notes", "https://i", sealed)
    server = RemoteServer(NOTES.key, NOTES.url, OAuthSettings(scopes=scopes))
    return UserTokens([server], MemoryStore(disk), VAULT, web)


@pytest.mark.parametrize(
    ("found", "scopes", "wanted", "need"),
    [
        (tokens("read"), (), "write", SignInNeed("It wants you to allow more for this: write.", "read write")),
        (tokens("read", "read offline"), (), "write read", SignInNeed("…: write.", "read offline write")),
        (tokens("read"), ("read", "write"), "write", SignInNeed("…: write.", "read write")),
        (tokens("read"), (), "<!here>", SignInNeed("…: another permission.", "read <!here>")),
        (tokens("read write"), (), "write", None),
        (tokens("read"), ("read",), "write", None),
        (tokens("read"), (), "", None),
        (tokens("read"), (), "x" * 1500, None),
    ],
)
async def test_a_person_is_asked_for_what_a_call_needs_besides(
    found: Tokens, scopes: tuple[str, ...], wanted: str, need: SignInNeed | None
) -> None:
    async with opened() as web:
        people = signed_in(web, found, scopes)
        assert not await people.refused("notes", "UALICE", found.header, MORE.format(wanted))
        assert await people.needed("notes", "UALICE") is None, "other calls go on"
        asked = await people.needed("notes", "UALICE", refused=True)
        assert (asked and asked.scope) == (need and need.scope)
        assert asked is None or (need and asked.why.endswith(need.why.removeprefix("…")))
        assert await people.needed("notes", "UALICE", refused=True) == asked, "so do others that were refused with it"
        assert await people.header("notes", "UALICE") == found.header, "what was allowed stays"


async def test_a_refusal_of_tokens_that_were_replaced_meanwhile_asks_for_nothing() -> None:
    async with opened() as web:
        people = signed_in(web, tokens("read write"))
        assert await people.refused("notes", "UALICE", "Bearer before", MORE.format("write"))
        assert await people.needed("notes", "UALICE", refused=True) is None


async def test_a_server_to_which_everybody_may_connect_is_asked_what_else_it_needs() -> None:
    async with remote() as server, opened() as web:
        server.open, server.scope = True, "notes:read"
        assert (await find_provider(web, RemoteServer("notes", server.url))).scope == "notes:read"


async def test_the_account_of_the_bot_is_allowed_more_once_and_not_beyond_the_configuration() -> None:
    async with remote() as server, opened() as web:
        server.scope = "notes:read"
        account = ServiceAccount(RemoteServer("notes", server.url, OAuthSettings("bot", "hush-hush")), web)
        assert await account.refused(await account.header(), MORE.format("notes:write"))
        assert not await account.refused(await account.header(), MORE.format("notes:write"))
        assert server.scopes == ["notes:read", "notes:read notes:write"]
        limited = OAuthSettings("bot", "hush-hush", scopes=("notes:read",))
        account = ServiceAccount(RemoteServer("notes", server.url, limited), web)
        assert not await account.refused(await account.header(), MORE.format("notes:write"))
        assert server.scopes[2:] == ["notes:read"]


def test_what_was_kept_before_scopes_were_is_still_read() -> None:
    begun = PendingSignIn("https://i/a", "v", "http://r", "https://i", True, NOTES.url, "https://i/t", "", Client("id"))
    for kept in (tokens("read"), begun):
        body = kept.dumps().replace(b', "asked": ""', b"").replace(b', "wider": ""', b"")
        assert b"asked" not in body
        assert b"wider" not in body
        assert type(kept).loads(body) == kept
