"""Forwarded messages and link previews: other people's words in the attachments of a message.

Slack documents neither. The shapes are those of payloads recorded from Slack: forwarded_message.json and
share_without_message.json in github.com/MercuryTechnologies/slack-web (tests/golden/SlackWebhookEvent), and the
attachment type of github.com/slackapi/node-slack-sdk (packages/types/src/message-attachments.ts).
"""

import time

from slack_sandbox.app_posts import AppPosts
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Json, Message, Person
from slack_sandbox.state import Workspace

_PICTURE = "https://avatars.example.com/48.png"


def of_message(workspace: Workspace, message: Message, *, share: bool) -> Json:
    """The attachment that shows another message: forwarded (`share`), or linked to by its permalink.

    A forwarded message brings its own attachments and files with it, and so what it had forwarded itself.
    """
    channel = workspace.channels[message.channel]
    author = workspace.person(message.user or "")
    name = message.username or (author.display_name or author.name if author is not None else "")
    said = time.strftime("%B %d, %Y %I:%M %p", time.gmtime(float(message.ts)))
    body: Json = {
        "from_url": workspace.permalink(message),
        "ts": message.ts,
        "channel_id": channel.id,
        "channel_team": workspace.team_id,
        "is_msg_unfurl": True,
        "message_blocks": [
            {
                "team": workspace.team_id,
                "channel": channel.id,
                "ts": message.ts,
                "message": {"blocks": message.blocks},
            }
        ],
        "color": "D0D0D0",
        "fallback": f"[{said}] {name}: {message.text}",
        "text": message.text,
        "author_name": name,
        "author_icon": _PICTURE,
        "author_subname": name,
        "mrkdwn_in": ["text"],
        "footer": _footer(channel, message),
    }
    if share:
        body["is_share"] = True
    if message.user is not None and message.subtype != "bot_message":
        body.update(
            author_id=message.user, author_link=f"https://{workspace.team_domain}.slack.com/team/{message.user}"
        )
    elif message.bot_id is not None:
        body["author_id"] = message.bot_id
    if channel.kind in ("channel", "group"):
        body["channel_name"] = channel.name
    if message.thread_ts and message.thread_ts != message.ts:
        body.update(is_reply_unfurl=True, thread_ts=message.thread_ts)
    if message.attachments:
        body["attachments"] = message.attachments
    if message.files:
        body["files"] = [file.as_json() for file in message.files]
    return body


def _footer(channel: Channel, message: Message) -> str:
    if channel.kind in ("im", "mpim"):
        return "Direct message" if channel.kind == "im" else "Group direct message"
    if channel.kind == "group":
        return "Slack Conversation"
    reply = bool(message.thread_ts and message.thread_ts != message.ts)
    return f"Thread in #{channel.name}" if reply else f"Posted in #{channel.name}"


class Sharing(AppPosts):
    """Forwarding, and the previews that Slack adds to a message afterwards."""

    async def forward(
        self,
        channel: Channel | str,
        person: Person,
        source: Message,
        *,
        comment: str = "",
        thread_ts: str | None = None,
    ) -> str:
        """Forward a message to a channel or thread, with a comment of the person's own; return the timestamp.

        `source` may itself be a message that forwards another.
        """
        where = self._channel(channel)
        message = self._written(where, person, self._stored(person, comment, encoded=False))
        message.attachments = [of_message(self.workspace, source, share=True)]
        return self._publish(where, message, thread_ts)

    async def unfurl(
        self,
        channel: Channel | str,
        ts: str,
        url: str,
        *,
        title: str = "",
        text: str = "",
        service_name: str = "",
        author_name: str = "",
    ) -> None:
        """Add the preview of a link to a message; delivers message_changed, without `edited`."""
        attachment: Json = {"from_url": url, "original_url": url, "id": 1}
        attachment["fallback"] = f"{service_name}: {title}" if service_name else title
        given = {"title": title, "text": text, "service_name": service_name, "author_name": author_name}
        attachment.update((key, value) for key, value in given.items() if value)
        if title:
            attachment["title_link"] = url
        if service_name:
            attachment["service_icon"] = "https://example.com/favicon.ico"
        self._preview(self._channel(channel), ts, attachment)

    async def unfurl_message(self, channel: Channel | str, ts: str, source: Message) -> None:
        """Add the preview of a permalink: what the linked message says; delivers message_changed."""
        self._preview(self._channel(channel), ts, of_message(self.workspace, source, share=False))

    def _preview(self, where: Channel, ts: str, attachment: Json) -> None:
        message = where.messages[ts]
        if message.stream is not None:
            raise ImpossibleAction("Slack adds no previews of links to a message that was streamed.")
        previous = message.snapshot()
        message.attachments = [*message.attachments, {**attachment, "id": len(message.attachments) + 1}]
        self.events.previewed(where, message, previous)
        self._changes.touch()
