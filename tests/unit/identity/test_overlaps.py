"""What happens to a sign-in at the same time: a refresh, another sign-in, the end of it, another configuration."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from bot.core.identity import OAuthSettings, RemoteServer, SignedIn, SignInNeed
from bot.core.questions import sign_in
from bot.errors import NotSignedInError
from bot.identity import provider, sign_in_link
from bot.identity.clients import Client
from bot.identity.http_client import Answer, HttpClient
from bot.identity.provider import Provider
from bot.identity.sign_in_link import PendingSignIn
from bot.identity.sign_ins import SignIns
from bot.identity.tokens import Tokens
from bot.identity.user_tokens import ELSEWHERE, MOVED, UserTokens
from bot.identity.vault import Vault
from tests.contract.identities import waiting
from tests.extending.memory.store import MemoryStore
from tests.extending.memory.tables import Disk
from tests.lives import ALICE

pytestmark = pytest.mark.anyio

URL = "https://notes.example.com/mcp"
ISSUER = "https://i"
VAULT = Vault(["a-key-that-is-long-enough-for-the-tests"])
CLIENT = Client("id", "hush-hush")


def tokens(access: str, refresh: str = "", *, old: bool = False) -> Tokens:
    expires = time.time() - 5 if old else 0.0
    return Tokens(access, refresh, expires, "read", URL, f"{ISSUER}/t", f"{ISSUER}/revoke", CLIENT, "read")


async def nothing() -> None:
    """Do nothing."""


@dataclass
class Issuer:
    """A sign-in service at which something may happen while it refreshes tokens."""

    meanwhile: Callable[[], Awaitable[None]] = nothing
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(grant or `revoke`, code or token) of each request."""

    async def request(self, _: str, url: str, *, form: dict[str, str], **__: Any) -> Answer:
        """Answer a request."""
        kind = form.get("grant_type", "revoke")
        self.asked.append((kind, form.get("code") or form.get("refresh_token") or form["token"]))
        if kind == "refresh_token":
            await self.meanwhile()
        name = "new" if kind == "authorization_code" else "fresh"
        body = {"access_token": name, "refresh_token": f"{name}-refresh", "expires_in": 3600}
        return Answer(200, {}, json.dumps(body if url == f"{ISSUER}/t" else {}).encode())


class Here:
    """A person who has signed in to a server, and their sign-ins."""

    def __init__(self, found: Tokens, store: type[MemoryStore] = MemoryStore) -> None:
        self.disk, self.issuer = Disk(), Issuer()
        self.store = store(self.disk)
        web = cast(HttpClient, self.issuer)
        self.server = RemoteServer("notes", URL)
        self.people = UserTokens([self.server], self.store, VAULT, web)
        self.sign_ins = SignIns(self.people, self.store, VAULT, web, redirect="http://127.0.0.1/oauth/callback")
        self.keep(found)

    def keep(self, found: Tokens, number: int = 1) -> None:
        """Have the person signed in with these tokens instead."""
        with self.disk.transaction() as tables:
            sealed = VAULT.seal(found.dumps(), "tokens", ALICE, "notes", ISSUER)
            tables.identities = {number: SignedIn(number, ALICE, "notes", ISSUER, sealed)}

    async def asked(self, state: str = "state") -> str:
        """The question of another sign-in, whose code has come back."""
        _, question = await waiting(self.store, sign_in_link.digest(state))
        pending = PendingSignIn(
            f"{ISSUER}/a", "v", "http://r", ISSUER, False, URL, f"{ISSUER}/t", f"{ISSUER}/revoke", CLIENT, "read write"
        )
        with self.disk.transaction() as tables:
            asked = tables.sign_ins[question]
            tables.sign_ins[question] = replace(
                asked,
                sealed=VAULT.seal(pending.dumps(), "sign-in", ALICE, "notes", asked.state),
                code=VAULT.seal(b"code", "code", ALICE, "notes", asked.state),
            )
        return question

    def configure(self, url: str = URL, issuer: str = "") -> None:
        """Have the operator configure the server otherwise."""
        self.people.serve([RemoteServer("notes", url, OAuthSettings("id", "hush-hush", issuer=issuer))])

    async def problem(self, question: str) -> str:
        """Why a person is asked once more."""
        found = await self.store.find_question(question)
        assert found is not None
        return sign_in.asked(found).problem

    @property
    def revoked(self) -> list[str]:
        """The tokens of which the issuer was told that they have ended."""
        return [token for kind, token in self.issuer.asked if kind == "revoke"]


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the issuer without asking the server."""
    endpoints = f"{ISSUER}/a", f"{ISSUER}/t", f"{ISSUER}/r", f"{ISSUER}/revoke"

    async def find_provider(_: HttpClient, server: RemoteServer, *__: Any, **___: Any) -> Provider:
        return Provider(server.oauth.issuer or ISSUER, *endpoints, (), False, True, URL, "read")

    monkeypatch.setattr(provider, "find_provider", find_provider)


async def test_a_sign_in_that_ends_while_tokens_are_refreshed_is_the_one_that_is_used() -> None:
    here = Here(tokens("old", "old-refresh", old=True))
    question = await here.asked()
    finishing: list[asyncio.Task[bool]] = []

    async def finish() -> None:
        finishing.append(asyncio.create_task(here.sign_ins.finish(question)))
        await asyncio.wait(finishing, timeout=0.05)

    here.issuer.meanwhile = finish
    assert await here.people.header("notes", ALICE) == "Bearer fresh"
    assert await finishing[0]
    assert await here.people.header("notes", ALICE) == "Bearer new"
    assert await here.people.needed("notes", ALICE) is None
    assert here.revoked == [], "the issuer might end all that the person has allowed"


async def test_tokens_that_were_replaced_while_they_were_refreshed_are_left_for_the_new_ones() -> None:
    here = Here(tokens("old", "old-refresh", old=True))

    async def replaced() -> None:
        here.keep(tokens("new"), 2)

    here.issuer.meanwhile = replaced
    assert await here.people.header("notes", ALICE) == "Bearer new"
    assert here.revoked == []


class _Late(MemoryStore):
    """What is kept changes just after it was read."""

    then: Callable[[], Awaitable[None]] = staticmethod(nothing)

    async def signed_in(self, person: str, server: str) -> SignedIn | None:
        found = await super().signed_in(person, server)
        then, self.then = self.then, nothing
        await then()
        return found


async def test_signing_out_ends_the_tokens_that_were_refreshed_at_the_same_time() -> None:
    here = Here(tokens("old", "old-refresh", old=True), _Late)
    assert isinstance(here.store, _Late)

    async def refreshed() -> None:
        await here.people.header("notes", ALICE)

    here.store.then = refreshed
    await here.people.disconnect(ALICE, "notes")
    assert here.revoked == ["fresh-refresh", "fresh"]


async def test_nobody_is_asked_to_sign_in_who_has_done_so_meanwhile() -> None:
    here = Here(tokens("old", old=True), _Late)
    assert isinstance(here.store, _Late)

    async def replaced() -> None:
        here.keep(tokens("new"), 2)

    here.store.then = replaced
    assert await here.people.needed("notes", ALICE) is None
    assert here.revoked == []


OTHER = "https://other.example.com"
PATH = "https://notes.example.com/mcp-of-another-team"
MOVES = [({"issuer": OTHER}, MOVED), ({"url": f"{OTHER}/mcp"}, ELSEWHERE), ({"url": PATH}, ELSEWHERE)]


@pytest.mark.parametrize(("changed", "why"), MOVES)
@pytest.mark.parametrize("old", [False, True])
async def test_tokens_are_not_used_for_what_another_configuration_names(
    changed: dict[str, str], why: str, *, old: bool
) -> None:
    for finds_out in ("header", "needed", "refused"):
        here = Here(tokens("token", "refresh", old=old))
        here.configure(**changed)
        if finds_out == "header":
            with pytest.raises(NotSignedInError):
                await here.people.header("notes", ALICE)
        elif finds_out == "refused":
            assert not await here.people.refused("notes", ALICE, "Bearer token", "Bearer")
        assert await here.people.needed("notes", ALICE) == SignInNeed(why)
        assert here.issuer.asked == [("revoke", "refresh"), ("revoke", "token")], "nothing else was sent"


@pytest.mark.parametrize(("changed", "why"), MOVES)
async def test_a_code_is_not_sent_to_a_service_that_the_configuration_does_not_name_any_more(
    changed: dict[str, str], why: str
) -> None:
    here = Here(tokens("token"))
    question = await here.asked()
    here.configure(**changed)
    assert not await here.sign_ins.finish(question)
    assert here.issuer.asked == []
    assert await here.problem(question) == why
    again = await here.store.sign_in_of(question)
    assert again is not None
    assert not again.code


@pytest.mark.parametrize(("changed", "why"), MOVES)
async def test_an_old_link_leads_nowhere_and_there_is_a_new_one(changed: dict[str, str], why: str) -> None:
    here = Here(tokens("token"))
    question = await here.asked("state")
    assert await here.sign_ins.begun("state") is not None
    here.configure(**changed)
    assert await here.sign_ins.begun("state") is None
    assert await here.problem(question) == why


async def test_tokens_for_an_address_are_good_for_what_is_below_it() -> None:
    here = Here(tokens("token"))
    for url in (f"{URL}/", f"{URL}/v2", f"{URL}?tools=all"):
        here.configure(url=url)
        assert await here.people.header("notes", ALICE) == "Bearer token"


async def test_the_same_sign_in_service_may_be_named_with_a_slash() -> None:
    here = Here(tokens("token"))
    here.configure(issuer=f"{ISSUER}/")
    assert await here.people.header("notes", ALICE) == "Bearer token"
    here.configure(issuer=f"{ISSUER}/tenant")
    assert await here.people.needed("notes", ALICE) == SignInNeed(MOVED)
