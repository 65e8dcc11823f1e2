"""A reply is the same however its stream is split."""

from __future__ import annotations

import copy
import itertools
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.transaction import Usage
from bot.model.call_arguments import repaired
from bot.model.sse import EventReader
from bot.model.stream_accumulator import Accumulator

JsonObject = dict[str, Any]

TEXT = st.text(max_size=40)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(TEXT, JSON_VALUES, max_size=4).flatmap(
    lambda value: st.sampled_from(
        [json.dumps(value), json.dumps(value, ensure_ascii=False), " " + json.dumps(value, indent=1) + "\n"]
    )
)
NAMES = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,63}", fullmatch=True)


def chunk(delta: JsonObject, **choice: Any) -> JsonObject:
    return {"id": "gen-1", "model": "a/model", "provider": "P", "choices": [{"index": 0, "delta": delta, **choice}]}


def accumulate(*deltas: JsonObject) -> Accumulator:
    got = Accumulator()
    for delta in deltas:
        got.add(chunk(delta))
    got.add(chunk({}, finish_reason="stop"))
    return got


def tool_calls(*entries: JsonObject) -> JsonObject:
    return {"tool_calls": list(entries)}


def made(got: Accumulator) -> list[tuple[str, str]]:
    calls = got.reply().message.get("tool_calls", [])
    return [(call["function"]["name"], call["function"]["arguments"]) for call in calls]


@st.composite
def pieces(draw: st.DrawFn, content: str) -> list[str]:
    """The text split anywhere, even inside surrogate pairs, as a server in JavaScript may split it."""
    units = content.encode("utf-16-le")
    cuts = sorted(draw(st.lists(st.integers(0, len(units) // 2), max_size=6)))
    edges = [0, *cuts, len(units) // 2]
    return [units[2 * start : 2 * end].decode("utf-16-le", "surrogatepass") for start, end in itertools.pairwise(edges)]


@st.composite
def streams(draw: st.DrawFn) -> tuple[JsonObject, list[JsonObject]]:
    """A message, and deltas in which it may be streamed."""
    content = draw(TEXT.filter(lambda text: not text or text.strip()))
    deltas: list[JsonObject] = []
    details: list[JsonObject] = []
    for index in range(draw(st.integers(0, 3))):
        field = draw(st.sampled_from(["text", "summary", "data"]))
        entry: JsonObject = {"type": f"reasoning.{'encrypted' if field == 'data' else field}", "index": index}
        if field == "data":
            deltas.append({"reasoning_details": [entry | {field: "abc"}]})
            details.append(entry | {field: "abc"})
            continue
        thought = draw(TEXT)
        deltas += [{"reasoning_details": [entry | {field: part}]} for part in draw(pieces(thought))]
        entry[field] = thought
        if draw(st.booleans()):
            deltas.append({"reasoning_details": [{"type": entry["type"], "index": index, "signature": "s"}]})
            entry["signature"] = "s"
        details.append(entry)
    deltas += [{"content": part} for part in draw(pieces(content))]

    calls: list[JsonObject] = []
    queues: list[list[JsonObject]] = []
    for index in range(draw(st.integers(0, 3))):
        name, arguments = draw(NAMES), draw(ARGUMENTS)
        identity: JsonObject = {"id": f"call_{index}", "type": "function"}
        repeats = draw(st.booleans())
        parts = draw(pieces(arguments))
        calls.append({**identity, "function": {"name": name, "arguments": arguments}})
        queue: list[JsonObject] = []
        for number, part in enumerate(parts):
            head: JsonObject = identity if repeats or number == 0 else {}
            named: JsonObject = {"name": name} if repeats or number == 0 else {}
            queue.append({"index": index, **head, "function": {**named, "arguments": part}})
        queues.append(queue)
    while any(queues):
        turn = draw(st.integers(0, len(queues) - 1))
        if queues[turn]:
            deltas.append(tool_calls(queues[turn].pop(0)))

    message: JsonObject = {"role": "assistant", "content": content or (None if calls else "")}
    if calls:
        message["tool_calls"] = calls
    if details:
        message["reasoning_details"] = details
    return message, deltas


@settings(max_examples=40)
@given(streams())
def test_any_split_of_the_chunks_gives_the_same_message(stream: tuple[JsonObject, list[JsonObject]]) -> None:
    message, deltas = stream
    got = Accumulator()
    shown: list[str] = []

    for delta in [*deltas, {}]:
        # Through JSON, which can carry half a surrogate pair as an escape.
        text = got.add(json.loads(json.dumps(chunk(delta))))
        shown.append(text or "")
    shown.append(got.add({"choices": [{"delta": {}, "finish_reason": "stop"}]}) or "")
    got.add({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.25}})

    reply = got.reply()
    assert reply.message == message
    content = message["content"] or ""
    # JSON is not shown while it is written, as it may be a call.
    assert "".join(shown) == content or (not any(shown) and content.lstrip().startswith(("{", "[")))
    for piece in shown:
        piece.encode()
    assert reply.invalid_arguments == {}
    assert reply.usage == Usage(3, 4, 0, 0.25)
    assert (reply.model, reply.provider, reply.finish_reason) == ("a/model", "P", "stop")


@given(st.lists(st.text(alphabet=st.characters(exclude_characters="\r\n", exclude_categories=("Cs",)), max_size=30)))
def test_arbitrary_values_in_an_event_never_break_the_accumulator(words: list[str]) -> None:
    got = Accumulator()
    for word in words:
        got.add({"choices": [{"delta": {"content": word, "tool_calls": [word, {"index": word, "id": word}]}}]})
        got.add({"choices": word, "usage": word, "id": word, "error": None})
        got.add({"choices": [{"delta": word, "message": {"tool_calls": word, "reasoning_details": word}}]})

    assert got.reply().message["role"] == "assistant"


@given(
    st.lists(st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b"").replace(b"\r", b""))),
    st.sampled_from([b"\n", b"\r\n"]),
    st.data(),
)
def test_any_split_of_the_bytes_gives_the_same_events(events: list[bytes], end: bytes, data: st.DataObject) -> None:
    stream = b": OPENROUTER PROCESSING" + end + end
    stream += b"".join(b"event: message" + end + b"data:" + event + end + end + b": x" + end for event in events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    reader = EventReader()

    found = [one for start, stop in itertools.pairwise(edges) for one in reader.feed(stream[start:stop])]

    assert [one.removesuffix(b"\r") for one in found + reader.finish()] == events


def test_the_lines_of_one_event_are_joined_and_a_last_event_needs_no_empty_line() -> None:
    reader = EventReader()

    assert reader.feed(b'data: {"a":\ndata: 1}\n\ndata: {"b"') == [b' {"a":\n 1}']
    assert reader.finish() == [b' {"b"']
    assert reader.finish() == []


class TestCalls:
    def test_complete_calls_that_all_have_index_0_are_separate_calls(self) -> None:
        function = {"name": "a", "arguments": '{"n":1}'}
        got = accumulate(*(tool_calls({"index": 0, "id": f"c{n}", "function": function}) for n in (1, 2)))

        assert made(got) == [("a", '{"n":1}')] * 2

    def test_complete_calls_without_ids_that_all_have_index_0_are_separate_calls(self) -> None:
        got = accumulate(
            tool_calls({"index": 0, "function": {"name": "a", "arguments": "{}"}}),
            tool_calls({"index": 0, "function": {"name": "a", "arguments": '{"n":2}'}}),
            tool_calls({"index": 0, "function": {"name": "b", "arguments": "{}"}}),
        )

        assert made(got) == [("a", "{}"), ("a", '{"n":2}'), ("b", "{}")]

    def test_a_new_id_in_every_delta_does_not_start_a_call(self) -> None:
        got = accumulate(
            tool_calls({"index": 0, "id": "r1", "function": {"name": "a", "arguments": '{"n"'}}),
            tool_calls({"index": 0, "id": "r2", "function": {"arguments": ":1}"}}),
        )

        assert made(got) == [("a", '{"n":1}')]
        assert got.reply().message["tool_calls"][0]["id"] == "r1"

    def test_calls_are_found_by_id_when_there_is_no_index(self) -> None:
        got = accumulate(
            tool_calls({"id": "x", "function": {"name": "a", "arguments": '{"n"'}}),
            tool_calls({"id": "y", "function": {"name": "b", "arguments": '{"m"'}}),
            tool_calls({"id": "x", "function": {"arguments": ":1}"}}, {"id": "y", "function": {"arguments": ":2}"}}),
        )

        assert made(got) == [("a", '{"n":1}'), ("b", '{"m":2}')]

    def test_an_id_that_comes_late_belongs_to_the_call(self) -> None:
        got = accumulate(
            tool_calls({"index": 0, "function": {"name": "a", "arguments": ""}}),
            tool_calls({"index": 0, "id": "late", "function": {"arguments": "{}"}}),
        )

        assert got.reply().message["tool_calls"][0]["id"] == "late"

    def test_calls_are_ordered_by_index(self) -> None:
        got = accumulate(
            tool_calls({"index": 1, "id": "y", "function": {"name": "b", "arguments": "{}"}}),
            tool_calls({"index": 0, "id": "x", "function": {"name": "a", "arguments": "{}"}}),
        )

        assert made(got) == [("a", "{}"), ("b", "{}")]

    def test_arguments_given_as_an_object_become_text(self) -> None:
        assert made(accumulate(tool_calls({"function": {"name": "a", "arguments": {"ü": 1}}}))) == [("a", '{"ü": 1}')]

    def test_empty_tool_calls_are_ignored(self) -> None:
        message = accumulate({"content": "Hi", "tool_calls": []}, tool_calls({}), {"tool_calls": None}).reply().message

        assert message == {"role": "assistant", "content": "Hi"}


class TestReasoning:
    def test_the_readable_reasoning_is_not_sent_back(self) -> None:
        got = accumulate({"reasoning": "hm "}, {"reasoning": "yes"}, {"content": "Yes."})

        assert "".join(got.reasoning) == "hm yes"
        assert got.reply().message == {"role": "assistant", "content": "Yes."}

    def test_fragments_without_index_are_joined(self) -> None:
        entry = {"type": "reasoning.text", "format": "anthropic-claude-v1"}
        got = accumulate(
            {"reasoning_details": [entry | {"text": "one ", "signature": None}]},
            {"reasoning_details": [entry | {"text": "two"}]},
            {"reasoning_details": [entry | {"text": None, "signature": "sig"}]},
        )

        assert got.reply().message["reasoning_details"] == [entry | {"text": "one two", "signature": "sig"}]

    def test_nothing_is_joined_to_a_signed_entry(self) -> None:
        entry = {"type": "reasoning.text", "index": 0}
        got = accumulate(
            {"reasoning_details": [entry | {"text": "one", "signature": "s1"}]},
            {"reasoning_details": [entry | {"text": "two", "signature": "s2"}]},
        )

        assert len(got.reply().message["reasoning_details"]) == 2

    def test_encrypted_entries_with_the_same_index_are_not_joined(self) -> None:
        entry = {"type": "reasoning.encrypted", "index": 0, "data": "x"}
        got = accumulate({"reasoning_details": [entry]}, {"reasoning_details": [entry]})

        assert got.reply().message["reasoning_details"] == [entry, entry]

    def test_the_chunks_themselves_are_not_changed(self) -> None:
        fragment = {"type": "reasoning.text", "index": 0, "text": "one"}
        accumulate({"reasoning_details": [fragment]}, {"reasoning_details": [fragment]}).reply()

        assert fragment == {"type": "reasoning.text", "index": 0, "text": "one"}


def test_a_split_surrogate_pair_is_joined_wherever_it_is() -> None:
    high, low = "\ud83d", "\ude42"
    thought = {"type": "reasoning.text", "index": 0}
    got = accumulate(
        {"content": high, "reasoning_details": [thought | {"text": high}]},
        {"content": low, "reasoning_details": [thought | {"text": low}]},
        tool_calls({"index": 0, "id": "c", "function": {"name": "a", "arguments": '{"a":"' + high}}),
        tool_calls({"index": 0, "function": {"arguments": low + '"}'}}),
    )

    message = got.reply().message
    assert message["content"] == "🙂"
    assert message["reasoning_details"] == [thought | {"text": "🙂"}]
    assert made(got) == [("a", '{"a":"🙂"}')]


def test_half_a_surrogate_pair_is_replaced() -> None:
    got = Accumulator()

    shown = [got.add(chunk({"content": part})) for part in ("a\ud83d", "b", "\ude42")]

    assert got.reply().message["content"] == "a\ufffdb\ufffd"
    assert shown == ["a", "\ufffdb", "\ufffd"]


REPAIRS = {
    "nothing": ("", "{}"),
    "blank": (" \n", "{}"),
    "an object": ('{"a": [1, 2]}', '{"a": [1, 2]}'),
    "an object in blanks, as it is": (' {"a":1}\n', ' {"a":1}\n'),
    "a comma before a brace": ('{"a": 1,}', '{"a": 1}'),
    "commas before brackets": ('{"a": [1, 2, ], "b": {"c": 1 , } }', '{"a": [1, 2 ], "b": {"c": 1  } }'),
    "a comma in a string": ('{"a": ",}", "b": "\\",]",}', '{"a": ",}", "b": "\\",]"}'),
    "a fence": ('```json\n{"a": 1}\n```', '{"a": 1}'),
    "a fence without a language": ('```{"a": 1,}```', '{"a": 1}'),
    "cut off": ('{"a": 1', None),
    "cut off after a comma": ('{"a": 1,', None),
    "cut off in a string": ('{"a": "b', None),
    "a list": ("[1]", None),
    "null": ("null", "{}"),
    "an empty list": (" [] ", "{}"),
    "an empty string": ('""', "{}"),
    "an object in a list": ('[{"a": 1}]', '{"a": 1}'),
    "two objects in a list": ('[{"a": 1}, {"a": 2}]', None),
    "encoded twice": (r'"{\"a\": 1}"', '{"a": 1}'),
    "encoded three times": (json.dumps(json.dumps('{"a": 1}')), '{"a": 1}'),
    "nothing, encoded twice": ('"null"', "{}"),
    "words, encoded twice": ('"no"', None),
    "a raw line break": ('{"a": "x\ny\tz"}', r'{"a": "x\ny\tz"}'),
    "a raw line break and a comma": ('{"a": "x\ny",}', r'{"a": "x\ny"}'),
    "a raw line break, encoded twice": (json.dumps('{"a": "x\ny"}'), r'{"a": "x\ny"}'),
    "a token of the template behind it": ('{"a": 1}<|tool_call_end|>', '{"a": 1}'),
    "a tag of the template behind it": ('{"a": "<b></b>"}\n</tool_call>', '{"a": "<b></b>"}'),
    "a Python dict": ("{'a': 'it\"s', 'b': True, 'c': None}", '{"a": "it\\"s", "b": true, "c": null}'),
    "a Python dict that is cut off": ("{'a': 'b", None),
    "a Python set": ("{'a', 'b'}", None),
    "a Python call": ("{'a': open('x')}", None),
    "the whole call": ('{"name": "look", "arguments": {"a": 1}}', '{"a": 1}'),
    "the whole call, its arguments as text": (r'{"name": "look", "arguments": "{\"a\": 1}"}', '{"a": 1}'),
    "arguments with a name": ('{"name": "x", "arguments": {"a": 1}}', '{"name": "x", "arguments": {"a": 1}}'),
    "words": ("a=1", None),
    "two objects": ("{}{}", None),
    "a number that JSON has not": ('{"a": Infinity}', None),
    "deeper than the parser goes": ('{"a":' * 100_000, None),
}


@pytest.mark.parametrize(("raw", "expected"), REPAIRS.values(), ids=REPAIRS)
def test_arguments_are_repaired_only_without_guessing(raw: str, expected: str | None) -> None:
    assert repaired(raw, "look") == expected


def test_a_refusal_is_shown_as_the_text() -> None:
    message = accumulate({"content": None, "refusal": "I "}, {"refusal": "won't."}).reply().message

    assert message == {"role": "assistant", "content": "I won't."}


def test_usage_with_invalid_types_counts_as_zero() -> None:
    got = Accumulator()
    got.add({"choices": [], "usage": {"prompt_tokens": None, "completion_tokens": "7", "cost": None}})

    assert got.reply().usage == Usage()


@pytest.mark.parametrize(
    ("chunk", "progress"),
    [
        ({"choices": []}, False),
        ({"choices": [{"delta": {"role": "assistant", "content": ""}}]}, False),
        ({"choices": [{"delta": {"reasoning": "hm"}}]}, True),
        ({"choices": [{"delta": {"tool_calls": [{"index": 0}]}}]}, True),
        ({"choices": [{"delta": {}, "finish_reason": "stop"}]}, True),
    ],
)
def test_only_tokens_and_the_end_are_progress(chunk: JsonObject, progress: bool) -> None:
    assert (Accumulator().add(chunk) is not None) is progress


SOUND = {
    "id": "gen-1",
    "model": "a/model",
    "provider": "P",
    "choices": [
        {
            "delta": {
                "content": "Hi",
                "refusal": None,
                "tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "look", "arguments": "{}"}}],
                "reasoning_details": [{"type": "reasoning.text", "text": "hm", "index": 0, "data": "x"}],
            },
            "finish_reason": "tool_calls",
            "native_finish_reason": "tool_calls",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "cost": 0.1, "prompt_tokens_details": {"cached_tokens": 1}},
}
NUMBERS = (True, -1, 2**63, 10**30, 1e300, float("nan"), float("inf"))
ODD = (
    *NUMBERS,
    None,
    "",
    "\ud800",
    "\0",
    "x" * 300,
    [],
    {},
    [[]],
    {"a": float("nan")},
    {"\ud800": "\ud800"},
    [float("inf")],
)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


@pytest.mark.parametrize("path", list(places(SOUND)), ids=lambda path: ".".join(map(str, path)))
def test_a_reply_with_any_value_in_any_place_can_be_stored_and_sent_back(path: tuple[Any, ...]) -> None:
    def no_constant(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    for odd in ODD:
        chunk: Any = copy.deepcopy(SOUND)
        at = chunk
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = odd
        got = Accumulator()
        got.add(chunk)
        got.add(copy.deepcopy(chunk))
        reply = got.reply()
        json.loads(json.dumps(reply.message, ensure_ascii=False).encode(), parse_constant=no_constant)
        usage = reply.usage
        texts = (reply.finish_reason, reply.model, reply.provider, *reply.invalid_arguments.values())
        numbers = (usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.cost)
        with closing(sqlite3.connect(":memory:")) as connection:
            kept = connection.execute(f"SELECT {', '.join('?' * (len(texts) + 4))}", (*texts, *numbers))
            assert kept.fetchone() == (*texts, *numbers)
        for call in reply.message.get("tool_calls", ()):
            assert re.fullmatch(r"[!-~]{1,256}", call["id"])
            assert isinstance(json.loads(call["function"]["arguments"]), dict)
