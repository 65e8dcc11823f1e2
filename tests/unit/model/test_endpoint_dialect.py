"""Whatever an endpoint says, its error costs little time, and what is left out leaves a request that can be sent."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.transcript import Transcript
from bot.model.endpoint_dialect import EndpointDialect, as_text, says_nothing
from bot.model.error_objects import MAX_MESSAGE_CHARS, BrokenReply
from bot.model.failures import classify
from bot.model.refused_tools import RefusedTools
from bot.model.tool_search import MAX_TRIES, accepted_of
from slack_sandbox.openrouter.rules import message_faults
from tests.machine import is_allowed

JsonObject = dict[str, Any]
HEAD: JsonObject = {
    **{"models": ["a/b", "c/d"], "stream": True, "stream_options": {"include_usage": True}, "usage": {"include": True}},
    **{"plugins": [], "cache_control": {"type": "ephemeral"}, "max_tokens": 9, "session_id": "s", "user": "u"},
    **{"tool_choice": "auto", "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
MESSAGES: list[JsonObject] = [
    {"role": "system", "content": [{"type": "text", "text": "Be kind.", "cache_control": {"type": "ephemeral"}}]},
    {"role": "user", "content": [{"type": "text", "text": "Look."}, {"type": "image_url", "image_url": {"url": "x"}}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "Hm.", "reasoning_details": [{}]},
    {"role": "tool", "tool_call_id": "c1", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
]
TRANSCRIPT = Transcript(enumerate(json.dumps(message) for message in MESSAGES))
WORDS = st.lists(
    st.sampled_from(
        [
            *(f"'{key}'" for key in HEAD),
            *HEAD,
            *("reasoning_details", "reasoning_content", "'name'", "content", "null", "image_url", "messages.2", "body"),
            *("Extra inputs are not permitted", "unknown field", "is unsupported", "not supported", "must be a string"),
            *("model is required", "invalid", "mmproj", "expected a string", "Bad Request", "max_completion_tokens"),
            *(":", ".", "\n", "[", "]", "(", ")", "{", "}", "-> ", "é", "\ud83d"),
        ]
    ),
    max_size=12,
).map(" ".join)


@given(st.lists(WORDS, max_size=6))
def test_what_is_left_of_a_request_can_be_sent(said: Sequence[str]) -> None:
    dialect, head, messages = EndpointDialect(), json.dumps(HEAD), TRANSCRIPT
    for words in said:
        dialect.learn(dialect.head(head), messages, words)
        messages = dialect.changed(TRANSCRIPT, "a/b")
    left = json.loads(dialect.head(head))
    assert {"stream", "tools"} <= left.keys()
    assert left.get("model") == "a/b" or left.get("models") == ["a/b", "c/d"]
    sent = [json.loads(message) for message in messages]
    assert message_faults(sent, True, {}) == []
    assert [message["role"] for message in sent] == [message["role"] for message in MESSAGES]
    assert list(messages) == list(dialect.changed(messages, "a/b")), "what was changed stays as it is"


@settings(max_examples=40)
@given(WORDS, st.integers(1, 40))
def test_the_same_error_is_learnt_from_a_few_times_at_most(words: str, times: int) -> None:
    dialect, head, learnt = EndpointDialect(), json.dumps(HEAD), 0
    for _ in range(times):
        learnt += bool(dialect.learn(dialect.head(head), dialect.changed(TRANSCRIPT, "a/b"), words))
    assert learnt <= 12


def test_plain_leaves_what_every_server_takes() -> None:
    dialect = EndpointDialect()
    assert json.loads(dialect.head(json.dumps(HEAD), plain=True)).keys() == {"model", "stream", "tools"}
    assert dialect.untouched
    dialect.learn_plain(json.dumps(HEAD))
    assert json.loads(dialect.head(json.dumps(HEAD))) == {"model": "a/b", "stream": True, "tools": HEAD["tools"]}


def test_a_name_that_is_elsewhere_in_a_message_is_looked_for_once() -> None:
    dialect, words = EndpointDialect(), "messages.2: 'name': Extra inputs are not permitted"
    assert dialect.learn(json.dumps(HEAD), TRANSCRIPT, words) == ["name of messages"]
    assert dialect.learn(json.dumps(HEAD), dialect.changed(TRANSCRIPT, "a/b"), words) == []


@pytest.mark.parametrize("words", ["", " ", "Bad Request", "invalid request body", "Extra inputs are not permitted."])
def test_an_error_without_a_reason_is_recognised(words: str) -> None:
    assert says_nothing(words)


@pytest.mark.parametrize(
    "words", ["Provider returned error", "Invalid value for 'temperature'", "Bad request: too long"]
)
def test_an_error_with_a_reason_is_none_without(words: str) -> None:
    assert not says_nothing(words)


def test_parts_become_one_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "x"}}
    assert as_text(["one", {"type": "text", "text": "two"}]) == "one\ntwo"
    assert as_text([image, image, {"type": "text", "text": "a"}, image]).count("left out") == 2


REPEATED = (
    *("image ", "not ", "content ", "model", "'model'", "max_tokens ", "body ", "messages.1 ", "extra fields ", "un"),
    *(" ", "\n", "'", "(", "a", "reasoning ", "context", "tools[1] ", "exceed ", "not a ", "invalid ", "signature"),
    *("missing ", "no endpoints found that support ", "/chat/completions", "the role assistant ", "é", "rs_a ", "{}"),
)


def test_a_long_error_of_any_kind_takes_no_time() -> None:
    for words in REPEATED:
        for other in ("", "image "):
            said = ((words + other) * MAX_MESSAGE_CHARS)[: 2 * MAX_MESSAGE_CHARS]
            began = time.thread_time()
            error = {"code": 400, "message": said[:MAX_MESSAGE_CHARS], "metadata": {"raw": said[MAX_MESSAGE_CHARS:]}}
            classify(BrokenReply("broken", error))
            EndpointDialect().learn(json.dumps(HEAD), TRANSCRIPT, said)
            says_nothing(said)
            RefusedTools().learn(json.dumps(HEAD["tools"]), said)
            RefusedTools().may_be_meant(said)
            assert is_allowed(time.thread_time() - began, 0.05), (words, other)


class Refuses:
    """A provider that takes some tools, and only so many together."""

    def __init__(self, bad: set[int], most: int) -> None:
        self.bad, self.most, self.asked = bad, most, 0

    async def accepts(self, tools: Sequence[int]) -> bool:
        self.asked += 1
        return not self.bad & set(tools) and len(tools) <= self.most


@given(st.integers(1, 128), st.sets(st.integers(0, 127), min_size=1), st.integers(0, 128))
def test_the_tools_that_are_found_are_accepted_together(count: int, bad: set[int], most: int) -> None:
    provider = Refuses(bad, most)
    found = asyncio.run(accepted_of(range(count), provider.accepts))
    assert found == sorted(found)
    assert not provider.bad & set(found) or not found
    assert len(found) <= most
    assert provider.asked <= MAX_TRIES


@given(st.integers(2, 128), st.data())
def test_one_that_is_refused_among_many_is_all_that_is_left_out(count: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, count - 1))
    found = asyncio.run(accepted_of(range(count), Refuses({bad}, count).accepts))
    assert found == [number for number in range(count) if number != bad]
