"""Fixtures: a model server for each test, and a client for it with short timeouts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest

from bot.core.ports.model import ModelRequest
from bot.core.transcript import Transcript
from bot.model.openrouter import OpenRouter
from slack_sandbox.openrouter import ModelSandbox

JsonObject = dict[str, Any]
Connect = Callable[..., OpenRouter]


class Pieces(list[str]):
    """The visible text of a reply, as it comes."""

    restarts = 0

    def add(self, piece: str) -> None:
        self.append(piece)

    def restart(self) -> None:
        self.restarts += 1
        self.clear()


def tool(name: str = "filesystem__read_text_file") -> JsonObject:
    """A function tool that every provider accepts."""
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    return {"type": "function", "function": {"name": name, "description": "Read a file.", "parameters": parameters}}


def user(content: str = "What is in here?") -> JsonObject:
    """A message of a person."""
    return {"role": "user", "content": content}


def asking(*messages: JsonObject | str, tools: Sequence[JsonObject] | None = None, **fields: str) -> ModelRequest:
    """A request with these messages; strings are used as they are."""
    texts = [message if isinstance(message, str) else json.dumps(message) for message in messages or (user(),)]
    return ModelRequest(
        messages=Transcript(enumerate(texts)),
        tools=json.dumps([tool()] if tools is None else tools),
        tool_choice=fields.get("tool_choice", "auto"),
        session_id=fields.get("session_id", "thread-1"),
        user=fields.get("user", "person-1"),
    )


@pytest.fixture
async def sandbox() -> AsyncIterator[ModelSandbox]:
    async with ModelSandbox() as model:
        yield model


@pytest.fixture
async def connect(sandbox: ModelSandbox) -> AsyncIterator[Connect]:
    """Makes clients of the sandbox; keyword arguments are those of OpenRouter."""
    async with AsyncExitStack() as closing:

        def make(**settings: Any) -> OpenRouter:
            known: JsonObject = {
                "api_key": sandbox.api_key,
                "base_url": sandbox.base_url,
                "models": ["sandbox/model"],
                "idle_seconds": 5,
                "total_seconds": 20,
                "pause_seconds": 0.01,
            }
            client = OpenRouter(**(known | settings))
            closing.push_async_callback(client.aclose)
            return client

        yield make


@pytest.fixture
def client(connect: Connect) -> OpenRouter:
    return connect()
