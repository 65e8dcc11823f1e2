"""Messages of Slack's socket that are not as documented: acknowledged, one line in the log at most, nothing more."""

from __future__ import annotations

import copy
import json
import logging
import random
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from slack_sandbox.journal import Envelope
from slack_sandbox.openrouter import call, text
from tests.attacks.conftest import R, action, ask, body, click, send, submission, window
from tests.harness import World

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

Json = dict[str, Any]
MUTATIONS = 400
BATCH = 50
ACK_SECONDS = 3.0
"""docs.slack.dev/interactivity/handling-user-interaction."""
GONE = object()
NUMBER = "@@a number@@"
"""Stands for what only JSON's text can hold."""
NUMBERS = ("NaN", "-Infinity", "9" * 5_000, "1e400", "[" * 3_000 + "]" * 3_000, '{"id": "U1", "id": 7}')


def nested(depth: int) -> Any:
    made: Any = []
    for _ in range(depth):
        made = [made]
    return made


ODD: tuple[Callable[[Any], Any], ...] = (
    lambda old: GONE,
    lambda old: None,
    lambda old: True,
    lambda old: 0,
    lambda old: -1.5,
    lambda old: 10**40,
    lambda old: "",
    lambda old: "x" * 70_000,
    lambda old: f"{old}\ud800\u202e\0",
    lambda old: "U0NOBODY",
    lambda old: [],
    lambda old: {},
    lambda old: [old],
    lambda old: {"id": old},
    lambda old: {"k" * 70_000: old},
    lambda old: nested(300),
    lambda old: [old] * 200,
    lambda old: NUMBER,
)


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of each value in it."""
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield (*before, key)
        yield from paths(each, (*before, key))


def changed(payload: Json, place: tuple[Any, ...], odd: Callable[[Any], Any]) -> Json:
    """The payload with something odd at this place."""
    made = copy.deepcopy(payload)
    inside: Any = made
    try:
        for key in place[:-1]:
            inside = inside[key]
        new = odd(inside[place[-1]])
        if new is GONE:
            del inside[place[-1]]
        else:
            inside[place[-1]] = new
    except (KeyError, IndexError, TypeError):
        pass
    return made


def mutated(frame: Json) -> list[str]:
    """Messages that are like this one, but for something odd: one thing in each place, then two at random."""
    chance = random.Random(11)  # the same each time
    places = [place for place in paths(frame) if place != ("envelope_id",)]
    one = [changed(frame, place, odd) for place in places for odd in ODD]
    chance.shuffle(one)
    while len(one) < MUTATIONS:
        made = changed(frame, chance.choice(places), chance.choice(ODD))
        one.append(changed(made, chance.choice(places), chance.choice(ODD)))
    return [json.dumps(made).replace(json.dumps(NUMBER), chance.choice(NUMBERS)) for made in one[:MUTATIONS]]


class Lines(logging.Handler):
    """What is logged from warnings on."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@contextmanager
def lines() -> Generator[Lines]:
    handler = Lines()
    logging.getLogger().addHandler(handler)
    try:
        yield handler
    finally:
        logging.getLogger().removeHandler(handler)


async def push(here: World, raw: list[str], frame: Json) -> None:
    """Send messages as they are, and wait until each has got its acknowledgement, or was not for one."""
    hub, waiting = here.slack.hub, list[Envelope]()
    for each in raw:
        known = str(uuid.uuid4())
        envelope = Envelope(known, frame["type"], frame["payload"], accepts_response_payload=False)
        hub._under_way[known] = envelope  # pyright: ignore[reportPrivateUsage]
        hub.connections[0].outbox.put_nowait(each.replace(frame["envelope_id"], known))
        waiting.append(envelope)
    begun = time.monotonic()
    await here.until(lambda: all(each.acked_at for each in waiting), ACK_SECONDS, "the acks", poll=0.002)
    assert time.monotonic() - begun < ACK_SECONDS


def event(here: World, **fields: Any) -> Json:
    made = {"channel": here.general.id, "user": here.alice.id, "event_ts": "1.000001", **fields}
    authorization = {"team_id": here.slack.team_id, "enterprise_id": None, "user_id": here.slack.bot_user_id}
    return {
        "type": "event_callback",
        "team_id": here.slack.team_id,
        "api_app_id": here.slack.app_id,
        "event_id": "Ev0001",
        "event_time": 1,
        "authorizations": [{**authorization, "is_bot": True, "is_enterprise_install": False}],
        "is_ext_shared_channel": False,
        "context_team_id": here.slack.team_id,
        "event": made,
    }


def message(here: World, **fields: Any) -> Json:
    rich = {"type": "rich_text_section", "elements": [{"type": "text", "text": "hi"}]}
    blocks = [{"type": "rich_text", "block_id": "b", "elements": [rich]}]
    files = [{"id": "F1", "name": "a.txt", "mimetype": "text/plain"}]
    attachments = [{"text": "quoted", "fallback": "quoted", "ts": "1.000001", "author_name": "Bob"}]
    said = {"type": "message", "text": "hi", "ts": "1.000002", "thread_ts": "1.000001", "channel_type": "channel"}
    return event(here, **said, blocks=blocks, files=files, attachments=attachments, **fields)


EVENTS: dict[str, Callable[[World], Json]] = {
    "message": message,
    "app_mention": lambda here: event(here, type="app_mention", text=f"<@{here.slack.bot_user_id}> hi", ts="1.000003"),
    "message_changed": lambda here: message(
        here, subtype="message_changed", message={"user": here.alice.id, "ts": "1.000002", "text": "ho"}
    ),
    "app_home_opened": lambda here: event(here, type="app_home_opened", tab="home"),
    "reaction_added": lambda here: event(
        here, type="reaction_added", reaction="eyes", item={"type": "message", "channel": "C1", "ts": "1.000001"}
    ),
}


async def holds(here: World, kind: str, payload: Json) -> None:
    """Whatever is odd about such a message, the bot takes it, says little, and goes on."""
    here.errors_expected = True
    here.expected_refusals = [
        "users.info",
        "views.publish",
        "chat.post",
        "conversations.replies",
        "views.open",
        "agents.sessions",
    ]
    here.model.respond = lambda _: text("Well.")
    frame = {"envelope_id": "id-of-the-envelope", "type": kind, "payload": payload, "accepts_response_payload": False}
    raw = mutated(frame)
    assert len(raw) >= MUTATIONS
    for start in range(0, len(raw), BATCH):
        some = raw[start : start + BATCH]
        with lines() as logged:
            await push(here, some, frame)
        assert [record for record in logged.records if record.exc_info] == []
        said = [record.getMessage() for record in logged.records]
        assert not any("\n" in line for line in said)
        assert max(map(len, said), default=0) < 500
        assert len(said) <= len(some)
    await here.quiet()
    ts = await here.slack.say(here.general, here.alice, "<@BOT> hello")
    await here.reply(ts, "Well.")
    await here.quiet()
    asked = [call.args.get("user") for call in here.slack.calls if call.method == "users.info"]
    assert all(isinstance(user, str) and len(user) <= 32 for user in asked)


@pytest.mark.parametrize("kind", EVENTS)
async def test_no_malformed_event_does_more_than_one_line(here: World, kind: str) -> None:
    await holds(here, "events_api", EVENTS[kind](here))


async def test_no_malformed_click_does_more_than_one_line(here: World) -> None:
    ts, card = await ask(here, call(f"{R}note", {"words": "x"}))
    made = click(here, card, action(card, "Approve"), here.alice, message={"ts": card.ts, "thread_ts": ts})
    await here.slack.click(card, "Deny", by=here.alice)
    await here.until(lambda: here.open_approvals(ts) == 0, what="the denial", poll=0.02)
    await here.quiet()
    await holds(here, "interactive", made)


async def test_no_malformed_window_does_more_than_one_line(here: World) -> None:
    ts, card = await ask(here, call(f"{R}note", {"words": "x"}))
    view = await window(here, card, "Edit…", here.alice)
    await here.slack.click(card, "Deny", by=here.alice)
    await here.until(lambda: here.open_approvals(ts) == 0, what="the denial", poll=0.02)
    await here.quiet()
    await holds(here, "interactive", submission(here, view, here.alice))


OTHERS: dict[str, Callable[[World], Json]] = {
    "view_closed": lambda here: body(
        here, "view_closed", here.alice, view={"id": "V1", "callback_id": "x", "type": "modal"}, is_cleared=False
    ),
    "shortcut": lambda here: body(here, "shortcut", here.alice, callback_id="x", trigger_id="1.2.x"),
    "message_action": lambda here: body(
        here, "message_action", here.alice, callback_id="x", trigger_id="1.2.x", message={"ts": "1.000001"}
    ),
    "block_suggestion": lambda here: body(here, "block_suggestion", here.alice, action_id="x", value="y"),
}


@pytest.mark.parametrize("kind", OTHERS)
async def test_no_other_malformed_interaction_does_more_than_one_line(here: World, kind: str) -> None:
    await holds(here, "interactive", OTHERS[kind](here))


async def test_no_malformed_command_does_more_than_one_line(here: World) -> None:
    command = {
        "command": "/x",
        "text": "y",
        "user_id": here.alice.id,
        "user_name": "alice",
        "team_id": here.slack.team_id,
        "channel_id": here.general.id,
        "trigger_id": "1.2.x",
        "response_url": "http://127.0.0.1:9/x",
        "is_enterprise_install": "false",
    }
    await holds(here, "slash_commands", command)


@pytest.mark.parametrize(
    "raw",
    [
        "x",
        "[]",
        "7",
        '"x"',
        "{",
        "null",
        '{"type": 7}',
        "[" * 100_000,
        '{"envelope_id": 7}',
        '{"type": "disconnected"}',
    ],
)
async def test_what_is_no_envelope_is_one_line(here: World, raw: str) -> None:
    with lines() as logged:
        here.slack.hub.connections[0].outbox.put_nowait(raw)
        await send(here, event(here, type="reaction_added"))
    assert len(logged.records) == 1
    assert "ignored a message from Slack" in logged.records[0].getMessage()


async def test_an_envelope_that_cannot_be_parsed_is_acknowledged(here: World) -> None:
    frame = {"envelope_id": "id-of-the-envelope", "type": "events_api", "payload": event(here, type="message")}
    with lines() as logged:
        await push(here, [json.dumps(frame)[:-1], json.dumps(frame).replace("1,", "NaN,", 1)], frame)
    assert len(logged.records) == 2
