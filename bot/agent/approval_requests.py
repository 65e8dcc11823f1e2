"""Asks people about calls: what they see, what it is based on, and whether that is still true when the call runs."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.agent import audience_check, step_order, turn_parts
from bot.agent.audience_check import audience_of
from bot.core import tool_words
from bot.core.calls import INSTEAD, WOULD_FAIL, Call, CallOutcome, CallState
from bot.core.json_text import sha256
from bot.core.limits import Limits
from bot.core.policy.approvers import REQUESTER, ApprovalRules, Approvers, is_user
from bot.core.policy.rules import Tier
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.questions import scope, suggestion
from bot.core.questions.question import Approval, CallKind, Card
from bot.core.questions.unanswerable import APP, GONE, OUTSIDER
from bot.core.thread import ThreadState
from bot.core.tools import Preview, Tool
from bot.pace import Pace, offload

FILES = "What this would change has changed since the request was shown"
TOOL = "The tool's definition has changed since the request was shown"
AGAIN = (
    "This was approved before, but not run, because what it was based on has changed. What you see is how it is now."
)

MAX_REASON_CHARS = 2_000
"""Characters. It names a path, whose length is the model's choice."""


MAX_COMPARED = 10
"""Calls of the step that was denied with which a new one is compared."""


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A call that people will be asked about."""

    call: Call
    kind: CallKind
    note: str = ""
    """Why people are asked again; empty the first time."""


@dataclass(frozen=True, slots=True)
class ApprovalRequester:
    """Builds the cards, and checks before a call runs that what its card showed is still true."""

    toolset: Toolset
    gateway: ChatGateway
    limits: Limits
    approvals: ApprovalRules

    async def cards(
        self, state: ThreadState, wanted: Sequence[PendingApproval], step: Sequence[Call] | None = None
    ) -> Sequence[Card]:
        """Return the cards for these calls, at the end of the turn's message. `step`: all calls of their step, if they
        are not recorded yet.

        People are not asked about a call that would fail as things are now, or as they will be once the earlier calls
        of its step have run: it ends here, and the model reads why.
        """
        calls = step or state.step
        previews = await asyncio.gather(*(self._preview(state, pending.call, calls) for pending in wanted))
        kept = await asyncio.gather(*(self._kept(pending) for pending in wanted))
        approvals: list[Approval] = []
        ask: dict[str, Sequence[str]] = {}
        pace = Pace()
        privacy = await self.gateway.privacy(state.place)
        for pending, preview, body in zip(wanted, previews, kept, strict=True):
            call = pending.call
            nobody = await self._nobody_can(state, call)
            if nobody:
                _end(pending, nobody)
                continue
            if preview and preview.broken and pending.kind == CallKind.MAY_IT_RUN:
                call.state, call.outcome = CallState.FINISHED, CallOutcome.INVALID
                why = await self.why_blocked(calls, call) or preview.broken
                call.result = f"{WOULD_FAIL}{why[:MAX_REASON_CHARS]}"
                continue
            approval = replace(self._approval(state, pending, preview, privacy), body=body)
            found = await audience_of(self.gateway, state.place, approval, asks=True)
            if found.nobody:
                _end(pending, GONE)
                continue
            approvals.append(approval)
            ask[approval.id] = found.ask
            await pace.checkpoint()
        if not approvals:
            return ()
        cards = await offload(sum(each.size for each in approvals), self.gateway.cards, approvals)
        beside = any(_is_yet_to_be_shown(call) for call in calls)
        placed = [turn_parts.asks(state, card, final=not beside) for card in cards]
        return [audience_check.with_copies(self.gateway, state.place, card, ask) for card in placed]

    async def _nobody_can(self, state: ThreadState, call: Call) -> str:
        """Return why nobody could decide, for the model; empty if somebody can: the only person who could is from
        another organization or deactivated, or an app has asked and too few people are named."""
        requester = state.turn.requester if state.turn else ""
        rules = self._rules(state, call)
        if not is_user(requester):
            return APP if rules.problems() else ""
        return OUTSIDER if rules.people == (REQUESTER,) and await self.gateway.outsider(requester) else ""

    def _rules(self, state: ThreadState, call: Call) -> Approvers:
        """Return who decides about a call of the open turn. An app that has asked is nobody who could."""
        rules = self.approvals.of(Tier(call.tier) if call.tier else Tier.DESTRUCTIVE)
        return rules if state.turn is None or is_user(state.turn.requester) else rules.without_requester()

    def _approval(
        self, state: ThreadState, pending: PendingApproval, preview: Preview | None, privacy: str
    ) -> Approval:
        call = pending.call
        approvers = self._rules(state, call)
        once = pending.kind == CallKind.DID_IT_RUN
        return Approval(
            id=secrets.token_urlsafe(18),
            kind=pending.kind,
            digest=digest(call, preview.basis if preview else ""),
            requester=state.turn.requester if state.turn else "",
            call=call,
            thread_id=state.id,
            channel=state.place.channel,
            people=approvers.people,
            needed=approvers.needed,
            no_self=approvers.no_self,
            grants=approvers.grants and not once and not call.original,
            privacy=privacy,
            preview=preview,
            note=pending.note,
            expires_at=time.time() + self.limits.approval_hours * 3600,
        )

    async def why_blocked(self, step: Sequence[Call], call: Call) -> str:
        """Return why a call cannot run, if that is because an earlier call of its step was not done; else an empty
        text."""
        tool = self.toolset.find(call.tool)
        return "" if tool is None else await step_order.why_blocked(self.toolset, step, call, tool)

    async def _preview(self, state: ThreadState, call: Call, step: Sequence[Call]) -> Preview | None:
        tool = self.toolset.find(call.tool)
        if tool is None:
            return None
        arguments = json.loads(call.arguments)
        earlier = step_order.unfinished(step, call)
        preview = await step_order.predicted(self.toolset, earlier, call, tool) if earlier else None
        preview = preview or await self.toolset.guard(tool.server).preview(tool, arguments)
        described = tool_words.described(tool, arguments, preview)
        return replace(described, against=await self._against(state, call, tool)) if described else described

    async def _kept(self, pending: PendingApproval) -> str:
        """Return what a request keeps so that a grant can be suggested later."""
        tool = self.toolset.find(pending.call.tool)
        if tool is None or pending.kind != CallKind.MAY_IT_RUN:
            return ""
        arguments = json.loads(pending.call.arguments)
        known = await self.toolset.guard(tool.server).offers(tool, arguments)
        action = scope.action(known, tool_words.tool_title(tool.title, tool.remote_name))
        longest = self.approvals.grant_days * 86_400
        return suggestion.covering_grants(known, scope.offered(known, arguments), action, longest).dumps()

    async def _against(self, state: ThreadState, call: Call, tool: Tool) -> str:
        """Return how a call differs from the one that was denied for it, if that was about the same thing."""
        denied = [
            each
            for each in reversed(state.calls)
            if each.seq < call.seq
            and each.server == call.server
            and each.outcome is CallOutcome.DENIED
            and each.result.startswith(INSTEAD)
        ]
        guard = self.toolset.guard(tool.server)
        for each in [each for each in denied if each.seq == denied[0].seq][:MAX_COMPARED]:
            earlier = self.toolset.find(each.tool)
            if earlier is not None:
                before = (earlier, json.loads(each.arguments))
                if found := await guard.compared(before, (tool, json.loads(call.arguments))):
                    return found
        return ""

    async def drift(self, call: Call, tool: Tool) -> str:
        """Return what has changed since the card of an approved call was shown; empty if nothing has."""
        if not call.approval:
            return ""
        if tool.digest != call.tool_digest:
            return TOOL
        basis = await self.toolset.guard(tool.server).basis(tool, json.loads(call.arguments))
        return "" if digest(call, basis) == call.approved_digest else FILES


def _is_yet_to_be_shown(call: Call) -> bool:
    """Whether the step of a call, or what came of it, is still to be added to the message of its turn."""
    ended = call.state is CallState.FINISHED and not call.summarised and not call.approval
    return ended or call.state in (CallState.READY, CallState.STARTED)


def _end(pending: PendingApproval, why: str) -> None:
    """End a call that nobody can decide about."""
    call = pending.call
    call.state = CallState.FINISHED
    call.outcome = CallOutcome.REFUSED if pending.kind == CallKind.MAY_IT_RUN else CallOutcome.UNRESOLVED
    call.result = why


def digest(call: Call, basis: str) -> str:
    """Return the digest that binds an approval to server, tool, definition, full arguments and the present state."""
    parts = (call.server, call.remote_name, call.tool_digest, call.arguments)
    return sha256(*parts, basis) if basis else sha256(*parts)
