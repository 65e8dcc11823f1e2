"""Text of people, models and tools on its way in and out."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.slack.blocks.split import split
from bot.slack.text import brief, code, harmless, readable, speaker, visible

PING = re.compile(r"<@[UWB]\w+|<!(?:channel|here|everyone|subteam)|(?<!\w)@(?:channel|here|everyone)\b", re.IGNORECASE)
PIECES = ["<", ">", "!", "@", "channel", "here", "<!channel>", "<@U123>", "|", "x", "\n", "`", "<!here|x>", "^S1", " "]


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_nothing_in_harmless_text_notifies_anybody(text: str) -> None:
    assert not PING.search(harmless(text))


@pytest.mark.parametrize(
    "text", ["<!DOCTYPE html>", "a < b > c", "user@example.com", "<https://example.com|x>", "<#C1>"]
)
def test_text_that_notifies_nobody_is_left_as_it_is(text: str) -> None:
    assert harmless(text) == text


@given(st.text())
def test_everything_that_visible_returns_can_be_seen(text: str) -> None:
    shown = visible(text)
    assert not re.search("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\x00-\x08]", shown)


@given(st.text(), st.integers(10, 200))
def test_a_code_span_is_one_line_with_no_way_out(text: str, limit: int) -> None:
    span = code(text, limit)
    assert span.count("`") == 2
    assert "\n" not in span
    assert len(span) <= limit * 10


@given(st.text())
def test_a_speaker_is_one_line_without_a_colon(name: str) -> None:
    shown = speaker(name)
    assert shown.strip()
    assert not set(shown) & set(":\n\r[]()")


def test_slacks_markup_is_read_as_people_wrote_it() -> None:
    names = {"U1": "Alice"}
    assert readable("<@U1> see <https://a.b|the page> in <#C1|general> &amp; <!here> &lt;b&gt;", names) == (
        "@Alice see the page (https://a.b) in #general & @here <b>"
    )


LINES = st.lists(
    st.sampled_from(["", "", "a" * 30, "b " * 200, "#" * 700, "```", "~~~~", "```python", "* x"]), max_size=40
)


@example("#" * 700 + "\n~~~~\n" + "a" * 30 + "\n```\n```python\n~~~~\n```\n", 481)
@given(LINES.map("\n".join), st.integers(400, 900))
def test_pieces_of_a_split_text_are_short_and_lose_no_word(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    letters = [character for character in text if character in "ab#*"]
    kept = [character for character in "".join(pieces) if character in "ab#*"]
    assert kept == letters or "```" in text or "~~~~" in text


def test_a_code_block_that_is_cut_is_closed_and_opened_again() -> None:
    lines = "\n".join(f"line {number}" for number in range(200))
    pieces = split(f"Before\n```python\n{lines}\n```\nAfter", 500)
    assert all(piece.count("```") % 2 == 0 for piece in pieces)
    assert all(piece.startswith("```python\n") for piece in pieces[1:-1])
    assert "".join(pieces).count("line ") == 200


def test_the_start_of_a_text_is_one_line() -> None:
    assert brief("a\n\nb   c", 10) == "a b c"
