"""What counts as edited or deleted when a thread is read again."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.outages import RecordedMessage
from bot.core.thread_ref import ThreadRef
from bot.slack.intake.missed_changes import Comparison, Pages
from bot.slack.reading.message import Ourselves

ROOT, FIRST, SECOND = "1000.000001", "1100.000001", "1200.000001"
PLACE = ThreadRef("T1", "C1", ROOT, "channel")
ABOUT = Comparison(PLACE, 1300.5, Ourselves("UBOT"), (), 3600.0)
KNOWN = [RecordedMessage(ts, is_open=False) for ts in (SECOND, FIRST, ROOT)]


def said(ts: str, **more: Any) -> dict[str, Any]:
    return {"type": "message", "ts": ts, "thread_ts": ROOT, "user": "UALICE", "text": "hello", **more}


def deleted(*messages: dict[str, Any], since: float = 900.0, **more: Any) -> list[str]:
    changes = [each for each in ABOUT.changes(KNOWN, Pages(messages, since, **more)) if each is not None]
    assert all(each.now is None for each in changes)
    return [each.ts for each in changes]


def test_what_is_missing_in_a_range_that_was_read_was_deleted() -> None:
    assert deleted(said(ROOT), said(FIRST), said(SECOND)) == []
    assert deleted(said(ROOT), said(SECOND)) == [FIRST]
    assert deleted(said(ROOT)) == [FIRST, SECOND]
    assert deleted(said(ROOT, subtype="tombstone", user="USLACKBOT"), said(FIRST), said(SECOND)) == [ROOT]


@pytest.mark.parametrize(
    ("messages", "more"),
    [
        ([], {}),
        ([said(FIRST)], {}),
        ([said(ROOT)], {"is_limited": True}),
        ([said(ROOT)], {"is_whole": False}),
        ([said(ROOT)], {"since": 1200.000001}),
        ([said(ROOT), {"ts": ["x"]}, {"ts": "x"}, {}], {"is_whole": False}),
    ],
)
def test_what_was_not_read_was_not_deleted(messages: list[dict[str, Any]], more: dict[str, Any]) -> None:
    assert deleted(*messages, **more) == []


def test_up_to_where_pages_reach_what_is_missing_was_deleted() -> None:
    assert deleted(said(ROOT), said(SECOND), is_whole=False) == [FIRST]


def test_an_edit_is_newer_than_events_of_that_second_that_were_sent_before() -> None:
    edited = said(FIRST, text="other", edited={"user": "UALICE", "ts": "1299.000000"})
    unchanged, change, after = ABOUT.changes(KNOWN, Pages([said(ROOT), edited, said(SECOND)], 900.0))
    assert (unchanged, after) == (None, None)
    assert change is not None
    assert change.now is not None
    assert (change.ts, change.at, change.now.text) == (FIRST, "1299.000000", "other")
    assert "1299.000000 1299.700000" < change.now.version < "1300.000000 1300.100000"
    assert not change.now.late


def test_what_could_not_be_compared_is_left_out() -> None:
    pages = Pages([said(ROOT), said(SECOND)], 1150.0)
    assert list(ABOUT.changes(KNOWN, pages)) == [None, None]
