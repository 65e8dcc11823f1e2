"""Whatever a gateway answers instead of a reply, and however much of it: nothing of it holds the event loop."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from bot.core.ports.model import ModelRequest
from bot.core.transcript import Transcript
from bot.errors import ModelError
from bot.model.error_objects import MAX_BODY_BYTES, BrokenReply
from bot.model.failures import classify
from bot.model.openrouter import OpenRouter
from tests.attacks.test_lag import held
from tests.lag import watched

MILLION = 1_000_000
WORDS = {
    "tags that are never closed": "<" * 4 * MILLION,
    "tags": "<a>" * MILLION,
    "tags in tags": "<a" * 2 * MILLION,
    "spaces": " " * 4 * MILLION,
    "a bearer and spaces": "Bearer" + " " * 3 * MILLION,
    "bearers": "Bearer " * 500_000,
    "keys": "sk-" * MILLION,
    "a limit that is exceeded": "exceed" * 600_000,
    "contexts": "context" * 500_000,
    "reasoning": "rs_a " * 800_000,
    "long reasoning": "rs_" + "a" * 4 * MILLION,
    "reasoning and signs": "rs_a" + "!" * 4 * MILLION,
}


class Refused(Exception):
    """What openai raises, as far as is looked at it."""

    def __init__(self, body: object, status: int) -> None:
        super().__init__(str(body))
        self.body, self.status_code = body, status


@pytest.mark.parametrize("name", WORDS)
def test_no_error_of_a_model_holds_the_loop(name: str) -> None:
    words = WORDS[name]
    errors: list[Any] = [
        {"message": words, "code": 400},
        {"message": words, "code": 429, "metadata": {"error_type": words, "raw": words}},
        {"message": {"a": words}, "code": words, "metadata": {"raw": [words]}},
    ]
    raised = [
        *(BrokenReply("no", error) for error in errors),
        *(Refused({"error": error}, 400) for error in errors),
        Refused(words, 502),
        OSError(words),
    ]
    held(*(lambda error=error: classify(error, "sk-or-secret") for error in raised))


def endless(piece: bytes) -> Iterator[bytes]:
    """Far more than anybody reads."""
    for _ in range(4000):
        yield piece


PIECE = 64 * 1024
ANSWERS: dict[str, tuple[int, dict[str, str], Iterator[bytes]]] = {
    "an endless error": (502, {"content-type": "text/html"}, endless(b"<" * PIECE)),
    "an endless error in JSON": (400, {"content-type": "application/json"}, endless(b"[" * PIECE)),
    "an error that is compressed": (500, {"content-encoding": "gzip"}, iter([gzip.compress(b"<" * 8 * MILLION)])),
    "lines": (200, {"content-type": "text/event-stream"}, iter([b"\n" * PIECE] * 100)),
    "empty events": (200, {"content-type": "text/event-stream"}, iter([b"data:\n\n" * 10_000] * 100)),
    "lines that are compressed": (
        200,
        {"content-type": "text/event-stream", "content-encoding": "gzip"},
        iter([gzip.compress(b"\n" * 16 * MILLION)]),
    ),
    "lines that are called JSON": (200, {"content-type": "application/json"}, iter([b"data:" + b"\n" * 4 * MILLION])),
    "comments that are called JSON": (200, {"content-type": "application/json"}, iter([b":\n" * 2 * MILLION])),
    "endless JSON": (200, {"content-type": "application/json"}, endless(b"[" * PIECE)),
}


@contextmanager
def gateway(status: int, headers: dict[str, str], body: Iterator[bytes], sent: list[int]) -> Generator[str]:
    """A server in a thread of its own, which gives one answer. Out: its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                for piece in body:
                    self.wfile.write(piece)
                    sent.append(len(piece))

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_of_a_gateway_holds_the_loop_however_long_it_is(name: str) -> None:
    sent: list[int] = []

    async def ask(url: str) -> None:
        model = OpenRouter(api_key="k", base_url=url, models=["m"], attempts=1, total_seconds=30)
        try:
            await model.warm()  # what is loaded once is loaded in a thread
            with watched() as lag, pytest.raises(ModelError):
                await asyncio.create_task(model.complete(ModelRequest(Transcript([(0, "{}")]), "[]", "auto", "", "")))
            lag.check()
        finally:
            await model.aclose()

    with gateway(*ANSWERS[name], sent) as url:
        asyncio.run(ask(url))
    # What a socket takes in before it is closed is not for us to say.
    assert sum(sent) < 20 * MILLION, "it was read to its end"


def test_an_error_is_understood_by_the_beginning_that_is_read_of_it() -> None:
    async def ask(url: str) -> None:
        model = OpenRouter(api_key="k", base_url=url, models=["m"], attempts=1, total_seconds=30)
        try:
            with pytest.raises(ModelError, match="Our gateway is closed"):
                await model.complete(ModelRequest(Transcript([(0, "{}")]), "[]", "auto", "", ""))
        finally:
            await model.aclose()

    page = b"<html><h1>Our gateway is closed</h1>" + b"<p>" * MAX_BODY_BYTES
    compressed = {"content-type": "text/html", "content-encoding": "gzip"}
    with gateway(503, compressed, iter([gzip.compress(page)]), []) as url:
        asyncio.run(ask(url))
