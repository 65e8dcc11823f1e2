"""What a server asks for, as it comes over MCP: in a result (2026-07-28), in an error (2025-11-25, -32042), or as a
request while a call runs (until 2025-11-25).

Sources: https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation and
https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

import mcp_types as types
from mcp.client.session import ClientRequestContext

from bot.core.exchange import ACCEPT, CANCEL, DECLINE, FORM, MAX_ROUNDS, URL, Exchange, InputRequest
from bot.core.json_text import JsonObject, canonical
from bot.core.questions import form_fields
from bot.core.questions.form_fields import UnsupportedFormError
from bot.core.tools import DeliveryStatus, ResultText
from bot.core.untrusted import items, mapping, text
from bot.tools.mcp.delivery import ASKED_BY

log = logging.getLogger(__name__)

URL_REQUIRED = -32042
INPUT_REQUIRED = "input_required"
MAX_REQUESTS = 10
MAX_MESSAGE, MAX_URL, MAX_KEY = 2_000, 2_000, 500
"""Characters."""
MAX_SCHEMA, MAX_STATE = 50_000, 200_000
"""Characters of JSON."""

Ask = Callable[[InputRequest], Awaitable[JsonObject]]


class UnusableRequestError(Exception):
    """What a server asks for cannot be asked. The text says why, for the model."""


def of_result(reply: Mapping[str, Any], before: Exchange | None) -> tuple[DeliveryStatus, str]:
    """Return what a server asks for in a result, as the outcome of the call."""
    return _asks(lambda: _wanted(reply, before))


def of_error(problem: types.ErrorData, before: Exchange | None) -> tuple[DeliveryStatus, str] | None:
    """Return the same for an error; None if it asks for nothing.

    A server that refuses the state that it has given out itself, as it was restarted or the state is too old, has
    forgotten the call: it is made from the start, so that the server asks again.
    """
    if problem.code == URL_REQUIRED:
        return _asks(lambda: _pages(problem.data, before))
    gave = before is not None and before.state is not None and before.rounds < MAX_ROUNDS
    if before is None or not gave or problem.code != types.INVALID_PARAMS:
        return None
    return _asks(lambda: Exchange(rounds=before.rounds + 1))


def _asks(read: Callable[[], Exchange]) -> tuple[DeliveryStatus, str]:
    try:
        return DeliveryStatus.ASKS, ResultText("The tool server asks for input.", exchange=read())
    except UnusableRequestError as problem:
        return DeliveryStatus.ERROR, f"The tool server needs input before it goes on, but {problem}."


def _wanted(reply: Mapping[str, Any], before: Exchange | None) -> Exchange:
    """Return what a server asks for in a result. Raises UnusableRequestError."""
    state = reply.get("requestState")
    if isinstance(state, str) and len(state) > MAX_STATE:
        raise UnusableRequestError("it wants too much to be kept for it")
    listed = reply.get("inputRequests")
    if not isinstance(listed, dict) and listed not in (None, []):
        raise UnusableRequestError("it asks in a form that cannot be read")
    if not listed and not isinstance(state, str):
        # With neither, there is nothing to make the call again with: it would only be made twice.
        raise UnusableRequestError("it does not say what it needs")
    asked = mapping(listed)
    requests: list[InputRequest] = []
    for key, each in asked.items():
        if mapping(each).get("method") != "elicitation/create":
            raise UnusableRequestError("it asks for something other than a person's answer")
        requests.append(_request(key, mapping(mapping(each).get("params"))))
    return _within_limits(Exchange(requests, state if isinstance(state, str) else None), before)


def _pages(error: object, before: Exchange | None) -> Exchange:
    """Return which pages have to be opened before a call can be made, from the data of the error -32042. Raises
    UnusableRequestError."""
    listed = [mapping(each) for each in items(mapping(error).get("elicitations"))]
    requests = [_request(f"page-{number}", {**each, "mode": URL}) for number, each in enumerate(listed)]
    if not requests:
        raise UnusableRequestError("it does not say which page has to be opened")
    return _within_limits(Exchange(requests, repeats=True), before)


def _within_limits(found: Exchange, before: Exchange | None) -> Exchange:
    rounds = before.rounds + bool(found.requests) if before is not None else 1
    if len(found.requests) > MAX_REQUESTS or rounds > MAX_ROUNDS:
        raise UnusableRequestError("it asks too often")
    return Exchange(found.requests, found.state, rounds=rounds, repeats=found.repeats)


def _request(key: str, params: JsonObject) -> InputRequest:
    """Return one request. Raises UnusableRequestError if nobody could be asked for it."""
    message = text(params.get("message"), MAX_MESSAGE)
    if len(key) > MAX_KEY:
        raise UnusableRequestError("it asks in a form that cannot be shown")
    if params.get("mode") == URL:
        request = InputRequest(key, message, URL, url=text(params.get("url")))
        if len(request.url) > MAX_URL or not request.host:
            raise UnusableRequestError("it wants a page to be opened whose address is not safe")
        return request
    schema = mapping(params.get("requestedSchema"))
    try:
        if len(canonical(schema)) > MAX_SCHEMA:
            raise UnusableRequestError("its form is too long")
        form_fields.fields_of(schema)
    except (UnsupportedFormError, ValueError, RecursionError) as problem:
        raise UnusableRequestError(f"its form cannot be shown ({problem})") from problem
    return InputRequest(key, message, FORM, schema)


def answers(exchange: Exchange | None) -> JsonObject:
    """Return the parameters with which a call is made again."""
    if exchange is None or exchange.repeats:
        return {}
    found: JsonObject = {"request_state": exchange.state} if exchange.state is not None else {}
    if exchange.answers:
        found["input_responses"] = {key: _result(answer) for key, answer in exchange.answers.items()}
    return found


def _result(answer: Mapping[str, Any]) -> types.ElicitResult:
    action: Literal["accept", "decline", "cancel"] = CANCEL
    if answer.get("action") in (ACCEPT, DECLINE):
        action = ACCEPT if answer["action"] == ACCEPT else DECLINE
    content = answer.get("content")
    return types.ElicitResult(action=action, content=content if isinstance(content, dict) else None)


class RunningCall:
    """A call during which its server may ask. A person's time does not count towards its time limit."""

    def __init__(self, ask: Ask | None, seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._asking: set[asyncio.Task[JsonObject]] = set()
        self._one = asyncio.Lock()
        self._rounds, self._ended = 0, False
        self.limit: asyncio.Timeout | None = None

    async def answer(self, request: InputRequest) -> JsonObject:
        """Return a person's answer; `cancel` if the call ends before there is one, or its server asks too often. People
        are asked one thing after the other."""
        self._rounds += 1
        if self._ask is None or self._rounds > MAX_ROUNDS:
            return {"action": CANCEL}
        async with self._one:
            return {"action": CANCEL} if self._ended else await self._answer(self._ask, request)

    async def _answer(self, ask: Ask, request: InputRequest) -> JsonObject:
        asking = asyncio.ensure_future(ask(request))
        self._asking.add(asking)
        self._reschedule(None)
        try:
            await asyncio.wait([asking])
            return {"action": CANCEL} if asking.cancelled() else asking.result()
        finally:
            asking.cancel()
            self._asking.discard(asking)
            if not self._asking:
                self._reschedule(asyncio.get_running_loop().time() + self._seconds)

    def end(self) -> None:
        """Break off what is being asked: the call has ended."""
        self._ended = True
        for asking in self._asking:
            asking.cancel()

    def _reschedule(self, when: float | None) -> None:
        if self.limit is not None and not self.limit.expired():
            with suppress(RuntimeError):  # it has ended just now
                self.limit.reschedule(when)


class LiveRequests:
    """Answers what servers ask for while calls run. What cannot be attributed to one call is cancelled."""

    def __init__(self, key: str) -> None:
        self._key = key
        self.calls: dict[str, RunningCall] = {}
        """By the token of the call (`bot.tools.mcp.delivery.Delivery.token`)."""

    async def elicit(self, context: ClientRequestContext, params: types.ElicitRequestParams) -> types.ElicitResult:
        """Answer a request; a callback of the SDK, which must never raise."""
        call = self.calls.get(str((context.meta or {}).get(ASKED_BY)))
        if call is None:
            log.warning("%s asked for something outside of a call, or during several; it was cancelled", self._key)
            return types.ElicitResult(action=CANCEL)
        try:
            dumped = params.model_dump(by_alias=True, mode="json", exclude_none=True)
            return _result(await call.answer(_request(FORM, dumped)))
        except UnusableRequestError as problem:
            log.warning("%s asked for something that cannot be asked: %s", self._key, problem)
        except Exception:
            log.exception("%s: could not ask what the server wants to know", self._key)
        return types.ElicitResult(action=CANCEL)
