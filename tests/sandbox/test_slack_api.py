"""The Web API of the sandbox, asked with the SDK's own client."""

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio


async def error_of(call: object) -> str:
    """The error code of a refused call."""
    with pytest.raises(SlackApiError) as refused:
        await call  # type: ignore[misc]
    return str(refused.value.response["error"])


async def test_auth_test_names_the_bot_and_lists_the_scopes(slack: SlackSandbox, client: AsyncWebClient) -> None:
    answer = await client.auth_test()
    assert (answer["user_id"], answer["bot_id"], answer["team_id"]) == (slack.bot_user_id, slack.bot_id, slack.team_id)
    assert answer.headers["x-oauth-scopes"].split(",") == sorted(slack.scopes)


async def test_tokens_are_checked(slack: SlackSandbox, client: AsyncWebClient) -> None:
    assert await error_of(client.auth_test(token="xoxb-wrong")) == "invalid_auth"
    assert await error_of(client.apps_connections_open(app_token=slack.bot_token)) == "not_allowed_token_type"
    assert (
        await error_of(client.chat_postMessage(channel="C1", text="x", token=slack.app_token))
        == "not_allowed_token_type"
    )
    assert await error_of(AsyncWebClient(base_url=slack.api_url).auth_test()) == "not_authed"
    slack.revoke_tokens()
    assert await error_of(client.auth_test()) == "invalid_auth"


async def test_a_missing_scope_is_named(slack: SlackSandbox, client: AsyncWebClient, general: Channel) -> None:
    slack.scopes.discard("chat:write")
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=general.id, text="x")
    assert refused.value.response["error"] == "missing_scope"
    assert refused.value.response["needed"] == "chat:write"
    assert "users:read" in refused.value.response["provided"].split(",")


async def test_history_needs_the_scope_of_its_kind_of_channel(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    group = slack.add_channel("secret", members=[alice], kind="group")
    slack.scopes.discard("groups:history")
    assert await error_of(client.conversations_history(channel=group.id)) == "missing_scope"


async def test_an_unknown_method_is_refused(client: AsyncWebClient) -> None:
    assert await error_of(client.api_call("chat.shout", json={})) == "unknown_method"


async def test_form_and_json_bodies_mean_the_same(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    blocks = '[{"type": "divider"}]'
    await client.api_call("chat.postMessage", data={"channel": general.id, "text": "x", "blocks": blocks})
    async with aiohttp.ClientSession() as session:
        form = {"token": slack.bot_token, "channel": general.id, "text": "x", "blocks": blocks}
        async with session.post(f"{slack.api_url}chat.postMessage", data=form) as answer:
            assert (await answer.json())["ok"] is True
    assert [message.blocks[0]["type"] for message in general.messages.values()] == ["divider", "divider"]
    assert "token" not in slack.calls[-1].args


async def test_what_is_posted_is_stored_escaped_and_can_be_read_back(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    metadata = {"event_type": "turn", "event_payload": {"id": 7}}
    posted = await client.chat_postMessage(channel=general.id, text="a < b & c <!here> &amp;", metadata=metadata)
    assert posted["message"]["text"] == "a &lt; b &amp; c <!here> &amp;"  # type: ignore[index]
    message = slack.thread(general, str(posted["ts"]))[0]
    assert (message.plain, message.pings) == ("a < b & c <!here> &", ["<!here>"])
    with_metadata = await client.conversations_replies(channel=general.id, ts=message.ts, include_all_metadata=True)
    assert with_metadata["messages"][0]["metadata"] == metadata  # type: ignore[index]
    without = await client.conversations_replies(channel=general.id, ts=message.ts)
    assert "metadata" not in without["messages"][0]  # type: ignore[index]


async def test_messages_that_slack_refuses(slack: SlackSandbox, client: AsyncWebClient, general: Channel) -> None:
    c = general.id
    elsewhere = slack.add_channel("elsewhere", bot=False)
    hidden = slack.add_channel("hidden", kind="group", bot=False)
    post = client.chat_postMessage
    assert await error_of(client.api_call("chat.postMessage", json={"channel": c, "text": ""})) == "no_text"
    assert await error_of(post(channel=c, text="x" * 40_001)) == "msg_too_long"
    assert await error_of(post(channel=c, markdown_text="x" * 12_001)) == "msg_too_long"
    assert await error_of(post(channel=c, text="x", markdown_text="x")) == "markdown_text_conflict"
    assert await error_of(post(channel=c, markdown_text="x", blocks=[{"type": "divider"}])) == "markdown_text_conflict"
    assert await error_of(post(channel="C404", text="x")) == "channel_not_found"
    assert await error_of(post(channel=hidden.id, text="x")) == "channel_not_found"
    assert await error_of(post(channel=elsewhere.id, text="x")) == "not_in_channel"
    assert await error_of(post(channel=c, text="x", thread_ts="1.000000")) == "thread_not_found"
    assert await error_of(post(channel=c, text="x", blocks="[{")) == "invalid_blocks_format"
    assert await error_of(post(channel=c, text="x", metadata={"event_type": "x"})) == "invalid_metadata_schema"
    assert await error_of(post(channel=c, text="x", metadata={"event_type": "x", "event_payload": []})) == (
        "invalid_metadata_schema"
    )
    assert await error_of(client.chat_postEphemeral(channel=c, user="U404", text="x")) == "user_not_in_channel"
    assert general.messages == {}
    assert len(slack.rejected) == len(slack.calls) == 13


async def test_an_update_replaces_text_and_blocks(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    ts = str((await client.chat_postMessage(channel=general.id, text="one", blocks=[{"type": "divider"}]))["ts"])
    before = slack.thread(general, ts)[0].snapshot()
    await client.chat_update(channel=general.id, ts=ts, text="two", blocks=[])
    message = slack.thread(general, ts)[0]
    assert (message.text, message.blocks, message.edited is not None) == ("two", [], True)
    assert (before.text, len(before.blocks)) == ("one", 1)


async def test_an_update_with_text_alone_removes_the_blocks_and_keeps_the_attachments(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    attachments = [{"text": "aside", "fallback": "aside"}]
    divider = [{"type": "divider"}]
    posted = await client.chat_postMessage(channel=general.id, text="one", blocks=divider, attachments=attachments)
    ts = str(posted["ts"])
    await client.chat_update(channel=general.id, ts=ts, text="two")
    message = slack.thread(general, ts)[0]
    assert (message.blocks, message.plain) == ([], "two\naside")


async def test_an_update_keeps_the_metadata_unless_an_empty_one_is_given(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    metadata = {"event_type": "turn", "event_payload": {"id": 7}}
    ts = str((await client.chat_postMessage(channel=general.id, text="one", metadata=metadata))["ts"])
    await client.chat_update(channel=general.id, ts=ts, text="two")
    assert slack.thread(general, ts)[0].metadata == metadata
    await client.chat_update(channel=general.id, ts=ts, text="three", metadata={})
    assert slack.thread(general, ts)[0].metadata is None


async def test_a_body_that_is_no_json_object_is_refused(slack: SlackSandbox) -> None:
    headers = {"Authorization": f"Bearer {slack.bot_token}", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        for body, error in (("{", "invalid_json"), ("[]", "json_not_object")):
            async with session.post(f"{slack.api_url}chat.postMessage", data=body) as answer:
                assert (await answer.json())["error"] == error
    assert len(slack.rejected) == 2


async def test_updates_and_deletes_that_slack_refuses(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    hers = await slack.say(general, alice, "mine")
    own = str((await client.chat_postMessage(channel=general.id, text="one"))["ts"])
    assert await error_of(client.chat_update(channel=general.id, ts=hers, text="x")) == "cant_update_message"
    assert await error_of(client.chat_delete(channel=general.id, ts=hers)) == "cant_delete_message"
    assert await error_of(client.chat_update(channel=general.id, ts=own, text="x" * 4001)) == "msg_too_long"
    assert await error_of(client.chat_update(channel=general.id, ts="1.0", text="x")) == "message_not_found"
    await client.chat_delete(channel=general.id, ts=own)
    assert await error_of(client.chat_delete(channel=general.id, ts=own)) == "message_not_found"


async def test_a_deleted_root_leaves_a_tombstone(slack: SlackSandbox, client: AsyncWebClient, general: Channel) -> None:
    root = str((await client.chat_postMessage(channel=general.id, text="root"))["ts"])
    await client.chat_postMessage(channel=general.id, text="reply", thread_ts=root)
    await client.chat_delete(channel=general.id, ts=root)
    messages = (await client.conversations_replies(channel=general.id, ts=root))["messages"]
    assert [message.get("subtype") for message in messages or []] == ["tombstone", None]


async def test_replies_come_in_pages_that_each_begin_with_the_root(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    root = await slack.say(general, alice, "root")
    sent = [await slack.say(general, alice, f"{n}", thread_ts=root) for n in range(5)]
    seen: list[str] = []
    async for page in await client.conversations_replies(channel=general.id, ts=root, limit=2):
        first, *rest = page["messages"] or []
        assert (first["ts"], first["reply_count"], len(rest) <= 2) == (root, 5, True)
        seen += [message["ts"] for message in rest]
    assert seen == sent
    middle = await client.conversations_replies(channel=general.id, ts=root, oldest=sent[1], latest=sent[3])
    assert [message["ts"] for message in middle["messages"][1:]] == [sent[2]]  # type: ignore[index]
    bounds = await client.conversations_replies(
        channel=general.id, ts=root, oldest=sent[1], latest=sent[3], inclusive=True
    )
    assert [message["ts"] for message in bounds["messages"][1:]] == sent[1:4]  # type: ignore[index]
    assert await error_of(client.conversations_replies(channel=general.id, ts="1.0")) == "thread_not_found"
    assert await error_of(client.conversations_replies(channel=general.id, ts=root, cursor="?")) == "invalid_cursor"


async def test_history_is_newest_first_without_replies(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    first = await slack.say(general, alice, "first")
    await slack.say(general, alice, "reply", thread_ts=first)
    shown = await slack.say(general, alice, "shown to all", thread_ts=first, subtype="thread_broadcast")
    messages = (await client.conversations_history(channel=general.id))["messages"] or []
    assert [message["ts"] for message in messages] == [shown, first]


async def test_people_and_channels_can_be_looked_up(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    gone = slack.add_person("Gone", deleted=True)
    guest = slack.add_person("Guest", team_id="T0OTHER")
    other = slack.add_bot("Other")
    assert (await client.users_info(user=alice.id))["user"]["profile"]["display_name"] == "Alice Smith"  # type: ignore[index]
    assert (await client.users_info(user=gone.id))["user"]["deleted"] is True  # type: ignore[index]
    assert (await client.users_info(user=guest.id))["user"]["team_id"] == "T0OTHER"  # type: ignore[index]
    assert (await client.bots_info(bot=other.bot_id))["bot"]["user_id"] == other.id  # type: ignore[index]
    assert await error_of(client.users_info(user="U404")) == "user_not_found"
    members = (await client.users_list())["members"] or []
    assert guest.id not in [member["id"] for member in members]
    assert (await client.conversations_info(channel=general.id))["channel"]["name"] == "general"  # type: ignore[index]
    assert alice.id in ((await client.conversations_members(channel=general.id))["members"] or [])
    opened = await client.conversations_open(users=alice.id)
    assert opened["channel"]["id"] == slack.open_dm(alice).id  # type: ignore[index]
    group = slack.add_usergroup("admins", [alice])
    assert (await client.usergroups_users_list(usergroup=group))["users"] == [alice.id]
    listed = (await client.usergroups_list(include_users=True))["usergroups"] or []
    assert listed[0]["users"] == [alice.id]


async def test_reactions_are_added_once(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    ts = await slack.say(general, alice, "hi")
    await client.reactions_add(channel=general.id, timestamp=ts, name="eyes")
    assert await error_of(client.reactions_add(channel=general.id, timestamp=ts, name="eyes")) == "already_reacted"
    assert slack.thread(general, ts)[0].reactions == {"eyes": [slack.bot_user_id]}
    await client.reactions_remove(channel=general.id, timestamp=ts, name="eyes")
    assert await error_of(client.reactions_remove(channel=general.id, timestamp=ts, name="eyes")) == "no_reaction"


async def test_an_ephemeral_is_seen_by_one_person_and_not_in_the_thread(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    await client.chat_postEphemeral(channel=general.id, user=alice.id, text="only you")
    assert [message.plain for message in slack.ephemerals(alice)] == ["only you"]
    assert general.messages == {}


async def test_a_user_id_as_channel_means_the_direct_message(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    posted = await client.chat_postMessage(channel=alice.id, text="psst")
    assert posted["channel"] == slack.open_dm(alice).id


async def test_a_file_is_uploaded_shared_and_downloaded(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    root = await slack.say(general, alice, "report please")
    done = await client.files_upload_v2(
        channel=general.id, thread_ts=root, filename="report.txt", content="profit", initial_comment="here"
    )
    reply = slack.thread(general, root)[1]
    assert (reply.subtype, reply.plain, reply.files[0].content) == ("file_share", "here", b"profit")
    url = done["file"]["url_private_download"]  # type: ignore[index]
    async with aiohttp.ClientSession() as session:
        async with session.get(url, headers={"Authorization": f"Bearer {slack.bot_token}"}) as answer:
            assert (answer.content_type, await answer.read()) == ("text/plain", b"profit")
        async with session.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
    assert (await client.files_info(file=reply.files[0].id))["file"]["name"] == "report.txt"  # type: ignore[index]


async def test_an_upload_that_was_not_sent_cannot_be_completed(slack: SlackSandbox, client: AsyncWebClient) -> None:
    started = await client.files_getUploadURLExternal(filename="a.txt", length=3)
    files: list[dict[str, str | None]] = [{"id": str(started["file_id"])}]
    assert await error_of(client.files_completeUploadExternal(files=files)) == "file_update_failed"


async def test_rate_limits_are_enforced_when_asked_for() -> None:
    async with SlackSandbox(enforce_rate_limits=True) as slack, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, session=session, retry_handlers=[])
        general = slack.add_channel("general")
        for _ in range(5):
            await client.chat_postMessage(channel=general.id, text="x")
        with pytest.raises(SlackApiError) as limited:
            await client.chat_postMessage(channel=general.id, text="x")
        assert limited.value.response.status_code == 429
        assert int(limited.value.response.headers["Retry-After"]) >= 1
        slack.advance(2)
        await client.chat_postMessage(channel=general.id, text="x")
        assert len(general.messages) == 6
