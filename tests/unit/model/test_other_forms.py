"""Calls, arguments and ends of replies in the forms of less common servers, each with one reading only."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.core.ports.model import Reply
from bot.errors import ModelUnavailable
from bot.model.call_arguments import repaired
from bot.model.finish_reasons import BROKEN
from bot.model.offered_tools import OfferedTools
from bot.model.openrouter import OpenRouter
from bot.model.stream_accumulator import Accumulator
from slack_sandbox.openrouter import ModelSandbox, text
from tests.unit.model.conftest import Pieces, asking, tool

pytestmark = pytest.mark.anyio
JsonObject = dict[str, Any]
TOOLS = OfferedTools(json.dumps([tool("files__read"), tool("files__list")]))


def read(content: str, finish: str = "stop") -> Reply:
    got = Accumulator()
    for piece in (content[:9], content[9:]):
        got.add({"model": "m", "choices": [{"index": 0, "delta": {"content": piece}}]})
    got.add({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    return got.reply(lambda _: False, TOOLS)


CALLS = {
    "Gemini": '```tool_code\nprint(default_api.files__read(path="a"))\n```',
    "Gemini without print": '```tool_code\ndefault_api.files__read(path="a")\n```',
    "Llama 4": '[files__read(path="a")]',
    "Gemma 3": "```python\nfiles__read(path='a')\n```",
    "Gemma 4": '<|tool_call>call:files__read{path:<|"|>a<|"|>}<tool_call|>',
    "Phi 4": 'functools[{"name": "files__read", "arguments": {"path": "a"}}]',
}


@pytest.mark.parametrize("written", CALLS.values(), ids=CALLS)
def test_a_reply_that_is_a_call_is_read_as_the_call(written: str) -> None:
    reply = read(written)
    [made] = reply.message["tool_calls"]
    assert (made["function"]["name"], json.loads(made["function"]["arguments"])) == ("files__read", {"path": "a"})
    assert reply.message["content"] is None


def test_several_are_read_in_their_order_with_what_they_contain() -> None:
    reply = read('[files__read(path="a, b(c)"), files__list(path="\\"x\\"", deep=True, depth=None)]')
    made = [json.loads(call["function"]["arguments"]) for call in reply.message["tool_calls"]]
    assert made == [{"path": "a, b(c)"}, {"path": '"x"', "deep": True, "depth": None}]
    twice = '<|tool_call>call:files__read{path:<|"|>a: {b}<|"|>,n:2}<tool_call|>' * 2
    assert [call["function"]["arguments"] for call in read(twice).message["tool_calls"]] == [
        '{"path": "a: {b}", "n": 2}'
    ] * 2


TEXTS = (
    '```python\nopen(path="a")\n```',
    '```python\nfiles__read(path="a")\nprint("done")\n```',
    "```python\nfiles__read(path=name)\n```",
    '```python\nfiles__read("a")\n```',
    '```python\nfiles__read(**{"path": "a"})\n```',
    'files__read(path="a") reads a file.',
    "[files__read](https://example.com) (see there)",
    "functools[wraps] is no such thing",
    "functools is a module: functools.partial(f)",
    '```python\nimport files\nfiles.files__read(path="a")\n```',
)


@pytest.mark.parametrize("written", TEXTS)
def test_what_is_not_certainly_a_call_is_text(written: str) -> None:
    reply = read(written)
    assert "tool_calls" not in reply.message
    assert reply.message["content"] == written


ARGUMENTS = {
    '{"path": "a"}{"path": "a"}': '{"path": "a"}',
    '{}{"path": "a"}': '{"path": "a"}',
    '{} {"path": "a"}\n': '{"path": "a"}',
    "{}{}": None,
    '\ufeff{"path": "a"}': '{"path": "a"}',
    "undefined": "{}",
    "None": "{}",
    '{"path": "a"}{"path": "b"}': None,
    '{}{"path": "a': None,
    '{"path": "a"}[1]': None,
    '{"path": "a"} and more': None,
}


@pytest.mark.parametrize("written", ARGUMENTS)
def test_arguments_that_are_repeated_or_stand_for_nothing(written: str) -> None:
    assert repaired(written) == ARGUMENTS[written]


@pytest.mark.parametrize("name", ["mcp__files__read", "functions__files__read", "default_api_files__read"])
def test_a_wrapper_that_is_part_of_the_name_is_taken_off(name: str) -> None:
    assert TOOLS.resolve(name) == "files__read"
    offered = OfferedTools(json.dumps([tool(name), tool("files__read")]))
    assert offered.resolve(name) == name


@pytest.mark.parametrize("name", ["analysis", "reason", "seed:reason"])
def test_reasoning_between_other_tags_is_no_text(name: str) -> None:
    assert read(f"<{name}>Hm, well.</{name}>\n\nFour.").message["content"] == "Four."
    assert read(f"`<{name}>` is a tag.").message["content"] == f"`<{name}>` is a tag."


FINISH = {
    "incomplete": "length",
    "guardrail_intervened": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "SPII": "content_filter",
    "<|eot_id|>": "stop",
}


@pytest.mark.parametrize("finish", FINISH)
def test_the_end_of_a_reply_has_one_name(finish: str) -> None:
    assert read("Half", finish).finish_reason == FINISH[finish]


@pytest.mark.parametrize("finish", sorted(BROKEN))
async def test_a_reply_that_the_server_gave_up_is_asked_for_again_and_paid(
    sandbox: ModelSandbox, client: OpenRouter, finish: str
) -> None:
    sandbox.script(text("Half an ans", finish_reason=finish, cost=0.5), text("Whole.", cost=0.25))
    shown = Pieces()
    reply = await client.complete(asking(), shown)
    assert (reply.message["content"], "".join(shown)) == ("Whole.", "Whole.")
    assert reply.usage.cost == pytest.approx(0.75)
    sandbox.respond = lambda request: text("Half", finish_reason=finish, cost=0.5)
    with pytest.raises(ModelUnavailable) as raised:
        await client.complete(asking())
    assert raised.value.usage.cost == pytest.approx(1.5)
