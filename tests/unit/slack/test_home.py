"""The Home tab, summaries and reminders."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bot.core.budget import Sum
from bot.core.cost_view import DAYS, LISTED, MOST, CostList
from bot.core.identity import SignedIn
from bot.core.questions import missed
from bot.core.questions.grant import Grant
from bot.core.thread_ref import ThreadRef
from bot.core.tools import Preview
from bot.core.usage import By
from bot.core.waiting import OpenTurn, Waiting, WaitingQuestion
from bot.slack.blocks import home, messages
from tests.unit.slack.samples import ALICE, BOB, NASTY, call, nothing_is_forged, request, taken, window

GRANT = Grant(
    id=7,
    user=ALICE,
    thread_id=3,
    place="C0GENERAL",
    tool="filesystem__write_file",
    server="filesystem",
    remote_name="write_file",
    tool_digest="t",
    scope="folder",
    value="/srv/notes",
    created_at=1e9,
    expires_at=1.9e9,
)


def test_without_grants_the_home_says_so() -> None:
    shown = window(home.home([]))
    assert "asks first" in shown.plain
    assert "There are none" in shown.plain


def test_each_grant_is_listed_with_a_button_that_revokes_it() -> None:
    everywhere = replace(GRANT, id=8, thread_id=0, scope="same", value='{"path":"a"}')
    shown = window(home.home([GRANT, everywhere, replace(GRANT, id=9, scope="any")]))
    assert "write_file of filesystem, only inside the folder notes" in shown.plain
    named = window(home.home([replace(GRANT, words="edits to files in notes/")])).plain
    assert "Allowed: edits to files in notes/" in named
    assert "/srv" not in named + shown.plain
    assert 'only with exactly {"path":"a"}' in shown.plain
    assert "in a thread in <#C0GENERAL> · until" in shown.plain
    assert "everywhere, for what you ask" in shown.plain
    assert "with any arguments" in shown.plain
    assert [home.opened_grant(shown.button("Revoke", row)["value"]) for row in range(3)] == [7, 8, 9]
    assert {each["action_id"] for each in shown.elements} == {"grant.revoke"}
    assert all(each["style"] == "danger" and each["confirm"] for each in shown.elements)


def test_an_offer_to_answer_what_was_missed_is_listed_as_what_it_is() -> None:
    asked = missed.question(3, "1.000001", [3], [ALICE], 1e9)
    waits = WaitingQuestion(asked, ThreadRef("T1", "C1", "1.000001", "channel"), 1e9, "1.000002", "C1")
    shown = window(home.home([], Waiting([waits])))
    assert "Shall I still answer what was written while I was offline?" in shown.plain


def test_a_long_list_of_grants_is_counted() -> None:
    shown = window(home.home([replace(GRANT, id=number) for number in range(1, 60)]))
    assert shown.buttons == ["Revoke"] * 30
    assert "and 29 more" in shown.plain


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_grant_forges_a_line_or_calls_anybody(nasty: str) -> None:
    bad = [
        replace(GRANT, remote_name=nasty, server=nasty, value=nasty, place=nasty, scope=scope)
        for scope in ("folder", "same", "any", nasty)
    ]
    shown = window(home.home([replace(grant, id=number) for number, grant in enumerate(bad, start=1)]))
    nothing_is_forged(shown, set())


@pytest.mark.parametrize("value", ["", "7", "{}", '{"g": "7"}', '{"g": true}', '{"g": 0}', '{"g": 7, "x": 1}', "[7]"])
def test_a_grant_value_that_is_none_of_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        home.opened_grant(value)


def test_a_reminder_calls_those_who_may_still_decide_once() -> None:
    approval = request(people=("requester", BOB, "S0ADMINS"), votes=(BOB,), needed=2)
    draft = messages.reminder(approval)
    shown = taken(draft.payload)
    assert (draft.kind, draft.key) == ("notice", f"remind-{approval.id}")
    assert shown.pings == {f"<@{ALICE}>", "<!subteam^S0ADMINS>"}
    assert "this still waits for a decision, until" in shown.plain
    assert "Write file" in shown.plain
    assert "write_file" not in draft.payload
    assert taken(messages.reminder(replace(approval, no_self=True)).payload).pings == {"<!subteam^S0ADMINS>"}
    known = replace(approval, preview=Preview("", "", heading="Replace all of a.txt", title="Write a file"))
    assert "Replace all of a.txt" in taken(messages.reminder(known).payload).plain
    summary = messages.reminder(replace(known, privacy="summary")).payload
    assert "Write a file" in summary
    assert "a.txt" not in summary
    assert "rite" not in messages.reminder(replace(known, privacy="private")).payload.replace("written", "")


@pytest.mark.parametrize("nasty", NASTY)
def test_no_name_of_a_tool_forges_a_line_of_a_reminder_or_calls_anybody(nasty: str) -> None:
    shown = taken(messages.reminder(request(call=replace(call(), remote_name=nasty))).payload)
    assert shown.pings == {f"<@{ALICE}>"}
    assert "\n" not in shown.blocks[0]["text"]["text"]


PLACE = ThreadRef("T1", "C0GENERAL", "1700000000.000100", "channel")
URL = "https://acme.slack.com/"


def waits(**changes: Any) -> WaitingQuestion:
    asked = request(**changes)
    return WaitingQuestion(asked, PLACE, 1e9, "1700000000.000200", PLACE.channel)


def test_the_home_lists_what_waits_with_a_link_and_when_it_ends() -> None:
    shown = window(home.home([], Waiting([waits()]), URL))
    assert "Write file? " in shown.plain
    assert f"in <#C0GENERAL> for <@{ALICE}>" in shown.plain
    assert "https://acme.slack.com/archives/C0GENERAL/p1700000000000200?thread_ts=1700000000.000100" in shown.plain
    assert shown.buttons == []
    assert home.NOTHING_WAITS in window(home.home([])).plain


def test_the_home_names_no_tool_where_the_thread_does_not() -> None:
    shown = window(home.home([], Waiting([waits(privacy="private", call=replace(call(), remote_name="SECRET"))]), URL))
    assert "SECRET" not in json.dumps(shown.blocks)


def test_open_turns_have_a_button_that_stops_them_until_they_are_stopped() -> None:
    turns = [
        OpenTurn(3, PLACE, 1e9, waits_for=request(people=(BOB,))),
        OpenTurn(2, replace(PLACE, channel="D0", kind="im"), 1e9, stopping=True),
        OpenTurn(1, PLACE, 1e9, parked=True),
    ]
    shown = window(home.home([], Waiting(turns=turns), URL))
    assert shown.buttons == ["Stop", "Stop"]
    assert [home.opened_turn(shown.button("Stop", row)["value"]) for row in range(2)] == [3, 1]
    assert f"waits for <@{BOB}>" in shown.plain
    assert "in a direct message" in shown.plain


COSTS = [
    CostList(By.PERSON, [(ALICE, Sum(2.0)), ("B0APP", Sum(0.5)), ("", Sum(0.00001, estimated=1))]),
    CostList(By.CHANNEL, [("C0GENERAL", Sum(2.0)), ("D0ALICE", Sum(0.5, estimated=1)), ("D0BOB", Sum(0.25))]),
    CostList(By.MODEL, [("a/one", Sum(2.0)), ("", Sum(0.005))], Sum(0.495)),
    CostList(By.DAY, [("2026-11-28", Sum(2.5))]),
]


def test_the_home_lists_what_was_spent() -> None:
    shown = window(home.home([], cost_lists=COSTS)).plain.splitlines()
    assert shown[shown.index("Cost") + 1 : shown.index("Standing grants")] == [
        "By person, this month",
        f"<@{ALICE}>: $2.00",
        "the app B0APP: $0.50",
        "somebody: less than $0.0001",
        "By channel, this month",
        "<#C0GENERAL>: $2.00",
        "direct messages: about $0.75",
        "By model, this month",
        "a/one: $2.00",
        "unknown: $0.0050",
        "all others: $0.49",
        "By day, in UTC",
        "2026-11-28: $2.50",
    ]


@pytest.mark.parametrize("nasty", NASTY)
def test_no_name_of_a_model_forges_a_line_or_calls_anybody(nasty: str) -> None:
    shown = window(home.home([], cost_lists=[CostList(by, [(nasty, Sum(1.0))]) for by in By]))
    nothing_is_forged(shown, set())


def test_however_much_waits_the_home_has_room_for_it() -> None:
    grants = [replace(GRANT, id=number) for number in range(1, 60)]
    turns = [OpenTurn(number, PLACE, 1e9) for number in range(1, 11)]
    lists = [CostList(by, [("x", Sum(1.0))] * MOST, Sum(1.0)) for by in LISTED]
    full = home.home(
        grants,
        Waiting([waits()] * 10, True, turns, True),
        URL,
        ["For what you asked: …", "For the whole team: …"],
        connected=[SignedIn(number, ALICE, "notes", "issuer", b"") for number in range(1, 12)],
        servers=["notes: running"] * 20,
        cost_lists=[*lists, CostList(By.DAY, [("2026-11-28", Sum(1.0))] * DAYS)],
    )
    assert len(full["blocks"]) <= 100
    full = home.home(grants, Waiting([waits()] * 10, True, turns, True), URL)
    assert 90 < len(full["blocks"]) <= 100
    assert "more. Revoke some of these" in window(full).plain
