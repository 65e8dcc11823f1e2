"""Handles decisions about approvals: checks who did what on which card, and has the store settle it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from slack_sdk.web.async_client import AsyncWebClient

from bot import log_events
from bot.core.calls import CallOutcome
from bot.core.cost_view import CostView
from bot.core.json_text import JsonObject
from bot.core.policy.approvers import REQUESTER, ApprovalRules, Approvers
from bot.core.policy.privacy import Privacy
from bot.core.ports.costs import Costs
from bot.core.ports.grants import Grants
from bot.core.ports.identities import Connections
from bot.core.ports.ledgers import Ledgers
from bot.core.ports.posts import Posts
from bot.core.ports.store import Inbox, Questions, Turns
from bot.core.ports.toolset import Toolset
from bot.core.questions.click import Click, Settlement, Verdict
from bot.core.questions.granted import REVOKE
from bot.core.questions.question import Approval, Decision, UndoState
from bot.core.questions.suggestion import SUGGESTION
from bot.core.questions.undo import UNDO
from bot.core.thread_ref import ThreadRef
from bot.core.tools import Tool
from bot.core.untrusted import mapping, reference
from bot.slack.authorization import AuthorizationCheck, Authorizer
from bot.slack.blocks import elements
from bot.slack.blocks.forms import Opened, unseal
from bot.slack.prompt_desk import PromptDesk
from bot.slack.window_updates import WindowUpdates

CLOSED = {
    Decision.APPROVED: "approved by <@{who}>",
    Decision.EDITED: "changed by <@{who}>; the changed version has taken its place",
    Decision.DENIED: "denied by <@{who}>",
    Decision.EXPIRED: "closed: its time was over",
    Decision.STOPPED: "stopped by <@{who}>",
    Decision.DRIFTED: "closed: what it was based on has changed",
    Decision.IT_RAN: "answered by <@{who}>: it ran",
    Decision.RUN_AGAIN: "answered by <@{who}>: run again",
    Decision.SKIPPED: "answered by <@{who}>: skip",
    Decision.WITHDRAWN: "closed: it could not be shown in full",
}
QUESTION_DELETED = "closed: the message that asked for it was deleted"
NOT_RUN = {
    (Decision.APPROVED, CallOutcome.STOPPED): "approved by <@{who}>, but the turn was stopped before it ran",
    (Decision.EDITED, CallOutcome.STOPPED): "changed by <@{who}>, and the turn was stopped before it ran",
    (Decision.EDITED, CallOutcome.REFUSED): "changed by <@{who}>; as changed it was not allowed, so it was not run",
    (Decision.EDITED, CallOutcome.INVALID): "changed by <@{who}>; as changed it would have failed, so it was not run",
}
"""How requests ended whose call did not run although they were approved or edited."""
ACK_SECONDS = 2.5
"""The time limit for everything before the acknowledgement, for which Slack waits 3 seconds."""
UNVERIFIED = "I couldn't confirm with Slack who you are. Nothing was changed; press the button again in a moment."
VOTER_UNVERIFIED = (
    "I couldn't confirm with Slack who you are, or who approved this before. Nothing was changed; "
    "press the button again in a moment."
)
STRANGER = "People of other organizations and deactivated people cannot decide. Nothing was changed."
UNDO_OVER = "This can no longer be undone: it was undone already, or the time for it is over. Nothing was changed."
REVOKE_OVER = "This permission has already ended: it was revoked or has expired. Nothing was changed."
ALLOWED_ALREADY = "This is already allowed, or the offer has expired. Nothing was changed."
NOTHING = "This button belongs to no open request, so nothing was done. It may be from an older message."


Problems = Callable[[Tool, JsonObject], Mapping[tuple[str | int, ...], str]]
"""Returns what is wrong with arguments, by the path of the value: names, and list indexes from 0."""


Prepare = Callable[[Approval, Click], Awaitable[Click | None]]
"""Completes a click on a request with what was entered in a window. Returns None if there is nothing to settle."""


class DecisionStore(Inbox, Questions, Grants, Turns, Ledgers, Posts, Costs, Protocol):
    """Reads and writes questions, grants, undos and ledgers, and reads costs."""


async def nobody_else(place: ThreadRef) -> Privacy:
    """Return that what was done is for who has asked alone."""
    return Privacy.PRIVATE


@dataclass(frozen=True, slots=True)
class ApprovalHandler:
    """What the listeners for buttons, windows, commands and the Home share."""

    store: DecisionStore
    toolset: Toolset
    authorizer: Authorizer
    rules: ApprovalRules
    client: AsyncWebClient
    wake: Callable[[int], None]
    """Schedules a thread and the update of its posts, in the background."""
    undo: Callable[[int], None]
    """Runs the undos that were requested in a thread, in the background."""
    background: Callable[[Coroutine[Any, Any, object]], None]
    """Runs work that need not be finished before the acknowledgement."""
    denies: Callable[[int, Tool, JsonObject], Awaitable[bool]]
    """Returns whether the policy denies a call with these arguments in a thread."""
    problems: Problems
    url: str = ""
    """The address of the workspace, for links to messages."""
    privacy: Callable[[ThreadRef], Awaitable[Privacy]] = nobody_else
    """Returns how much of arguments and results may be shown somewhere."""
    costs: CostView = field(default_factory=CostView)
    """What is shown of the costs."""
    connections: Connections | None = None
    """The sign-ins of people to servers; None if no server needs any."""
    prompts: PromptDesk | None = None
    """The prompts of tool servers; None if they cannot be used."""
    windows: WindowUpdates = field(default_factory=WindowUpdates)
    """Updates windows in the order of the clicks in them."""

    async def open_request(self, opened: Opened, body: JsonObject, *, prefix: bool = False) -> Approval | None:
        """Return the request that a button or window is about; None if it does not match the card."""
        approval = await self.store.find_question(opened.approval)
        if not isinstance(approval, Approval) or not approval.shown_to(user_of(body), opened.channel):
            return None
        same = approval.digest.startswith(opened.digest) if prefix else approval.digest == opened.digest
        return approval if same and len(opened.digest) >= 32 and user_of(body) else None

    async def click(
        self,
        asked: AuthorizationCheck,
        approval: Approval,
        opened: Opened,
        body: JsonObject,
        answer: str,
        *,
        kind: str = "",
        reason: str = "",
    ) -> Click:
        """Return what this person did, and whether they may.

        For an approval, the people who approved before are checked again, because it counts together with theirs.
        """
        user, approving = user_of(body), answer in (Decision.APPROVED, Decision.RUN_AGAIN, SUGGESTION)
        before = [voter for voter in approval.votes if voter != user] if approving else []
        entitled, *others = await asyncio.gather(
            *(asked.entitled(who, approval, approving=approving) for who in (user, *before))
        )
        return Click(
            question=approval.id,
            digest=approval.digest,
            answer=answer,
            user=user,
            team=team_of(asked, body, approval.team),
            channel=opened.channel,
            message_ts=opened.message_ts,
            entitled=None if entitled and None in others else entitled,
            needed=self.authorizer.rules_for(approval).needed,
            lapsed=frozenset(voter for voter, may in zip(before, others, strict=True) if may is False),
            kind=kind or approval.kind,
            reason=reason,
        )

    async def settle(
        self,
        asked: AuthorizationCheck,
        requests: Sequence[Opened],
        body: JsonObject,
        answer: str,
        *,
        button: str,
        kind: str = "",
        prefix: bool = False,
        reason: str = "",
        prepare: Prepare | None = None,
    ) -> str:
        """Settle a click on these requests in one transaction. Return the message to the person; empty if the card
        shows the result.

        Args:
            asked: the lookups of this click.
            requests: the requests that the button or window is about.
            body: the payload.
            answer: the answer that was given.
            button: the name of the button, for the log.
            kind: the kind of question that is answered, if it is not the request's own.
            prefix: whether the digests of the requests are shortened.
            reason: what the person wrote with the answer.
            prepare: completes the click on the first request, or returns None if there is nothing to settle.
        """
        found: list[tuple[Approval, Opened]] = []
        for opened in requests:
            approval = await self.open_request(opened, body, prefix=prefix)
            # Those of a list that are already decided or undone stay as they are.
            if approval is not None and (len(requests) == 1 or _is_open(approval, kind)):
                found.append((approval, opened))
        if not found:
            return UNDO_OVER if kind == UNDO and len(requests) > 1 else NOTHING
        clicks = await asyncio.gather(
            *(self.click(asked, approval, opened, body, answer, kind=kind, reason=reason) for approval, opened in found)
        )
        if prepare is not None:
            prepared = await prepare(found[0][0], clicks[0])
            if prepared is None:
                return ""
            clicks = [prepared]
        settlements = await self.store.answer(clicks)
        log_events.clicked(user_of(body), button, settlements)
        return together([self._followed(asked, settlement, user_of(body), kind) for settlement in settlements])

    def _followed(self, asked: AuthorizationCheck, settlement: Settlement, user: str, kind: str) -> str:
        """Wake what a settled click concerns. Return the message to the person."""
        if settlement.verdict is Verdict.SETTLED and kind == UNDO:
            self.undo(settlement.thread_id)
        if settlement.thread_id:
            self.wake(settlement.thread_id)
        if settlement.verdict is Verdict.ALREADY and kind == UNDO:
            return UNDO_OVER
        if kind == REVOKE:
            return _not_revoked(settlement)
        if settlement.verdict is Verdict.ALREADY and kind == SUGGESTION:
            return ALLOWED_ALREADY
        return self.said(asked, settlement, user)

    def said(self, asked: AuthorizationCheck, settlement: Settlement, user: str) -> str:
        """Return the message to the person about a verdict; empty if the card shows the result."""
        approval = settlement.question if isinstance(settlement.question, Approval) else None
        match settlement.verdict:
            case Verdict.SETTLED | Verdict.COUNTED:
                return ""
            case Verdict.UNVERIFIED:
                voted = approval is not None and set(approval.votes) - {user}
                return asked.unknown(VOTER_UNVERIFIED if voted else UNVERIFIED)
            case Verdict.NOT_YOURS if approval is not None:
                return self.not_yours(asked, approval, user)
            case Verdict.ALREADY if approval is not None:
                return already(approval, user, self.authorizer.rules_for(approval))
            case _:
                return NOTHING

    def not_yours(self, asked: AuthorizationCheck, approval: Approval, user: str) -> str:
        """Return the message to a person who may not decide, which says who may."""
        return STRANGER if asked.stranger(user) else only(approval, self.authorizer.rules_for(approval))


def _not_revoked(settlement: Settlement) -> str:
    """Return why a grant was not revoked; empty if it was."""
    question = settlement.question
    grant = question.grant if isinstance(question, Approval) else None
    match settlement.verdict:
        case Verdict.SETTLED:
            return ""
        case Verdict.ALREADY:
            return REVOKE_OVER
        case Verdict.NOT_YOURS if grant is not None:
            return f"Only {elements.mention(grant.user)}, who allowed this, can revoke it. Nothing was changed."
        case _:
            return NOTHING


def _is_open(approval: Approval, kind: str) -> bool:
    if kind == UNDO:
        return approval.undo is not None and approval.undo.state is UndoState.OFFERED
    return approval.decision is Decision.AWAITING


def user_of(body: JsonObject) -> str:
    """Return the id of the person who acted."""
    return reference(mapping(body.get("user")).get("id"))


def origin_of(body: JsonObject, *, org_wide: bool) -> frozenset[str]:
    """Return the ids of the workspaces in which a payload says that a person acted, and to which it says they belong.

    `team` is null for an app that is installed in an organisation. A window also names the workspace in which the app
    is installed (slack_bolt, extract_team_id), and its own, which may be any workspace of the organisation.
    """
    view = mapping(body.get("view"))
    named = [mapping(body.get("team")).get("id"), mapping(body.get("user")).get("team_id")]
    if named != [None, None]:
        named += [view.get("app_installed_team_id"), None if org_wide else view.get("team_id")]
    return frozenset(filter(None, map(reference, named)))


def team_of(asked: AuthorizationCheck, body: JsonObject, team: str) -> str:
    """Return the team that a click on a question counts for: the question's own, or none if the person cannot have
    acted where the payload says.

    Only for people who were looked up in this check. If Slack did not say who they are, it is the question's team,
    since they are not entitled to anything then.
    """
    here = asked.acted_here(user_of(body), origin_of(body, org_wide=asked.org_wide))
    return "" if here is False else team


def pressed_on(body: JsonObject, request: tuple[str, str]) -> Opened:
    """Return what a button is about, and where its message is. Raises ValueError for a button in a window that is not
    ours."""
    if body.get("view"):
        return replace(unseal(mapping(body["view"]))[0], approval=request[0], digest=request[1])
    message, container = mapping(body.get("message")), mapping(body.get("container"))
    return Opened(
        approval=request[0],
        digest=request[1],
        channel=reference(mapping(body.get("channel")).get("id")),
        message_ts=reference(message.get("ts")),
        thread_ts=reference(container.get("thread_ts") or message.get("thread_ts")),
    )


def already(approval: Approval, user: str, rules: Approvers) -> str:
    """Return the message to a person who is too late: how the request ended, or that they have approved it already."""
    if approval.decision is Decision.AWAITING and user in approval.votes:
        needed = max(approval.needed, rules.needed)
        return f"You have approved this already; {needed} different people have to. Nothing was changed."
    outcome = approval.call.outcome
    ended = NOT_RUN.get((approval.decision, outcome)) if outcome else None
    if approval.decision is Decision.WITHDRAWN and approval.reason:
        ended = "closed without a decision"
    how = (ended or CLOSED.get(approval.decision, "closed")).format(who=approval.decided_by)
    if approval.decision is Decision.STOPPED and not approval.decided_by:
        how = QUESTION_DELETED
    return f"This request was already {how}. Nothing was changed."


def only(approval: Approval, rules: Approvers) -> str:
    """Return who may decide a request now. The card shows the rules at the time it was posted, so it may differ."""
    who = elements.mentions(rules.people, approval.requester, last=" or ")
    # The number of approvals that the card asked for still applies.
    needed = max(approval.needed, rules.needed)
    many = f" {needed} different people have to approve." if needed > 1 else ""
    if rules.people == (REQUESTER,) and not rules.no_self:
        return f"Only {who}, whose message started this, can decide.{many} Nothing was changed."
    more = ", and not who asked for it or changed it" if rules.no_self else ""
    return f"Only {who} can decide{more}.{many} Nothing was changed."


def together(words: Sequence[str]) -> str:
    """Join what there is to say about several requests, without repetition."""
    return "\n".join(dict.fromkeys(filter(None, words)))
