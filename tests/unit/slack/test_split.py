"""A long text comes whole in pieces that Slack takes, each of which reads by itself."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.slack.blocks.split import Part, parts, split

LINES = st.lists(
    st.sampled_from(["", "", "a" * 30, "b " * 200, "#" * 700, "```", "~~~~", "```python", "* x"]), max_size=40
)
ALIGNED = ["|---|:-:|", "|---|---|"]
TABLE = "| a | b |\n|---|:-:|\n" + "| 1 | 2 |\n" * 12 + "| 3 | 4 |"
CODE = "```python\n" + "x = 1\n" * 30 + "\n```"
BLOCKS = ["", "", "Words and words. " * 9, "# Heading", "- item", "  - nested", "1. first", "> quoted", "> " + "q" * 90]
PIECES = [
    "| a | b |",
    "漢字" * 60,
    "    indented",
    "```",
    "````",
    "~~~ sql",
    "Title",
    "===",
    "---",
    "`span`",
    "\tx",
    "   ",
]
NESTED = ["> ```js\n> x\n> ```", "- ```\n  x\n  ```", "x" * 900]
MARKDOWN = st.lists(st.sampled_from([*BLOCKS, *PIECES, *NESTED, TABLE, CODE]), max_size=60).map("\n".join)
ENDLESS = ["x" * 5_000, "漢字" * 3_000, "word " * 2_000, "😀" * 2_000, "https://a.b/" + "x" * 3_000]


def fences(piece: str) -> int:
    return sum(line.lstrip(" >").startswith("```") for line in piece.split("\n"))


@example("#" * 700 + "\n~~~~\n" + "a" * 30 + "\n```\n```python\n~~~~\n```\n", 481)
@given(LINES.map("\n".join), st.integers(400, 900))
def test_pieces_of_a_split_text_are_short_and_lose_no_word(text: str, limit: int) -> None:
    pieces = split(text, limit)
    assert all(0 < len(piece) <= limit for piece in pieces)
    letters = [character for character in text if character in "ab#*"]
    kept = [character for character in "".join(pieces) if character in "ab#*"]
    assert kept == letters or "```" in text or "~~~~" in text


@given(MARKDOWN, st.integers(400, 1_500))
def test_the_parts_together_are_the_text_and_nothing_is_lost_or_doubled(text: str, limit: int) -> None:
    found = list(parts(text, limit))
    assert all(0 < len(part.text) <= limit for part in found)
    rest = text
    for part in found:
        skipped, body, rest = rest.partition(part.body)
        assert body == part.body
        assert not skipped.strip()
    assert not rest.strip()


@given(MARKDOWN, st.integers(400, 1_500))
def test_only_fences_and_headers_are_repeated(text: str, limit: int) -> None:
    for part in parts(text, limit):
        assert re.fullmatch(r"(?:(?:> )?(?:`{3,}|~{3,}).{0,80}\n)?|\| a \| b \|\n\|---\|:-:\|\n", part.before), part
        assert re.fullmatch(r"[> ]*(?:`{3,}|~{3,})|", part.after), part


def test_a_short_text_is_one_piece() -> None:
    assert split("\n\na\n\nb\n", 400) == ["a\n\nb"]
    assert split(" \n \n", 400) == []
    assert list(parts("a\n", 400)) == [Part("", "a\n", "")]


def test_a_code_block_that_is_cut_is_closed_and_opened_again() -> None:
    lines = "\n".join(f"line {number}" for number in range(200))
    pieces = split(f"Before\n```python\n{lines}\n```\nAfter", 500)
    assert all(piece.count("```") % 2 == 0 for piece in pieces)
    assert all(piece.startswith("```python\n") for piece in pieces[1:-1])
    assert "".join(pieces).count("line ") == 200


@pytest.mark.parametrize("marks", ["```", "````", "~~~", "`````"])
@pytest.mark.parametrize("prefix", ["", "> ", "> > "])
@pytest.mark.parametrize("language", ["", "python", " c++ title=x"])
def test_a_fence_is_closed_and_opened_again_as_it_was(marks: str, prefix: str, language: str) -> None:
    lines = "".join(f"{prefix}line {number}\n" for number in range(200))
    pieces = split(f"Before\n\n{prefix}{marks}{language}\n{lines}{prefix}{marks}\n\nAfter", 500)
    assert all(piece.startswith(f"{prefix}{marks}{language}\n{prefix}line ") for piece in pieces[1:-1])
    assert all(piece.endswith(f"\n{prefix}{marks}") for piece in pieces[1:-1])
    assert "".join(pieces).count("line ") == 200


def test_a_shorter_fence_inside_a_code_block_does_not_end_it() -> None:
    inside = "".join(f"```\nline {number}\n```\n" for number in range(100))
    pieces = split(f"````markdown\n{inside}````", 600)
    assert all(piece.startswith("````markdown\n") and piece.endswith("\n````") for piece in pieces)


def test_a_fence_in_a_list_item_is_closed() -> None:
    lines = "".join(f"   line {number}\n" for number in range(100))
    pieces = split(f"1. See\n   ```sh\n{lines}   ```\n2. Next", 500)
    assert all(fences(piece) in (0, 2) for piece in pieces)
    assert pieces[1].startswith("```sh\n   line")
    assert min(map(len, pieces[:-1])) > 200


@pytest.mark.parametrize("aligned", ALIGNED)
@pytest.mark.parametrize("header", ["| Name | Count |", "Name | Count"])
@pytest.mark.parametrize("around", ["", "Before.\n\n"])
def test_a_table_that_is_cut_repeats_its_header(aligned: str, header: str, around: str) -> None:
    rows = "".join(f"| row {number} | {number} |\n" for number in range(200))
    pieces = split(f"{around}{header}\n{aligned}\n{rows}\nAfter.", 500)
    assert len(pieces) > 5
    assert all(f"{header}\n{aligned}\n| row " in piece for piece in pieces)
    assert all(piece.count(aligned) == 1 for piece in pieces)
    assert re.findall(r"row (\d+)", "".join(pieces)) == [str(number) for number in range(200)]
    assert pieces[-1].endswith("After.")


def test_a_row_too_long_for_a_piece_loses_nothing() -> None:
    rows = f"| {'word ' * 300}| 1 |\n| short | 2 |\n"
    pieces = split(f"| a | b |\n|---|---|\n{rows}", 500)
    assert "".join(pieces).count("word") == 300
    assert "| short | 2 |" in pieces[-1]


def test_a_second_table_has_its_own_header() -> None:
    first = "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 30
    second = "| c | d |\n|---|---|\n" + "| 3 | 4 |\n" * 60
    for piece in split(f"{first}\n{second}", 500):
        for row, header in (("| 1 | 2 |", "| a | b |"), ("| 3 | 4 |", "| c | d |")):
            assert (row in piece) == (header in piece)


def test_bars_that_are_no_table_repeat_nothing() -> None:
    text = "\n".join(f"a | b {number}" for number in range(200))
    assert "\n".join(split(text, 500)) == text


PLACES = {
    "a heading stays with what follows": "word " * 85 + "\n\n## Heading\n\n" + "word " * 50,
    "an underlined heading stays whole": "word " * 85 + "\n\nHeading\n=======\n\n" + "word " * 50,
    "a list is cut between its items": "- " + "word " * 60 + "\n- " + "word " * 60 + "\n- " + "word " * 60,
    "a nested item stays with its own": "- a\n  - " + "word " * 50 + "\n- " + "b " * 60 + "\n  - " + "word " * 60,
    "a quote is kept together": "word " * 60 + "\n\n> " + "word " * 20 + "\n> " + "word " * 30,
    "a table is not torn from its header": "word " * 80 + "\n\n| a | b |\n|---|---|\n" + "| word | word |\n" * 9,
    "a code block that fits is kept together": "word " * 60 + "\n\n```\n" + "word word\n" * 30 + "```",
}


@pytest.mark.parametrize("what", PLACES)
def test_a_text_is_cut_where_a_block_ends(what: str) -> None:
    first, *rest = split(PLACES[what], 500)
    assert rest
    assert re.match(r"## Heading\n|Heading\n===|- |> |\| a|```\n", rest[0]), rest[0]
    assert fences(first) % 2 == 0


def test_no_line_of_a_list_becomes_code() -> None:
    items = "".join(f"- item {number}\n    - nested {number} {'word ' * 10}\n" for number in range(100))
    assert not [piece for piece in split(items, 600) if piece.startswith("    ")]


@pytest.mark.parametrize("text", ENDLESS)
def test_a_line_without_end_is_cut_and_whole(text: str) -> None:
    assert "".join(split(text, 500)).replace(" ", "") == text.replace(" ", "")
