"""Calls of the Web API that Slack takes, and calls that it refuses with the code it gives.

A case is of the method that is its key; its limit is on that method's page below docs.slack.dev/reference/methods, or
on docs.slack.dev/interactivity/handling-user-interaction for `response_url`. What holds for every method is on
docs.slack.dev/authentication/tokens and docs.slack.dev/apis/web-api. The pages do not give a code for everything that
they forbid: `invalid_arguments` stands for the rest, and `invalid_blocks` for what is wrong with blocks.

A text of the form `$name` stands for a thing that `tests.sandbox.slack_things.Things` makes when a case needs it.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.sandbox.slack_corpus import CARD, FORM, actions, button, modal, raw, section, table, text_input

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its arguments, the code it is refused with ("" when it is taken), its token, a scope to do without."""

    args: Json
    error: str = ""
    reason: str = ""
    token: str = "$bot_token"
    without: tuple[str, ...] = ()


def at(channel: str, **more: Any) -> Json:
    """Arguments with a channel."""
    return {"channel": channel, **more}


IN_THREAD = {"channel": "$general", "thread_ts": "$hers"}
FOR_ALICE = {**IN_THREAD, "recipient_user_id": "$alice", "recipient_team_id": "$team"}
STREAM = {"channel": "$dm", "ts": "$stream"}
SESSION = {"channel_id": "$general", "thread_ts": "$hers"}
TASK = {"type": "task_update", "id": "1", "title": "Read", "status": "in_progress"}
PROMPT = {"title": "Hello", "message": "Say hello"}
HOME = {"type": "home", "blocks": CARD}


def chunk(**more: Any) -> Json:
    """Arguments of appendStream with one task chunk."""
    return {**STREAM, "chunks": [{**TASK, **more}]}


@dataclass(frozen=True, slots=True)
class Cases:
    """The cases of a method, by name."""

    taken: dict[str, Call] = field(default_factory=dict[str, Call])
    refused: dict[str, Call] = field(default_factory=dict[str, Call])


CALLS: dict[str, Cases] = {
    "auth.test": Cases(
        {"who am I": Call({})},
        {
            "no token": Call({}, "not_authed", token=""),
            "unknown token": Call({}, "invalid_auth", token="xoxb-wrong"),
        },
    ),
    "auth.teams.list": Cases(
        {"the workspaces": Call({"limit": 1000})},
        {
            "limit as a word": Call({"limit": "all"}, "invalid_limit"),
            "unknown cursor": Call({"cursor": "?"}, "invalid_cursor"),
        },
    ),
    "apps.connections.open": Cases(
        {"a socket": Call({}, token="$app_token")},
        {"bot token for a socket": Call({}, "not_allowed_token_type")},
    ),
    "chat.shout": Cases({}, {"unknown method": Call({}, "unknown_method")}),
    "chat.postMessage": Cases(
        {
            "text": Call(at("$general", text="x")),
            "text of 40000": Call(at("$general", text="x" * 40_000)),
            "markdown of 12000": Call(at("$general", markdown_text="x" * 12_000)),
            "blocks without text": Call(at("$general", blocks=CARD)),
            "blocks as text": Call(at("$general", blocks='[{"type": "divider"}]')),
            "attachment": Call(at("$general", attachments=[{"text": "x", "blocks": [section()]}])),
            "reply shown to all": Call({**IN_THREAD, "text": "x", "reply_broadcast": True}),
            "metadata": Call(at("$general", text="x", metadata={"event_type": "t", "event_payload": {"a": 1}})),
            "a person as channel": Call(at("$alice", text="x")),
            "direct message": Call(at("$dm", text="x")),
        },
        {
            "no channel": Call({"text": "x"}, "channel_not_found"),
            "unknown channel": Call(at("C404", text="x"), "channel_not_found"),
            "private channel of others": Call(at("$hidden", text="x"), "channel_not_found"),
            "public channel of others": Call(at("$elsewhere", text="x"), "not_in_channel"),
            "archived channel": Call(at("$archived", text="x"), "is_archived"),
            "app token": Call(at("$general", text="x"), "not_allowed_token_type", token="$app_token"),
            "missing scope": Call(at("$general", text="x"), "missing_scope", without=("chat:write",)),
            "no content": Call(at("$general"), "no_text"),
            "empty text": Call(at("$general", text=""), "no_text"),
            "text of spaces": Call(at("$general", text=" \n "), "no_text"),
            "text of 40001": Call(at("$general", text="x" * 40_001), "msg_too_long"),
            "markdown of 12001": Call(at("$general", markdown_text="x" * 12_001), "msg_too_long"),
            "markdown and text": Call(at("$general", text="x", markdown_text="x"), "markdown_text_conflict"),
            "markdown and blocks": Call(at("$general", markdown_text="x", blocks=CARD), "markdown_text_conflict"),
            "unknown thread": Call(at("$general", text="x", thread_ts="1.000000"), "thread_not_found"),
            "blocks that are no JSON": Call(at("$general", text="x", blocks="[{"), "invalid_blocks_format"),
            "blocks of an object": Call(at("$general", text="x", blocks=CARD[0]), "invalid_blocks_format"),
            "51 blocks": Call(at("$general", text="x", blocks=[section()] * 51), "invalid_blocks", "no more than 50"),
            "two tables": Call(
                at("$general", text="x", blocks=[table([raw()])] * 2), "invalid_attachments", "only_one_table_allowed"
            ),
            "too much text in the blocks": Call(
                at("$general", text="x", blocks=[section("x" * 3000)] * 5), "msg_blocks_too_long"
            ),
            "101 attachments": Call(at("$general", attachments=[{"text": "x"}] * 101), "too_many_attachments"),
            "attachments of an object": Call(at("$general", attachments={"text": "x"}), "invalid_attachments"),
            "broken blocks in an attachment": Call(
                at("$general", attachments=[{"blocks": [section("")]}]), "invalid_attachments"
            ),
            "metadata without a payload": Call(
                at("$general", text="x", metadata={"event_type": "t"}), "invalid_metadata_schema"
            ),
            "metadata of a text": Call(at("$general", text="x", metadata='"t"'), "invalid_metadata_format"),
            "large metadata": Call(
                at("$general", text="x", metadata={"event_type": "t", "event_payload": {"a": "x" * 16_000}}),
                "metadata_too_large",
            ),
        },
    ),
    "chat.update": Cases(
        {
            "new text": Call(at("$general", ts="$own", text="x" * 4000)),
            "new blocks": Call(at("$general", ts="$own", blocks=CARD)),
            "an ended stream": Call(at("$dm", ts="$ended", text="x")),
            "no metadata any more": Call(at("$general", ts="$own", text="x", metadata={})),
        },
        {
            "no message": Call(at("$general", text="x"), "message_not_found"),
            "unknown message": Call(at("$general", ts="1.000000", text="x"), "message_not_found"),
            "somebody else's message": Call(at("$general", ts="$hers", text="x"), "cant_update_message"),
            "text of 4001": Call(at("$general", ts="$own", text="x" * 4001), "msg_too_long"),
            "an open stream": Call(at("$dm", ts="$stream", text="x"), "streaming_state_conflict"),
            "nothing": Call(at("$general", ts="$own"), "no_text"),
            "markdown and text": Call(at("$general", ts="$own", text="x", markdown_text="x"), "markdown_text_conflict"),
            "same action_id twice": Call(
                at("$general", ts="$own", blocks=[actions(button(action_id="a"), button(action_id="a"))]),
                "invalid_blocks",
                "already exists for another element",
            ),
        },
    ),
    "chat.delete": Cases(
        {"own message": Call(at("$general", ts="$own"))},
        {
            "no message": Call(at("$general"), "message_not_found"),
            "unknown message": Call(at("$general", ts="1.000000"), "message_not_found"),
            "somebody else's message": Call(at("$general", ts="$hers"), "cant_delete_message"),
        },
    ),
    "chat.postEphemeral": Cases(
        {
            "for a member": Call(at("$general", user="$alice", text="x", blocks=CARD)),
            "in a thread": Call({**IN_THREAD, "user": "$alice", "text": "x"}),
        },
        {
            "for nobody": Call(at("$general", text="x"), "user_not_in_channel"),
            "for somebody outside": Call(at("$general", user="$bob", text="x"), "user_not_in_channel"),
            "no text": Call(at("$general", user="$alice"), "no_text"),
            "text of 40001": Call(at("$general", user="$alice", text="x" * 40_001), "msg_too_long"),
        },
    ),
    "chat.getPermalink": Cases(
        {"link": Call(at("$general", message_ts="$hers"))},
        {
            "no message": Call(at("$general"), "message_not_found"),
            "unknown channel": Call(at("C404", message_ts="$hers"), "channel_not_found"),
        },
    ),
    "chat.startStream": Cases(
        {
            "in a direct message": Call(at("$dm", thread_ts="$dm_root")),
            "in a channel": Call({**FOR_ALICE, "markdown_text": "x" * 12_000}),
            "as a plan": Call({**FOR_ALICE, "task_display_mode": "plan", "chunks": [TASK]}),
        },
        {
            "no thread": Call(at("$dm"), "invalid_arguments", "missing required field: thread_ts"),
            "unknown thread": Call(at("$dm", thread_ts="1.000000"), "thread_not_found"),
            "nobody to read it": Call(IN_THREAD, "missing_recipient_user_id"),
            "nobody's team": Call({**IN_THREAD, "recipient_user_id": "$alice"}, "missing_recipient_team_id"),
            "unknown display": Call({**FOR_ALICE, "task_display_mode": "dense"}, "invalid_arguments", "enum value"),
            "markdown of 12001": Call({**FOR_ALICE, "markdown_text": "x" * 12_001}, "msg_too_long"),
            "chunk of an unknown kind": Call(
                {**FOR_ALICE, "chunks": [{"type": "image"}]},
                "invalid_chunks",
                "unsupported type: image [json-pointer:/chunks/0/type]",
            ),
            "channel of others": Call({**FOR_ALICE, "channel": "$elsewhere"}, "not_in_channel"),
        },
    ),
    "chat.appendStream": Cases(
        {
            "text": Call({**STREAM, "markdown_text": "x"}),
            "a task at its limits": Call(chunk(title="x" * 256, details="x" * 256, output="x" * 256)),
            "a task with a source": Call(
                chunk(sources=[{"type": "url", "url": "https://example.com", "text": "Example"}])
            ),
            "a plan": Call({**STREAM, "chunks": [{"type": "plan_update", "title": "x" * 256}]}),
            "blocks": Call({**STREAM, "chunks": [{"type": "blocks", "blocks": CARD}]}),
        },
        {
            "nothing": Call(STREAM, "no_text"),
            "a stream that was stopped": Call(
                at("$dm", ts="$ended", markdown_text="x"), "message_not_in_streaming_state"
            ),
            "a message that is no stream": Call(
                at("$general", ts="$own", markdown_text="x"), "message_not_in_streaming_state"
            ),
            "somebody else's message": Call(at("$general", ts="$hers", markdown_text="x"), "message_not_owned_by_app"),
            "a stream of six minutes": Call(
                at("$dm", ts="$old_stream", markdown_text="x"), "message_not_in_streaming_state"
            ),
            "task title of 257": Call(chunk(title="x" * 257), "invalid_chunks", "must be less than 257 characters"),
            "task details of 257": Call(chunk(details="x" * 257), "invalid_chunks", "must be less than 257 characters"),
            "task output of 257": Call(chunk(output="x" * 257), "invalid_chunks", "must be less than 257 characters"),
            "unknown task status": Call(chunk(status="done"), "invalid_chunks", "must be a valid enum value"),
            "task without an id": Call(
                {**STREAM, "chunks": [{"type": "task_update", "title": "x"}]}, "invalid_chunks", "field: id"
            ),
            "source without an address": Call(
                chunk(sources=[{"type": "url", "text": "x"}]), "invalid_chunks", "missing required field: url"
            ),
            "plan title of 257": Call(
                {**STREAM, "chunks": [{"type": "plan_update", "title": "x" * 257}]}, "invalid_chunks", "less than 257"
            ),
            "chunks of an object": Call({**STREAM, "chunks": TASK}, "invalid_chunks", "must provide an array"),
            "chunks that are no JSON": Call({**STREAM, "chunks": "[{"}, "invalid_chunks"),
            "51 blocks": Call({**STREAM, "chunks": [{"type": "blocks", "blocks": [section()] * 51}]}, "invalid_chunks"),
            "51 blocks in two chunks": Call(
                {
                    **STREAM,
                    "chunks": [
                        {"type": "blocks", "blocks": [section()] * 26},
                        {"type": "blocks", "blocks": [section()] * 25},
                    ],
                },
                "invalid_blocks",
                "no more than 50 items allowed [json-pointer:/chunks]",
            ),
        },
    ),
    "chat.stopStream": Cases(
        {"the end": Call({**STREAM, "markdown_text": "x", "blocks": CARD, "session_status": "active"})},
        {
            "51 closing blocks": Call({**STREAM, "blocks": [section()] * 51}, "invalid_blocks", "no more than 50"),
            "unknown session status": Call({**STREAM, "session_status": "busy"}, "invalid_arguments", "enum value"),
            "a stream that was stopped": Call(at("$dm", ts="$ended"), "message_not_in_streaming_state"),
            "metadata without a type": Call(
                {**STREAM, "metadata": {"event_payload": {}}}, "invalid_metadata_schema", "field: event_type"
            ),
        },
    ),
    "agents.sessions.setStatus": Cases(
        {
            "processing": Call({**SESSION, "status": "processing", "title": "x" * 200, "initiator_user_id": "$alice"}),
            "closed": Call({**SESSION, "status": "closed"}),
        },
        {
            "no status": Call(SESSION, "invalid_arguments", "missing required field: status"),
            "unknown status": Call(
                {**SESSION, "status": "thinking"}, "invalid_arguments", "must be a valid enum value"
            ),
            "title of 201": Call(
                {**SESSION, "status": "active", "title": "x" * 201}, "invalid_arguments", "less than 201 characters"
            ),
            "no channel": Call({"status": "active", "thread_ts": "$hers"}, "channel_not_found"),
            "no thread in a channel": Call({"channel_id": "$general", "status": "active"}, "invalid_arguments"),
            "unknown thread": Call(
                {"channel_id": "$general", "thread_ts": "1.000000", "status": "active"}, "thread_not_found"
            ),
            "begun by somebody outside": Call(
                {**SESSION, "status": "active", "initiator_user_id": "$bob"}, "invalid_arguments", "must be a member"
            ),
            "an icon without its scope": Call({**SESSION, "status": "active", "icon_emoji": ":wave:"}, "missing_scope"),
        },
    ),
    "agents.sessions.rename": Cases(
        {"another title": Call({"channel_id": "$dm", "thread_ts": "$session", "title": "x" * 200})},
        {
            "no title": Call({"channel_id": "$dm", "thread_ts": "$session"}, "invalid_arguments", "field: title"),
            "title of 201": Call(
                {"channel_id": "$dm", "thread_ts": "$session", "title": "x" * 201}, "invalid_arguments", "less than 201"
            ),
            "no session": Call({**SESSION, "title": "x"}, "session_not_found"),
        },
    ),
    "assistant.threads.setStatus": Cases(
        {
            "thinking": Call({**SESSION, "status": "is thinking…", "loading_messages": ["One…"] * 10}),
            "cleared": Call({**SESSION, "status": ""}),
        },
        {
            "no thread": Call({"channel_id": "$dm", "status": "x"}, "invalid_arguments", "field: thread_ts"),
            "unknown thread": Call({"channel_id": "$dm", "thread_ts": "1.000000", "status": "x"}, "invalid_thread_ts"),
            "no status": Call(SESSION, "invalid_arguments", "missing required field: status"),
            "eleven loading messages": Call(
                {**SESSION, "status": "x", "loading_messages": ["x"] * 11}, "invalid_arguments", "no more than 10"
            ),
            "loading messages of objects": Call(
                {**SESSION, "status": "x", "loading_messages": [{}]}, "invalid_arguments", "array of strings"
            ),
        },
    ),
    "assistant.threads.setTitle": Cases(
        {"title": Call({**SESSION, "title": "x"})},
        {
            "no title": Call(SESSION, "invalid_arguments", "missing required field: title"),
            "unknown thread": Call({"channel_id": "$dm", "thread_ts": "1.000000", "title": "x"}, "invalid_thread_ts"),
        },
    ),
    "assistant.threads.setSuggestedPrompts": Cases(
        {"four prompts": Call({"channel_id": "$dm", "title": "Try", "prompts": [PROMPT] * 4})},
        {
            "five prompts": Call({"channel_id": "$dm", "prompts": [PROMPT] * 5}, "invalid_arguments", "no more than 4"),
            "no prompts": Call({"channel_id": "$dm"}, "invalid_arguments", "missing required field: prompts"),
            "prompt without a message": Call(
                {"channel_id": "$dm", "prompts": [{"title": "x"}]}, "invalid_arguments", "/prompts/0"
            ),
            "outside a direct message": Call({"channel_id": "$general", "prompts": [PROMPT]}, "invalid_arguments"),
            "missing scope": Call(
                {"channel_id": "$dm", "prompts": [PROMPT]}, "missing_scope", without=("assistant:write",)
            ),
        },
    ),
    "views.open": Cases(
        {"modal": Call({"trigger_id": "$trigger", "view": FORM})},
        {
            "no trigger": Call({"view": FORM}, "invalid_arguments", "missing required field: trigger_id"),
            "unknown trigger": Call({"trigger_id": "1.2.3", "view": FORM}, "invalid_arguments", "trigger_id"),
            "spent trigger": Call({"trigger_id": "$spent", "view": FORM}, "exchanged_trigger_id"),
            "trigger of four seconds": Call({"trigger_id": "$old_trigger", "view": FORM}, "expired_trigger_id"),
            "no view": Call({"trigger_id": "$trigger"}, "invalid_arguments", "must provide"),
            "home as a modal": Call({"trigger_id": "$trigger", "view": HOME}, "invalid_arguments", "/view/type"),
            "private_metadata of 3001": Call(
                {"trigger_id": "$trigger", "view": modal(private_metadata="x" * 3001)},
                "invalid_arguments",
                "[json-pointer:/view/private_metadata]",
            ),
            "external_id of an open view": Call(
                {"trigger_id": "$trigger", "view": modal(external_id="$taken")}, "duplicate_external_id"
            ),
            "view of 250000 bytes": Call(
                {"trigger_id": "$trigger", "view": modal(*[section("x" * 2900)] * 90)}, "view_too_large"
            ),
        },
    ),
    "views.push": Cases(
        {"on top": Call({"trigger_id": "$view_trigger", "view": FORM})},
        {
            "from a message": Call({"trigger_id": "$trigger", "view": FORM}, "invalid_arguments", "from a modal"),
            "a fourth": Call({"trigger_id": "$full_trigger", "view": FORM}, "push_limit_reached"),
            "input without submit": Call(
                {"trigger_id": "$view_trigger", "view": modal(text_input())},
                "invalid_arguments",
                "must define `submit`",
            ),
        },
    ),
    "views.update": Cases(
        {
            "by its id": Call({"view_id": "$view", "view": FORM}),
            "by external_id": Call({"external_id": "$taken", "view": FORM}),
        },
        {
            "no view id": Call({"view": FORM}, "invalid_arguments", "missing required field: view_id"),
            "unknown view": Call({"view_id": "V404", "view": FORM}, "not_found"),
            "an older hash": Call({"view_id": "$view", "hash": "1.x", "view": FORM}, "hash_conflict"),
            "of another type": Call({"view_id": "$view", "view": HOME}, "invalid_arguments", "must match the `type`"),
        },
    ),
    "views.publish": Cases(
        {"home": Call({"user_id": "$alice", "view": HOME})},
        {
            "for nobody": Call({"view": HOME}, "invalid_arguments", "missing required field: user_id"),
            "for somebody unknown": Call({"user_id": "U404", "view": HOME}, "invalid_arguments", "user_id"),
            "modal as a home": Call({"user_id": "$alice", "view": FORM}, "invalid_arguments", "/view/type"),
            "an older hash": Call({"user_id": "$at_home", "hash": "1.x", "view": HOME}, "hash_conflict"),
        },
    ),
    "files.getUploadURLExternal": Cases(
        {"a place": Call({"filename": "a.txt", "length": 3, "alt_txt": "x"})},
        {
            "no name": Call({"length": 3}, "invalid_arguments", "missing required field: filename"),
            "no length": Call({"filename": "a.txt"}, "invalid_arguments", "[json-pointer:/length]"),
            "no bytes": Call({"filename": "a.txt", "length": 0}, "invalid_arguments", "[json-pointer:/length]"),
            "length as a word": Call({"filename": "a.txt", "length": "three"}, "invalid_arguments"),
            "missing scope": Call({"filename": "a.txt", "length": 3}, "missing_scope", without=("files:write",)),
        },
    ),
    "files.completeUploadExternal": Cases(
        {
            "shared in a thread": Call({"files": [{"id": "$file"}], "channel_id": "$general", "thread_ts": "$hers"}),
            "kept": Call({"files": [{"id": "$file", "title": "A"}]}),
        },
        {
            "no files": Call({}, "invalid_arguments", "must provide at least 1 items"),
            "unknown file": Call({"files": [{"id": "F404"}]}, "file_not_found"),
            "bytes that were not sent": Call({"files": [{"id": "$empty_file"}]}, "file_update_failed"),
            "a second time": Call({"files": [{"id": "$done_file"}]}, "invalid_arguments", "was completed before"),
            "unknown channel": Call({"files": [{"id": "$file"}], "channel_id": "C404"}, "channel_not_found"),
            "channel of others": Call({"files": [{"id": "$file"}], "channel_id": "$elsewhere"}, "not_in_channel"),
            "unknown thread": Call(
                {"files": [{"id": "$file"}], "channel_id": "$general", "thread_ts": "1.000000"}, "thread_not_found"
            ),
            "thread without a channel": Call(
                {"files": [{"id": "$file"}], "thread_ts": "$hers"}, "invalid_arguments", "channel_id"
            ),
        },
    ),
    "files.info": Cases(
        {"file": Call({"file": "$done_file"})},
        {"no file": Call({}, "file_not_found"), "unfinished file": Call({"file": "$file"}, "file_not_found")},
    ),
    "files.delete": Cases(
        {"own file": Call({"file": "$done_file"})},
        {
            "unknown file": Call({"file": "F404"}, "file_not_found"),
            "somebody else's file": Call({"file": "$her_file"}, "cant_delete_file"),
        },
    ),
    "conversations.replies": Cases(
        {"thread": Call(at("$general", ts="$hers", limit=1000, inclusive=True, oldest="0"))},
        {
            "no thread": Call(at("$general"), "thread_not_found"),
            "unknown thread": Call(at("$general", ts="1.000000"), "thread_not_found"),
            "limit of 1001": Call(at("$general", ts="$hers", limit=1001), "invalid_limit"),
            "limit as a word": Call(at("$general", ts="$hers", limit="all"), "invalid_limit"),
            "unknown cursor": Call(at("$general", ts="$hers", cursor="?"), "invalid_cursor"),
            "oldest as a word": Call(at("$general", ts="$hers", oldest="monday"), "invalid_ts_oldest"),
        },
    ),
    "conversations.history": Cases(
        {"newest": Call(at("$general", limit=999))},
        {
            "channel of others": Call(at("$elsewhere"), "not_in_channel"),
            "limit of 1000": Call(at("$general", limit=1000), "invalid_limit"),
            "latest as a word": Call(at("$general", latest="now"), "invalid_ts_latest"),
            "missing scope": Call(at("$general"), "missing_scope", without=("channels:history",)),
        },
    ),
    "conversations.info": Cases(
        {"channel": Call(at("$general", include_num_members=True))},
        {"no channel": Call({}, "channel_not_found"), "unknown channel": Call(at("C404"), "channel_not_found")},
    ),
    "conversations.list": Cases(
        {"all": Call({"types": "public_channel, private_channel,mpim,im", "limit": 1000})},
        {"unknown type": Call({"types": "secret"}, "invalid_types")},
    ),
    "conversations.members": Cases(
        {"members": Call(at("$general"))}, {"unknown channel": Call(at("C404"), "channel_not_found")}
    ),
    "conversations.open": Cases(
        {"direct message": Call({"users": "$alice", "return_im": True})},
        {
            "with nobody": Call({}, "users_list_not_supplied"),
            "with somebody unknown": Call({"users": "U404"}, "user_not_found"),
            "with nine people": Call({"users": ",".join(f"U{n}" for n in range(9))}, "too_many_users"),
        },
    ),
    "users.conversations": Cases(
        {"all": Call({"types": "public_channel,private_channel,mpim,im", "exclude_archived": True, "limit": 1000})},
        {
            "unknown type": Call({"types": "secret"}, "invalid_types"),
            "missing scope of one type": Call({"types": "mpim,im"}, "missing_scope", without=("im:read",)),
        },
    ),
    "users.info": Cases(
        {"person": Call({"user": "$alice"})},
        {
            "nobody": Call({}, "user_not_found"),
            "somebody unknown": Call({"user": "U404"}, "user_not_found"),
            "missing scope": Call({"user": "$alice"}, "missing_scope", without=("users:read",)),
        },
    ),
    "users.list": Cases({"people": Call({"limit": 200})}, {"unknown cursor": Call({"cursor": "?"}, "invalid_cursor")}),
    "usergroups.users.list": Cases({}, {"unknown group": Call({"usergroup": "S404"}, "no_such_subteam")}),
    "bots.info": Cases({}, {"unknown bot": Call({"bot": "B404"}, "bot_not_found")}),
    "reactions.add": Cases(
        {"an emoji": Call({"channel": "$general", "timestamp": "$hers", "name": "wave::skin-tone-2"})},
        {
            "no emoji": Call({"channel": "$general", "timestamp": "$hers"}, "invalid_name"),
            "an emoji with a space": Call(
                {"channel": "$general", "timestamp": "$hers", "name": "thumbs up"}, "invalid_name"
            ),
            "no message": Call({"name": "wave"}, "no_item_specified"),
            "unknown message": Call(
                {"channel": "$general", "timestamp": "1.000000", "name": "wave"}, "message_not_found"
            ),
            "a second time": Call({"channel": "$general", "timestamp": "$seen", "name": "eyes"}, "already_reacted"),
        },
    ),
    "reactions.remove": Cases(
        {"an emoji": Call({"channel": "$general", "timestamp": "$seen", "name": "eyes"})},
        {"one that is not there": Call({"channel": "$general", "timestamp": "$hers", "name": "eyes"}, "no_reaction")},
    ),
    "response_url": Cases(
        {
            "a word": Call({"url": "$url", "text": "x"}),
            "to the channel": Call({"url": "$url", "text": "x", "response_type": "in_channel"}),
            "in place of the message": Call({"url": "$url", "blocks": CARD, "replace_original": True}),
            "the message's end": Call({"url": "$url", "delete_original": True}),
        },
        {
            "nothing": Call({"url": "$url"}, "no_text"),
            "broken blocks": Call({"url": "$url", "blocks": [section("")]}, "invalid_blocks"),
            "a sixth time": Call({"url": "$used_url", "text": "x"}, "used_url"),
            "after half an hour": Call({"url": "$old_url", "text": "x"}, "expired_url"),
            "an address that was never given": Call({"url": "$no_url", "text": "x"}, "invalid_url"),
        },
    ),
}
