"""Steps that run are shown as far as a part of a turn's message can hold them."""

from __future__ import annotations

import pytest

from bot.core.turn_message import MAX_SIZE, MAX_STEPS, Step, StepState, Text, TurnMessage, fitting

RUNNING = [Step(str(number), f"Read {number}.txt", StepState.RUNNING) for number in range(64)]


@pytest.mark.parametrize("there", [0, 1, MAX_STEPS - 1, MAX_STEPS])
def test_a_part_never_shows_more_steps_than_it_can_hold(there: int) -> None:
    done = tuple(Step(f"done {number}", "Read it", StepState.DONE) for number in range(there))
    assert list(fitting(TurnMessage(1, parts=done), RUNNING)) == RUNNING[: MAX_STEPS - there]


def test_a_part_that_is_full_of_text_shows_none() -> None:
    assert fitting(TurnMessage(1, parts=(Text("x" * MAX_SIZE),)), RUNNING) == []
    assert fitting(TurnMessage(1), RUNNING[:2]) == RUNNING[:2]
