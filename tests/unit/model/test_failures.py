"""Failed requests over a real socket: which are retried, which are not, and which error is raised."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import (
    ContextTooLong,
    ModelError,
    ModelFlagged,
    ModelRateLimited,
    ModelRefused,
    ModelUnauthorized,
    ModelUnavailable,
    ModelUnknown,
    ModelUnpaid,
)
from bot.model import failures
from bot.model.error_objects import BrokenReply
from bot.model.failures import classify
from bot.model.openrouter import OpenRouter
from slack_sandbox.openrouter import Failure, ModelSandbox, call, calls, failure, text
from tests.unit.model.conftest import Connect, Pieces, asking, user

pytestmark = pytest.mark.anyio

PASSING = {
    "408": failure(408),
    "429": failure(429),
    "429 in the newer shape": failure(429, newer=True),
    "500": failure(500),
    "502": failure(502),
    "503": failure(503),
    "503 in the newer shape": failure(503, newer=True),
    "529": failure(529),
    "error object with status 200": failure("error_in_200"),
    "rate limit with status 200": failure("error_in_200", code=429),
    "finish_reason error": failure("error_finish"),
    "error in mid-stream": failure("error_chunk"),
    "error in mid-stream with a name as its code": failure("error_chunk", code="server_error"),
    "connection closed in mid-stream": failure("truncated"),
    "stream without an end": failure("unfinished"),
    "an event that is no JSON": failure("garbage"),
    "a web page": failure("html"),
    "connection closed before the headers": failure("dropped"),
}

FINAL = {
    "400": (failure(400), ModelRefused),
    "400 in the newer shape": (failure(400, newer=True), ModelRefused),
    "400 in mid-stream": (failure("error_chunk", code=400), ModelRefused),
    "401": (failure(401), ModelUnauthorized),
    "402": (failure(402), ModelUnpaid),
    "402 with status 200": (failure("error_in_200", code=402), ModelUnpaid),
    "403": (failure(403), ModelRefused),
    "403 for a key that has used up its limit": (failure(403, message="Key limit exceeded (total limit)"), ModelUnpaid),
    "404": (failure(404), ModelUnknown),
    "413": (failure(413), ContextTooLong),
    "context_length_exceeded": (failure("context_length_exceeded"), ContextTooLong),
    "context_length_exceeded in the newer shape": (
        failure(400, error_type="context_length_exceeded", newer=True),
        ContextTooLong,
    ),
    "a conversation that is too long, in words": (
        failure(400, message="This model's maximum context length is 8192 tokens."),
        ContextTooLong,
    ),
    "a conversation that is too long, in the provider's words": (
        failure(400, metadata={"raw": '{"error":{"message":"prompt is too long: 213462 tokens > 200000 maximum"}}'}),
        ContextTooLong,
    ),
    "moderation": (failure(403, error_type="content_policy_violation"), ModelFlagged),
    "used-up quota that is called a rate limit": (failure(429, error_type="insufficient_quota"), ModelUnpaid),
    "an overload that the provider calls final": (failure(503, newer=True, retryable=False), ModelUnavailable),
    "invalid reasoning when none was sent": (failure("invalid_signature"), ModelRefused),
}


@pytest.mark.parametrize("broken", PASSING.values(), ids=PASSING)
async def test_a_transient_failure_is_retried(sandbox: ModelSandbox, client: OpenRouter, broken: Failure) -> None:
    sandbox.script(broken, text("Here."))

    reply = await client.complete(asking())

    assert reply.message == {"role": "assistant", "content": "Here."}
    assert [request.body for request in sandbox.requests] == [sandbox.requests[0].body] * 2
    assert sandbox.violations == []


@pytest.mark.parametrize(("broken", "error"), FINAL.values(), ids=FINAL)
async def test_a_permanent_failure_is_raised_at_once(
    sandbox: ModelSandbox, client: OpenRouter, broken: Failure, error: type[ModelError]
) -> None:
    sandbox.script(broken, text("never asked for"))

    with pytest.raises(ModelError) as raised:
        await client.complete(asking())

    assert type(raised.value) is error
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("kind", ["stalled", "hang"])
async def test_a_silent_stream_is_aborted_and_retried_even_if_comments_arrive(
    sandbox: ModelSandbox, connect: Connect, kind: Any
) -> None:
    sandbox.script(failure(kind), text("Here."))

    reply = await connect(idle_seconds=0.4).complete(asking())

    assert reply.message["content"] == "Here."
    await sandbox.until(lambda: sandbox.aborted == 1, what="the silent stream to be closed")


async def test_a_slow_stream_is_not_aborted_while_tokens_arrive(sandbox: ModelSandbox, connect: Connect) -> None:
    sandbox.script(text("one two three four", chunks=10, delay=0.07))

    reply = await connect(idle_seconds=0.5).complete(asking())

    assert reply.message["content"] == "one two three four"
    assert len(sandbox.requests) == 1


async def test_a_slow_first_token_is_waited_for(sandbox: ModelSandbox, client: OpenRouter) -> None:
    sandbox.script(text("Here.", first_token=0.1))

    assert (await client.complete(asking())).message["content"] == "Here."


async def test_a_persistent_failure_is_raised_after_the_last_attempt(sandbox: ModelSandbox, connect: Connect) -> None:
    sandbox.respond = lambda request: failure("error_chunk", message="The datacentre is on fire")

    with pytest.raises(ModelUnavailable, match="on fire"):
        await connect(attempts=4).complete(asking())

    assert len(sandbox.requests) == 4


async def test_a_persistent_rate_limit_is_raised_as_one(sandbox: ModelSandbox, client: OpenRouter) -> None:
    sandbox.respond = lambda request: failure(429)

    with pytest.raises(ModelRateLimited):
        await client.complete(asking())


@pytest.mark.parametrize("newer", [False, True], ids=["in the header", "in the error"])
async def test_the_pause_that_the_provider_asks_for_is_kept(
    sandbox: ModelSandbox, client: OpenRouter, newer: bool
) -> None:
    sandbox.script(failure(429, retry_after=0.3, newer=newer), text("Here."))

    await client.complete(asking())

    first, second = sandbox.requests
    assert 0.3 <= second.at - first.at < 10


@pytest.mark.parametrize(
    ("asked", "total_seconds"),
    [(90, 300), ("a date", 300), (15, 10)],
    ids=["longer than a person waits", "the same as a date", "longer than all the time there is"],
)
async def test_the_request_fails_if_the_provider_asks_for_too_long_a_pause(
    sandbox: ModelSandbox, connect: Connect, asked: float | str, total_seconds: float
) -> None:
    if asked == "a date":
        asked = formatdate(time.time() + 90, usegmt=True)
    sandbox.script(failure(429, retry_after=asked), text("never asked for"))

    with pytest.raises(ModelRateLimited):
        await connect(total_seconds=total_seconds).complete(asking())

    assert len(sandbox.requests) == 1


async def test_the_total_limit_covers_all_attempts(sandbox: ModelSandbox, connect: Connect) -> None:
    sandbox.respond = lambda request: failure("hang")
    client = connect(idle_seconds=0.1, total_seconds=1, attempts=100)
    await client.warm()
    began = time.monotonic()

    with pytest.raises(ModelUnavailable):
        await client.complete(asking())

    assert time.monotonic() - began < 10
    assert 2 <= len(sandbox.requests) <= 10


async def test_no_server_at_all_is_unavailable(connect: Connect) -> None:
    client = connect(base_url="http://127.0.0.1:9/api/v1", attempts=2)

    with pytest.raises(ModelUnavailable):
        await client.complete(asking())


COMPLETE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 9999\r\n\r\n"
    b'data: {"choices":[{"delta":{"content":"All of it."},"finish_reason":"stop"}]}\n\n'
)
"""A complete reply in an incomplete response."""


async def test_a_reply_whose_end_is_lost_after_the_finish_reason_is_not_paid_for_twice(connect: Connect) -> None:
    served: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(COMPLETE)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reply = await connect(base_url=f"http://127.0.0.1:{port}").complete(asking())

    assert reply.message["content"] == "All of it."
    assert len(served) == 1


async def test_a_connection_that_stays_open_after_the_end_is_not_waited_for(connect: Connect) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(COMPLETE + b"data: [DONE]\n\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        client = connect(base_url=f"http://127.0.0.1:{port}", idle_seconds=60, total_seconds=60)
        async with asyncio.timeout(20):
            reply = await client.complete(asking())

    assert reply.message["content"] == "All of it."


async def test_cancelling_closes_the_connection_so_that_the_bill_stops(
    sandbox: ModelSandbox, client: OpenRouter
) -> None:
    sandbox.script(failure("stalled"))
    task = asyncio.create_task(client.complete(asking()))
    await sandbox.until(lambda: sandbox.requests, what="the request")

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await sandbox.until(lambda: sandbox.aborted == 1, what="the connection to close")


async def test_an_exception_of_the_callback_propagates_and_closes_the_connection(
    sandbox: ModelSandbox, client: OpenRouter
) -> None:
    sandbox.script(text("Hello there", chunks=4, delay=0.02))

    class Broken(Pieces):
        def add(self, piece: str) -> None:
            raise LookupError(piece)

    with pytest.raises(LookupError):
        await client.complete(asking(), Broken())

    await sandbox.until(lambda: sandbox.connections == 0, what="the connection to close")


class TestReasoningThatIsRejected:
    """Reasoning that was signed by another provider, or too long ago."""

    ASSISTANT = (
        '{"role": "assistant",  "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": '
        '{"name": "filesystem__read_text_file", "arguments": "{\\"path\\":\\"ä\\"}"}}], '
        '"reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "old", "index": 0}]}'
    )
    RESULT = '{"role":  "tool", "tool_call_id": "c1", "content": "text"}'

    @pytest.mark.parametrize("name", ["invalid_signature", "invalid_encrypted_content"])
    async def test_it_is_removed_and_the_request_sent_once_more(
        self, sandbox: ModelSandbox, client: OpenRouter, name: Any
    ) -> None:
        sandbox.script(failure(name), text("Here."))

        reply = await client.complete(asking(json.dumps(user()), self.ASSISTANT, self.RESULT))

        assert reply.message["content"] == "Here."
        first, second = sandbox.requests
        assert self.ASSISTANT.encode() in first.body
        assert b"reasoning_details" not in second.body
        assert self.RESULT.encode() in second.body
        assert second.messages[1]["tool_calls"] == first.messages[1]["tool_calls"]
        assert sandbox.violations == []

    async def test_it_is_not_tried_a_third_time(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.respond = lambda request: failure("invalid_signature")

        with pytest.raises(ModelRefused):
            await client.complete(asking(user(), self.ASSISTANT, self.RESULT))

        assert len(sandbox.requests) == 2

    async def test_the_request_is_resent_only_once_if_nothing_could_be_removed(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.respond = lambda request: failure("invalid_signature")
        odd = {"role": "user", "content": [{"type": "text", "text": "x", "reasoning_details": []}]}

        with pytest.raises(ModelRefused):
            await client.complete(asking(odd))

        assert len(sandbox.requests) == 2

    async def test_it_does_not_use_up_an_attempt(self, sandbox: ModelSandbox, connect: Connect) -> None:
        sandbox.script(failure(503), failure("invalid_signature"), failure(503), text("Here."))

        reply = await connect(attempts=3).complete(asking(user(), self.ASSISTANT, self.RESULT))

        assert reply.message["content"] == "Here."


class TestSecrets:
    async def test_the_key_is_never_in_an_error(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        key = sandbox.api_key
        said = f"Incorrect API key provided: {key}. Also sk-or-v1-0123****abcd and Bearer abcdefgh12345."
        sandbox.script(failure(401, message=said, metadata={"raw": f'{{"key":"{key}"}}'}))

        with pytest.raises(ModelUnauthorized) as raised:
            await client.complete(asking())

        shown = f"{raised.value!r} {raised.value.detail} {raised.value.sentence}"
        assert "sk-or" not in shown
        assert "abcdefgh12345" not in shown
        assert raised.value.__cause__ is None

    async def test_a_key_that_does_not_look_like_one_is_not_in_an_error_either(self) -> None:
        problem = BrokenReply("an error in the reply", {"code": 401, "message": "no such key: hunter2"})

        assert "hunter2" not in classify(problem, "hunter2").error.detail

    async def test_the_key_and_the_conversation_are_never_logged(
        self, sandbox: ModelSandbox, client: OpenRouter, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        sandbox.script(failure(500, message=f"bad key {sandbox.api_key}"), failure("garbage"), text("secret answer"))

        await client.complete(asking(user("secret question")))

        assert [record for record in caplog.records if record.name.startswith(("httpx2", "openai", "httpcore2"))] == []
        assert "the model failed" in caplog.text
        for secret in (sandbox.api_key, "secret question", "secret answer"):
            assert secret not in caplog.text

    async def test_a_long_answer_of_a_proxy_is_truncated(self) -> None:
        response = SimpleNamespace(headers={}, status_code=502)
        problem = RuntimeError("Error code: 502")
        problem.__dict__.update(status_code=502, body="<html>" + "<p>gateway</p>" * 10_000, response=response)

        detail = classify(problem).error.detail

        assert len(detail) <= 600
        assert "<p>" not in detail


ERRORS: dict[str, tuple[dict[str, Any], type[ModelError], bool]] = {
    "nothing but words": ({"message": "Provider returned error"}, ModelUnavailable, True),
    "a number as text": ({"code": "429", "message": "slow down"}, ModelRateLimited, True),
    "a number that is no status": ({"code": 1234, "message": "?"}, ModelUnavailable, True),
    "an unknown name": ({"code": "ECONNRESET", "message": "?"}, ModelUnavailable, True),
    "a provider's own name": ({"code": "overloaded_error", "message": "Overloaded"}, ModelUnavailable, True),
    "a provider's own name of a lasting error": (
        {"code": "authentication_error", "message": "no"},
        ModelUnauthorized,
        False,
    ),
    "a named refusal": ({"code": "invalid_prompt", "message": "no"}, ModelRefused, False),
    "an unmapped error with a status": (
        {"code": 400, "message": "no", "metadata": {"error_type": "unmapped"}},
        ModelRefused,
        False,
    ),
    "metadata that is no object": ({"code": 500, "message": "no", "metadata": "x"}, ModelUnavailable, True),
    "null everywhere": ({"code": None, "message": None, "metadata": None}, ModelUnavailable, True),
    "a refusal of the model": ({"code": 502, "message": "no", "error_type": "refusal"}, ModelFlagged, False),
}


@pytest.mark.parametrize(("error", "kind", "retryable"), ERRORS.values(), ids=ERRORS)
async def test_an_error_object_of_any_shape_is_classified(
    error: dict[str, Any], kind: type[ModelError], retryable: bool
) -> None:
    found = classify(BrokenReply("an error in the reply", error))

    assert type(found.error) is kind
    assert found.retryable is retryable


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-1", None), ("soon", None), ("inf", None), ("nan", None), ("", None)],
)
async def test_retry_after_is_read_only_when_it_is_a_time(header: str, seconds: float | None) -> None:
    problem = RuntimeError()
    response = SimpleNamespace(headers={"retry-after": header})
    problem.__dict__.update(status_code=429, body={"error": {"code": 429, "message": "slow"}}, response=response)

    assert classify(problem).retry_after == seconds


async def test_the_pause_may_be_in_the_error_object_only() -> None:
    error = {"code": 429, "message": "slow", "availability": {"retryable": True, "retry_after": 3}}

    assert classify(BrokenReply("an error in the reply", error)).retry_after == 3


async def test_a_retry_after_in_the_past_is_no_pause() -> None:
    problem = RuntimeError()
    response = SimpleNamespace(headers={"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"})
    problem.__dict__.update(status_code=503, body=None, response=response)

    assert classify(problem).retry_after == 0


async def test_the_pieces_start_over_after_a_failure(sandbox: ModelSandbox, client: OpenRouter) -> None:
    sandbox.script(failure("error_chunk", before=text("Hel")), calls(call("filesystem__read_text_file"), text="Hello"))
    pieces = Pieces()

    await client.complete(asking(), pieces)

    assert (pieces, pieces.restarts) == (["Hello"], 1)


def test_only_the_client_module_imports_openai() -> None:
    sources = {path.name: path.read_text() for path in Path(failures.__file__).parent.glob("*.py")}

    assert [name for name, source in sources.items() if re.search(r"^\s*(from|import) openai", source, re.M)] == [
        "client.py"
    ]


ODD = (True, -1, 10**400, 1e308, float("nan"), float("inf"), None, "", "\ud800", "x" * 300, [], {}, [[]], {"a": 1})


@pytest.mark.parametrize("field", ["message", "code", "error_type", "metadata", "raw", "availability", "retry_after"])
async def test_an_error_object_with_arbitrary_values_is_still_a_model_error(field: str) -> None:
    for odd in ODD:
        error: dict[str, Any] = {"code": 502, "message": "m", "metadata": {"raw": "r"}, "availability": {}}
        within = {"raw": error["metadata"], "retry_after": error["availability"]}.get(field, error)
        within[field] = odd
        found = classify(BrokenReply("broken", error), "secret")
        assert isinstance(found.error, ModelError)
        assert found.retry_after is None or 0 <= found.retry_after < float("inf")
