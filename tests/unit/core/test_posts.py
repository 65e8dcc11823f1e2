"""What is to be done next about a message: every state of its row with everything that may be known of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import product

from bot.core.posts import INCOMPLETE, Action, Knowledge, Post, PostState, in_order, next_action

KNOWN = [field.name for field in fields(Knowledge)]
IN_SLACK = PostState.POSTED
CLOSED = (PostState.REFUSED, PostState.REMOVED)


def post(
    state: PostState = PostState.OWED,
    *,
    number: int = 1,
    kind: str = "card",
    revision: int = 0,
    shown: int = 0,
    final: bool = True,
    streaming: bool = False,
) -> Post:
    """The row of a message."""
    return Post(number, 1, "key", kind, "{}", state, revision=revision, shown=shown, final=final, streaming=streaming)


def rows() -> Iterator[Post]:
    yield post(kind="file")
    for state, final, shown in product(PostState, (True, False), (0, 2)):
        yield post(state, final=final, revision=2, shown=shown)
    for final in (True, False):
        yield post(IN_SLACK, final=final, revision=2, shown=INCOMPLETE, streaming=True)


@cache
def everything() -> list[tuple[Post, Knowledge, Action]]:
    """Every row with all that may be known of it, and what is done then."""
    choices = [dict(zip(KNOWN, each, strict=True)) for each in product((False, True), repeat=len(KNOWN))]
    known = [Knowledge(**each) for each in choices]
    return [(row, each, next_action(row, each)) for row in rows() for each in known]


def when(action: Action) -> list[tuple[Post, Knowledge]]:
    found = [(row, known) for row, known, done in everything() if done is action]
    assert found, "it happens"
    return found


def test_every_state_has_an_action_and_every_action_a_state() -> None:
    actions = {action for _, _, action in everything()}
    assert actions == set(Action)


def test_nothing_is_done_about_what_is_closed_or_has_just_arrived() -> None:
    for row, known, action in everything():
        if row.state in CLOSED or known.sent:
            assert action is Action.NOTHING


def test_what_may_have_arrived_is_looked_for_before_anything_else_and_once() -> None:
    for row, known, action in everything():
        may = row.state is PostState.OWED and known.doubtful and not (known.absent or known.sent or known.refused)
        assert (action is Action.READ) == may


def test_only_what_is_owed_wanted_and_certainly_not_there_is_posted() -> None:
    for row, known in when(Action.POST) + when(Action.UPLOAD) + when(Action.START):
        assert row.state is PostState.OWED
        assert known.wanted
        assert known.absent or not known.doubtful
        assert not known.refused
        assert row.final or not known.unready
    assert {row.kind for row, _ in when(Action.UPLOAD)} == {"file"}
    assert "file" not in {row.kind for row, _ in when(Action.POST)}


def test_a_message_in_slack_is_updated_when_what_it_shows_is_not_what_is_wanted() -> None:
    for row, known, action in everything():
        outdated = row.revision != row.shown or (known.differs and not row.final)
        free = row.state is IN_SLACK and known.wanted and not (known.sent or known.refused or row.streaming)
        waits = action is Action.WAIT and row.state is IN_SLACK and not row.streaming
        assert (action is Action.UPDATE or waits) == (free and outdated)


def test_what_is_final_waits_only_while_slack_allows_no_change_at_all() -> None:
    for row, known in when(Action.WAIT):
        if row.state is PostState.OWED:
            assert known.unready
            assert not row.final
        elif row.streaming:
            assert known.early
        else:
            assert known.held or (known.early and not row.final)
    for row, known in when(Action.UPDATE):
        assert not known.held
        assert row.final or not known.early


def test_a_stream_is_stopped_before_anything_else_is_done_unless_it_goes_on() -> None:
    for row, known, action in everything():
        if row.streaming and not (known.sent or known.refused):
            goes_on = known.live and known.wanted
            assert (action is Action.STOP) == (not goes_on)
            assert not goes_on or action in (Action.NOTHING, Action.WAIT, Action.APPEND)
        else:
            assert action not in (Action.STOP, Action.APPEND)
    for _, known in when(Action.APPEND):
        assert known.differs
        assert not known.early


def test_a_message_begins_as_a_stream_when_it_may() -> None:
    for _, known in when(Action.POST):
        assert not known.streams
    for row, known in when(Action.START):
        assert known.streams
        assert row.kind != "file"


def test_what_nobody_wants_any_more_is_removed_wherever_it_is() -> None:
    for row, known, action in everything():
        gone = not known.wanted and not (known.sent or known.refused or row.state in CLOSED)
        looked_for = row.state is PostState.OWED and known.doubtful and not known.absent
        assert (action is Action.REMOVE) == (gone and not looked_for and not row.streaming)


def test_what_slack_refuses_is_given_up() -> None:
    for row, known, action in everything():
        open_ = row.state not in CLOSED and not known.sent
        assert (action is Action.GIVE_UP) == (open_ and known.refused)


def test_a_final_message_in_step_needs_nothing_whatever_its_body_is() -> None:
    for row, known, action in everything():
        if row.state is IN_SLACK and row.final and row.revision == row.shown and known.wanted and not known.refused:
            assert action is Action.NOTHING


def test_what_is_owed_comes_first_in_order_and_what_changes_all_the_time_last() -> None:
    progress, card = post(IN_SLACK, number=1, final=False), post(IN_SLACK, number=2, revision=1)
    answer, summary = post(number=3), post(number=4)
    assert in_order([progress, card, summary, answer]) == [answer, summary, card, progress]
