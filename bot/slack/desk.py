"""Where decisions come in: who did what on which card is checked here, and settled in the store."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.approvers import ApprovalRules
from bot.core.calls import JsonObject
from bot.core.ports import Store, Toolset
from bot.core.requests import Approval, Click, Decision, Settlement, Verdict
from bot.slack.blocks import parts
from bot.slack.blocks.forms import Opened
from bot.slack.people import People
from bot.slack.posting import TROUBLES, code_of

log = logging.getLogger(__name__)

CLOSED = {
    Decision.APPROVED: "approved by <@{who}>",
    Decision.EDITED: "changed by <@{who}>; a new request has taken its place",
    Decision.DENIED: "denied by <@{who}>",
    Decision.EXPIRED: "closed: its time was over",
    Decision.STOPPED: "stopped by <@{who}>",
    Decision.DRIFTED: "closed: what it was based on has changed",
    Decision.IT_RAN: "answered by <@{who}>: it ran",
    Decision.RUN_AGAIN: "answered by <@{who}>: run again",
    Decision.SKIPPED: "answered by <@{who}>: skip",
    Decision.WITHDRAWN: "closed: it could not be shown in full",
}
NOT_TOLD = "Slack did not tell me just now who you are, so nothing was changed. Press the button again in a moment."
UNDO_OVER = "This can no longer be undone here: it was taken back already, or its time is over. Nothing was changed."
NOTHING = "I know no open request behind this button, so nothing was done. It may be from an older message."


@dataclass(frozen=True, slots=True)
class Desk:
    """What the listeners for buttons, windows and the Home share."""

    store: Store
    toolset: Toolset
    people: People
    rules: ApprovalRules
    client: AsyncWebClient
    wake: Callable[[int], None]
    """Have a thread advanced and brought in step."""
    undo: Callable[[int], None]
    """Have what is to be taken back in a thread taken back."""
    background: Callable[[Coroutine[Any, Any, object]], None]
    """Run what need not be done before the ack."""

    async def open_request(self, opened: Opened, body: JsonObject, *, prefix: bool = False) -> Approval | None:
        """The request that a button or a window is about, if it is the one whose card was pressed."""
        approval = await self.store.find_approval(opened.approval)
        if approval is None or approval.channel != opened.channel:
            return None
        same = approval.digest.startswith(opened.digest) if prefix else approval.digest == opened.digest
        return approval if same and len(opened.digest) >= 32 and user_of(body) else None

    async def click(
        self, approval: Approval, opened: Opened, body: JsonObject, decision: Decision, reason: str = ""
    ) -> Click:
        """What this person does, with whether they may."""
        approving = decision in (Decision.APPROVED, Decision.RUN_AGAIN)
        lapsed = [
            user
            for user in (approval.votes if approving else ())
            if await self.people.entitled(user, approval, approving=True) is False
        ]
        return Click(
            approval=approval.id,
            digest=approval.digest,
            decision=decision,
            user=user_of(body),
            team=str((body.get("team") or {}).get("id") or (body.get("user") or {}).get("team_id") or ""),
            channel=opened.channel,
            message_ts=opened.message_ts,
            entitled=await self.people.entitled(user_of(body), approval, approving=approving),
            needed=self.people.rules_for(approval).needed,
            lapsed=frozenset(lapsed),
            reason=reason,
        )

    def settled(self, settlement: Settlement, user: str, did: str) -> str:
        """After a transaction: wake the thread. Out: what the person is to be told, empty when the card says it."""
        log.info("thread %s: %s: %s: %s", settlement.thread_id, user, did, settlement.verdict)
        if settlement.thread_id:
            self.wake(settlement.thread_id)
        return said(settlement, user)

    async def tell(self, body: JsonObject, words: str, opened: Opened | None = None) -> None:
        """A word that only the person who acted sees."""
        container: JsonObject = body.get("container") or {}
        channel = (body.get("channel") or {}).get("id") or container.get("channel_id")
        thread = container.get("thread_ts") or (body.get("message") or {}).get("thread_ts")
        if opened is not None:
            channel, thread = opened.channel, opened.thread_ts or None
        if not channel:
            return
        try:
            await self.client.chat_postEphemeral(channel=channel, user=user_of(body), text=words, thread_ts=thread)
        except TROUBLES as error:
            log.warning("could not tell %s: %s", user_of(body), code_of(error))

    async def show(self, body: JsonObject, view: JsonObject, opened: Opened | None = None) -> None:
        """Open a window; Slack allows 3 seconds for it after the click."""
        try:
            await self.client.views_open(trigger_id=str(body["trigger_id"]), view=view)
        except TROUBLES as error:
            log.warning("could not open a window: %s", code_of(error))
            await self.tell(body, "Slack did not open the window. Nothing was changed: press the button again.", opened)


def user_of(body: JsonObject) -> str:
    """Who acted."""
    return str((body.get("user") or {}).get("id") or "")


def pressed_on(body: JsonObject, request: tuple[str, str]) -> Opened:
    """What a button of a message is about, and where the message is."""
    message: JsonObject = body.get("message") or {}
    container: JsonObject = body.get("container") or {}
    return Opened(
        approval=request[0],
        digest=request[1],
        channel=str((body.get("channel") or {}).get("id") or ""),
        message_ts=str(message.get("ts") or ""),
        thread_ts=str(container.get("thread_ts") or message.get("thread_ts") or ""),
    )


def said(settlement: Settlement, user: str) -> str:
    """The verdict in words, when there is something to say."""
    approval = settlement.approval
    match settlement.verdict:
        case Verdict.SETTLED | Verdict.COUNTED:
            return ""
        case Verdict.NOT_TOLD:
            return NOT_TOLD
        case Verdict.NOT_YOURS if approval is not None:
            return not_yours(approval)
        case Verdict.ALREADY if approval is not None:
            return _already(approval, user)
        case _:
            return NOTHING


def _already(approval: Approval, user: str) -> str:
    if approval.decision is Decision.AWAITING and user in approval.votes:
        return f"You have approved this already; {approval.needed} different people have to. Nothing was changed."
    how = CLOSED.get(approval.decision, "closed").format(who=approval.decided_by)
    return f"This request was already {how}. Nothing was changed."


def not_yours(approval: Approval) -> str:
    """Who may decide, to somebody who may not."""
    who = parts.mentions(approval.people, approval.requester, last=" or ")
    if approval.people == ("requester",) and not approval.no_self:
        return f"Only {who}, whose message started this, can decide. Nothing was changed."
    more = ", and not who asked for it or changed it" if approval.no_self else ""
    return f"Only {who} can decide{more}. Nothing was changed."


def all_said(settlements: Sequence[Settlement], user: str) -> str:
    """The verdicts on several requests in one sentence or two."""
    return "\n".join(dict.fromkeys(words for settlement in settlements if (words := said(settlement, user))))
