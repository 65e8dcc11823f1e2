"""Measures what the model layer costs: a chunk of a streamed reply, and the building of a request.

    python bench/model.py                             five rounds
    python bench/model.py --rounds 9 --json figures.json

All of it runs in this process, without sockets. Each round measures both sides, so that other load falls on both:

    a chunk      ours: from the bytes of one event to the text that is shown and the reply that is assembled.
                 openai: the same bytes through `chat.completions.create(stream=True)`, which parses them into types.
    a request    ours: the stored texts of the log joined into the body. openai: `create` with the same messages and
                 tools, until the transport has the body.

Both are CPU time of the thread.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any

import httpx2
from common import parser_of
from openai import AsyncOpenAI

from bot.core.ports.model import ModelRequest
from bot.core.transcript import Transcript
from bot.model.adapted_request import body_of
from bot.model.openrouter import OpenRouter
from bot.model.reply_reader import Listener
from bot.model.sse import EventReader
from bot.model.stream_accumulator import Accumulator
from bot.model.watchdog import Watchdog
from slack_sandbox.openrouter import text, wire

WORDS = "The release is on Thursday, and `notes.md` says so: **two** things are still open. "
JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Round:
    """One round."""

    chunk_us: float
    chunk_openai_us: float
    request_ms: float
    request_openai_ms: float


class Shown:
    """A listener that keeps the text as it arrives."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def add(self, piece: str) -> None:
        """Take the next piece."""
        self.pieces.append(piece)

    def restart(self) -> None:
        """Forget them."""
        self.pieces.clear()


class Events(httpx2.AsyncByteStream):
    """The body of a response, one event at a time."""

    def __init__(self, events: list[bytes]) -> None:
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in self._events:
            yield event


def events_of(chunks: int) -> list[bytes]:
    """Return a streamed reply of so many pieces."""
    return wire.events(text(WORDS * (chunks // 10), chunks=chunks), "bench/model", 1000)


def conversation(messages: int) -> list[JsonObject]:
    """Return a log of so many messages: questions, calls with their results, answers."""
    found: list[JsonObject] = [{"role": "system", "content": WORDS * 20}]
    for number in range(messages):
        function = {"name": "filesystem__read_text_file", "arguments": json.dumps({"path": f"notes/{number}.md"})}
        made = [{"id": f"call{number:05}", "type": "function", "function": function}]
        found += [
            {"role": "user", "content": f"Alice: {WORDS}"},
            {"role": "assistant", "content": None, "tool_calls": made},
            {"role": "tool", "tool_call_id": f"call{number:05}", "content": WORDS * 6},
            {"role": "assistant", "content": WORDS * 2},
        ]
    return [*found[: messages - 1], {"role": "user", "content": "Alice: and now?"}]


def tools_of(count: int) -> list[JsonObject]:
    """Return so many function tools with ten parameters each."""
    properties = {f"parameter_{number}": {"type": "string", "description": WORDS} for number in range(10)}
    parameters = {"type": "object", "properties": properties, "required": ["parameter_0"]}
    functions = [{"name": f"server__tool_{n}", "description": WORDS, "parameters": parameters} for n in range(count)]
    return [{"type": "function", "function": function} for function in functions]


async def our_chunk(events: list[bytes]) -> float:
    """Return our seconds for a chunk."""
    got, shown, reader = Accumulator(), Shown(), EventReader()
    async with Watchdog(600) as watchdog:
        listener = Listener(got, watchdog, shown)
        began = time.thread_time()
        for event in events:
            for data in reader.feed(event):
                listener.handle(data)
        took = time.thread_time() - began
    if got.finish_reason != "stop" or "".join(shown.pieces) != got.reply().message["content"]:
        raise RuntimeError("the reply is not what was sent")
    return took / len(events)


def client_of(answer: Callable[[httpx2.Request], httpx2.Response]) -> AsyncOpenAI:
    """Return a client of openai's whose requests are answered here."""
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    return AsyncOpenAI(api_key="k", base_url="http://bench/v1", http_client=http, max_retries=0)


async def openai_chunk(events: list[bytes]) -> float:
    """Return openai's seconds for a chunk."""
    headers = {"content-type": "text/event-stream"}
    client = client_of(lambda _: httpx2.Response(200, headers=headers, stream=Events(events)))
    stream = await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "x"}], stream=True)
    pieces: list[str] = []
    began = time.thread_time()
    async for chunk in stream:
        if chunk.choices and (piece := chunk.choices[0].delta.content):
            pieces.append(piece)
    return (time.thread_time() - began) / len(events)


def our_request(router: OpenRouter, texts: list[str], tools: str) -> float:
    """Return our seconds for a request."""
    began = time.thread_time()
    log = Transcript(enumerate(texts))
    body = body_of(router.head(ModelRequest(log, tools, "auto", "thread", "person"), tools), log)
    took = time.thread_time() - began
    if len(json.loads(body)["messages"]) != len(texts):
        raise RuntimeError("the request is not what was wanted")
    return took


async def openai_request(messages: Any, tools: Any) -> float:
    """Return openai's seconds for a request."""
    ended = 0.0

    def answer(_: httpx2.Request) -> httpx2.Response:
        nonlocal ended
        ended = time.thread_time()
        return httpx2.Response(200, json={"id": "1", "choices": [], "created": 1, "model": "m", "object": "x"})

    client = client_of(answer)
    began = time.thread_time()
    await client.chat.completions.create(model="m", messages=messages, tools=tools)
    return ended - began


async def measure(rounds: int, chunks: int, messages: int, tools: int) -> list[Round]:
    """Return the rounds, after one to warm up."""
    events, log, offered = events_of(chunks), conversation(messages), tools_of(tools)
    texts, listed = [json.dumps(message) for message in log], json.dumps(offered)
    router = OpenRouter(api_key="k", models=["m"])
    found: list[Round] = []
    for _ in range(rounds + 1):
        found.append(
            Round(
                chunk_us=1e6 * await our_chunk(events),
                chunk_openai_us=1e6 * await openai_chunk(events),
                request_ms=1e3 * our_request(router, texts, listed),
                request_openai_ms=1e3 * await openai_request(log, offered),
            )
        )
    return found[1:]


def table(rounds: list[Round]) -> str:
    """Format the medians, and the median of the ratios within a round."""
    lines = [f"{'':34}{'ours':>10}{'openai':>10}  ours/openai"]
    for title, ours, theirs in (
        ("a streamed chunk, µs", "chunk_us", "chunk_openai_us"),
        ("building a request, ms", "request_ms", "request_openai_ms"),
    ):
        middle = [statistics.median(getattr(each, name) for each in rounds) for name in (ours, theirs)]
        ratio = statistics.median(getattr(each, ours) / max(getattr(each, theirs), 1e-9) for each in rounds)
        lines.append(f"{title:34}{middle[0]:10.2f}{middle[1]:10.2f}{ratio:13.2f}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the figures. Returns the exit code."""
    parser: argparse.ArgumentParser = parser_of("model", __doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (5)")
    parser.add_argument("--chunks", type=int, default=2000, metavar="N", help="pieces of the streamed reply (2000)")
    parser.add_argument("--messages", type=int, default=300, metavar="N", help="messages in the request (300)")
    parser.add_argument("--tools", type=int, default=60, metavar="N", help="tools in the request (60)")
    options = parser.parse_args(arguments)
    found = asyncio.run(measure(options.rounds, options.chunks, options.messages, options.tools))
    sys.stdout.write(table(found) + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps([asdict(each) for each in found], indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
