"""files.getUploadURLExternal, files.completeUploadExternal, files.info, files.delete.

Source: docs.slack.dev/messaging/working-with-files. The upload itself and the download are in
`slack_sandbox.transfers`.
"""

import asyncio
import mimetypes
from typing import Any

from slack_sandbox import text as texts
from slack_sandbox.errors import ApiError
from slack_sandbox.methods.chat import new_message, publish, thread_of
from slack_sandbox.methods.registry import Args, MethodContext, bot_in, method
from slack_sandbox.model import File, Json
from slack_sandbox.validation import Content


@method("files.getUploadURLExternal", "files:write", tier=100)
def get_upload_url(slack: MethodContext, args: Args) -> Json:
    """A URL to send the bytes to."""
    name = args.required("filename")
    length = args.text("length")
    if not length.isdigit() or int(length) == 0:
        raise ApiError("invalid_arguments", ["length must be a positive integer [json-pointer:/length]"])
    workspace = slack.workspace
    file_id = workspace.new_id("F")
    kind = mimetypes.guess_type(name)[0] or "text/plain"
    url = f"{slack.origin}/files-pri/{workspace.team_id}-{file_id}/{name}"
    file = File(file_id, name, name, kind, workspace.bot.id, int(slack.clock.now()), url)
    file.expected_size = int(length)
    file.alt_txt = args.text("alt_txt") or None
    workspace.files[file_id] = file
    return {"upload_url": f"{slack.origin}/upload/v1/{file_id}", "file_id": file_id}


@method("files.completeUploadExternal", "files:write", tier=100)
def complete_upload(slack: MethodContext, args: Args) -> Json:
    """Finish uploads and share them, as one message, to a channel or thread."""
    listed: Any = args.structure("files", "invalid_arguments")
    if not isinstance(listed, list) or not listed:
        raise ApiError("invalid_arguments", ["must provide at least 1 items [json-pointer:/files]"])
    files = [_uploaded(slack, entry) for entry in listed]
    targets = [part for part in (args.text("channel_id") or args.text("channels")).split(",") if part]
    if args.has("thread_ts") and len(targets) != 1:  # "make sure to provide only one channel when using 'thread_ts'"
        raise ApiError("invalid_arguments", ["must name one channel for thread_ts [json-pointer:/channel_id]"])
    channels = [slack.workspace.channel(target) for target in targets]
    for channel in channels:
        bot_in(slack, channel)
        thread_of(channel, args)
    for file in files:
        file.complete = True

    def share() -> None:
        for channel in channels:
            message = new_message(
                slack, channel, Content(texts.as_posted(args.text("initial_comment"))), thread_of(channel, args)
            )
            message.files = files
            message.subtype = "file_share"
            for file in files:
                file.shared[channel.id], file.kinds[channel.id] = message.ts, channel.kind
                if message.thread_ts:
                    file.threads[message.ts] = message.thread_ts
            publish(slack, channel, message)
        slack.touch()

    # Slack answers before the message is there (slackapi/python-slack-sdk issue 1277).
    if slack.file_share_delay:
        asyncio.get_running_loop().call_later(slack.file_share_delay, share)
    else:
        share()
    return {"files": [file.as_json() for file in files]}


def _uploaded(slack: MethodContext, entry: Any) -> File:
    file = slack.workspace.files.get(str(entry.get("id"))) if isinstance(entry, dict) else None
    if file is None or file.user != slack.workspace.bot.id:
        raise ApiError("file_not_found")
    if file.complete:
        raise ApiError("invalid_arguments", [f"the upload of {file.id} was completed before"])
    if len(file.content) != file.expected_size:
        raise ApiError("file_update_failed")
    file.title = str(entry.get("title") or file.name)
    return file


@method("files.info", "files:read", tier=100)
def info(slack: MethodContext, args: Args) -> Json:
    """One file."""
    file = slack.workspace.files.get(args.required("file", "file_not_found"))
    if file is None or not file.complete or not slack.workspace.shows(file):
        raise ApiError("file_not_found")
    return {"file": file.as_json(), "comments": [], "response_metadata": {"next_cursor": ""}}


@method("files.delete", "files:write", tier=50)
def delete(slack: MethodContext, args: Args) -> Json:
    """Delete a file of the app."""
    file = slack.workspace.files.get(args.required("file", "file_not_found"))
    if file is None:
        raise ApiError("file_not_found")
    if file.user != slack.workspace.bot.id:
        raise ApiError("cant_delete_file")
    del slack.workspace.files[file.id]
    return {}
