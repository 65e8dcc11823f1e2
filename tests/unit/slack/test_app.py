"""The Bolt app, put together."""

from __future__ import annotations

import inspect
import json
import logging
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp

from bot.slack import app

pytestmark = pytest.mark.anyio


async def test_bolt_gets_a_name_that_costs_nothing_and_is_not_that_of_our_loggers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without one it goes through all modules: most of the CPU of a start after the loading. And with ours it sets the
    level of all that the bot logs."""

    def stack() -> None:
        raise AssertionError("a look through the stack, and for that through all modules")

    async def hear() -> None:
        pass

    def register(made: AsyncApp) -> None:
        made.message("hello")(hear)

    monkeypatch.setattr(inspect, "stack", stack)
    monkeypatch.setattr(logging.getLogger("slack_bolt"), "level", logging.WARNING)
    these = app.clients("http://127.0.0.1:9/", "xoxb-1", "xapp-1")
    try:
        app.bolt(these, register)
        assert logging.getLogger("bot").level == logging.NOTSET
    finally:
        await these.session.close()


def envelope(event: dict[str, Any], kind: str = "events_api") -> str:
    return json.dumps({"envelope_id": "E1", "type": kind, "payload": {"event": event}})


@pytest.mark.parametrize(
    ("message", "acked"),
    [
        (envelope({"type": "message", "bot_id": "B1", "text": "done"}), "E1"),
        (envelope({"type": "message", "bot_id": "B2", "text": "of B1"}), ""),
        (envelope({"type": "message", "bot_id": "B2", "text": "of B1", "app_id": "B1"}), ""),
        (envelope({"type": "app_mention", "bot_id": "B1"}), "E1"),
        (envelope({"type": "message", "user": "U1", "text": '{"bot_id": "B1"}'}), ""),
        (envelope({"type": "message", "user": "U1", "message": {"bot_id": "B1"}}), ""),
        (envelope({"type": "app_home_opened", "bot_id": "B1"}), ""),
        (envelope({"type": "message", "bot_id": "B1"}, "interactive"), ""),
        ('{"bot_id"', ""),
        ('["bot_id"]', ""),
        ('"bot_id"', ""),
    ],
)
def test_only_what_we_have_posted_is_acked_unread(message: str, acked: str) -> None:
    assert app._own_post(message, "B1") == acked  # pyright: ignore[reportPrivateUsage]
