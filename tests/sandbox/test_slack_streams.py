"""Streams, agent sessions and what would ping somebody."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.models.messages.chunk import BlocksChunk, MarkdownTextChunk, PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.web.async_chat_stream import AsyncChatStream
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox import text as texts
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.methods import agents
from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox
from tests.sandbox.slack_corpus import CARD

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
    assert [block["type"] for block in reply.blocks] == ["markdown", "task_card", "markdown", "divider"]
    task = reply.blocks[1]
    assert (task["status"], task["details"]["elements"][0]["elements"][0]["text"]) == ("complete", "ab")
    assert slack.workspace.sessions[(general.id, root)]["status"] == "active"


def task(number: str, title: str, status: str = "in_progress", **more: str) -> TaskUpdateChunk:
    return TaskUpdateChunk(id=number, title=title, status=status, **more)  # type: ignore[arg-type]


async def begun(slack: SlackSandbox, client: AsyncWebClient, person: Person, mode: str) -> tuple[AsyncChatStream, str]:
    """A stream in the person's direct message, and the ts of what it answers."""
    dm = slack.open_dm(person)
    root = await slack.say(dm, person, "tell me")
    return await client.chat_stream(channel=dm.id, thread_ts=root, task_display_mode=mode, buffer_size=1), root


async def test_the_tasks_of_a_plan_are_one_block_where_the_first_one_came(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    stream, root = await begun(slack, client, alice, "plan")
    await stream.append(markdown_text="first ")
    await stream.append(chunks=[task("1", "Read", "in_progress")])
    reply = slack.thread(slack.open_dm(alice), root)[1]
    assert (reply.blocks[1]["type"], reply.blocks[1]["title"]) == ("plan", "Read")
    await stream.append(chunks=[MarkdownTextChunk(text="then"), task("2", "Write")])
    assert reply.blocks[1]["title"] == "Write"
    await stream.append(chunks=[PlanUpdateChunk(title="Two steps"), task("1", "Read", "complete")])
    kept = reply.blocks[1]["block_id"]
    await stream.stop(chunks=[PlanUpdateChunk(title="Done"), task("2", "Write", "complete")])
    assert [block["type"] for block in reply.blocks] == ["markdown", "plan", "markdown"]
    plan = reply.blocks[1]
    assert (plan["title"], plan["block_id"]) == ("Done", kept)
    assert [(card["title"], card["status"]) for card in plan["tasks"]] == [("Read", "complete"), ("Write", "complete")]


async def test_a_plans_title_changes_nothing_in_a_timeline(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    stream, root = await begun(slack, client, alice, "timeline")
    await stream.append(chunks=[PlanUpdateChunk(title="A plan"), task("1", "Read")])
    await stream.stop()
    assert [block["type"] for block in slack.thread(slack.open_dm(alice), root)[1].blocks] == ["task_card"]


async def test_what_a_stream_is_refused_is_not_in_it(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    stream, root = await begun(slack, client, alice, "timeline")
    for _ in range(3):
        await stream.append(markdown_text="x" * 12_000)
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await stream.append(markdown_text="y" * 3_001)
    reply = slack.thread(slack.open_dm(alice), root)[1]
    assert (len(reply.text), "y" in reply.text) == (36_000, False)
    await client.chat_stopStream(channel=reply.channel, ts=reply.ts, markdown_text="z")
    assert reply.text.endswith("xz")


async def test_a_stream_takes_no_more_than_12000_characters_a_call_however_they_are_divided(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    stream, root = await begun(slack, client, alice, "timeline")
    half = MarkdownTextChunk(text="x" * 6_000)
    with pytest.raises(SlackApiError, match="msg_too_long"):
        await stream.append(chunks=[half, half, MarkdownTextChunk(text="y")])
    await stream.append(chunks=[half, half])
    assert len(slack.thread(slack.open_dm(alice), root)[1].text) == 12_000


async def test_titles_and_details_have_no_more_than_256_characters(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    stream, _ = await begun(slack, client, alice, "timeline")
    await stream.append(chunks=[task("1", "x" * 256, details="x" * 256)])
    for more in (task("1", "x" * 257), task("1", "x", details="x" * 257)):
        with pytest.raises(SlackApiError, match="invalid_chunks"):
            await client.chat_appendStream(
                channel=slack.open_dm(alice).id, ts=str(stream_ts(slack, alice)), chunks=[more]
            )


def stream_ts(slack: SlackSandbox, person: Person) -> str:
    """The timestamp of the only stream in the person's direct message."""
    messages = slack.open_dm(person).messages.values()
    [found] = [message.ts for message in messages if message.stream is not None]
    return found


async def test_a_message_holds_45_tasks(slack: SlackSandbox, client: AsyncWebClient, alice: Person) -> None:
    stream, root = await begun(slack, client, alice, "timeline")
    await stream.append(chunks=[task(str(number), "Read") for number in range(45)])
    with pytest.raises(SlackApiError, match="msg_blocks_too_many"):
        await stream.append(chunks=[task("45", "Read")])
    assert len(slack.thread(slack.open_dm(alice), root)[1].blocks) == 45


async def test_a_task_is_pending_in_plans_only(slack: SlackSandbox, client: AsyncWebClient, alice: Person) -> None:
    stream, root = await begun(slack, client, alice, "timeline")
    with pytest.raises(SlackApiError, match="invalid_chunks"):
        await stream.append(chunks=[task("1", "Read", "pending")])
    dm = slack.open_dm(alice)
    bare = {"type": "task_update", "id": "1", "title": "Read"}
    ts = str((await client.chat_startStream(channel=dm.id, thread_ts=root, chunks=[bare]))["ts"])
    assert slack.thread(dm, root)[-1].blocks[0]["status"] == "in_progress"
    await client.chat_stopStream(channel=dm.id, ts=ts)
    plan, root = await begun(slack, client, alice, "plan")
    await plan.append(chunks=[task("1", "Read", "pending")])
    assert slack.thread(dm, root)[1].blocks[0]["tasks"][0]["status"] == "pending"


async def test_a_plan_and_task_cards_outside_of_it_exclude_each_other(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    loose = {"type": "task_card", "task_id": "9", "title": "Loose"}
    planned = {"type": "plan", "title": "Planned", "tasks": [loose]}
    dm = slack.open_dm(alice)
    for mode, other in (("plan", loose), ("timeline", planned)):
        stream, _ = await begun(slack, client, alice, mode)
        await stream.append(chunks=[task("1", "Read")])
        with pytest.raises(SlackApiError, match="invalid_blocks"):
            await stream.stop(blocks=[other])
    with pytest.raises(SlackApiError, match="exclude each other"):
        await client.chat_postMessage(channel=dm.id, text="x", blocks=[loose, planned])
    await client.chat_postMessage(channel=dm.id, text="x", blocks=[planned])


async def test_nothing_is_appended_after_the_stop_and_a_task_that_was_on_its_way_keeps_spinning(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    stream, root = await begun(slack, client, alice, "timeline")
    await stream.append(chunks=[task("1", "Read")])
    dm, ts = slack.open_dm(alice), stream_ts(slack, alice)
    slack.faults.add("chat.appendStream", "slow", seconds=0.05)
    late = asyncio.create_task(client.chat_appendStream(channel=dm.id, ts=ts, chunks=[task("1", "Read", "complete")]))
    await slack.until(lambda: slack.calls[-1].method == "chat.appendStream", what="the append")
    await client.chat_stopStream(channel=dm.id, ts=ts, markdown_text="Done.")
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await late
    reply = slack.thread(dm, root)[1]
    assert (reply.streaming, reply.blocks[0]["status"]) == (False, "in_progress")
    await client.chat_update(channel=dm.id, ts=ts, text="Done.", blocks=[CARD[0]])


async def test_a_stream_has_no_previews_of_links(slack: SlackSandbox, client: AsyncWebClient, alice: Person) -> None:
    stream, _ = await begun(slack, client, alice, "timeline")
    await stream.stop(markdown_text="See https://example.com")
    with pytest.raises(ImpossibleAction, match="no previews"):
        await slack.unfurl(slack.open_dm(alice), stream_ts(slack, alice), "https://example.com")


async def test_a_stream_is_closed_with_50_blocks_at_most(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    stream, root = await begun(slack, client, alice, "timeline")
    await stream.append(markdown_text="x")
    dm, ts = slack.open_dm(alice), stream_ts(slack, alice)
    with pytest.raises(SlackApiError, match="invalid_blocks"):
        await client.chat_stopStream(channel=dm.id, ts=ts, blocks=[{"type": "divider"}] * 51)
    assert slack.thread(dm, root)[1].streaming, "a stop that is refused changes nothing"
    await client.chat_stopStream(channel=dm.id, ts=ts, blocks=[{"type": "divider"}] * 50)


async def test_streams_and_updates_have_their_tiers_when_asked_for(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    dm = slack.open_dm(alice)
    root = await slack.say(dm, alice, "tell me")
    slack.enforce_rate_limits(True)

    async def limited(call: Callable[[], Awaitable[Any]]) -> bool:
        try:
            await call()
        except SlackApiError as error:
            return error.response.status_code == 429 and int(error.response.headers["Retry-After"]) > 0
        return False

    async def until_limited(call: Callable[[], Awaitable[Any]]) -> int:
        """How many calls Slack takes at once."""
        taken = 0
        while not await limited(call):
            taken += 1
        return taken

    assert await until_limited(lambda: client.chat_startStream(channel=dm.id, thread_ts=root)) == 20
    there = [message.ts for message in slack.thread(dm, root) if message.streaming]
    appended = await until_limited(lambda: client.chat_appendStream(channel=dm.id, ts=there[0], markdown_text="x"))
    stopping = iter([*there, there[0]])
    stopped = await until_limited(lambda: client.chat_stopStream(channel=dm.id, ts=next(stopping)))
    updated = await until_limited(lambda: client.chat_update(channel=dm.id, ts=there[0], text="y"))
    assert (appended, stopped, updated) == (100, 20, 50)
    slack.advance(60)
    assert await until_limited(lambda: client.chat_startStream(channel=dm.id, thread_ts=root)) == 20


async def test_a_button_in_a_stream_can_be_pressed(
    app: AsyncApp, slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    pressed: list[str] = []

    @app.action("approve")
    async def approve(ack: Any, action: dict[str, Any]) -> None:
        await ack()
        pressed.append(action["block_id"])

    stream, root = await begun(slack, client, alice, "timeline")
    await stream.append(chunks=[BlocksChunk(blocks=CARD)])
    reply = slack.thread(slack.open_dm(alice), root)[1]
    await slack.click(reply, "Approve", by=alice)
    assert (pressed, all(block["block_id"] for block in reply.blocks)) == (["ask"], True)


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
    with pytest.raises(ImpossibleAction, match="no Stop button"):
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


async def test_a_title_is_given_once_and_changed_by_renaming(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    dm = slack.open_dm(alice)
    root = await slack.say(dm, alice, "work")
    place: Any = {"channel_id": dm.id, "thread_ts": root}
    first = await client.agents_sessions_setStatus(**place, status="processing", title="One")
    again = await client.agents_sessions_setStatus(**place, status="active", title="Two")
    assert (first["title"], again["title"], again["status"]) == ("One", "One", "active")
    assert (await client.agents_sessions_rename(**place, title="Three"))["title"] == "Three"


async def test_a_title_that_a_person_changes_is_told(slack: SlackSandbox, alice: Person) -> None:
    dm = slack.open_dm(alice)
    slack.events.session_renamed(alice, dm, "1.000000", "New", "Old")
    slack.events.session_renamed(alice, dm, "1.000000", "First", "")
    changed, given = [sent.payload["event"] for sent in slack.envelopes]
    assert changed == {
        "type": "agent_session_title_changed",
        "user": alice.id,
        "channel": dm.id,
        "team_id": slack.team_id,
        "thread_ts": "1.000000",
        "title": "New",
        "previous_title": "Old",
        "event_ts": changed["event_ts"],
    }
    assert "previous_title" not in given


async def test_a_status_ends_with_the_apps_next_post_in_its_thread(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    root, other = await slack.say(general, alice, "one"), await slack.say(general, alice, "two")
    await client.assistant_threads_setStatus(channel_id=general.id, thread_ts=root, status="is thinking…")
    await slack.say(general, alice, "hurry", thread_ts=root)
    await client.chat_postMessage(channel=general.id, thread_ts=other, text="elsewhere")
    assert list(slack.workspace.statuses) == [(general.id, root)]
    await client.chat_postMessage(channel=general.id, thread_ts=root, text="here")
    assert slack.workspace.statuses == {}


async def test_a_status_ends_by_itself_after_a_while(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert agents.STATUS_LIFETIME == 120
    monkeypatch.setattr(agents, "STATUS_LIFETIME", 0.02)
    root = await slack.say(general, alice, "one")
    await client.assistant_threads_setStatus(channel_id=general.id, thread_ts=root, status="is thinking…")
    await slack.until(lambda: not slack.workspace.statuses, what="the end of the status")


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
