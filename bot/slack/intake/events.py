"""Handles message events: what people write, edit and delete is committed before Slack gets its acknowledgement, and
then the thread is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.core.amendments import Amendment
from bot.core.inbox import Admission, Incoming
from bot.core.ports.store import Inbox
from bot.core.untrusted import mapping
from bot.slack.intake.amending import amend
from bot.slack.intake.changes import amendment, deleted
from bot.slack.intake.early_replies import EarlyReplies
from bot.slack.intake.messages import incoming, is_unclear, notice_of
from bot.slack.intake.model_words import NO_MODELS, ModelWords
from bot.slack.intake.stop_rights import MayStop, with_rights
from bot.slack.reading.message import Ourselves

TWIN_SECONDS = 0.5
"""How long an `app_mention` that may not be by a person waits for its `message` event, which shows whether it is."""
MAX_NOTICES = 1_000
"""Notices of Slack that are remembered for this."""

Commit = asyncio.Task[tuple[Admission, int]]


def register(
    app: AsyncApp,
    store: Inbox,
    wake: Callable[[int], None],
    ourselves: Ourselves,
    under_way: dict[tuple[str, str], Commit],
    *,
    bots: Collection[str] = (),
    model_words: ModelWords = NO_MODELS,
    may_stop: MayStop,
    stopped: Callable[[int], None],
    busy: Callable[[int], bool],
    seen: Callable[[str, str], None],
    unseen: Callable[[str, str], Awaitable[None]],
) -> None:
    """Listen to mentions and messages.

    Args:
        app: Bolt's app.
        store: records the messages.
        wake: schedules a thread.
        ourselves: the ids of our own app.
        under_way: the commits of messages to the bot, by channel and ts.
        bots: ids of apps and workflows that may address the bot.
        model_words: recognizes messages that choose a model.
        may_stop: returns whether a person may stop the turns of others.
        stopped: schedules a thread in which something was decided, and updates its posts.
        busy: returns whether a thread is being advanced.
        seen: marks a message as one that is read in a moment, by channel and ts.
        unseen: handles a message that was deleted, by channel and ts.
    """

    early = EarlyReplies()

    async def admit(message: Incoming) -> tuple[Admission, int]:
        message = await with_rights(message, may_stop) if message.stop else model_words.read(message)
        return await store.admit(message)

    async def commit(message: Incoming) -> tuple[Admission, int]:
        admission, thread_id = await admit(message)
        if admission is Admission.IGNORED:
            early.keep(message)
            return admission, thread_id
        for each in early.before(message):  # also of a duplicate: the first time, this may have failed
            await (admit(each) if isinstance(each, Incoming) else amend(store, each, busy))
        return admission, thread_id

    async def change_of(change: Amendment) -> None:
        woken = await amend(store, change, busy)
        if not woken:
            early.keep(change)
        for each in woken:
            stopped(each)

    notices: dict[tuple[str, str], None] = {}

    def remember(notice: tuple[str, str] | None) -> None:
        if notice:
            notices[notice] = None
            if len(notices) > MAX_NOTICES:
                del notices[next(iter(notices))]

    async def on_message(body: dict[str, Any]) -> None:
        if gone := deleted(body):  # whoever has written it: Slack need not say
            await unseen(*gone)
        if (change := amendment(body, ourselves, bots)) is not None:
            await change_of(change)
            return
        message = incoming(body, ourselves, bots)
        event = mapping(body.get("event"))
        if message is None:
            remember(notice_of(event))
            return
        key = (message.place.channel, message.ts)
        if message.addressed and is_unclear(event):
            await asyncio.sleep(TWIN_SECONDS)
            if key in notices:
                return
        # A mention arrives as two events at once: both wait for one commit, and neither is acked when it fails.
        if message.addressed and key in under_way:
            await _result(under_way[key])
            return
        task = asyncio.create_task(commit(message))
        if message.addressed:
            under_way[key] = task
            task.add_done_callback(lambda _: under_way.pop(key, None))
        admission, thread_id = await _result(task)
        if admission is Admission.STARTS:
            if message.ts != message.place.thread_ts and busy(thread_id):
                seen(message.place.channel, message.ts)
            wake(thread_id)
        elif admission in (Admission.STOPS, Admission.CHOOSES):
            for each in await store.waiting():
                stopped(each)

    app.event("app_mention")(on_message)
    app.event("message")(on_message)


async def _result(commit: Commit) -> tuple[Admission, int]:
    """Return the result of a commit, which goes on if the caller is cancelled. Raises what the commit raises."""
    await asyncio.wait({commit})
    return commit.result()
