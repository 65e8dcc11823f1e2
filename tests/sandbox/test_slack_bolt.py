"""A real Bolt app with the SDK's Socket Mode client: mentions, reconnects, clicks."""

from typing import Any

import aiohttp
import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.slack_corpus import CARD

pytestmark = pytest.mark.anyio

Json = dict[str, Any]

DONE: list[Json] = [{"type": "context", "elements": [{"type": "mrkdwn", "text": "Approved"}]}]


async def post_card(slack: SlackSandbox, client: AsyncWebClient, channel: Channel) -> Message:
    ts = str((await client.chat_postMessage(channel=channel.id, text="Delete?", blocks=CARD))["ts"])
    return slack.thread(channel, ts)[0]


async def test_a_mention_is_answered_in_its_thread(
    app: AsyncApp, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    @app.event("app_mention")
    async def answer(event: Json, say: Any) -> None:
        await say(text="hello", thread_ts=event["ts"])

    ts = await slack.say(general, alice, "<@BOT> hi")
    await slack.until(lambda: len(slack.thread(general, ts)) == 2, what="an answer")
    await slack.until(lambda: all(sent.acked_at for sent in slack.envelopes), what="all acknowledged")
    assert [sent.attempts for sent in slack.envelopes] == [1, 1, 1]
    assert slack.rejected == []


async def test_the_sdk_reconnects_after_each_way_to_lose_the_connection(
    app: AsyncApp, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    heard: list[str] = []

    @app.event("app_mention")
    async def hear(event: Json) -> None:
        heard.append(event["text"].split()[-1])

    async def reconnected(after: int) -> None:
        await slack.until(lambda: any(connection.number > after for connection in slack.hub.ready), what="a connection")

    for lose, word in (
        (lambda: slack.disconnect("refresh_requested"), "one"),
        (lambda: slack.hub.drop(abort=False), "two"),
        (lambda: slack.hub.drop(abort=True), "three"),
    ):
        before = max(connection.number for connection in slack.hub.connections)
        lose()
        await reconnected(before)
        await slack.say(general, alice, f"<@BOT> {word}")
        await slack.until(lambda: all(sent.acked_at for sent in slack.envelopes), what=word)
    assert heard == ["one", "two", "three"]


async def test_a_click_brings_the_message_and_a_response_url(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    bodies: list[Json] = []

    @app.action("approve")
    async def approve(ack: Any, body: Json, respond: Any) -> None:
        bodies.append(body)
        await ack()
        await client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text="Approved", blocks=DONE)
        await respond(text="noted", response_type="ephemeral", replace_original=False)

    card = await post_card(slack, client, general)
    before = card.snapshot()
    assert card.buttons == ["Approve", "Deny"]
    assert await slack.click(card, "Approve", by=alice) == {}
    await slack.until(lambda: slack.ephemerals(alice), what="the ephemeral note")
    body = bodies[0]
    assert body["actions"][0]["value"] == "req-1"
    assert (body["actions"][0]["block_id"], body["actions"][0]["text"]["text"]) == ("ask", "Approve")
    assert body["container"] == {
        "type": "message",
        "message_ts": card.ts,
        "channel_id": general.id,
        "is_ephemeral": False,
    }
    assert (body["user"]["id"], body["message"]["ts"], body["state"]) == (alice.id, card.ts, {"values": {}})
    assert (card.plain, card.buttons) == ("Approved", [])
    with pytest.raises(ImpossibleAction, match="no 'Approve' here"):
        await slack.click(card, "Approve", by=alice)
    with pytest.raises(ImpossibleAction):
        await slack.click(before, "Approve", by=alice)
    assert await slack.click_raw(before, "Approve", by=alice) == {}
    assert bodies[1]["actions"][0]["value"] == "req-1"
    forged: Json = {"type": "button", "action_id": "approve", "block_id": "ask", "value": "other", "action_ts": "1.0"}
    await slack.click_raw(card.as_json(), forged, by=alice, channel=general)
    assert bodies[2]["actions"][0]["value"] == "other"


async def test_a_click_that_nobody_acknowledges_has_no_ack(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    slack.hub.ack_timeout = 0.05
    card = await post_card(slack, client, general)
    assert await slack.click(card, "deny", by=alice) is None


async def test_a_person_outside_a_private_channel_cannot_click(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    card = await post_card(slack, client, slack.add_channel("secret", kind="group"))
    with pytest.raises(ImpossibleAction, match="cannot see"):
        await slack.click(card, "Approve", by=alice)


async def test_a_response_url_works_five_times_for_half_an_hour(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    urls: list[str] = []

    @app.action("approve")
    async def approve(ack: Any, body: Json) -> None:
        urls.append(body["response_url"])
        await ack()

    card = await post_card(slack, client, general)
    await slack.click(card, "Approve", by=alice)
    await slack.click(card, "Approve", by=alice)
    async with aiohttp.ClientSession() as session:

        async def use(url: str, **body: Any) -> int:
            async with session.post(url, json=body) as answer:
                return answer.status

        statuses = [await use(urls[0], text=f"{n}", response_type="in_channel") for n in range(6)]
        assert statuses == [200, 200, 200, 200, 200, 404]
        assert await use(urls[1], text="settled", replace_original=True) == 200
        assert (card.plain, card.buttons) == ("settled", [])
        assert await use(urls[1], delete_original=True) == 200
        assert slack.thread(general, card.ts) == []
        slack.advance(1801)
        assert await use(urls[1], text="late") == 404
    assert [call.error for call in slack.rejected] == ["used_url", "expired_url"]


async def test_a_menu_option_is_picked_by_text_or_value(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    picked: list[str] = []

    @app.action("more")
    async def more(ack: Any, action: Json) -> None:
        await ack()
        picked.append(action["selected_option"]["value"])

    menu = {
        "type": "overflow",
        "action_id": "more",
        "options": [{"text": {"type": "plain_text", "text": "Always"}, "value": "always"}],
    }
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "x"}, "accessory": menu}
    ts = str((await client.chat_postMessage(channel=general.id, text="x", blocks=[section]))["ts"])
    await slack.click(slack.thread(general, ts)[0], "more", by=alice, option="Always")
    assert picked == ["always"]
    with pytest.raises(ImpossibleAction, match="no option"):
        await slack.click(slack.thread(general, ts)[0], "more", by=alice, option="Never")


async def test_a_button_for_others_cannot_be_clicked(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    hidden = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "visible_to_user_ids": ["U0NOBODY"]}
    blocks = [{"type": "actions", "elements": [hidden]}]
    ts = str((await client.chat_postMessage(channel=general.id, text="x", blocks=blocks))["ts"])
    with pytest.raises(ImpossibleAction, match="does not see"):
        await slack.click(slack.thread(general, ts)[0], "Go", by=alice)


async def test_an_ephemeral_can_be_clicked_by_its_reader_and_carries_no_message(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    bodies: list[Json] = []

    @app.action("deny")
    async def deny(ack: Any, body: Json) -> None:
        await ack()
        bodies.append(body)

    await client.chat_postEphemeral(channel=general.id, user=alice.id, text="x", blocks=CARD)
    await slack.click(slack.ephemerals(alice)[0], "Deny", by=alice)
    assert ("message" in bodies[0], bodies[0]["container"]["is_ephemeral"]) == (False, True)
    with pytest.raises(ImpossibleAction, match="gone"):
        await slack.click(slack.ephemerals(alice)[0], "Deny", by=slack.add_person("Bob"))
