"""Records what other features and workflows of our own app post in a thread while a connection is open.

Each of our own posts comes back as an event, too, and events lack the metadata by which our posts are recognized. Those
of this process are recognized by their timestamps. Any other message of the app is fetched with its metadata, since an
earlier process may have posted it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.inbox import Admission, Incoming
from bot.core.json_text import JsonObject
from bot.core.ports.store import Inbox
from bot.core.untrusted import items, mapping
from bot.slack.delivery.errors import SLACK_ERRORS, code_of
from bot.slack.intake.changes import CHANGED
from bot.slack.intake.messages import edited_at, incoming, timestamp
from bot.slack.own_posts import OwnPosts
from bot.slack.reading.message import AUTHORED_SUBTYPES, Ourselves

log = logging.getLogger(__name__)

MOST = 200
"""Messages that are looked up at a time. Any others are found when the thread is read next."""


class OwnMessages:
    """Handles events about messages of our own app; one instance per process."""

    def __init__(self, store: Inbox, client: AsyncWebClient, ourselves: Ourselves, posts: OwnPosts) -> None:
        self._store = store
        self._client = client
        self._ourselves = ourselves
        self._posts = posts
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, body: JsonObject) -> bool:
        """Handle an event about a message of our own app. Return whether that is all there is to do."""
        event = mapping(body.get("event"))
        if event.get("subtype") != CHANGED:
            if not self._posts.knows(str(event.get("channel")), str(event.get("ts"))):
                self._begin(body, event)
            return True
        now = mapping(event.get("message"))
        if self._posts.knows(str(event.get("channel")), str(now.get("ts"))):
            return True
        # If the event of the message itself was lost, it is recorded with its new wording.
        said = {**now, "channel": event.get("channel"), "channel_type": event.get("channel_type")}
        self._begin({**body, "event": said, "event_id": ""}, said, timestamp(event.get("event_ts")))
        return False

    def _begin(self, body: JsonObject, event: JsonObject, changed: str = "") -> None:
        """Look up a message in a thread. `changed`: the timestamp of the event that reports an edit of it."""
        message = incoming(body, self._ourselves, history=True)
        is_reply = message is not None and message.ts != message.place.thread_ts
        if message is not None and is_reply and event.get("subtype") in AUTHORED_SUBTYPES and len(self._tasks) < MOST:
            task = asyncio.create_task(self._look(message, changed))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _read(self, message: Incoming, changed: str) -> Incoming | None:
        """Return a message with its metadata; None if it is gone. Raises SLACK_ERRORS."""
        place = message.place
        answer: Any = await self._client.conversations_replies(
            channel=place.channel,
            ts=place.thread_ts,
            oldest=message.ts,
            latest=message.ts,
            inclusive=True,
            limit=2,
            include_all_metadata=True,
        )
        for each in map(mapping, items(answer.get("messages"))):
            if each.get("ts") == message.ts:
                event = {**each, "channel": place.channel, "channel_type": place.kind}
                found = incoming({"team_id": place.team, "event": event}, self._ourselves, history=True)
                edited = edited_at(each) if changed else ""
                return replace(found, version=f"{edited} {changed}".strip()) if found and edited else found
        return None

    async def _look(self, message: Incoming, changed: str) -> None:
        place, ts = message.place, message.ts
        try:
            if await self._posts.includes(place.channel, ts):
                return
            if changed or not message.post:
                admission, _ = await self._store.admit(replace(message, unclear=True))
                if admission is not Admission.UNCLEAR:
                    return
                found = await self._read(message, changed)
                if found is None:
                    return
                message = found
            await self._store.admit(message)
        except SLACK_ERRORS as error:
            log.warning("cannot read a message of this app in %s (%s)", place.channel, code_of(error))
        except Exception as error:  # noqa: BLE001  # it is context; the next reading of the thread may find it
            log.warning("skipped a message of this app in %s (%s)", place.channel, code_of(error))
