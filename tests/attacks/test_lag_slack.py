"""Whatever Slack delivers, and however much of it: it gets its ack or is left out, and nothing of it holds the loop."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, text
from tests.attacks.conftest import R, action, ask, click, submission, untouched, window
from tests.harness import World

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
LONG = 3_000_000
"""Signs in a payload: with some more its socket closes."""
MAX_PAYLOAD_CHARS = 4_000_000
TEXTS = {
    "letters": "a" * LONG,
    "umlauts": "é" * (LONG // 6),
    "halves": "\ud83d" * (LONG // 6),
    "open mentions": "<@U1|" * (LONG // 5),
    "dots": "." * LONG,
}
_deep: Any = []
for _ in range(400):
    _deep = [_deep]
SHAPES: dict[str, Any] = {
    "values": [[]] * 9_000,
    "names": {f"k{number}": "x" * 200 for number in range(9000)},
    "depth": _deep,
    "long names": {"k" * 100_000 + str(number): 1 for number in range(30)},
}
DISPATCHED = ("id", "type", "callback")
"""What Bolt looks for a listener by. It fails where that is no text, and there is no ack, so Slack sends it again."""


def odd_ones(where: str) -> list[Any]:
    return [*TEXTS.values(), *(() if where in DISPATCHED else SHAPES.values())]


def event(here: World, **fields: Any) -> Json:
    ts = f"{here.tests}.{len(here.slack.envelopes):06d}"
    made = {"type": "message", "channel": here.general.id, "user": here.alice.id, "text": "hi", "ts": ts, **fields}
    known = {"team_id": here.slack.team_id, "api_app_id": here.slack.app_id, "event_id": f"Ev{ts}", "event_time": 1}
    return {"type": "event_callback", **known, "event": made}


EVENTS: dict[str, Callable[[World, Any], Json]] = {
    "text": lambda here, odd: event(here, text=odd),
    "mention": lambda here, odd: event(here, type="app_mention", text=odd),
    "attachment": lambda here, odd: event(here, attachments=[{"text": odd}]),
    "blocks": lambda here, odd: event(here, blocks=odd),
    "files": lambda here, odd: event(here, files=[{"name": odd}]),
    "all files": lambda here, odd: event(here, files=odd),
    "user": lambda here, odd: event(here, user=odd),
    "ts": lambda here, odd: event(here, ts=odd),
    "thread": lambda here, odd: event(here, thread_ts=odd),
    "subtype": lambda here, odd: event(here, subtype=odd),
    "channel": lambda here, odd: event(here, channel=odd),
    "bot": lambda here, odd: event(here, bot_id="B1", text=odd),
    "home": lambda here, odd: event(here, type="app_home_opened", tab="home", user=odd),
    "type": lambda here, odd: event(here, type=odd),
}


LEFT_OUT = "ignored a message from Slack"


async def give(here: World, payload: Json) -> None:
    """Deliver it, and wait until it is dealt with. What is too long for a socket closes it, with us and with Slack."""
    if len(json.dumps(payload)) > MAX_PAYLOAD_CHARS:
        return
    before = here.bot.log.count(LEFT_OUT)
    envelope = await here.slack.deliver(payload)

    def done() -> bool:
        return bool(envelope.acked_at or envelope.given_up) or here.bot.log.count(LEFT_OUT) > before

    await here.until(done, what="the ack", poll=0.01)


@pytest.mark.parametrize("where", EVENTS)
async def test_no_event_holds_the_loop(here: World, where: str) -> None:
    here.errors_expected = True
    here.expected_refusals = ["users.info", "views.publish", "chat.postMessage", "conversations.replies"]
    here.model.respond = lambda _: text("Well.")
    for odd in odd_ones(where):
        await give(here, EVENTS[where](here, odd))


Forge = Callable[[World, Message, Any], Json]
CLICKS: dict[str, Forge] = {
    "value": lambda here, card, odd: click(here, card, action(card, "Approve", value=odd), here.alice),
    "value in JSON": lambda here, card, odd: click(
        here, card, action(card, "Approve", value=json.dumps({"a": odd, "d": odd})), here.alice
    ),
    "id": lambda here, card, odd: click(here, card, action(card, "Approve", action_id=odd), here.alice),
    "id of ours": lambda here, card, odd: click(
        here, card, action(card, "Approve", action_id=f"{action(card, 'Approve')['action_id']}{odd}"), here.alice
    ),
    "message": lambda here, card, odd: click(here, card, action(card, "Edit…", value="x"), here.alice, message=odd),
    "container": lambda here, card, odd: click(
        here, card, action(card, "Approve", value="x"), here.alice, container={"message_ts": odd, "channel_id": odd}
    ),
    "state": lambda here, card, odd: click(
        here, card, action(card, "Approve", value="x"), here.alice, state={"values": odd}
    ),
    "trigger": lambda here, card, odd: click(here, card, action(card, "Edit…"), here.alice, trigger_id=odd),
    "user": lambda here, card, odd: {**click(here, card, action(card, "Approve"), here.alice), "user": {"id": odd}},
    "team": lambda here, card, odd: {**click(here, card, action(card, "Approve", value="x"), here.alice), "team": odd},
}


@pytest.mark.parametrize("where", CLICKS)
async def test_no_click_holds_the_loop(here: World, where: str) -> None:
    here.errors_expected = True
    here.expected_refusals = ["users.info", "chat.postEphemeral", "views.open"]
    ts, card = await ask(here, call(f"{R}note", {"words": "x"}))
    for odd in odd_ones(where):
        await give(here, CLICKS[where](here, card, odd))
    await untouched(here, ts, card)


WINDOWS: dict[str, Callable[[Any], Json]] = {
    "metadata": lambda odd: {"private_metadata": odd},
    "metadata in JSON": lambda odd: {"private_metadata": json.dumps({"a": odd, "d": odd})},
    "state": lambda odd: {"state": odd},
    "values": lambda odd: {"state": {"values": odd}},
    "callback": lambda odd: {"callback_id": odd},
    "hash": lambda odd: {"hash": odd},
}


@pytest.mark.parametrize("where", [*WINDOWS, "fields"])
async def test_no_window_holds_the_loop(here: World, where: str) -> None:
    here.errors_expected = True
    here.expected_refusals = ["users.info", "chat.postEphemeral"]
    _, card = await ask(here, call(f"{R}note", {"words": "x"}))
    view = await window(here, card, "Edit…", here.alice)
    for odd in odd_ones(where):
        made = submission(here, view, here.alice)
        if where == "fields":
            for fields in made["view"]["state"]["values"].values():
                for field in fields.values():
                    field["value"] = odd
        else:
            made["view"] |= WINDOWS[where](odd)
        await give(here, made)
