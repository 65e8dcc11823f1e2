"""Nothing from outside holds the event loop: hostile schemas, arguments, results, texts and answers."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.agent import loop_detection
from bot.agent.authorization import scrub
from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import canonical
from bot.core.tools import Tool
from bot.model import call_arguments, call_assembly, reply_reader, sse, stream_accumulator
from bot.model.error_objects import BrokenReply
from bot.model.watchdog import Watchdog
from bot.slack import text as slack_text
from bot.slack.blocks import outgoing, split
from bot.store.sqlite import audit
from bot.tools import text
from bot.tools.claims import Claims
from bot.tools.json_schema import arguments, portable
from bot.tools.mcp import content, jsonrpc
from tests.lag import watched

Json = dict[str, Any]
MILLION = 1_000_000
arguments.load()


DIGESTS = map(str, itertools.count())


def tool(definition: Json) -> Tool:
    return Tool("s__t", "s", "t", "", definition, {}, False, False, True, False, next(DIGESTS))


def held(*works: Callable[[], object]) -> None:
    """Do each in a callback of its own, and fail when one takes too long."""

    async def do() -> None:
        for work in works:
            done = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(lambda work=work, done=done: done.set_result(work()))
            await done

    with watched() as lag:
        asyncio.run(do())
    lag.check()


def on(argument: Json, **more: Any) -> Json:
    """A schema for one argument."""
    return {"type": "object", "properties": {"a": argument}, **more}


def nested(keyword: str, depth: int) -> Json:
    found: Json = {"type": "null"}
    for _ in range(depth):
        found = {keyword: [found, found]}
    return found


def chained(keyword: str) -> Json:
    """A schema of 40 steps that is walked in 2 to the 40."""
    parts: Json = {f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    return {"$defs": {**parts, "d40": {"type": "null"}}, **on({"$ref": "#/$defs/d0"})}


def deep(depth: int, value: Any = 1) -> Any:
    for _ in range(depth):
        value = {"a": value}
    return value


MANY = [f"x{n}" for n in range(100_000)]
ROWS = {"type": "array", "items": {"type": "object", "properties": {"b": {"type": "string"}}, "required": ["b"]}}
CHECKED: dict[str, Callable[[], tuple[Json, Json]]] = {
    "a pattern that goes back": lambda: (on({"pattern": "^(a+)+$"}), {"a": "a" * 28 + "!"}),
    "another": lambda: (on({"pattern": r"^(\w+\s?)*$"}), {"a": "a" * 50_000 + "!"}),
    "a large automaton": lambda: (on({"items": {"pattern": ".*a[ab]{500}c"}}), {"a": ["ab" * 30_000] * 50}),
    "patterns by the dozen": lambda: (
        {"patternProperties": {f"^p{n}[^x]{{0,900}}$": {} for n in range(40)}, "additionalProperties": False},
        {f"k{n}": 1 for n in range(50)},
    ),
    "patterns over many names": lambda: (
        {"patternProperties": {f"^p{n}(a+)+$": {} for n in range(60)}},
        {f"k{n}": 1 for n in range(5000)},
    ),
    "a pattern that is too large": lambda: (on({"pattern": "(a{1000}){1000}"}), {"a": "a"}),
    "a long pattern": lambda: (on({"pattern": "a?" * 1_000_000}), {"a": "a"}),
    "a long text": lambda: (on({"type": "string"}), {"a": "x" * MILLION}),
    "messages that quote it": lambda: (on({"allOf": [{"type": "null"}] * 60}), {"a": "é" * MILLION}),
    "many rows": lambda: (on(ROWS), {"a": [{"b": "x"}] * 2000}),
    "wrong rows": lambda: (on(ROWS), {"a": [{}] * 2000}),
    "nested anyOf": lambda: (on(nested("anyOf", 12)), {"a": 1}),
    "nested oneOf": lambda: (on(nested("oneOf", 10)), {"a": 1}),
    "doubling anyOf": lambda: (chained("anyOf"), {"a": 1}),
    "doubling oneOf": lambda: (chained("oneOf"), {"a": 1}),
    "doubling allOf": lambda: (chained("allOf"), {"a": 1}),
    "unique objects": lambda: (on({"uniqueItems": True}), {"a": [{"x": n} for n in range(3000)]}),
    "a hundred thousand items": lambda: (on({"uniqueItems": True}), {"a": [[n] for n in range(100_000)]}),
    "a huge enum": lambda: (on({"enum": MANY}), {"a": "y"}),
    "an enum over and over": lambda: (on({"items": {"enum": MANY[:4000]}}), {"a": ["y"] * 3000}),
    "a tiny step": lambda: (on({"multipleOf": 1e-300}), {"a": 1e308}),
    "a number that is no float": lambda: (on({"multipleOf": 0.1}), {"a": 10**4000}),
    "a step of nothing": lambda: (on({"multipleOf": 0}), {"a": 1}),
    "a number that nobody writes": lambda: (on({"maximum": 10**4999}), {"a": 10**5000}),
    "itself": lambda: ({"$ref": "#"}, {}),
    "itself in depth": lambda: (on({"$ref": "#"}), deep(300)),
    "deep arguments": lambda: (on({}), deep(100_000)),
    "a deep schema": lambda: (on(deep(5000)), {"a": 1}),
    "anchors": lambda: (
        {"$defs": {str(n): {"$anchor": f"n{n}"} for n in range(1000)}, **on({"items": {"$ref": "#n999"}})},
        {"a": [1] * 2000},
    ),
    "fifty expressions of many classes": lambda: (
        on({"allOf": [{"pattern": r"(\p{L}|\p{Nd})*" * 60 + "x" * n} for n in range(50)]}),
        {"a": "x"},
    ),
    "fifty expressions that match nothing": lambda: (
        on({"allOf": [{"pattern": r"[^\w\W\s]{1,9}(\p{L}|\p{Nd})*" * 40 + "x" * n} for n in range(50)]}),
        {"a": "x"},
    ),
    "fifty expressions that are too large": lambda: (
        on({"allOf": [{"pattern": r"\p{Lu}" * 200 + "x" * n} for n in range(50)]}),
        {"a": "x"},
    ),
    "dynamic references": lambda: ({"$dynamicAnchor": "n", **on({"items": {"$dynamicRef": "#n"}})}, {"a": [[]] * 2000}),
    "the schema of schemas": lambda: (
        on({"$ref": "https://json-schema.org/draft/2020-12/schema"}),
        {"a": {"properties": {}}},
    ),
    "unevaluated names": lambda: (
        {"allOf": [{"properties": {f"k{n}": {}}} for n in range(500)], "unevaluatedProperties": False},
        {f"k{n}": 1 for n in range(3000)},
    ),
    "unknown names": lambda: ({"properties": {}, "additionalProperties": False}, {f"k{n}": 1 for n in range(9000)}),
    "long names": lambda: ({"additionalProperties": False}, {"k" * 900 + str(n): 1 for n in range(500)}),
    "a name of a megabyte": lambda: ({}, {"k" * MILLION: 1}),
    "contains in contains": lambda: (
        on({"contains": {"contains": {"contains": {"const": 3}}}}),
        {"a": [[[1] * 20] * 20] * 20},
    ),
    "what depends on what": lambda: (
        on({"items": {"dependentRequired": {"x": MANY[:3000]}}}),
        {"a": [{"x": 1}] * 1000},
    ),
    "required over and over": lambda: (on({"items": {"required": MANY[:4000]}}), {"a": [{}] * 1000}),
    "keywords that nobody knows": lambda: (
        on({"items": {"allOf": [{f"z{n}": 1 for n in range(500)}] * 7}}),
        {"a": [1] * 2000},
    ),
    "bounds of names": lambda: ({"propertyNames": {"maxLength": 3}}, {f"kkkk{n}": 1 for n in range(5000)}),
    "forms that all fit": lambda: (on({"oneOf": [{}] * 2000}), {"a": 1}),
    "a schema of a hundred thousand": lambda: ({"properties": {name: {"type": "string"} for name in MANY}}, {"a": 1}),
    "types over types": lambda: (on({"type": ["string"] * 10_000}), {"a": 1}),
}
"""Made when they are wanted: together they take hundreds of megabytes."""


@pytest.mark.parametrize("name", CHECKED)
def test_no_schema_and_no_arguments_hold_the_loop(name: str) -> None:
    definition, given_ = CHECKED[name]()
    hostile = tool(definition)
    held(
        lambda: arguments.problem(hostile, given_),
        lambda: arguments.problem(hostile, given_),
        lambda: arguments.problems(hostile, given_),
    )


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5))
SCHEMAS = st.recursive(
    st.sampled_from([{}, {"type": "string"}, {"const": 1}, {"$ref": "#"}, {"pattern": "(a|a)*$"}]),
    lambda part: st.one_of(
        st.builds(lambda key, parts: {key: parts}, st.sampled_from(["anyOf", "oneOf", "allOf"]), st.lists(part)),
        st.builds(lambda key, one: {key: one}, st.sampled_from(["not", "items", "contains", "propertyNames"]), part),
        st.builds(lambda one, two: {"if": one, "then": two, "else": one}, part, part),
        st.builds(lambda one, two: {"properties": {"a": one}, "additionalProperties": two}, part, part),
    ),
    max_leaves=30,
)
VALUES = st.recursive(
    SCALARS, lambda part: st.one_of(st.lists(part), st.dictionaries(st.sampled_from("abc"), part)), max_leaves=50
)


@settings(max_examples=30)
@given(SCHEMAS, VALUES)
def test_no_nest_of_keywords_holds_the_loop(definition: Json, value: Any) -> None:
    hostile = tool({"properties": {"a": definition}, "items": [definition]})
    held(lambda: arguments.problem(hostile, {"a": value}))


def test_a_check_that_costs_too_much_still_tells_what_it_has_found() -> None:
    wrong = arguments.problem(tool(on(ROWS)), {"a": [{}] * 5000})
    assert wrong is not None
    assert "`a[0].b` is missing" in wrong


@pytest.mark.parametrize(
    "definition",
    [
        on({"not": {"pattern": "(?=x)"}}),
        on({"oneOf": [{"pattern": "(?=x)"}, {"type": "string"}]}),
        on({"not": {"$ref": "https://example.com/x"}}),
        on({"if": {"pattern": r"(x)\1"}, "then": False}),
        {"patternProperties": {"(?!b)": {}}, "additionalProperties": False},
    ],
)
def test_what_is_not_looked_at_is_never_held_against_a_call(definition: Json) -> None:
    assert arguments.problem(tool(definition), {"a": "x"}) is None


CONVERTED: dict[str, Callable[[], Json]] = {
    "a huge enum": lambda: on({"enum": [f"v{n}" for n in range(MILLION)]}),
    "places": lambda: on({"prefixItems": [{"type": "string", "minLength": n} for n in range(900)]}),
    "places with enums": lambda: on({"prefixItems": [{"enum": [f"{n}_{m}" for m in range(250)]} for n in range(900)]}),
    "forms": lambda: on({"anyOf": [{"properties": {"a": {"enum": [f"x{n}"]}}} for n in range(900)]}),
    "a long pointer": lambda: on({"$ref": "#" + "/a" * 500_000}),
    "a long description": lambda: on({"description": "x" * 10 * MILLION}),
    "large constants": lambda: {"properties": {f"a{n}": {"const": ["x" * 1000] * 100} for n in range(900)}},
    "types": lambda: on({"type": ["string"] * MILLION}),
    "doubling": lambda: {
        "$defs": {f"d{n}": {"properties": {name: {"$ref": f"#/$defs/d{n + 1}"} for name in "ab"}} for n in range(20)},
        "$ref": "#/$defs/d0",
    },
}


@pytest.mark.parametrize("name", CONVERTED)
def test_no_schema_takes_long_to_be_made_fit_for_providers(name: str) -> None:
    definition = CONVERTED[name]()
    held(lambda: portable.convert(definition))


def message(result: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()


def received(raw: bytes) -> None:
    for found in jsonrpc.Lines("s").feed(raw + b"\n"):
        jsonrpc.parsed(found)


BASE64 = ("A" * 499 + " ") * 14_000
RESULTS: dict[str, Callable[[], Callable[[], object]]] = {
    "runs that are nearly base64": lambda: partial(content.text, {"content": [], "structuredContent": {"a": BASE64}}),
    "base64": lambda: partial(content.text, {"content": [], "structuredContent": {"a": "A" * 7 * MILLION}}),
    "many links": lambda: partial(content.text, {"content": [{"type": "resource_link", "name": "é" * 5000}] * 25_000}),
    "many texts": lambda: partial(content.text, {"content": [{"type": "text", "text": "x"}] * 25_000}),
    "a long text": lambda: partial(content.text, {"content": [{"type": "text", "text": "\ud800é" * MILLION}]}),
    "spaces": lambda: partial(text.line, " " * 10 * MILLION),
    "a long line": lambda: partial(received, message("x" * 3 * MILLION)),
    "a line that is too long": lambda: partial(received, message("x" * 20 * MILLION)),
    "a line of lists": lambda: partial(received, message([[]] * MILLION)),
    "a line of objects": lambda: partial(received, message([{"a": 1}] * 20_000)),
    "a table in a text": lambda: partial(received, message("1,2,3\n" * 200_000)),
    "quotes": lambda: partial(received, message(['"', ""] * 400_000)),
    "half a character": lambda: partial(received, message(["\ud800", *([[]] * 20_000)])),
    "a deep line": lambda: partial(received, b"[" * 50_000 + b"]" * 50_000),
}


@pytest.mark.parametrize("name", RESULTS)
def test_no_result_of_a_tool_holds_the_loop(name: str) -> None:
    held(RESULTS[name]())


ANSWERS = {
    "one line": "x" * MILLION,
    "empty lines": "\n" * MILLION,
    "fences": "```\n" * 250_000,
    "an open fence": "```\n" + "x\n" * 500_000,
    "fences in fences": "~~~\n```\n" * 100_000,
    "words": "x " * 500_000,
    "backticks": "`" * MILLION,
    "brackets": "<" * 200_000,
    "open mentions": "<@U1|" * 40_000,
    "a long mention": "<@U" + "A" * 200_000,
    "groups": "<!subteam^A" * 20_000,
    "broadcasts": "@here" * 40_000,
    "direction": "\u202e" * 200_000,
    "letters": "é" * 200_000,
    "entities": "&amp;lt;" * 25_000,
    "addresses": "**https://a.b/c** " * 20_000,
    "images": "![](" * 50_000,
    "quotations": "> a\n" * 40_000,
    "a table": "| a | b |\n|---|---|\n" + "| c | d |\n" * 15_000,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_no_text_of_a_model_or_a_person_holds_the_loop(name: str) -> None:
    words = ANSWERS[name]
    short = words[:200_000]
    held(
        lambda: split.split(words, 12_000),
        lambda: split.split(words, 3000),
        lambda: outgoing.outgoing(words[:50_000]),
        lambda: slack_text.harmless(short),
        lambda: slack_text.readable(short, {}),
        lambda: slack_text.mentioned(short),
        lambda: slack_text.speaker(words),
        lambda: slack_text.code(words),
        lambda: slack_text.visible(short),
    )


CALLS = {
    "backticks": "`" * 3 * MILLION,
    "a fence and spaces": "```" + " " * 290_000 + "x",
    "quotes": '"' * 290_000,
    "escapes": '"\\' * 140_000,
    "a string without an end": '{"a": "' + "a" * 290_000,
    "commas": "," * 290_000,
    "commas and spaces": ("," + " " * 1000) * 290,
    "brackets": "[" * 100_000 + "]" * 100_000,
    "a fence twice": "```" + " " * 90_000 + "x" + " " * 90_000 + "x",
}


def event(**delta: Any) -> bytes:
    return json.dumps({"id": "g", "choices": [{"index": 0, "delta": delta}]}).encode()


MADE = {"index": 0, "id": "c", "function": {"name": "t", "arguments": '{"a": "}'}}
EVENTS = {
    "a long text": [event(content="x" * 3 * MILLION)],
    "half characters": [event(content="\ud83d\ude00" * 300_000)],
    "lone halves of characters": [event(content="\ud83d" * 500_000)],
    "a long refusal": [event(refusal="é" * MILLION)],
    "a million values": [b'{"choices":[' + b"[]," * MILLION + b"[]]}"],
    "many calls at once": [event(tool_calls=[{**MADE, "index": number} for number in range(3000)])],
    "a call in pieces that all have its name": [event(tool_calls=[MADE])] * 300,
    "a long call of which every piece could be the last": [
        event(tool_calls=[{**MADE, "function": {"name": "t", "arguments": '{"a":"' + "x" * 1_900_000}}]),
        event(tool_calls=[{**MADE, "function": {"name": "t", "arguments": "}"}}] * 3500),
    ],
    "many calls that are whole after every piece": [
        event(tool_calls=[{"id": "c", "function": {"name": "t", "arguments": '{"a":1}' + " " * 9000 + "}"}}]),
        event(tool_calls=[{"id": "c", "function": {"name": "t", "arguments": "}"}}] * 3500),
    ],
    "reasoning in reasoning": [
        event(reasoning_details=[json.loads('{"a":' * 400 + "1" + "}" * 400), {"type": "a", "text": "x"}]),
        b'{"choices":[{"delta":{"reasoning_details":[' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"]}}]}",
    ],
    "arguments that are no text": [event(tool_calls=[{"function": {"name": "t", "arguments": {"a": [1] * 20_000}}}])],
    "reasoning": [event(reasoning="x" * MILLION)],
    "many entries of reasoning": [event(reasoning_details=[{"type": "a", "text": "x"}] * 7000)],
    "a long entry of reasoning": [event(reasoning_details=[{"type": "a", "data": "x" * 3 * MILLION}])],
    "a long name": [event(tool_calls=[{"function": {"name": "é" * MILLION, "arguments": "{}"}}])],
}


@pytest.mark.parametrize("name", EVENTS)
def test_no_event_of_a_model_holds_the_loop(name: str) -> None:
    async def do() -> None:
        async with Watchdog(60) as watchdog:
            listener = reply_reader.Listener(got, watchdog, None)
            for data in EVENTS[name]:
                await asyncio.sleep(0)
                with suppress(BrokenReply):
                    listener.handle(data)
            await asyncio.sleep(0)

    got = stream_accumulator.Accumulator()
    with watched() as lag:
        asyncio.run(do())
    lag.check()
    reply = got.reply()
    assert len(json.dumps(reply.message, ensure_ascii=False)) < 2 * stream_accumulator.MAX_CHARACTERS
    assert len(reply.message.get("tool_calls", ())) <= call_assembly.MAX_ACCEPTED_CALLS


def test_names_without_end_cost_the_audit_no_more_than_a_moment() -> None:
    given_: Any = dict.fromkeys(map(str, range(9000)), 1)
    for _ in range(90):
        given_ = {"n" * 990: given_}
    held(lambda: audit.redacted(json.dumps(given_), "t", ("*a*b*c*", "s.*x*", "t.n*")))
    assert audit.redacted(json.dumps(given_), "t", ("t.*.secret",)) == {"unreadable": len(json.dumps(given_))}


@pytest.mark.parametrize("name", CALLS)
def test_no_arguments_of_a_model_hold_the_loop_while_they_are_read(name: str) -> None:
    held(lambda: call_arguments.repaired(CALLS[name]))


def finished(number: int) -> Call:
    call = Call(0, 0, number, str(number), "t", "s", "t", "x" * MILLION, "", False, CallState.FINISHED)
    call.outcome, call.result = CallOutcome.OK, "r" * 40_000
    return call


def test_long_arguments_hold_nothing_when_calls_are_compared_or_cleaned() -> None:
    made = [finished(number) for number in range(40)]
    many = {"a": [[]] * 100_000}
    assert loop_detection.size(made) == 40 * MILLION, "as much is parsed in a thread"
    loop_detection.notes(made)
    held(
        lambda: loop_detection.notes(made),
        lambda: loop_detection.loop(made),
        lambda: scrub(many),
        lambda: canonical({"a": "x" * MILLION}),
    )


def test_a_line_without_end_costs_no_more_the_longer_it_gets() -> None:
    reader = sse.EventReader()
    held(*[lambda: reader.feed(b"x" * 100_000)] * 400)
    assert reader.finish() == []


def test_many_calls_that_wait_for_one_folder_are_let_go_at_once() -> None:
    async def do() -> None:
        claims = Claims()
        folder = frozenset({"/files"})
        assert claims.try_acquire(folder)
        waiting = [asyncio.ensure_future(claims.acquire(frozenset({f"/files/{n % 40}/{n}"}))) for n in range(1500)]
        await asyncio.sleep(0)
        claims.release(folder)
        assert await asyncio.gather(*waiting) == [False] * 1500
        assert not claims.try_acquire(folder)
        for n in range(1500):
            claims.release(frozenset({f"/files/{n % 40}/{n}"}))
        assert claims.try_acquire(folder)

    with watched() as lag:
        asyncio.run(do())
    lag.check()
