"""The things of a workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from slack_sandbox import text as texts

Json = dict[str, Any]
ChannelKind = Literal["channel", "group", "mpim", "im"]
FileMode = Literal["hosted", "snippet", "file_access", "tombstone", "hidden_by_limit"]
"""What is left of a file: `file_access` is one of another organisation (files.info says more), `tombstone` one that was
deleted, `hidden_by_limit` one beyond the storage of the plan (docs.slack.dev/reference/objects/file-object).
"""


@dataclass(slots=True, eq=False)
class Person:
    """A member of the workspace: a human, or an app's bot user when `bot_id` is set."""

    id: str
    name: str
    display_name: str
    team_id: str
    deleted: bool = False
    bot_id: str | None = None
    app_id: str | None = None
    admin: bool = False
    guest: bool = False
    """They see only the channels that they are in."""
    workflow: bool = False
    teams: tuple[str, ...] = ()
    """The workspaces of the organisation that the person is in; empty: the one of `team_id`."""

    @property
    def handle(self) -> str:
        """The `name` field of a Slack user object: `alice.smith`."""
        return self.name.lower().replace(" ", ".")


@dataclass(slots=True, eq=False)
class Organization:
    """An Enterprise Grid organisation: its E… id, its workspaces by T… id, and how the app is installed."""

    id: str
    name: str
    teams: dict[str, str]
    org_wide_install: bool = False
    team_in_auth_test: bool = True


@dataclass(slots=True, eq=False)
class File:
    """An uploaded file. `shared` holds the channels it was shared to, each with the timestamp of the message."""

    id: str
    name: str
    title: str
    mimetype: str
    user: str
    created: int
    url_private: str
    content: bytes = b""
    expected_size: int | None = None
    alt_txt: str | None = None
    complete: bool = False
    mode: FileMode = "hosted"
    preview: str | None = None
    preview_is_truncated: bool = False
    shared: dict[str, str] = field(default_factory=dict[str, str])
    threads: dict[str, str] = field(default_factory=dict[str, str])
    """The threads that it was shared in, by the timestamp of the message."""
    kinds: dict[str, ChannelKind] = field(default_factory=dict[str, ChannelKind])
    """The kinds of the channels that it was shared to."""

    def as_json(self) -> Json:
        """The file object of Slack's API (docs.slack.dev/reference/objects/file-object)."""
        if self.mode in ("tombstone", "hidden_by_limit"):
            return {"id": self.id, "mode": self.mode}
        if self.mode == "file_access":
            unread: Json = {"id": self.id, "mode": self.mode, "file_access": "check_file_info"}
            return {**unread, "created": 0, "timestamp": 0, "user": ""}
        return {**self._visible(), **(self._snippet() if self.mode == "snippet" else {})}

    def _in(self, *kinds: ChannelKind) -> list[str]:
        """The channels of these kinds that it was shared to."""
        return [channel for channel in self.shared if self.kinds.get(channel, "channel") in kinds]

    def _share(self, ts: str) -> Json:
        return {"ts": ts, **({"thread_ts": self.threads[ts]} if ts in self.threads else {})}

    def _snippet(self) -> Json:
        lines = self.content.decode(errors="replace").count("\n") + 1
        preview = self.preview or ""
        shown = preview.count("\n") + 1
        body: Json = {"mode": "snippet", "editable": True, "preview": preview, "lines": lines}
        body["preview_highlight"] = f'<div class="CodeMirror">{texts.escape(preview)}</div>'
        return {**body, "lines_more": max(0, lines - shown), "preview_is_truncated": self.preview_is_truncated}

    def _visible(self) -> Json:
        suffix = self.name.rpartition(".")[2].lower() if "." in self.name else "text"
        return {
            "id": self.id,
            "created": self.created,
            "timestamp": self.created,
            "name": self.name,
            "title": self.title,
            "mimetype": self.mimetype,
            "filetype": suffix,
            "pretty_type": suffix.upper(),
            "user": self.user,
            "editable": False,
            "size": len(self.content),
            "mode": "hosted",
            "is_external": False,
            "external_type": "",
            "is_public": bool(self._in("channel")),
            "public_url_shared": False,
            "display_as_bot": False,
            "username": "",
            "url_private": self.url_private,
            "url_private_download": self.url_private.replace("/files-pri/", "/files-pri/download/"),
            "channels": self._in("channel"),
            "shares": {
                name: {channel: [self._share(self.shared[channel])] for channel in channels}
                for name, channels in (("public", self._in("channel")), ("private", self._in("group", "mpim", "im")))
                if channels
            },
            "groups": self._in("group", "mpim"),
            "ims": self._in("im"),
            "has_rich_preview": False,
            "file_access": "visible",
        }


@dataclass(slots=True, eq=False)
class Stream:
    """A message that is being streamed: when it began, its text so far, its task and plan chunks."""

    started: float
    recipient: str | None
    chunks: list[Json] = field(default_factory=list[Json])
    open: bool = True


@dataclass(slots=True, eq=False)
class Message:
    """A message as it is now. An update replaces `blocks` and never changes it in place; see `snapshot`."""

    channel: str
    ts: str
    user: str | None
    text: str
    team: str
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    app_id: str | None = None
    blocks: list[Json] = field(default_factory=list[Json])
    attachments: list[Json] = field(default_factory=list[Json])
    metadata: Json | None = None
    edited: Json | None = None
    deleted: bool = False
    files: list[File] = field(default_factory=list[File])
    reactions: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    client_msg_id: str | None = None
    parent_user_id: str | None = None
    ephemeral_to: str | None = None
    link_names: bool = False
    stream: Stream | None = None
    username: str | None = None
    bot_profile: Json | None = None
    icons: Json | None = None
    extra: Json = field(default_factory=dict[str, Any])
    """Further fields of the message object, for the subtypes that have some."""
    replies: list[Message] = field(default_factory=list["Message"])

    @property
    def plain(self) -> str:
        """All readable text of `text`, the blocks and the attachments, one part a line, entities decoded."""
        return texts.plain(self.text, self.blocks, self.attachments)

    @property
    def pings(self) -> list[str]:
        """What in this message would notify somebody, in order: `<!channel>`, `<@U…>`, `<!subteam^S…>` …"""
        return texts.pings(self.text, [*self.blocks, *self.attachments], link_names=self.link_names)

    @property
    def streaming(self) -> bool:
        """Whether a stream is still open on this message."""
        return self.stream is not None and self.stream.open

    @property
    def buttons(self) -> list[str]:
        """The texts of the buttons that the message has now."""
        return [str(element["text"]["text"]) for element in texts.elements(self.blocks) if element["type"] == "button"]

    def snapshot(self) -> Message:
        """A copy that later updates do not reach; `click_raw` takes it."""
        copied = Message(self.channel, self.ts, self.user, self.text, self.team)
        for name in Message.__slots__:
            setattr(copied, name, getattr(self, name))
        return copied

    def as_json(self, *, metadata: bool = False) -> Json:
        """The message object of Slack's API (docs.slack.dev/reference/events/message).

        `metadata` adds the message metadata, which Slack sends only where it is asked for (`include_all_metadata`).
        """
        live_replies = [reply for reply in self.replies if not reply.deleted]
        if self.deleted:
            body: Json = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "hidden": True}
            body.update(text="This message was deleted.", ts=self.ts)
        else:
            body = self._content(metadata=metadata)
        if live_replies:
            # "The reply_users field … sometimes contains bot IDs rather than user IDs" (conversations.replies)
            authors = (reply.bot_id if reply.subtype == "bot_message" else reply.user for reply in live_replies)
            users = list(dict.fromkeys(author for author in authors if author))
            body.update(
                thread_ts=self.ts,
                reply_count=len(live_replies),
                reply_users_count=len(users),
                latest_reply=live_replies[-1].ts,
                reply_users=users[:5],
                is_locked=False,
                subscribed=False,
            )
        elif self.thread_ts is not None:
            body["thread_ts"] = self.thread_ts
            if self.parent_user_id is not None:
                body["parent_user_id"] = self.parent_user_id
        return body

    def _content(self, *, metadata: bool) -> Json:
        body: Json = {"type": "message", "ts": self.ts, "text": self.text}
        customized = self.subtype == "bot_message"
        optional: tuple[tuple[str, Any], ...] = (
            ("user", None if customized else self.user),
            ("team", None if customized else self.team or None),
            ("subtype", self.subtype),
            ("client_msg_id", self.client_msg_id),
            ("bot_id", self.bot_id),
            ("app_id", self.app_id),
            ("bot_profile", self.bot_profile),
            ("username", self.username),
            ("icons", self.icons),
            ("edited", self.edited),
            ("metadata", self.metadata if metadata else None),
        )
        body.update((key, value) for key, value in optional if value is not None)
        if self.blocks:
            body["blocks"] = self.blocks
        if self.attachments:
            body["attachments"] = self.attachments
        if self.files:
            body["files"] = [file.as_json() for file in self.files]
            body["upload"] = self.subtype == "file_share"
        if self.reactions:
            body["reactions"] = [
                {"name": name, "users": list(users), "count": len(users)} for name, users in self.reactions.items()
            ]
        if self.ephemeral_to is not None:
            body["is_ephemeral"] = True
        return {**body, **self.extra}


@dataclass(slots=True, eq=False)
class Channel:
    """A conversation. `members` holds person ids, the bot's user id included where it is in."""

    id: str
    name: str
    kind: ChannelKind
    created: int
    members: dict[str, None] = field(default_factory=dict[str, None])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    top_level: list[Message] = field(default_factory=list[Message])
    archived: bool = False
    shared_externally: bool = False
    host_team: str = ""
    """The workspace that hosts a Slack Connect channel; empty: ours."""
    hidden_before: str = ""
    """Histories leave out what is older than this timestamp, as on a free plan; empty: nothing."""
    gone: set[str] = field(default_factory=set[str])
    """The timestamps of what was deleted without a trace."""
    topic: str = ""
    purpose: str = ""


@dataclass(slots=True, eq=False)
class View:
    """An open modal or a published Home tab; `data` is the view object as Slack returns it."""

    id: str
    person: str
    data: Json
    open: bool = True
    errors: Json = field(default_factory=dict[str, Any])

    @property
    def callback_id(self) -> str:
        """The view's callback_id, empty when it has none."""
        return str(self.data.get("callback_id", ""))

    @property
    def blocks(self) -> list[Json]:
        """The view's blocks as they are now."""
        return self.data["blocks"]

    @property
    def plain(self) -> str:
        """All readable text of the view."""
        return texts.plain(str(self.data.get("title", {}).get("text", "")), self.blocks, [])


@dataclass(slots=True, eq=False)
class Trigger:
    """A trigger_id: three seconds, one use (docs.slack.dev/interactivity/implementing-modals)."""

    person: str
    issued: float
    view: str | None = None
    used: bool = False


@dataclass(slots=True, eq=False)
class ResponseUrl:
    """A response_url: thirty minutes, five uses (docs.slack.dev/interactivity/handling-user-interaction)."""

    person: str
    channel: str
    message: Message | None
    issued: float
    uses: int = 0
