"""What people say to the offline model besides requests: it answers as a colleague would, and takes nothing for thanks
that asks for something."""

from __future__ import annotations

import pytest

from slack_sandbox.offline import self_description
from slack_sandbox.offline.grammar import NotUnderstood, understand
from slack_sandbox.offline.tool_catalog import ToolCatalog

SAID = {
    "help": (
        "hi! what can you do for me here?",
        "What can I ask you?",
        "how does this work?",
        "who are you",
        "ok, and what else can you do?",
        "show me what you can do",
        "Could you help me?",
        "what should I try first",
        "commands",
        "what tools do you have?",
    ),
    "thanks": (
        "Thanks so much for your help!",
        "ok",
        "👍 nice",
        "thank you very much, that is all",
        "great, thanks",
        "thx",
        "bye",
    ),
    "hello": ("hello Colleague", "good morning", "hey there!", "test", "are you there?", "how are you?"),
    "stop": ("stop", "please stop", "never mind", "cancel that", "forget it", "ok, stop", "wait, stop!"),
    "undo": (
        "undo",
        "can you undo that please?",
        "thanks, undo it please",
        "revert the last change",
        "undo the change to a.md",
        "no, put it back",
    ),
    "again": ("again", "try again"),
}


@pytest.mark.parametrize(("verb", "said"), [(verb, said) for verb, all_of_it in SAID.items() for said in all_of_it])
def test_what_is_no_request_is_recognized(verb: str, said: str) -> None:
    assert [[op.verb for op in step] for step in understand(said)] == [[verb]]


@pytest.mark.parametrize(
    ("said", "verb"),
    [
        ("great, list the files", "list"),
        ("cool, now read plan.md", "read"),
        ("good job, and now read notes.md", "read"),
        ("thanks! what is in plan.md?", "read"),
        ("hi, find files named plan", "search"),
    ],
)
def test_a_request_after_praise_or_a_greeting_is_done(said: str, verb: str) -> None:
    assert understand(said)[0][0].verb == verb


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("create hello.txt with the text hi there", ("hello.txt", "hi there")),
        ("create hello.txt that says good evening everyone", ("hello.txt", "good evening everyone")),
        ("create hello.txt with hi please", ("hello.txt", "hi")),
        ("no, write bye to b.txt instead", ("bye", "b.txt")),
        ("read plan.md instead", ("plan.md",)),
    ],
)
def test_a_text_is_written_to_its_end_and_a_name_ends_before_what_is_said_after_it(
    said: str, words: tuple[str, ...]
) -> None:
    assert understand(said)[0][0].words == words


@pytest.mark.parametrize(
    "said", ["ok do it again, but say 4 March", "thanks but that is the wrong file", "stop the tree", "nice try"]
)
def test_what_may_ask_for_something_is_not_taken_for_thanks_or_stop(said: str) -> None:
    with pytest.raises(NotUnderstood):
        understand(said)


def test_what_is_not_understood_about_a_file_is_answered_with_sentences_about_it() -> None:
    functions = (
        {"type": "function", "function": {"name": name}} for name in ("files__read_text_file", "files__edit_file")
    )
    answer = self_description.not_understood(ToolCatalog(list(functions)), "change the date in plans/release.md to May")
    assert "read plans/release.md" in answer
    assert "in plans/release.md`" in answer
