"""What people see of a request, before and after it is decided."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import tool_words
from bot.core.calls import WOULD_FAIL, CallOutcome, CallState
from bot.core.json_text import JsonObject
from bot.core.policy.privacy import Privacy
from bot.core.questions.question import Approval, CallKind, Decision, Undo, UndoState
from bot.core.tools import Preview
from bot.core.turn_message import MAX_SIZE
from bot.slack.blocks import arguments, buttons, cards, details, elements
from bot.slack.blocks.review_set import chosen, review_set
from bot.slack.text import visible
from tests.machine import is_allowed
from tests.unit.core.helpers import tool
from tests.unit.slack.samples import (
    ALICE,
    BOB,
    CAROL,
    DIFF,
    DIGEST,
    EDIT,
    NASTY,
    PREVIEW,
    WRITE,
    Shown,
    asked,
    call,
    card,
    decided,
    ended,
    nodes,
    nothing_is_forged,
    record,
    request,
    taken,
    window,
)

CODE = {"code": True}
ISSUE = ("owner", "repo", "body", "title", "issue_labels", "estimate")
DONE = ended(CallOutcome.OK)
FULL_SET = ["Approve", "Deny", "Edit…", "Always…"]


def options(shown: Shown, which: int = 0) -> list[str]:
    menus = [element for element in shown.elements if element["type"] == "overflow"]
    return [option["text"]["text"] for option in menus[which]["options"]]


def test_a_request_says_what_will_happen_to_what_and_who_is_waited_for() -> None:
    shown = card(request(preview=EDIT))
    assert shown.body.split("\n")[0] == "Edit a.txt? 1 line changed"
    assert "Line endings: CRLF." in shown.plain
    assert f"Files · waiting for <@{ALICE}> · until" in " ".join(shown.plain.split())
    assert shown.buttons == ["Approve edit", *FULL_SET[1:]]
    assert options(shown) == ["Deny with a reason…", "Stop"]
    assert shown.pings == {f"<@{ALICE}>"}
    assert shown.text == "Edit a.txt (+1 −1)? Waiting for you"
    assert [each.get("style") for each in shown.elements] == ["primary", None, None, None, None]
    assert "write_file" not in json.dumps(shown.blocks) + shown.text


def test_a_request_of_which_nothing_is_known_shows_the_tool_and_every_argument() -> None:
    shown = card(request())
    assert shown.body.split("\n")[0] == "Write file?"
    assert "Path: /w/a.txt" in shown.plain
    assert "one\nthree\n" in shown.preformatted
    assert shown.buttons == FULL_SET
    assert shown.text == "Write file? Waiting for you"


def test_nobody_is_named_in_a_conversation_with_the_only_person_who_decides() -> None:
    shown = card(request(preview=EDIT, channel="D0ALICE"))
    assert "aiting for" not in shown.body
    assert shown.pings == set()
    assert f"waiting for <@{BOB}>" in card(request(preview=EDIT, channel="D0ALICE", people=(BOB,))).plain


def test_what_is_lost_is_marked() -> None:
    severe = replace(PREVIEW, heading="Replace all of notes.md", effect="8 lines become 1", severe=True)
    assert card(request(preview=severe)).body.split("\n")[0] == ":warning: Replace all of notes.md? 8 lines become 1"


def test_a_diff_stands_for_the_arguments_that_it_shows_and_is_marked_as_one() -> None:
    shown = card(request(preview=PREVIEW))
    assert shown.preformatted == DIFF.rstrip("\n")
    assert [node["language"] for node in nodes(shown.blocks) if node.get("type") == "rich_text_preformatted"] == [
        "diff"
    ]
    assert "content" not in shown.plain.lower()
    assert shown.buttons == FULL_SET


def test_what_no_heading_and_no_diff_show_is_shown() -> None:
    some = card(request(preview=replace(PREVIEW, shown=("path",))))
    assert "Content:" in some.plain
    other = card(request(preview=PREVIEW, call=call({**WRITE, "mode": "0600"})))
    assert 'Mode: "0600"' in other.plain


def test_the_arguments_of_any_tool_are_called_by_names_of_people_the_telling_one_first_and_lists_on_a_line() -> None:
    issue: JsonObject = {
        "repo": "site",
        "owner": "acme",
        "title": "Installer fails",
        "issue_labels": ["bug", "a, b"],
        "estimate": 3,
        "body": "one\ntwo",
        "fooBar": 1,
        "foo_bar": 2,
    }
    schema: JsonObject = {"properties": {name: {} for name in ISSUE}}
    known = replace(tool("create_issue", "github"), schema=schema, title="Create an issue")
    preview = tool_words.described(known, issue, None)
    asked = request(call=call(issue, remote_name="create_issue", server="github"), preview=preview)
    shown = card(asked)
    lines = shown.body.split("\n")
    assert lines[:7] == [
        "Create an issue in acme/site?",
        "Title: Installer fails",
        "Issue labels: bug, a, b",
        "Estimate: 3",
        "fooBar: 1",
        "foo_bar: 2",
        "Body:",
    ]
    boxes = [
        part["text"] for node in nodes(shown.blocks) for part in node.get("elements", []) if part.get("style") == CODE
    ]
    assert boxes[1:3] == ["bug", "a, b"], "each item is in a box of its own"
    assert "github" in shown.plain
    assert shown.text == "Create an issue in acme/site? Waiting for you"
    assert "create_issue" not in json.dumps(shown.blocks)


def test_a_long_diff_is_cut_at_a_line_and_the_rest_is_under_details() -> None:
    lines = [f"+line {number} of the new file" for number in range(1_000)]
    diff = "@@ -0,0 +1,1000 @@\n" + "\n".join(lines) + "\n"
    approval = request(preview=replace(PREVIEW, diff=diff))
    shown = card(approval)
    assert shown.buttons == [*FULL_SET, "Details"]
    kept = shown.preformatted.split("\n")
    assert kept == diff.split("\n")[: len(kept)]
    assert f"{1_001 - len(kept):,} more lines of the change are not shown here. Press Details" in shown.plain
    assert diff in window(details.details(approval)).preformatted


def test_what_would_fail_now_is_said() -> None:
    broken = Preview("b", "", "", "Can't edit a.txt: the text to replace is not in it.")
    assert ":warning: Can't edit a.txt: the text to replace" in card(request(preview=broken)).plain


def test_a_request_that_is_made_once_more_says_why_before_all_else() -> None:
    shown = card(request(note="The file has changed since you approved this."))
    assert shown.body.split("\n")[0].startswith(":repeat: The file has changed")


def test_changed_arguments_are_named_with_who_changed_them() -> None:
    edited = call({"path": "/w/b.txt", "content": "x", "flag": True}, editors=(BOB,))
    edited.original = json.dumps({"path": "/w/a.txt", "content": "x", "flag": 1})
    shown = card(request(call=edited))
    assert f"Changed by <@{BOB}>: flag, path." in shown.plain


def test_the_record_of_what_was_asked_before_it_was_changed_does_not_say_that_it_was() -> None:
    before = call({"path": "/w/a.txt", "content": "x"}, editors=(BOB,))
    before.original = before.arguments
    assert "Changed by" not in record(decided(Decision.EDITED, call=before)).plain


def test_where_arguments_must_not_be_seen_the_title_comes_with_its_caveat() -> None:
    brief = card(request(preview=PREVIEW, privacy="summary"))
    assert brief.body.startswith(
        "Write a file; one that is already there is replaced? With the arguments content, path."
    )
    assert brief.text == "Write a file; one that is already there is replaced? Waiting for you"
    assert "a.txt" not in json.dumps(brief.blocks)


def test_what_a_tool_does_is_known_from_its_preview_alone_whatever_its_name() -> None:
    changed = replace(call(WRITE), server="notes", remote_name="put")
    shown = card(request(call=changed, preview=PREVIEW)).body
    assert shown.startswith("Change a.txt?")
    assert "put" not in shown


def test_several_approvers_are_listed_with_how_many_are_needed_and_who_has_approved() -> None:
    shown = card(request(people=("requester", BOB, "S0ADMINS"), needed=2, votes=(BOB,), grants=False))
    assert f"waiting for 2 of <@{ALICE}>, <@{BOB}> or <!subteam^S0ADMINS>" in shown.plain
    assert f"approved by <@{BOB}> (1 of 2) · until" in shown.plain
    assert shown.buttons == ["Approve", "Deny", "Edit…"]


def test_a_requester_who_is_no_approver_is_told_what_is_left_to_them() -> None:
    shown = card(request(people=(BOB,)))
    assert f"waiting for <@{BOB}> · until" in shown.plain
    assert f"<@{ALICE}> can change, deny or stop it, not approve it" in shown.plain


def test_a_request_that_the_requester_may_not_approve_names_only_the_others() -> None:
    shown = card(request(people=("requester", BOB), no_self=True))
    assert f"waiting for <@{BOB}> · until" in shown.plain
    assert f"<@{ALICE}> can change, deny or stop it, not approve it" in shown.plain


def test_a_call_that_was_cut_off_is_asked_about_in_its_own_words() -> None:
    off = call(state=CallState.UNKNOWN, result="No answer came.")
    shown = card(request(kind=CallKind.DID_IT_RUN, call=off, preview=EDIT))
    assert shown.buttons == ["It ran", "Run again", "Skip"]
    assert options(shown) == ["Stop"]
    assert shown.body.startswith("Edit a.txt: did it run?")
    assert "It was cut off, so it may or may not have run. No answer came." in shown.plain
    assert "*Run again*: it may then have run twice." in shown.plain
    assert shown.text == "Edit a.txt: did it run? It was cut off: please say in the thread"


def items(shown: Shown) -> list[str]:
    """The lines of a list."""
    found = [node for node in nodes(shown.blocks) if node.get("type") == "rich_text_list"]
    return ["".join(part.get("text", "") for part in item["elements"]) for each in found for item in each["elements"]]


def test_the_requests_of_a_step_are_a_list_with_a_line_for_each() -> None:
    rows = [request(number, preview=PREVIEW) for number in range(1, 7)]
    shown = card(*rows)
    assert shown.body.startswith("May I do these 6 things?")
    assert items(shown) == ["Change a.txt · 1 line changed"] * 6
    assert shown.buttons == ["Approve all", "Deny all", "Review…"]
    assert shown.body.count("aiting for") == 1, "who is waited for is said once"
    for label in shown.buttons:
        these = buttons.opened(shown.button(label)["value"]).these
        assert these is not None
        assert these == review_set(rows)
        assert chosen([*rows, request(7)], these) == rows


def test_all_calls_of_a_step_fit_into_one_list_with_one_button() -> None:
    long = {"path": "p" * 120, "content": "x\n" * 1_000}
    for rows in ([request(number) for number in range(64)], [request(n, call=call(long)) for n in range(64)]):
        [made] = cards.cards(rows)
        assert made.size < MAX_SIZE
        assert len(items(asked(made))) == 64
        these = buttons.opened(asked(made).button("Approve all")["value"]).these
        assert these is not None
        assert chosen(rows, these) == rows


def test_a_set_is_another_one_if_anything_else_was_shown() -> None:
    asked = [request(number) for number in range(1, 4)]
    name = review_set(asked)
    assert review_set([*asked]) == name
    for other in (asked[:2], asked[::-1], [*asked[:2], replace(asked[2], digest="f" * 64)], [*asked, request(4)]):
        assert review_set(other).digest != name.digest


def test_nobody_is_asked_twice_unless_something_may_be_lost() -> None:
    safe = [request(number, preview=PREVIEW) for number in (1, 2)]
    assert "confirm" not in card(*safe).button("Approve all")
    lossy = request(3, preview=replace(PREVIEW, heading="Replace all of b.txt", severe=True))
    text = card(*safe, lossy).button("Approve all")["confirm"]["text"]["text"]
    assert text == "This may lose something: Replace all of b.txt."
    unknown = request(4, call=replace(call(), tier="destructive"), preview=replace(PREVIEW, basis=""))
    assert "confirm" in card(*safe, unknown).button("Approve all")
    assert "confirm" not in card(*safe, replace(unknown, call=replace(call(), tier="write"))).button("Approve all")


def test_a_line_says_what_a_call_is_about_whose_change_cannot_be_shown() -> None:
    issue = request(1, call=call({"title": "Installer fails", "labels": ["bug", "help"]}, remote_name="create_issue"))
    assert items(card(issue, request(2, preview=PREVIEW)))[0] == (
        "Create issue · Labels: bug, help · Title: Installer fails"
    )
    severe = replace(PREVIEW, heading="Replace all of b.txt", effect="8 lines become 1", severe=True)
    shown = card(request(1, preview=severe), request(2, preview=replace(PREVIEW, after="creating the folder drafts")))
    assert ":warning: Replace all of b.txt · 8 lines become 1" in shown.body
    assert "1 line changed · after creating the folder drafts" in shown.body


def test_an_edited_request_is_asked_about_alone_to_take_the_place_of_the_other_one() -> None:
    edited = request(3, call=replace(call(), original="{}"))
    assert [len(made.questions) for made in cards.cards([request(1), request(2), edited])] == [2, 1]


def test_a_message_that_was_taken_is_taken_however_its_requests_are_decided() -> None:
    names: JsonObject = {"path": "p" * 120, "content": "x\n" * 500}
    everybody = tuple(f"U{number:010d}" for number in range(30))
    reason = "because " * 400
    for number in (2, 6, 64):
        asked = [request(each, call=call(names), people=(ALICE,)) for each in range(number)]
        for decision, undo in [
            (Decision.DENIED, None),
            (Decision.DRIFTED, Undo(UndoState.REFUSED, words=reason)),
            (Decision.APPROVED, Undo(UndoState.OFFERED, 1e9)),
            (Decision.APPROVED, Undo(UndoState.REFUSED, words=reason)),
        ]:
            off = {"state": CallState.FINISHED, "outcome": CallOutcome.ERROR, "result": reason}
            failed = [replace(row, call=replace(row.call, **off)) for row in asked]
            more: dict[str, Any] = {"decision": decision, "votes": everybody, "reason": reason, "undo": undo}
            ended = [replace(row, **more) for row in failed]
            for shown in (record(*ended), record(*ended[1:], asked[0])):
                assert elements.size(shown.blocks) < 12_000


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        (
            [decided(Decision.APPROVED, 1), decided(Decision.DENIED, 2), decided(Decision.APPROVED, 3)],
            "approved 2 of 3",
        ),
        ([decided(Decision.APPROVED, 1), decided(Decision.APPROVED, 2)], "approved all 2"),
        ([decided(Decision.DENIED, 1), decided(Decision.DENIED, 2, reason="Not now.")], "denied all 2: Not now."),
        (
            [decided(Decision.APPROVED, 1), decided(Decision.DENIED, 2, decided_by=BOB)],
            f"approved 1 of 2 · :no_entry: <@{BOB}> denied 1 of 2",
        ),
        (
            [decided(Decision.APPROVED, 1), decided(Decision.EXPIRED, 2, decided_by="")],
            "approved 1 of 2 · :hourglass: Nobody decided 1 of 2 in time",
        ),
        ([decided(Decision.STOPPED, 1), decided(Decision.STOPPED, 2)], "stopped all 2"),
        (
            [
                decided(Decision.APPROVED, 1, call=ended(CallOutcome.ERROR, "disk full")),
                decided(Decision.APPROVED, 2, call=call(state=CallState.STARTED)),
                decided(Decision.APPROVED, 3, call=ended(CallOutcome.INVALID, f"{WOULD_FAIL}Can't: x was denied.")),
            ],
            "approved all 3 · 1 in progress · Write file :x: failed: disk full"
            " · Write file not done: Can't: x was denied",
        ),
        (
            [
                decided(Decision.APPROVED, 1, call=DONE, undo=Undo(UndoState.UNDONE, by=BOB)),
                decided(Decision.DENIED, 2),
            ],
            f"approved 1 of 2 · Write file :leftwards_arrow_with_hook: undone by <@{BOB}>",
        ),
    ],
)
def test_requests_that_are_all_decided_are_one_line(rows: list[Approval], line: str) -> None:
    rows = [
        replace(row, call=replace(row.call, state=CallState.FINISHED, outcome=CallOutcome.OK))
        if row.call.state is CallState.AWAITING
        else row
        for row in rows
    ]
    shown = record(*rows)
    assert line in shown.body
    assert items(shown) == []
    assert "questions" not in shown.plain
    assert shown.buttons == ["Details"]


@pytest.mark.parametrize(
    ("number", "privacy", "line"),
    [
        (2, Privacy.FULL, "approved all 2: 1.txt, 2.txt"),
        (5, Privacy.FULL, "approved all 5: 1.txt, 2.txt, 3.txt and 2 more"),
        (5, Privacy.SUMMARY, "approved all 5"),
        (5, Privacy.PRIVATE, "approved all 5"),
    ],
)
def test_the_line_names_what_was_approved_as_far_as_the_thread_may_see_it(
    number: int, privacy: Privacy, line: str
) -> None:
    rows = [
        decided(Decision.APPROVED, each, call=DONE, privacy=privacy, preview=replace(PREVIEW, subject=f"{each}.txt"))
        for each in range(1, number + 1)
    ]
    assert record(*rows).body.split("\n")[0].endswith(line)


def test_the_notification_of_a_decided_list_says_what_was_decided() -> None:
    rows = [decided(Decision.APPROVED, 1), decided(Decision.DENIED, 2), decided(Decision.APPROVED, 3)]
    shown = record(*(replace(row, preview=PREVIEW) for row in rows))
    assert shown.text == "Approved 2 of 3: a.txt, a.txt; denied 1 of 3: a.txt"
    assert shown.buttons == ["Diff"]


def test_the_changes_of_a_list_are_undone_there_together_and_each_in_the_window() -> None:
    offered = decided(Decision.APPROVED, 1, call=DONE, preview=PREVIEW, undo=Undo(UndoState.OFFERED, 1e9))
    assert record(offered, decided(Decision.DENIED, 2)).buttons == ["Undo", "Diff"]
    assert record(offered, replace(offered, id="request-0000000000000002")).buttons == ["Undo all", "Diff"]


def test_a_list_of_which_a_part_is_decided_says_which() -> None:
    rows = [decided(Decision.DENIED, 1), request(2), request(3)]
    shown = record(*rows)
    assert shown.buttons == ["Approve all", "Deny all", "Review…"]
    assert buttons.opened(shown.button("Deny all")["value"]).these == review_set(rows)
    assert "2 of 3 things still wait:" in shown.plain
    assert f"<@{ALICE}> denied" in shown.plain
    rows[1] = decided(Decision.APPROVED, 2)
    assert record(*rows).buttons == ["Approve", "Deny", "Review…"]
    mixed = card(request(1), request(2, people=(BOB,)), request(3))
    assert "1, 3: waiting for" in mixed.body
    assert "2: waiting for" in mixed.body


def test_drawn_again_an_open_request_looks_the_same() -> None:
    asked = [request(1, preview=PREVIEW), request(2, call=call({"content": "x" * 9_000}))]
    for group in (asked, asked[:1], asked[1:]):
        assert record(*group).blocks == card(*group).blocks


@pytest.mark.parametrize(
    ("approval", "line"),
    [
        (decided(Decision.APPROVED), "✅ALICE approved · a.txt +1 −1 · in progress"),
        (decided(Decision.APPROVED, call=ended(CallOutcome.OK)), "✅ALICE approved · a.txt +1 −1"),
        (decided(Decision.APPROVED, votes=(ALICE, BOB)), "✅ALICE, BOB approved · a.txt +1 −1 · in progress"),
        (
            decided(Decision.APPROVED, call=call(state=CallState.UNKNOWN)),
            "✅ALICE approved · a.txt +1 −1 · cut off: it may or may not have run",
        ),
        (
            decided(Decision.APPROVED, call=ended(CallOutcome.ERROR, "no\nspace")),
            "✅ALICE approved · a.txt +1 −1 · :x: failed: no space",
        ),
        (
            decided(Decision.APPROVED, call=ended(CallOutcome.SKIPPED)),
            "✅ALICE approved · a.txt +1 −1 · cut off; it may or may not have run, and a person went on without it",
        ),
        (
            decided(Decision.APPROVED, call=ended(CallOutcome.STOPPED)),
            "✅ALICE approved · a.txt +1 −1 · not done: it was stopped",
        ),
        (decided(Decision.EDITED), ":pencil2: ALICE edited this; the changed version follows · a.txt +1 −1"),
        (
            decided(Decision.EDITED, call=ended(CallOutcome.REFUSED)),
            ":pencil2: ALICE edited this, and it was not done · a.txt +1 −1 · it is not allowed here",
        ),
        (
            decided(Decision.EDITED, call=ended(CallOutcome.INVALID, f"{WOULD_FAIL}Can't write: a folder.")),
            ":pencil2: ALICE edited this, and it was not done · a.txt +1 −1 · Can't write: a folder",
        ),
        (
            decided(Decision.DRIFTED, call=ended(CallOutcome.REFUSED)),
            ":twisted_rightwards_arrows: ALICE approved, but it had changed meanwhile, so it was not done · a.txt +1 −1"
            " · it is not allowed here",
        ),
        (
            decided(Decision.DENIED, reason="Use the\nother file"),
            ":no_entry: ALICE denied · a.txt +1 −1 · Use the other file",
        ),
        (
            decided(Decision.EXPIRED, decided_by=""),
            ":hourglass: Nobody decided in time, so it was not done · a.txt +1 −1",
        ),
        (
            decided(Decision.EXPIRED, needed=3, votes=(ALICE, BOB)),
            ":hourglass: Nobody decided in time, so it was not done (2 of 3 had approved) · a.txt +1 −1",
        ),
        (decided(Decision.STOPPED), ":octagonal_sign: ALICE stopped this · a.txt +1 −1"),
        (
            decided(Decision.STOPPED, decided_by=""),
            ":octagonal_sign: Not done, because the message that asked for it was deleted · a.txt +1 −1",
        ),
        (
            decided(Decision.DRIFTED, reason="The file was changed."),
            ":twisted_rightwards_arrows: ALICE approved, but it had changed meanwhile, so I ask again below"
            " · a.txt +1 −1 · The file was changed.",
        ),
        (decided(Decision.WITHDRAWN), ":no_entry: This could not be shown in full, so nobody was asked · a.txt +1 −1"),
        (decided(Decision.IT_RAN, kind=CallKind.DID_IT_RUN), "✅ALICE says that it ran · a.txt +1 −1"),
        (
            decided(Decision.RUN_AGAIN, kind=CallKind.DID_IT_RUN),
            ":repeat: ALICE had it run again · a.txt +1 −1 · in progress",
        ),
        (decided(Decision.SKIPPED, kind=CallKind.DID_IT_RUN), ":fast_forward: ALICE went on without it · a.txt +1 −1"),
        (
            decided(Decision.EXPIRED, kind=CallKind.DID_IT_RUN),
            ":hourglass: Nobody said in time whether it ran, so I went on without knowing · a.txt +1 −1",
        ),
        (
            decided(Decision.APPROVED, call=DONE, undo=Undo(UndoState.UNDOING, by=BOB)),
            "✅ALICE approved · a.txt +1 −1 · :hourglass_flowing_sand: BOB is undoing this",
        ),
        (
            decided(
                Decision.APPROVED, call=ended(CallOutcome.OK), undo=Undo(UndoState.UNDONE, by=BOB, words="Undone.")
            ),
            "✅ALICE approved · a.txt +1 −1 · :leftwards_arrow_with_hook: undone by BOB",
        ),
        (
            decided(
                Decision.APPROVED, call=ended(CallOutcome.OK), undo=Undo(UndoState.REFUSED, words="It has changed.")
            ),
            "✅ALICE approved · a.txt +1 −1 · :warning: not undone: It has changed.",
        ),
    ],
)
def test_a_decided_request_is_one_line_about_what_became_of_it(approval: Approval, line: str) -> None:
    approval = replace(approval, preview=PREVIEW)
    if approval.decision in (Decision.APPROVED, Decision.RUN_AGAIN) and approval.call.state is CallState.AWAITING:
        approval = replace(approval, call=call(state=CallState.STARTED))
    shown = record(approval)
    wanted = line.replace("✅", ":white_check_mark: ").replace("ALICE", f"<@{ALICE}>").replace("BOB", f"<@{BOB}>")
    assert shown.body.split("\n")[0] == wanted
    assert [block["type"] for block in shown.blocks] == ["rich_text", "actions"]
    assert shown.buttons == ["Diff"]
    everything = window(details.details(approval))
    assert DIFF in everything.preformatted
    assert "one\nthree\n" in everything.preformatted


def test_a_decided_request_offers_to_undo_it_and_to_see_the_whole() -> None:
    offered = decided(Decision.APPROVED, preview=PREVIEW, undo=Undo(UndoState.OFFERED, 1e9))
    shown = record(offered)
    assert shown.buttons == ["Undo", "Diff"]
    assert buttons.named(shown.button("Diff")["action_id"]) == "details"
    button = shown.button("Undo")
    assert button["action_id"] == "approval.undo"
    assert "The file gets its earlier content back" in button["confirm"]["text"]["text"]
    unknown = record(replace(offered, preview=None))
    assert unknown.buttons == ["Undo", "Details"]
    assert "What the call changed is put back as it was." in unknown.button("Undo")["confirm"]["text"]["text"]
    for state in set(UndoState) - {UndoState.OFFERED}:
        assert record(decided(Decision.APPROVED, undo=Undo(state, by=BOB))).buttons == ["Details"]


def test_what_is_cut_in_a_record_opens_under_details() -> None:
    approval = decided(Decision.DENIED, reason="because " * 100)
    shown = record(approval)
    assert shown.buttons == ["Details"]
    assert "because because" in shown.plain
    assert "because " * 100 in window(details.details(approval)).preformatted


def test_paths_of_the_machine_are_nowhere_in_a_card_its_windows_and_its_file() -> None:
    machine = "/srv/team/workspace/a.txt"
    long: JsonObject = {"path": machine, "content": "x\n" * 40_000}
    many: JsonObject = {"path": machine, "edits": [{"oldText": str(n), "newText": ""} for n in range(2_000)]}
    known = replace(PREVIEW, paths={machine: "a.txt"}, shown=())
    for values in ({"path": machine, "content": "x"}, long, many):
        approval = request(call=call(values), preview=known)
        [made] = cards.cards([approval])
        assert "/srv" not in "".join(draft.payload for draft in made.drafts)
        for each in (approval, decided(Decision.APPROVED, call=call(values), preview=known)):
            assert "/srv" not in json.dumps(cards.redrawn([each]))
            assert "/srv" not in json.dumps(details.details(each))


SECRETS: JsonObject = {"path": "SECRET-path", "content": "SECRET-content"}
SECRET = Preview(
    "b",
    "SECRET-words",
    "@@ SECRET-diff\n",
    "SECRET-broken",
    heading="SECRET-heading",
    subject="SECRET-subject",
    effect="SECRET-effect",
    counts="SECRET-counts",
    verb="SECRET-verb",
    source="Files",
)


@pytest.mark.parametrize("decision", list(Decision))
@pytest.mark.parametrize("privacy", ["summary", "private", "nonsense"])
def test_with_less_privacy_for_the_thread_nothing_of_a_call_is_shown(privacy: str, decision: Decision) -> None:
    secret = ended(CallOutcome.ERROR, "SECRET-error", SECRETS)
    secret.original = '{"path": "SECRET-original"}'
    approval = decided(
        decision, call=secret, privacy=privacy, preview=SECRET, note="SECRET-note", reason="SECRET-reason"
    )
    for state in (UndoState.UNDONE, UndoState.REFUSED):
        shown = record(replace(approval, undo=Undo(state, words="SECRET-undo")))
        assert "SECRET" not in json.dumps(shown.blocks) + shown.text
    assert ("Review…" if decision is Decision.AWAITING else "Details") in shown.buttons
    assert not {"Approve", "Deny", "It ran"} & {*shown.buttons}
    assert ("Write file" in json.dumps(shown.blocks) + shown.text) == (privacy == "summary")
    assert ("content" in shown.plain) == (privacy == "summary" and decision is Decision.AWAITING)
    if decision is Decision.AWAITING and privacy != "summary":
        assert "A tool call waits for a decision." in shown.plain
        assert shown.text == "A tool call waits for a decision."


def test_arguments_that_nobody_would_leaf_through_are_a_file_above_the_card() -> None:
    content = "".join(f"line {number} and some more words\n" for number in range(60_000))
    approval = request(call=call({"path": "/w/a.txt", "content": content}))
    for privacy, files in (("full", 1), ("summary", 0), ("private", 0)):
        [made] = cards.cards([replace(approval, privacy=privacy)])
        shown = asked(made)
        assert ("Details" if privacy == "full" else "Review…") in shown.buttons
        assert [draft.kind for draft in made.drafts] == ["file"] * files
    [made] = cards.cards([approval])
    payload = json.loads(made.drafts[0].payload)
    assert payload["approval"] == approval.id
    assert payload["file"] in asked(made).plain
    assert payload["file"] in record(approval).plain
    assert "    line 59999 and some more words" in payload["content"]


MANY_EDITS: JsonObject = {
    "path": "/w/a.txt",
    "edits": [{"oldText": f"old {number}, ", "newText": f'new "{number}", '} for number in range(20_000)],
}
INVISIBLE = "\u200b" * 100_000
LARGE = {
    "many values": request(call=call(MANY_EDITS, remote_name="edit_file")),
    "invisible": request(call=call({**WRITE, "content": INVISIBLE})),
    "invisible, with a diff": request(
        call=call({**WRITE, "content": INVISIBLE}), preview=Preview("b", "", f"@@ -0,0 +1 @@\n+{INVISIBLE}\n")
    ),
    "blanks": request(call=call({**WRITE, "content": " " * 100_000 + "x"})),
    "many names": request(call=call({f"name{number}": "value" for number in range(20_000)})),
    "a long name": request(call=call({INVISIBLE: "value", "list": [{INVISIBLE: 1}]})),
    "a long error": decided(Decision.APPROVED, call=ended(CallOutcome.ERROR, INVISIBLE), reason=INVISIBLE),
}


@pytest.mark.parametrize("name", LARGE)
def test_drawing_a_card_takes_little_time_however_much_it_is_about(name: str) -> None:
    """Nothing else happens in the bot meanwhile. The bounds are some five times what a slow machine takes."""
    approval = LARGE[name]

    def takes(draw: Callable[[], object], most: float) -> bool:
        """Whether it takes so many seconds at most, once in three tries."""

        def seconds() -> float:
            began = time.process_time()
            draw()
            return time.process_time() - began

        return any(is_allowed(seconds(), most) for _ in range(3))

    assert takes(lambda: cards.redrawn([approval]), 0.1)
    assert takes(lambda: details.details(approval), 0.3)
    if approval.decision is Decision.AWAITING:
        assert takes(lambda: cards.cards([approval]), 0.25)


def test_thousands_of_values_are_in_the_file_as_json_one_on_a_line() -> None:
    approval = LARGE["many values"]
    [made] = cards.cards([approval])
    assert "More than 1,000 other values are not shown here." in asked(made).plain
    text = json.loads(made.drafts[0].payload)["content"].partition("Arguments\n")[2]
    remark, *lines = text.rstrip("\n").split("\n")
    assert remark == "    More than 1,000 values, as JSON:"
    assert len(lines) == 40_001
    assert all(line.startswith(" " * 8) for line in lines)
    assert json.loads("".join(line[8:] for line in lines)) == MANY_EDITS
    assert taken(cards.redrawn([approval])).blocks == asked(made).blocks


def test_arguments_stand_in_the_order_in_which_they_are_read() -> None:
    given: JsonObject = {
        "list": [f"item {number}" for number in range(1, 13)],
        "edits": [{"newText": "b", "more": {"x": 1}, "oldText": "a"}],
        "long": "x\ny",
        "apart": "z",
        "path": "p",
        "empty": {},
        "none": [],
    }
    first = ["path", "apart", "empty", "none", "edits[1].oldText", "edits[1].newText", "edits[1].more.x"]
    names = [*first, *(f"list[{number}]" for number in range(1, 13)), "long"]
    assert [name for name, _ in arguments.readable(call(given))] == names
    assert [name for name, _ in arguments.readable(call({}))] == []


def test_no_character_is_written_out_in_part() -> None:
    for count in range(2_990, 3_010):
        content = "x" * (count % 10) + "\u200b" * count
        diff = f"@@ -1 +1 @@\n+{content}\n"
        for approval in (
            request(call=call({"content": content})),
            request(call=call({"path": "p"}), preview=Preview("b", "", diff)),
            request(call=call({content: "p"})),
        ):
            shown = card(approval)
            assert shown.plain.count("⟨U+200B⟩") == shown.plain.count("⟨")
            assert "Details" in shown.buttons


def test_what_is_cut_is_counted_in_characters_of_the_value() -> None:
    shown = card(request(call=call({"content": "\u200b" * 1_000})))
    assert "A value is shown up to character 374 of 1,000." in shown.plain
    assert shown.preformatted == "⟨U+200B⟩" * 374


ODD = st.sampled_from("a\n\t\u200b⟨⟩\u202eé😀\ud800\x01\x02\x03\x04\x05\x06\x07\x08")


@settings(max_examples=40, deadline=None)
@given(st.text(ODD, max_size=40), st.sampled_from(["", "x"]))
def test_a_long_text_is_made_visible_as_any_other(text: str, end: str) -> None:
    text = text * 200 + end
    assert elements.spelled(text) == visible(text)
    assert "".join(elements.pieces(text)) == (visible(text) or " ")
    assert all(len(piece) <= elements.CHUNK for piece in elements.pieces(text))
    shown, count = elements.fitting(text, 300)
    assert shown == visible(text[:count])
    assert count == len(text) or len(shown) <= 300 < len(visible(text[: count + 1]))


def test_no_line_of_data_stands_where_a_heading_or_a_name_of_the_file_stands() -> None:
    content = "x\n\nWhat will happen\nNothing.\n    path:\npath:"
    text = details.in_a_file(request(call=call({"path": "a", "content": content}), preview=PREVIEW))
    lines = [line for line in text.split("\n") if line.strip()]
    assert [line for line in lines if not line.startswith(" ")] == [
        "Tool",
        "Arguments",
        "What will happen",
        "Changes",
    ]
    start = lines.index("Arguments")
    within = lines[start + 1 : lines.index("What will happen", start)]
    assert [line.strip() for line in within if not line.startswith(" " * 8)] == ["path:", "content:"]


def test_five_hundred_arguments_are_counted_on_the_card_and_all_of_them_are_in_the_file() -> None:
    approval = request(call=call({f"name{number:03d}": f"value {number}" for number in range(500)}))
    [made] = cards.cards([approval])
    assert "475 more values are not shown here." in asked(made).plain
    content = json.loads(made.drafts[0].payload)["content"]
    assert all(f"value {number}\n" in content for number in range(500))


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize("decision", [Decision.AWAITING, Decision.DENIED, Decision.DRIFTED, Decision.APPROVED])
def test_no_text_of_a_tool_a_model_or_a_person_forges_a_line_or_calls_anybody(decision: Decision, nasty: str) -> None:
    everywhere = {nasty: nasty, "path": nasty, "list": [nasty, {nasty: nasty}]}
    bad = ended(CallOutcome.ERROR, nasty, everywhere)
    bad = replace(bad, remote_name=nasty, server=nasty, original='{"path": 1}', editors=(nasty,))
    approval = decided(
        decision,
        call=bad,
        preview=Preview(
            *(
                "b",
                nasty,
                f"@@ {nasty}\n+{nasty}\n",
                nasty,
                nasty,
                nasty,
                nasty,
                nasty,
                nasty,
                nasty,
                nasty,
                nasty,
                nasty,
            ),
            severe=True,
            order=(nasty,),
            paths={nasty: nasty},
        ),
        note=nasty,
        reason=nasty,
        undo=Undo(UndoState.REFUSED, words=nasty),
    )
    for privacy in ("full", "summary", "private"):
        one = replace(approval, privacy=privacy)
        nothing_is_forged(record(one), {f"<@{ALICE}>"})
        nothing_is_forged(record(one, request(2)), {f"<@{ALICE}>"})
        nothing_is_forged(window(details.details(one)), set())
    off = replace(approval, kind=CallKind.DID_IT_RUN, decision=Decision.AWAITING)
    nothing_is_forged(record(off), {f"<@{ALICE}>"})


@pytest.mark.parametrize("nasty", NASTY)
def test_ids_that_are_none_call_nobody(nasty: str) -> None:
    approval = request(requester=ALICE, people=(nasty, BOB), votes=(nasty,), needed=2, no_self=True)
    shown = card(approval)
    assert shown.pings <= {f"<@{ALICE}>", f"<@{BOB}>"}


LONG = st.integers(100, 1_000).map(lambda times: "x\n<@&" * times)
TEXT = st.one_of(st.sampled_from(NASTY), st.text(max_size=20), LONG)
VALUES = st.recursive(
    st.one_of(TEXT, st.none(), st.booleans(), st.integers()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXT, inner, max_size=3)),
    max_leaves=4,
)
CALLS = st.builds(
    call,
    st.dictionaries(TEXT, VALUES, max_size=3),
    remote_name=TEXT,
    server=TEXT,
    state=st.sampled_from(CallState),
    outcome=st.sampled_from(CallOutcome),
    result=TEXT,
    original=st.sampled_from(["", "{}", "x"]),
    editors=st.lists(st.sampled_from([ALICE, BOB, "x"]), max_size=2).map(tuple),
)
PREVIEWS = st.builds(
    Preview,
    *[TEXT] * 4,
    title=TEXT,
    heading=TEXT,
    subject=TEXT,
    effect=TEXT,
    counts=TEXT,
    verb=TEXT,
    source=TEXT,
    severe=st.booleans(),
    shown=st.lists(TEXT, max_size=1).map(tuple),
    order=st.lists(TEXT, max_size=2).map(tuple),
    paths=st.dictionaries(TEXT, TEXT, max_size=2),
)
ROWS = st.builds(
    request,
    call=CALLS,
    kind=st.sampled_from(CallKind),
    people=st.lists(st.sampled_from(["requester", ALICE, BOB, CAROL, "S0ADMINS"]), min_size=1).map(tuple),
    needed=st.integers(1, 3),
    no_self=st.booleans(),
    privacy=st.sampled_from(["full", "full", "summary", "private"]),
    preview=st.none() | PREVIEWS,
    note=TEXT,
)
ENDINGS = st.tuples(
    st.sampled_from(Decision),
    TEXT,
    st.lists(st.sampled_from([ALICE, BOB, CAROL]), max_size=3).map(tuple),
    st.none() | st.builds(Undo, st.sampled_from(UndoState), st.just(1e9), st.just(BOB), TEXT),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ROWS, ENDINGS), min_size=1, max_size=7), st.integers(0, 7))
def test_slack_takes_every_card_in_every_state(
    rows: list[tuple[Approval, tuple[Decision, str, tuple[str, ...], Undo]]], decided: int
) -> None:
    approvals = [replace(row, id=f"request-{number:016d}") for number, (row, _) in enumerate(rows)]
    ends = {approval.id: end for approval, (_, end) in zip(approvals, rows, strict=True)}
    for made in cards.cards(approvals):
        now = [each for each in made.questions if isinstance(each, Approval)]
        assert taken(cards.redrawn(now)).blocks == asked(made).blocks
        for index, approval in enumerate(now[:decided]):
            decision, reason, votes, undo = ends[approval.id]
            now[index] = replace(approval, decision=decision, decided_by=ALICE, reason=reason, votes=votes, undo=undo)
        nothing_is_forged(
            taken(cards.redrawn(now)), {f"<@{each}>" for each in (ALICE, BOB, CAROL)} | {"<!subteam^S0ADMINS>"}
        )


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "null",
        "[]",
        "1",
        "{}",
        '{"a": "x"}',
        '{"a": "x", "d": 1}',
        '{"a": "x", "d": "y", "n": 1}',
        '{"a": "x", "p": "y"}',
        '{"k": "reason", "a": "x", "p": "short"}',
        '{"k": "approved", "a": "x", "p": "' + "0" * 32 + '"}',
        '{"all": []}',
        '{"all": [["x"]]}',
        '{"all": [["x", 1]]}',
        '{"all": [["x", "y"]], "a": "x"}',
        json.dumps({"all": [["x", "y"]] * 9}),
        "[" * 1_900,
        json.dumps({"a": "x" * 2_000, "d": "y"}),
    ],
)
def test_a_value_that_is_none_of_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        cards.opened(value)


def test_the_menu_carries_the_start_of_the_digest() -> None:
    menu = next(element for element in card(request()).elements if element["type"] == "overflow")
    reason, stop = (cards.opened(option["value"]) for option in menu["options"])
    assert (reason.kind, stop.kind) == ("reason", "stop")
    assert reason.prefix
    assert reason.requests == ((request().id, DIGEST[:32]),)


@pytest.mark.parametrize(
    "action",
    ["", "approval.", "approval.expired", "approval.awaiting", "grant.revoke", "approval.edit.0", "approval.edit.x"],
)
def test_an_action_that_is_none_of_ours_is_refused(action: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        cards.named(action)


def test_a_button_is_read_only_with_a_value_of_its_own() -> None:
    shown = card(request(1), request(2))
    actions = [element for element in shown.elements if element["type"] == "button"]
    actions += [element for element in card(request()).elements if element["type"] == "button"]
    for action in actions:
        assert cards.pressed(action) == (cards.named(action["action_id"]), cards.opened(action["value"]))
    menu = next(element for element in card(request()).elements if element["type"] == "overflow")
    for option in menu["options"]:
        name, pressed = cards.pressed({**menu, "selected_option": option})
        assert name == pressed.kind
    one, every, picked = (actions[-1]["value"], actions[0]["value"], menu["options"][0]["value"])
    for action_id, wrong in [
        ("approval.approved", every),
        ("approval.approved", picked),
        ("approval.all.approved", one),
        ("approval.more", one),
        ("approval.review", one),
        ("approval.denied", every),
    ]:
        for action in ({"value": wrong}, {"selected_option": {"value": wrong}}, {"selected_option": wrong}, {}):
            with pytest.raises(ValueError, match=r".*"):
                cards.pressed({"action_id": action_id, **action})


def test_every_button_of_a_card_has_a_name_that_is_known() -> None:
    drawn = [
        card(request(1, call=call({"content": "x" * 9_000}))),
        card(request(2, kind=CallKind.DID_IT_RUN)),
        card(request(3), request(4)),
    ]
    names = {cards.named(element["action_id"]) for shown in drawn for element in shown.elements}
    assert names == {
        *("approved", "denied", "edit", "always", "details", "more", "it_ran", "run_again", "skipped"),
        *("all.approved", "all.denied", "review"),
    }
    for shown in drawn:
        assert all(len(node["value"]) <= 150 for node in nodes(shown.blocks) if set(node) == {"text", "value"})


def edited_in_place(*numbers: int, content: str) -> list[Approval]:
    """The requests of a message, of which these were edited to have this content."""
    approvals: list[Approval] = []
    for number in range(1, 7):
        old = call({"path": f"{number}.txt", "content": "short"}, id=number)
        if number not in numbers:
            approvals.append(request(number, call=old))
            continue
        new = call({"path": f"{number}.txt", "content": content}, id=number, original=old.arguments, editors=(ALICE,))
        approvals += [decided(Decision.EDITED, number, call=old), request(100 + number, call=new)]
    return approvals


def test_the_changed_version_is_in_the_place_of_the_edited_one() -> None:
    approvals = edited_in_place(2, content="changed")
    shown = record(*approvals)
    assert items(shown)[1] == "Write file · Path: 2.txt · Content: changed ·  edited by "
    these = buttons.opened(shown.button("Approve all")["value"]).these
    assert these == review_set([approvals[0], *approvals[2:]])
    assert "May I do these 6 things?" in shown.plain


def test_a_message_fits_however_much_longer_its_requests_were_edited_to_be() -> None:
    shown = record(*edited_in_place(1, 2, 3, 4, 5, 6, content="a line of some length\n" * 2_000))
    assert elements.size(shown.blocks) < 13_000
    assert json.dumps(shown.blocks).count("edited by") == 6
