"""What people read of a turn that was stopped: who stopped it, what was done, and what may have been."""

from __future__ import annotations

import pytest

from bot.agent.prompt import stopped


@pytest.mark.parametrize(
    ("done", "doubtful", "words"),
    [
        ([], [], "Stopped. Nothing was changed."),
        (["Wrote a.md", "Sent it"], [], "Stopped. Done before that: Wrote a.md, Sent it."),
        ([], ["Sent it"], "Stopped. May have been done, or in part: Sent it."),
        (
            ["Wrote a.md"],
            ["Sent it"],
            "Stopped. Done before that: Wrote a.md. May have been done, or in part: Sent it.",
        ),
        ([""], ["", ""], "Stopped. 1 change was made before that. May have been done, or in part: 2 changes."),
    ],
)
def test_what_may_not_have_been_done_is_never_said_to_be_done(done: list[str], doubtful: list[str], words: str) -> None:
    assert stopped("", done, doubtful) == words


def test_who_has_stopped_it_is_named_unless_it_was_the_one_who_asked() -> None:
    assert stopped("Bob Jones", []) == "Stopped by Bob Jones. Nothing was changed."
    assert stopped("", [], deleted=True).startswith("Stopped, because the message that asked for this was deleted.")
