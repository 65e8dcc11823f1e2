"""The ledger at the end of a turn's message: its words, its buttons, and its window."""

from __future__ import annotations

import json

import pytest

from bot.core import ledger as core
from bot.core.ledger import Changed, TurnLedger, UndoTally
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Decision, Undo, UndoState
from bot.core.turn_message import End, TurnMessage, dumps, loads
from bot.slack.blocks import buttons, ledger, ledger_window, turn_message
from bot.slack.blocks.ledger_window import Contents
from bot.slack.blocks.review_set import review_set
from slack_sandbox.text import plain
from tests.unit.slack.samples import decided, taken, window

ALICE = "U0ALICE00"
FILES = TurnLedger(4, files=3, others=1, denied=1)


def said(numbers: TurnLedger, undos: UndoTally) -> str:
    return plain("", [ledger.line(numbers, undos)], [])


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (TurnLedger(2, files=1), "1 file changed"),
        (FILES, "3 files changed, 1 other change, 1 denied"),
        (TurnLedger(2, others=2), "2 changes made"),
        (TurnLedger(2, files=2, doubtful=1), "2 files changed, 1 may have run"),
        (TurnLedger(2, files=2, privacy=Privacy.PRIVATE), "2 changes made"),
        (TurnLedger(2, files=2, privacy=Privacy.SUMMARY), "2 files changed"),
    ],
)
def test_it_says_how_much_has_changed(numbers: TurnLedger, words: str) -> None:
    assert said(numbers, UndoTally(offered=2)) == words


def test_it_says_what_came_of_undoing() -> None:
    assert said(FILES, UndoTally(undoing=4, by=(ALICE,))).endswith("is undoing this")
    assert " all undone by " in said(FILES, UndoTally(undone=4, by=(ALICE,)))
    some = said(FILES, UndoTally(undone=2, refused=1, by=(ALICE,), words=("a.txt has changed.",)))
    assert " 2 undone by " in some
    assert " 1 not undone: a.txt has changed." in some
    assert some.endswith("1 can't be undone")
    hidden = TurnLedger(4, files=4, privacy=Privacy.SUMMARY)
    assert "a.txt" not in said(hidden, UndoTally(undone=3, refused=1, words=("a.txt has changed.",)))


def test_the_question_before_says_what_cannot_be_undone() -> None:
    [_, all_of_it] = ledger.deciding(1, FILES, UndoTally(offered=3))
    words = all_of_it["confirm"]["text"]["text"]
    assert words.startswith("3 of 4 changes are put back, the last change first. 1 can't be undone.")
    [_, all_of_it] = ledger.deciding(1, FILES, UndoTally(offered=4))
    assert "can't" not in all_of_it["confirm"]["text"]["text"]
    [show] = ledger.deciding(1, TurnLedger(2, others=2), UndoTally())
    assert show["text"]["text"] == "Show changes"


@pytest.mark.parametrize("undos", [UndoTally(), UndoTally(offered=4), UndoTally(undone=3, refused=1, by=(ALICE,))])
@pytest.mark.parametrize("privacy", [*Privacy])
def test_slack_takes_it_in_every_state(undos: UndoTally, privacy: Privacy) -> None:
    numbers = TurnLedger(4, files=3, others=1, denied=1, doubtful=2, privacy=privacy)
    for end in (End.ANSWERED, End.STOPPED, End.FAILED):
        message = loads(dumps(TurnMessage(1, note="Stopped.", end=end, ledger=numbers)))
        assert message.ledger == numbers
        body = turn_message.render(message, undos=undos)
        assert body is not None
        taken(body)
    assert turn_message.closing(TurnMessage(1, end=End.ANSWERED, ledger=numbers), undos=None) == turn_message.closing(
        TurnMessage(1, end=End.ANSWERED)
    )


def test_what_the_thread_has_changed_is_offered_beside_the_ledger_of_a_message_without_steps() -> None:
    message = TurnMessage(1, note="Stopped.", end=End.STOPPED, ledger=FILES)
    [*_, row] = turn_message.closing(message, undos=UndoTally(offered=4))
    [_, _, menu] = row["elements"]
    assert [each["text"]["text"] for each in menu["options"]] == ["What changed in this thread…"]


@pytest.mark.parametrize("kept", [{}, {"changes": 0}, {"changes": "2"}, {"files": 3}, {"changes": -1}])
def test_numbers_that_no_version_has_written_are_none(kept: dict[str, object]) -> None:
    assert core.loaded(kept) is None
    assert core.loaded({"changes": 2, "privacy": "odd", "new": 1}) == TurnLedger(2, privacy=Privacy.PRIVATE)


def test_the_calls_of_one_message_are_undone_by_one_button() -> None:
    offered = [decided(Decision.APPROVED, number, undo=Undo(UndoState.OFFERED, 9e9)) for number in range(3)]
    others = [decided(Decision.DENIED, 8), decided(Decision.APPROVED, 9, undo=Undo(UndoState.UNDONE))]
    made = buttons.undoing_all([*offered, *others])
    assert made is not None
    name, pressed = buttons.pressed(made)
    assert (name, pressed.kind) == (buttons.ALL_UNDONE, "set")
    assert pressed.these == review_set([*offered, *others])
    assert made["confirm"]["text"]["text"].startswith("3 changes are put back")
    assert buttons.undoing_all([offered[0], *others]) is None


def test_a_window_shows_each_thing_and_no_more_than_it_has_room_for() -> None:
    small = Changed(0, "a.txt", "+1", ("@@ -0,0 +1 @@\n+x\n",))
    long = Changed(1, "b.txt", "+1", ("+" + "y" * 500_000,))
    shown = window(ledger_window.window(Contents(1, False, "d", [small, long], more=2, may_post=True), 99))
    assert "The rest is too long to show here." in shown.plain
    assert "2 later changes are not shown." in shown.plain
    assert "Post everything as a file in the thread" in shown.buttons
    for contents in (Contents(1, False, "d", [small, long]), Contents(1, False, "d", [small], may_post=True)):
        assert "Post everything as a file in the thread" not in window(ledger_window.window(contents, 99)).buttons
    assert "Nothing has changed here." in window(ledger_window.window(Contents(1, True, "", []))).plain


def test_the_file_is_a_diff_that_cannot_forge_a_heading_and_has_an_end() -> None:
    odd = Changed(0, "a\n+++ b", "", ("@@ -0,0 +1 @@\n+x",), was="old\n--- c")
    text = ledger_window.in_a_file(Contents(1, False, "d", [odd]))
    assert text.split("\n") == ["--- old⟨U+000A⟩--- c", "+++ a⟨U+000A⟩+++ b", "@@ -0,0 +1 @@", "+x", ""]
    long = Changed(0, "a", "", ("x" * ledger_window.MAX_FILE,))
    text = ledger_window.in_a_file(Contents(1, False, "d", [odd, long]))
    assert text.endswith("(The rest is too long and was left out.)\n")


@pytest.mark.parametrize(
    "value",
    [
        *("", "null", "{}", '{"turn": 1}', "x" * 3_000),
        *(
            json.dumps({"turn": 1, "all": False, "d": "d", "n": 0} | odd)
            for odd in ({"turn": True}, {"n": True}, {"n": -1}, {"all": 1}, {"d": 1}, {"z": 1}, {"turn": 0})
        ),
    ],
)
def test_a_page_that_is_none_of_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        ledger_window.opened(value)
