"""Text that came from elsewhere."""

from __future__ import annotations

import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bot.tools import text

ANY_TEXT = st.text(alphabet=st.characters(), max_size=200)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_what_is_sendable_can_be_encoded_and_making_it_so_twice_changes_nothing(value: object) -> None:
    once = text.sendable(value)
    json.dumps(once, ensure_ascii=False).encode()
    assert text.sendable(once) == once


@given(JSON)
def test_values_without_lone_surrogates_stay_as_they_are(value: object) -> None:
    if "\\ud" not in json.dumps(value):
        assert text.sendable(value) == value


@given(ANY_TEXT)
def test_scrubbed_text_can_be_encoded_and_holds_no_hidden_characters(value: str) -> None:
    scrubbed = text.scrub(value)
    scrubbed.encode()
    assert not [character for character in scrubbed if character == "\0" or 0xE0000 <= ord(character) < 0xE1000]


@given(st.text(alphabet=st.characters(), max_size=3000), st.integers(1, 2000))
def test_visible_text_is_bounded_and_every_character_of_it_can_be_seen(value: str, limit: int) -> None:
    shown = text.visible(value, limit)
    assert len(shown) <= limit
    assert all(character in "\n\t" or unicodedata.category(character)[0] != "C" for character in shown)


def test_what_hides_words_from_a_reader_is_dropped() -> None:
    assert text.visible("a\u202eb\u200bc\U000e0041\ufeffd\x1b[31m") == "abcd[31m"
    assert text.scrub("flag \U0001f3f4\U000e0067\U000e007f!\0") == "flag \U0001f3f4!"


def test_a_line_has_no_line_breaks() -> None:
    assert text.line(" Error:\n\n  no such\tthing ") == "Error: no such thing"
