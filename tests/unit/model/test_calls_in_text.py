"""Calls that a model writes as text are calls where they can be read in one way only, and never text for people."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from bot.core.ports.model import Reply
from bot.model import calls_in_text
from bot.model.offered_tools import OfferedTools
from bot.model.stream_accumulator import Accumulator
from slack_sandbox.openrouter.rules import message_faults

JsonObject = dict[str, Any]
READ, LIST = "files__read", "files__list"
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {
                "type": "object",
                "properties": {"path": {"type": "string"}, "head": {"type": "integer"}, "deep": {"type": "boolean"}},
            },
        },
    }
    for name in (READ, LIST)
]
WANTED = {"path": "a b.txt", "head": 3}
JSON = json.dumps(WANTED)
CALL = json.dumps({"name": READ, "arguments": WANTED})

FORMS = {
    "Hermes": f"<tool_call>\n{CALL}\n</tool_call>",
    "Hermes without an end": f"<tool_call>{CALL}",
    "Hermes with parameters": f"<tool_call>{CALL.replace('arguments', 'parameters')}</tool_call>",
    "Hermes, its arguments as text": f"<tool_call>{json.dumps({'name': READ, 'arguments': JSON})}</tool_call>",
    "Hermes in a fence": f"<tool_call>\n```json\n{CALL}\n```\n</tool_call>",
    "Qwen Coder": f"<tool_call>\n<function={READ}>\n<parameter=path>\na b.txt\n</parameter>\n<parameter=head>\n3\n"
    "</parameter>\n</function>\n</tool_call>",
    "Llama": f"<function={READ}>{JSON}</function>",
    "Llama's token": f"<|python_tag|>{CALL}<|eom_id|>",
    "GLM": f"<tool_call>{READ}\n<arg_key>path</arg_key>\n<arg_value>a b.txt</arg_value>\n<arg_key>head</arg_key>\n"
    "<arg_value>3</arg_value>\n</tool_call>",
    "Anthropic": f'<function_calls>\n<invoke name="{READ}">\n<parameter name="path">a b.txt</parameter>\n'
    '<parameter name="head">3</parameter>\n</invoke>\n</function_calls>',
    "Anthropic without the outer tag": f'<invoke name="{READ}"><parameter name="path">a b.txt</parameter>'
    '<parameter name="head">3</parameter></invoke>',
    "MiniMax": f'<minimax:tool_call>\n<invoke name="{READ}">\n<parameter name="path">a b.txt</parameter>\n'
    '<parameter name="head">3</parameter>\n</invoke>\n</minimax:tool_call>',
    "DeepSeek 3": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{READ}\n```json\n{JSON}\n```"
    "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
    "DeepSeek 3.1": f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{READ}<｜tool▁sep｜>{JSON}<｜tool▁call▁end｜>"
    "<｜tool▁calls▁end｜><｜end▁of▁sentence｜>",
    "DeepSeek in ASCII": f"<|tool_calls_begin|><|tool_call_begin|>{READ}<|tool_sep|>{JSON}<|tool_call_end|>",
    "DeepSeek 3.2": f'<｜DSML｜function_calls>\n<｜DSML｜invoke name="{READ}">\n<｜DSML｜parameter name="path" '
    'string="true">a b.txt</｜DSML｜parameter>\n<｜DSML｜parameter name="head" string="false">3</｜DSML｜parameter>\n'
    "</｜DSML｜invoke>\n</｜DSML｜function_calls>",
    "Kimi": f"<|tool_calls_section_begin|><|tool_call_begin|>functions.{READ}:0<|tool_call_argument_begin|>{JSON}"
    "<|tool_call_end|><|tool_calls_section_end|>",
    "Mistral": f"[TOOL_CALLS][{CALL}]",
    "Mistral's newer form": f"[TOOL_CALLS]{READ}[ARGS]{JSON}",
    "Harmony": f"<|channel|>commentary to=functions.{READ} <|constrain|>json<|message|>{JSON}<|call|>",
    "Harmony, the address first": f"<|start|>assistant to=functions.{READ}<|channel|>commentary json<|message|>{JSON}",
    "Harmony without its tokens": f"assistantcommentary to=functions.{READ} json{JSON}",
    "OpenAI's shape": json.dumps(
        {"tool_calls": [{"id": "c", "type": "function", "function": {"name": READ, "arguments": JSON}}]}
    ),
    "JSON": CALL,
    "JSON in a list": f"[{CALL}]",
    "JSON in a fence": f"```json\n{CALL}\n```",
    "a name with a wrapper": f"<tool_call>{CALL.replace(READ, 'functions.' + READ)}</tool_call>",
    "a raw line break in a string": f"<tool_call>{CALL.replace('{', '{' + chr(10))}</tool_call>",
}

CUT = {
    "cut off in JSON": f"<tool_call>{CALL[:-9]}",
    "cut off in the name": '<tool_call>\n{"name": "files__re',
    "cut off behind the tag": "<tool_call>",
    "cut off in GLM's name": "<tool_call>files__re",
    "cut off in a parameter": f'<function_calls><invoke name="{READ}"><parameter name="path">a b',
    "cut off in a tag": '<invoke name="files__re',
    "an unknown tool": '<tool_call>{"name": "get_weather", "arguments": {}}</tool_call>',
    "arguments that are no object": f'<tool_call>{{"name": "{READ}", "arguments": [1, 2]}}</tool_call>',
    "a result that is made up": f"<tool_call>{CALL}</tool_call>\n<tool_response>\nfour\n</tool_response>\nFour lines.",
    "a few words behind it": f"<tool_call>{CALL}</tool_call>\nI wait for the result.",
}

TEXTS = {
    "a fence": f"That is how it looks:\n```\n<tool_call>{CALL}</tool_call>\n```",
    "a sentence about the tag": "Qwen writes calls between <tool_call> and </tool_call>.",
    "a long text about a call": f"<tool_call>{CALL}</tool_call>\n" + "That is how a call looks in the text. " * 10,
    "JSON": '{"name": "Anna", "age": 4}',
    "JSON that names another tool": '{"name": "get_weather", "arguments": {"city": "Ulm"}}',
    "a list": '[{"name": "Anna"}, {"name": "Ben"}]',
    "JSON in a fence": '```json\n{"name": "Anna"}\n```',
    "JSON and words": f"{CALL}\n\nis what I would call.",
}


def reply(text: str, size: int = 5, **more: Any) -> Reply:
    got = Accumulator()
    for at in range(0, len(text), size):
        got.add({"choices": [{"delta": {"content": text[at : at + size]}}]})
    got.add({"choices": [{"delta": more, "finish_reason": "stop"}]})
    return got.reply(tools=OfferedTools(json.dumps(TOOLS)))


def calls(found: Reply) -> list[tuple[str, JsonObject]]:
    made = found.message.get("tool_calls", [])
    return [(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in made]


def sendable(found: Reply) -> bool:
    """Whether the strictest endpoint accepts the message, with results of its calls."""
    results = [
        {"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in found.message.get("tool_calls", [])
    ]
    end = results or [{"role": "user", "content": "x"}]
    return message_faults([{"role": "user", "content": "x"}, found.message, *end], True, {}) == []


BARE_JSON = ("JSON", "JSON in a list", "JSON in a fence", "OpenAI's shape")
"""Forms without a mark of their own: within a text they are text."""
BEFORE = ("", "I look into it.\n\n", "<think>I need the file.</think>\n")


@pytest.mark.parametrize(
    ("name", "before"),
    [(name, before) for name in FORMS for before in BEFORE if not (before.startswith("I") and name in BARE_JSON)],
)
def test_a_call_that_can_be_read_in_one_way_is_made(name: str, before: str) -> None:
    found = reply(before + FORMS[name])
    assert calls(found) == [(READ, WANTED)]
    assert (found.message["content"] or "").strip() == (before.strip() if before.startswith("I") else "")
    assert not found.unreadable_call
    assert sendable(found)


@pytest.mark.parametrize("name", ["Hermes", "Qwen Coder", "GLM", "Llama", "Anthropic", "DeepSeek 3", "Kimi", "MiniMax"])
def test_several_calls_are_all_made(name: str) -> None:
    second = FORMS[name].replace(READ, LIST)
    assert calls(reply(f"{FORMS[name]}\n{second}")) == [(READ, WANTED), (LIST, WANTED)]


@pytest.mark.parametrize("name", CUT)
def test_a_call_that_cannot_be_read_is_not_shown_and_not_kept(name: str) -> None:
    found = reply(f"I look.\n{CUT[name]}")
    assert found.unreadable_call
    assert found.message == {"role": "assistant", "content": "I look.\n"}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_about_calls_stays_a_text(name: str) -> None:
    found = reply(TEXTS[name])
    assert found.message == {"role": "assistant", "content": TEXTS[name]}
    assert not found.unreadable_call


@pytest.mark.parametrize("text", [FORMS["Hermes"], CUT["cut off in JSON"]])
def test_what_is_written_beside_a_call_is_dropped(text: str) -> None:
    function = {"name": LIST, "arguments": "{}"}
    found = reply(f"I look.\n{text}", tool_calls=[{"index": 0, "id": "c1", "function": function}])
    assert calls(found) == [(LIST, {})]
    assert found.message["content"] == "I look.\n"
    assert not found.unreadable_call


def test_a_value_is_text_where_the_schema_says_so() -> None:
    found = reply(
        f'<invoke name="{READ}"><parameter name="path">3</parameter><parameter name="deep">true</parameter>'
        '<parameter name="head">3</parameter></invoke>'
    )
    assert calls(found) == [(READ, {"path": "3", "deep": True, "head": 3})]


def test_what_a_call_quotes_does_not_end_it() -> None:
    inner = {"path": "</tool_call> <think> ``` {"}
    text = f"<tool_call>{json.dumps({'name': READ, 'arguments': inner})}</tool_call>"
    assert calls(reply(text)) == [(READ, inner)]


@pytest.mark.parametrize(
    "piece", ["<tool_call>", "<invoke name='a'>", "<function=a>", "[TOOL_CALLS]", '{"name":', "[{"]
)
def test_no_text_takes_long(piece: str) -> None:
    reply(piece * (300_000 // len(piece)), size=50_000)


@pytest.mark.parametrize(
    "mark", ["<|tool_call_begin|> \n", "<｜tool▁call▁begin｜>x\n", "<tool_call>", '<invoke name="a">']
)
def test_marks_without_end_are_read_in_a_time_that_grows_with_the_text(mark: str) -> None:
    took: list[float] = []
    for size in (20_000, 80_000):
        began = time.thread_time()
        calls_in_text.read((mark * size)[:size], OfferedTools(json.dumps(TOOLS)), begins_line=True, called=False)
        took.append(time.thread_time() - began)
    assert took[1] < max(8 * took[0], 0.05), took
