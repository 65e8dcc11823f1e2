"""What people see of a request, before and after it is decided."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.calls import CallOutcome, CallState
from bot.core.json_text import JsonObject
from bot.core.questions.question import Approval, CallKind, Decision, Undo, UndoState
from bot.core.tools import Preview
from bot.slack.blocks import arguments, buttons, cards, details, elements
from bot.slack.text import visible
from tests.unit.slack.samples import (
    ALICE,
    BOB,
    CAROL,
    DIFF,
    DIGEST,
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

FULL_SET = ["Approve", "Deny", "Edit…", "Always…"]


def options(shown: Shown, which: int = 0) -> list[str]:
    menus = [element for element in shown.elements if element["type"] == "overflow"]
    return [option["text"]["text"] for option in menus[which]["options"]]


def test_a_request_shows_the_tool_every_argument_and_who_may_decide() -> None:
    shown = card(request())
    assert "May I do this? Tool write_file of filesystem" in shown.plain
    assert "path  /w/a.txt" in shown.plain
    assert "one\nthree\n" in shown.preformatted
    assert f"Only <@{ALICE}>, whose message started this, can decide, until" in shown.plain
    assert shown.buttons == FULL_SET
    assert options(shown) == ["Deny with a reason…", "Stop this turn"]
    assert shown.pings == {f"<@{ALICE}>"}
    assert shown.text == "May I run write_file? Approve or deny in the thread."
    assert [each.get("style") for each in shown.elements] == ["primary", None, None, None, None]


def test_a_diff_stands_for_the_arguments_that_it_shows() -> None:
    shown = card(request(preview=PREVIEW))
    assert shown.preformatted == DIFF.rstrip("\n")
    assert "path  /w/a.txt" in shown.plain
    assert "content" not in shown.plain
    assert "Changes 1 line." in shown.plain
    assert shown.buttons == FULL_SET


def test_a_diff_that_stands_for_no_argument_hides_none() -> None:
    assert "content" not in card(request(preview=PREVIEW)).plain
    assert "content" in card(request(preview=replace(PREVIEW, diffed=""))).plain


def test_a_long_diff_is_cut_at_a_line_and_the_rest_is_under_details() -> None:
    lines = [f"+line {number} of the new file" for number in range(1_000)]
    diff = "--- a\n+++ a\n@@ -0,0 +1,1000 @@\n" + "\n".join(lines) + "\n"
    approval = request(preview=Preview("b", "Writes 1,000 lines.", diff, diffed="content"))
    shown = card(approval)
    assert shown.buttons == [*FULL_SET, "Details"]
    kept = shown.preformatted.split("\n")
    assert kept == diff.split("\n")[: len(kept)]
    assert f"{1_003 - len(kept):,} more lines of the change are not shown here. Press Details" in shown.plain
    assert diff in window(details.details(approval)).preformatted


def test_what_would_fail_now_is_said() -> None:
    broken = Preview("b", "", "", "the text to replace is not in the file")
    assert ":warning: As things are now this would fail: the text to replace" in card(request(preview=broken)).plain


def test_a_request_that_is_made_once_more_says_why_before_all_else() -> None:
    shown = card(request(note="The file has changed since you approved this."))
    assert shown.plain.split("\n")[1].startswith(":repeat: The file has changed")


def test_changed_arguments_are_named_with_who_changed_them() -> None:
    edited = call({"path": "/w/b.txt", "content": "x", "flag": True}, editors=(BOB,))
    edited.original = json.dumps({"path": "/w/a.txt", "content": "x", "flag": 1})
    shown = card(request(call=edited))
    assert f"The arguments were changed by <@{BOB}>: flag, path." in shown.plain


def test_the_record_of_what_was_asked_before_it_was_changed_does_not_say_that_it_was() -> None:
    before = call({"path": "/w/a.txt", "content": "x"}, editors=(BOB,))
    before.original = before.arguments
    assert "were changed" not in record(decided(Decision.EDITED, call=before)).plain


def test_a_title_comes_with_its_caveat_where_the_preview_does_not_say_it_more_exactly() -> None:
    exact = card(request(preview=PREVIEW)).plain
    assert "May I do this? Write a file. Tool write_file of filesystem" in exact
    brief = card(request(preview=PREVIEW, privacy="summary")).plain
    assert "May I do this? Write a file; one that is already there is replaced. Tool write_file of filesystem" in brief


def test_what_a_tool_does_is_known_from_its_preview_alone_whatever_its_name() -> None:
    changed = replace(call(WRITE), server="notes", remote_name="put")
    shown = card(request(call=changed, preview=PREVIEW)).plain
    assert "Write a file. Tool put of notes" in shown
    assert "content" not in shown


def test_several_approvers_are_listed_with_how_many_are_needed_and_who_has_approved() -> None:
    shown = card(request(people=("requester", BOB, "S0ADMINS"), needed=2, votes=(BOB,), grants=False))
    assert f"Only <@{ALICE}>, <@{BOB}> or <!subteam^S0ADMINS> can decide, until" in shown.plain
    assert f"2 of them have to approve; so far: <@{BOB}> (1 of 2)." in shown.plain
    assert shown.buttons == ["Approve", "Deny", "Edit…"]


def test_a_requester_who_is_no_approver_is_told_what_is_left_to_them() -> None:
    shown = card(request(people=(BOB,)))
    assert f"Only <@{BOB}> can decide, until" in shown.plain
    assert f"<@{ALICE}>, whose message started this, can only change, deny or stop it." in shown.plain


def test_a_request_that_the_requester_may_not_approve_names_only_the_others() -> None:
    shown = card(request(people=("requester", BOB), no_self=True))
    assert f"Only <@{BOB}> can decide" in shown.plain
    assert f"It cannot be approved by <@{ALICE}>" in shown.plain


def test_a_call_that_was_cut_off_is_asked_about_in_its_own_words() -> None:
    shown = card(request(kind=CallKind.DID_IT_RUN, call=call(state=CallState.UNKNOWN, result="No answer came.")))
    assert shown.buttons == ["It ran", "Run again", "Skip"]
    assert options(shown) == ["Stop this turn"]
    assert "No answer came." in shown.plain
    assert "*Run again*: it may then have run twice." in shown.plain
    assert shown.text == "Did write_file run? It was cut off: please say in the thread."


def test_the_requests_of_a_step_are_rows_of_one_message() -> None:
    asked = [request(number, preview=PREVIEW) for number in range(1, 7)]
    shown = card(*asked)
    assert "May I do these 6 things?" in shown.plain
    assert shown.buttons.count("Approve") == 6
    assert shown.buttons[-2:] == ["Approve all", "Deny all"]
    assert "All 6 requests above" in shown.button("Approve all")["confirm"]["text"]["text"]
    for row, approval in enumerate(asked):
        button = shown.button("Approve", row)
        assert buttons.named(button["action_id"]) == "approved"
        assert buttons.opened(button["value"]).requests == ((approval.id, DIGEST),)
        assert approval.id in button["_block_id"]


def test_requests_that_one_message_does_not_take_are_asked_in_several() -> None:
    many = [request(number) for number in range(8)]
    assert [len(made.questions) for made in cards.cards(many)] == [6, 2]
    long = [request(number, call=call({"content": "x" * 9_000})) for number in range(5)]
    made = cards.cards(long)
    assert len(made) > 1
    assert [approval for each in made for approval in each.questions] == long
    for each in [*cards.cards(many), *made]:
        asked(each)


def test_a_message_that_was_taken_is_taken_however_its_rows_are_decided() -> None:
    def rows(length: int) -> list[Approval]:
        names = {"path": "p" * 120, "content": "x\n" * length}
        return [request(number, call=call(names), people=(ALICE,)) for number in range(6)]

    longest = max(length for length in range(0, 1_500, 10) if len(cards.cards(rows(length))) == 1)
    everybody = tuple(f"U{number:010d}" for number in range(30))
    reason = "because " * 400
    for decision, undo in [
        (Decision.DENIED, None),
        (Decision.DRIFTED, Undo(UndoState.REFUSED, words=reason)),
        (Decision.APPROVED, Undo(UndoState.OFFERED, 1e9)),
        (Decision.APPROVED, Undo(UndoState.REFUSED, words=reason)),
    ]:
        failed = [
            replace(row, call=replace(row.call, state=CallState.FINISHED, outcome=CallOutcome.ERROR, result=reason))
            for row in rows(longest)
        ]
        record(*(replace(row, decision=decision, votes=everybody, reason=reason, undo=undo) for row in failed))


def test_rows_are_decided_one_by_one_and_all_at_once_only_while_two_are_open() -> None:
    rows = [decided(Decision.DENIED, 1), request(2), request(3)]
    shown = record(*rows)
    assert shown.buttons.count("Approve") == 2
    assert buttons.opened(shown.button("Deny all")["value"]).requests == tuple((row.id, DIGEST) for row in rows[1:])
    assert "3 requests, 2 of them open:" in shown.plain
    assert f"Denied by <@{ALICE}>" in shown.plain
    rows[1] = decided(Decision.APPROVED, 2)
    assert "Approve all" not in record(*rows).buttons
    rows[2] = decided(Decision.EXPIRED, 3)
    shown = record(*rows)
    assert shown.buttons == []
    assert "3 requests, all decided:" in shown.plain


def test_drawn_again_an_open_request_looks_the_same() -> None:
    asked = [request(1, preview=PREVIEW), request(2, call=call({"content": "x" * 9_000}))]
    for group in (asked, asked[:1], asked[1:]):
        assert record(*group).blocks == card(*group).blocks


@pytest.mark.parametrize(
    ("approval", "words"),
    [
        (decided(Decision.APPROVED), f"Approved by <@{ALICE}>"),
        (decided(Decision.APPROVED, votes=(ALICE, BOB)), f"Approved by <@{ALICE}>, <@{BOB}>"),
        (decided(Decision.APPROVED, call=call(state=CallState.READY)), "under way"),
        (decided(Decision.APPROVED, call=call(state=CallState.STARTED)), "under way"),
        (decided(Decision.APPROVED, call=call(state=CallState.UNKNOWN)), "it may or may not have run"),
        (decided(Decision.APPROVED, call=ended(CallOutcome.OK)), ":white_check_mark: done"),
        (decided(Decision.APPROVED, call=ended(CallOutcome.ERROR, "no\nspace")), "no space"),
        (decided(Decision.APPROVED, call=ended(CallOutcome.SKIPPED)), "it may or may not have run"),
        (decided(Decision.APPROVED, call=ended(CallOutcome.STOPPED)), "not run: the turn was stopped"),
        (decided(Decision.EDITED), f"Edited by <@{ALICE}>; the changed version follows"),
        (
            decided(Decision.EDITED, call=ended(CallOutcome.REFUSED)),
            f"Edited by <@{ALICE}>; it was not run: it is not allowed here",
        ),
        (
            decided(Decision.EDITED, call=ended(CallOutcome.INVALID)),
            f"Edited by <@{ALICE}>; it was not run: its arguments do not fit",
        ),
        (decided(Decision.EDITED, call=ended(CallOutcome.OK)), "the changed version follows"),
        (decided(Decision.DRIFTED, call=ended(CallOutcome.REFUSED)), "things had changed, so it was not run ·"),
        (decided(Decision.DENIED, reason="Use the\nother file"), "Use the other file"),
        (decided(Decision.EXPIRED, decided_by=""), "Nobody decided in time"),
        (decided(Decision.EXPIRED, needed=3, votes=(ALICE, BOB)), "(2 of 3 had approved)"),
        (decided(Decision.STOPPED), f"Stopped by <@{ALICE}>"),
        (decided(Decision.DRIFTED, reason="The file was changed."), "The file was changed."),
        (decided(Decision.DRIFTED), "it was not run; a fresh request is below"),
        (decided(Decision.WITHDRAWN), "nobody was asked"),
        (decided(Decision.IT_RAN, kind=CallKind.DID_IT_RUN), "says that it ran"),
        (decided(Decision.RUN_AGAIN, kind=CallKind.DID_IT_RUN), "had it run again"),
        (decided(Decision.SKIPPED, kind=CallKind.DID_IT_RUN), "went on without it"),
        (decided(Decision.EXPIRED, kind=CallKind.DID_IT_RUN), "Nobody said in time whether it ran"),
        (decided(Decision.APPROVED, undo=Undo(UndoState.OFFERED, 1e9)), "It can be undone until"),
        (decided(Decision.APPROVED, undo=Undo(UndoState.UNDOING, by=BOB)), f"Being undone by <@{BOB}>"),
        (decided(Decision.APPROVED, undo=Undo(UndoState.UNDONE, by=BOB)), f"Undone by <@{BOB}>"),
        (decided(Decision.APPROVED, undo=Undo(UndoState.UNDONE, by=BOB, words="Removed a.txt.")), "Removed a.txt."),
        (decided(Decision.APPROVED, undo=Undo(UndoState.REFUSED, words="It has changed.")), "It has changed."),
    ],
)
def test_a_decided_request_is_a_record_of_what_became_of_it(approval: Approval, words: str) -> None:
    shown = record(approval)
    assert words in shown.plain
    assert shown.buttons == (["Undo"] if "can be undone" in words else [])
    assert "path  /w/a.txt" in shown.plain


def test_undo_says_what_it_does_as_far_as_that_is_known() -> None:
    offered = decided(Decision.APPROVED, preview=PREVIEW, undo=Undo(UndoState.OFFERED, 1e9))
    button = record(offered).button("Undo")
    assert button["action_id"] == "approval.undo"
    assert "The file gets its earlier content back" in button["confirm"]["text"]["text"]
    unknown = record(replace(offered, preview=None)).button("Undo")
    assert "What the call changed is put back as it was." in unknown["confirm"]["text"]["text"]
    for state in set(UndoState) - {UndoState.OFFERED}:
        assert record(decided(Decision.APPROVED, undo=Undo(state, by=BOB))).buttons == []


def test_a_word_that_an_undone_call_was_undone_is_not_repeated() -> None:
    for words in ("", "Undone.", "undone"):
        shown = record(decided(Decision.APPROVED, undo=Undo(UndoState.UNDONE, by=BOB, words=words)))
        assert shown.plain.casefold().count("undone") == 1


def test_what_is_cut_in_a_record_opens_under_details() -> None:
    approval = decided(Decision.DENIED, reason="because " * 100)
    shown = record(approval)
    assert shown.buttons == ["Details"]
    assert "because because" in shown.plain
    assert "because " * 100 in window(details.details(approval)).preformatted


SECRETS: JsonObject = {"path": "SECRET-path", "content": "SECRET-content"}
SECRET = Preview("b", "SECRET-words", "--- SECRET-diff\n", "SECRET-broken")


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
    assert "Details" in shown.buttons
    assert ("write_file" in json.dumps(shown.blocks) + shown.text) == (privacy == "summary")
    assert ("content" in shown.plain) == (privacy == "summary")
    if decision is Decision.AWAITING and privacy != "summary":
        assert "A tool call waits for a decision." in shown.plain
        assert shown.text == "A tool call waits for a decision."


def test_arguments_that_nobody_would_leaf_through_are_a_file_above_the_card() -> None:
    content = "".join(f"line {number} and some more words\n" for number in range(60_000))
    approval = request(call=call({"path": "/w/a.txt", "content": content}))
    for privacy, files in (("full", 1), ("summary", 0), ("private", 0)):
        [made] = cards.cards([replace(approval, privacy=privacy)])
        shown = asked(made)
        assert "Details" in shown.buttons
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
        call=call({**WRITE, "content": INVISIBLE}), preview=Preview("b", "", f"--- a\n+++ b\n+{INVISIBLE}\n")
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

        return any(seconds() < most for _ in range(3))

    assert takes(lambda: cards.redrawn([approval]), 0.1)
    assert takes(lambda: details.details(approval), 0.3)
    if approval.decision is Decision.AWAITING:
        assert takes(lambda: cards.cards([approval]), 0.25)


def test_thousands_of_values_are_in_the_file_as_json_one_on_a_line() -> None:
    approval = LARGE["many values"]
    [made] = cards.cards([approval])
    assert "More than 1,000 other arguments are not shown here." in asked(made).plain
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
        diff = f"--- a\n+++ a\n+{content}\n"
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


@settings(max_examples=60, deadline=None)
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
    assert "475 more arguments are not shown here." in asked(made).plain
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
        preview=Preview("b", nasty, f"--- {nasty}\n+{nasty}\n", nasty),
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
ROWS = st.builds(
    request,
    call=CALLS,
    kind=st.sampled_from(CallKind),
    people=st.lists(st.sampled_from(["requester", ALICE, BOB, CAROL, "S0ADMINS"]), min_size=1).map(tuple),
    needed=st.integers(1, 3),
    no_self=st.booleans(),
    privacy=st.sampled_from(["full", "full", "summary", "private"]),
    preview=st.none() | st.builds(Preview, TEXT, TEXT, TEXT, TEXT),
    note=TEXT,
)
ENDINGS = st.tuples(
    st.sampled_from(Decision),
    TEXT,
    st.lists(st.sampled_from([ALICE, BOB, CAROL]), max_size=3).map(tuple),
    st.none() | st.builds(Undo, st.sampled_from(UndoState), st.just(1e9), st.just(BOB), TEXT),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ROWS, ENDINGS), min_size=1, max_size=7))
def test_slack_takes_every_card_in_every_state(
    rows: list[tuple[Approval, tuple[Decision, str, tuple[str, ...], Undo]]],
) -> None:
    approvals = [replace(row, id=f"request-{number:016d}") for number, (row, _) in enumerate(rows)]
    ends = {approval.id: end for approval, (_, end) in zip(approvals, rows, strict=True)}
    for made in cards.cards(approvals):
        asked(made)
        now = [each for each in made.questions if isinstance(each, Approval)]
        assert taken(cards.redrawn(now)).blocks == asked(made).blocks
        for index, approval in enumerate(now):
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
    menu = next(element for element in shown.elements if element["type"] == "overflow")
    for action in actions:
        assert cards.pressed(action) == (cards.named(action["action_id"]), cards.opened(action["value"]))
    for option in menu["options"]:
        name, pressed = cards.pressed({**menu, "selected_option": option})
        assert name == pressed.kind
    one, every, picked = (actions[0]["value"], actions[-1]["value"], menu["options"][0]["value"])
    for action_id, wrong in [
        ("approval.approved", every),
        ("approval.approved", picked),
        ("approval.all.approved", one),
        ("approval.more", one),
    ]:
        for action in ({"value": wrong}, {"selected_option": {"value": wrong}}, {"selected_option": wrong}, {}):
            with pytest.raises(ValueError, match=r".*"):
                cards.pressed({"action_id": action_id, **action})


def test_every_button_of_a_card_has_a_name_that_is_known() -> None:
    shown = card(request(1, call=call({"content": "x" * 9_000})), request(2, kind=CallKind.DID_IT_RUN), request(3))
    names = {cards.named(element["action_id"]) for element in shown.elements}
    assert names == {
        *("approved", "denied", "edit", "always", "details", "more", "it_ran", "run_again", "skipped"),
        *("all.approved", "all.denied"),
    }
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


def test_the_changed_version_is_in_the_place_of_the_edited_one_with_its_own_buttons() -> None:
    approvals = edited_in_place(2, content="changed")
    shown = record(*approvals)
    assert shown.plain.count("Edited by") == 1
    assert "Changed: content." in shown.plain
    assert [number in json.dumps(shown.blocks) for number in (approvals[1].id, approvals[2].id)] == [False, True]
    assert "May I do these 6 things?" in shown.plain


def test_a_message_fits_however_much_longer_its_requests_were_edited_to_be() -> None:
    shown = record(*edited_in_place(1, 2, 3, 4, 5, 6, content="a line of some length\n" * 2_000))
    assert elements.size(shown.blocks) < 13_000
    assert json.dumps(shown.blocks).count("Edited by") == 6
