"""The workspace in memory: people, channels, messages, files, views; no I/O and no rules about who may call what."""

from collections.abc import Iterator
from typing import Any

from slack_sandbox.clock import Clock
from slack_sandbox.errors import ApiError
from slack_sandbox.journal import ApiCall
from slack_sandbox.model import (
    Channel,
    ChannelKind,
    File,
    Json,
    Message,
    Organization,
    Person,
    ResponseUrl,
    Trigger,
    View,
)

MAX_MODALS = 3

_PREFIX: dict[ChannelKind, str] = {"channel": "C", "group": "G", "mpim": "G", "im": "D"}


class Workspace:
    """One Slack workspace with one installed app.

    Look-ups are by dict: a message by (channel, ts), a thread by its root. Ids are counted up, so that a failing test
    reads the same each time.
    """

    def __init__(self, clock: Clock, bot_name: str = "Sandbox Bot", team_name: str = "Sandbox") -> None:
        self.clock = clock
        self._count = 0
        self.team_id = self.new_id("T")
        self.app_id = self.new_id("A")
        self.team_name = team_name
        self.team_domain = "sandbox"
        self.people: dict[str, Person] = {}
        self.bots: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.usergroups: dict[str, dict[str, Any]] = {}
        self.views: dict[str, View] = {}
        self.modals: dict[str, list[View]] = {}
        self.homes: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.offered: dict[tuple[str, str, str], dict[str, Json]] = {}
        """The options of external selects by place, block and action: each by its value."""
        self.ephemerals: dict[str, list[Message]] = {}
        self.sessions: dict[tuple[str, str], dict[str, Any]] = {}
        self.statuses: dict[tuple[str, str], dict[str, Any]] = {}
        self.prompts: dict[str, dict[str, Any]] = {}
        self.recent: list[Message] = []
        self.rejected: list[ApiCall] = []
        self.organization: Organization | None = None
        self.outside_enterprises: dict[str, str] = {}
        """The organisations of others, by workspace."""
        self.workspaces_of: dict[str, str] = {}
        """A workspace of each organisation of others."""
        self.slackbot = Person("USLACKBOT", "slackbot", "Slackbot", self.team_id)
        """Known to users.info and users.list, and in no channel."""
        self._dms: dict[tuple[str, ...], Channel] = {}
        self.bot = self.add_person(bot_name, bot_id=self.new_id("B"), app_id=self.app_id)

    def new_id(self, prefix: str) -> str:
        """The next id of a kind: `U0SANDB0001` and so on."""
        self._count += 1
        return f"{prefix}0SB{self._count:07d}"

    def add_person(
        self,
        name: str,
        *,
        display_name: str | None = None,
        deleted: bool = False,
        team_id: str | None = None,
        bot_id: str | None = None,
        app_id: str | None = None,
        prefix: str = "U",
    ) -> Person:
        """A new member; `bot_id` makes it an app's bot user, another `team_id` a Slack Connect outsider."""
        display = name if display_name is None else display_name
        person = Person(self.new_id(prefix), name, display, team_id or self.team_id, deleted, bot_id, app_id)
        self.people[person.id] = person
        if bot_id is not None:
            self.bots[bot_id] = person
        return person

    def person(self, user_id: str) -> Person | None:
        """The member with this id, Slackbot included."""
        return self.slackbot if user_id == self.slackbot.id else self.people.get(user_id)

    def is_ours(self, team_id: str) -> bool:
        """Whether this is the workspace, its organisation, or another workspace of that."""
        organization = self.organization
        return team_id == self.team_id or (
            organization is not None and (team_id == organization.id or team_id in organization.teams)
        )

    def enterprise_of(self, team_id: str) -> str | None:
        """The organisation that a workspace belongs to."""
        if self.is_ours(team_id):
            return self.organization.id if self.organization is not None else None
        return self.outside_enterprises.get(team_id)

    def add_channel(self, name: str, kind: ChannelKind, members: list[Person], prefix: str = "") -> Channel:
        """A new conversation with exactly these members."""
        channel = Channel(self.new_id(prefix or _PREFIX[kind]), name, kind, int(self.clock.now()))
        self.channels[channel.id] = channel
        for person in members:
            self.join(channel, person)
        return channel

    def shows(self, file: File) -> bool:
        """Whether the app can see a file: its own, and those in public channels and where it is a member."""
        shared = [self.channels[channel] for channel in file.shared if channel in self.channels]
        seen = (channel.kind == "channel" or self.bot.id in channel.members for channel in shared)
        return file.user == self.bot.id or any(seen)

    def join(self, channel: Channel, person: Person) -> None:
        """Make the person a member."""
        channel.members[person.id] = None
        if not self.is_ours(person.team_id):
            channel.shared_externally = True

    def direct(self, people: list[Person]) -> Channel:
        """The conversation of the bot with exactly these people: an im for one, an mpim for more; opened when it is
        new.
        """
        key = tuple(sorted(person.id for person in people))
        found = self._dms.get(key)
        if found is None:
            kind: ChannelKind = "im" if len(key) == 1 else "mpim"
            name = "" if kind == "im" else "mpdm-" + "--".join(sorted(person.handle for person in people)) + "-1"
            found = self._dms[key] = self.add_channel(name, kind, [self.bot, *people])
        return found

    def channel(self, channel_id: str) -> Channel:
        """The channel that the bot may know of; private ones it is not in do not exist for it."""
        channel = self.channels.get(channel_id)
        if channel is None or (channel.kind != "channel" and self.bot.id not in channel.members):
            raise ApiError("channel_not_found")
        return channel

    def store(self, channel: Channel, message: Message) -> None:
        """Add a message to its channel, and to its thread when it is a reply."""
        channel.messages[message.ts] = message
        self.recent.append(message)
        root = channel.messages.get(message.thread_ts) if message.thread_ts else None
        if root is not None and root is not message:
            message.parent_user_id = None if root.subtype == "bot_message" else root.user
            root.replies.append(message)
        if root is None or message.subtype == "thread_broadcast":
            channel.top_level.append(message)

    def thread(self, channel: Channel, ts: str) -> list[Message]:
        """The root and its live replies in ts order; a reply's ts gives its whole thread; empty for an unknown ts."""
        message = channel.messages.get(ts)
        if message is None:
            return []
        root = channel.messages.get(message.thread_ts or "", message)
        return [root, *(reply for reply in root.replies if not reply.deleted)]

    def remove(self, channel: Channel, message: Message) -> Message | None:
        """Delete a message. A root with replies stays as a tombstone until the last of them is deleted.

        Return the tombstone that goes together with the message, if there is one.
        """
        message.deleted = True
        if any(not reply.deleted for reply in message.replies):
            return None
        self._forget(channel, message)
        root = channel.messages.get(message.thread_ts or "")
        if root is None or not root.deleted or any(not reply.deleted for reply in root.replies):
            return None
        self._forget(channel, root)
        return root

    def _forget(self, channel: Channel, message: Message) -> None:
        del channel.messages[message.ts]
        channel.gone.add(message.ts)
        if message in channel.top_level:
            channel.top_level.remove(message)

    def new_view(self, person_id: str, data: Json) -> View:
        """A view with the fields that Slack adds: id, hash, team, app, state."""
        view_id = self.new_id("V")
        view = View(view_id, person_id, {})
        self.views[view_id] = view
        view.data = {
            "id": view_id,
            "team_id": self.team_id,
            "state": {"values": {}},
            "hash": self._hash(),
            "root_view_id": view_id,
            "previous_view_id": None,
            "app_id": self.app_id,
            "app_installed_team_id": self._installed_in(),
            "bot_id": self.bot.bot_id,
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "close": None,
            "submit": None,
            **data,
        }
        return view

    def _installed_in(self) -> str:
        organization = self.organization
        return organization.id if organization is not None and organization.org_wide_install else self.team_id

    def _hash(self) -> str:
        return f"{int(self.clock.now())}.{self.new_id('h')}"

    def push_view(self, person_id: str, data: Json) -> View:
        """Put a modal on top of the person's stack; three at most (docs.slack.dev/surfaces/modals)."""
        stack = self.modals.setdefault(person_id, [])
        if len(stack) >= MAX_MODALS:
            raise ApiError("push_limit_reached")
        view = self.new_view(person_id, data)
        if stack:
            view.data.update(root_view_id=stack[0].id, previous_view_id=stack[-1].id)
        stack.append(view)
        return view

    def replace_view(self, view: View, data: Json) -> None:
        """Give a view new content under the same id."""
        kept = {
            key: view.data[key] for key in ("id", "team_id", "root_view_id", "previous_view_id", "app_id", "bot_id")
        }
        fresh = self.new_view(view.person, data)
        del self.views[fresh.id]
        view.data = {**fresh.data, **kept}
        view.errors = {}

    def permalink(self, message: Message) -> str:
        """The link to a message, as chat.getPermalink gives it."""
        link = f"https://{self.team_domain}.slack.com/archives/{message.channel}/p{message.ts.replace('.', '')}"
        if message.thread_ts and message.thread_ts != message.ts:
            link += f"?thread_ts={message.thread_ts}&cid={message.channel}"
        return link

    def everything(self) -> Iterator[Message]:
        """Every message of the workspace, channel by channel."""
        for channel in self.channels.values():
            yield from channel.messages.values()
