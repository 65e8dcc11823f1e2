"""Marks for the prompt cache of providers that keep only what is marked."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.core.model_info import ModelInfo, Prices
from bot.core.transcript import Transcript
from bot.model.cache_marks import marked
from bot.model.catalogue_entries import model_info

Json = dict[str, Any]
MARK = {"type": "ephemeral"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]}
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
parts = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, words)
    | st.just({"type": "image_url", "image_url": {"url": "data:,"}}),
    max_size=3,
)
messages = st.builds(
    lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "tool"]), words | parts
)
logs = st.lists(messages | st.just(CALL), max_size=30).map(lambda found: [{"role": "system", "content": "s"}, *found])


def log(*found: Json) -> Transcript:
    return Transcript(enumerate(json.dumps(each) for each in found))


def user(text: str) -> Json:
    return {"role": "user", "content": text}


def tool(text: str) -> Json:
    return {"role": "tool", "tool_call_id": "1", "content": text}


def where(found: Transcript) -> list[int]:
    return [at for at, each in enumerate(found) if "cache_control" in each]


def without(message: Json) -> Json:
    """A message as it was before it was marked, its content as parts."""
    content = message["content"]
    found = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if found is None:
        return message
    return {**message, "content": [{key: each[key] for key in each if key != "cache_control"} for each in found]}


def test_the_prompt_the_last_request_and_the_newest_message_are_marked() -> None:
    found = marked(log({"role": "system", "content": "You"}, user("a"), CALL, tool("r"), user("b"), CALL, tool("s")))
    assert where(found) == [0, 4, 6]
    assert json.loads(found[6]) == {**tool("s"), "content": [{"type": "text", "text": "s", "cache_control": MARK}]}


def test_of_parts_the_last_text_is_marked() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}}
    found = marked(log(user("a"), {"role": "user", "content": [{"type": "text", "text": "look"}, image]}))
    assert where(found) == [0, 1]
    assert json.loads(found[1])["content"] == [{"type": "text", "text": "look", "cache_control": MARK}, image]


@given(logs)
def test_marks_change_nothing_else_and_are_at_most_three(found: list[Json]) -> None:
    before = log(*found)
    after = marked(before)
    assert after.positions == before.positions
    assert len(where(after)) <= 3
    assert 0 in where(after)
    for at, (one, other) in enumerate(zip(before, after, strict=True)):
        assert one == other or at in where(after)
        assert without(json.loads(one)) == without(json.loads(other))
    assert b"[" + b",".join(each.encode() for each in after) + b"]" == after.between(b"[", b"]")


def test_only_models_whose_provider_charges_for_writing_to_such_a_cache_are_marked() -> None:
    pricing = {"prompt": "1e-6", "completion": "5e-6", "input_cache_read": "1e-7"}
    costs = {**pricing, "input_cache_write": "1.25e-6"}
    info = model_info({"id": "qwen/qwen3-coder-plus", "pricing": costs})
    assert info is not None
    assert info.prices == Prices(1e-6, 5e-6, 1e-7, 1.25e-6)
    assert info.caches_what_is_marked
    for id_, prices in (("qwen/qwen3-coder", pricing), ("anthropic/claude-sonnet-4.5", costs), ("Qwen/Qwen3-8B", {})):
        other = model_info({"id": id_, "pricing": prices})
        assert isinstance(other, ModelInfo)
        assert not other.caches_what_is_marked
