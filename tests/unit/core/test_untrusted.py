"""Untrusted values are sanitized so that the database and every provider accept them."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core import untrusted
from bot.slack.intake.messages import incoming
from bot.slack.reading.message import Ourselves

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([2**63, -(2**63), 10**30, 10**400]),
    st.floats(),
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(["\ud800", "\0", "C1", "U1", "1700000000.000001", "x" * 200_000]),
)
ANYTHING = st.recursive(ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
EVENT_KEYS = ("type", "subtype", "user", "channel", "channel_type", "ts", "thread_ts", "text", "files", "attachments")
OURSELVES = Ourselves("UBOT")
EVENT = {"type": "message", "user": "U1", "channel": "C1", "ts": "1700000000.000001", "text": "hi"}


def kept(*values: object) -> tuple[Any, ...]:
    """Return the values after a round trip through SQLite."""
    connection = sqlite3.connect(":memory:")
    row = connection.execute(f"SELECT {', '.join('?' * len(values))}", values).fetchone()
    connection.close()
    return tuple(row)


@given(ANYTHING)
def test_the_database_stores_any_sanitized_value_unchanged(value: object) -> None:
    read = (untrusted.count(value), untrusted.amount(value), untrusted.text(value, 100))
    assert kept(*read) == read
    assert read[0] >= 0
    assert 25 * read[0] < 2**63


@given(ANYTHING)
def test_any_value_is_serialized_as_standard_json(value: object) -> None:
    def no_constant(name: str) -> None:
        raise AssertionError(name)

    text = untrusted.dumps(value)
    json.loads(text.encode("utf-8"), parse_constant=no_constant)


def test_a_valid_value_is_not_changed() -> None:
    assert (untrusted.count(7), untrusted.count(7.9), untrusted.amount(0.25)) == (7, 7, 0.25)
    assert untrusted.text("naïve 😀\n") == "naïve 😀\n"
    assert untrusted.text("\ud83d\ude00 half \ud83d") == "😀 half \N{REPLACEMENT CHARACTER}"
    assert untrusted.dumps({"a": [1, 0.5, None, "é"]}) == '{"a":[1,0.5,null,"é"]}'
    assert untrusted.parsed("{") is untrusted.parsed(None) is None


@settings(max_examples=40)
@given(st.dictionaries(st.sampled_from(EVENT_KEYS), ANYTHING), ANYTHING, ANYTHING)
def test_any_event_of_slack_is_read_as_a_valid_message_or_ignored(
    event: dict[str, Any], team: Any, event_id: Any
) -> None:
    for body in ({"event": event}, {"event": {**EVENT, **event}, "team_id": team, "event_id": event_id}, event):
        message = incoming(body, OURSELVES)
        if message is not None:
            place = message.place
            values = (place.team, place.channel, place.thread_ts, place.kind, message.event_id, message.user)
            assert kept(*values, message.ts, message.text, message.body, message.label, message.post)
            assert float(message.ts) > 0 or message.ts.strip("0.") == ""
            assert len(message.text) < 110_000


def test_an_ordinary_message_is_read_unchanged() -> None:
    event = {**EVENT, "files": [{}, 5], "attachments": [{}, 5]}
    message = incoming({"team_id": "T1", "event_id": "Ev1", "event": event}, OURSELVES)
    assert message is not None
    assert (message.text, message.body, list(message.files)) == ("hi", "", [])
    assert (message.place.team, message.event_id, message.place.thread_ts) == ("T1", "Ev1", message.ts)
