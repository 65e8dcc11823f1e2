"""Secrets of a server's configuration, and the tokens that it is sent, are left out of everything that it says."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from mcp_types import JSONRPCMessage, jsonrpc_message_adapter

from bot.core.identity import OAuthSettings
from bot.tools.mcp import hidden
from bot.tools.mcp.delivery import Deliveries, Delivery, current_delivery
from bot.tools.mcp.hidden import Secrets
from bot.tools.server_config import HttpServer, ServerConfig, StdioServer

TOKEN = "tok/en+of-alice-1234567890"
BASIC = base64.b64encode(b"bot:hunter-22").decode()


def message(**parts: Any) -> JSONRPCMessage:
    return jsonrpc_message_adapter.validate_python({"jsonrpc": "2.0", **parts})


MESSAGES = {
    "a result": {"id": 1, "result": {"content": [{"type": "text", "text": f"x{TOKEN}y"}], TOKEN: [TOKEN]}},
    "structured content": {"id": 1, "result": {"content": [], "structuredContent": {"a": {"b": [f"{TOKEN}"]}}}},
    "a list of tools": {"id": 1, "result": {"tools": [{"name": "a", "description": TOKEN}]}},
    "input that it asks for": {"id": 1, "result": {"resultType": "input_required", "requestState": TOKEN}},
    "a prompt": {"id": 1, "result": {"messages": [{"role": "user", "content": {"type": "text", "text": TOKEN}}]}},
    "a resource": {"id": 1, "result": {"contents": [{"uri": f"note://{TOKEN}", "text": TOKEN}]}},
    "an error": {"id": 1, "error": {"code": -32000, "message": f"bad {TOKEN}", "data": {"sent": [TOKEN]}}},
    "progress": {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1, "message": TOKEN}},
    "a log message": {"method": "notifications/message", "params": {"level": "info", "data": f"got {TOKEN}"}},
    "a question": {"id": 9, "method": "elicitation/create", "params": {"message": TOKEN, "requestedSchema": {}}},
    "a text of JSON": {"id": 1, "result": {"content": [{"text": '{"t": "' + TOKEN.replace("/", "\\/") + '"}'}]}},
    "an address": {"id": 1, "result": {"content": [{"text": "https://x?t=tok%2Fen%2Bof-alice-1234567890"}]}},
}


@pytest.mark.parametrize("kind", MESSAGES)
def test_nothing_that_a_server_says_has_its_secret_in_it(kind: str) -> None:
    secrets = Secrets()
    secrets.add(f"Bearer {TOKEN}")
    deliveries, delivery = Deliveries(secrets), Delivery({"content": []}, token="mark")
    mark = current_delivery.set(delivery)
    try:
        deliveries.sending(message(id=1, method="tools/call"))
    finally:
        current_delivery.reset(mark)
    passed = deliveries.received(message(**MESSAGES[kind]), 100)
    said = f"{passed!r} {delivery.reply!r}"
    assert "***" in said
    assert "alice" not in said
    assert getattr(passed, "id", None) == MESSAGES[kind].get("id")


def test_a_message_without_secrets_is_passed_on_as_it_is() -> None:
    secrets = Secrets([TOKEN])
    for parts in ({"id": 1, "result": {"a": [1, None, "b"]}}, {"method": "notifications/x"}):
        found = message(**parts)
        assert secrets.without(found) is found


def test_a_message_that_is_nested_too_deeply_to_be_looked_through_is_not_passed_on() -> None:
    value: Any = TOKEN
    for _ in range(100_000):
        value = [value]
    found = message(id=1, result={})
    object.__setattr__(found, "result", {"a": value})
    assert Secrets([TOKEN]).without(found).result == {}  # pyright: ignore[reportAttributeAccessIssue]
    found.result = {}  # pyright: ignore[reportAttributeAccessIssue]
    while isinstance(value, list):  # what Python itself would take apart recursively
        value = value.pop()


def test_tokens_that_were_replaced_are_remembered_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "MAX_TOKENS", 2)
    secrets = Secrets()
    for number in range(3):
        secrets.add(f"Bearer token-{number}")
        secrets.add(f"Bearer token-{number}")
    assert secrets.left_out("token-0 token-1 token-2") == "token-0 *** ***"


def test_of_two_secrets_one_of_which_begins_the_other_nothing_is_left() -> None:
    assert Secrets(["secret-1", "secret-1-and-more"]).left_out("secret-1-and-more") == "***"


def stdio(*arguments: str, **env: str) -> StdioServer:
    return StdioServer("s", "run", arguments, env)


def http(url: str = "https://x/mcp", **headers: str) -> HttpServer:
    return HttpServer("s", url, {name.replace("_", "-"): value for name, value in headers.items()})


SECRET = [
    (stdio(API_KEY="abc-123"), "abc-123"),
    (stdio(GITHUB_PERSONAL_ACCESS_TOKEN="abc-123"), "abc-123"),
    (stdio(PGPASSWORD="correct horse"), "correct horse"),
    (stdio(ANY="ghp_abcdefghijklmnop"), "ghp_abcdefghijklmnop"),
    (stdio(ANY="aB3aB3aB3aB3aB3aB3aB3aB3"), "aB3aB3aB3aB3aB3aB3aB3aB3"),
    (stdio(DATABASE_URL="postgres://bot:hunter%2022@db/x"), "hunter 22"),
    (stdio(OPENAPI_MCP_HEADERS='{"Authorization": "Bearer abc-123", "Version": "1"}'), "abc-123"),
    (stdio(CONFIG='{"servers": [{"apiKey": "abc-123"}]}'), "abc-123"),
    (stdio(AUTH_HEADER="Bearer abc-123"), "abc-123"),
    (stdio("--connection-string", "Server=db;User=bot;Password=hunter-22;"), "hunter-22"),
    (stdio("--token=abc-123"), "abc-123"),
    (stdio("--api-key", "abc-123"), "abc-123"),
    (stdio("--header", "Authorization: Bearer abc-123"), "abc-123"),
    (stdio("--header", "X-Api-Key:abc-123"), "abc-123"),
    (stdio("postgresql://bot:hunter-22@db/x"), "hunter-22"),
    (http(Authorization="Bearer abc-123"), "abc-123"),
    (http(Authorization=f"Basic {BASIC}"), "hunter-22"),
    (http(X_Api_Key="abc-123"), "abc-123"),
    (http(Cookie="theme=dark; session=abc-123"), "abc-123"),
    (http("https://bot:hunter-22@x/mcp"), "hunter-22"),
    (http("https://x/mcp?api_key=abc-123&readonly=true"), "abc-123"),
    (HttpServer("s", "https://x", oauth=OAuthSettings("bot", "hush-hush")), "hush-hush"),
]


@pytest.mark.parametrize(("server", "value"), SECRET)
def test_credentials_are_recognized_by_their_names_and_looks(server: ServerConfig, value: str) -> None:
    assert Secrets(server.credentials()).left_out(f"<{value}>") == "<***>"
    assert server.without_secrets(f"<{value}>") == "<***>"


PLAIN = [
    (stdio(LOG_LEVEL="warning", NODE_ENV="production", AWS_REGION="eu-central-1"), "warning production eu-central-1"),
    (
        stdio(ROOT="/srv/data", TOKEN_URL="https://x/oauth", KEY_FILE="/srv/key.pem"),
        "/srv/data https://x/oauth /srv/key.pem",
    ),
    (stdio(PRIVATE_KEY_PATH="~/.ssh/id_ed25519", AUTH_TYPE="oauth2-code"), "~/.ssh/id_ed25519 oauth2-code"),
    (
        stdio(CONFIG='{"level": "verbose-2", "deep": [[[[[[["x"]]]]]]]}', PATHS="/a-1-2;/b-1-2"),
        "verbose-2 /a-1-2 /b-1-2",
    ),
    (stdio(MAX_TOKENS="1000000000", POSTGRES_PASSWORD="postgres"), "1000000000 postgres"),
    (stdio(PROJECT_ID="aB3aB3aB3aB3aB3aB3aB3aB3"), "aB3aB3aB3aB3aB3aB3aB3aB3"),
    (stdio("/srv/data", "--transport=stdio-lines", "--repository", "/srv/repo"), "/srv/data stdio-lines /srv/repo"),
    (stdio("-m", "mcp_server_git", "https://x/mcp"), "mcp_server_git https://x/mcp"),
    (
        http("https://x/mcp?project_ref=abc-123&features=database,docs", X_Team="engineering"),
        "abc-123 database,docs engineering",
    ),
]


@pytest.mark.parametrize(("server", "words"), PLAIN)
def test_what_is_no_secret_stays_in_what_a_server_says(server: ServerConfig, words: str) -> None:
    assert Secrets(server.credentials()).left_out(words) == words
