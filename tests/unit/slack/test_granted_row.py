"""What people see in a thread of standing grants: the record of a call under one, and the card with which it was
given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core import turn_message as turn_messages
from bot.core.calls import CallOutcome
from bot.core.json_text import JsonObject
from bot.core.questions import granted
from bot.core.questions.granted import GrantedCall
from bot.core.questions.question import Approval, Decision, Undo, UndoState
from bot.core.questions.scope import FOLDER, Offer
from bot.core.questions.suggestion import CoveringGrants, Suggestion, loads
from bot.core.tools import Preview
from bot.core.turn_message import MAX_BLOCKS, RECORD_STEPS, End, Step, StepState, TurnMessage, grown, recorded
from bot.slack.blocks import turn_message
from tests.unit.slack.samples import BOB, NASTY, call, decided, ended, nothing_is_forged, request, taken
from tests.unit.slack.test_home import GRANT

KEPT = GrantedCall(7, "Edited archive2.txt", "archive2.txt", "+1", "Alice")
SUMMARY = GrantedCall(7, "Edited a file", by="Alice")
MESSAGE = TurnMessage(1, end=End.ANSWERED, records=1)
HELD = replace(GRANT, words="edits to archive2.txt")
DIFF = Preview("b", "", diff="--- a\n+++ a\n@@ -0,0 +1 @@\n+new\n")
OFFERED = Undo(UndoState.OFFERED, 1.9e9)


def record(**more: Any) -> Approval:
    fields: dict[str, Any] = {
        "kind": granted.GRANTED,
        "body": KEPT.dumps(),
        "call": replace(ended(CallOutcome.OK), why=granted.why(HELD)),
        "grant": HELD,
        "preview": DIFF,
        "undo": OFFERED,
    }
    return decided(Decision.APPROVED, **{**fields, **more})


def body(*about: Approval, message: TurnMessage = MESSAGE) -> JsonObject:
    drawn = turn_message.render(message, about)
    assert drawn is not None
    return drawn


def shown(*about: Approval) -> Any:
    return taken(body(*about))


def test_a_call_under_a_grant_is_one_line_with_its_diff_undo_and_revoke() -> None:
    seen = shown(record())
    assert "Edited archive2.txt +1 · allowed by Alice until " in seen.plain
    assert seen.buttons[:3] == ["Diff", "Undo", "Revoke"]
    assert body(record())["text"] == "Edited archive2.txt +1"
    [bold] = [each for each in body(record())["blocks"][0]["elements"][0]["elements"] if each.get("style")]
    assert bold["text"] == "archive2.txt"
    assert seen.pings == set(), "nobody is called for it"


@pytest.mark.parametrize(
    ("more", "buttons", "words"),
    [
        ({"preview": None}, ["Details", "Undo", "Revoke"], "allowed by Alice"),
        ({"undo": None}, ["Diff", "Revoke"], "allowed by Alice"),
        ({"undo": Undo(UndoState.UNDOING, by=BOB)}, ["Diff", "Revoke"], "being undone by"),
        ({"undo": Undo(UndoState.UNDONE, by=BOB)}, ["Diff", "Revoke"], "undone by"),
        ({"undo": Undo(UndoState.REFUSED, words="It has changed since")}, ["Diff", "Revoke"], "It has changed since"),
        ({"grant": replace(HELD, ended="revoked")}, ["Diff", "Undo"], "revoked"),
        ({"grant": replace(HELD, ended="expired")}, ["Diff", "Undo"], "expired"),
        ({"grant": None}, ["Diff", "Undo"], "allowed by Alice"),
        ({"privacy": "summary", "body": SUMMARY.dumps()}, ["Details", "Undo", "Revoke"], "Edited a file · allowed"),
        ({"privacy": "private"}, ["Details", "Undo", "Revoke"], "Used a tool"),
    ],
)
def test_a_record_has_the_buttons_that_still_do_something(more: dict[str, Any], buttons: list[str], words: str) -> None:
    seen = shown(record(**more))
    assert [each for each in seen.buttons if each in ("Diff", "Details", "Undo", "Revoke")] == buttons
    assert words in seen.plain
    if "privacy" in more:
        assert "archive2" not in seen.plain + str(body(record(**more))["text"])


def test_the_card_says_what_was_allowed_with_it_and_until_when() -> None:
    seen = shown(decided(Decision.APPROVED, grant=HELD))
    assert "Allowed from now on: edits to archive2.txt ·\nin this thread · until " in seen.plain
    assert "Revoke" in seen.buttons
    over = shown(decided(Decision.APPROVED, grant=replace(HELD, thread_id=0, ended="revoked")))
    assert "everywhere, for requests by the same person · revoked since" in over.plain
    assert "Revoke" not in over.buttons
    assert "from now on" not in shown(decided(Decision.APPROVED)).plain


NOTES = Offer(FOLDER, "/srv/w/notes", "files in notes/")
SUGGESTED = CoveringGrants("edits to", "edits", [NOTES], made=Suggestion(NOTES, 3, 2)).dumps()


def test_the_card_suggests_a_grant_with_a_button_until_one_is_given() -> None:
    seen = shown(decided(Decision.APPROVED, body=SUGGESTED, grants=True))
    assert "You approved 3 edits in notes/. Allow these for a week? It would have covered" in seen.plain
    assert "Allow for a week" in seen.buttons
    for other in (
        decided(Decision.APPROVED, body=SUGGESTED, grants=True, grant=HELD),
        decided(Decision.APPROVED, body=SUGGESTED, grants=False),
        decided(Decision.DENIED, body=SUGGESTED, grants=True),
        decided(Decision.APPROVED, body=SUGGESTED, grants=True, privacy="summary"),
        decided(Decision.APPROVED, body=replace(loads(SUGGESTED), made=None).dumps(), grants=True),
    ):
        assert "Allow for a week" not in shown(other).buttons
        assert "notes/" not in shown(other).plain


def test_records_and_requests_of_a_message_have_buttons_of_their_own() -> None:
    seen = body(*(record(id=f"record-{number}" * 2) for number in range(12)), request())
    names = [each["action_id"] for block in seen["blocks"] for each in block.get("elements", ()) if "action_id" in each]
    assert len(names) == len(set(names))
    taken(seen)


def test_a_part_full_of_records_is_taken_by_slack() -> None:
    message = TurnMessage(1)
    long = GrantedCall(7, "E" * 200, "E" * 200, "+9,999 −9,999", "A" * 80).dumps()
    while message.takes_record():
        [message] = recorded(message)
    assert message.records == MAX_BLOCKS // RECORD_STEPS
    while message.takes(Step("1", "t", StepState.DONE)):
        [message] = grown(message, [Step(str(message.size), "t" * 200, StepState.DONE)])
    taken(body(*(record(id=f"{number:032}", body=long) for number in range(message.records)), message=message))
    closed, following = recorded(message)
    assert (closed.end, following.records, following.number) == (End.CONTINUED, 1, 2)
    assert turn_messages.loads(turn_messages.dumps(following)) == following


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_record_forges_a_line_or_calls_anybody(nasty: str) -> None:
    kept = GrantedCall(7, nasty, nasty, nasty, nasty).dumps()
    nothing_is_forged(shown(record(body=kept, undo=Undo(UndoState.REFUSED, words=nasty))), set())
    given = decided(Decision.APPROVED, call=call({}), grant=replace(HELD, words=nasty, ended=nasty))
    nothing_is_forged(shown(given), shown(decided(Decision.APPROVED, call=call({}))).pings)


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_suggestion_forges_a_line_or_calls_anybody(nasty: str) -> None:
    offer = Offer(FOLDER, "/w", f"files in {nasty}")
    made = CoveringGrants(nasty, nasty, [offer], made=Suggestion(offer, 3, 0)).dumps()
    seen = shown(decided(Decision.APPROVED, call=call({}), body=made, grants=True))
    nothing_is_forged(seen, shown(decided(Decision.APPROVED, call=call({}))).pings)


def test_what_another_version_has_kept_is_read_as_far_as_it_goes() -> None:
    assert granted.loads(KEPT.dumps()) == KEPT
    assert granted.loads("") == GrantedCall(0)
    assert granted.loads('{"grant": "x", "title": 7, "more": 1}') == GrantedCall(0, "7")


def test_only_calls_that_a_grant_lets_run_are_recorded() -> None:
    ran = replace(ended(CallOutcome.OK), why="grant 7 of U1")
    assert granted.grant_of(ran) == (7, "U1")
    assert granted.is_recorded(ran)
    for other in (
        replace(ran, why='rule "grant 7 of U1" (line 3)'),
        replace(ran, approval="request-1"),
        replace(ran, outcome=CallOutcome.ERROR),
    ):
        assert not granted.is_recorded(other)
