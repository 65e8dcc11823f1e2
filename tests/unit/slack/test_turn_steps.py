"""The steps of a turn's message stand where they were made, below the words that announce them."""

from __future__ import annotations

from bot.core.turn_message import Step, StepState, Text, TurnMessage
from bot.slack.blocks import turn_message

SAID = TurnMessage(
    1,
    parts=(
        Text("I compare both files."),
        Step("1", "Read a.md", StepState.DONE),
        Step("2", "Read b.md", StepState.FAILED),
        Text("Now the third."),
        Step("3", "Read c.md", StepState.DONE),
    ),
)
ORDER = [
    ("I compare both files.", ""),
    ("Read a.md", "complete"),
    ("Read b.md", "error"),
    ("Now the third.", ""),
    ("Read c.md", "complete"),
]


def test_several_steps_of_one_reply_are_below_its_words_streamed_and_posted_alike() -> None:
    """Not as a plan, which would have the steps of both replies above the words of the second."""
    posted = turn_message.render(SAID)
    assert posted is not None
    shown = [each for each in posted["blocks"] if each["type"] in ("markdown", "task_card", "plan")]
    assert [(each.get("text") or each["title"], each.get("status", "")) for each in shown] == ORDER
    chunks = turn_message.streamed(SAID).chunks
    assert [(each.get("text") or each["title"], each.get("status", "")) for each in chunks] == ORDER
