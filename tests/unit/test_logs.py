"""Log lines: both formats say the same, and no secret is in either."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from bot import log_events
from bot.core.thread import ThreadState, Turn
from bot.core.thread_ref import ThreadRef
from bot.core.transaction import Usage
from bot.logs import Formatter

LONG = "sk-or-v1-0123456789"


def line(message: str, *arguments: object, secrets: tuple[str, ...] = (LONG,), as_json: bool = False) -> str:
    record = logging.LogRecord("bot.app", logging.WARNING, __file__, 1, message, arguments, None)
    return Formatter(secrets, as_json=as_json).format(record)


@pytest.mark.parametrize("as_json", [False, True])
def test_a_long_secret_is_taken_out_wherever_it_stands(as_json: bool) -> None:
    said = line("refused: key=%sx and Bearer %s.", LONG, LONG, as_json=as_json)
    assert LONG not in said
    assert "key=[secret]x and Bearer [secret]." in said


@pytest.mark.parametrize("as_json", [False, True])
def test_a_short_secret_is_taken_out_as_a_word_and_left_within_words(as_json: bool) -> None:
    said = line("the latest test-run: Bearer test, key=test; contest", secrets=("test",), as_json=as_json)
    assert "the latest test-run: Bearer [secret], key=[secret]; contest" in said


@pytest.mark.parametrize("as_json", [False, True])
def test_credentials_of_people_are_taken_out_where_something_names_them(as_json: bool) -> None:
    said = line(
        "Bearer eyJhbGciOi.abc-def_123 and {'access_token': 'abcdefghij0123456789'} code=abcdefghij0123456789x",
        as_json=as_json,
    )
    assert "eyJ" not in said
    assert "0123456789" not in said
    assert "exit code 1" in line("exit code 1", as_json=as_json)


def test_a_short_secret_does_not_break_the_json() -> None:
    said = json.loads(line("hello", secrets=("warning", "message", "bot"), as_json=True))
    assert (said["level"], said["logger"], said["message"]) == ("warning", "bot.app", "hello")


def test_a_secret_that_is_quoted_in_json_is_taken_out_too() -> None:
    said = line("sent %s", 'sk-"or"-0123456789', secrets=('sk-"or"-0123456789',), as_json=True)
    assert json.loads(said)["message"] == "sent [secret]"


@pytest.mark.parametrize("as_json", [False, True])
def test_secrets_in_an_exception_are_taken_out(as_json: bool) -> None:
    try:
        raise ValueError(LONG)
    except ValueError as error:
        record = logging.LogRecord("bot.app", logging.ERROR, __file__, 1, "failed", (), (type(error), error, None))
    said = Formatter((LONG,), as_json=as_json).format(record)
    assert "ValueError: [secret]" in said
    assert LONG not in said


def ended(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    turn = Turn(
        3, "U1", steps=2, seconds=1.26, usage=Usage(10, 5, 4, 0.0012345678), model="some model/x", others=("U2",)
    )
    state = ThreadState(7, ThreadRef("T1", "C1", "17.5", "channel"), last_position=4, last_role="assistant", turn=turn)
    with caplog.at_level(logging.INFO, logger="bot.log_events"):
        log_events.turn_ended(turn, state, 1, "answered")
    return caplog.records[-1]


FIELDS: dict[str, Any] = {
    "turn": 3,
    "thread": 7,
    "team": "T1",
    "channel": "C1",
    "thread_ts": "17.5",
    "people": "U1,U2",
    "outcome": "answered",
    "model": "some model/x",
    "steps": 2,
    "calls": 1,
    "prompt_tokens": 10,
    "completion_tokens": 5,
    "cached_tokens": 4,
    "cost": 0.001235,
    "seconds": 1.3,
}


def test_the_fields_of_an_event_stand_in_its_text(caplog: pytest.LogCaptureFixture) -> None:
    said = Formatter((), as_json=False).format(ended(caplog))
    assert said.endswith(
        "bot.log_events: turn ended turn=3 thread=7 team=T1 channel=C1 thread_ts=17.5 people=U1,U2 outcome=answered"
        ' model="some model/x" steps=2 calls=1 prompt_tokens=10 completion_tokens=5 cached_tokens=4 cost=0.001235'
        " seconds=1.3"
    )


def test_no_field_can_begin_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    turn = Turn(3, "U1", model="x\n2026 INFO ready\u2028as\u202e")
    state = ThreadState(7, ThreadRef("T1", "C1", "17.5", "channel"), last_position=4, last_role="assistant", turn=turn)
    with caplog.at_level(logging.INFO, logger="bot.log_events"):
        log_events.turn_ended(turn, state, 0, "answered")
    said = Formatter((), as_json=False).format(caplog.records[-1])
    assert 'model="x\\n2026 INFO ready\\u2028as\\u202e"' in said
    assert len(said.splitlines()) == 1


def test_the_fields_of_an_event_are_keys_in_json(caplog: pytest.LogCaptureFixture) -> None:
    said = json.loads(Formatter((), as_json=True).format(ended(caplog)))
    assert said.pop("time")
    assert said == {"level": "info", "logger": "bot.log_events", "message": "turn ended", **FIELDS}
