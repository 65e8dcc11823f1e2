"""The kinds of questions there are. Another one is a module with its rules, and its name in this table."""

from __future__ import annotations

from bot.core.questions.approval import MayItRun
from bot.core.questions.did_it_run import DidItRun
from bot.core.questions.follow_up import DoInstead
from bot.core.questions.kind import QuestionKind
from bot.core.questions.missed import AnswerMissed
from bot.core.questions.retry import Retry
from bot.core.questions.undo import UndoOffer

KINDS: dict[str, QuestionKind] = {}


def register(kind: QuestionKind) -> None:
    """Have questions of this kind asked and answered from now on."""
    KINDS[kind.name] = kind


for _kind in (MayItRun(), DidItRun(), Retry(), UndoOffer(), AnswerMissed(), DoInstead()):
    register(_kind)
