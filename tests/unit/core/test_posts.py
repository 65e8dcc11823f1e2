"""What is to be done next about a message: every state of its row with everything that may be known of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import product

from bot.core.posts import Action, Knowledge, Post, PostState, in_order, next_action

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
) -> Post:
    """The row of a message."""
    return Post(number, 1, "key", kind, "{}", state, revision=revision, shown=shown, final=final)


def rows() -> Iterator[Post]:
    for state, kind, final, revision, shown in product(PostState, ("card", "file"), (True, False), (0, 2), (0, 2)):
        yield post(state, kind=kind, final=final, revision=revision, shown=shown)


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
    for row, known in when(Action.POST) + when(Action.UPLOAD):
        assert row.state is PostState.OWED
        assert known.wanted
        assert known.absent or not known.doubtful
        assert not known.refused
    assert {row.kind for row, _ in when(Action.UPLOAD)} == {"file"}
    assert "file" not in {row.kind for row, _ in when(Action.POST)}


def test_a_message_in_slack_is_updated_when_what_it_shows_is_not_what_is_wanted() -> None:
    for row, known, action in everything():
        outdated = row.revision != row.shown or (known.differs and not row.final)
        free = row.state is IN_SLACK and known.wanted and not (known.sent or known.refused)
        assert (action in (Action.UPDATE, Action.WAIT)) == (free and outdated) or row.state is PostState.OWED


def test_a_message_that_may_still_change_is_posted_when_its_time_has_come() -> None:
    for row, known in when(Action.POST) + when(Action.UPLOAD):
        assert row.final or not known.early


def test_only_a_message_that_changes_all_the_time_waits_for_slacks_rate() -> None:
    for row, known in when(Action.WAIT):
        assert known.early
        assert not row.final
    for row, known in when(Action.UPDATE):
        assert row.final or not known.early


def test_what_nobody_wants_any_more_is_removed_wherever_it_is() -> None:
    for row, known, action in everything():
        gone = not known.wanted and not (known.sent or known.refused or row.state in CLOSED)
        looked_for = row.state is PostState.OWED and known.doubtful and not known.absent
        assert (action is Action.REMOVE) == (gone and not looked_for)


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
