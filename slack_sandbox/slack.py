"""SlackSandbox: start it, give its URL and tokens to the app, act as the people, look at what came out.

    async with SlackSandbox() as slack:
        alice = slack.add_person("Alice Smith")
        general = slack.add_channel("general", members=[alice])
        ...  # start the app with slack.api_url, slack.bot_token, slack.app_token
        await slack.connected()
        ts = await slack.say(general, alice, "<@BOT> hello")
        await slack.until(lambda: len(slack.thread(general, ts)) > 1, what="an answer")

Everything runs in the loop that entered it; nothing is shared between two sandboxes.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self, TypeVar

from aiohttp import web

from slack_sandbox import manifests, methods
from slack_sandbox.clock import Clock
from slack_sandbox.conditions import Changes
from slack_sandbox.events import Events
from slack_sandbox.faults import Faults
from slack_sandbox.http_limits import MAX_BODY_BYTES, requests_up_to
from slack_sandbox.interactions import Interactions
from slack_sandbox.journal import ApiCall, Envelope
from slack_sandbox.model import Channel, Json, Message, Person
from slack_sandbox.rate_limits import RateLimits
from slack_sandbox.sockets import SocketHub
from slack_sandbox.state import Workspace
from slack_sandbox.transfers import Transfers
from slack_sandbox.web_api import Hook, Tokens, WebApi

T = TypeVar("T")

DEFAULT_SCOPES = (
    "app_mentions:read assistant:write channels:history channels:read chat:write commands files:read files:write "
    "groups:history groups:read im:history im:read im:write mpim:history mpim:read reactions:write usergroups:read "
    "users:read"
)


class SlackSandbox(Interactions):
    """One workspace with one app installed, served on 127.0.0.1.

    `ack_timeout` is how long an event may stay unacknowledged before it is sent again (Slack: 3 s).
    `file_share_delay` is the seconds between a completed upload and the message with the file: Slack answers first.
    `agent` is whether the app is declared an agent; otherwise it has no sessions, no Stop and no suggested prompts.
    `enforce_rate_limits` answers 429 as Slack's tiers say. `port` 0 takes a free one. `bot_name` is the name that
    people see at what the app writes.
    """

    def __init__(
        self,
        *,
        ack_timeout: float = 3.0,
        enforce_rate_limits: bool = False,
        file_share_delay: float = 0.0,
        port: int = 0,
        bot_token: str | None = None,
        app_token: str | None = None,
        bot_name: str = "Sandbox Bot",
        team_name: str = "Sandbox",
        agent: bool = True,
    ) -> None:
        self.bot_token = bot_token or f"xoxb-sandbox-{secrets.token_hex(8)}"
        self.app_token = app_token or f"xapp-1-sandbox-{secrets.token_hex(8)}"
        self.scopes: set[str] = set(DEFAULT_SCOPES.split())
        clock = Clock()
        changes = Changes(self._describe)
        workspace = Workspace(clock, bot_name, team_name)
        self.hub = SocketHub(workspace.app_id, ack_timeout, clock, changes.touch)
        self.commands, self.shortcuts = {}, {}
        super().__init__(workspace, Events(workspace, self.hub, clock, self.scopes), clock, changes)
        self._slack = methods.MethodContext(self.workspace, self.events, self.hub, self.clock, self.scopes)
        self._slack.file_share_delay = file_share_delay
        self._slack.touch = self._changes.touch
        self._tokens = Tokens(self.bot_token, self.app_token)
        self._web = WebApi(self._slack, self._tokens, self._changes.touch)
        self.enforce_rate_limits(enforce_rate_limits)
        if not agent:
            manifests.make_plain(self.scopes, self.subscriptions)
        self._transfers = Transfers(self._slack, self._tokens, self._web)
        self._port = port
        self._runner: web.ServerRunner | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Bind and serve in the running loop."""
        server = web.Server(self._serve, access_log=None, request_factory=requests_up_to(MAX_BODY_BYTES))
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._port = int(runner.addresses[0][1])
        self._slack.origin = self.origin
        self._runner = runner

    async def close(self) -> None:
        """Close every connection and stop serving."""
        self._web.close()
        await self.hub.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.startswith("/api/"):
            return await self._web.answer(request, path[5:])
        if path == "/link/":
            return await self.hub.serve(request)
        if path.startswith("/upload/v1/"):
            return await self._transfers.upload(request, path.removeprefix("/upload/v1/"))
        if path == "/" or path.startswith("/files-pri/"):
            return await self._transfers.download(request, path.removeprefix("/files-pri/"))
        if path.startswith("/actions/"):
            return await self._transfers.respond(request, path.rpartition("/")[2])
        return web.Response(status=404, text="not found")

    @property
    def api_url(self) -> str:
        """The base URL for `AsyncWebClient(base_url=…)` and SLACK_API_URL."""
        return f"{self.origin}/api/"

    @property
    def team_id(self) -> str:
        """The workspace's T… id."""
        return self.workspace.team_id

    @property
    def bot_user_id(self) -> str:
        """The bot user's U… id; `<@BOT>` in `say` stands for it."""
        return self.workspace.bot.id

    @property
    def bot_id(self) -> str:
        """The bot's B… id."""
        return self.workspace.bot.bot_id or ""

    @property
    def app_id(self) -> str:
        """The app's A… id."""
        return self.workspace.app_id

    @property
    def calls(self) -> list[ApiCall]:
        """Every Web API call, in order of arrival."""
        return self._web.calls

    @property
    def rejected(self) -> list[ApiCall]:
        """The calls that Slack's own rules refused; injected faults are not among them."""
        return self.workspace.rejected

    @property
    def envelopes(self) -> list[Envelope]:
        """Every envelope, in order of creation."""
        return self.hub.envelopes

    @property
    def faults(self) -> Faults:
        """The faults to inject."""
        return self._web.faults

    @property
    def subscriptions(self) -> set[str]:
        """The bot events the app subscribes to; change it in place."""
        return self.events.subscriptions

    def install(self, manifest: Json) -> None:
        """Give the app the scopes, events and shortcuts of a manifest. Raise ManifestError for what Slack would
        refuse."""
        scopes, events = manifests.check(manifest)
        self.shortcuts.clear()
        self.shortcuts.update(manifests.shortcuts(manifest))
        self.scopes.clear()
        self.scopes.update(scopes)
        self.subscriptions.clear()
        self.subscriptions.update(events)

    def thread(self, channel: Channel | str, ts: str) -> list[Message]:
        """The root and its live replies, in ts order; empty when there is no such message."""
        return self.workspace.thread(self._channel(channel), ts)

    def limit_history(self, channel: Channel | str, oldest: str) -> None:
        """Hide what is older than the timestamp `oldest`, as a free plan does: histories leave it out and say
        `is_limited`.
        """
        self._channel(channel).hidden_before = oldest

    def ephemerals(self, person: Person) -> list[Message]:
        """The ephemeral messages that the person can see now."""
        return [message for message in self.workspace.ephemerals.get(person.id, []) if not message.deleted]

    def on_call(self, method: str, before: Hook | None = None, *, after: Hook | None = None) -> None:
        """Run `before(call)` before a method's effect and `after(call)` between its effect and its answer."""
        if before is not None:
            self._web.before.setdefault(method, []).append(before)
        if after is not None:
            self._web.after.setdefault(method, []).append(after)

    def all_messages(self) -> list[Message]:
        """Every message of the workspace in the order of posting, deleted ones included, ephemerals not."""
        return list(self.workspace.recent)

    async def deliver(self, payload: Json) -> Envelope:
        """Send any payload in an envelope of the fitting type; does not wait for the acknowledgement."""
        return self.events.deliver(payload)

    async def redeliver(self, event_id: str, times: int = 1, retry_reason: str = "timeout") -> list[Envelope]:
        """Send an event again, `times` times, in new envelopes with retry_attempt 1, 2 …

        An event that was lost arrives late in this way. Raise LookupError for an unknown one.
        """
        original = next((sent for sent in self.envelopes if sent.event_id == event_id), None)
        if original is None:
            raise LookupError(f"no event {event_id}")
        return [
            self.events.deliver(original.payload, retry_attempt=attempt, retry_reason=retry_reason)
            for attempt in range(1, times + 1)
        ]

    async def until(
        self, condition: Callable[[], T], timeout: float = 10.0, what: str = "", *, poll: float | None = None
    ) -> T:
        """Wait for a condition on the sandbox's state, which is tried after each change instead of polled.

        A condition on something else (a file, a database) needs `poll`, the seconds between further tries. Return the
        first true value. Raise ConditionTimeout with `what`, the recent calls and the recent messages.
        """
        return await self._changes.until(condition, timeout, what, poll)

    async def connected(self, timeout: float = 10.0) -> None:
        """Wait until a socket is open and takes envelopes."""
        await self.until(lambda: bool(self.hub.ready), timeout, "a Socket Mode connection")

    def disconnect(self, reason: str = "refresh_requested") -> None:
        """Send every connection a `disconnect` frame and close it: `warning` (it closes ten seconds later),
        `refresh_requested`, `link_disabled` (no new one can be opened) or `too_many_websockets`.
        """
        self.hub.disconnect(reason)

    async def drop_sockets(self, *, abort: bool = True) -> None:
        """Close every connection without a `disconnect` frame; new ones can be opened at once.

        `abort=False` sends a close frame, which SDKs notice at once. slack_sdk notices an aborted connection only at
        its next `ping_interval` (10 s in Bolt's handler).
        """
        self.hub.drop(abort=abort)

    async def go_offline(self, *, abort: bool = False, hold: bool = False) -> None:
        """Close every connection as `drop_sockets` does, and let none be opened until `go_online`.

        What happens meanwhile is never delivered, though histories have it. `apps.connections.open` breaks off without
        an answer, and the other methods work. An SDK waits some seconds before it connects again; with `hold` it is
        back at once: the connections end with a `disconnect` frame, and `go_online` answers `apps.connections.open`.
        """
        self.hub.offline = True
        self.hub.back = asyncio.Event() if hold else None
        if hold:
            self.hub.disconnect("refresh_requested")
        else:
            self.hub.drop(abort=abort)
        await self.until(lambda: not self.hub.connections, what="the end of every connection")

    def go_online(self) -> None:
        """Let connections be opened again; does not wait for one (see `connected`)."""
        self.hub.come_back()

    @asynccontextmanager
    async def offline(self, *, abort: bool = False, hold: bool = False) -> AsyncGenerator[None]:
        """`go_offline` for the length of a `with` block, then `go_online`."""
        await self.go_offline(abort=abort, hold=hold)
        try:
            yield
        finally:
            self.go_online()

    def revoke_tokens(self) -> None:
        """Make both tokens invalid."""
        self._tokens.kinds.clear()

    @property
    def rate_limited(self) -> bool:
        """Whether Slack's rate limits are enforced."""
        return self._web.rate_limits is not None

    def enforce_rate_limits(self, enforced: bool) -> None:
        """Start or stop answering 429 as Slack's tiers say; the counts start over."""
        self._web.rate_limits = RateLimits() if enforced else None

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each change of the sandbox, until the function that this returns is called."""
        return self._changes.listen(listener)

    def touch(self) -> None:
        """Report a change that came from no action and no call."""
        self._changes.touch()

    def advance(self, seconds: float) -> None:
        """Move the clock: message timestamps follow it, and triggers, response URLs, streams, rate limits and warned
        connections expire by it.
        """
        self.clock.advance(seconds)
        self._changes.touch()

    def _describe(self) -> str:
        lines = ["recent calls:"]
        lines += [
            f"  {call.method} {call.status} {call.error or call.fault or 'ok'} {json.dumps(call.args)[:160]}"
            for call in self.calls[-12:]
        ]
        lines.append("recent envelopes:")
        for sent in self.envelopes[-8:]:
            state = "acked" if sent.acked_at else "given up" if sent.given_up else "open"
            kind = sent.payload.get("event", sent.payload).get("type")
            lines.append(f"  {kind} {sent.event_id or ''} attempts={sent.attempts} {state}")
        lines.append("recent messages:")
        for message in self.workspace.recent[-12:]:
            lines.append(
                f"  {message.channel} {message.ts} thread={message.thread_ts} {message.user}: {message.plain[:160]!r}"
            )
        return "\n".join(lines)
