"""Endpoints that are not OpenRouter: what they refuse is left out, once for the life of the process, and what is wrong
with them is said in plain words."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import (
    ContextTooLong,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    ModelUnknown,
    ModelWithoutTools,
    UntrustedEndpoint,
    WrongEndpoint,
)
from bot.model.endpoint_dialect import LEFT_OUT
from bot.model.openrouter import OpenRouter
from slack_sandbox.openrouter import ChatRequest, Completion, Failure, ModelSandbox, call, calls, text
from slack_sandbox.openrouter.script import Answer
from slack_sandbox.openrouter.servers import NO_IMAGES, NO_MODEL, NO_TOOLS, SERVERS, TOO_LONG, Server, raw
from tests.unit.model.conftest import Connect, Pieces, asking, tool, user

pytestmark = pytest.mark.anyio
JsonObject = dict[str, Any]


def by_name(servers: Sequence[Server]) -> list[Any]:
    return [pytest.param(server, id=server.name) for server in servers]


def conversation(*, reasoning: bool = True) -> list[JsonObject]:
    """One with all that only some servers take: reasoning, a content of null, and a list of parts in a result."""
    made = [{"id": "c1", "type": "function", "function": {"name": "filesystem__read_text_file", "arguments": "{}"}}]
    assistant: JsonObject = {"role": "assistant", "content": None, "tool_calls": made}
    if reasoning:
        assistant |= {"reasoning_details": [{"type": "reasoning.text", "text": "Hm."}], "reasoning_content": "Hm."}
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    return [user(), assistant, {"role": "tool", "tool_call_id": "c1", "content": parts}]


@pytest.fixture(params=by_name(SERVERS))
async def other(request: pytest.FixtureRequest) -> AsyncIterator[ModelSandbox]:
    async with ModelSandbox(server=request.param) as model:
        yield model
        assert model.violations == []


async def test_what_a_server_refuses_is_left_out_from_then_on(other: ModelSandbox, connect: Connect) -> None:
    client = connect(base_url=other.base_url, models=["anthropic/a", "b"], attempts=1)

    taught = 0
    for number in range(3):
        other.script(text(f"Answer {number}."))
        reply = await client.complete(asking(*conversation(), session_id=f"thread-{number}"))
        assert reply.message["content"] == f"Answer {number}."
        if number == 0:
            taught = other.refused
    assert other.refused == taught, "it is asked for the same only once"
    assert other.refused <= 12
    last = other.requests[-1]
    assert last.model == "anthropic/a"
    assert last.tools == [tool()]
    assert last.messages[0] == user()
    assert [made["id"] for made in last.messages[1]["tool_calls"]] == ["c1"]
    assert "one" in str(last.messages[2]["content"])


async def test_a_server_that_refuses_marks_for_a_cache_gets_none(other: ModelSandbox, connect: Connect) -> None:
    client = connect(base_url=other.base_url, models=["qwen/a"], attempts=1)
    for number in range(2):
        other.script(text("Two."))
        request = replace(asking(*conversation(), session_id=f"thread-{number}"), cache_marks=True)
        assert (await client.complete(request)).message["content"] == "Two."
    assert "one" in str(other.requests[-1].messages[2]["content"])


async def test_a_call_its_result_and_an_answer(other: ModelSandbox, connect: Connect) -> None:
    client, shown = connect(base_url=other.base_url), Pieces()
    other.script(
        calls(call("filesystem__read_text_file", {"path": "a"}), with_index=False, reasoning="I read it."), text("Two.")
    )
    first = await client.complete(asking())
    result = {"role": "tool", "tool_call_id": first.message["tool_calls"][0]["id"], "content": "1\n2"}
    second = await client.complete(asking(user(), first.message, result), shown)
    assert (second.message["content"], "".join(shown)) == ("Two.", "Two.")
    assert second.finish_reason == "stop"


async def test_only_a_request_that_asks_for_marks_has_them(sandbox: ModelSandbox, connect: Connect) -> None:
    client = connect(models=["qwen/a"])
    await client.complete(asking(*conversation(reasoning=False)))
    await client.complete(replace(asking(*conversation(reasoning=False)), cache_marks=True))
    plain, marked = (json.dumps(each.messages) for each in sandbox.requests)
    assert (plain.count("cache_control"), marked.count("cache_control")) == (0, 2)


async def test_openrouter_gets_all_of_its_fields(sandbox: ModelSandbox, connect: Connect) -> None:
    await connect(models=["a", "b"]).complete(asking(*conversation(reasoning=False)))
    assert {"models", "usage", "plugins", "session_id", "user", "stream_options"} <= sandbox.requests[0].payload.keys()
    assert len(sandbox.requests) == 1


NO_REASONING = {
    "Groq": "'messages.1' : for 'role:assistant' the following must be satisfied[('messages.1' : property "
    "'reasoning_details' is unsupported)]",
    "Cerebras": "messages.1.assistant.reasoning_details: property 'reasoning_details' is unsupported",
    "a model of Groq": "messages[1].reasoning_details: reasoning is not supported with this model",
}


@pytest.mark.parametrize("words", NO_REASONING.values(), ids=NO_REASONING)
async def test_reasoning_that_no_message_may_have_is_left_out_of_every_thread(
    sandbox: ModelSandbox, connect: Connect, words: str
) -> None:
    client = connect()
    sandbox.script(raw(400, {"error": {"message": words, "type": "invalid_request_error"}}), text("One."), text("Two."))
    await client.complete(asking(*conversation(), session_id="one"))
    await client.complete(asking(*conversation(), session_id="two"))
    assert len(sandbox.requests) == 3
    assert b"reasoning_details" in sandbox.requests[0].body
    assert b"reasoning_details" not in sandbox.requests[1].body + sandbox.requests[2].body


async def test_the_longest_reply_is_called_as_newer_models_want_it(sandbox: ModelSandbox, connect: Connect) -> None:
    words = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    sandbox.script(raw(400, {"error": {"message": words, "code": "unsupported_parameter"}}), text("Here."))
    await connect(max_tokens=500).complete(asking())
    assert "max_tokens" not in sandbox.requests[1].payload
    assert sandbox.requests[1].payload["max_completion_tokens"] == 500


UNRELATED = {
    "a bad value": "Invalid value for 'temperature'",
    "nothing known": "Provider returned error",
    "prose with names of fields": "The usage of this model by the user is not permitted by the provider",
    "a bad path": "messages.2: the role is not supported",
}


@pytest.mark.parametrize("words", UNRELATED.values(), ids=UNRELATED)
async def test_another_refusal_changes_nothing(sandbox: ModelSandbox, client: OpenRouter, words: str) -> None:
    sandbox.script(raw(400, {"error": {"message": words, "type": "invalid_request_error"}}), text("Here."))
    with pytest.raises(ModelRefused):
        await client.complete(asking())
    await client.complete(asking())
    first, second = sandbox.requests
    assert first.body == second.body


IMAGE: JsonObject = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize("refused", NO_IMAGES.values(), ids=NO_IMAGES)
async def test_an_image_that_the_model_cannot_read_is_left_out(
    sandbox: ModelSandbox, client: OpenRouter, refused: Failure
) -> None:
    sandbox.script(refused, text("I can't see it."), text("Still not."))
    picture = {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE, IMAGE]}
    reply = await client.complete(asking(picture))
    assert reply.message["content"] == "I can't see it."
    await client.complete(asking(picture))
    assert [request.messages[0]["content"] for request in sandbox.requests[1:]] == [f"What is this?\n{LEFT_OUT}"] * 2


def kinds(shapes: dict[str, Any], error: type[ModelError]) -> list[Any]:
    return [pytest.param(failed, error, id=f"{error.__name__}: {name}") for name, failed in shapes.items()]


@pytest.mark.parametrize(
    ("failed", "error"),
    [
        *kinds(dict(TOO_LONG), ContextTooLong),
        *kinds(dict(NO_MODEL), ModelUnknown),
        *kinds(dict(NO_TOOLS), ModelWithoutTools),
        *kinds({server.name: server.no_path for server in SERVERS}, WrongEndpoint),
        *kinds({"no method": raw(405, {"detail": "Method Not Allowed"}), "nothing": raw(404, "")}, WrongEndpoint),
    ],
)
async def test_a_server_s_own_words_are_understood(
    sandbox: ModelSandbox, client: OpenRouter, failed: Failure, error: type[ModelError]
) -> None:
    sandbox.respond = lambda request: failed
    with pytest.raises(ModelError) as raised:
        await client.complete(asking())
    assert type(raised.value) is error
    assert len(sandbox.requests) == 1


async def test_a_model_that_is_being_loaded_is_asked_again(sandbox: ModelSandbox, client: OpenRouter) -> None:
    loading = raw(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})
    sandbox.script(loading, text("Ready."))
    assert (await client.complete(asking())).message["content"] == "Ready."


class TestToolsThatAreNotNamed:
    """A refusal of some tool whose name and position nobody says, as llama.cpp's."""

    GRAMMAR = raw(
        400,
        {
            "error": {
                "code": 400,
                "message": "Failed to initialize samplers: failed to parse grammar",
                "type": "invalid_request_error",
            }
        },
    )

    def refusing(self, *bad: int, most: int = 10_000) -> Any:
        names = {f"files__tool_{number}" for number in bad}

        def respond(request: ChatRequest) -> Answer:
            sent = {each["function"]["name"] for each in request.tools}
            return self.GRAMMAR if sent & names or len(sent) > most else text("Here.", cost=0.5)

        return respond

    @staticmethod
    def tools(count: int) -> list[JsonObject]:
        return [tool(f"files__tool_{number}") for number in range(count)]

    @staticmethod
    def real(sandbox: ModelSandbox) -> list[ChatRequest]:
        return [request for request in sandbox.requests if "max_tokens" not in request.payload]

    @pytest.mark.parametrize(("count", "bad"), [(2, [0]), (2, [1]), (9, [4]), (128, [77]), (40, [3, 30])])
    async def test_they_are_found_and_left_out(
        self, sandbox: ModelSandbox, client: OpenRouter, count: int, bad: list[int]
    ) -> None:
        sandbox.respond = self.refusing(*bad)
        reply = await client.complete(asking(tools=self.tools(count)))
        assert reply.message["content"] == "Here."
        first, second = self.real(sandbox)
        assert first.messages == second.messages
        left_out = {f"files__tool_{number}" for number in bad}
        names = [each["function"]["name"] for each in second.tools]
        assert names == [f"files__tool_{n}" for n in range(count) if f"files__tool_{n}" not in left_out]
        accepted = sum(1 for request in sandbox.requests if not isinstance(sandbox.respond(request), Failure))
        assert reply.usage.cost == pytest.approx(accepted * 0.5), "what the search costs is counted"
        before = len(sandbox.requests)
        await client.complete(asking(tools=self.tools(count)))
        assert len(sandbox.requests) == before + 1, "it is searched for once"

    async def test_as_many_are_kept_as_are_accepted_together(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.respond = self.refusing(most=58)
        reply = await client.complete(asking(tools=self.tools(60)))
        assert reply.message["content"] == "Here."
        assert 50 <= len(sandbox.requests[-1].tools) <= 58

    async def test_the_search_is_bounded(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.respond = self.refusing(*range(0, 128, 2))
        await client.complete(asking(tools=self.tools(128)))
        assert len(sandbox.requests) <= 30

    async def test_a_refusal_of_the_conversation_is_not_blamed_on_a_tool(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.respond = lambda request: text("OK.") if "max_tokens" in request.payload else self.GRAMMAR
        with pytest.raises(ModelRefused):
            await client.complete(asking(tools=self.tools(8)))
        sandbox.respond = lambda request: text("OK.")
        await client.complete(asking(tools=self.tools(8)))
        assert len(sandbox.requests[-1].tools) == 8

    async def test_a_failure_during_the_search_counts_as_one_of_the_request(
        self, sandbox: ModelSandbox, connect: Connect
    ) -> None:
        respond, seen = self.refusing(5), 0

        def sometimes(request: ChatRequest) -> Answer:
            nonlocal seen
            seen += 1
            return raw(503, "busy") if seen == 4 else respond(request)

        sandbox.respond = sometimes
        with pytest.raises(ModelUnavailable):
            await connect(attempts=1).complete(asking(tools=self.tools(12)))

    async def test_threads_that_are_refused_together_search_once(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.respond = self.refusing(3)
        requests = [asking(tools=self.tools(16), session_id=f"thread-{number}") for number in range(6)]
        replies = await asyncio.gather(*(client.complete(request) for request in requests))
        assert [reply.message["content"] for reply in replies] == ["Here."] * 6
        assert len(sandbox.requests) <= 6 + 6 + 12


ODD_CHUNKS: dict[str, tuple[list[JsonObject], str]] = {
    "Ollama's call, whole and at once": (
        [
            {
                "tool_calls": [
                    {"id": "call_rcja46yu", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
                ]
            }
        ],
        '{"a":1}',
    ),
    "arguments that are an object": (
        [{"tool_calls": [{"index": 0, "id": "1", "function": {"name": "f", "arguments": {"a": 1}}}]}],
        '{"a": 1}',
    ),
    "no id": ([{"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a":1}'}}]}], '{"a":1}'),
    "an id of a number": (
        [{"tool_calls": [{"index": 0, "id": 123456789, "function": {"name": "f", "arguments": '{"a":1}'}}]}],
        '{"a":1}',
    ),
    "an index that is a text": (
        [
            {"tool_calls": [{"index": "0", "id": "c", "function": {"name": "f", "arguments": '{"a"'}}]},
            {"tool_calls": [{"index": "0", "function": {"arguments": ":1}"}}]},
        ],
        '{"a":1}',
    ),
}


@pytest.mark.parametrize("name", ODD_CHUNKS)
@pytest.mark.parametrize("finish", ["tool_calls", "stop", ""])
async def test_calls_of_local_servers_are_read(
    sandbox: ModelSandbox, client: OpenRouter, name: str, finish: str
) -> None:
    deltas, arguments = ODD_CHUNKS[name]
    sandbox.script(Completion(deltas=deltas, finish_reason=finish, usage={}))
    reply = await client.complete(asking(tools=[tool("f")]))
    (made,) = reply.message["tool_calls"]
    assert (made["function"]["name"], json.loads(made["function"]["arguments"])) == ("f", json.loads(arguments))
    assert reply.usage.cost == 0
    assert made["id"]


class Plain:
    """A server of bytes."""

    def __init__(self, answer: bytes, context: ssl.SSLContext | None = None, *, http: bool = True) -> None:
        self._answer, self._context, self._http = answer, context, http
        self.paths: list[bytes] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Not all of it: there is no end of the headers in a TLS handshake.
            self.paths.append((await reader.readuntil(b"HTTP" if self._http else b"\x03")).split(b" ")[-2:][0])
            writer.write(self._answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def __aenter__(self) -> Plain:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()


ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
    b'{"choices":[{"index":0,"message":{"role":"assistant","content":"Hello."}}]}'
)
"""The least that a reply may be: no id, no model, no usage, no finish_reason, and not streamed."""


async def test_the_least_of_a_reply_over_http_below_a_path_is_read(connect: Connect) -> None:
    async with Plain(ANSWER) as server:
        client = connect(base_url=f"http://127.0.0.1:{server.port}/some/prefix/v1", api_key="x")
        assert (await client.complete(asking())).message["content"] == "Hello."
    assert server.paths == [b"/some/prefix/v1/chat/completions"]


async def test_tls_to_a_server_without_it_names_the_setting(connect: Connect) -> None:
    async with Plain(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", http=False) as server:
        with pytest.raises(WrongEndpoint) as raised:
            await connect(base_url=f"https://127.0.0.1:{server.port}/v1").complete(asking())
    assert "OPENROUTER_BASE_URL" in raised.value.sentence


async def test_a_certificate_that_nobody_trusts_is_named(connect: Connect, tmp_path: Path) -> None:
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"]
    subprocess.run([*made, "-subj", "/CN=localhost", "-days", "1"], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    async with Plain(ANSWER, context) as server:
        with pytest.raises(UntrustedEndpoint) as raised:
            await connect(base_url=f"https://127.0.0.1:{server.port}/v1").complete(asking())
    assert "certificate" in raised.value.sentence
    assert "self" in raised.value.detail
