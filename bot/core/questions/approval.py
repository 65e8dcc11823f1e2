"""The question whether a call may run, answered with changed arguments, a reason, or a standing grant. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from bot.core.calls import CallOutcome, CallState
from bot.core.questions import granted
from bot.core.questions.call_question import CallQuestion
from bot.core.questions.click import Click, Verdict
from bot.core.questions.grant import Grant
from bot.core.questions.kind import UNKNOWN
from bot.core.questions.question import Approval, CallKind, Decision, Question
from bot.core.questions.transition import Transition


class MayItRun(CallQuestion):
    """Asks whether a call may run."""

    name = CallKind.MAY_IT_RUN
    answers = frozenset({Decision.APPROVED, Decision.DENIED, Decision.EDITED})
    agreeing = Decision.APPROVED
    continues: ClassVar = {Decision.APPROVED: CallState.READY, Decision.EDITED: CallState.AWAITING}
    ends: ClassVar = {
        Decision.DENIED: CallOutcome.DENIED,
        Decision.EXPIRED: CallOutcome.EXPIRED,
        Decision.STOPPED: CallOutcome.STOPPED,
        Decision.WITHDRAWN: CallOutcome.UNSHOWN,
    }

    def allows(self, question: Question, click: Click) -> bool:
        changes = (click.answer == Decision.EDITED) == bool(click.arguments)
        return super().allows(question, click) and changes

    def answered(self, question: Question, click: Click) -> Transition:
        if not isinstance(question, Approval):
            return UNKNOWN
        if click.grant is not None:
            return self._granted(question, click, click.grant)
        if click.answer == Decision.EDITED:
            return self._edited(question, click)
        return super().answered(question, click)

    def _edited(self, approval: Approval, click: Click) -> Transition:
        """Close the question as edited: the call waits, with its new arguments, for another question."""
        closed = self.closed(approval, Decision.EDITED, by=click.user)
        editors = tuple(dict.fromkeys([*approval.call.editors, click.user]))
        step = replace(closed.call, arguments=click.arguments, editors=editors) if closed.call else None
        records = tuple(replace(record, arguments=click.arguments) for record in closed.records)
        return replace(closed, call=step, records=records)

    def _granted(self, approval: Approval, click: Click, grant: Grant) -> Transition:
        """Approve the call and keep the grant. Where several approvals are needed, no grant can be given."""
        here = grant.thread_id in (0, approval.thread_id)
        if not here or not approval.grants or click.answer != Decision.APPROVED:
            return UNKNOWN
        approved = super().answered(approval, click)
        if approved.verdict is not Verdict.SETTLED:
            return approved
        return replace(approved, grant=granted.given(approval, grant, click.user))
