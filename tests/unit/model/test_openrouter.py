"""Requests to OpenRouter as they go over the wire and how replies are read, over a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from bot.core.ports.model import Model
from bot.core.transaction import Usage
from bot.errors import ModelUnauthorized, SettingsError
from bot.model.client import FAST_BYTES, ReadThrottle
from bot.model.key_check import check_key, require_key
from bot.model.openrouter import OpenRouter
from bot.model.reply_reader import CALLS_SECONDS
from bot.model.sse import EventReader
from slack_sandbox.openrouter import ChatRequest, ModelSandbox, call, calls, empty, failure, text
from tests.unit.model.conftest import Connect, Pieces, asking, tool, user

pytestmark = pytest.mark.anyio

READ = "filesystem__read_text_file"


async def test_it_is_a_model(client: OpenRouter) -> None:
    model: Model = client
    assert model is client


class TestTheRequest:
    async def test_messages_and_tools_go_byte_for_byte(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        odd = '{ "content" : "\\u00fc ü 🙂 \\ud83d\\ude42 <b>",\n "role":"user"}'
        request = asking(odd, user())

        await client.complete(request)

        body = sandbox.requests[0].body.decode()
        assert f'"messages":[{odd},{list(request.messages)[1]}]' in body
        assert f'"tools":{request.tools}' in body
        assert sandbox.violations == []

    async def test_it_asks_for_a_stream_with_openrouters_fields(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        await client.complete(asking(session_id="thread-7", user="someone", tool_choice="none"))

        payload = sandbox.requests[0].payload
        del payload["messages"], payload["tools"]
        assert payload == {
            "model": "sandbox/model",
            "stream": True,
            "stream_options": {"include_usage": True},
            "usage": {"include": True},
            "plugins": [{"id": "context-compression", "enabled": False}],
            "session_id": "thread-7",
            "user": "someone",
            "tool_choice": "none",
        }

    async def test_no_tools_means_no_tool_fields(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        await client.complete(asking(tools=[]))

        assert {"tools", "tool_choice"}.isdisjoint(sandbox.requests[0].payload)
        assert sandbox.violations == []

    async def test_fallbacks_go_as_models(self, sandbox: ModelSandbox, connect: Connect) -> None:
        await connect(models=["a/first", "b/second"], max_tokens=500).complete(asking())

        payload = sandbox.requests[0].payload
        assert payload["models"] == ["a/first", "b/second"]
        assert "model" not in payload
        assert payload["max_tokens"] == 500

    async def test_the_models_and_the_effort_of_a_request_take_the_place_of_the_clients(
        self, sandbox: ModelSandbox, connect: Connect
    ) -> None:
        client = connect(provider={"zdr": True, "order": ["a"]})
        for models, effort in (((), ""), (("anthropic/b",), "high"), (("a/b", "c/d", "e/f", "g/h"), "none"), ((), "")):
            await client.complete(replace(asking(), models=models, effort=effort))

        first, second, third, last = (request.payload for request in sandbox.requests)
        assert (first["model"], "reasoning" in first) == ("sandbox/model", False)
        assert (second["model"], second["reasoning"]) == ("anthropic/b", {"effort": "high"})
        assert second["cache_control"] == {"type": "ephemeral"}
        assert (third["models"], third["reasoning"]) == (["a/b", "c/d", "e/f"], {"effort": "none"})
        assert last == first
        assert first["provider"] == third["provider"] == {"zdr": True, "order": ["a"]}

    async def test_reasoning_that_others_have_written_is_not_sent(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        theirs = {"role": "assistant", "content": "Hi.", "reasoning_details": [{"type": "reasoning.text", "text": "a"}]}
        own = {**theirs, "reasoning_details": [{"type": "reasoning.text", "text": "b"}]}

        await client.complete(replace(asking(user(), theirs, user(), own, user()), others_until=1))

        sent = sandbox.requests[0].messages
        assert "reasoning_details" not in sent[1]
        assert sent[3] == own

    @pytest.mark.parametrize("models", [[], ["a/1", "a/2", "a/3", "a/4"]])
    async def test_no_model_or_more_than_openrouter_accepts_is_an_error_at_construction(
        self, connect: Connect, models: list[str]
    ) -> None:
        with pytest.raises(ValueError, match="fallbacks"):
            connect(models=models)

    async def test_anthropics_models_are_asked_to_cache(self, sandbox: ModelSandbox, connect: Connect) -> None:
        await connect(models=["anthropic/claude"]).complete(asking())

        assert sandbox.requests[0].payload["cache_control"] == {"type": "ephemeral"}

    async def test_a_session_id_is_truncated_to_openrouters_limit(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        await client.complete(asking(session_id="x" * 300, user=""))

        assert sandbox.requests[0].session_id == "x" * 256
        assert "user" not in sandbox.requests[0].payload

    async def test_a_lone_surrogate_does_not_stop_the_request(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        await client.complete(asking('{"role":"user","content":"half \ud83d"}'))

        assert sandbox.requests[0].said == "half ?"

    async def test_nothing_of_the_openai_environment_leaks(
        self, sandbox: ModelSandbox, connect: Connect, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in {
            "OPENAI_API_KEY": "sk-other-key",
            "OPENAI_ADMIN_KEY": "sk-admin-key",
            "OPENAI_ORG_ID": "org-leak",
            "OPENAI_PROJECT_ID": "proj-leak",
            "OPENAI_BASE_URL": "http://127.0.0.1:9/leak",
            "OPENAI_CUSTOM_HEADERS": "X-Leak: leak\nAuthorization: Bearer leak",
            "OPENAI_LOG": "debug",
        }.items():
            monkeypatch.setenv(name, value)

        await connect(title="Büro", referer="https://example.org").complete(asking())

        headers = sandbox.requests[0].headers
        assert headers["Authorization"] == f"Bearer {sandbox.api_key}"
        assert headers["Content-Type"] == "application/json"
        assert headers["X-OpenRouter-Title"] == "Bro"
        assert headers["HTTP-Referer"] == "https://example.org"
        assert not [name for name, value in headers.items() if "leak" in value or name.lower().startswith("openai")]

    async def test_a_proxy_from_the_environment_is_not_used_for_a_local_server(
        self, sandbox: ModelSandbox, client: OpenRouter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

        assert (await client.complete(asking())).message["content"] == "…"

    async def test_one_connection_serves_request_after_request(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        for _ in range(5):
            await client.complete(asking())

        assert sandbox.connections == 1

    async def test_many_conversations_at_once_each_get_their_own_answer(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.respond = lambda request: text(f"echo {request.said}", chunks=5)

        async def talk(number: int) -> str:
            reply = await client.complete(asking(user(f"number {number}"), session_id=f"thread-{number}"))
            return str(reply.message["content"])

        answers = await asyncio.gather(*(talk(number) for number in range(200)))

        assert answers == [f"echo number {number}" for number in range(200)]
        assert sandbox.violations == []


class TestTheReply:
    async def test_text_usage_model_and_provider(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        usage = {
            "prompt_tokens": 194,
            "completion_tokens": 2,
            "cost": 0.0042,
            "prompt_tokens_details": {"cached_tokens": 100},
        }
        sandbox.script(text("Hello there", chunks=4, usage=usage, model="b/second", provider="Elsewhere"))
        pieces = Pieces()

        reply = await client.complete(asking(), pieces)

        assert "".join(pieces) == "Hello there"
        assert len(pieces) == 4
        assert reply.message == {"role": "assistant", "content": "Hello there"}
        assert reply.usage == Usage(194, 2, 100, 0.0042)
        assert (reply.model, reply.provider, reply.finish_reason) == ("b/second", "Elsewhere", "stop")

    async def test_parallel_calls_that_are_streamed_in_turns(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        wanted = [call(READ, {"path": "a.txt"}, id="c1"), call(READ, {"path": "b ü.txt"}, id="c2")]
        sandbox.script(calls(*wanted, text="Two files.", chunks=6, interleave=True, finish_reason="stop"))

        reply = await client.complete(asking())

        assert reply.message == {
            "role": "assistant",
            "content": "Two files.",
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": READ, "arguments": '{"path": "a.txt"}'}},
                {"id": "c2", "type": "function", "function": {"name": READ, "arguments": '{"path": "b ü.txt"}'}},
            ],
        }
        assert reply.invalid_arguments == {}

    @pytest.mark.parametrize("chunks", [1, 3])
    @pytest.mark.parametrize("with_index", [True, False])
    @pytest.mark.parametrize("repeat_names", [True, False])
    @pytest.mark.parametrize(
        "ids", [("c1", "c2"), (None, None), ("", ""), ("c1", None)], ids=["ids", "none", "empty", "one"]
    )
    async def test_calls_as_careless_providers_stream_them(
        self,
        sandbox: ModelSandbox,
        client: OpenRouter,
        chunks: int,
        with_index: bool,
        repeat_names: bool,
        ids: tuple[str | None, str | None],
    ) -> None:
        wanted = [call(READ, {"path": "a"}, id=ids[0]), call("filesystem__list", {"path": "b"}, id=ids[1])]
        sandbox.script(calls(*wanted, chunks=chunks, with_index=with_index, repeat_names=repeat_names))

        reply = await client.complete(asking())

        made = reply.message["tool_calls"]
        assert [(one["function"]["name"], one["function"]["arguments"]) for one in made] == [
            (READ, '{"path": "a"}'),
            ("filesystem__list", '{"path": "b"}'),
        ]
        assert [one["id"] for one, id in zip(made, ids, strict=True) if id] == [id for id in ids if id]
        assert len({one["id"] for one in made}) == 2
        assert all(one["id"] for one in made)

    async def test_an_id_that_two_calls_share_stays_with_the_first(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.script(calls(call(READ, {"path": "a"}, id="same"), call(READ, {"path": "b"}, id="same")))

        reply = await client.complete(asking())

        first, second = reply.message["tool_calls"]
        assert first["id"] == "same"
        assert re.fullmatch(r"[a-zA-Z0-9]{9}", second["id"])

    async def test_an_id_that_the_conversation_has_already_is_replaced(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.respond = lambda request: calls(call(READ, {"path": str(len(request.messages))}, id="call_0"))
        history: list[dict[str, Any]] = [user()]

        for _ in range(3):
            message = (await client.complete(asking(*history))).message
            result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "text"}
            history += [message, result]

        assert sandbox.violations == []

    async def test_arguments_that_are_no_object_leave_a_message_that_can_be_sent(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        raw = ['{"path": "a', "path=a", '["a"]', "nil", '{"n": NaN}', '{"a":1}{"b":2}']
        sandbox.script(
            calls(*(call(READ, arguments, id=f"c{n}") for n, arguments in enumerate(raw)), chunks=2), text("Sorry.")
        )

        reply = await client.complete(asking())
        results = [
            {"role": "tool", "tool_call_id": one["id"], "content": "bad arguments"}
            for one in reply.message["tool_calls"]
        ]
        await client.complete(asking(user(), reply.message, *results))

        assert dict(reply.invalid_arguments) == {f"c{n}": arguments for n, arguments in enumerate(raw)}
        assert {one["function"]["arguments"] for one in reply.message["tool_calls"]} == {"{}"}
        assert sandbox.violations == []

    async def test_an_invalid_tool_name_is_replaced_by_a_valid_one(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.script(calls(call("functions.read file"), call("x" * 80), call("")), text("Sorry."))

        reply = await client.complete(asking())
        made = reply.message["tool_calls"]
        results = [{"role": "tool", "tool_call_id": one["id"], "content": "unknown tool"} for one in made]
        await client.complete(asking(user(), reply.message, *results))

        assert [one["function"]["name"] for one in made] == ["functions_read_file", "x" * 64, "unnamed"]
        assert sandbox.violations == []

    @pytest.mark.parametrize("chunks", [1, 5])
    async def test_reasoning_is_sent_back_unchanged(
        self, sandbox: ModelSandbox, client: OpenRouter, chunks: int
    ) -> None:
        details = [
            {"type": "reasoning.summary", "summary": "Looking…", "format": "openai-responses-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": "abc", "id": "rs_1", "format": "openai-responses-v1", "index": 0},
            {"type": "reasoning.text", "text": "Step 1", "signature": "sig1", "format": "anthropic", "index": 1},
            {"type": "reasoning.text", "text": "Step 2", "signature": "sig2", "format": "anthropic", "index": 1},
            {"type": "reasoning.encrypted", "data": "d1", "id": "c1", "format": "google-gemini-v1", "index": 0},
            {"type": "reasoning.encrypted", "data": "d2", "id": "c2", "format": "google-gemini-v1", "index": 0},
        ]
        wanted = [call(READ, {"path": "a"}, id="c1"), call(READ, {"path": "b"}, id="c2")]
        sandbox.script(calls(*wanted, reasoning_details=details, chunks=chunks), text("Done."))

        reply = await client.complete(asking())
        results = [{"role": "tool", "tool_call_id": id, "content": "text"} for id in ("c1", "c2")]
        await client.complete(asking(user(), reply.message, *results))

        assert reply.message["reasoning_details"] == details
        assert sandbox.violations == []
        assert sandbox.prefix_breaks == []

    async def test_an_answer_that_is_not_streamed_is_accepted(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        details = [{"type": "reasoning.text", "text": part} for part in ("one", "two")]
        sandbox.script(calls(call(READ, {"path": "a"}), text="Look.", reasoning_details=details, cost=0.5, whole=True))
        pieces = Pieces()

        reply = await client.complete(asking(), pieces)

        assert reply.message["content"] == "Look."
        assert reply.message["reasoning_details"] == details
        assert len(reply.message["tool_calls"]) == 1
        assert reply.usage.cost == 0.5
        assert pieces == ["Look."]

    async def test_an_empty_reply_is_returned_to_the_caller(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(empty())

        assert (await client.complete(asking())).message == {"role": "assistant", "content": ""}


class TestTheKey:
    async def test_a_good_key_passes(self, sandbox: ModelSandbox) -> None:
        async with aiohttp.ClientSession() as session:
            await check_key(session, sandbox.base_url, sandbox.api_key)

    @pytest.mark.parametrize("key", ["sk-or-v1-wrong", "", "sk-or-v1-abc…", "sk-or v1"])
    async def test_a_wrong_key_is_rejected(self, sandbox: ModelSandbox, key: str) -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(ModelUnauthorized):
                await check_key(session, sandbox.base_url, key)

    async def test_a_gateway_without_the_endpoint_does_not_reject_the_key(self, sandbox: ModelSandbox) -> None:
        async with aiohttp.ClientSession() as session:
            await check_key(session, sandbox.base_url + "/elsewhere", sandbox.api_key)

    @pytest.mark.parametrize("body", [b'{"message":"Missing Authentication Token"}', b"<html>Forbidden</html>", b""])
    async def test_a_gateway_that_forbids_unknown_paths_does_not_reject_the_key(self, body: bytes) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n" + body)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, aiohttp.ClientSession() as session:
            await check_key(session, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "any")

    async def test_whose_key_is_wrong_is_said(self, sandbox: ModelSandbox) -> None:
        async with aiohttp.ClientSession() as session:
            with pytest.raises(SettingsError, match=r"127\.0\.0\.1 does not accept it \(HTTP 401\)"):
                await require_key(session, sandbox.base_url, "wrong", 8)

    async def test_a_network_error_does_not_reject_the_key(self) -> None:
        async with aiohttp.ClientSession() as session:
            await check_key(session, "http://127.0.0.1:9/api/v1", "sk-or-v1-any")


class TestTheStart:
    async def test_warm_may_be_called_by_several_at_once(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        await asyncio.gather(client.warm(), client.warm(), client.complete(asking()))

        assert len(sandbox.requests) == 1

    async def test_a_client_that_was_never_used_closes(self, client: OpenRouter) -> None:
        await client.aclose()

    def test_openai_is_not_imported_until_it_is_needed(self) -> None:
        code = (
            "import sys; from bot.model.openrouter import OpenRouter; OpenRouter(api_key='k', models=['m']); "
            "print([name for name in ('openai', 'httpx2', 'aiohttp', 'pydantic') if name in sys.modules])"
        )

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)

        assert done.stdout.strip() == "[]"

    def test_the_variable_openai_log_does_not_enable_logging(self) -> None:
        code = (
            "import asyncio; from bot.model.openrouter import OpenRouter; "
            "model = OpenRouter(api_key='k', models=['m'], base_url='http://127.0.0.1:9'); "
            "asyncio.run(model.warm())"
        )
        environment = os.environ | {"OPENAI_LOG": "debug"}

        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=environment
        )

        assert "openai" not in done.stderr


async def test_a_conversation_only_ever_grows(sandbox: ModelSandbox, client: OpenRouter) -> None:
    def answer(request: ChatRequest) -> Any:
        if request.last["role"] == "tool":
            return text(f"It says: {request.results[0]}", chunks=3)
        return calls(call(READ, {"path": request.said}), chunks=2)

    sandbox.respond = answer
    log: list[str] = [json.dumps({"role": "system", "content": "You help."})]
    for name in ("a.txt", "ü.txt", "c.txt"):
        log.append(json.dumps(user(name)))
        message = (await client.complete(asking(*log, tools=[tool()]))).message
        result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": f"text of {name}"}
        log += [json.dumps(message, ensure_ascii=False), json.dumps(result)]
        log.append(json.dumps((await client.complete(asking(*log, tools=[tool()]))).message))

    assert json.loads(log[-1])["content"] == "It says: text of c.txt"
    assert sandbox.violations == []
    assert sandbox.prefix_breaks == []


def pieces_fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Records the sizes of the pieces in which streams are read from now on."""
    fed: list[int] = []
    feed = EventReader.feed

    def noted(reader: EventReader, piece: bytes) -> list[bytes]:
        fed.append(len(piece))
        return feed(reader, piece)

    monkeypatch.setattr(EventReader, "feed", noted)
    return fed


class TestAStreamInBatches:
    """Pieces that arrive one by one are read several at a time, with the same result."""

    async def test_many_pieces_wake_the_reader_a_few_times_and_none_is_lost(
        self, sandbox: ModelSandbox, client: OpenRouter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox.script(text("word " * 60, chunks=60, first_token=0.02, delay=0.005))
        fed = pieces_fed(monkeypatch)
        read = Pieces()
        began = asyncio.get_running_loop().time()

        reply = await client.complete(asking(), read)

        seconds = asyncio.get_running_loop().time() - began
        assert reply.message["content"] == "word " * 60
        assert "".join(read) == "word " * 60
        assert len(fed) <= min(40, seconds / CALLS_SECONDS + 6)  # the comment, the last ones, the end
        assert sandbox.connections == 1

    async def test_a_burst_is_read_in_small_pieces(
        self, sandbox: ModelSandbox, client: OpenRouter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox.script(text("word " * 100_000, chunks=2000))
        fed = pieces_fed(monkeypatch)

        reply = await client.complete(asking())

        assert reply.message["content"] == "word " * 100_000
        assert max(fed) <= FAST_BYTES

    async def test_the_transport_can_be_paused_in_this_version_of_openai(
        self, sandbox: ModelSandbox, client: OpenRouter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sandbox.script(text("a b c d", chunks=4, delay=0.02))
        known: list[asyncio.ReadTransport | None] = []
        pause = ReadThrottle.pause

        async def noted(throttle: ReadThrottle, seconds: float) -> None:
            known.append(throttle.transport)
            await pause(throttle, seconds)

        monkeypatch.setattr(ReadThrottle, "pause", noted)

        await client.complete(asking())

        assert known
        assert None not in known

    async def test_the_first_word_is_passed_on_before_the_last_is_written(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.script(text("one two three four", chunks=4, delay=0.2))
        at: list[float] = []

        began = asyncio.get_running_loop().time()

        class Timed(Pieces):
            def add(self, piece: str) -> None:
                at.append(asyncio.get_running_loop().time() - began)

        await client.complete(asking(), Timed())

        assert at[0] < at[-1] - 0.3

    async def test_the_connection_is_reused_after_a_batch(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        for _ in range(3):
            sandbox.script(text("a b c d", chunks=4, delay=0.01))
            await client.complete(asking())

        assert sandbox.connections == 1

    async def test_a_stream_that_stops_between_batches_counts_as_stalled(
        self, sandbox: ModelSandbox, connect: Connect
    ) -> None:
        sandbox.script(failure("stalled", before=text("a b c d", chunks=4, delay=0.01)), text("whole"))

        reply = await connect(idle_seconds=0.5).complete(asking())

        assert reply.message["content"] == "whole"

    async def test_a_connection_cut_while_nothing_is_read_is_noticed(
        self, sandbox: ModelSandbox, client: OpenRouter
    ) -> None:
        sandbox.script(failure("truncated", before=text("a b c d", chunks=4, delay=0.01)), text("whole"))

        assert (await client.complete(asking())).message["content"] == "whole"

    async def test_cancelling_during_a_pause_ends_at_once(self, sandbox: ModelSandbox, client: OpenRouter) -> None:
        sandbox.script(text("a b c d", chunks=4, delay=30))
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sandbox.on_request(before=lambda _: begun.done() or begun.set_result(None))
        asked = asyncio.create_task(client.complete(asking()))
        await begun

        asked.cancel()

        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(asked, 5)
