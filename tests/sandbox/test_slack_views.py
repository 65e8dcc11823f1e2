"""Modals and the Home tab, with a real Bolt app."""

import asyncio
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.slack_corpus import CARD, FORM

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def test_a_modal_is_opened_checked_and_closed(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    states: list[Json] = []

    @app.action("approve")
    async def edit(ack: Any, body: Json) -> None:
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    @app.view("form")
    async def submitted(ack: Any, view: Json) -> None:
        states.append(view["state"]["values"])
        if view["state"]["values"]["path"]["value"]["value"] == "/":
            await ack(response_action="errors", errors={"path": "not the root"})
        else:
            await ack()

    ts = str((await client.chat_postMessage(channel=general.id, text="Delete?", blocks=CARD))["ts"])
    await slack.click(slack.thread(general, ts)[0], "Approve", by=alice)
    view = (await slack.until(lambda: slack.modals(alice), what="the modal"))[0]
    assert (view.callback_id, "Path" in view.plain) == ("form", True)
    with pytest.raises(ImpossibleAction, match="required"):
        await slack.submit(alice, view, {})
    await slack.submit(alice, view, {"path": {"value": "/"}, "mode": {"value": "Write"}})
    assert (view.errors, view.open) == ({"path": "not the root"}, True)
    assert await slack.submit(alice, view, {"path": {"value": "a.txt"}}) == {}
    assert slack.modals(alice) == []
    assert states[0]["mode"]["value"]["selected_option"]["value"] == "w"
    assert states[1]["mode"]["value"] == {"type": "static_select", "selected_option": None}
    assert slack.rejected == []


async def test_an_acknowledgement_that_slack_would_refuse_is_recorded(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    @app.view("form")
    async def submitted(ack: Any) -> None:
        await ack(response_action="errors", errors={"nowhere": "x"})

    await client.views_open(trigger_id=slack.new_trigger(alice), view=FORM)
    await slack.submit(alice, slack.modals(alice)[0], {"path": {"value": "x"}})
    assert [call.method for call in slack.rejected] == ["view_submission acknowledgement"]


async def test_closing_a_modal_is_told_when_asked_for(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    closed = asyncio.Event()

    @app.view_closed("form")
    async def on_close(ack: Any) -> None:
        await ack()
        closed.set()

    await client.views_open(trigger_id=slack.new_trigger(alice), view={**FORM, "notify_on_close": True})
    await slack.close_modal(alice, slack.modals(alice)[0])
    await asyncio.wait_for(closed.wait(), 5)
    assert slack.modals(alice) == []


async def test_triggers_expire_and_are_spent_once(slack: SlackSandbox, client: AsyncWebClient, alice: Person) -> None:
    spent, late = slack.new_trigger(alice), slack.new_trigger(alice)
    await client.views_open(trigger_id=spent, view=FORM)
    slack.advance(3.1)
    for trigger in (spent, late, "1.2.3"):
        with pytest.raises(Exception, match="trigger_id"):
            await client.views_open(trigger_id=trigger, view=FORM)
    assert [call.error for call in slack.rejected] == [
        "exchanged_trigger_id",
        "expired_trigger_id",
        "invalid_arguments",
    ]


async def test_views_are_updated_pushed_and_published(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    opened = await client.views_open(trigger_id=slack.new_trigger(alice), view=FORM)
    first: Json = opened["view"] or {}
    await client.views_update(view_id=first["id"], hash=first["hash"], view={**FORM, "callback_id": "other"})
    assert slack.modals(alice)[0].callback_id == "other"
    with pytest.raises(Exception, match="hash_conflict"):
        await client.views_update(view_id=first["id"], hash=first["hash"], view=FORM)
    await client.views_publish(user_id=alice.id, view={"type": "home", "blocks": CARD})
    home = slack.home(alice)
    assert home is not None
    assert "Delete" in home.plain
    await slack.open_home(alice)
    event = slack.envelopes[-1].payload["event"]
    assert (event["type"], event["tab"], event["view"]["id"]) == ("app_home_opened", "home", home.id)
