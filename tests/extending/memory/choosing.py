"""Messages that choose the model of their thread, and what a thread was asked, in memory."""

from __future__ import annotations

from dataclasses import replace

from bot.core.inbox import CHOSEN_WITH, AuthorKind, Incoming
from bot.core.model_options import AskedModel, ChoiceMessage, ThreadModel
from tests.extending.memory import asking, stopping
from tests.extending.memory.tables import Tables


def is_new(tables: Tables, thread: int, incoming: Incoming) -> bool:
    """Whether a message is to the bot, and was not delivered before."""
    if incoming.earlier or incoming.author is not AuthorKind.PERSON:
        return False
    same = [each for each in tables.inbox.values() if each.event == incoming.event_id]
    same += [each for each in tables.inbox.values() if each.thread == thread and each.unread.ts == incoming.ts]
    follows = bool(thread) and incoming.user in tables.threads[thread].people and not incoming.to_others
    return not same and (incoming.addressed or follows)


def choose(tables: Tables, thread: int, incoming: Incoming, choice: ChoiceMessage) -> int:
    """Record the message and what it chooses. Out: its thread; 0 if that is gone."""
    thread = stopping.record(tables, incoming, CHOSEN_WITH)
    if not thread:
        return 0
    row = tables.threads[thread]
    row = tables.threads[thread] = replace(row, people=row.people | {incoming.user})
    if choice.model is not None or choice.effort is not None:
        if row.chosen_at >= incoming.ts:
            return thread
        kept = row.model.choice
        model = kept.model if choice.model is None else choice.model
        chosen = replace(kept, model=model, effort=kept.effort if choice.effort is None else choice.effort)
        tables.threads[thread] = replace(row, model=replace(row.model, choice=chosen), chosen_at=incoming.ts)
        facts = {"model": chosen.model, "effort": chosen.effort}
        tables.record(thread, "model", incoming.user, facts=facts)
    asking.owe(tables, thread, [choice.reply])
    return thread


def asked(tables: Tables, thread: int, turn: int, model: AskedModel) -> None:
    """Record the model of a request, and what has answered in its place."""
    row = tables.threads[thread]
    tables.threads[thread] = replace(row, model=ThreadModel(row.model.choice, model.model, model.since))
    if model.fallback:
        written = tables.turns[turn]
        tables.turns[turn] = replace(written, turn=replace(written.turn, fallback=model.fallback))
