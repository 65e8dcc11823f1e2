"""The message of a turn grows, ends with questions, goes on in further parts and comes to its end."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.posts import Draft
from bot.core.turn_message import (
    GROWING,
    MAX_BLOCKS,
    MAX_CHARS,
    MAX_SIZE,
    MAX_STEPS,
    End,
    Step,
    StepState,
    Text,
    TurnMessage,
    asking,
    dumps,
    ended,
    first_key,
    grown,
    last_key,
    loads,
)

STEPS = st.builds(Step, st.text(max_size=5), st.text(max_size=120), st.sampled_from(StepState), st.text(max_size=120))
TEXTS = st.builds(Text, st.integers(1, MAX_CHARS).map("x".__mul__) | st.text(min_size=1, max_size=40))
PARTS = st.lists(STEPS | TEXTS, max_size=40)
ACTS = st.lists(st.one_of(PARTS, st.tuples(st.integers(0, 12_000), st.booleans())), max_size=8)
FIRST = TurnMessage(7, 1, "U1", "T1")


def final(draft: Draft) -> bool:
    return draft.final


@settings(max_examples=40)
@given(ACTS, st.sampled_from([End.ANSWERED, End.STOPPED, End.FAILED]))
def test_whatever_happens_nothing_is_lost_or_said_twice_and_what_is_final_never_changes(
    acts: list[list[Step | Text] | tuple[int, bool]], how: End
) -> None:
    message, kept, said = FIRST, dict[str, Draft](), list[Step | Text]()

    def record(changed: list[TurnMessage]) -> TurnMessage:
        for part in changed:
            draft = part.draft()
            assert draft.key not in kept or not final(kept[draft.key]) or kept[draft.key] == draft
            kept[draft.key] = draft
        return changed[-1]

    for act in acts:
        if isinstance(act, tuple):
            message = record(asking(message, act[0], final=act[1]))
            assert message.end in (End.ASKS, End.ASKING)
        elif act:
            said += act
            message = record(grown(message, act))
    message = record(ended(message, how, "That is all."))
    parts = [loads(kept[key].payload) for key in sorted(kept)]
    assert [each for part in parts for each in part.parts] == said
    assert [part.end in GROWING for part in parts] == [False] * len(parts)
    assert [part.number for part in parts] == list(range(1, len(parts) + 1))
    assert parts[-1] == message
    for part in parts:
        assert first_key(7) < part.key < last_key(7)
        assert len(part.steps) <= MAX_STEPS
        assert part.blocks <= MAX_BLOCKS, "Slack takes 50 in a message, with those at its end"
        assert len(part.parts) <= 1 or part.size <= MAX_SIZE + len(part.note)
        assert sum(each.size for each in part.parts if isinstance(each, Text)) <= MAX_CHARS


def test_a_card_ends_the_part_that_it_fits_into() -> None:
    [part] = grown(FIRST, [Text("Let me change it.")])
    [asks] = asking(part, 500, final=True)
    assert (asks.number, asks.parts, asks.end) == (1, part.parts, End.ASKS)
    first, second = asking(part, MAX_SIZE, final=True)
    assert (first.end, second.end, second.parts) == (End.CONTINUED, End.ASKS, ())


def test_steps_of_calls_beside_a_card_are_added_above_it_and_texts_below() -> None:
    [asks] = asking(FIRST, 500, final=False)
    [added] = grown(asks, [Step("1", "Read a", StepState.DONE)])
    assert (added.number, added.end) == (1, End.ASKING)
    closed, below = grown(added, [Text("Now.")])
    assert (closed.end, below.number, below.end) == (End.ASKS, 2, End.OPEN)


def test_an_end_goes_where_the_turn_is_and_after_a_card_below_it() -> None:
    assert [part.number for part in ended(FIRST, End.STOPPED, "Stopped.")] == [1]
    assert [part.number for part in ended(replace(FIRST, end=End.ASKS), End.STOPPED, "Stopped.")] == [2]


@given(PARTS, st.text(), st.sampled_from(End))
def test_a_part_is_read_as_it_was_written(parts: list[Step | Text], note: str, end: End) -> None:
    message = TurnMessage(3, 2, "U1", "T1", tuple(parts), note, end)
    assert loads(dumps(message)) == message
