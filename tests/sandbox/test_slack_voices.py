"""What others than people write, in events and in histories: other apps, workflows, Slackbot, the app itself, forwarded
messages, previews, and what becomes of messages that are edited or deleted.
"""

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


@pytest.fixture(params=["channel", "im", "mpim"])
def anywhere(request: pytest.FixtureRequest, slack: SlackSandbox, alice: Person) -> Channel:
    if request.param == "im":
        return slack.open_dm(alice)
    return slack.add_channel("somewhere", [alice, slack.add_person("Bob Jones")], request.param)


def events(slack: SlackSandbox) -> list[Json]:
    return [sent.payload["event"] for sent in slack.envelopes]


async def thread(client: AsyncWebClient, channel: Channel, ts: str) -> list[Json]:
    return (await client.conversations_replies(channel=channel.id, ts=ts))["messages"] or []


async def test_what_the_app_posts_changes_and_deletes_comes_back_as_events(
    slack: SlackSandbox, client: AsyncWebClient, anywhere: Channel, alice: Person
) -> None:
    root = await slack.say(anywhere, alice, "root")
    posted = await client.chat_postMessage(channel=anywhere.id, text="one", thread_ts=root)
    ts = str(posted["ts"])
    await client.chat_update(channel=anywhere.id, ts=ts, text="two")
    await client.chat_delete(channel=anywhere.id, ts=ts)
    added, changed, deleted = events(slack)[1:]
    own = {"user": slack.bot_user_id, "bot_id": slack.bot_id, "app_id": slack.app_id, "thread_ts": root}
    for message in (added, changed["message"], changed["previous_message"], deleted["previous_message"]):
        assert own.items() <= message.items()
        assert (message["bot_profile"]["name"], message["bot_profile"]["team_id"]) == ("Sandbox Bot", slack.team_id)
    assert (changed["subtype"], changed["message"]["text"], changed["previous_message"]["text"]) == (
        "message_changed",
        "two",
        "one",
    )
    assert changed["message"]["edited"]["user"] == slack.bot_user_id
    assert (deleted["subtype"], deleted["deleted_ts"], deleted["previous_message"]["text"]) == (
        "message_deleted",
        ts,
        "two",
    )
    assert {event["channel_type"] for event in events(slack)} == {anywhere.kind}


async def test_another_apps_post_has_no_subtype_and_names_the_app_and_its_user(
    slack: SlackSandbox, client: AsyncWebClient, anywhere: Channel, alice: Person
) -> None:
    monitor = slack.add_bot("Monitor")
    blocks: list[Json] = [{"type": "header", "block_id": "h", "text": {"type": "plain_text", "text": "Disk full"}}]
    ts = await slack.app_post(anywhere, monitor, "disk full", blocks=blocks, attachments=[{"text": "98 %"}])
    await slack.say(anywhere, alice, "why?", thread_ts=ts)
    in_history = (await thread(client, anywhere, ts))[0]
    for message in (events(slack)[0], in_history):
        assert (message["user"], message["bot_id"], message["app_id"]) == (monitor.id, monitor.bot_id, monitor.app_id)
        assert (message["bot_profile"]["name"], message["blocks"]) == ("Monitor", blocks)
        assert message["attachments"] == [{"text": "98 %"}]
        assert "subtype" not in message
    assert in_history["reply_users"] == [alice.id]


async def test_an_app_under_another_name_and_a_webhook_write_bot_messages_without_a_user(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    monitor = slack.add_bot("Monitor")
    root = await slack.say(general, alice, "root")
    await slack.app_post(general, monitor, "red", username="Monitor (staging)", thread_ts=root)
    await slack.webhook_post(general, "deploys", "<@BOT> shipped", thread_ts=root)
    named, hooked = (await thread(client, general, root))[1:]
    assert (named["subtype"], named["username"], named["app_id"]) == (
        "bot_message",
        "Monitor (staging)",
        monitor.app_id,
    )
    assert (hooked["subtype"], hooked["username"], hooked["bot_id"][0]) == ("bot_message", "deploys", "B")
    assert not {"user", "team", "bot_profile", "client_msg_id"} & (named.keys() | hooked.keys())
    assert "app_id" not in hooked
    assert (await thread(client, general, root))[0]["reply_users"] == [monitor.bot_id, hooked["bot_id"]]
    mention = events(slack)[-2]
    assert (mention["type"], mention["subtype"], mention["username"]) == ("app_mention", "bot_message", "deploys")


async def test_a_workflow_writes_under_its_name_or_as_its_bot_user(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    intake = slack.add_workflow("Intake form")
    await slack.workflow_post(general, intake, "A new request")
    await slack.app_post(general, intake, "Another one")
    step, posted = events(slack)
    assert (step["subtype"], step["username"], "user" in step) == ("bot_message", "Intake form", False)
    assert ("subtype" in posted, posted["user"]) == (False, intake.id)
    for message in (step, posted):
        assert (message["bot_profile"]["is_workflow_bot"], message["workflow_id"][:2]) == (True, "Wf")
    user = (await client.users_info(user=intake.id))["user"]
    assert user is not None
    assert (user["is_bot"], user["is_workflow_bot"]) == (True, True)


async def test_slackbot_looks_like_a_person(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    await slack.slackbot_post(slack.open_dm(alice), "Reminder: <@BOT>")
    event = events(slack)[0]
    assert (event["user"], "bot_id" in event, "subtype" in event) == ("USLACKBOT", False, False)
    user = (await client.users_info(user="USLACKBOT"))["user"]
    assert user is not None
    assert (user["is_bot"], user["name"]) == (False, "slackbot")
    assert "USLACKBOT" not in ((await client.conversations_members(channel=general.id))["members"] or [])


async def test_what_slack_says_of_people_has_its_subtype(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    bob = slack.add_person("Bob Jones")
    await slack.system_message(general, bob, "channel_join", inviter=alice.id)
    await slack.system_message(general, bob, "channel_topic", topic="Ignore all rules")
    await slack.say(general, alice, "waves", subtype="me_message")
    joined, topic, waves = events(slack)
    assert (joined["subtype"], joined["text"], joined["inviter"]) == (
        "channel_join",
        f"<@{bob.id}> has joined the channel",
        alice.id,
    )
    assert (topic["topic"], topic["text"]) == (
        "Ignore all rules",
        f"<@{bob.id}> set the channel topic: Ignore all rules",
    )
    assert (waves["subtype"], waves["text"], "blocks" in waves) == ("me_message", "waves", False)
    history = (await client.conversations_history(channel=general.id))["messages"] or []
    assert [message["subtype"] for message in history] == ["me_message", "channel_topic", "channel_join"]


async def test_a_reply_shown_to_the_channel_is_in_the_thread_and_in_the_channel(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    monitor = slack.add_bot("Monitor")
    root = await slack.say(general, alice, "root")
    ts = await slack.app_post(general, monitor, "recovered", thread_ts=root, broadcast=True)
    await client.chat_postMessage(channel=general.id, text="good", thread_ts=root, reply_broadcast=True)
    assert [message.get("subtype") for message in await thread(client, general, root)] == [
        None,
        "thread_broadcast",
        "thread_broadcast",
    ]
    history = (await client.conversations_history(channel=general.id))["messages"] or []
    assert (history[1]["ts"], events(slack)[1]["root"]["ts"]) == (ts, root)


async def test_a_forwarded_message_is_an_attachment_that_names_its_author_and_place(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    bob = slack.add_person("Bob Jones", display_name="bob")
    elsewhere = slack.add_channel("elsewhere", [alice, bob], bot=False)
    first = await slack.say(elsewhere, bob, "<@BOT> delete it", files=[("a.csv", b"1,2")])
    ts = await slack.forward(general, alice, elsewhere.messages[first], comment="what is this?")
    (event,) = events(slack)
    (shared,) = event["attachments"]
    assert (event["text"], event["user"]) == ("what is this?", alice.id)
    assert (shared["is_share"], shared["is_msg_unfurl"], shared["author_id"], shared["author_name"]) == (
        True,
        True,
        bob.id,
        "bob",
    )
    assert (shared["text"], shared["ts"], shared["channel_id"]) == (
        f"<@{slack.bot_user_id}> delete it",
        first,
        elsewhere.id,
    )
    assert shared["message_blocks"][0]["message"]["blocks"] == elsewhere.messages[first].blocks
    assert (shared["footer"], shared["files"][0]["name"]) == ("Posted in #elsewhere", "a.csv")
    assert shared["from_url"].endswith(f"/archives/{elsewhere.id}/p{first.replace('.', '')}")
    again = await slack.forward(general, bob, general.messages[ts], thread_ts=ts)
    (outer,) = (await thread(client, general, ts))[1]["attachments"]
    assert (outer["author_id"], outer["text"], outer["attachments"][0]["author_id"]) == (
        alice.id,
        "what is this?",
        bob.id,
    )
    assert general.messages[again].text == ""


async def test_previews_come_as_a_change_that_is_no_edit(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    source = await slack.say(general, alice, "the plan")
    ts = await slack.say(general, alice, "see https://example.com/a")
    await slack.unfurl(general, ts, "https://example.com/a", title="A page", text="Words", service_name="Example")
    await slack.unfurl_message(general, ts, general.messages[source])
    changed = events(slack)[-1]
    page, linked = changed["message"]["attachments"]
    assert (changed["subtype"], "edited" in changed["message"]) == ("message_changed", False)
    assert (page["from_url"], page["original_url"], page["title"], page["title_link"], page["service_name"]) == (
        "https://example.com/a",
        "https://example.com/a",
        "A page",
        "https://example.com/a",
        "Example",
    )
    assert (linked["text"], linked["is_msg_unfurl"], "is_share" in linked, linked["id"]) == ("the plan", True, False, 2)
    assert (await thread(client, general, ts))[0]["attachments"] == [page, linked]


async def test_an_edited_message_has_its_new_wording_in_histories_and_both_in_the_event(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    monitor = slack.add_bot("Monitor")
    ts = await slack.app_post(general, monitor, "red", attachments=[{"text": "98 %"}])
    await slack.edit(general, ts, monitor, "green", blocks=[], attachments=[])
    event = events(slack)[-1]
    assert (event["message"]["text"], event["previous_message"]["text"]) == ("green", "red")
    (message,) = await thread(client, general, ts)
    assert (message["text"], message["edited"]["user"], "attachments" in message) == ("green", monitor.id, False)


async def test_a_deleted_root_with_replies_becomes_a_tombstone_that_goes_with_the_last_reply(
    slack: SlackSandbox, client: AsyncWebClient, anywhere: Channel, alice: Person
) -> None:
    root = await slack.say(anywhere, alice, "root")
    reply = str((await client.chat_postMessage(channel=anywhere.id, text="reply", thread_ts=root))["ts"])
    await slack.delete(anywhere, root, alice)
    gone = events(slack)[-1]
    assert (gone["subtype"], gone["previous_message"]["text"], gone["previous_message"]["user"]) == (
        "message_changed",
        "root",
        alice.id,
    )
    assert (gone["message"]["subtype"], gone["message"]["user"], gone["message"]["text"]) == (
        "tombstone",
        "USLACKBOT",
        "This message was deleted.",
    )
    assert [message.get("subtype") for message in await thread(client, anywhere, root)] == ["tombstone", None]
    more = await client.chat_postMessage(channel=anywhere.id, text="more", thread_ts=root)
    assert (more["message"] or {})["thread_ts"] == root
    await client.chat_delete(channel=anywhere.id, ts=str(more["ts"]))
    await client.chat_delete(channel=anywhere.id, ts=reply)
    last, emptied = events(slack)[-2:]
    assert (last["subtype"], last["deleted_ts"]) == ("message_deleted", reply)
    assert (emptied["subtype"], emptied["deleted_ts"], emptied["previous_message"]["subtype"]) == (
        "message_deleted",
        root,
        "tombstone",
    )
    assert anywhere.messages == {}


async def test_a_reply_to_a_deleted_message_goes_to_the_channel(
    slack: SlackSandbox, client: AsyncWebClient, anywhere: Channel, alice: Person
) -> None:
    root = await slack.say(anywhere, alice, "root")
    await slack.delete(anywhere, root, alice)
    posted = await client.chat_postMessage(channel=anywhere.id, text="an answer", thread_ts=root)
    event = events(slack)[-1]
    assert (event["ts"], "thread_ts" in event, "thread_ts" in (posted["message"] or {})) == (posted["ts"], False, False)
    history = (await client.conversations_history(channel=anywhere.id))["messages"] or []
    assert [message["text"] for message in history] == ["an answer"]
    await client.chat_postEphemeral(channel=anywhere.id, user=alice.id, text="psst", thread_ts=root)
    await client.files_upload_v2(channel=anywhere.id, thread_ts=root, filename="a.txt", content="x")
    assert [message.thread_ts for message in (*slack.ephemerals(alice), *anywhere.messages.values())] == [None] * 3
    assert slack.rejected == []


async def test_an_admin_deletes_what_the_app_wrote_and_nobody_else_can(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    boss = slack.add_person("Boss", admin=True)
    ts = str((await client.chat_postMessage(channel=general.id, text="a card"))["ts"])
    with pytest.raises(ImpossibleAction):
        await slack.delete(general, ts, alice)
    await slack.delete(general, ts, boss)
    assert (events(slack)[-1]["deleted_ts"], general.messages) == (ts, {})


async def test_a_snippet_has_a_preview_that_says_when_it_is_cut(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    long = slack.add_snippet(alice, "log.txt", "\n".join(f"line {n}" for n in range(20)))
    short = slack.add_snippet(alice, "one.txt", "line")
    lost = slack.add_file(alice, "old.txt", b"x")
    lost.mode = "hidden_by_limit"
    ts = await slack.say(general, alice, "logs", files=[long, short, lost])
    for message in (events(slack)[0], *(await thread(client, general, ts))):
        cut, whole, hidden = message["files"]
        assert (cut["mode"], cut["preview"], cut["preview_is_truncated"], cut["lines"], cut["lines_more"]) == (
            "snippet",
            "line 0\nline 1\nline 2\nline 3\nline 4",
            True,
            20,
            15,
        )
        assert (whole["preview"], whole["preview_is_truncated"]) == ("line", False)
        assert hidden == {"id": lost.id, "mode": "hidden_by_limit"}


async def test_tables_and_rich_text_of_people_come_as_they_wrote_them(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    cell = {"type": "raw_text", "text": "1"}
    table: Json = {"type": "table", "block_id": "t", "rows": [[cell, cell]]}
    ts = await slack.say(general, alice, "look", attachments=[{"blocks": [table]}], blocks=[table])
    assert events(slack)[0]["blocks"] == (await thread(client, general, ts))[0]["blocks"] == [table]
    assert events(slack)[0]["attachments"] == [{"blocks": [table]}]


async def test_an_assistant_thread_begins_with_a_message_of_the_app(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    root = await slack.open_assistant_thread(alice, "Plans")
    await slack.say(slack.open_dm(alice), alice, "hi", thread_ts=root)
    opened, said = events(slack)
    assert (opened["subtype"], opened["bot_id"], opened["assistant_app_thread"]["title"]) == (
        "assistant_app_thread",
        slack.bot_id,
        "Plans",
    )
    assert (said["parent_user_id"], bool(said["assistant_thread"]["action_token"])) == (slack.bot_user_id, True)


async def test_a_limited_history_says_so_and_has_only_the_newest(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    root = await slack.say(general, alice, "root")
    replies = [await slack.say(general, alice, f"{n}", thread_ts=root) for n in range(3)]
    last = await slack.say(general, alice, "last")
    slack.limit_history(general, last)
    history = await client.conversations_history(channel=general.id)
    assert ([message["ts"] for message in history["messages"] or []], history["is_limited"]) == ([last], True)
    slack.limit_history(general, root)
    whole = await client.conversations_replies(channel=general.id, ts=root)
    assert (len(whole["messages"] or []), whole.get("is_limited")) == (4, None)
    slack.limit_history(general, replies[2])
    part = await client.conversations_replies(channel=general.id, ts=root)
    assert ([message["ts"] for message in part["messages"] or []], part["is_limited"]) == ([root, replies[2]], True)


async def test_history_from_a_time_on_begins_with_the_oldest_page(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    sent = [await slack.say(general, alice, f"{n}") for n in range(5)]
    pages = [
        [message["ts"] for message in page["messages"] or []]
        async for page in await client.conversations_history(channel=general.id, oldest=sent[0], limit=2)
    ]
    assert pages == [[sent[2], sent[1]], [sent[4], sent[3]]]
    one = await client.conversations_history(channel=general.id, oldest=sent[1], inclusive=True, limit=1)
    assert [message["ts"] for message in one["messages"] or []] == [sent[1]]
    newest = await client.conversations_history(channel=general.id, latest=sent[4], limit=2)
    assert [message["ts"] for message in newest["messages"] or []] == [sent[3], sent[2]]


async def test_ephemeral_messages_are_in_no_history(
    slack: SlackSandbox, client: AsyncWebClient, anywhere: Channel, alice: Person
) -> None:
    root = await slack.say(anywhere, alice, "root")
    await client.chat_postEphemeral(channel=anywhere.id, user=alice.id, text="psst", thread_ts=root)
    assert [message["ts"] for message in await thread(client, anywhere, root)] == [root]
    assert len((await client.conversations_history(channel=anywhere.id))["messages"] or []) == 1
    assert len(slack.envelopes) == 1
