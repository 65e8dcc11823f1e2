"""Random streams: whatever comes, the reply can be sent back to the strictest endpoint, and nothing takes long.

    CHUNK_SEQUENCES=100000 python -m pytest tests/unit/model/test_fuzz.py

runs as many streams as wanted; the suite runs a few thousand.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from bot.core.ports.model import Reply
from bot.model.error_objects import BrokenReply
from bot.model.offered_tools import OfferedTools
from bot.model.reply_reader import Listener
from bot.model.stream_accumulator import Accumulator
from bot.model.watchdog import Watchdog
from slack_sandbox.openrouter.rules import message_faults
from tests.machine import allowed
from tests.unit.model.conftest import Pieces, tool

JsonObject = dict[str, Any]
SEQUENCES = int(os.environ.get("CHUNK_SEQUENCES", "1200"))
PARTS = max(6, SEQUENCES // 1000)
"""Of more streams more tests, as each has its time limit."""
MAX_SECONDS = 0.01
TOOLS = OfferedTools(json.dumps([tool("files__read"), tool("files__list")]))
NUMBERS = (0, 1, 2, -1, -(2**63), 2**63, 10**30, 1.5, 1e308, float("nan"), float("inf"), True)
ODD_OBJECTS = ([], {}, [[]], [None], {"a": float("nan")}, {"\ud800": "\udfff"})
ODD = (*NUMBERS, None, "", " ", "\ud83d", "\ude42", "\0", *ODD_OBJECTS)
WORDS = (
    *("Four", ".", " ", "\n", "\n\n", "`", "```", "```json\n", "~~~", "é", "🙂", "\ud83d", "\ude42"),
    *("<", "</", "[", "=", "|>", "{", "}", "to", "assistant", "files__read"),
    *("<think>", "</think>", "<thinking>", "[THINK]", "[/THINK]", "◁think▷"),
    *("<|channel|>analysis<|message|>", "<|end|>", "=functions.files__read"),
    *("<tool_call>", "</tool_call>", '{"name": "files__read", "arguments": {"path": "a"}}', "[TOOL_CALLS]"),
    *("<function=files__read>", "</function>", '<invoke name="files__read">', "</invoke>"),
    *("<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>"),
)
NAMES = ("files__read", "files__", "read", "functions.files__list", "x", "", "a b", "7", "é", "multi_tool_use.parallel")
OBJECTS = ('{"path": "a"}', '{"path"', ': "a"}', "{}", '{"a": "\n"}', "{'a': 1}")
ARGUMENTS = (*OBJECTS, "", "null", "[]", '"{}"', "```", "\ud83d")
IDS = ("c1", "c2", "", "call_0", "same", "é", "x" * 300)
DETAILS = ("reasoning.text", "reasoning.encrypted", "reasoning.summary", "", None)
FINISH = ("stop", "tool_calls", "length", "content_filter", "error", "MAX_TOKENS", "", None, 7, {})


class Stream:
    """One random stream."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def pick(self, values: tuple[Any, ...]) -> Any:
        return self.random.choice(values)

    def odd(self, value: Any, share: float = 0.04) -> Any:
        """The value, or sometimes another one."""
        return self.pick(ODD) if self.random.random() < share else value

    def text(self) -> str:
        words = "".join(self.random.choices(WORDS, k=self.random.randint(0, 6)))
        return words * 2_000 if self.random.random() < 0.002 else words

    def some(self, entry: JsonObject) -> JsonObject:
        """A random part of the fields, some with odd values."""
        return {key: self.odd(value) for key, value in entry.items() if self.random.random() < 0.8}

    def call(self) -> Any:
        function = self.some({"name": self.pick(NAMES), "arguments": self.pick(ARGUMENTS)})
        entry = {"index": self.pick((0, 0, 1, 2, *NUMBERS)), "id": self.pick(IDS), "type": "function"}
        return self.odd(self.some(entry) | {"function": self.odd(function)})

    def detail(self) -> Any:
        entry = {"type": self.pick(DETAILS), "text": self.text(), "index": 0, "id": self.pick(IDS), "signature": "s"}
        return self.odd(self.some(entry))

    def content(self) -> Any:
        if self.random.random() < 0.9:
            return self.text()
        return [self.odd({"type": self.pick(("text", "thinking", "")), "text": self.text()}, 0.2) for _ in range(2)]

    def delta(self) -> Any:
        kind = self.random.random()
        if kind < 0.4:
            return {"content": self.odd(self.content())}
        if kind < 0.75:
            return {"tool_calls": self.odd([self.call() for _ in range(self.random.randint(0, 3))])}
        if kind < 0.9:
            return {"reasoning_details": self.odd([self.detail()]), "reasoning": self.odd(self.text())}
        return {self.pick(("reasoning_content", "refusal", "function_call", "role", "x")): self.odd(self.text(), 0.3)}

    def choice(self) -> Any:
        key = "message" if self.random.random() < 0.03 else "delta"
        found = {"index": 0, key: self.odd(self.delta())}
        if self.random.random() < 0.1:
            found["finish_reason"] = self.pick(FINISH)
        return self.odd(found)

    def chunk(self) -> Any:
        found: JsonObject = {"id": "gen", "model": "m", "choices": self.odd([self.choice()])}
        if self.random.random() < 0.05:
            found["usage"] = self.odd({"prompt_tokens": self.pick(ODD), "cost": self.pick(ODD)})
        if self.random.random() < 0.005:
            found["error"] = self.pick(ODD)
        return self.odd(found, 0.01)

    def chunks(self) -> Iterator[bytes]:
        for _ in range(self.random.randint(0, 25)):
            chunk = json.dumps(self.chunk()).encode()
            yield chunk[:-2] if self.random.random() < 0.002 else chunk
            if self.random.random() < 0.05:
                yield chunk
        if self.random.random() < 0.8:
            yield json.dumps({"choices": [{"delta": {}, "finish_reason": self.pick(FINISH[:4])}]}).encode()
        if self.random.random() < 0.8:
            yield b" [DONE]"


class Slowest:
    """The longest time of any step."""

    def __init__(self) -> None:
        self.seconds, self.seed = 0.0, -1

    def timed(self, seed: int, began: float) -> None:
        took = time.thread_time() - began
        if took > self.seconds:
            self.seconds, self.seed = took, seed


def faults(reply: Reply) -> list[str]:
    """What the strictest endpoint refuses of a conversation that goes on after the reply."""
    message = reply.message
    made = message.get("tool_calls", [])
    if not made and not str(message["content"]).strip():
        return []
    after = [{"role": "tool", "tool_call_id": call["id"], "content": "x"} for call in made]
    conversation = [{"role": "user", "content": "x"}, message, *(after or [{"role": "user", "content": "x"}])]
    sent = json.dumps(conversation, ensure_ascii=False, allow_nan=False).encode().decode()
    return message_faults(json.loads(sent), True, {})


async def read(seed: int, slowest: Slowest) -> list[str]:
    """Read one stream. Out: what is wrong with the reply."""
    got, shown = Accumulator(), Pieces()
    async with Watchdog(600) as watchdog:
        listener = Listener(got, watchdog, shown)
        try:
            for data in Stream(seed).chunks():
                began = time.thread_time()
                listener.handle(data)
                slowest.timed(seed, began)
        except BrokenReply:
            return []
    got.end(done=listener.done)
    began = time.thread_time()
    reply = got.reply(lambda id: id == "call_0", TOOLS)
    if got.size < 5_000:  # more of it is read in a thread
        slowest.timed(seed, began)
    "".join(shown).encode()
    return faults(reply)


@pytest.mark.parametrize("part", range(PARTS))
def test_any_stream_leaves_a_message_that_can_be_sent_and_takes_no_time(part: int) -> None:
    async def all_of_them() -> None:
        for seed in range(part, SEQUENCES, PARTS):
            assert await read(seed, slowest) == [], f"seed {seed}"
            await asyncio.sleep(0)

    slowest = Slowest()
    gc.collect()
    gc.disable()
    try:
        asyncio.run(all_of_them())
    finally:
        gc.enable()
    took = [slowest.seconds]
    if slowest.seconds >= MAX_SECONDS:
        # What others do on the machine is measured with a single step, but a slow stream is slow every time.
        again = [Slowest() for _ in range(3)]
        for each in again:
            asyncio.run(read(slowest.seed, each))
        took = [each.seconds for each in again]
    assert min(took) < allowed(MAX_SECONDS), f"{min(took) * 1000:.0f} ms with seed {slowest.seed}"
