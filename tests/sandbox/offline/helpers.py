"""Requests as the bot makes them, and the tools of the real filesystem server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slack_sandbox.openrouter.request import ChatRequest, chat_request
from slack_sandbox.openrouter.script import Completion

Json = dict[str, Any]
STRING: Json = {"type": "string"}
EDITS: Json = {
    "type": "array",
    "items": {"type": "object", "properties": {"oldText": STRING, "newText": STRING}, "required": ["oldText"]},
}
PATH: Json = {"path": STRING}


def tool(name: str, properties: Mapping[str, Any], *required: str) -> Json:
    """A function tool."""
    schema = {"type": "object", "properties": dict(properties), "required": list(required or properties)}
    return {"type": "function", "function": {"name": name, "description": "Does it.", "parameters": schema}}


TOOLS = [
    tool("filesystem__read_text_file", {**PATH, "head": {"type": "number"}}, "path"),
    tool("filesystem__write_file", {**PATH, "content": STRING}),
    tool("filesystem__edit_file", {**PATH, "edits": EDITS}),
    tool("filesystem__create_directory", PATH),
    tool("filesystem__list_directory", PATH),
    tool("filesystem__directory_tree", PATH),
    tool("filesystem__move_file", {"source": STRING, "destination": STRING}),
    tool("filesystem__search_files", {**PATH, "pattern": STRING}),
    tool("filesystem__get_file_info", PATH),
    tool("filesystem__list_allowed_directories", {}),
    tool("weather__forecast", {"city": STRING, "days": {"type": "integer"}}, "city"),
]
SYSTEM = {"role": "system", "content": "Hello. Each of their messages begins with its speaker's name, as known."}


def request(*messages: Json, tools: list[Json] | None = None, tool_choice: str = "auto") -> ChatRequest:
    """A request with these messages."""
    payload: Json = {"model": "m", "messages": list(messages), "tools": TOOLS if tools is None else tools}
    payload["tool_choice"] = tool_choice
    return chat_request(0, json.dumps(payload).encode(), payload, {})


def user(text: str) -> Json:
    """What a person said."""
    return {"role": "user", "content": text}


def made(reply: Completion, *results: str) -> list[Json]:
    """A reply that makes calls, and their results, as messages."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in reply.calls
    ]
    assert len(calls) == len(results), f"{len(calls)} calls: {reply}"
    answers = [
        {"role": "tool", "tool_call_id": call["id"], "content": result}
        for call, result in zip(calls, results, strict=True)
    ]
    return [{"role": "assistant", "content": reply.text, "tool_calls": calls}, *answers]


def wanted(reply: Completion) -> list[tuple[str, Json]]:
    """The calls of a reply, without the server's key."""
    return [(call.name.partition("__")[2], json.loads(call.arguments)) for call in reply.calls]
