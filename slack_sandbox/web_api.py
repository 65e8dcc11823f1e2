"""The HTTP side: decode a call, check its token and scope, apply faults and rate limits, run the method, journal it."""

import asyncio
import inspect
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from slack_sandbox.errors import ApiError
from slack_sandbox.faults import Fault, Faults
from slack_sandbox.journal import ApiCall, Json
from slack_sandbox.methods import METHODS, Args, Method, MethodContext
from slack_sandbox.rate_limits import RateLimits

Hook = Callable[[ApiCall], Awaitable[None] | None]


class Tokens:
    """The tokens that are good now."""

    def __init__(self, bot: str, app: str) -> None:
        self.kinds: dict[str, str] = {bot: "bot", app: "app"}

    def check(self, token: str | None, kind: str) -> None:
        """Refuse a missing, unknown or wrong kind of token."""
        if not token:
            raise ApiError("not_authed")
        found = self.kinds.get(token)
        if found is None:
            raise ApiError("invalid_auth")
        if kind not in ("any", found):
            raise ApiError("not_allowed_token_type")


class WebApi:
    """Answers `/api/{method}`; everything that is not a method's own business happens here."""

    def __init__(self, slack: MethodContext, tokens: Tokens, changed: Callable[[], None]) -> None:
        self.calls: list[ApiCall] = []
        self.faults = Faults()
        self.rate_limits: RateLimits | None = None
        self.before: dict[str, list[Hook]] = {}
        self.after: dict[str, list[Hook]] = {}
        self._slack = slack
        self._tokens = tokens
        self.changed = changed
        self.closing = asyncio.Event()
        """Set when the sandbox closes."""

    def close(self) -> None:
        """Let hanging calls end."""
        self.closing.set()

    async def answer(self, request: web.BaseRequest, name: str) -> web.StreamResponse:
        """Answer one call."""
        try:
            args, token = await _decode(request)
        except ApiError as refusal:
            unread = ApiCall(name, {}, None, time.monotonic())
            self.calls.append(unread)
            self._slack.workspace.rejected.append(unread)
            return self._respond(unread, refusal.as_json())
        call = ApiCall(name, args, token, time.monotonic())
        self.calls.append(call)
        self.changed()
        hub = self._slack.hub
        if hub.offline and name == "apps.connections.open":
            call.fault = "offline"
            if hub.back is None:
                return self._drop(request)
            await hub.back.wait()
        fault = self.faults.take(name, args)
        if fault is not None:
            call.fault = fault.kind
            early = await self._fault_before(request, call, fault)
            if early is not None:
                return early
        for hook in self.before.get(name, ()):
            await _run(hook, call)
        limited = self.rate_limits.check(name, args, self._slack.clock.now()) if self.rate_limits else None
        if limited is not None:
            return self._respond(call, {"ok": False, "error": "ratelimited"}, 429, {"Retry-After": str(limited)})
        body = self._run_method(call)
        call.response, call.status = body, 200
        for hook in self.after.get(name, ()):
            await _run(hook, call)
        if fault is not None:
            late = self._fault_after(request, call, fault)
            if late is not None:
                return late
        return self._respond(call, body)

    def _run_method(self, call: ApiCall) -> Json:
        found = METHODS.get(call.method)
        try:
            if found is None:
                raise ApiError("unknown_method", req_method=call.method)
            self._authorise(found, call.token)
            return {"ok": True, **found.handler(self._slack, Args(call.args))}
        except ApiError as refusal:
            self._slack.workspace.rejected.append(call)
            return refusal.as_json()

    def _authorise(self, found: Method, token: str | None) -> None:
        if found.name != "api.test":
            self._tokens.check(token, found.caller)
        if found.scopes and not any(scope in self._slack.scopes for scope in found.scopes):
            provided = ",".join(sorted(self._slack.scopes))
            raise ApiError("missing_scope", needed=",".join(found.scopes), provided=provided)

    async def _fault_before(self, request: web.BaseRequest, call: ApiCall, fault: Fault) -> web.StreamResponse | None:
        """What the app gets instead of the effect, None when the effect comes."""
        answer: web.StreamResponse | None = None
        match fault.kind:
            case "ratelimited":
                headers = {"Retry-After": str(fault.retry_after)}
                answer = self._respond(call, {"ok": False, "error": "ratelimited"}, 429, headers)
            case "server_error":
                answer = self._respond(call, {"ok": False, "error": "internal_error"}, fault.status)
            case "error":
                answer = self._respond(call, {"ok": False, "error": fault.code})
            case "drop_before":
                answer = self._drop(request)
            case "hang":
                await self.closing.wait()
                answer = self._drop(request)
            case "slow":
                await asyncio.sleep(fault.seconds)
            case "server_error_after" | "drop_after":
                pass
        return answer

    def _fault_after(self, request: web.BaseRequest, call: ApiCall, fault: Fault) -> web.StreamResponse | None:
        if fault.kind == "server_error_after":
            return self._respond(call, {"ok": False, "error": "internal_error"}, fault.status)
        if fault.kind == "drop_after":
            return self._drop(request)
        return None

    def _drop(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport is not None:
            request.transport.abort()
        self.changed()
        return web.Response(status=500)

    def _respond(
        self, call: ApiCall, body: Json, status: int = 200, headers: dict[str, str] | None = None
    ) -> web.Response:
        call.response, call.status = body, status
        all_headers = {"x-oauth-scopes": ",".join(sorted(self._slack.scopes)), **(headers or {})}
        self.changed()
        return web.Response(
            body=json.dumps(body).encode(),
            status=status,
            headers=all_headers,
            content_type="application/json",
            charset="utf-8",
        )


async def _run(hook: Hook, call: ApiCall) -> None:
    result = hook(call)
    if inspect.isawaitable(result):
        await result


async def _decode(request: web.BaseRequest) -> tuple[Json, str | None]:
    """The arguments of a call, from the query and a form or JSON body, and its token."""
    args: Json = dict(request.query)
    if request.can_read_body:
        if request.content_type == "application/json":
            try:
                body: Any = json.loads(await request.read())
            except ValueError:
                raise ApiError("invalid_json") from None
            if not isinstance(body, dict):
                raise ApiError("json_not_object")
            args.update(body)
        else:
            args.update(await request.post())
    authorization = request.headers.get("Authorization", "")
    token = authorization.removeprefix("Bearer ") if authorization.startswith("Bearer ") else None
    given = args.pop("token", None)
    return args, token or (str(given) if given else None)
