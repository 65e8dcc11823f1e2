"""conversations.* methods (docs.slack.dev/reference/methods/conversations.replies and its neighbours)."""

from slack_sandbox import teams
from slack_sandbox.errors import ApiError
from slack_sandbox.methods.registry import (
    SCOPE_FAMILY,
    Args,
    MethodContext,
    method,
    need_channel_scope,
    need_scope,
    of_team,
    page,
)
from slack_sandbox.model import Channel, Json, Message

_READ = ("channels:read", "groups:read", "mpim:read", "im:read")
_HISTORY = ("channels:history", "groups:history", "mpim:history", "im:history")
MAX_PEOPLE = 8
_OPEN = ("im:write", "mpim:write", "channels:manage", "groups:write")


def _channel(slack: MethodContext, args: Args, scope: str) -> Channel:
    channel = slack.workspace.channel(args.required("channel", "channel_not_found"))
    need_channel_scope(slack, channel, scope)
    return channel


def _readable(slack: MethodContext, args: Args) -> Channel:
    channel = _channel(slack, args, "history")
    if slack.workspace.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def _hidden(channel: Channel, messages: list[Message]) -> bool:
    return bool(channel.hidden_before) and any(message.ts < channel.hidden_before for message in messages)


def _within(channel: Channel, messages: list[Message], args: Args) -> list[Message]:
    """The visible messages between `oldest` and `latest`, the bounds themselves only with `inclusive`."""
    oldest, latest, inclusive = args.text("oldest"), args.text("latest"), args.flag("inclusive")
    for bound in (oldest, latest):
        if bound and not bound.replace(".", "", 1).isdigit():
            raise ApiError("invalid_ts_oldest" if bound == oldest else "invalid_ts_latest")

    def inside(message: Message) -> bool:
        at = float(message.ts)
        above = not oldest or at > float(oldest) or (inclusive and at == float(oldest))
        below = not latest or at < float(latest) or (inclusive and at == float(latest))
        return above and below

    return [message for message in messages if message.ts >= channel.hidden_before and inside(message)]


def _history_body(messages: list[Message], metadata: Json, args: Args, *, limited: bool) -> Json:
    with_metadata = args.flag("include_all_metadata")
    body: Json = {
        "messages": [message.as_json(metadata=with_metadata) for message in messages],
        "has_more": bool(metadata["next_cursor"]),
    }
    if limited:
        body["is_limited"] = True
    if metadata["next_cursor"]:
        body["response_metadata"] = metadata
    return body


@method("conversations.replies", *_HISTORY, tier=50)
def replies(slack: MethodContext, args: Args) -> Json:
    """A thread, oldest first; every page begins with the root, as Slack's does.

    Slack does not document what it answers for a thread whose root the plan hides; here the root is there all the same.
    """
    channel = _readable(slack, args)
    thread = slack.workspace.thread(channel, args.required("ts", "thread_not_found"))
    if not thread:
        raise ApiError("thread_not_found")
    root, rest = thread[0], _within(channel, thread[1:], args)
    found, metadata = page(rest, args, 1000, 1000)
    return _history_body([root, *found], metadata, args, limited=_hidden(channel, thread[1:]))


@method("conversations.history", *_HISTORY, tier=50)
def history(slack: MethodContext, args: Args) -> Json:
    """The channel's top-level messages, a page newest first.

    The first page has the newest messages, but with `oldest` and no `latest` the oldest ones: so one message can be
    read with `oldest`, `inclusive` and `limit=1` (github.com/slackapi/python-slack-events-api/issues/87).
    """
    channel = _readable(slack, args)
    forward = args.has("oldest") and not args.has("latest")
    within = _within(channel, channel.top_level, args)
    messages = sorted(within, key=lambda message: message.ts, reverse=not forward)
    found, metadata = page(messages, args, 100, 999)
    found.sort(key=lambda message: message.ts, reverse=True)
    body = _history_body(found, metadata, args, limited=_hidden(channel, channel.top_level))
    return {**body, "pin_count": 0}


def channel_body(slack: MethodContext, channel: Channel) -> Json:
    """The conversation object (docs.slack.dev/reference/objects/conversation-object)."""
    body: Json = {"id": channel.id, "created": channel.created, "is_im": channel.kind == "im", "is_org_shared": False}
    if channel.kind == "im":
        others = [member for member in channel.members if member != slack.workspace.bot.id]
        return {**body, "user": others[0] if others else slack.workspace.bot.id, "is_user_deleted": False}
    return {
        **body,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_archived": channel.archived,
        "is_general": channel.name == "general",
        "is_member": slack.workspace.bot.id in channel.members,
        **teams.channel_fields(slack.workspace, channel),
        "creator": next(iter(channel.members), ""),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
    }


@method("conversations.info", *_READ, tier=50)
def info(slack: MethodContext, args: Args) -> Json:
    """One conversation."""
    channel = _channel(slack, args, "read")
    body = channel_body(slack, channel)
    if args.flag("include_num_members"):
        body["num_members"] = len(channel.members)
    return {"channel": body}


@method("conversations.list", *_READ, tier=20)
def list_all(slack: MethodContext, args: Args) -> Json:
    """The conversations of the given types that the bot can know of."""
    team = of_team(slack, args)
    wanted = {kind.strip() for kind in (args.text("types") or "public_channel").split(",")}
    names = {"channel": "public_channel", "group": "private_channel", "mpim": "mpim", "im": "im"}
    if not wanted <= set(names.values()):
        raise ApiError("invalid_types")
    known = [
        channel
        for channel in slack.workspace.channels.values()
        if names[channel.kind] in wanted
        and (channel.host_team or slack.workspace.team_id) == team
        and (channel.kind == "channel" or slack.workspace.bot.id in channel.members)
    ]
    found, metadata = page(known, args, 100, 1000)
    return {"channels": [channel_body(slack, channel) for channel in found], "response_metadata": metadata}


_TYPES = {"public_channel": "channel", "private_channel": "group", "mpim": "mpim", "im": "im"}


@method("users.conversations", *_READ, tier=50)
def of_the_bot(slack: MethodContext, args: Args) -> Json:
    """The conversations of the given types that the bot is in; each type needs its own scope."""
    team = of_team(slack, args)
    types = [kind.strip() for kind in (args.text("types") or "public_channel").split(",")]
    if not set(types) <= set(_TYPES):
        raise ApiError("invalid_types")
    for kind in types:
        need_scope(slack, f"{SCOPE_FAMILY[_TYPES[kind]]}:read")
    kinds = {_TYPES[kind] for kind in types}
    found, metadata = page(
        [
            channel
            for channel in slack.workspace.channels.values()
            if channel.kind in kinds
            and team in (channel.host_team or slack.workspace.team_id, slack.workspace.team_id)
            and slack.workspace.bot.id in channel.members
            and not (args.flag("exclude_archived") and channel.archived)
        ],
        args,
        100,
        1000,
    )
    return {"channels": [channel_body(slack, channel) for channel in found], "response_metadata": metadata}


@method("conversations.members", *_READ, tier=100)
def members(slack: MethodContext, args: Args) -> Json:
    """The members' ids."""
    channel = _channel(slack, args, "read")
    found, metadata = page(list(channel.members), args, 100, 1000)
    return {"members": found, "response_metadata": metadata}


@method("conversations.open", *_OPEN, tier=50)
def open_direct(slack: MethodContext, args: Args) -> Json:
    """Open the direct message with these users."""
    if args.has("channel"):
        channel = slack.workspace.channel(args.text("channel"))
    else:
        ids = [part for part in args.required("users", "users_list_not_supplied").split(",") if part]
        if len(ids) > MAX_PEOPLE:
            raise ApiError("too_many_users")
        people = [slack.workspace.people.get(user) for user in ids]
        found = [person for person in people if person is not None]
        if len(found) != len(people):
            raise ApiError("user_not_found")
        channel = slack.workspace.direct(found)
    body = channel_body(slack, channel) if args.flag("return_im") else {"id": channel.id}
    return {"channel": body}
