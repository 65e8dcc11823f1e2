"""chat.startStream, chat.appendStream, chat.stopStream.

Source: docs.slack.dev/reference/methods/chat.startStream and its neighbours; the lifetime was measured by others at
about five minutes. What the chunks become in the stored message is not documented; here the text gathers in one
markdown block, the tasks in task_card blocks (or one plan), and the closing blocks follow.
"""

from bot.sandbox import validation
from bot.sandbox.errors import Refused
from bot.sandbox.methods.agents import set_session
from bot.sandbox.methods.chat import new_message, thread_of
from bot.sandbox.methods.registry import Args, Slack, bot_in, find_message, method
from bot.sandbox.model import Channel, Json, Message, Stream
from bot.sandbox.validation import Content

STREAM_TEXT_LIMIT = 39_000


def _chunks(args: Args) -> list[Json]:
    """The chunks of a call; `markdown_text` is one more."""
    markdown = args.text("markdown_text")
    if len(markdown) > validation.MARKDOWN_LIMIT:
        raise Refused("msg_too_long")
    given = validation.chunks(args)
    return [{"type": "markdown_text", "text": markdown}, *given] if markdown else given


def _render(slack: Slack, message: Message, closing: list[Json]) -> None:
    stream = message.stream
    if stream is None:
        return
    text = "".join(chunk["text"] for chunk in stream.chunks if chunk["type"] == "markdown_text")
    tasks: dict[str, Json] = {}
    blocks: list[Json] = []
    for chunk in stream.chunks:
        if chunk["type"] == "task_update":
            card = tasks.setdefault(
                chunk["id"], {"type": "task_card", "task_id": chunk["id"], "block_id": slack.new_id()}
            )
            card.update(title=chunk["title"], status=chunk.get("status", card.get("status", "pending")))
            for key in ("details", "output"):
                if key in chunk:  # "repeated details are appended, not replaced"
                    card[key] = card.get(key, "") + chunk[key]
            if "sources" in chunk:
                card["sources"] = chunk["sources"]
        elif chunk["type"] == "blocks":
            blocks.extend(chunk["blocks"])
    parts: list[Json] = list(tasks.values())
    if text:
        parts.append({"type": "markdown", "text": text, "block_id": slack.new_id()})
    message.text = text
    message.blocks = [*parts, *blocks, *closing]


def _grow(slack: Slack, message: Message, chunks: list[Json]) -> None:
    if message.stream is not None:
        message.stream.chunks.extend(chunks)
        _render(slack, message, [])
        if len(message.text) > STREAM_TEXT_LIMIT:
            raise Refused("msg_too_long")


@method("chat.startStream", "chat:write", tier=20)
def start(slack: Slack, args: Args) -> Json:
    """Begin a streamed reply in a thread; in channels the recipient must be named."""
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    bot_in(slack, channel)
    args.required("thread_ts")
    thread_ts = thread_of(channel, args)
    if channel.kind != "im":
        args.required("recipient_user_id", "missing_recipient_user_id")
        args.required("recipient_team_id", "missing_recipient_team_id")
    if args.text("task_display_mode", "timeline") not in ("timeline", "plan", "dense"):
        raise Refused("invalid_arguments", ["must be a valid enum value [json-pointer:/task_display_mode]"])
    chunks = _chunks(args)
    message = new_message(slack, channel, Content(), thread_ts)
    message.stream = Stream(slack.clock.now(), args.text("recipient_user_id") or None)
    _grow(slack, message, chunks)
    slack.workspace.store(channel, message)
    slack.events.posted(channel, message)
    return {"channel": channel.id, "ts": message.ts}


def _streaming(slack: Slack, args: Args) -> tuple[Channel, Message]:
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    message = find_message(slack, channel, args.required("ts", "message_not_found"))
    if message.user != slack.workspace.bot.id:
        raise Refused("message_not_owned_by_app")
    if not message.streaming:
        raise Refused("message_not_in_streaming_state")
    return channel, message


@method("chat.appendStream", "chat:write", tier=100)
def append(slack: Slack, args: Args) -> Json:
    """Add to a stream."""
    channel, message = _streaming(slack, args)
    chunks = _chunks(args)
    if not chunks:
        raise Refused("no_text")
    _grow(slack, message, chunks)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.stopStream", "chat:write", tier=20)
def stop(slack: Slack, args: Args) -> Json:
    """End a stream; `blocks` close the message, `session_status` moves the agent session."""
    channel, message = _streaming(slack, args)
    chunks = _chunks(args)
    closing = validation.message_blocks(args.structure("blocks", "invalid_blocks_format"), slack.new_id)
    metadata = validation.message_metadata(args)
    previous = message.snapshot()
    _grow(slack, message, chunks)
    _render(slack, message, closing)
    message.metadata = metadata
    if message.stream is not None:
        message.stream.open = False
    if args.has("session_status"):
        set_session(slack, channel, message.thread_ts or message.ts, args.text("session_status"))
    slack.events.edited(channel, message, previous)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(metadata=True)}
