"""What others than people write: other apps, workflows, Slackbot, and Slack itself.

Sources: docs.slack.dev/reference/events/message and the pages of its subtypes; payloads recorded from Slack in the
tests of github.com/MercuryTechnologies/slack-web (tests/golden/SlackWebhookEvent).
"""

from collections.abc import Sequence
from typing import Any

from slack_sandbox import text as texts
from slack_sandbox.model import Channel, Json, Message, Person
from slack_sandbox.user_actions import Upload, UserActions

_SYSTEM_TEXTS = {
    "channel_join": "<@{user}> has joined the channel",
    "channel_leave": "<@{user}> has left the channel",
    "group_join": "<@{user}> has joined the group",
    "group_leave": "<@{user}> has left the group",
    "channel_topic": "<@{user}> set the channel topic: {topic}",
    "channel_purpose": "<@{user}> set the channel purpose: {purpose}",
    "channel_name": '<@{user}> has renamed the channel from "{old_name}" to "{name}"',
    "channel_archive": "<@{user}> archived the channel",
    "channel_unarchive": "<@{user}> un-archived the channel",
}


class AppPosts(UserActions):
    """Messages that no person has written; each method returns the timestamp."""

    def add_bot(self, name: str) -> Person:
        """Add another app, with its bot user."""
        workspace = self.workspace
        return workspace.add_person(name, bot_id=workspace.new_id("B"), app_id=workspace.new_id("A"))

    def add_workflow(self, name: str) -> Person:
        """Add a workflow of Workflow Builder, which posts as a bot user of its own."""
        workflow = self.add_bot(name)
        workflow.workflow = True
        return workflow

    async def app_post(
        self,
        channel: Channel | str,
        app: Person,
        text: str = "",
        *,
        thread_ts: str | None = None,
        blocks: Sequence[Json] = (),
        attachments: Sequence[Json] = (),
        files: Sequence[Upload] = (),
        username: str = "",
        broadcast: bool = False,
    ) -> str:
        """Post as another app or as a workflow (`add_bot`, `add_workflow`), in the form of today: no subtype, and
        `user`, `bot_id`, `app_id` and `bot_profile`.

        With `username` the app has chosen another name for the message: then the subtype is `bot_message` and there is
        no `user`. `broadcast` shows a reply in the channel too.
        """
        where = self._channel(channel)
        message = self._written(where, app, texts.as_posted(self._named(text)))
        message.blocks = list(blocks)
        message.attachments = list(attachments)
        message.files = [self._attached(where, app, upload, message.ts) for upload in files]
        if username:
            message.username, message.subtype = username, "bot_message"
            message.bot_profile = message.bot_profile if app.workflow else None
        elif broadcast and thread_ts:
            message.subtype = "thread_broadcast"
        elif files:
            message.subtype = "file_share"
        if app.workflow:
            message.extra = {"workflow_id": f"Wf{app.id[1:]}"}
        return self._publish(where, message, thread_ts)

    async def workflow_post(
        self,
        channel: Channel | str,
        workflow: Person,
        text: str = "",
        *,
        thread_ts: str | None = None,
        blocks: Sequence[Json] = (),
        attachments: Sequence[Json] = (),
    ) -> str:
        """Post as a step of a workflow: subtype `bot_message`, the workflow's name as `username`, no `user`."""
        return await self.app_post(
            channel,
            workflow,
            text,
            thread_ts=thread_ts,
            blocks=blocks,
            attachments=attachments,
            username=workflow.name,
        )

    async def webhook_post(
        self,
        channel: Channel | str,
        username: str,
        text: str = "",
        *,
        thread_ts: str | None = None,
        blocks: Sequence[Json] = (),
        attachments: Sequence[Json] = (),
        bot_id: str = "",
    ) -> str:
        """Post through a legacy incoming webhook: `bot_message` with `username` and `bot_id`, no user and no app."""
        where = self._channel(channel)
        stored = texts.as_posted(self._named(text))
        message = Message(where.id, self.clock.ts(), None, stored, "", subtype="bot_message", username=username)
        message.bot_id = bot_id or self.workspace.new_id("B")
        message.icons = {"emoji": ":robot_face:"}
        message.blocks, message.attachments = list(blocks), list(attachments)
        return self._publish(where, message, thread_ts)

    async def slackbot_post(self, channel: Channel | str, text: str, *, thread_ts: str | None = None) -> str:
        """Post as Slackbot (USLACKBOT), which looks like a person: no bot_id, and users.info says it is no bot."""
        where = self._channel(channel)
        stored = texts.as_posted(self._named(text))
        message = Message(where.id, self.clock.ts(), "USLACKBOT", stored, self.workspace.team_id)
        message.blocks = texts.rich_text(stored, self.workspace.new_id("b"))
        return self._publish(where, message, thread_ts)

    async def system_message(
        self,
        channel: Channel | str,
        person: Person,
        subtype: str,
        text: str = "",
        *,
        thread_ts: str | None = None,
        **fields: Any,
    ) -> str:
        """Post what Slack itself says of a person: `channel_join`, `channel_topic`, `pinned_item` or any other subtype.

        `fields` are those of the subtype (`topic`, `inviter`, `old_name` …). The common subtypes have Slack's text when
        none is given.
        """
        where = self._channel(channel)
        said = text or _SYSTEM_TEXTS.get(subtype, "").format_map({"user": person.id, **fields})
        message = Message(where.id, self.clock.ts(), person.id, said, "", subtype=subtype, extra=dict(fields))
        return self._publish(where, message, thread_ts)

    async def open_assistant_thread(self, person: Person, title: str = "New Assistant Thread") -> str:
        """Begin an assistant thread in the direct message with the app: its root is a message of the app's own, and
        what the person says in it brings an `assistant_thread`.
        """
        where = self.workspace.direct([person])
        message = self._written(where, self.workspace.bot, title)
        message.subtype, message.blocks = "assistant_app_thread", []
        message.extra = {"assistant_app_thread": {"title": title, "title_blocks": [], "artifacts": []}}
        return self._publish(where, message, None)
