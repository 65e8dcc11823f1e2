"""Makes the records of calls that run under a standing grant: what was done, with its diff. People can undo the call or
revoke the grant there."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass

from bot.agent import step_titles
from bot.core import tool_words
from bot.core.calls import Call
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Tier
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.questions import granted
from bot.core.questions.granted import GrantedCall
from bot.core.questions.question import Approval, Decision
from bot.core.thread import ThreadState
from bot.core.tools import Tool


@dataclass(frozen=True, slots=True)
class GrantedRecords:
    """Makes the records of calls that run under a grant."""

    toolset: Toolset
    gateway: ChatGateway
    approvals: ApprovalRules

    async def begin(self, state: ThreadState, call: Call, tool: Tool) -> Approval:
        """Return the record of a call that is about to run under a grant, with what it will change as things are now.
        It is kept only if the call runs."""
        grant, user = granted.grant_of(call)
        arguments = json.loads(call.arguments)
        found = await self.toolset.guard(tool.server).preview(tool, arguments)
        preview = tool_words.described(tool, arguments, found)
        privacy = await self.gateway.privacy(state.place)
        title = step_titles.title(self.toolset, call, privacy)
        subject, counts = (preview.subject, preview.counts) if preview and privacy is Privacy.FULL else ("", "")
        kept = GrantedCall(grant, title, subject, counts, await self.gateway.name(user))
        approvers = self.approvals.of(Tier(call.tier) if call.tier else Tier.DESTRUCTIVE)
        now = time.time()
        return Approval(
            id=secrets.token_urlsafe(18),
            kind=granted.GRANTED,
            digest=secrets.token_hex(32),
            body=kept.dumps(),
            requester=state.turn.requester if state.turn else "",
            call=call,
            thread_id=state.id,
            channel=state.place.channel,
            people=approvers.people,
            privacy=privacy,
            preview=preview,
            decision=Decision.APPROVED,
            decided_by=user,
            decided_at=now,
            expires_at=now,
        )
