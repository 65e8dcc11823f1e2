"""The registry of the kinds of questions. A new kind is a module with its rules, and an entry here."""

from __future__ import annotations

from bot.core.questions.approval import MayItRun
from bot.core.questions.ask_person import AskPerson
from bot.core.questions.budget import MoreBudget
from bot.core.questions.did_it_run import DidItRun
from bot.core.questions.elicitation import Elicitation
from bot.core.questions.follow_up import DoInstead
from bot.core.questions.granted import GrantedCallRecord, RevokeOffer
from bot.core.questions.kind import QuestionKind
from bot.core.questions.missed import AnswerMissed
from bot.core.questions.retry import Retry, RetryTurn
from bot.core.questions.sign_in import SignIn
from bot.core.questions.suggestion import GrantSuggestion
from bot.core.questions.undo import UndoOffer

KINDS: dict[str, QuestionKind] = {}


def register(kind: QuestionKind) -> None:
    """Make a kind of question available."""
    KINDS[kind.name] = kind


for _kind in (
    *(MayItRun(), DidItRun(), Retry(), RetryTurn(), UndoOffer(), AnswerMissed(), DoInstead()),
    *(GrantedCallRecord(), RevokeOffer(), GrantSuggestion(), MoreBudget(), SignIn()),
    *(AskPerson(), Elicitation()),
):
    register(_kind)
