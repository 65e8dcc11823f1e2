"""Every documented error of every method that the bot calls is classified, and an operator hears of theirs once."""

from __future__ import annotations

import ast
import inspect
import logging
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

import bot
from bot.slack import app as slack_app
from bot.slack.error_kinds import TABLE, ErrorKind, advice, kind_of, needs_operator
from bot.slack.web_client import Problems
from slack_sandbox.slack import SlackSandbox
from tests import sources
from tests.unit.slack.documented_errors import DOCUMENTED

BOT = Path(bot.__file__).parent
_METHOD = re.compile(r"[a-z]+(\.[a-zA-Z]+)+")


@cache
def methods_of(name: str) -> frozenset[str]:
    """The methods of Slack's that a method of the client calls, also through others of the client."""
    made = getattr(AsyncWebClient, name, None)
    if not inspect.iscoroutinefunction(made) or name == "api_call":
        return frozenset()
    source = inspect.getsource(made)
    inner = (methods_of(called) for called in re.findall(r"self\.([a-z]\w+)\(", source) if called != name)
    return frozenset(re.findall(r'api_call\(\s*"([\w.]+)"', source)).union(*inner)


@cache
def called() -> tuple[tuple[str, str], ...]:
    """The methods of Slack's that the bot's sources call, each with the file that does so."""
    return tuple(_called())


def _called() -> Iterator[tuple[str, str]]:
    for path in BOT.rglob("*.py"):
        for node in sources.nodes(path):
            if isinstance(node, ast.Attribute) and "_" in node.attr:
                yield from ((method, path.name) for method in methods_of(node.attr))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "api_call":
                given = node.args[0] if node.args else None
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value, path.name


def test_the_methods_that_are_called_are_found() -> None:
    """Among them those of an upload, which the client makes of several."""
    found = {method for method, _ in called()}
    assert {"auth.test", "apps.connections.open", "chat.postMessage", "users.info", "views.open"} <= found
    assert {"files.getUploadURLExternal", "files.completeUploadExternal"} <= found


def test_each_method_that_is_called_has_its_documented_errors_here() -> None:
    assert [(method, path) for method, path in called() if method not in DOCUMENTED] == []


@pytest.mark.parametrize("method", DOCUMENTED)
def test_each_documented_error_is_classified(method: str) -> None:
    assert [code for code in sorted(DOCUMENTED[method]) if kind_of(code) is None] == []


def test_each_classified_error_is_documented() -> None:
    """But for the reason with which Slack closes a connection, and for codes that other methods have."""
    known = frozenset[str]().union(*DOCUMENTED.values())
    assert {code for code in TABLE if code not in known} <= {
        "free_team_not_allowed",
        "link_disabled",
        "socket_mode_not_enabled",
        *(code for code, kind in TABLE.items() if kind is ErrorKind.PERMANENT),
    }


def test_what_an_operator_has_to_fix_comes_with_what_to_do() -> None:
    assert all(bool(advice(code)) == (kind is ErrorKind.OPERATOR) for code, kind in TABLE.items())
    assert "xapp" in advice("invalid_auth", "apps.connections.open")
    assert "xoxb" in advice("invalid_auth", "chat.postMessage")


@pytest.mark.parametrize(
    "code",
    [
        "missing_scope",
        "invalid_auth",
        "token_revoked",
        "account_inactive",
        "not_allowed_token_type",
        "org_login_required",
    ],
)
def test_tokens_and_scopes_are_for_an_operator(code: str) -> None:
    assert needs_operator(code)


def test_an_unknown_code_is_for_nobody() -> None:
    assert kind_of("something_new") is None
    assert not needs_operator("something_new")


# --- reported once


@pytest.fixture
def problems(caplog: pytest.LogCaptureFixture) -> Problems:
    caplog.set_level(logging.INFO)
    made = Problems()
    made.started = True
    return made


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]


def test_the_same_refusal_is_reported_once(problems: Problems, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(100):
        problems.failed("missing_scope", "users.info", scope="users:read")
    [line] = errors(caplog)
    assert "users.info" in line
    assert "users:read" in line
    assert "reinstall" in line


def test_a_token_that_is_refused_is_reported_once_whatever_is_asked(
    problems: Problems, caplog: pytest.LogCaptureFixture
) -> None:
    for method in ("users.info", "chat.postMessage", "views.open", "users.info"):
        for code in ("token_revoked", "invalid_auth"):
            problems.failed(code, method)
    assert len(errors(caplog)) == 1


def test_what_works_again_is_reported_and_its_next_failure_too(
    problems: Problems, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        problems.failed("missing_scope", "users.info", scope="users:read")
        problems.worked("chat.postMessage")
        problems.worked("users.info")
        problems.worked("users.info")
    said = [record.getMessage() for record in caplog.records]
    assert [("refuses" in line, "again; it had refused" in line) for line in said] == [(True, False), (False, True)] * 2


def test_a_channel_that_is_closed_to_the_app_is_reported_once_while_others_work(
    problems: Problems, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(5):
        problems.failed("restricted_action", "chat.postMessage", channel="C1")
        problems.worked("chat.postMessage", "C2")
        problems.failed("missing_scope", "conversations.info", scope="groups:read", channel="C1")
        problems.worked("conversations.info", "C2")
    assert len(errors(caplog)) == 2


@pytest.mark.parametrize("code", ["ratelimited", "internal_error", "channel_not_found", "something_new", ""])
def test_what_nobody_has_to_fix_is_not_reported(
    problems: Problems, caplog: pytest.LogCaptureFixture, code: str
) -> None:
    problems.failed(code, "chat.postMessage")
    assert errors(caplog) == []


def test_no_more_than_so_many_problems_are_remembered(problems: Problems) -> None:
    for number in range(3_000):
        problems.failed("restricted_action", "chat.postMessage", channel=f"C{number}")
    assert len(problems._reported) == 1_000  # pyright: ignore[reportPrivateUsage]


@pytest.mark.anyio
@pytest.mark.parametrize("client", ["repeatable", "once", "best_effort"])
async def test_each_client_reports_what_slack_refuses(caplog: pytest.LogCaptureFixture, client: str) -> None:
    caplog.set_level(logging.INFO)
    async with SlackSandbox() as slack:
        these = slack_app.clients(slack.api_url, slack.bot_token, slack.app_token)
        these.problems.started = True
        alice = slack.add_person("Alice Smith")
        asking: AsyncWebClient = getattr(these, client)
        try:
            slack.faults.add("users.info", "error", times=3, code="missing_scope")
            for _ in range(3):
                with pytest.raises(SlackApiError):
                    await asking.users_info(user=alice.id)
            assert len(errors(caplog)) == 1
            await asking.users_info(user=alice.id)
        finally:
            await these.session.close()
    assert "accepts users.info again" in caplog.text
