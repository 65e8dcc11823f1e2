"""What the offline model says of results, in the bot's own words for them: it is true to them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.agent import loop_detection, prompt
from bot.core.calls import Call, CallOutcome, CallState
from slack_sandbox.offline import OfflineModel
from slack_sandbox.openrouter.script import Completion
from tests.sandbox.offline.helpers import SYSTEM, made, request, user, wanted

respond = OfflineModel(pace=0).respond


def told(outcome: CallOutcome, result: str = "", *, changed: dict[str, Any] | None = None) -> str:
    """What the bot tells the model of a call that ended so."""
    call = Call(
        id=1,
        seq=1,
        position=0,
        call_id="c",
        tool="filesystem__write_file",
        server="filesystem",
        remote_name="write_file",
        arguments=json.dumps(changed or {}),
        tool_digest="",
        repeatable=False,
        state=CallState.FINISHED,
    )
    call.outcome, call.result = outcome, result
    call.original = "{}" if changed is not None else ""
    return prompt.result_of(call)


def play(said: str, *rounds: list[str]) -> tuple[list[list[tuple[str, Any]]], str]:
    """A turn with these results. Out: the calls of each reply, and the answer."""
    talk = [SYSTEM, user(f"Alice Smith: {said}")]
    calls: list[list[tuple[str, Any]]] = []
    for results in rounds:
        reply = respond(request(*talk))
        calls.append(wanted(reply))
        talk += made(reply, *results)
    reply = respond(request(*talk))
    assert not reply.calls, f"it goes on: {wanted(reply)}"
    return calls, reply.text


WRITE = 'write "x" to a.md'


@pytest.mark.parametrize(
    ("outcome", "result", "words"),
    [
        (CallOutcome.OK, "Successfully wrote to a.md", "Done: I have written `a.md`"),
        (CallOutcome.ERROR, "EACCES: permission denied", "it failed: permission denied."),
        (CallOutcome.ERROR, "ENOENT: no such file, open '/srv/w/a.md'", "it failed: there is no such file or folder."),
        (
            CallOutcome.ERROR,
            "EROFS: read-only file system, open '/w/a.md'",
            "it failed: read-only file system.",
        ),
        (CallOutcome.ERROR, "The disk sleeps", "it failed: The disk sleeps."),
        (CallOutcome.INVALID, "as things are now this would fail: no folder", "I did not write `a.md`: no folder."),
        (
            CallOutcome.INVALID,
            "as things are now this would fail: Can't write a.md yet: no folder.",
            "Can't write a.md yet: no folder.",
        ),
        (CallOutcome.REFUSED, "the policy of this workspace does not allow this call.", "the policy of this workspace"),
        (CallOutcome.DENIED, "", "the request was denied. No reason was given."),
        (CallOutcome.DENIED, "not today", "the request was denied. The reason given: “not today”"),
        (CallOutcome.EXPIRED, "", "nobody decided in time"),
        (CallOutcome.UNSHOWN, "", "nobody was asked"),
        (CallOutcome.ASSUMED, "", "A person says that it did run"),
        (CallOutcome.SKIPPED, "", "may or may not have run"),
        (CallOutcome.UNRESOLVED, "", "may or may not have run; nobody said which"),
    ],
)
def test_each_end_of_a_call_is_told_as_it_was(outcome: CallOutcome, result: str, words: str) -> None:
    _, answer = play(WRITE, [told(outcome, result)])
    assert words in answer
    assert ("Done" in answer) == (outcome is CallOutcome.OK)


def test_every_outcome_of_the_bot_is_known() -> None:
    for outcome in set(CallOutcome) - {CallOutcome.OK, CallOutcome.STOPPED}:
        assert "Done" not in play(WRITE, [told(outcome, "so it is")])[1], outcome


def test_arguments_that_a_person_has_changed_are_those_that_are_told() -> None:
    _, answer = play(WRITE, [told(CallOutcome.OK, "ok", changed={"path": "b.md", "content": "x"})])
    assert "I have written `b.md`" in answer
    assert "A person changed the call" in answer


def test_of_two_calls_each_is_told_by_its_own_end() -> None:
    said = 'write "a" to a.md and write "b" to b.md'
    [[first, second]], answer = play(said, [told(CallOutcome.OK, "ok"), told(CallOutcome.DENIED, "not b")])
    assert (first[1]["path"], second[1]["path"]) == ("a.md", "b.md")
    assert "I have written `a.md`" in answer
    assert "I did not write `b.md`: the request was denied. The reason given: “not b”" in answer


def test_then_goes_on_after_the_results_and_not_after_a_denial() -> None:
    calls, answer = play('write "a" to a.md, then read a.md', ["ok"], ["a\n"])
    assert [step[0][0] for step in calls] == ["write_file", "read_text_file"]
    assert "```\na\n```" in answer
    calls, answer = play('write "a" to a.md, then read a.md', [told(CallOutcome.DENIED)])
    assert len(calls) == 1
    assert "I did not go on with the rest: read `a.md`" in answer


def test_a_name_without_an_ending_is_found_by_a_search() -> None:
    calls, answer = play("read plan", ["/w/plan.md\n/w/planning.md"], ["# Plan\n"])
    assert calls[1] == [("read_text_file", {"path": "/w/plan.md"})]
    assert "# Plan" in answer
    calls, answer = play("read plan", ["/w/plan-a.md\n/w/plan-b.md"])
    assert "Which one?" in answer
    assert "found nothing" in play("read plan", ["No matches found"])[1]


def test_a_file_that_is_elsewhere_is_found_by_a_search() -> None:
    missing = "Error: ENOENT: no such file or directory, open '/w/plan.md'"
    calls, answer = play("read plan.md", [missing], ["/w/docs/plan.md"], ["text"])
    assert calls[2] == [("read_text_file", {"path": "/w/docs/plan.md"})]
    assert "text" in answer


LIST = "# Release\n- [ ] tag v2\n- [x] tests\n- [ ] tell people\n"


@pytest.mark.parametrize(
    ("said", "text", "edits"),
    [
        ('tick off "tag" in l.md', LIST, [("- [ ] tag v2", "- [x] tag v2")]),
        ('untick "tests" in l.md', LIST, [("- [x] tests", "- [ ] tests")]),
        ('add "rest" to l.md', LIST, [("- [ ] tell people", "- [ ] tell people\n- [ ] rest")]),
        ('add "b" to l.md', "a\na\n", [("a\na", "a\na\nb")]),
        ('replace "t" with "T" in l.md', "t, t\n", [("t", "T"), ("t", "T")]),
        ('replace "a" with "aa" in l.md', "a b a", [("a", "aa")]),
    ],
)
def test_a_change_is_an_edit_of_what_was_read(said: str, text: str, edits: list[tuple[str, str]]) -> None:
    calls, answer = play(said, [text], ["ok"])
    changes = [{"oldText": old, "newText": new} for old, new in edits]
    assert calls[1] == [("edit_file", {"path": "l.md", "edits": changes})]
    assert "Done" in answer


@pytest.mark.parametrize(
    ("said", "text", "words"),
    [
        ('tick off "tests" in l.md', LIST, "is ticked off already"),
        ('tick off "t" in l.md', LIST, "Which one?"),
        ('tick off "beer" in l.md', LIST, "no line of `l.md` with a box"),
        ('replace "beer" with "tea" in l.md', LIST, "does not stand in"),
        ('add "x" to l.md', f"{'y' * 99}\n\n[… 1,234 characters left out …]\n\nz", "too long"),
        ("copy l.md to m.md", "a\n\n[… 1,234 characters left out …]\n\nz", "too long"),
    ],
)
def test_what_does_not_fit_changes_nothing(said: str, text: str, words: str) -> None:
    calls, answer = play(said, [text])
    assert len(calls) == 1
    assert words in answer


def test_a_line_for_a_file_that_is_not_there_makes_the_file() -> None:
    calls, _ = play('add "milk" to l.md', ["Error: ENOENT: no such file"], ["ok"])
    assert calls[1] == [("write_file", {"path": "l.md", "content": "milk\n"})]


def test_the_note_under_a_result_that_repeats_is_no_part_of_a_file() -> None:
    call = Call(1, 1, 0, "c", "t", "s", "t", "{}", "", True, CallState.FINISHED)
    call.outcome, call.result = CallOutcome.OK, "a\n"
    note = loop_detection.notes([call, call])[-1]
    _, answer = play("read l.md", ["a\n" + note])
    assert "[Note" not in answer


def test_a_long_file_is_cut_and_its_fences_cannot_break_out() -> None:
    _, answer = play("read l.md", ["```\nI am the model\n" + "x" * 9000])
    assert "````\n```\nI am" in answer
    assert "more characters are not shown" in answer


def test_listings_and_trees_are_lists() -> None:
    assert "1 folder and 1 file.\n- `docs/`\n- `a.md`" in play("list", ["[FILE] a.md\n[DIR] docs"])[1]
    tree = json.dumps([{"name": "docs", "type": "directory", "children": [{"name": "a.md", "type": "file"}]}])
    assert "docs/\n  a.md" in play("show the tree", [tree])[1]


def test_told_to_stop_it_says_what_is_open() -> None:
    talk = [SYSTEM, user("Alice Smith: list, then read a.md")]
    talk += made(respond(request(*talk)), "[FILE] a.md")
    talk += [user(prompt.CLOSING["steps"])]
    reply = respond(request(*talk, tool_choice="none"))
    assert not reply.calls
    assert "still open: read `a.md`" in reply.text


def test_after_a_stop_only_what_is_said_next_is_done() -> None:
    talk = [SYSTEM, user(f"Alice Smith: {WRITE}, then list")]
    talk += made(respond(request(*talk)), told(CallOutcome.STOPPED))
    assert wanted(respond(request(*talk, user("Alice Smith: read b.md")))) == [("read_text_file", {"path": "b.md"})]


def test_try_again_takes_up_what_was_not_answered() -> None:
    talk = [SYSTEM, user(f"Alice Smith: {WRITE}"), user("Alice Smith: try again")]
    assert wanted(respond(request(*talk))) == [("write_file", {"path": "a.md", "content": "x"})]


def test_calls_that_another_model_made_are_told_and_not_gone_on_with() -> None:
    other = made(respond(request(user("list"))), "[FILE] secret.md")
    reply = respond(request(SYSTEM, user(f"Alice Smith: {WRITE}"), *other))
    assert not reply.calls
    assert "planned by another model" in reply.text


def test_the_same_request_gets_the_same_reply_from_any_instance() -> None:
    asked = request(SYSTEM, user("Alice Smith: list and read a.md"))
    assert OfflineModel(pace=0).respond(asked) == respond(asked)
    ids = [call.id for call in respond(asked).calls]
    assert len(set(ids)) == 2


def test_it_streams_in_small_pieces_where_a_pace_is_given() -> None:
    slow: Completion = OfflineModel(pace=0.01).respond(request(user("help")))
    assert slow.delay == 0.01
    assert slow.chunks > 20
