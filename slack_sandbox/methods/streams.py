"""chat.startStream, chat.appendStream, chat.stopStream.

Source: docs.slack.dev/reference/methods/chat.startStream and its neighbours. Measured by others, and not documented: a
stream ends after about five minutes, and a message holds about 39,000 characters or 45 task cards. How the stored
message is made of the chunks is in `slack_sandbox.stream_rendering`.
"""

from slack_sandbox import block_rules, validation
from slack_sandbox.errors import ApiError
from slack_sandbox.methods.agents import set_session
from slack_sandbox.methods.chat import new_message, publish, thread_of
from slack_sandbox.methods.registry import Args, MethodContext, bot_in, find_message, method, need_embedding
from slack_sandbox.model import Channel, Json, Message
from slack_sandbox.stream_rendering import TaskStream, render, text_of
from slack_sandbox.validation import Content

STREAM_TEXT_LIMIT = 39_000
STREAM_BLOCKS_LIMIT = 50
STREAM_TASKS_LIMIT = 45
DISPLAY_MODES = ("timeline", "plan")


def _chunks(slack: MethodContext, args: Args) -> list[Json]:
    """The chunks of a call; `markdown_text` is one more."""
    markdown = args.text("markdown_text")
    given = validation.chunks(args, slack.new_id)
    if len(markdown) + len(text_of(given)) > validation.MARKDOWN_LIMIT:
        raise ApiError("msg_too_long")
    for chunk in given:
        if chunk["type"] == "blocks":
            need_embedding(slack, chunk["blocks"])
    return [{"type": "markdown_text", "text": markdown}, *given] if markdown else given


def _grow(slack: MethodContext, message: Message, chunks: list[Json], closing: list[Json]) -> None:
    """Add chunks to a stream. "You can have 50 blocks sent via the chunks parameter and 50 blocks sent via the
    chat.stopStream API method's blocks array" (chat.stopStream reference).
    """
    stream = message.stream
    if not isinstance(stream, TaskStream):
        raise ApiError("message_not_in_streaming_state")
    grown = [*stream.chunks, *chunks]
    if sum(len(chunk["blocks"]) for chunk in grown if chunk["type"] == "blocks") > STREAM_BLOCKS_LIMIT:
        raise ApiError("invalid_blocks", [f"no more than {STREAM_BLOCKS_LIMIT} items allowed [json-pointer:/chunks]"])
    text = text_of(grown)
    if len(text) > STREAM_TEXT_LIMIT:
        raise ApiError("msg_too_long")
    tasks = [chunk for chunk in grown if chunk["type"] == "task_update"]
    if len({chunk["id"] for chunk in tasks}) > STREAM_TASKS_LIMIT:
        raise ApiError("msg_blocks_too_many")
    if stream.mode != "plan" and any(chunk.get("status") == "pending" for chunk in tasks):
        raise ApiError("invalid_chunks", ["status pending is for plans only [json-pointer:/chunks]"])
    blocks = [
        *render(TaskStream(stream.started, None, grown, mode=stream.mode, ids=stream.ids), slack.new_id),
        *closing,
    ]
    if block_rules.plan_beside_tasks(blocks):
        raise ApiError("invalid_blocks", [f"{block_rules.PLAN_BESIDE_TASKS} [json-pointer:/blocks]"])
    stream.chunks[:] = grown
    message.text = text
    message.blocks = blocks


@method("chat.startStream", "chat:write", tier=20)
def start(slack: MethodContext, args: Args) -> Json:
    """Begin a streamed reply in a thread; in channels the recipient must be named."""
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    bot_in(slack, channel)
    args.required("thread_ts")
    thread_ts = thread_of(channel, args)
    if thread_ts is None:  # Slack does not document what becomes of a stream whose root was deleted; this was chosen.
        raise ApiError("thread_not_found")
    if channel.kind != "im":
        args.required("recipient_user_id", "missing_recipient_user_id")
        args.required("recipient_team_id", "missing_recipient_team_id")
    mode = args.text("task_display_mode", "timeline")
    if mode not in DISPLAY_MODES:
        raise ApiError("invalid_arguments", ["must be a valid enum value [json-pointer:/task_display_mode]"])
    chunks = _chunks(slack, args)
    message = new_message(slack, channel, Content(), thread_ts)
    message.stream = TaskStream(slack.clock.now(), args.text("recipient_user_id") or None, mode=mode)
    _grow(slack, message, chunks, [])
    publish(slack, channel, message)
    return {"channel": channel.id, "ts": message.ts}


def _streaming(slack: MethodContext, args: Args) -> tuple[Channel, Message]:
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    message = find_message(slack, channel, args.required("ts", "message_not_found"))
    if message.user != slack.workspace.bot.id:
        raise ApiError("message_not_owned_by_app")
    if not message.streaming:
        raise ApiError("message_not_in_streaming_state")
    return channel, message


@method("chat.appendStream", "chat:write", tier=100)
def append(slack: MethodContext, args: Args) -> Json:
    """Add to a stream."""
    channel, message = _streaming(slack, args)
    chunks = _chunks(slack, args)
    if not chunks:
        raise ApiError("no_text")
    _grow(slack, message, chunks, [])
    return {"channel": channel.id, "ts": message.ts}


@method("chat.stopStream", "chat:write", tier=20)
def stop(slack: MethodContext, args: Args) -> Json:
    """End a stream; `blocks` close the message, `session_status` moves the agent session."""
    channel, message = _streaming(slack, args)
    chunks = _chunks(slack, args)
    closing = validation.message_blocks(args.structure("blocks", "invalid_blocks_format"), slack.new_id)
    need_embedding(slack, closing)
    metadata = validation.message_metadata(args)
    previous = message.snapshot()
    if args.has("session_status") or (channel.id, message.thread_ts or message.ts) in slack.workspace.sessions:
        set_session(slack, channel, message.thread_ts or message.ts, args.text("session_status", "active"))
    _grow(slack, message, chunks, closing)
    message.metadata = metadata
    if message.stream is not None:
        message.stream.open = False
    slack.events.edited(channel, message, previous)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(metadata=True)}
