"""“No, make it 2.6”: the offline model takes what was asked for and puts the new words into it."""

from __future__ import annotations

import pytest

from bot.core.calls import INSTEAD, CallOutcome
from slack_sandbox.offline import OfflineModel
from slack_sandbox.offline.corrections import corrected, corrected_text
from slack_sandbox.offline.grammar import Operation, understand
from tests.sandbox.offline.helpers import SYSTEM, made, request, user, wanted
from tests.sandbox.offline.test_answers import told

respond = OfflineModel(pace=0).respond


def asked(said: str) -> Operation:
    return understand(said)[0][0]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("no, make it 2.6", "2.6"),
        ("No, make it 2.6.", "2.6"),
        ("sorry, use “hello there” instead", "hello there"),
        ("actually it should be v3", "v3"),
        ("I meant 4 March", "4 March"),
        ("wait, change that to 'May'", "May"),
        ("no, make it 2.7 please", "2.7"),
        ("make it say goodbye", "goodbye"),
        ("make it “shorter”", "shorter"),
        ("make it shorter", ""),
        ("change it to a list", ""),
        ("I want to see the plan", ""),
        ("I want help", ""),
        ("it must be a mistake", ""),
        ("nothing instead", ""),
        ("what is in plan.md?", ""),
        ("make a folder named it", ""),
    ],
)
def test_a_correction_is_recognized_by_its_words(said: str, text: str) -> None:
    assert corrected_text(said) == text


@pytest.mark.parametrize(
    ("before", "done", "expected"),
    [
        ('replace "2.4" with "2.5" in release.md', False, 'replace "2.4" with "2.6" in release.md'),
        ('replace "2.4" with "2.5" in release.md', True, 'replace "2.5" with "2.6" in release.md'),
        ('in release.md replace "2.4" with "2.5"', True, 'replace "2.5" with "2.6" in release.md'),
        ('write "2.5" to version.txt', True, 'write "2.6" to version.txt'),
        ('add "2.5" to notes.md', False, 'add "2.6" to notes.md'),
        ('add "2.5" to notes.md', True, 'replace "2.5" with "2.6" in notes.md'),
    ],
)
def test_the_new_words_take_the_place_of_those_that_were_asked_for(before: str, done: bool, expected: str) -> None:
    assert corrected("no, make it 2.6", [(asked(before), done)]) == asked(expected)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("read notes.md", "read plan.md"),
        ('write "2.5" to notes.md', 'write "2.5" to plan.md'),
        ('replace "2.4" with "2.5" in notes.md', 'replace "2.4" with "2.5" in plan.md'),
        ("rename a.md to b.md", "rename a.md to plan.md"),
    ],
)
def test_a_name_of_a_file_takes_the_place_of_a_file_and_not_of_a_text(before: str, expected: str) -> None:
    assert corrected("sorry, I meant plan.md", [(asked(before), False)]) == asked(expected)


def test_that_is_to_be_what_was_written_and_names_no_new_file() -> None:
    talk = [SYSTEM, user('Alice Smith: write "2.5" to version.txt')]
    talk += made(respond(request(*talk)), told(CallOutcome.OK, "Successfully wrote to version.txt"))
    second = respond(request(*talk, user("Alice Smith: make that 2.7")))
    assert [arguments["content"] for _, arguments in wanted(second)] == ["2.7"]


def test_a_number_corrects_what_had_a_number() -> None:
    both = [(asked('replace "2.4" with "2.5" in release.md'), False), (asked('add "call me" to notes.md'), False)]
    assert corrected("make it 2.6", both) == asked('replace "2.4" with "2.6" in release.md')
    assert corrected("make it call us", both) == asked('add "call us" to notes.md')


def test_what_was_denied_with_a_correction_is_asked_for_again_as_corrected() -> None:
    talk = [SYSTEM, user('Alice Smith: write "2.5" to version.txt')]
    first = respond(request(*talk))
    talk += made(first, told(CallOutcome.DENIED, "no, make it 2.6"))
    second = respond(request(*talk))
    assert [arguments["content"] for _, arguments in wanted(second)] == ["2.6"]
    talk += made(second, told(CallOutcome.OK, "Successfully wrote to version.txt"))
    answer = respond(request(*talk)).text
    assert "I have written `version.txt`" in answer
    assert "denied" not in answer


def test_a_correction_that_changes_nothing_is_not_asked_for_again() -> None:
    talk = [SYSTEM, user('Alice Smith: write "2.6" to version.txt')]
    talk += made(respond(request(*talk)), told(CallOutcome.DENIED, "make it 2.6"))
    assert not respond(request(*talk)).calls


@pytest.mark.parametrize(
    ("said", "verb", "words"),
    [
        ("no, make it 2.6", "write_file", "2.6"),
        ('write "2.7" to other.txt', "write_file", "2.7"),
        ("read notes.md", "read_text_file", "notes.md"),
    ],
)
def test_what_a_person_wants_instead_is_done_in_place_of_what_was_denied(said: str, verb: str, words: str) -> None:
    talk = [SYSTEM, user('Alice Smith: write "2.5" to version.txt and write "b" to b.txt')]
    first = respond(request(*talk))
    with_words, without = replaced(f"Alice Smith: {said}"), replaced("")
    talk += made(first, with_words, without)
    ((tool, arguments),) = wanted(respond(request(*talk)))
    assert verb in tool
    assert words in arguments.values()


def test_what_a_person_wants_instead_and_is_not_understood_is_said_once() -> None:
    talk = [SYSTEM, user('Alice Smith: write "2.5" to version.txt')]
    talk += made(respond(request(*talk)), replaced("Alice Smith: paint it blue"))
    reply = respond(request(*talk))
    assert not reply.calls
    assert reply.text.startswith("I did not understand that.")
    assert "denied" not in reply.text


def replaced(quoted: str) -> str:
    """What the bot tells the model of a call whose requester wants something else."""
    return told(CallOutcome.DENIED, f"{INSTEAD}{quoted}")
