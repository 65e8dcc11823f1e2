"""The log in memory: a request consists of the bytes of its texts, however they were added."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.transcript import Transcript
from bot.store.sqlite.transcript_cache import Transcripts

texts = st.lists(st.text(st.characters(), max_size=20).map(lambda text: f"{{{text}}}"), max_size=6)


@given(st.lists(texts, max_size=4))
def test_texts_added_in_parts_are_joined_as_if_added_at_once(parts: Sequence[Sequence[str]]) -> None:
    transcript, sent = Transcript(), b""
    for part in parts:
        transcript.extend(enumerate(part, start=transcript.last + 1))
        now = transcript.between(b"", b"")
        assert now.startswith(sent), "what was sent before is no prefix"
        sent = now
    every = [text for part in parts for text in part]
    assert transcript.between(b"[", b"]") == f"[{','.join(every)}]".encode("utf-8", "replace")
    assert list(transcript) == [text.encode("utf-8", "replace").decode() for text in every]
    assert (len(transcript), transcript.size) == (len(every), len(sent))


def test_texts_and_their_utf8_bytes_are_equivalent_and_can_be_searched() -> None:
    transcript = Transcript([(0, '{"a":"ü🙂"}'), (1, b'{"b":1}')])
    assert list(transcript) == ['{"a":"ü🙂"}', '{"b":1}']
    assert (transcript.has(b'"b"'), transcript.has(b'"c"')) == (True, False)


def test_positions_stay_with_their_messages_and_only_grow() -> None:
    transcript = Transcript([(3, "{}"), (7, "[]")])
    assert (transcript.positions, transcript.last, len(transcript)) == ((3, 7), 7, 2)
    for position in (-1, 3, 7):
        with pytest.raises(ValueError, match="not behind 7"):
            transcript.extend([(position, "{}")])
    assert transcript.between(b"[", b"]") == b"[{},[]]"


def test_the_cache_is_bounded_and_evicts_what_was_used_least_recently() -> None:
    kept = Transcripts(max_bytes=100, min_bytes=10)
    logs = {number: Transcript([(0, "x" * 40)]) for number in range(3)}
    for number in (0, 1, 0, 2):
        kept.keep(number, logs[number])
    assert [kept.of(number, 1) is logs[number] for number in range(3)] == [True, False, True]
    assert kept.size == 80
    logs[0].extend([(1, "y" * 200)])
    kept.keep(0, logs[0])
    assert (kept.size, len(kept.of(0, 1)), len(kept.of(2, 0))) == (0, 0, 0), "one log alone exceeds the limit"


def test_a_short_log_is_not_cached_and_one_that_is_longer_than_the_thread_is_not_used() -> None:
    kept = Transcripts(max_bytes=100, min_bytes=10)
    kept.keep(1, Transcript([(0, "x")]))
    kept.keep(2, Transcript([(0, "x" * 10), (1, "y")]))
    assert (kept.size, len(kept.of(1, 1)), len(kept.of(2, 0)), len(kept.of(2, 1))) == (12, 0, 0, 2)
