"""A connection that is lost is opened again: with one line in the log for each failed attempt, and without haste."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.async_app import AsyncApp
from slack_bolt.response import BoltResponse
from slack_sdk.socket_mode.request import SocketModeRequest

from bot.slack import app as slack_app
from bot.slack import socket as socket_module
from bot.slack.socket import Socket, pause
from slack_sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio

QUICK = 0.02
Json = dict[str, object]


def register(app: AsyncApp) -> None:
    async def on_event() -> None:
        return

    app.event("app_mention")(on_event)


@dataclass
class Connected:
    """A bot's socket at the sandbox."""

    slack: SlackSandbox
    these: slack_app.Clients
    socket: Socket
    caplog: pytest.LogCaptureFixture

    def lines(self, *levels: int) -> list[str]:
        """What was logged at these levels."""
        return [record.getMessage() for record in self.caplog.records if record.levelno in levels]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, f"no {what}:\n{self.caplog.text}"
            await asyncio.sleep(0.005)

    async def works(self) -> None:
        """There is a connection, over which an event is acknowledged."""
        await self.until(lambda: self.slack.hub.ready, "connection")
        event = {"type": "app_mention", "channel": "C1", "user": "U1", "ts": "1.000001", "text": "hello"}
        envelope = await self.slack.deliver({"type": "event_callback", "event": event})
        await self.until(lambda: envelope.acked_at, "acknowledgement")


@pytest.fixture
async def here(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Connected]:
    caplog.set_level(logging.INFO, "bot")
    for name in ("FIRST_PAUSE", "MAX_PAUSE", "PING_SECONDS", "STEADY_SECONDS"):
        monkeypatch.setattr(socket_module, name, QUICK)
    async with SlackSandbox() as slack:
        these = slack_app.clients(slack.api_url, slack.bot_token, slack.app_token)
        identity, url = await slack_app.preflight(these)
        socket = Socket(slack_app.bolt(these, register), these, {}, identity)
        await socket.open(url)
        made = Connected(slack, these, socket, caplog)
        try:
            await made.works()
            yield made
        finally:
            await socket.close()
            await these.session.close()


@asynccontextmanager
async def served(answer: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> AsyncGenerator[str]:
    """Serve an answer at an address."""
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield str(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def a_page(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text="<html>We are sorry</html>", content_type="text/html")


async def broken_json(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(text='{"ok": tru', content_type="application/json")


async def no_address(request: web.BaseRequest) -> web.StreamResponse:
    return web.json_response({"ok": True})


async def silence(request: web.BaseRequest) -> web.StreamResponse:
    while request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(0.01)
    return web.Response()


ELSEWHERE = {
    "nobody listens": ("http://127.0.0.1:9/api/", "Connection refused"),
    "a name that does not exist": ("http://slack.invalid/api/", "the name slack.invalid cannot be resolved"),
    "no TLS": ("https://127.0.0.1:{port}/api/", "TLS: "),
    "a page instead of an answer": ("http://127.0.0.1:{port}/api/", "HTTP 200"),
    "half an answer": ("http://127.0.0.1:{port}/api/", "HTTP 200"),
    "no address in the answer": ("http://127.0.0.1:{port}/api/", "no address in the answer"),
    "no answer": ("http://127.0.0.1:{port}/api/", "TimeoutError"),
}
ANSWERS = {
    "half an answer": broken_json,
    "no address in the answer": no_address,
    "no answer": silence,
}


@pytest.mark.parametrize("trouble", ELSEWHERE)
async def test_each_failed_attempt_is_one_line(here: Connected, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    address, reason = ELSEWHERE[trouble]
    monkeypatch.setattr(socket_module, "REQUEST_SECONDS", 0.5)
    before, here.these.best_effort.base_url = here.these.best_effort.base_url, here.these.best_effort.base_url
    async with served(ANSWERS.get(trouble, a_page)) as port:
        here.these.best_effort.base_url = address.format(port=port)
        here.slack.hub.drop(abort=True)
        await here.until(lambda: len(here.lines(logging.WARNING)) >= 3, "three failed attempts")
        here.these.best_effort.base_url = before
        await here.works()
    lines = here.lines(logging.WARNING, logging.ERROR)
    assert all(line.startswith("no connection to Slack (") for line in lines)
    assert all(reason in line for line in lines)
    assert not any(record.exc_info for record in here.caplog.records)
    assert "connected to Slack again, at attempt" in here.caplog.text


@pytest.mark.parametrize("kind", ["server_error", "drop_before", "ratelimited"])
async def test_what_slack_fails_with_is_one_line_each(here: Connected, kind: str) -> None:
    here.slack.faults.add("apps.connections.open", kind, times=2, retry_after=0)  # pyright: ignore[reportArgumentType]
    here.slack.hub.drop(abort=False)
    await here.works()
    assert len(here.lines(logging.WARNING)) == 2
    assert here.lines(logging.ERROR) == []
    assert not any(record.exc_info for record in here.caplog.records)


async def test_an_address_that_does_not_open_is_not_logged(here: Connected) -> None:
    """It is as good as a password."""
    session = here.socket.client.aiohttp_client_session
    here.socket.client.aiohttp_client_session = Refusing(session)  # type: ignore[assignment]
    here.slack.hub.drop(abort=True)
    await here.until(lambda: len(here.lines(logging.WARNING)) >= 2, "failed attempts")
    here.socket.client.aiohttp_client_session = session
    await here.works()
    assert "HTTP 401" in here.caplog.text
    assert "ticket" not in here.caplog.text


class Refusing:
    """A session whose sockets are opened with a ticket that nobody has given out."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ws_connect(self, url: str, **options: object) -> aiohttp.ClientWebSocketResponse:
        return await self._session.ws_connect(url.replace("ticket=", "ticket=0"))


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "not_allowed_token_type", "missing_scope"])
async def test_what_an_operator_has_to_fix_is_one_line_and_recovers_by_itself(here: Connected, code: str) -> None:
    here.slack.faults.add("apps.connections.open", "error", times=None, code=code)
    here.slack.hub.drop(abort=False)
    asked = len(here.slack.calls)
    await here.until(lambda: len(here.slack.calls) >= asked + 5, "attempts")
    assert len(here.lines(logging.ERROR)) == 1
    here.slack.faults.clear()
    await here.works()
    [line] = here.lines(logging.WARNING, logging.ERROR)
    assert line.startswith(f"Slack refuses apps.connections.open ({code})")
    await here.until(lambda: "Slack accepts connections again" in here.caplog.text, "word that it works")


async def test_socket_mode_that_was_switched_off_is_one_line_and_recovers_by_itself(here: Connected) -> None:
    here.slack.disconnect("link_disabled")
    asked = len(here.slack.calls)
    await here.until(lambda: len(here.slack.calls) >= asked + 5, "attempts")
    [line] = here.lines(logging.WARNING, logging.ERROR)
    assert "Enable Socket Mode" in line
    here.slack.hub.link_disabled = False
    await here.works()
    assert len(here.lines(logging.WARNING, logging.ERROR)) == 1


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "too_many_websockets"])
async def test_a_connection_that_slack_closes_is_replaced_without_a_warning(here: Connected, reason: str) -> None:
    here.slack.disconnect(reason)
    await here.until(lambda: here.slack.hub.ready, "connection")
    await here.works()
    assert here.lines(logging.WARNING, logging.ERROR) == []


async def test_several_notices_at_once_open_one_connection(here: Connected) -> None:
    opened = [call.method for call in here.slack.calls].count("apps.connections.open")
    await asyncio.gather(*(here.socket.client.connect_to_new_endpoint(force=True) for _ in range(20)))
    await here.works()
    assert [call.method for call in here.slack.calls].count("apps.connections.open") == opened + 1


async def test_connections_that_close_at_once_are_not_opened_again_in_haste(
    here: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "STEADY_SECONDS", 60.0)
    monkeypatch.setattr(socket_module, "MAX_PAUSE", 60.0)
    slept: list[float] = []
    real = pause

    def noted(failures: int) -> float:
        slept.append(real(failures))
        return 0.0

    monkeypatch.setattr(socket_module, "pause", noted)
    for _ in range(12):
        await here.socket.client.connect_to_new_endpoint(force=True)
    assert slept[0] < slept[-1]
    assert sum(slept) > QUICK * 100


async def test_connections_that_were_of_use_are_replaced_at_once(
    here: Connected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "STEADY_SECONDS", 60.0)
    monkeypatch.setattr(socket_module, "FIRST_PAUSE", 60.0)
    monkeypatch.setattr(socket_module, "MAX_PAUSE", 60.0)
    for _ in range(6):
        await here.works()
        await here.socket.client.connect_to_new_endpoint(force=True)


@pytest.mark.parametrize(("bot_id", "handled"), [("", True), ("B0OTHER", True), ("ours", False)])
async def test_only_our_own_posts_are_acknowledged_without_being_read(
    here: Connected, monkeypatch: pytest.MonkeyPatch, bot_id: str, handled: bool
) -> None:
    read: list[str] = []

    async def dispatch(app: AsyncApp, request: SocketModeRequest) -> BoltResponse:
        read.append(request.envelope_id)
        return BoltResponse(status=200, body="")

    monkeypatch.setattr(socket_module, "run_async_bolt_app", dispatch)
    event: Json = {"type": "message", "channel": "C1", "ts": "1.000001", "text": "done"}
    event["bot_id"] = here.slack.bot_id if bot_id == "ours" else bot_id or None
    envelope = await here.slack.deliver({"type": "event_callback", "event": event})
    await here.until(lambda: envelope.acked_at, "acknowledgement")
    assert read == ([envelope.envelope_id] if handled else [])


async def test_nothing_is_opened_once_the_bot_stops(here: Connected) -> None:
    here.slack.faults.add("apps.connections.open", "server_error", times=None)
    here.slack.hub.drop(abort=False)
    await here.until(lambda: here.lines(logging.WARNING), "a failed attempt")
    await here.socket.stop_intake()
    here.slack.faults.clear()
    await here.until(lambda: not here.socket.client._connecting, "the end of the attempts")  # pyright: ignore[reportPrivateUsage]
    await here.socket.client.connect_to_new_endpoint(force=True)
    assert here.slack.hub.connections == []


def test_pauses_grow_to_a_minute_and_are_spread_at_random() -> None:
    pauses = [{pause(failures) for _ in range(50)} for failures in (1, 2, 3, 4, 7, 1_000)]
    for found, longest in zip(pauses, (1, 2, 4, 8, 60, 60), strict=True):
        assert longest / 2 <= min(found) < max(found) <= longest
