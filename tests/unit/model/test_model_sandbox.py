"""The OpenRouter sandbox is as strict as the strictest provider, and keeps a journal of requests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from slack_sandbox.openrouter import ChatRequest, ModelSandbox, call, calls, failure, text
from tests.unit.model.conftest import tool, user

pytestmark = pytest.mark.anyio

JsonObject = dict[str, Any]
READ = "filesystem__read_text_file"


@pytest.fixture
async def http(sandbox: ModelSandbox) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": f"Bearer {sandbox.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield session


async def post(sandbox: ModelSandbox, http: aiohttp.ClientSession, **fields: Any) -> tuple[int, str]:
    """Send a request with these fields in addition to the usual ones; None omits a field."""
    body = {"model": "sandbox/model", "stream": True, "messages": [user()], "tools": [tool()]} | fields
    present = {name: value for name, value in body.items() if value is not None}
    async with http.post(f"{sandbox.base_url}/chat/completions", json=present) as response:
        return response.status, await response.text()


def assistant(*ids: str, arguments: str = "{}", name: str = READ, **fields: Any) -> JsonObject:
    made = [{"id": id, "type": "function", "function": {"name": name, "arguments": arguments}} for id in ids]
    return {"role": "assistant", "content": None, "tool_calls": made, **fields}


def result(id: str) -> JsonObject:
    return {"role": "tool", "tool_call_id": id, "content": "text"}


def schema(**parameters: Any) -> list[JsonObject]:
    function = {"name": "a", "description": "A tool.", "parameters": parameters}
    return [{"type": "function", "function": function}]


PICTURE: JsonObject = {"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}
OBJECT: JsonObject = {"type": "object", "properties": {}}
GOOD: dict[str, JsonObject] = {
    "a question": {},
    "no tools": {"tools": None},
    "results in another order": {"messages": [user(), assistant("a", "b"), result("b"), result("a")]},
    "a history and a new question": {
        "messages": [user(), assistant("a"), result("a"), {"role": "assistant", "content": "Done."}, user()]
    },
    "words before calls": {"messages": [user(), assistant("a") | {"content": "Look."}, result("a")]},
    "a picture": {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,"}}]}
        ]
    },
    "no more calls": {"tool_choice": "none"},
    "one tool": {"tool_choice": {"type": "function", "function": {"name": READ}}},
    "a property with the name of a word": {"tools": schema(type="object", properties={"$ref": {"type": "string"}})},
    "anyOf below the root": {"tools": schema(type="object", properties={"a": {"anyOf": [{"type": "null"}]}})},
}
BAD: dict[str, tuple[JsonObject, str]] = {
    "no messages": ({"messages": []}, "at least one"),
    "an unknown role": ({"messages": [{"role": "bot", "content": "x"}]}, "role is unknown"),
    "an empty question": ({"messages": [user(" ")]}, "content is empty"),
    "an empty part": ({"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]}, "content is empty"),
    "an empty answer": (
        {"messages": [user(), {"role": "assistant", "content": ""}, user()]},
        "content is empty (assistant)",
    ),
    "an answer at the end": ({"messages": [user(), {"role": "assistant", "content": "x"}]}, "must end with"),
    "an unknown field": ({"messages": [user() | {"ts": "1"}]}, "unknown fields ['ts']"),
    "an index in the history": (
        {"messages": [user(), {**assistant(), "tool_calls": [assistant("a")["tool_calls"][0] | {"index": 0}]}]},
        "unknown fields ['index']",
    ),
    "a result of no call": ({"messages": [user(), result("a")]}, "of no call"),
    "a result of an earlier call": (
        {"messages": [user(), assistant("a"), result("a"), user(), result("a")]},
        "of no call",
    ),
    "a call without result": (
        {"messages": [user(), assistant("a", "b"), result("a")]},
        "without a tool message: ['b']",
    ),
    "a result too late": ({"messages": [user(), assistant("a"), user(), result("a")]}, "right after them: ['a']"),
    "two results": ({"messages": [user(), assistant("a"), result("a"), result("a")]}, "its answer already"),
    "a result without content": (
        {"messages": [user(), assistant("a"), {"role": "tool", "tool_call_id": "a", "content": None}]},
        "content is missing",
    ),
    "two calls of one id": ({"messages": [user(), assistant("a", "a"), result("a"), result("a")]}, "used twice"),
    "an id of an earlier call": (
        {"messages": [user(), assistant("a"), result("a"), assistant("a"), result("a")]},
        "used twice",
    ),
    "an empty id": ({"messages": [user(), assistant(""), result("")]}, "id is empty"),
    "empty tool_calls": ({"messages": [user(), assistant(), user()]}, "tool_calls is empty"),
    "a bad name in the history": (
        {"messages": [user(), assistant("a", name="a.b"), result("a")]},
        "does not match",
    ),
    "broken arguments": ({"messages": [user(), assistant("a", arguments='{"a'), result("a")]}, "JSON text"),
    "a list of arguments": ({"messages": [user(), assistant("a", arguments="[]"), result("a")]}, "JSON text"),
    "a history with calls and no tools": (
        {"messages": [user(), assistant("a"), result("a")], "tools": None},
        "and no tools",
    ),
    "an empty list of tools": ({"tools": []}, "at least one tool"),
    "a bad tool name": ({"tools": [tool("a.b")]}, "does not match"),
    "a tool name that is too long": ({"tools": [tool("a" * 65)]}, "does not match"),
    "two tools of one name": ({"tools": [tool(), tool()]}, "unique"),
    "a schema without type": ({"tools": schema(properties={})}, "type object and properties"),
    "a schema without properties": ({"tools": schema(type="object")}, "type object and properties"),
    "a schema with $schema": ({"tools": schema(**OBJECT, **{"$schema": "x"})}, "$schema"),
    "a schema with $defs": ({"tools": schema(**OBJECT, **{"$defs": {}})}, "$defs"),
    "a schema with $ref inside": (
        {"tools": schema(type="object", properties={"a": {"items": {"$ref": "#"}}})},
        "$ref",
    ),
    "anyOf at the root": ({"tools": schema(**OBJECT, anyOf=[])}, "anyOf at the root"),
    "an unknown tool_choice": ({"tool_choice": "maybe"}, "invalid tool_choice"),
    "a choice of no tool": ({"tool_choice": {"type": "function", "function": {"name": "b"}}}, "names no tool"),
    "a tool_choice without tools": ({"tool_choice": "auto", "tools": None}, "only allowed when"),
    "more than three models": ({"models": ["a", "b", "c", "d"]}, "3 items"),
    "a long session id": ({"session_id": "x" * 257}, "256"),
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
async def test_a_proper_request_is_answered(
    sandbox: ModelSandbox, http: aiohttp.ClientSession, fields: JsonObject
) -> None:
    assert (await post(sandbox, http, **fields))[0] == 200
    assert sandbox.violations == []


@pytest.mark.parametrize(("fields", "fault"), BAD.values(), ids=BAD)
async def test_a_request_that_any_provider_refuses_is_refused(
    sandbox: ModelSandbox, http: aiohttp.ClientSession, fields: JsonObject, fault: str
) -> None:
    sandbox.script(text("kept for a proper request"))

    status, body = await post(sandbox, http, **fields)

    assert status == 400
    assert any(fault in violation for violation in sandbox.violations)
    assert json.loads(body)["error"]["metadata"]["error_type"] == "invalid_request"
    assert sandbox.unused == 1


@pytest.mark.parametrize("body", ["", "{", "[]", '{"a":1} x', '{"a" 1}', '{"a":1,}', "\udcff"])
async def test_a_body_that_is_not_an_object_is_refused(
    sandbox: ModelSandbox, http: aiohttp.ClientSession, body: str
) -> None:
    raw = body.encode("utf-8", "surrogateescape")
    async with http.post(f"{sandbox.base_url}/chat/completions", data=raw) as response:
        assert response.status == 400


class TestReasoning:
    DETAILS = ({"type": "reasoning.text", "text": "hm", "signature": "s", "index": 0},)

    @pytest.mark.parametrize(
        "sent", [{}, {"reasoning_details": [{**DETAILS[0], "text": "changed"}]}], ids=["removed", "changed"]
    )
    async def test_changed_reasoning_is_refused(
        self, sandbox: ModelSandbox, http: aiohttp.ClientSession, sent: JsonObject
    ) -> None:
        sandbox.script(calls(call(READ, id="a"), reasoning_details=self.DETAILS))
        await post(sandbox, http)

        status, _ = await post(sandbox, http, messages=[user(), assistant("a", **sent), result("a")])

        assert status == 400
        assert "reasoning_details" in sandbox.violations[0]

    async def test_it_may_be_omitted_after_it_was_rejected(
        self, sandbox: ModelSandbox, http: aiohttp.ClientSession
    ) -> None:
        sandbox.script(calls(call(READ, id="a"), reasoning_details=self.DETAILS), failure("invalid_signature"))
        await post(sandbox, http)
        back = assistant("a", reasoning_details=list(self.DETAILS))
        await post(sandbox, http, messages=[user(), back, result("a")])

        status, _ = await post(sandbox, http, messages=[user(), assistant("a"), result("a")])

        assert status == 200
        assert sandbox.violations == []


class TestThePrefix:
    async def test_a_session_that_grows_has_no_breaks(self, sandbox: ModelSandbox, http: aiohttp.ClientSession) -> None:
        log = [user("one")]
        for _ in range(3):
            await post(sandbox, http, session_id="s", messages=log)
            await post(sandbox, http, session_id="other", messages=[user("other")])
            log += [{"role": "assistant", "content": "x"}, user("more")]

        assert sandbox.prefix_breaks == []

    async def test_a_changed_message_and_changed_tools_are_breaks(
        self, sandbox: ModelSandbox, http: aiohttp.ClientSession
    ) -> None:
        await post(sandbox, http, session_id="s", messages=[user("one")])
        await post(sandbox, http, session_id="s", messages=[user("one changed")])
        await post(sandbox, http, session_id="s", messages=[user("one changed")], tools=[tool("b")])

        assert [(one.request, one.what) for one in sandbox.prefix_breaks] == [(1, "messages"), (2, "tools")]


async def test_the_script_goes_first_and_respond_decides_the_rest(
    sandbox: ModelSandbox, http: aiohttp.ClientSession
) -> None:
    async def answer(request: ChatRequest) -> Any:
        return text(f"echo {request.said}")

    sandbox.respond = answer
    sandbox.script(text("scripted"))

    assert "scripted" in (await post(sandbox, http))[1]
    assert "echo again" in (await post(sandbox, http, messages=[user("again")]))[1]


async def test_hooks_run_before_and_after_an_answer(sandbox: ModelSandbox, http: aiohttp.ClientSession) -> None:
    seen: list[str] = []

    async def before(request: ChatRequest) -> None:
        seen.append(f"before {request.number}")

    sandbox.on_request(before=before, after=lambda request: seen.append(f"after {request.number}"))
    sandbox.script(text("a", chunks=3), failure(500), failure("error_in_200"))
    for _ in range(3):
        await post(sandbox, http)
    await sandbox.until(lambda: len(seen) == 6, what="the hooks")

    assert seen == [f"{when} {number}" for number in range(3) for when in ("before", "after")]


async def test_the_journal_has_what_was_received(sandbox: ModelSandbox, http: aiohttp.ClientSession) -> None:
    raw = b'{"session_id":"s", "user":"u", "model" : "m","messages":[ {"role":"user","content":"h\xc3\xbc"} ]}'
    async with http.post(f"{sandbox.base_url}/chat/completions", data=raw, headers={"X-Test": "1"}) as response:
        whole = await response.json()

    request = sandbox.requests[0]
    assert request.body == raw
    assert (request.session_id, request.user, request.model, request.said) == ("s", "u", "m", "hü")
    assert request.stream is False
    assert request.headers["X-Test"] == "1"
    assert whole["choices"][0]["message"]["content"] == "…"


async def test_a_wrong_key_is_refused_everywhere(sandbox: ModelSandbox, http: aiohttp.ClientSession) -> None:
    wrong = {"Authorization": "Bearer sk-or-v1-other"}
    async with http.post(f"{sandbox.base_url}/chat/completions", json={}, headers=wrong) as response:
        assert response.status == 401
    async with http.get(f"{sandbox.base_url}/key", headers=wrong) as response:
        assert response.status == 401
    async with http.get(f"{sandbox.base_url}/key") as response:
        assert response.status == 200

    assert sandbox.unauthorized == 2
    assert sandbox.requests == []


async def test_the_models_are_listed_with_prices_and_context(
    sandbox: ModelSandbox, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{sandbox.base_url}/models", params={"supported_parameters": "tools"}) as response:
        listed = (await response.json())["data"]

    assert [model["id"] for model in listed] == ["sandbox/model"]
    assert listed[0]["context_length"] == 200_000
    assert float(listed[0]["pricing"]["prompt"]) > 0


async def test_a_timeout_names_what_was_awaited(sandbox: ModelSandbox) -> None:
    with pytest.raises(TimeoutError, match=r"for a miracle; 0 requests"):
        await sandbox.until(lambda: False, timeout=0.01, what="a miracle")


@pytest.mark.parametrize("kind", ["hang", "stalled"])
async def test_it_closes_even_if_an_answer_never_ends(http: aiohttp.ClientSession, kind: Any) -> None:
    async with ModelSandbox() as sandbox:
        sandbox.script(failure(kind))
        headers = {"Authorization": f"Bearer {sandbox.api_key}"}
        body = {"model": "m", "stream": True, "messages": [user()]}

        async def ask() -> None:
            async with http.post(f"{sandbox.base_url}/chat/completions", json=body, headers=headers) as response:
                await response.read()

        task = asyncio.create_task(ask())
        await sandbox.until(lambda: sandbox.unused == 0, what="the request")

    await asyncio.wait([task], timeout=5)
    assert task.done()
    if task.exception() is not None:
        assert isinstance(task.exception(), aiohttp.ClientError)
    assert sandbox.aborted == 0
