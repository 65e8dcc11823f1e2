"""chat.postMessage, chat.update, chat.delete, chat.postEphemeral, chat.getPermalink.

Source: docs.slack.dev/reference/methods/chat.postMessage and its neighbours.
"""

from slack_sandbox import text as texts
from slack_sandbox import validation
from slack_sandbox.errors import ApiError
from slack_sandbox.methods.registry import Args, MethodContext, bot_in, find_message, method, need_embedding
from slack_sandbox.model import Channel, Json, Message

UPDATE_TEXT_LIMIT = 4000


def _destination(slack: MethodContext, args: Args) -> Channel:
    """The channel of a post: an id, or a user id, which Slack takes as the direct message with that user."""
    target = args.required("channel", "channel_not_found")
    person = slack.workspace.people.get(target)
    channel = slack.workspace.direct([person]) if person is not None else slack.workspace.channel(target)
    bot_in(slack, channel)
    return channel


def thread_of(channel: Channel, args: Args) -> str | None:
    """The root of the thread that `thread_ts` names, None without one; a reply's ts leads to its root.

    A reply to a message that was deleted is posted to the channel, without an error
    (github.com/slackapi/python-slack-events-api/issues/87). A tombstone with replies still takes more.
    """
    ts = args.text("thread_ts")
    if not ts or ts in channel.gone:
        return None
    root = channel.messages.get(ts)
    if root is None:
        raise ApiError("thread_not_found")
    return root.thread_ts or ts


def new_message(slack: MethodContext, channel: Channel, content: validation.Content, thread_ts: str | None) -> Message:
    """A message of the app itself, not stored yet."""
    need_embedding(slack, content.blocks)
    workspace = slack.workspace
    message = Message(channel.id, slack.clock.ts(), workspace.bot.id, content.text, workspace.team_id)
    message.thread_ts = thread_ts
    message.bot_id = workspace.bot.bot_id
    message.app_id = workspace.app_id
    message.bot_profile = {
        "id": workspace.bot.bot_id,
        "app_id": workspace.app_id,
        "name": workspace.bot.name,
        "team_id": workspace.team_id,
        "deleted": False,
        "updated": 0,
        "icons": {},
    }
    fill(message, content)
    return message


def publish(slack: MethodContext, channel: Channel, message: Message) -> None:
    """Put a message of the app into its channel. "The status will be automatically cleared when the app sends a reply"
    (assistant.threads.setStatus reference).
    """
    slack.workspace.store(channel, message)
    slack.workspace.statuses.pop((channel.id, message.thread_ts or ""), None)
    slack.events.posted(channel, message)


def fill(message: Message, content: validation.Content) -> None:
    """Put checked content into a message."""
    message.text = texts.as_posted(content.text)
    message.blocks = content.blocks
    message.attachments = content.attachments
    message.link_names = content.link_names
    if content.metadata is not None:
        message.metadata = content.metadata


def _customize(message: Message, args: Args) -> None:
    """With another name or picture Slack sends the message as `bot_message`, without the bot's user."""
    icons = {name[5:]: args.text(name) for name in ("icon_emoji", "icon_url") if args.has(name)}
    message.username = args.text("username") or None
    if message.username or icons:
        message.subtype, message.bot_profile = "bot_message", None
        message.icons = icons or None


@method("chat.postMessage", "chat:write", tier=100)
def post_message(slack: MethodContext, args: Args) -> Json:
    """Post a message of the app."""
    channel = _destination(slack, args)
    content = validation.message_content(args, slack.new_id)
    thread_ts = thread_of(channel, args)
    message = new_message(slack, channel, content, thread_ts)
    if "chat:write.customize" in slack.scopes:
        _customize(message, args)
    if thread_ts and args.flag("reply_broadcast"):
        message.subtype = "thread_broadcast"
    publish(slack, channel, message)
    return {"channel": channel.id, "ts": message.ts, "message": message.as_json(metadata=True)}


@method("chat.update", "chat:write", tier=50)
def update(slack: MethodContext, args: Args) -> Json:
    """Change a message of the app.

    "If you don't include blocks, the message's previous blocks will only be retained if the text argument is not
    provided"; previous attachments and metadata are retained when none are given, and empty ones remove them
    (chat.update reference).
    """
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    bot_in(slack, channel)
    message = find_message(slack, channel, args.required("ts", "message_not_found"))
    if message.bot_id != slack.workspace.bot.bot_id:
        raise ApiError("cant_update_message")
    if message.streaming:
        raise ApiError("streaming_state_conflict")
    if len(args.text("text")) > UPDATE_TEXT_LIMIT:
        raise ApiError("msg_too_long")
    clears_metadata = args.structure("metadata", "invalid_metadata_format") == {}
    if clears_metadata:
        args = Args({name: value for name, value in args.values.items() if name != "metadata"})
    content = validation.message_content(args, slack.new_id)
    need_embedding(slack, content.blocks)
    previous = message.snapshot()
    if not args.has("text") and not args.has("markdown_text"):
        content.text = previous.text
        if args.values.get("blocks") is None:
            content.blocks = previous.blocks
    if args.values.get("attachments") is None:
        content.attachments = previous.attachments
    fill(message, content)
    if clears_metadata:
        message.metadata = None
    message.edited = {"user": slack.workspace.bot.id, "ts": slack.clock.ts()}
    slack.events.edited(channel, message, previous)
    body = message.as_json(metadata=True)
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": body}


@method("chat.delete", "chat:write", tier=50)
def delete(slack: MethodContext, args: Args) -> Json:
    """Delete a message of the app."""
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    message = find_message(slack, channel, args.required("ts", "message_not_found"))
    if message.bot_id != slack.workspace.bot.bot_id:
        raise ApiError("cant_delete_message")
    previous = message.snapshot()
    emptied = slack.workspace.remove(channel, message)
    slack.events.deleted(channel, previous, emptied)
    return {"channel": channel.id, "ts": message.ts}


@method("chat.postEphemeral", "chat:write", tier=100)
def post_ephemeral(slack: MethodContext, args: Args) -> Json:
    """Show a message to one member of the channel only."""
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    bot_in(slack, channel)
    user = args.required("user", "user_not_in_channel")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    content = validation.message_content(args, slack.new_id)
    message = new_message(slack, channel, content, thread_of(channel, args))
    message.ephemeral_to = user
    slack.workspace.ephemerals.setdefault(user, []).append(message)
    return {"message_ts": message.ts}


@method("chat.getPermalink", tier=1000)
def get_permalink(slack: MethodContext, args: Args) -> Json:
    """The link to a message."""
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    message = find_message(slack, channel, args.required("message_ts", "message_not_found"))
    return {"channel": channel.id, "permalink": slack.workspace.permalink(message)}
