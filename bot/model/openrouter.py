"""A client for OpenRouter's chat completions API.

Replies are always streamed, so that a stalled connection can be distinguished from a long answer. The request is joined
from the stored texts of the log, without parsing or serializing them: this keeps the provider's prompt cache valid and
the event loop free.

Fields beyond OpenAI's are from OpenRouter's API reference: `models` (fallbacks, at most three), `session_id`, `user`,
`plugins`, `cache_control` (top level: Anthropic's models only) and `usage` (older gateways report the cost only then).
Other endpoints report the usage of a stream if `stream_options` asks for it. What an endpoint refuses is left out
(`bot.model.adapted_request`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from bot.core.json_text import JsonObject
from bot.core.ports.meter import Meter
from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.core.transaction import Usage
from bot.core.transcript import Transcript
from bot.errors import ModelError, ModelUnauthorized, ModelUnavailable
from bot.model.adapted_request import AdaptedRequest, Learnt, SearchFailed
from bot.model.error_objects import BrokenReply
from bot.model.failures import SHAPES, Failure, FailureShape, classify
from bot.model.finish_reasons import BROKEN
from bot.model.offered_tools import OfferedTools
from bot.model.reply_reader import Listener, read
from bot.model.stream_accumulator import MAX_CHARACTERS, Accumulator
from bot.model.watchdog import Watchdog
from bot.pace import offload

if TYPE_CHECKING:
    from bot.model.client import Client

log = logging.getLogger(__name__)

_KEY: Final = re.compile(r"[!-~]+")
_MAX_MODELS: Final = 3
_MAX_SESSION_ID: Final = 256
_MAX_PAUSE: Final = 8.0
_MAX_RETRY_AFTER: Final = 60.0
"""Seconds. If a provider asks for a longer pause, the request fails instead, as a person is waiting."""
_MAX_UNOPENED: Final = 100
_MAX_HEADS: Final = 100


class OpenRouter:
    """Implements `bot.core.ports.model.Model`.

    api_key: an OpenRouter key.
    base_url: where `/chat/completions` and `/key` are.
    models: the model, then the fallbacks that OpenRouter tries when it fails; at most three in all.
    idle_seconds: how long a reply may bring nothing (comments are nothing) before it counts as broken off.
    total_seconds: how long one `complete` may take with all its attempts and pauses.
    attempts: how often a request is sent at most.
    pause_seconds: before the second attempt; doubles with each, and is shortened at random by up to a half.
    referer, title: what OpenRouter shows as the app.
    max_tokens: the longest reply; the model's own limit when None.
    provider: OpenRouter's `provider` object; not sent when empty.
    shapes: the ways in which a request can fail (`bot.model.failures`).

    Raises ValueError when there is no model, or more than three.
    """

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str = "https://openrouter.ai/api/v1",
        models: Sequence[str],
        idle_seconds: float = 60,
        total_seconds: float = 300,
        attempts: int = 3,
        pause_seconds: float = 0.5,
        referer: str = "",
        title: str = "",
        max_tokens: int | None = None,
        provider: Mapping[str, object] | None = None,
        shapes: Sequence[FailureShape] = SHAPES,
    ) -> None:
        if not 1 <= len(models) <= _MAX_MODELS:
            raise ValueError(f"give one model and at most {_MAX_MODELS - 1} fallbacks, not {len(models)} models")
        self._api_key = api_key
        self._base_url = base_url
        self._idle_seconds = idle_seconds
        self._total_seconds = total_seconds
        self._attempts = attempts
        self._pause_seconds = pause_seconds
        self._headers = {
            name: value.encode("ascii", "ignore").decode()
            for name, value in (("HTTP-Referer", referer), ("X-OpenRouter-Title", title))
            if value
        }
        self._models = tuple(models)
        self._max_tokens = max_tokens
        self._provider = provider
        self._heads: dict[tuple[tuple[str, ...], str], str] = {}
        """The fields that do not change, by models and effort."""
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._shapes = shapes
        self._learnt = Learnt()
        self._unopened: set[str] = set()
        """Models whose text has begun in the middle of their reasoning."""

    async def warm(self) -> None:
        """Load the openai package and create the client now, in a thread, instead of at the first request."""
        await self._connected()

    async def aclose(self) -> None:
        """Close the connections. Requests in progress fail."""
        if self._client is not None:
            await self._client.close()

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        """Request the next message of the conversation.

        Args:
            on_text: gets each piece of the visible text; no piece ends in half a surrogate pair.

        Returns the reply, even if it has neither text nor calls; the caller decides what to do then.
        Raises ModelError, whose detail is for the log and never contains the key.
        """
        client = await self._connected()
        limit = asyncio.timeout(self._total_seconds)
        spent = Usage()

        def spend(usage: Usage) -> None:
            nonlocal spent
            spent += usage

        try:
            async with limit:
                got = await self._with_retries(client, request, on_text, spend)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ModelUnavailable(f"no answer within {self._total_seconds:g} s", usage=spent) from None
        except ModelError as error:
            error.usage += spent
            raise
        self._learn_from(got)
        tools = OfferedTools(request.tools)
        reply = await offload(got.size, got.reply, lambda id: _is_used(id, request.messages), tools)
        return replace(reply, usage=reply.usage + spent) if spent != Usage() else reply

    async def _with_retries(
        self, client: Client, request: ModelRequest, on_text: TextListener | None, spend: Callable[[Usage], None]
    ) -> Accumulator:
        """Send the request until there is a reply. Raises ModelError when a retry cannot help or none is left.

        spend: called with what an attempt has cost that failed.
        """
        ends = asyncio.get_running_loop().time() + self._total_seconds
        sent = AdaptedRequest(request, self._learnt, partial(self.head, request))

        async def probe(body: bytes) -> Failure | None:
            try:
                spend((await self._attempt(client, body, None, spend, request.meter)).usage)
            except (*client.network_errors, BrokenReply) as problem:
                return classify(problem, self._api_key, self._shapes)
            return None

        attempt, repeated = 0, False
        while True:
            attempt += 1
            if repeated and request.meter is not None:
                await request.meter.again()
            repeated = True
            try:
                got = await self._attempt(client, await sent.body(), on_text, spend, request.meter)
            except (*client.network_errors, BrokenReply) as problem:
                failure = classify(problem, self._api_key, self._shapes)
            else:
                sent.accepted()
                return got
            if on_text is not None:
                on_text.restart()
            try:
                if await sent.change(failure, probe):
                    attempt -= 1
                    continue
            except SearchFailed as failed:
                failure = failed.failure
            pause = self._pause(attempt, failure)
            if pause is None or asyncio.get_running_loop().time() + pause >= ends:
                raise failure.error
            log.warning("the model failed, retrying in %.1f s: %s", pause, failure.error.detail)
            await asyncio.sleep(pause)

    def _learn_from(self, got: Accumulator) -> None:
        """Note whether the model's text begins in the middle of its reasoning."""
        if got.unopened and len(self._unopened) < _MAX_UNOPENED:
            self._unopened.add(got.model)
        elif not got.unopened and not got.calls:
            self._unopened.discard(got.model)

    def _pause(self, attempt: int, failure: Failure) -> float | None:
        """Return the seconds until the next attempt; None if there should be none."""
        if not failure.retryable or attempt >= self._attempts:
            return None
        longest = min(_MAX_PAUSE, self._pause_seconds * 2 ** (attempt - 1))
        own = longest * random.uniform(0.5, 1)  # noqa: S311 - jitter, not security
        if failure.retry_after is None:
            return own
        if failure.retry_after > _MAX_RETRY_AFTER:
            return None
        return failure.retry_after + own

    async def _attempt(
        self,
        client: Client,
        body: bytes,
        on_text: TextListener | None,
        spend: Callable[[Usage], None],
        meter: Meter | None,
    ) -> Accumulator:
        """Send the request once. Raises BrokenReply and the errors of openai and its transport."""
        got = Accumulator(self._unopened)
        if meter is not None:
            await meter.sending()
            got.on_id = meter.began
        try:
            await self._read(client, body, on_text, got)
        except (*client.network_errors, BrokenReply):
            spend(got.usage)
            if meter is not None:
                meter.ended(got.id, got.model, got.usage)
            raise
        if meter is not None:
            meter.ended(got.id, got.model, got.usage)
        return got

    async def _read(self, client: Client, body: bytes, on_text: TextListener | None, got: Accumulator) -> Accumulator:
        """Read the reply to a request into the accumulator, which is returned once it is complete."""
        try:
            async with Watchdog(self._idle_seconds) as watchdog:
                await read(client, body, Listener(got, watchdog, on_text))
        except client.network_errors as problem:
            # These include the watchdog's TimeoutError. Only the usage follows the finish_reason: not knowing what the
            # reply cost is better than paying for it twice.
            got.end(done=False)
            if got.finish_reason is None and got.error is None:
                if isinstance(problem, TimeoutError):
                    raise BrokenReply(f"nothing came for {self._idle_seconds:g} s") from None
                raise
        if got.error is not None:
            raise BrokenReply("an error in the reply", got.error)
        if got.finish_reason is None:
            raise BrokenReply("the reply ended before it was complete")
        if got.finish_reason in BROKEN:
            raise BrokenReply(f"the reply ended with {got.finish_reason}")
        if got.size > MAX_CHARACTERS:
            log.warning("the model's reply exceeded the size limit; its end was dropped")
        if got.left_out:
            log.warning("the model's reply had too many tool calls; the last ones were dropped")
        return got

    def head(self, request: ModelRequest, tools: str) -> str:
        """Return the JSON text of the request's fields, all but the messages. Those that change least are first."""
        fields = [self._head(request.models[:_MAX_MODELS] or self._models, request.effort)]
        if request.session_id:
            fields.append(f'"session_id":{json.dumps(request.session_id[:_MAX_SESSION_ID])}')
        if request.user:
            fields.append(f'"user":{json.dumps(request.user)}')
        if tools.strip() != "[]":
            fields.append(f'"tool_choice":{json.dumps(request.tool_choice)},"tools":{tools}')
        return f"{{{','.join(fields)}}}"

    def _head(self, models: tuple[str, ...], effort: str) -> str:
        head = self._heads.get((models, effort))
        if head is None:
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            head = _constant_fields(models, self._max_tokens, effort, self._provider)
            self._heads[models, effort] = head
        return head

    async def _connected(self) -> Client:
        if self._client is None:
            if not _KEY.fullmatch(self._api_key):
                raise ModelUnauthorized("OPENROUTER_API_KEY is empty or has characters that no key has")
            async with self._connecting:
                if self._client is None:
                    self._client = await asyncio.to_thread(self._connect)
        return self._client

    def _connect(self) -> Client:
        from bot.model.client import connect  # noqa: PLC0415 - loads openai, which is slow

        return connect(api_key=self._api_key, base_url=self._base_url, headers=self._headers)


def _constant_fields(
    models: Sequence[str], max_tokens: int | None, effort: str, provider: Mapping[str, object] | None
) -> str:
    """Return the fields that requests to the same models share, as the inside of a JSON object."""
    fields: JsonObject = {"model": models[0]} if len(models) == 1 else {"models": list(models)}
    fields["stream"] = True
    fields["stream_options"] = {"include_usage": True}
    fields["usage"] = {"include": True}
    # On by default for models with a short context, and may separate a tool call from its result.
    fields["plugins"] = [{"id": "context-compression", "enabled": False}]
    if any(model.startswith("anthropic/") for model in models):
        fields["cache_control"] = {"type": "ephemeral"}
    if max_tokens is not None:
        fields["max_tokens"] = max_tokens
    if effort:
        fields["reasoning"] = {"effort": effort}
    if provider:
        fields["provider"] = dict(provider)
    return json.dumps(fields, separators=(",", ":"))[1:-1]


def _is_used(id: str, messages: Transcript) -> bool:
    """Return whether a call id occurs in the conversation. A false positive from other text does no harm."""
    return messages.has(json.dumps(id).encode())
