"""What people read of a prompt that is used while a request waits, and what a question keeps of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.core.questions import follow_up
from bot.core.questions.follow_up import FollowUp
from bot.core.questions.transition import Said
from bot.core.server_offers import PromptRef

SAID = Said(1, "", "Used the prompt Review of books.", "Alice: review", ("Review", "books"))
PROMPT = PromptRef("books", "review", "Review")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({}, ""),
        ({"style": " "}, ""),
        ({"style": "plain\nand short"}, " (style: plain and short)"),
        ({"API_KEY": "abc", "password": "abc", "style": "plain"}, " (style: plain)"),
        ({"to": "0123456789abcdef0123"}, ""),
        ({"a": "1", "b": "<!channel>", "c": "3", "d": "4"}, " (a: 1, b: ‹!channel›, c: 3)"),
        ({"text": "x" * 100}, f" (text: {'x' * 59}…)"),
    ],
)
def test_of_its_arguments_people_read_the_first_in_short_and_no_secrets(arguments: dict[str, str], shown: str) -> None:
    words, strong = follow_up.of_prompt(replace(PROMPT, arguments=arguments))
    assert (words, strong) == (f"Used the prompt Review of books{shown}.", ("Review", "books"))


def test_a_question_keeps_what_stands_out_and_reads_what_an_earlier_version_kept() -> None:
    asked = follow_up.question(1, FollowUp(1, "U1", [SAID, replace(SAID, strong=())]), ["U1"])
    assert follow_up.said(asked) == (SAID, replace(SAID, strong=()))
    before = json.dumps({"said": [[1, "", SAID.words, SAID.quoted]]})
    assert follow_up.said(replace(asked, body=before)) == (replace(SAID, strong=()),)
