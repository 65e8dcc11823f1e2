"""When to press Retry is said in each reader's time zone, and in UTC where there is only plain text."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

import pytest

from bot.core.turn_message import End, TurnMessage
from bot.errors import ModelRateLimited
from bot.slack.blocks.moments import in_utc, localised
from bot.slack.blocks.turn_message import render

AT = datetime(2026, 11, 28, 14, 5, tzinfo=UTC).timestamp()


def test_a_time_is_shown_in_the_reader_s_zone() -> None:
    assert localised("Retry at 2026-11-28T14:05Z, and") == f"Retry at <!date^{int(AT)}^{{time}}|14:05 UTC>, and"
    assert in_utc("Retry at 2026-11-28T14:05Z, and") == "Retry at 14:05 UTC, and"


def test_a_time_on_another_day_has_its_day() -> None:
    shown = f"Retry on <!date^{int(AT)}^{{date_short}} at {{time}}|28 November at 14:05 UTC>."
    assert localised("Retry on 2026-11-28T14:05Z.") == shown
    assert in_utc("Retry on 2026-11-28T14:05Z.") == "Retry on 28 November at 14:05 UTC."


@pytest.mark.parametrize("text", ["", "2026-13-40T99:99Z", "2026-11-28", "0000-00-00T00:00Z", "at 12026-11-28T14:05Z"])
def test_what_is_no_time_stays(text: str) -> None:
    assert localised(text) == in_utc(text) == text


@pytest.mark.parametrize(("seconds", "word"), [(90, "at"), (3600, "at"), (30 * 3600, "on")])
def test_the_sentence_of_a_limit_holds_the_time_rounded_up(seconds: float, word: str) -> None:
    at = time.time() + seconds
    advice = ModelRateLimited("limited", retry_at=at).advice
    (said,) = re.findall(rf"Retry {word} <!date\^(\d+)\^", localised(advice))
    assert 0 <= int(said) - at < 60


def test_the_message_says_it_in_its_blocks_and_in_its_notification() -> None:
    note = "The model's provider is limiting our requests at the moment. Press Retry at 2026-11-28T14:05Z."
    message = TurnMessage(turn=1, end=End.FAILED, note=note)
    shown = render(message, [])
    assert shown is not None
    assert f"<!date^{int(AT)}^{{time}}|14:05 UTC>" in str(shown["blocks"])
    assert shown["text"].endswith("at 14:05 UTC.")
