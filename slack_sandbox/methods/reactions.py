"""reactions.add and reactions.remove (docs.slack.dev/reference/methods/reactions.add)."""

import re

from slack_sandbox.errors import ApiError
from slack_sandbox.methods.registry import Args, MethodContext, bot_in, find_message, method
from slack_sandbox.model import Json, Message

_NAME = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


def _target(slack: MethodContext, args: Args) -> tuple[Message, str]:
    name = args.required("name", "invalid_name").strip(":")
    if not _NAME.fullmatch(name):
        raise ApiError("invalid_name")
    if not args.has("channel") or not args.has("timestamp"):
        raise ApiError("no_item_specified")
    channel = slack.workspace.channel(args.text("channel"))
    bot_in(slack, channel)
    return find_message(slack, channel, args.text("timestamp")), name


@method("reactions.add", "reactions:write", tier=50)
def add(slack: MethodContext, args: Args) -> Json:
    """Add an emoji as the bot."""
    message, name = _target(slack, args)
    users = message.reactions.setdefault(name, [])
    if slack.workspace.bot.id in users:
        raise ApiError("already_reacted")
    users.append(slack.workspace.bot.id)
    return {}


@method("reactions.remove", "reactions:write", tier=20)
def remove(slack: MethodContext, args: Args) -> Json:
    """Remove the bot's emoji."""
    message, name = _target(slack, args)
    users = message.reactions.get(name, [])
    if slack.workspace.bot.id not in users:
        raise ApiError("no_reaction")
    users.remove(slack.workspace.bot.id)
    if not users:
        del message.reactions[name]
    return {}
