"""The model behind OpenRouter's chat completions API.

Always streamed, so that a silent connection can be told from a long answer. The request is bytes joined from the texts
in the log: nothing is parsed or written again, which keeps the provider's prompt cache valid and the event loop free.

Fields beyond OpenAI's are from OpenRouter's API reference: `models` (fallbacks, at most three), `session_id`, `user`,
`plugins`, `cache_control` (top level: Anthropic's models only) and `usage` (older gateways report the cost only then).
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from bot.core.json_text import JsonObject
from bot.core.ports.model import ModelRequest, Reply
from bot.core.transcript import Transcript
from bot.core.untrusted import MOST_VALUES, values
from bot.errors import ModelUnauthorized, ModelUnavailable
from bot.model.failures import SHAPES, BrokenReply, Failure, FailureShape, classify
from bot.model.sse import LONGEST_LINE, EventReader
from bot.model.stream_accumulator import MOST_CHARACTERS, Accumulator
from bot.model.watchdog import Watchdog
from bot.pace import Pace, beside

if TYPE_CHECKING:
    import httpx2

    from bot.model.client import Client

log = logging.getLogger(__name__)

_KEY: Final = re.compile(r"[!-~]+")
_MAX_MODELS: Final = 3
_MAX_SESSION_ID: Final = 256
_MAX_PAUSE: Final = 8.0
_MAX_RETRY_AFTER: Final = 60.0
"""A provider that asks for a longer pause than this many seconds is not waited for: a person is."""
_REASONING: Final = b'"reasoning_details"'
# A model writes up to a hundred pieces a second, and each would wake a sleeping process. So a piece that had to be
# waited for is followed by a pause in which nothing is read; who reads along does not notice, least in a long reply.
CALLS_SECONDS = 0.05
"""The first pause in a call, which is short."""
WORDS_SECONDS = 0.08
"""The first pause in words."""
GROWTH = 0.5
"""By how much of the time since the reply has begun the pause grows."""
LONGEST_SECONDS = 0.25
LAST_SECONDS = 0.02
"""The pause when only the end is to come."""
SLICE: Final = 64 * 1024
"""Bytes of a reply that are taken apart without a pause."""
_AFTER_DONE: Final = 0.25
"""Seconds to wait for the connection's end after [DONE], so that it can be used again."""


class OpenRouter:
    """Implements `bot.core.ports.Model`.

    api_key: an OpenRouter key.
    base_url: where `/chat/completions` and `/key` are.
    models: the model, then the fallbacks that OpenRouter tries when it fails; at most three in all.
    idle_seconds: how long a reply may bring nothing (comments are nothing) before it counts as broken off.
    total_seconds: how long one `complete` may take with all its attempts and pauses.
    attempts: how often a request is sent at most.
    pause_seconds: before the second attempt; doubles with each, and is shortened at random by up to a half.
    referer, title: what OpenRouter shows as the app.
    max_tokens: the longest reply; the model's own limit when None.
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
        self._head = _constant_fields(models, max_tokens)
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._shapes = shapes

    async def warm(self) -> None:
        """Load the openai package and set up the connections now, in a thread; the first use does it otherwise."""
        await self._connected()

    async def aclose(self) -> None:
        """Close the connections. Requests under way fail."""
        if self._client is not None:
            await self._client.close()

    async def complete(self, request: ModelRequest, on_text: Callable[[str], None] | None = None) -> Reply:
        """Answer the conversation.

        on_text: gets the visible text in pieces, none of which ends in half a surrogate pair. It must be quick and must
        not raise. After a failed attempt the pieces start again from the beginning.

        Returns the reply, also one that says and calls nothing: that is for the caller to judge.
        Raises a ModelError; its detail is for the log and has no key in it.
        """
        client = await self._connected()
        limit = asyncio.timeout(self._total_seconds)
        try:
            async with limit:
                got = await self._persist(client, request, on_text)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ModelUnavailable(f"no answer within {self._total_seconds:g} s") from None
        return await beside(got.size, got.reply, lambda id: _is_used(id, request.messages))

    async def _persist(
        self, client: Client, request: ModelRequest, on_text: Callable[[str], None] | None
    ) -> Accumulator:
        """Try until there is a reply, or until trying again is of no use."""
        ends = asyncio.get_running_loop().time() + self._total_seconds
        messages = request.messages
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(client, self._body(request, messages), on_text)
            except (*client.network_errors, BrokenReply) as problem:
                failure = classify(problem, self._api_key, self._shapes)
            if failure.reasoning and messages is request.messages and messages.has(_REASONING):
                log.warning("the model's provider rejects the reasoning in the history: %s", failure.error.detail)
                messages = await beside(messages.size, _without_reasoning, messages)
                attempt -= 1
                continue
            pause = self._pause(attempt, failure)
            if pause is None or asyncio.get_running_loop().time() + pause >= ends:
                raise failure.error
            log.warning("the model failed, again in %.1f s: %s", pause, failure.error.detail)
            await asyncio.sleep(pause)

    def _pause(self, attempt: int, failure: Failure) -> float | None:
        """Seconds until the next attempt; None when there is to be none."""
        if not failure.retryable or attempt >= self._attempts:
            return None
        longest = min(_MAX_PAUSE, self._pause_seconds * 2 ** (attempt - 1))
        own = longest * random.uniform(0.5, 1)  # noqa: S311 - spreads load, guards nothing
        if failure.retry_after is None:
            return own
        if failure.retry_after > _MAX_RETRY_AFTER:
            return None
        return failure.retry_after + own

    async def _attempt(self, client: Client, body: bytes, on_text: Callable[[str], None] | None) -> Accumulator:
        """Send the request once. Raises BrokenReply, or what openai and the transport below it raise."""
        got = Accumulator()
        try:
            async with Watchdog(self._idle_seconds) as watchdog:
                await _read(client, body, _Listener(got, watchdog, on_text))
        except client.network_errors as problem:
            # TimeoutError, which the watchdog raises, is one of them. What comes after the finish_reason is only the
            # usage: better not to know what the reply cost than to pay for it twice.
            if got.finish_reason is None and isinstance(problem, TimeoutError):
                raise BrokenReply(f"nothing came for {self._idle_seconds:g} s") from None
            if got.finish_reason is None:
                raise
        if got.finish_reason is None:
            raise BrokenReply("the reply ended before it was complete")
        if got.size > MOST_CHARACTERS:
            log.warning("the model's reply was longer than any should be; its last words or calls were left out")
        if got.left_out:
            log.warning("the model's reply had more tool calls than any should have; the last were left out")
        return got

    def _body(self, request: ModelRequest, messages: Transcript) -> bytes:
        """The request as it goes over the wire. What changes least comes first."""
        fields = [self._head]
        if request.session_id:
            fields.append(f'"session_id":{json.dumps(request.session_id[:_MAX_SESSION_ID])}')
        if request.user:
            fields.append(f'"user":{json.dumps(request.user)}')
        if request.tools.strip() != "[]":
            fields.append(f'"tool_choice":{json.dumps(request.tool_choice)},"tools":{request.tools}')
        return messages.between(f'{{{",".join(fields)},"messages":['.encode("utf-8", "replace"), b"]}")

    async def _connected(self) -> Client:
        if self._client is None:
            if not _KEY.fullmatch(self._api_key):
                raise ModelUnauthorized("OPENROUTER_API_KEY is empty or has characters that no key has")
            async with self._connecting:
                if self._client is None:
                    self._client = await asyncio.to_thread(self._connect)
        return self._client

    def _connect(self) -> Client:
        from bot.model.client import connect  # noqa: PLC0415 - loads openai, which takes a while

        return connect(api_key=self._api_key, base_url=self._base_url, headers=self._headers)


class _Listener:
    """Hands the events of one attempt on: to the accumulator, to the watchdog, to whoever reads along."""

    def __init__(self, got: Accumulator, watchdog: Watchdog, on_text: Callable[[str], None] | None) -> None:
        self.got = got
        self._watchdog = watchdog
        self._on_text = on_text
        self._began = 0.0
        self.done = False
        """[DONE] was read."""

    def take(self, data: bytes) -> None:
        """The data of one event. Raises BrokenReply when it is no chunk or brings an error."""
        if data.strip() == b"[DONE]":
            self.done = True
            self._watchdog.shorten(_AFTER_DONE)
            return
        try:
            few = len(data) <= MOST_VALUES or values(data) <= MOST_VALUES
            chunk = json.loads(str(data, "utf-8")) if few else None
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise BrokenReply(f"not a chunk of a completion: {len(data)} bytes beginning with {data[:40]!r}")
        text = self.got.add(chunk)
        if self.got.error is not None:
            raise BrokenReply("an error in the reply", self.got.error)
        if text is not None:
            self._watchdog.reset()
            if text and self._on_text is not None:
                self._on_text(text)

    def pause(self) -> float:
        """How long the next pieces may gather: while there is text to come, for the last event, and for the end."""
        if self.done:
            return 0.0
        if self.got.finish_reason is not None:
            return LAST_SECONDS
        now = time.monotonic()
        self._began = self._began or now
        shortest = CALLS_SECONDS if self.got.calls else WORDS_SECONDS
        return min(LONGEST_SECONDS, shortest + GROWTH * (now - self._began))


async def _read(client: Client, body: bytes, listener: _Listener) -> None:
    """Send the request and hand on the events until the response ends."""
    from bot.model.client import pieces  # noqa: PLC0415 - see `_connect`

    reader, pace = EventReader(), Pace()
    response = await client.send_chat(body)
    try:
        if "text/event-stream" in response.headers.get("content-type", ""):
            async for piece in pieces(response, listener.pause):
                await _hand_on(reader, piece, listener, pace)
        elif (content := await _whole(response)).lstrip().startswith((b"data:", b":")):
            await _hand_on(reader, content, listener, pace)
        else:
            listener.take(content)
        for data in reader.finish():
            listener.take(data)
    finally:
        await response.aclose()


async def _hand_on(reader: EventReader, piece: bytes, listener: _Listener, pace: Pace) -> None:
    """Hand on the events of a piece of any size. A piece of nothing but short lines takes a second for 10 MB, and a
    compressed one grows a thousandfold."""
    for start in range(0, len(piece), SLICE):
        for data in reader.feed(piece[start : start + SLICE]):
            listener.take(data)
            await pace.rest()
        await pace.rest()


async def _whole(response: httpx2.Response) -> bytes:
    """A body that is no stream. Raises BrokenReply for one that is too long."""
    content = bytearray()
    async for piece in response.aiter_bytes():
        content += piece
        if len(content) > LONGEST_LINE:
            raise BrokenReply(f"more than {LONGEST_LINE:,} bytes in one piece")
    return bytes(content)


def _constant_fields(models: Sequence[str], max_tokens: int | None) -> str:
    """The fields that every request has, as the inside of a JSON object."""
    fields: JsonObject = {"model": models[0]} if len(models) == 1 else {"models": list(models)}
    fields["stream"] = True
    fields["usage"] = {"include": True}
    # On by default for models with a short context, and it may cut a tool call from its result.
    fields["plugins"] = [{"id": "context-compression", "enabled": False}]
    if any(model.startswith("anthropic/") for model in models):
        fields["cache_control"] = {"type": "ephemeral"}
    if max_tokens is not None:
        fields["max_tokens"] = max_tokens
    return json.dumps(fields, separators=(",", ":"))[1:-1]


def _without_reasoning(messages: Transcript) -> Transcript:
    """The messages without reasoning. It is the provider's that signed it, and another one may be answering now."""
    return Transcript(zip(messages.positions, map(_unreasoned, messages), strict=True))


def _unreasoned(message: str) -> str:
    if _REASONING.decode() not in message:
        return message
    parsed: JsonObject = json.loads(message)
    parsed.pop("reasoning_details", None)
    parsed.pop("reasoning", None)
    return json.dumps(parsed, ensure_ascii=False, separators=(",", ":"))


def _is_used(id: str, messages: Transcript) -> bool:
    """Whether a call id occurs in the conversation. Also true for the same words elsewhere, which does no harm."""
    return messages.has(json.dumps(id).encode())
