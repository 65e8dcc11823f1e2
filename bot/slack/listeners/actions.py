"""Buttons: a click is checked and settled in one transaction before its ack, then the thread is woken."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any

from aiohttp import ClientError
from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.calls import JsonObject
from bot.core.ports import Store
from bot.core.thread import Click, Decision, Settlement, Verdict
from bot.slack.blocks import cards

log = logging.getLogger(__name__)

ANYTHING = re.compile(".*", re.DOTALL)
WORDS = {
    Decision.APPROVED: "approved by <@{who}>",
    Decision.DENIED: "denied by <@{who}>",
    Decision.EXPIRED: "closed: its time was over",
    Decision.IT_RAN: "answered by <@{who}>: it ran",
    Decision.RUN_AGAIN: "answered by <@{who}>: run again",
    Decision.SKIPPED: "answered by <@{who}>: skip",
    Decision.WITHDRAWN: "closed: it could not be shown in full",
}


def register(
    app: AsyncApp,
    store: Store,
    client: AsyncWebClient,
    wake: Callable[[int], None],
    background: Callable[[Coroutine[Any, Any, object]], None],
) -> None:
    """Listen to the buttons of cards; whatever else is pressed, sent or typed gets its ack and, from us, a word.

    `wake` has a thread advanced and brought in step; `background` runs what need not be done before the ack.
    """

    async def on_button(ack: AsyncAck, body: dict[str, Any]) -> None:
        action: JsonObject = body["actions"][0]
        name = str(action["action_id"]).removeprefix(cards.PREFIX)
        try:
            approval, digest = cards.opened(str(action.get("value") or ""))
            decision = None if name == cards.DETAILS else Decision(name)
        except ValueError:
            log.warning("a button with a value that is not ours: %r", str(action.get("value"))[:200])
            await ack()
            background(_tell(client, body, "This button is not one of mine, so nothing was done."))
            return
        if decision is None:
            await ack()
            background(_show(store, client, body, approval))
            return
        click = Click(
            approval=approval,
            digest=digest,
            decision=decision,
            user=str(body["user"]["id"]),
            team=str((body.get("team") or {}).get("id") or body["user"].get("team_id") or ""),
            channel=str((body.get("channel") or {}).get("id") or ""),
            message_ts=str((body.get("message") or {}).get("ts") or ""),
        )
        settlement = await store.settle(click)
        await ack()
        log.info("thread %s: %s pressed %s: %s", settlement.thread_id, click.user, decision, settlement.verdict)
        if settlement.thread_id:
            wake(settlement.thread_id)
        if settlement.verdict is not Verdict.SETTLED:
            background(_tell(client, body, _words(settlement)))

    async def on_anything(ack: AsyncAck) -> None:
        await ack()

    async def on_event() -> None:
        return

    app.action(re.compile(f"^{re.escape(cards.PREFIX)}"))(on_button)
    app.action(ANYTHING)(on_anything)
    app.view(ANYTHING)(on_anything)
    app.view_closed(ANYTHING)(on_anything)
    app.command(ANYTHING)(on_anything)
    app.shortcut(ANYTHING)(on_anything)
    app.options(ANYTHING)(on_anything)
    app.event(ANYTHING)(on_event)


def _words(settlement: Settlement) -> str:
    if settlement.verdict is Verdict.NOT_YOURS:
        return f"Only <@{settlement.requester}>, whose message started this, can decide. Nothing was changed."
    if settlement.verdict is Verdict.ALREADY:
        how = WORDS.get(settlement.decision, "closed").format(who=settlement.decided_by)
        return f"This request was already {how}. Nothing was changed."
    return "I know no open request behind this button, so nothing was done. It may be from an older message."


async def _tell(client: AsyncWebClient, body: JsonObject, words: str) -> None:
    """A word that only the person who clicked sees."""
    container: JsonObject = body.get("container") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id")
    if not channel:
        return
    thread = container.get("thread_ts") or (body.get("message") or {}).get("thread_ts")
    try:
        await client.chat_postEphemeral(channel=channel, user=body["user"]["id"], text=words, thread_ts=thread)
    except (SlackApiError, ClientError, TimeoutError, OSError) as error:
        log.warning("could not tell %s: %s", body["user"]["id"], error)


async def _show(store: Store, client: AsyncWebClient, body: JsonObject, approval_id: str) -> None:
    """The arguments in full. The channel must be the card's: a forged value opens nothing from elsewhere."""
    approval = await store.find_approval(approval_id)
    channel = (body.get("channel") or {}).get("id")
    if approval is None or channel != approval.channel:
        await _tell(client, body, "I know no request behind this button.")
        return
    try:
        await client.views_open(trigger_id=body["trigger_id"], view=cards.details(approval))
    except (SlackApiError, ClientError, TimeoutError, OSError) as error:
        log.warning("could not open the arguments: %s", error)
        await _tell(client, body, "Slack did not open the window with the arguments. Press Details again.")
