"""A tool that a provider refuses is found in the provider's words, whoever wrote them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from bot.model.refused_tools import RefusedTools

NAMES = [f"files__tool_{number}" for number in range(6)]


def tools(names: Sequence[str], description: str = "Reads.") -> str:
    functions = [{"name": name, "description": description, "parameters": {"type": "object"}} for name in names]
    return json.dumps([{"type": "function", "function": function} for function in functions])


def left(text: str) -> list[str]:
    return [tool["function"]["name"] for tool in json.loads(text)]


ABOUT_ONE = {
    "Anthropic": "tools.3.custom.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12",
    "Anthropic's name": "tools.3.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
    "OpenAI": "Invalid schema for function 'files__tool_3': In context=(), 'required' is required to be supplied",
    "OpenAI's path": "Invalid 'tools[3].function.name': string does not match pattern. Expected '^[a-zA-Z0-9_-]+$'.",
    "OpenAI's length": "Invalid 'tools[3].function.description': string too long. Expected maximum length 4 for it.",
    "Gemini": "* GenerateContentRequest.tools[0].function_declarations[3].parameters.properties: should be non-empty",
    "Gemini's name": "GenerateContentRequest.tools[0].function_declarations[3].name: Invalid function name. Must start",
    "Bedrock": "Value at 'toolConfig.tools.3.member.toolSpec.description' failed to satisfy constraint: length >= 1",
    "vLLM": "[{'type': 'missing', 'loc': ('body', 'tools', 3, 'function', 'name'), 'msg': 'Field required'}]",
    "FastAPI": "body -> tools -> 3 -> function -> parameters: extra fields not permitted",
    "Mistral": '{"detail":[{"loc":["body","tools",3,"function","parameters"],"msg":"Input should be valid"}]}',
    "Groq": "Failed to call a function: tool `files__tool_3` has an invalid JSON schema",
}


@pytest.mark.parametrize("name", ABOUT_ONE)
def test_the_tool_is_left_out_until_it_changes(name: str) -> None:
    refused, all_ = RefusedTools(), tools(NAMES)
    assert refused.without(all_) is all_
    assert refused.learn(all_, ABOUT_ONE[name]) == ["files__tool_3"]
    assert left(refused.without(all_)) == [each for each in NAMES if each != "files__tool_3"]
    assert refused.without(all_) is refused.without(all_), "the request must not change without need"
    changed = tools(NAMES, "Reads a file.")
    assert left(refused.without(changed)) == NAMES


TOO_MANY = {
    "OpenAI": "Invalid 'tools': array too long. Expected an array with maximum length 4, but got one with length 6.",
    "Anthropic": "tools: List should have at most 4 items after validation, not 6",
    "xAI": "Maximum tools limit reached. Requested: 6, Maximum allowed: 4",
    "in other words": "Too many tools: 6. At most 4 functions are supported.",
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_as_many_tools_are_sent_as_the_provider_takes(name: str) -> None:
    refused, all_ = RefusedTools(), tools(NAMES)
    assert refused.learn(all_, TOO_MANY[name]) == NAMES[4:]
    assert left(refused.without(all_)) == NAMES[:4]


OTHERS = (
    "",
    "Provider returned error",
    "messages.3: `tool_use` ids were found without `tool_result` blocks immediately after: call_1",
    "messages[2].tool_calls[0].function.name 'files__tool_3' is not one of the tools",
    "Invalid value for tool_choice",
    "tools.9.custom.name: unknown",
    "maximum context length is 8192 tokens",
)


@pytest.mark.parametrize("words", OTHERS)
def test_other_errors_leave_the_tools_as_they_are(words: str) -> None:
    refused, all_ = RefusedTools(), tools(NAMES)
    assert refused.learn(all_, words) == ()
    assert refused.without(all_) is all_


def test_the_last_tool_stays() -> None:
    refused, one = RefusedTools(), tools(NAMES[:1])
    assert refused.learn(one, "tools.0.custom.name: no") == ()
    assert refused.without(one) is one


def test_one_after_the_other_is_left_out() -> None:
    refused, all_ = RefusedTools(), tools(NAMES)
    refused.learn(all_, "tools.1.custom: no")
    # The position counts in what was sent.
    assert refused.learn(refused.without(all_), "tools.1.custom: no") == ["files__tool_2"]
    assert left(refused.without(all_)) == ["files__tool_0", *NAMES[3:]]
