"""What signing in rests on: addresses that may be asked, encryption, keys, and what servers say about themselves."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from bot.core.identity import OAuthSettings, RemoteServer
from bot.errors import SettingsError, SignInError
from bot.identity import clients, sign_in_link
from bot.identity.challenge import Challenge
from bot.identity.clients import Client
from bot.identity.http_client import MAX_BYTES, Answer, HttpClient, is_allowed
from bot.identity.provider import Provider, find_provider
from bot.identity.tokens import TokenPlace, request_tokens
from bot.identity.vault import UnsealError, Vault, vault_of
from tests.remote import Remote, remote

pytestmark = pytest.mark.anyio

KEY, OTHER = "a-key-that-is-long-enough-for-the-tests", "another-key-that-is-long-enough-too"
PUBLIC = "https://notes.example.com/mcp"


@pytest.mark.parametrize(
    ("url", "beside", "allowed"),
    [
        ("https://sign.example.com/a", PUBLIC, True),
        ("http://sign.example.com/a", PUBLIC, False),
        ("http://127.0.0.1:80/a", PUBLIC, False),
        ("http://127.0.0.1:80/a", "http://localhost:9/mcp", True),
        ("https://127.0.0.1/a", PUBLIC, False),
        ("https://10.0.0.1/a", PUBLIC, False),
        ("https://10.0.0.1/a", "https://10.0.0.2/mcp", True),
        ("https://169.254.169.254/latest", PUBLIC, False),
        ("https://[::1]/a", PUBLIC, False),
        ("https://metadata.internal/a", PUBLIC, False),
        ("https://user:password@sign.example.com/a", PUBLIC, False),
        ("file:///etc/passwd", PUBLIC, False),
        ("https://sign.example.com/\r\nX: y", PUBLIC, False),
        ("https://[broken", PUBLIC, False),
    ],
)
def test_only_encrypted_public_addresses_are_asked(url: str, beside: str, allowed: bool) -> None:
    assert is_allowed(url, beside) is allowed


def test_what_is_sealed_is_for_one_purpose_and_needs_the_key() -> None:
    vault = Vault([KEY])
    sealed = vault.seal(b"token", "tokens", "UALICE", "notes")
    assert b"token" not in sealed
    assert vault.unseal(sealed, "tokens", "UALICE", "notes") == b"token"
    assert Vault([OTHER, KEY]).unseal(sealed, "tokens", "UALICE", "notes") == b"token", "an older key still reads"
    for other, purpose in ((vault, ("tokens", "UBOB", "notes")), (Vault([OTHER]), ("tokens", "UALICE", "notes"))):
        with pytest.raises(UnsealError):
            other.unseal(sealed, *purpose)
    with pytest.raises(UnsealError):
        vault.unseal(b"1short", "tokens", "UALICE", "notes")


def test_the_key_comes_from_the_environment_or_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(SettingsError, match="it is not set, and a server"):
        vault_of({})
    with pytest.raises(SettingsError, match="at least 32 characters"):
        vault_of({"BOT_SECRET_KEY": "short"})
    kept: dict[tuple[str, str], str] = {}
    ring = SimpleNamespace(
        get_password=lambda *name: kept.get(name),
        set_password=lambda service, name, value: kept.update({(service, name): value}),
    )
    monkeypatch.setitem(sys.modules, "keyring", ring)
    sealed = vault_of({}).seal(b"token", "x")
    assert vault_of({}).unseal(sealed, "x") == b"token"


def test_a_challenge_is_read() -> None:
    header = 'Bearer error="invalid_token", resource_metadata="https://x/y", scope=read'
    assert Challenge.of(header) == Challenge("https://x/y", "read", "invalid_token")
    assert Challenge.of("Basic") == Challenge()


def test_an_address_that_a_browser_was_sent_to_is_read() -> None:
    found = sign_in_link.parse_callback_url(
        " <http://127.0.0.1/oauth/callback?code=a%2Fb&state=s&iss=https%3A%2F%2Fi> "
    )
    assert found == sign_in_link.CallbackParameters("s", "a/b", "https://i")
    for other in ("", "hello", "http://x/?code=a", "http://x/?state=s", "javascript:alert(1)?code=a&state=s"):
        assert sign_in_link.parse_callback_url(other) is None


def provider(**more: Any) -> Provider:
    values: dict[str, Any] = {
        "issuer": "https://i",
        "authorization_endpoint": "https://i/a",
        "token_endpoint": "https://i/t",
        "registration_endpoint": "https://i/r",
        "revocation_endpoint": "",
        "auth_methods": (),
        "names_itself": True,
        "takes_documents": True,
        "resource": PUBLIC,
        "scope": "",
    }
    return Provider(**{**values, **more})


def test_the_client_of_the_configuration_comes_before_a_document_and_that_before_a_registration() -> None:
    named = RemoteServer("notes", PUBLIC, OAuthSettings("id", "secret", "https://x/doc"))
    assert clients.known_client(named, provider(), "https://own/doc") == Client("id", "secret", clients.BASIC)
    posts = provider(auth_methods=(clients.POST,))
    assert clients.known_client(named, posts, "") == Client("id", "secret", clients.POST)
    described = RemoteServer("notes", PUBLIC, OAuthSettings(client_metadata_url="https://x/doc"))
    assert clients.known_client(described, provider(), "https://own/doc") == Client("https://x/doc")
    plain = RemoteServer("notes", PUBLIC)
    assert clients.known_client(plain, provider(), "https://own/doc") == Client("https://own/doc")
    assert clients.known_client(plain, provider(takes_documents=False), "https://own/doc") is None


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"issuer": "https://another.example"}, "another name"),
        ({"code_challenge_methods_supported": ["plain"]}, "PKCE"),
        ({"token_endpoint": "http://sign.example.com/token"}, "public https"),
        ({"authorization_endpoint": "ftp://x/"}, "describe itself"),
    ],
)
async def test_what_a_sign_in_service_says_about_itself_is_checked(metadata: dict[str, Any], words: str) -> None:
    async with remote() as server:
        server.metadata = metadata
        web = HttpClient()
        try:
            with pytest.raises(SignInError, match=words):
                await find_provider(web, RemoteServer("notes", server.url))
        finally:
            await web.aclose()


async def test_a_sign_in_service_that_is_not_the_configured_one_is_not_used() -> None:
    async with remote() as server:
        web = HttpClient()
        try:
            right = RemoteServer("notes", server.url, OAuthSettings("id", "secret", issuer=server.origin))
            assert (await find_provider(web, right)).issuer == server.origin
            server.issuer = f"{server.origin}/other"
            with pytest.raises(SignInError, match="not the one of the configuration"):
                await find_provider(web, right)
        finally:
            await web.aclose()


@pytest.mark.parametrize(
    ("pinned", "known", "used"),
    [
        ("", "", "https://a.example.com"),
        ("https://b.example.com", "", "https://b.example.com"),
        ("https://b.example.com/", "", "https://b.example.com"),
        ("", "https://b.example.com", "https://b.example.com"),
        ("", "https://c.example.com", "https://a.example.com"),
        ("https://a.example.com", "https://b.example.com", "https://a.example.com"),
        ("https://c.example.com", "https://a.example.com", None),
    ],
)
async def test_of_several_sign_in_services_the_configured_one_is_used_or_the_one_that_was_used_before(
    pinned: str, known: str, used: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def request(method: str, url: str, **_: Any) -> Answer:
        issuer = url.partition("/.well-known")[0]
        if method == "POST":
            return Answer(401, {}, b"")
        if "protected-resource" in url:
            services = ["https://a.example.com", "https://b.example.com"]
            return Answer(200, {}, json.dumps({"resource": PUBLIC, "authorization_servers": services}).encode())
        about = {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/a",
            "token_endpoint": f"{issuer}/t",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }
        return Answer(200, {}, json.dumps(about).encode())

    web = HttpClient()
    monkeypatch.setattr(web, "request", request)
    server = RemoteServer("notes", PUBLIC, OAuthSettings(issuer=pinned))
    if used is None:
        with pytest.raises(SignInError, match="not the one of the configuration"):
            await find_provider(web, server, known=known)
    else:
        assert (await find_provider(web, server, known=known)).issuer.rstrip("/") == used


async def test_tokens_for_another_server_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async with remote() as server:
        web = HttpClient()
        try:
            with pytest.raises(SignInError, match="for another server"):
                await find_provider(web, RemoteServer("notes", f"{server.origin}/other"), told(server))
        finally:
            await web.aclose()


def told(server: Remote) -> Challenge:
    return Challenge(f"{server.origin}/.well-known/oauth-protected-resource/mcp")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(302, {"location": "https://evil.example"}, b""), "did not accept"),
        (Answer(200, {}, b'{"access_token": "a b"}'), "cannot be sent"),
        (Answer(200, {}, b'{"access_token": "a\\r\\nX: y"}'), "cannot be sent"),
        (Answer(200, {}, b'{"access_token": "a", "token_type": "mac"}'), "of a kind"),
        (Answer(200, {}, b"[]"), "cannot be read"),
        (Answer(503, {}, b""), "cannot be reached"),
    ],
)
async def test_only_a_token_that_can_be_sent_is_taken(
    answer: Answer, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def request(*_: Any, **__: Any) -> Answer:
        return answer

    web = HttpClient()
    monkeypatch.setattr(web, "request", request)
    place = TokenPlace(RemoteServer("notes", PUBLIC), Client("id"), "https://i/t", "", PUBLIC)
    with pytest.raises(SignInError, match=words):
        await request_tokens(web, place, {"grant_type": "refresh_token"})


async def test_an_answer_is_bounded_and_a_redirect_is_not_followed() -> None:
    async with remote() as server:
        web = HttpClient()
        try:
            server.metadata = {"padding": "x" * MAX_BYTES}
            with pytest.raises(SignInError, match="too much"):
                await find_provider(web, RemoteServer("notes", server.url))
        finally:
            await web.aclose()
