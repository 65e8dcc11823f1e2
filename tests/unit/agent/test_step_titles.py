"""The steps of a turn say what was done, and no more than the conversation may know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from bot.agent import step_titles
from bot.core.calls import WOULD_FAIL, Call, CallOutcome, CallState
from bot.core.json_text import canonical
from bot.core.policy.privacy import Privacy
from bot.core.ports.change_guard import ChangeGuard
from bot.core.ports.toolset import Toolset
from bot.core.tools import Tool
from bot.core.turn_message import StepState

TOOL = Tool("notes__find", "notes", "find_notes", "", {}, {}, True, True, False, True, "digest")


class Tools:
    def find(self, name: str) -> Tool | None:
        return TOOL if name == TOOL.name else None

    def guard(self, server: str) -> ChangeGuard:
        return ChangeGuard()


TOOLS = cast(Toolset, Tools())


def call(outcome: CallOutcome | None = CallOutcome.OK, result: str = "SECRET", **more: Any) -> Call:
    state = CallState.FINISHED if outcome else CallState.STARTED
    kept = Call(7, 1, 0, "c", TOOL.name, "notes", TOOL.remote_name, canonical({"query": "SECRET"}), "", True, state)
    return replace(kept, outcome=outcome, result=result, **more)


def shown(privacy: Privacy, *calls: Call) -> list[tuple[str, str]]:
    return [(step.title, step.note) for step in step_titles.finished(TOOLS, calls, privacy)]


def test_a_step_says_what_was_done_with_what() -> None:
    [(title, _)] = shown(Privacy.FULL, call())
    assert title == "Find notes SECRET" or "SECRET" in title
    assert "_" not in title


def test_a_step_that_failed_under_a_grant_says_so_where_everything_may_be_shown() -> None:
    granted = call(why="grant 7 of UALICE", outcome=CallOutcome.ERROR)
    [(_, note)] = shown(Privacy.FULL, granted)
    assert note.endswith("under a standing grant")
    assert all(
        "grant" not in note for privacy in (Privacy.SUMMARY, Privacy.PRIVATE) for _, note in shown(privacy, granted)
    )
    assert "grant" not in str(shown(Privacy.FULL, call(why="rule notes")))


@pytest.mark.parametrize("privacy", [Privacy.SUMMARY, Privacy.PRIVATE])
@pytest.mark.parametrize("outcome", list(CallOutcome))
def test_neither_arguments_nor_results_are_shown_where_they_must_not_be(privacy: Privacy, outcome: CallOutcome) -> None:
    ended = call(outcome)
    assert "SECRET" not in str(shown(privacy, ended))
    assert "SECRET" not in str(step_titles.running(TOOLS, [ended], privacy))
    assert "SECRET" not in str(shown(privacy, replace(ended, tool="gone__find")))


def test_where_only_counts_may_be_shown_a_step_has_neither_title_nor_note() -> None:
    assert shown(Privacy.PRIVATE, call(), call(CallOutcome.ERROR)) == [("", ""), ("", "")]


@pytest.mark.parametrize("outcome", set(CallOutcome) - {CallOutcome.OK, CallOutcome.SURPLUS})
def test_whatever_did_not_go_well_is_a_failed_step_that_says_so(outcome: CallOutcome) -> None:
    [step] = step_titles.finished(TOOLS, [call(outcome, "No such file")], Privacy.FULL)
    assert step.state is StepState.FAILED
    assert step.note or step.title.startswith("Not done: ")


@pytest.mark.parametrize("privacy", [Privacy.FULL, Privacy.SUMMARY])
@pytest.mark.parametrize("outcome", set(CallOutcome) - {CallOutcome.OK, CallOutcome.ERROR, CallOutcome.SURPLUS})
def test_a_step_says_of_what_was_not_done_that_it_was_not_and_of_nothing_else(
    privacy: Privacy, outcome: CallOutcome
) -> None:
    for each in (call(outcome), replace(call(outcome), tool="gone__find")):
        [(title, note)] = shown(privacy, each)
        may_have_run = outcome in (CallOutcome.ASSUMED, CallOutcome.SKIPPED, CallOutcome.UNRESOLVED)
        assert note.startswith("cut off; ") == may_have_run
        assert title.startswith("Not done: Find") != may_have_run
        assert "not done" not in note


def test_calls_beyond_those_of_one_step_are_counted_together() -> None:
    surplus = call(CallOutcome.SURPLUS)
    assert [title for title, _ in shown(Privacy.FULL, call(), surplus, surplus)][1:] == ["2 more"]


def test_what_people_have_approved_is_no_step_of_its_own_while_it_runs() -> None:
    assert step_titles.running(TOOLS, [call(None), call(None, approval="a1")], Privacy.FULL)[1:] == []


@pytest.mark.parametrize(
    ("why", "note"),
    [
        ("Can't write drafts/a.md yet: the folder drafts doesn't exist.", "the folder drafts doesn't exist"),
        ("Can't edit a.md: the text to replace is not in it: b", "the text to replace is not in it: b"),
        ("The path …/x cannot be used: it lies outside the folders.", "it lies outside the folders"),
        ("It is a folder: a.", "It is a folder: a"),
        ("word " * 50, f"{'word ' * 23}word…"),
    ],
)
def test_a_call_that_would_fail_says_why_where_everything_may_be_shown(why: str, note: str) -> None:
    would_fail = call(CallOutcome.INVALID, f"{WOULD_FAIL}{why}")
    [(title, shown_note)] = shown(Privacy.FULL, would_fail)
    assert title.startswith("Not done: ")
    assert shown_note == note
    assert shown(Privacy.SUMMARY, would_fail)[0][1] == "not possible this way"


@pytest.mark.parametrize("privacy", [Privacy.FULL, Privacy.SUMMARY])
def test_of_a_tool_that_does_not_exist_it_is_said_that_it_does_not(privacy: Privacy) -> None:
    unknown = replace(call(CallOutcome.INVALID), tool="github__create", server="", remote_name="create")
    assert shown(privacy, unknown) == [("Not done: Create", "there is no such tool")]
