"""The relay, the journal and the faults, over HTTP; the sandbox's model is what is behind the relay."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.offline import MODEL, OfflineModel
from slack_sandbox.openrouter import ModelSandbox, call, calls, failure, text
from slack_sandbox.openrouter.faults import ModelFaults
from slack_sandbox.openrouter.journal import ModelJournal
from slack_sandbox.relay import Relay
from tests.sandbox.offline.helpers import TOOLS, user

pytestmark = pytest.mark.anyio

WORDS = "A long answer in words: äöü ✓. " * 20


@dataclass
class Ways:
    """One server to talk to, and what is known of it."""

    base_url: str
    model: ModelSandbox
    journal: ModelJournal
    faults: ModelFaults
    session: aiohttp.ClientSession

    async def post(self, *, stream: bool = True, key: str = "", said: str = "hello") -> tuple[int, bytes]:
        """A chat completion; out: the status and the body. Raises aiohttp.ClientError when it breaks off."""
        body = {"model": MODEL, "stream": stream, "messages": [user(said)], "tools": TOOLS, "tool_choice": "auto"}
        headers = {"Authorization": f"Bearer {key or self.model.api_key}", "X-Title": "a test"}
        headers["Content-Type"] = "application/json"
        sent = io.BytesIO(json.dumps(body).encode())
        async with self.session.post(f"{self.base_url}/chat/completions", data=sent, headers=headers) as response:
            return response.status, await response.read()


@asynccontextmanager
async def behind(kind: str) -> AsyncGenerator[Ways]:
    """The model itself, or a relay before it."""
    journal, faults = ModelJournal(), ModelFaults()
    direct = kind == "direct"
    own: dict[str, Any] = {"journal": journal, "faults": faults} if direct else {}
    async with ModelSandbox(models=(MODEL,), **own) as model, aiohttp.ClientSession() as session:
        model.respond = lambda request: text(WORDS, chunks=20, delay=0.001)
        if direct:
            yield Ways(model.base_url, model, journal, faults, session)
            return
        async with Relay(model.base_url, journal=journal, faults=faults) as relay:
            yield Ways(relay.base_url, model, journal, faults, session)


BOTH = pytest.mark.parametrize("kind", ["direct", "relay"])


def said(body: bytes) -> str:
    """The words of a streamed body."""
    events = [json.loads(line[5:]) for line in body.splitlines() if line.startswith(b"data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


@BOTH
async def test_an_answer_is_streamed_and_stands_in_the_journal(kind: str) -> None:
    async with behind(kind) as ways:
        changes: list[int] = []
        ways.journal.on_change(lambda: changes.append(len(ways.journal.calls)))
        status, body = await ways.post()
        assert (status, said(body)) == (200, WORDS)
        await ways.model.until(lambda: ways.journal.calls[0].status, what="an entry that is answered")
        [entry] = ways.journal.calls
        assert (entry.model, entry.messages, entry.tools, entry.status, entry.error) == (MODEL, 1, len(TOOLS), 200, "")
        assert entry.response["choices"][0]["message"]["content"] == WORDS
        assert entry.response["usage"]["total_tokens"] > 100
        assert ways.model.api_key not in repr(entry)
        assert changes == [1, 1]


@BOTH
async def test_a_conversation_of_several_megabytes_gets_through(kind: str) -> None:
    async with behind(kind) as ways:
        assert (await ways.post(said="x" * 3_000_000))[0] == 200


@BOTH
async def test_calls_are_put_together_for_the_journal(kind: str) -> None:
    async with behind(kind) as ways:
        ways.model.script(calls(call("a", {"x": "y" * 50}, id="c1"), call("b", {}, id="c2"), chunks=5))
        await ways.post()
        await ways.model.until(lambda: ways.journal.calls[0].status, what="an entry that is answered")
        message = ways.journal.calls[0].response["choices"][0]["message"]
        made = [(each["id"], each["function"]["name"], each["function"]["arguments"]) for each in message["tool_calls"]]
        assert made == [("c1", "a", json.dumps({"x": "y" * 50})), ("c2", "b", "{}")]


@BOTH
async def test_refusals_stand_in_the_journal(kind: str) -> None:
    async with behind(kind) as ways:
        ways.model.script(failure(429, retry_after=3))
        assert (await ways.post())[0] == 429
        await ways.model.until(lambda: ways.journal.calls[0].status, what="an entry that is answered")
        assert (ways.journal.calls[0].status, ways.journal.calls[0].error) == (429, "Provider returned error")


@BOTH
async def test_a_client_that_breaks_off_is_noticed(kind: str) -> None:
    async with behind(kind) as ways:
        ways.model.respond = lambda request: text(WORDS, chunks=20, delay=0.05)
        asking = asyncio.ensure_future(ways.post())
        await ways.model.until(lambda: ways.model.requests, what="a request")
        asking.cancel()
        await ways.model.until(lambda: ways.model.aborted, what="an answer that is broken off upstream")
        await ways.model.until(lambda: ways.journal.calls[0].status, what="an entry that has ended")
        assert ways.journal.calls[0].error == "broken off"


async def test_the_relay_passes_bodies_and_headers_as_they_are() -> None:
    async with behind("relay") as ways:
        raw = b'{ "model":"m",  "messages":[{"role":"user","content":"\\u00e4"}] }'
        headers = {"Authorization": f"Bearer {ways.model.api_key}", "X-OpenRouter-Title": "t", "User-Agent": "u"}
        async with ways.session.post(f"{ways.base_url}/chat/completions", data=raw, headers=headers) as response:
            assert response.content_type == "application/json"
            await response.read()
        [got] = ways.model.requests
        assert got.body == raw
        assert [got.headers[name] for name in headers] == list(headers.values())


async def test_the_relay_passes_key_and_models_and_a_wrong_key() -> None:
    async with behind("relay") as ways:
        right = {"Authorization": f"Bearer {ways.model.api_key}"}
        async with ways.session.get(f"{ways.base_url}/key", headers=right) as response:
            assert (await response.json())["data"]["usage"] == 0
        async with ways.session.get(f"{ways.base_url}/models?supported_parameters=tools") as response:
            assert [each["id"] for each in (await response.json())["data"]] == [MODEL]
        async with ways.session.get(f"{ways.base_url}/credits", headers=right) as response:
            assert response.status == 404
        status, _ = await ways.post(key="wrong")
        assert (status, ways.model.unauthorized) == (401, 1)


async def test_an_upstream_that_cannot_be_reached_is_a_502() -> None:
    journal = ModelJournal()
    async with Relay("http://127.0.0.1:9/api/v1", journal=journal) as relay, aiohttp.ClientSession() as session:
        async with session.post(f"{relay.base_url}/chat/completions", json={"model": "m"}) as response:
            assert response.status == 502
            assert "cannot be reached" in (await response.json())["error"]["message"]
        assert "cannot be reached" in journal.calls[0].error


@BOTH
@pytest.mark.parametrize(("fault", "status"), [("model_busy", 429), ("model_unavailable", 502)])
async def test_the_next_requests_are_refused_and_then_no_more(kind: str, fault: str, status: int) -> None:
    async with behind(kind) as ways:
        await ways.faults.switch_on(fault, 2)
        assert [active.left for active in ways.faults.active()] == [2]
        assert [(await ways.post())[0] for _ in range(3)] == [status, status, 200]
        assert not ways.faults.active()
        assert [entry.fault for entry in ways.journal.calls] == [fault, fault, ""]


@BOTH
async def test_without_credits_every_request_is_refused_until_it_is_switched_off(kind: str) -> None:
    async with behind(kind) as ways:
        await ways.faults.switch_on("model_no_credits", None)
        assert [(await ways.post())[0] for _ in range(2)] == [402, 402]
        [active] = ways.faults.active()
        assert active.id.startswith("model-")
        ways.faults.switch_off("model-0")
        assert ways.faults.active()
        ways.faults.switch_off(active.id)
        assert (await ways.post())[0] == 200


@BOTH
async def test_an_answer_breaks_off_in_the_middle(kind: str) -> None:
    async with behind(kind) as ways:
        await ways.faults.switch_on("model_cut", None)
        with pytest.raises(aiohttp.ClientError):
            await ways.post()
        assert (await ways.post())[0] == 200


@BOTH
async def test_an_answer_stalls(kind: str) -> None:
    async with behind(kind) as ways:
        await ways.faults.switch_on("model_stall", None)
        asking = asyncio.ensure_future(ways.post())
        await ways.model.until(lambda: ways.model.requests, what="a request")
        done, _ = await asyncio.wait({asking}, timeout=0.3)
        assert not done
        asking.cancel()
        await ways.model.until(lambda: ways.journal.calls[0].status, what="an entry that has ended")
        assert ways.journal.calls[0].fault == "model_stall"


@BOTH
async def test_an_answer_is_empty(kind: str) -> None:
    async with behind(kind) as ways:
        await ways.faults.switch_on("model_empty", None)
        assert said((await ways.post())[1]) == ""
        assert said((await ways.post())[1]) == WORDS


@BOTH
async def test_the_first_word_comes_late(kind: str) -> None:
    async with behind(kind) as ways:
        await ways.faults.switch_on("model_slow", 0.3)
        assert said((await ways.post())[1]) == WORDS
        await ways.model.until(lambda: ways.journal.calls[0].seconds, what="an entry that has ended")
        assert (ways.journal.calls[0].seconds or 0) >= 0.3


async def test_an_unknown_fault_and_a_wild_number_are_refused() -> None:
    faults = ModelFaults()
    with pytest.raises(ImpossibleAction):
        await faults.switch_on("model_sings", None)
    with pytest.raises(ImpossibleAction, match="from 1 to 1000"):
        await faults.switch_on("model_busy", 0)


def test_the_journal_keeps_the_last_ones_only() -> None:
    journal = ModelJournal(max_calls=3)
    first = journal.begin({"model": "m0"})
    for number in range(1, 5):
        journal.begin({"model": f"m{number}"})
    journal.end(first, status=200)
    assert [entry.model for entry in journal.calls] == ["m2", "m3", "m4"]


async def test_the_offline_model_answers_over_http() -> None:
    async with behind("direct") as ways:
        ways.model.respond = OfflineModel(pace=0.0005).respond
        assert "offline model" in said((await ways.post(said="hello"))[1])
        _, whole = await ways.post(said="list the files", stream=False)
        [made] = json.loads(whole)["choices"][0]["message"]["tool_calls"]
        assert made["function"] == {"name": "filesystem__list_directory", "arguments": '{"path": "."}'}
        assert not ways.model.violations
