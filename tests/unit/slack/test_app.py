"""The Bolt app, put together."""

from __future__ import annotations

import inspect
import logging

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
