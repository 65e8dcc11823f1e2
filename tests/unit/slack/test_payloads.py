"""What Slack leaves empty in an event counts as missing: an optional id never costs a message."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.slack.intake.messages import incoming
from bot.slack.intake.payloads import Envelope, read
from bot.slack.reading.message import Ourselves

Json = dict[str, Any]
EVENT: Json = {"type": "message", "channel": "C1", "user": "U1", "ts": "1700000000.000100", "text": "<@UBOT> hello"}
OPTIONAL = (
    *("thread_ts", "event_ts", "parent_user_id", "bot_id", "app_id", "team", "user_team", "source_team", "subtype"),
    *("channel_type", "user_id", "channel_id", "deleted_ts", "tab", "root", "assistant_thread"),
)
OUTER = ("event_id", "team_id", "enterprise_id", "context_team_id", "context_enterprise_id", "api_app_id")
GIVEN = ("team_id", "enterprise_id", "user_id", "is_enterprise_install")


def addressed(event: Json, **outer: object) -> bool:
    payload = {"type": "event_callback", "team_id": "T1", "event": event, **outer}
    found = read(json.dumps({"envelope_id": "e-1", "type": "events_api", "payload": payload}))
    assert isinstance(found, Envelope), found
    message = incoming(found.payload, Ourselves("UBOT"))
    return message is not None and message.addressed


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("key", OPTIONAL)
def test_an_empty_field_of_a_message_is_a_missing_one(key: str, empty: object) -> None:
    assert addressed({**EVENT, key: empty})


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("key", OUTER)
def test_an_empty_field_beside_an_event_is_a_missing_one(key: str, empty: object) -> None:
    assert addressed(EVENT, **{key: empty})


@pytest.mark.parametrize("empty", ["", None])
@pytest.mark.parametrize("key", GIVEN)
def test_an_empty_field_of_an_authorization_is_a_missing_one(key: str, empty: object) -> None:
    whole = {"team_id": "T1", "enterprise_id": "E1", "user_id": "UBOT", "is_enterprise_install": False}
    assert addressed(EVENT, authorizations=[{**whole, key: empty}])


@pytest.mark.parametrize("key", ["type", "channel", "ts"])
def test_without_what_every_message_has_there_is_none(key: str) -> None:
    payload = {"type": "event_callback", "team_id": "T1", "event": {**EVENT, key: ""}}
    found = read(json.dumps({"envelope_id": "e-1", "type": "events_api", "payload": payload}))
    assert not isinstance(found, Envelope) or found.kind == ""
