"""The question whether a call that was cut off has run, which only a person can say. Pure."""

from __future__ import annotations

from typing import ClassVar

from bot.core.calls import CallOutcome, CallState
from bot.core.questions.call_question import CallQuestion
from bot.core.questions.question import CallKind, Decision


class DidItRun(CallQuestion):
    """Asks whether a call that was cut off has run. Unless a person says so, it may have run."""

    name = CallKind.DID_IT_RUN
    answers = frozenset({Decision.IT_RAN, Decision.RUN_AGAIN, Decision.SKIPPED})
    agreeing = Decision.RUN_AGAIN
    continues: ClassVar = {Decision.RUN_AGAIN: CallState.READY}
    ends: ClassVar = {
        Decision.IT_RAN: CallOutcome.ASSUMED,
        Decision.SKIPPED: CallOutcome.SKIPPED,
        Decision.EXPIRED: CallOutcome.UNRESOLVED,
        Decision.STOPPED: CallOutcome.UNRESOLVED,
        Decision.WITHDRAWN: CallOutcome.UNRESOLVED,
    }
