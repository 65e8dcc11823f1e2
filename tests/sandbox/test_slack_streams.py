"""Streams, agent sessions and what would ping somebody."""

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox import text as texts
from bot.sandbox.errors import ImpossibleAct
from bot.sandbox.model import Channel, Person
from bot.sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio


async def test_a_stream_grows_and_ends_as_a_message(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    root = await slack.say(general, alice, "tell me")
    stream = await client.chat_stream(
        channel=general.id, thread_ts=root, recipient_user_id=alice.id, recipient_team_id=slack.team_id, buffer_size=1
    )
    await stream.append(markdown_text="**hello ")
    reply = slack.thread(general, root)[1]
    assert (reply.streaming, reply.plain) == (True, "**hello ")
    await stream.append(chunks=[TaskUpdateChunk(id="1", title="Read", status="in_progress", details="a")])
    await stream.append(chunks=[TaskUpdateChunk(id="1", title="Read", status="complete", details="b")])
    await stream.stop(markdown_text="world**", blocks=[{"type": "divider"}], session_status="active")
    assert (reply.streaming, reply.text) == (False, "**hello world**")
    assert [block["type"] for block in reply.blocks] == ["task_card", "markdown", "divider"]
    assert (reply.blocks[0]["status"], reply.blocks[0]["details"]) == ("complete", "ab")
    assert slack.workspace.sessions[(general.id, root)]["status"] == "active"


async def test_a_stream_expires_after_five_minutes(slack: SlackSandbox, client: AsyncWebClient, alice: Person) -> None:
    dm = slack.open_dm(alice)
    root = await slack.say(dm, alice, "tell me")
    ts = str((await client.chat_startStream(channel=dm.id, thread_ts=root, markdown_text="x"))["ts"])
    with pytest.raises(SlackApiError, match="streaming_state_conflict"):
        await client.chat_update(channel=dm.id, ts=ts, text="y")
    slack.advance(301)
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await client.chat_appendStream(channel=dm.id, ts=ts, markdown_text="y")
    await client.chat_update(channel=dm.id, ts=ts, text="y")


async def test_an_expired_stream_can_be_updated_without_another_append(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    dm = slack.open_dm(alice)
    root = await slack.say(dm, alice, "tell me")
    ts = str((await client.chat_startStream(channel=dm.id, thread_ts=root, markdown_text="x"))["ts"])
    slack.advance(301)
    await client.chat_update(channel=dm.id, ts=ts, text="y")
    assert slack.thread(dm, ts)[1].plain == "y"


async def test_a_stream_in_a_channel_needs_its_recipient(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    root = await slack.say(general, alice, "tell me")
    with pytest.raises(SlackApiError, match="missing_recipient_user_id"):
        await client.chat_startStream(channel=general.id, thread_ts=root)
    with pytest.raises(SlackApiError, match="missing_recipient_team_id"):
        await client.chat_startStream(channel=general.id, thread_ts=root, recipient_user_id=alice.id)


async def test_stop_is_offered_while_a_session_is_processing(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    dm = slack.open_dm(alice)
    root = await slack.say(dm, alice, "work")
    with pytest.raises(ImpossibleAct, match="no Stop button"):
        await slack.press_stop(dm, root, alice)
    await client.agents_sessions_setStatus(channel_id=dm.id, thread_ts=root, status="processing", title="Work")
    ts = str((await client.chat_startStream(channel=dm.id, thread_ts=root, markdown_text="x"))["ts"])
    await slack.press_stop(dm, root, alice)
    event = slack.envelopes[-1].payload["event"]
    assert (event["type"], event["thread_ts"], event["streaming_message_ts"]) == ("agent_session_stopped", root, [ts])
    assert slack.workspace.sessions[(dm.id, root)] == {"title": "Work", "status": "processing"}
    await client.agents_sessions_rename(channel_id=dm.id, thread_ts=root, title="Other")
    slack.subscriptions.discard("agent_session_stopped")
    answer = await client.agents_sessions_setStatus(channel_id=dm.id, thread_ts=root, status="active")
    assert answer["warning"] == "missing_agent_session_stopped_event_subscription"
    for bad in ({"status": "busy"}, {"status": "active", "title": "x" * 201}):
        with pytest.raises(SlackApiError, match="invalid_arguments"):
            await client.agents_sessions_setStatus(channel_id=dm.id, thread_ts=root, **bad)


async def test_the_older_assistant_methods_still_answer(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    dm = slack.open_dm(alice)
    root = await slack.say(dm, alice, "work")
    await client.assistant_threads_setStatus(channel_id=dm.id, thread_ts=root, status="is thinking")
    await client.assistant_threads_setTitle(channel_id=dm.id, thread_ts=root, title="Work")
    prompts = [{"title": "Hi", "message": "Say hi"}]
    await client.assistant_threads_setSuggestedPrompts(channel_id=dm.id, thread_ts=root, prompts=prompts)
    assert slack.workspace.prompts == {}
    await client.assistant_threads_setSuggestedPrompts(channel_id=dm.id, prompts=prompts)
    assert slack.workspace.prompts[dm.id]["prompts"] == prompts
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await client.assistant_threads_setSuggestedPrompts(channel_id=dm.id, prompts=prompts * 5)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("a & b < c > d", "a &amp; b &lt; c &gt; d"),
        ("<@U1> &amp; <!here>", "<@U1> &amp;amp; <!here>"),
        ("<script>", "&lt;script&gt;"),
        ("<https://example.com|x>", "<https://example.com|x>"),
        ("<@lower>", "&lt;@lower&gt;"),
    ],
)
def test_what_people_type_is_escaped(typed: str, stored: str) -> None:
    assert texts.as_typed(typed) == stored


@pytest.mark.parametrize(
    ("posted", "stored"),
    [
        ("a &amp; b & c", "a &amp; b &amp; c"),
        ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
        ("<!channel> &lt;!channel&gt;", "<!channel> &lt;!channel&gt;"),
    ],
)
def test_what_apps_post_keeps_its_entities(posted: str, stored: str) -> None:
    assert texts.as_posted(posted) == stored


def test_pings_are_found_where_slack_would_act_on_them() -> None:
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": "<!channel> &lt;!here&gt;"}},
        {"type": "header", "text": {"type": "plain_text", "text": "<!everyone>"}},
        {"type": "markdown", "text": "<@U2|bob>"},
        {
            "type": "rich_text",
            "elements": [{"type": "rich_text_section", "elements": [{"type": "user", "user_id": "U3"}]}],
        },
    ]
    found = texts.pings("<!subteam^S1|@admins> @channel", blocks)
    assert found == ["<!subteam^S1>", "<!channel>", "<@U2>", "<@U3>"]
    assert texts.pings("@channel", [], link_names=True) == ["<!channel>"]
