"""What people do in channels: write, attach files, edit, delete, react, open the app's Home, press Stop."""

import mimetypes
from collections.abc import Iterable, Sequence

from slack_sandbox import text as texts
from slack_sandbox.clock import Clock
from slack_sandbox.conditions import Changes
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.events import Events
from slack_sandbox.model import Channel, ChannelKind, File, Json, Message, Person
from slack_sandbox.state import Workspace

Upload = File | tuple[str, bytes]


class UserActions:
    """The people's side of the sandbox; `SlackSandbox` inherits it."""

    def __init__(self, workspace: Workspace, events: Events, clock: Clock, changes: Changes) -> None:
        self.workspace = workspace
        self.events = events
        self.clock = clock
        self._changes = changes
        self._port = 0

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self._port}"

    def add_person(
        self,
        name: str,
        *,
        display_name: str | None = None,
        deleted: bool = False,
        team_id: str | None = None,
        admin: bool = False,
        teams: Sequence[str] = (),
        prefix: str = "U",
    ) -> Person:
        """Add a person. An `admin` can delete what others wrote, apps included.

        `team_id` is the person's workspace: one of the organisation (`add_workspace`), its E… id, or one of others,
        which makes a Slack Connect outsider. `teams` are all workspaces of the organisation that the person is in, and
        `prefix` "W" gives the id that accounts of a Grid may have.
        """
        workspace = self.workspace
        person = workspace.add_person(name, display_name=display_name, deleted=deleted, team_id=team_id, prefix=prefix)
        person.admin, person.teams = admin, tuple(teams)
        self._changes.touch()
        return person

    def add_channel(
        self,
        name: str,
        members: Iterable[Person] = (),
        kind: ChannelKind = "channel",
        *,
        bot: bool = True,
        prefix: str = "",
    ) -> Channel:
        """Add a conversation; the app's bot is a member unless `bot` is False.

        Private channels and group direct messages get a G… id, as old ones have; with `prefix` "C" the id says no more
        about the kind than those that Slack gives today.
        """
        people = [*members, self.workspace.bot] if bot else list(members)
        channel = self.workspace.add_channel(name, kind, people, prefix)
        self._changes.touch()
        return channel

    def open_dm(self, person: Person) -> Channel:
        """Return the direct message channel of the person and the bot."""
        return self.workspace.direct([person])

    def add_usergroup(self, handle: str, members: Iterable[Person]) -> str:
        """Add a user group; return its S… id."""
        group_id = self.workspace.new_id("S")
        users = [person.id for person in members]
        self.workspace.usergroups[group_id] = {"id": group_id, "handle": handle, "name": handle, "users": users}
        return group_id

    def invite(self, channel: Channel | str, person: Person | None = None, *, by: Person | None = None) -> None:
        """Add a person, or the app's bot when none is named, to a channel; delivered when the app subscribes to
        member_joined_channel. `by` is who invites; none when the person joins by themselves.
        """
        where, joining = self._channel(channel), person or self.workspace.bot
        if joining.id in where.members:
            return
        self.workspace.join(where, joining)
        event: Json = {
            "type": "member_joined_channel",
            "user": joining.id,
            "channel": where.id,
            "team": joining.team_id,
        }
        event.update(channel_type="C" if where.kind == "channel" else "G", event_ts=self.clock.ts())
        if by is not None:
            event["inviter"] = by.id
        if self.workspace.bot.id in where.members:
            self.events.publish(event, where)
        self._changes.touch()

    def kick(self, channel: Channel | str, person: Person | None = None) -> None:
        """Remove a person, or the app's bot when none is named, from a channel."""
        self._channel(channel).members.pop((person or self.workspace.bot).id, None)
        self._changes.touch()

    def add_file(self, person: Person, name: str, content: bytes, mimetype: str | None = None) -> File:
        """A file that the person uploaded; pass it to `say(files=[…])`."""
        file_id = self.workspace.new_id("F")
        kind = mimetype or mimetypes.guess_type(name)[0] or "application/octet-stream"
        url = f"{self.origin}/files-pri/{self.workspace.team_id}-{file_id}/{name}"
        file = File(file_id, name, name, kind, person.id, int(self.clock.now()), url, content, complete=True)
        self.workspace.files[file_id] = file
        return file

    def add_snippet(self, person: Person, name: str, content: str, *, preview_lines: int = 5) -> File:
        """Add a text snippet; its preview has the first lines, and says whether there are more."""
        file = self.add_file(person, name, content.encode(), "text/plain")
        lines = content.split("\n")
        file.mode, file.preview = "snippet", "\n".join(lines[:preview_lines])
        file.preview_is_truncated = len(lines) > preview_lines
        return file

    async def say(
        self,
        channel: Channel | str,
        person: Person,
        text: str,
        *,
        thread_ts: str | None = None,
        files: Sequence[Upload] = (),
        subtype: str | None = None,
        encoded: bool = False,
        blocks: Sequence[Json] | None = None,
        attachments: Sequence[Json] = (),
    ) -> str:
        """Post as a person or as another bot; return the timestamp. The events are sent before it returns, not yet
        acknowledged.

        `<@BOT>` stands for a mention of the app. With `encoded` the text is as Slack's client sends it: `& < >` are
        escaped where they are no control sequence. `subtype` may be `thread_broadcast`, `me_message` or any other that
        Slack knows; messages with files get `file_share`. `blocks` (rich text, tables) replace those that are made of
        the text. Raise ImpossibleAction for a channel the person cannot write in, or an unknown thread.
        """
        where = self._channel(channel)
        if person.id not in where.members:
            if where.kind != "channel":
                raise ImpossibleAction(f"{person.name} is not a member of {where.name or where.id}")
            self.workspace.join(where, person)
        message = self._written(where, person, self._stored(person, text, encoded=encoded))
        message.files = [self._attached(where, person, upload, message.ts) for upload in files]
        message.subtype = subtype or ("file_share" if files else None)
        message.attachments = list(attachments)
        if blocks is not None or subtype == "me_message":
            message.blocks = list(blocks or ())
        return self._publish(where, message, thread_ts)

    def _publish(self, where: Channel, message: Message, thread_ts: str | None) -> str:
        """Store a message, in a thread if there is one, and deliver it; return its timestamp."""
        if thread_ts is not None:
            root = where.messages.get(thread_ts)
            if root is None:
                raise ImpossibleAction(f"no message {thread_ts} to reply to")
            message.thread_ts = root.thread_ts or root.ts
        self.workspace.store(where, message)
        self.events.posted(where, message)
        self._changes.touch()
        return message.ts

    def _stored(self, person: Person, text: str, *, encoded: bool) -> str:
        return (texts.as_posted if person.bot_id or encoded else texts.as_typed)(self._named(text))

    def _named(self, text: str) -> str:
        return text.replace("<@BOT>", f"<@{self.workspace.bot.id}>")

    def _written(self, channel: Channel, person: Person, stored: str) -> Message:
        message = Message(channel.id, self.clock.ts(), person.id, stored, person.team_id)
        message.blocks = texts.rich_text(stored, self.workspace.new_id("b"))
        if person.bot_id is None:
            message.client_msg_id = f"00000000-0000-4000-8000-{int(message.ts.replace('.', '')) % 10**12:012d}"
        else:
            message.bot_id, message.app_id = person.bot_id, person.app_id
            profile: Json = {"id": person.bot_id, "app_id": person.app_id, "name": person.name, "deleted": False}
            message.bot_profile = {**profile, "team_id": person.team_id, "updated": 0, "icons": {}}
            if person.workflow:
                message.bot_profile["is_workflow_bot"] = True
        return message

    def _attached(self, channel: Channel, person: Person, upload: Upload, ts: str) -> File:
        file = upload if isinstance(upload, File) else self.add_file(person, upload[0], upload[1])
        file.shared[channel.id], file.kinds[channel.id] = ts, channel.kind
        return file

    def delete_file(self, file: File) -> None:
        """Delete a file, as its owner can: its messages show that it was deleted, and nobody can download it."""
        self.workspace.files.pop(file.id, None)
        file.mode, file.content = "tombstone", b""
        self._changes.touch()

    async def edit(
        self,
        channel: Channel | str,
        ts: str,
        person: Person,
        text: str,
        *,
        encoded: bool = False,
        blocks: Sequence[Json] | None = None,
        attachments: Sequence[Json] | None = None,
    ) -> None:
        """Change a message of the person's or app's own; delivers message_changed. `encoded` and `blocks` as in `say`;
        attachments stay unless others are given.
        """
        where, message = self._own(channel, ts, person)
        previous = message.snapshot()
        message.text = self._stored(person, text, encoded=encoded)
        message.blocks = texts.rich_text(message.text, self.workspace.new_id("b")) if blocks is None else list(blocks)
        if attachments is not None:
            message.attachments = list(attachments)
        message.edited = {"user": person.id, "ts": self.clock.ts()}
        self.events.edited(where, message, previous)
        self._changes.touch()

    async def delete(self, channel: Channel | str, ts: str, person: Person) -> None:
        """Delete a message of the person's own, or any message as an admin.

        Delivers message_deleted; for a root with replies message_changed, with the tombstone that stays.
        """
        where, message = self._own(channel, ts, person, others=person.admin)
        previous = message.snapshot()
        emptied = self.workspace.remove(where, message)
        self.events.deleted(where, previous, emptied)
        self._changes.touch()

    def _own(self, channel: Channel | str, ts: str, person: Person, *, others: bool = False) -> tuple[Channel, Message]:
        where = self._channel(channel)
        message = where.messages.get(ts)
        if message is None or message.deleted or not (others or message.user == person.id):
            raise ImpossibleAction(f"{person.name} has no message {ts} in {where.name or where.id}")
        return where, message

    async def react(self, channel: Channel | str, ts: str, person: Person, name: str) -> None:
        """Add an emoji, or remove it if the person has added it before; delivered when the app subscribes to
        reaction_added or reaction_removed. Raise ImpossibleAction when the message is gone.
        """
        where = self._channel(channel)
        message = where.messages.get(ts)
        if message is None or message.deleted:
            raise ImpossibleAction("the message is gone")
        people = message.reactions.setdefault(name, [])
        kind = "reaction_removed" if person.id in people else "reaction_added"
        if person.id not in people:
            people.append(person.id)
        else:
            people.remove(person.id)
            if not people:
                del message.reactions[name]
        event: Json = {"type": kind, "user": person.id, "reaction": name, "item_user": message.user}
        event.update(item={"type": "message", "channel": where.id, "ts": ts}, event_ts=self.clock.ts())
        self.events.publish(event)
        self._changes.touch()

    def dismiss(self, person: Person, ts: str) -> None:
        """Remove an ephemeral message, as its reader can. Raise ImpossibleAction when there is none."""
        seen = self.workspace.ephemerals.get(person.id, [])
        found = next((message for message in seen if message.ts == ts and not message.deleted), None)
        if found is None:
            raise ImpossibleAction("the message is gone")
        found.deleted = True
        self._changes.touch()

    async def open_home(self, person: Person, tab: str = "home") -> None:
        """Open the app's Home at a tab: `home` or `messages`."""
        published = self.workspace.homes.get(person.id)
        view = published.data if published is not None and tab == "home" else None
        self.events.home_opened(person, self.open_dm(person), tab, view)
        self._changes.touch()

    def end_streams(self) -> None:
        """End every open stream of the app, as Slack sometimes does by itself."""
        for message in self.workspace.everything():
            if message.stream is not None:
                message.stream.open = False
        self._changes.touch()

    async def press_stop(self, channel: Channel | str, thread_ts: str, person: Person) -> None:
        """Press the Stop of an agent session: Slack ends its streams and sends agent_session_stopped.

        Raise ImpossibleAction unless the session is `processing`: only then does Slack show the button.
        """
        where = self._channel(channel)
        session = self.workspace.sessions.get((where.id, thread_ts))
        if session is None or session["status"] != "processing":
            raise ImpossibleAction("no Stop button: the session is not processing")
        streaming = [message for message in self.workspace.thread(where, thread_ts) if message.streaming]
        for message in streaming:
            if message.stream is not None:
                message.stream.open = False
        self.events.session_stopped(person, where, thread_ts, [message.ts for message in streaming])
        self._changes.touch()

    def _channel(self, channel: Channel | str) -> Channel:
        return self.workspace.channels[channel] if isinstance(channel, str) else channel
