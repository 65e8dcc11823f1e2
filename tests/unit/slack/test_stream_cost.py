"""What a piece of streamed text costs us: what is missing in a stream is found at once, however long the text is."""

from __future__ import annotations

import time

from bot.core.json_text import JsonObject
from bot.slack.delivery.stream_body import Given, StreamBody, calls
from tests.extending.growing import step, text
from tests.machine import is_allowed

MOST = 50e-6
"""Seconds a piece."""
BATCHES, BATCH = 10, 200


def seconds_a_piece(given: Given, chunks: list[JsonObject]) -> float:
    """The time that a piece takes, at best: others may use the processor meanwhile."""
    words, best = "", float("inf")
    for _ in range(BATCHES):
        began = time.thread_time()
        for _ in range(BATCH):
            words += "word "
            for call in calls(given.missing(StreamBody([*chunks, text(words)], done=False)) or []):
                given.add(call)
        best = min(best, (time.thread_time() - began) / BATCH)
    assert given.missing(StreamBody([*chunks, text(words)], done=False)) == []
    return best


def test_a_piece_of_text_costs_less_than_50_microseconds_beside_twenty_steps() -> None:
    assert is_allowed(seconds_a_piece(Given(), [step(str(number), f"Read {number}.md") for number in range(20)]), MOST)


def test_what_is_appended_for_a_piece_is_the_piece() -> None:
    given, words = Given(), ""
    for _ in range(2_000):
        words += "word "
        missing = given.missing(StreamBody([text(words)], done=False)) or []
        assert missing == [text("word ")]
        given.add(missing)
