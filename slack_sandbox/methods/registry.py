"""How a Web API method is written and found: a function from (Slack, Args) to the answer, with the scopes it needs."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slack_sandbox import block_rules
from slack_sandbox.clock import Clock
from slack_sandbox.errors import ApiError
from slack_sandbox.events import Events
from slack_sandbox.model import Channel, Json, Message
from slack_sandbox.sockets import SocketHub
from slack_sandbox.state import Workspace


@dataclass(slots=True)
class MethodContext:
    """What a method works on."""

    workspace: Workspace
    events: Events
    hub: SocketHub
    clock: Clock
    scopes: set[str]
    origin: str = ""
    file_share_delay: float = 0.0
    """Seconds between a completed upload and the message with the file."""
    touch: Callable[[], None] = lambda: None
    """To be called after a change that no request made."""

    def new_id(self) -> str:
        """A block_id or action_id, where the app gave none."""
        return self.workspace.new_id("b")


class Args:
    """The arguments of a call, form-encoded or JSON: typed reads that refuse wrong ones as Slack does."""

    def __init__(self, values: Json) -> None:
        self.values = values

    def text(self, name: str, default: str = "") -> str:
        """A string argument; numbers are taken as their text."""
        value = self.values.get(name)
        if value is None:
            return default
        if isinstance(value, dict | list):
            raise ApiError("invalid_arguments", [f"must be a string [json-pointer:/{name}]"])
        return str(value)

    def required(self, name: str, error: str = "invalid_arguments") -> str:
        """A string argument that must be there; `error` is the code Slack gives when it is not."""
        value = self.text(name)
        if not value:
            messages = [f"missing required field: {name}"] if error == "invalid_arguments" else []
            raise ApiError(error, messages)
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean argument: true/1 in JSON or as text."""
        value = self.values.get(name)
        return default if value is None else value in (True, 1, "1", "true", "True")

    def number(self, name: str, default: int, *, most: int) -> int:
        """An integer argument between 1 and `most`."""
        value = self.values.get(name)
        if value is None:
            return default
        try:
            number = int(value)
        except (TypeError, ValueError):
            raise ApiError("invalid_limit" if name == "limit" else "invalid_arguments") from None
        if not 1 <= number <= most:
            raise ApiError("invalid_limit" if name == "limit" else "invalid_arguments")
        return number

    def structure(self, name: str, error: str) -> Any:
        """A JSON argument: given as JSON, or as text that holds JSON. `error` is the code for text that does not."""
        value = self.values.get(name)
        if isinstance(value, str):
            if not value:
                return None
            try:
                return json.loads(value)
            except ValueError:
                raise ApiError(error) from None
        return value

    def has(self, name: str) -> bool:
        """Whether the argument was given and not empty."""
        return self.values.get(name) not in (None, "", [], {})


# Streams end after about five minutes even with traffic; measured by users, not documented.
STREAM_LIFETIME = 300.0

Handler = Callable[[MethodContext, Args], Json]


@dataclass(frozen=True, slots=True)
class Method:
    """A Web API method: `scopes` are alternatives, of which one is enough; `tier` is calls a minute."""

    name: str
    handler: Handler
    scopes: tuple[str, ...]
    tier: int
    caller: str


METHODS: dict[str, Method] = {}


def method(name: str, *scopes: str, tier: int, caller: str = "bot") -> Callable[[Handler], Handler]:
    """Register a Web API method.

    `tier` is the calls a minute of Slack's rate limit tier (docs.slack.dev/apis/web-api/rate-limits): 1, 20, 50 or 100.
    `caller` is the kind of token it takes: bot, app or any.
    """

    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(name, handler, scopes, tier, caller)
        return handler

    return register


SCOPE_FAMILY = {"channel": "channels", "group": "groups", "mpim": "mpim", "im": "im"}


def need_channel_scope(slack: MethodContext, channel: Channel, suffix: str) -> None:
    """Check `channels:read`, `groups:history` and the like: which family counts depends on the kind of channel."""
    need_scope(slack, f"{SCOPE_FAMILY[channel.kind]}:{suffix}")


def need_scope(slack: MethodContext, needed: str) -> None:
    """Refuse what the app has no scope for."""
    if needed not in slack.scopes:
        raise ApiError("missing_scope", needed=needed, provided=",".join(sorted(slack.scopes)))


def need_embedding(slack: MethodContext, blocks: list[Json]) -> None:
    """Refuse a video without the scope that it needs (video block reference); Slack's words for it are not
    documented.
    """
    if block_rules.has_video(blocks):
        need_scope(slack, "links.embed:write")


def bot_in(slack: MethodContext, channel: Channel) -> None:
    """Refuse what only a member may do."""
    if slack.workspace.bot.id not in channel.members:
        raise ApiError("not_in_channel")
    if channel.archived:
        raise ApiError("is_archived")


def find_message(slack: MethodContext, channel: Channel, ts: str, error: str = "message_not_found") -> Message:
    """The live message with this ts."""
    found = channel.messages.get(ts)
    if found is None or found.deleted:
        raise ApiError(error)
    stream = found.stream
    if stream is not None and slack.clock.now() - stream.started > STREAM_LIFETIME:
        stream.open = False
    return found


def of_team(slack: MethodContext, args: Args) -> str:
    """The workspace that a call is about: with an organisation's token it has to be named.

    "team_id: required if org token is used" (docs.slack.dev/reference/methods/usergroups.list, users.conversations).
    Slack's codes for an absent and for a wrong one are those of its table of errors.
    """
    organization, team = slack.workspace.organization, args.text("team_id")
    if organization is None or not organization.org_wide_install:
        return slack.workspace.team_id  # the argument is ignored
    if not team:
        raise ApiError("missing_argument", ["missing required field: team_id"])
    if team not in organization.teams:
        raise ApiError("team_not_found")
    return team


def page(items: list[Any], args: Args, default: int, most: int) -> tuple[list[Any], Json]:
    """One page of a list and the `response_metadata` that leads on (docs.slack.dev/apis/web-api/pagination)."""
    limit = args.number("limit", default, most=most)
    cursor = args.text("cursor")
    if cursor and not cursor.removeprefix("next:").isdigit():
        raise ApiError("invalid_cursor")
    start = int(cursor.removeprefix("next:")) if cursor else 0
    following = f"next:{start + limit}" if start + limit < len(items) else ""
    return items[start : start + limit], {"next_cursor": following}
