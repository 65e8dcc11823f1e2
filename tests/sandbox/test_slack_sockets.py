"""Socket Mode as a bare WebSocket sees it: tickets, envelopes, acknowledgements, redelivery."""

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.errors import ConditionTimeout
from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox
from slack_sandbox.sockets import CLOSE_TIMEOUT
from tests.sandbox.link import link

pytestmark = pytest.mark.anyio


async def test_hello_has_the_fields_of_slacks(slack: SlackSandbox) -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(base_url=slack.api_url, session=session)
        opened = await client.apps_connections_open(app_token=slack.app_token)
        async with session.ws_connect(str(opened["url"])) as socket:
            hello = await socket.receive_json()
    assert (hello["type"], hello["num_connections"], hello["connection_info"]) == ("hello", 1, {"app_id": slack.app_id})
    assert {"host", "build_number", "approximate_connection_time"} <= set(hello["debug_info"])


async def test_a_ticket_opens_one_connection(slack: SlackSandbox) -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(base_url=slack.api_url, session=session)
        url = str((await client.apps_connections_open(app_token=slack.app_token))["url"])
        async with session.ws_connect(url):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(url)


async def test_a_mention_is_delivered_as_app_mention_and_as_message(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    async with link(slack) as app:
        ts = await slack.say(general, alice, "<@BOT> a & b")
        frames = [await app.frame(), await app.frame()]
    first, second = (frame["payload"]["event"] for frame in frames)
    assert (first["type"], second["type"], second["channel_type"]) == ("app_mention", "message", "channel")
    assert "channel_type" not in first
    for event in (first, second):
        assert (event["ts"], event["event_ts"], event["channel"], event["user"]) == (ts, ts, general.id, alice.id)
        assert event["text"] == f"<@{slack.bot_user_id}> a &amp; b"
        assert event["blocks"][0]["elements"][0]["elements"] == [
            {"type": "user", "user_id": slack.bot_user_id},
            {"type": "text", "text": " a & b"},
        ]
        assert (event["team"], bool(event["client_msg_id"])) == (slack.team_id, True)
    outer = frames[0]["payload"]
    assert (outer["type"], outer["team_id"], outer["api_app_id"]) == ("event_callback", slack.team_id, slack.app_id)
    assert outer["event_id"].startswith("Ev")
    assert outer["authorizations"][0]["user_id"] == slack.bot_user_id
    assert frames[0]["retry_attempt"] == 0
    assert frames[0]["accepts_response_payload"] is False


async def test_a_direct_message_is_no_app_mention(slack: SlackSandbox, alice: Person) -> None:
    async with link(slack) as app:
        await slack.say(slack.open_dm(alice), alice, "<@BOT> hi")
        event = (await app.frame())["payload"]["event"]
    assert (event["type"], event["channel_type"]) == ("message", "im")
    assert len(slack.envelopes) == 1


async def test_only_subscribed_events_of_the_bots_channels_are_delivered(slack: SlackSandbox, alice: Person) -> None:
    elsewhere = slack.add_channel("elsewhere", [alice], bot=False)
    await slack.say(elsewhere, alice, "<@BOT> hi")
    slack.subscriptions.discard("message.channels")
    slack.scopes.discard("app_mentions:read")
    await slack.say(slack.add_channel("quiet", [alice]), alice, "<@BOT> hi")
    assert slack.envelopes == []


async def test_replies_edits_and_deletes_have_slacks_shapes(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    root = await slack.say(general, alice, "one")
    reply = await slack.say(general, alice, "two", thread_ts=root)
    shown = await slack.say(general, alice, "three", thread_ts=reply, subtype="thread_broadcast")
    await slack.edit(general, reply, alice, "two!")
    await slack.delete(general, shown, alice)
    _, replied, broadcast, changed, deleted = (sent.payload["event"] for sent in slack.envelopes)
    assert (replied["thread_ts"], replied["parent_user_id"]) == (root, alice.id)
    assert (broadcast["subtype"], broadcast["root"]["ts"]) == ("thread_broadcast", root)
    assert (changed["subtype"], changed["message"]["text"], changed["hidden"]) == ("message_changed", "two!", True)
    assert (changed["previous_message"]["text"], changed["message"]["edited"]["user"]) == ("two", alice.id)
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", shown)
    assert [message.ts for message in slack.thread(general, root)] == [root, reply]


async def test_an_edit_that_adds_a_mention_is_delivered_as_app_mention(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    ts = await slack.say(general, alice, "hi")
    await slack.edit(general, ts, alice, "hi <@BOT>")
    events = [sent.payload["event"] for sent in slack.envelopes[1:]]
    assert [event["type"] for event in events] == ["app_mention", "message"]
    assert events[0]["edited"]["user"] == alice.id


async def test_files_bots_and_outsiders_are_marked_as_such(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    other, guest = slack.add_bot("Other"), slack.add_person("Guest", team_id="T0OTHER")
    await slack.say(general, alice, "look", files=[("a.csv", b"1,2")])
    await slack.say(general, other, "beep")
    await slack.say(general, guest, "hello")
    shared, beep, hello = (sent.payload for sent in slack.envelopes)
    assert (shared["event"]["subtype"], shared["event"]["files"][0]["name"]) == ("file_share", "a.csv")
    assert (beep["event"]["bot_id"], beep["event"]["app_id"]) == (other.bot_id, other.app_id)
    assert (hello["event"]["user_team"], hello["is_ext_shared_channel"]) == ("T0OTHER", True)


async def test_the_bots_own_posts_come_back_to_it(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    await client.chat_postMessage(channel=general.id, text="mine")
    event = slack.envelopes[0].payload["event"]
    assert (event["type"], event["bot_id"], event["app_id"]) == ("message", slack.bot_id, slack.app_id)


async def test_what_happens_while_no_connection_is_open_is_never_delivered(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    missed = await slack.say(general, alice, "anybody?")
    assert slack.envelopes[0].lost
    async with link(slack) as app:
        heard = await slack.say(general, alice, "and now?")
        frame = await app.frame()
        await app.ack(frame)
        await slack.until(lambda: slack.envelopes[1].acked_at)
    assert (frame["payload"]["event"]["ts"], frame["retry_attempt"], frame["retry_reason"]) == (heard, 0, "")
    history = await client.conversations_history(channel=general.id)
    assert [message["ts"] for message in history["messages"] or []] == [heard, missed]


async def test_an_interaction_while_no_connection_is_open_fails_at_once(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    slack.hub.ack_timeout = 60
    assert await slack.command(alice, general, "/ask", "why") is None
    assert slack.envelopes[0].lost


async def test_a_retry_that_finds_no_connection_is_used_up(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    slack.hub.ack_timeout = 0.02
    async with link(slack) as app:
        await slack.say(general, alice, "hi")
        await app.frame()
    await slack.until(lambda: slack.envelopes[0].retries >= 2)
    async with link(slack) as app:
        frame = await app.frame()
        assert frame["retry_attempt"] > 1
        await app.ack(frame)
        await slack.until(lambda: slack.envelopes[0].acked_at)
    async with link(slack) as app:
        await slack.say(general, alice, "hi again")
        await app.frame()
    await slack.until(lambda: slack.envelopes[1].given_up)
    assert (slack.envelopes[1].attempts, slack.envelopes[1].retries, slack.envelopes[1].lost) == (1, 3, False)


async def test_offline_no_connection_can_be_opened_and_the_web_api_works(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    open_one = AsyncWebClient(base_url=slack.api_url, retry_handlers=[]).apps_connections_open
    async with link(slack) as app:
        address = str((await open_one(app_token=slack.app_token))["url"])
        async with slack.offline():
            assert (await app.socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            with pytest.raises(aiohttp.ClientError):
                await open_one(app_token=slack.app_token)
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.WSServerHandshakeError):
                    await session.ws_connect(address)
            await client.chat_postMessage(channel=general.id, text="still here")
            await slack.say(general, alice, "and nobody heard it")
    async with link(slack) as app:
        ts = await slack.say(general, alice, "back")
        assert (await app.frame())["payload"]["event"]["ts"] == ts


async def test_offline_the_address_of_a_connection_can_be_held_back_until_the_end(slack: SlackSandbox) -> None:
    open_one = AsyncWebClient(base_url=slack.api_url, retry_handlers=[]).apps_connections_open
    async with slack.offline(hold=True):
        asked = asyncio.ensure_future(open_one(app_token=slack.app_token))
        await slack.until(lambda: any(call.fault == "offline" for call in slack.calls))
        assert not asked.done()
    async with aiohttp.ClientSession() as session, session.ws_connect(str((await asked)["url"])) as socket:
        assert (await socket.receive_json())["type"] == "hello"


async def test_an_unacknowledged_event_is_sent_again_three_times(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    slack.hub.ack_timeout = 0.02
    async with link(slack) as app:
        await slack.say(general, alice, "hi")
        frames = [await app.frame() for _ in range(4)]
        await slack.until(lambda: slack.envelopes[0].given_up)
    assert [(frame["retry_attempt"], frame["retry_reason"]) for frame in frames] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({frame["payload"]["event_id"] for frame in frames}) == 1


async def test_each_envelope_goes_to_one_connection(slack: SlackSandbox, general: Channel, alice: Person) -> None:
    async with link(slack) as one, link(slack) as two:
        for n in range(4):
            await slack.say(general, alice, f"{n}")
        for app in (one, two, one, two):
            await app.ack(await app.frame())
        await slack.until(lambda: all(sent.acked_at for sent in slack.envelopes))
    assert {sent.connection for sent in slack.envelopes} == {1, 2}
    assert [sent.attempts for sent in slack.envelopes] == [1, 1, 1, 1]


@pytest.mark.parametrize("abort", [True, False])
async def test_what_a_lost_connection_did_not_acknowledge_goes_to_another_at_once(
    abort: bool, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    slack.hub.ack_timeout = 60
    async with link(slack) as one, link(slack) as two:
        await slack.say(general, alice, "hi")
        holder = next(connection for connection in slack.hub.connections if connection.unacked)
        other = two if holder.number == 1 else one
        if abort:
            holder.cut()
        else:
            holder.close()
            await (one if other is two else two).socket.close()
        again = await other.frame()
        await other.ack(again)
        await slack.until(lambda: slack.envelopes[0].acked_at)
    assert (again["retry_attempt"], again["retry_reason"], slack.envelopes[0].attempts) == (1, "connection_failed", 2)


@pytest.mark.parametrize("reason", ["refresh_requested", "link_disabled", "too_many_websockets"])
async def test_after_a_disconnect_frame_the_connection_closes(
    reason: str, slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    async with link(slack) as app:
        slack.disconnect(reason)
        await slack.say(general, alice, "hi")
        frame = await app.frame()
        assert (frame["type"], frame["reason"]) == ("disconnect", reason)
        assert (await app.socket.receive()).type is aiohttp.WSMsgType.CLOSE
    await slack.until(lambda: not slack.hub.connections)
    assert slack.envelopes[0].lost


async def test_a_connection_that_does_not_answer_the_close_frame_is_cut(slack: SlackSandbox) -> None:
    async with link(slack):
        slack.disconnect()
        assert slack.hub.connections
        slack.advance(CLOSE_TIMEOUT)
        await slack.until(lambda: not slack.hub.connections)


async def test_a_warned_connection_takes_events_until_there_is_another_and_closes_ten_seconds_later(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    async with link(slack) as old:
        slack.disconnect("warning")
        assert (await old.frame())["reason"] == "warning"
        await slack.say(general, alice, "one")
        assert (await old.frame())["payload"]["event"]["text"] == "one"
        async with link(slack) as new:
            await slack.say(general, alice, "two")
            assert (await new.frame())["payload"]["event"]["text"] == "two"
            slack.advance(9)
            assert len(slack.hub.connections) == 2
            slack.advance(1)
            assert (await old.frame())["reason"] == "refresh_requested"
            assert (await old.socket.receive()).type is aiohttp.WSMsgType.CLOSE
            await slack.until(lambda: len(slack.hub.connections) == 1)


async def test_after_link_disabled_no_connection_can_be_opened(slack: SlackSandbox) -> None:
    async with link(slack):
        slack.disconnect("link_disabled")
    with pytest.raises(SlackApiError):
        await AsyncWebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.app_token)


async def test_an_eleventh_connection_is_sent_away(slack: SlackSandbox) -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient(base_url=slack.api_url, session=session)
        sockets: list[aiohttp.ClientWebSocketResponse] = []
        for _ in range(11):
            opened = await client.apps_connections_open(app_token=slack.app_token)
            sockets.append(await session.ws_connect(str(opened["url"])))
            assert (await sockets[-1].receive_json())["type"] == "hello"
        assert (await sockets[-1].receive_json())["reason"] == "too_many_websockets"
        assert len(slack.hub.ready) == 10
        for socket in sockets:
            await socket.close()


async def test_an_event_can_be_delivered_again(slack: SlackSandbox, general: Channel, alice: Person) -> None:
    async with link(slack) as app:
        await slack.say(general, alice, "hi")
        event_id = slack.envelopes[0].event_id or ""
        await slack.redeliver(event_id, times=2, retry_reason="timeout")
        frames = [await app.frame() for _ in range(3)]
    assert [frame["retry_attempt"] for frame in frames] == [0, 1, 2]
    assert {frame["payload"]["event_id"] for frame in frames} == {event_id}
    with pytest.raises(LookupError, match="no event"):
        await slack.redeliver("Ev404")


async def test_an_interaction_is_never_retried(slack: SlackSandbox, general: Channel, alice: Person) -> None:
    slack.hub.ack_timeout = 0.02
    async with link(slack) as app:
        assert await slack.command(alice, general, "/ask", "why") is None
        frame = await app.frame()
    assert (frame["type"], frame["accepts_response_payload"], frame["payload"]["text"]) == (
        "slash_commands",
        True,
        "why",
    )
    assert (slack.envelopes[0].attempts, slack.envelopes[0].given_up) == (1, True)


async def test_waiting_in_vain_says_what_was_awaited_and_what_happened(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    await slack.say(general, alice, "hello there")
    with pytest.raises(ConditionTimeout, match="a reply") as failed:
        await slack.until(lambda: len(general.messages) > 1, timeout=0.01, what="a reply")
    assert "hello there" in str(failed.value)
    assert isinstance(failed.value, AssertionError | TimeoutError)


async def test_a_condition_outside_the_sandbox_can_be_polled(slack: SlackSandbox) -> None:
    tries: list[int] = []
    await slack.until(lambda: tries.append(1) or len(tries) > 2, timeout=5, poll=0.001)
